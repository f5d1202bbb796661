//! `DROP FUNCTION`, `ALTER FUNCTION`, `GRANT` and `REVOKE EXECUTE`.

use sqlparser::tokenizer::Token;

use super::create_function::setting;
use super::grant::known_role;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, parse};
use crate::schema::{Routine, Volatility};
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn drop_function(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("DROP")?;
        if !reader.takes("FUNCTION") {
            reader.wants("ROUTINE")?;
        }
        let if_exists = reader.takes("IF EXISTS");
        let mut keys = Vec::new();
        loop {
            match self.named_routine(&mut reader) {
                Ok(key) => keys.push(key),
                Err(error) if if_exists && matches!(error.code, "42883" | "3F000" | "42704") => {}
                Err(error) => return Err(error),
            }
            if !reader.takes_token(&Token::Comma) {
                break;
            }
        }
        let cascade = reader.takes("CASCADE");
        if !cascade {
            reader.takes("RESTRICT");
        }
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        keys.iter().try_for_each(|key| self.drop_routine(key, cascade))
    }

    /// Drops a function, and with `cascade` what uses it.
    pub(super) fn drop_routine(&mut self, key: &str, cascade: bool) -> Result<(), DialectError> {
        if let Some(routine) = self.catalog.routines.get(key).cloned() {
            self.drop_triggers_by(&routine, cascade)?;
        }
        self.drop_users_of_routine(key, cascade)?;
        self.catalog.routines.shift_remove(key);
        Ok(())
    }

    pub(in crate::dialect) fn alter_function(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER")?;
        if !reader.takes("FUNCTION") {
            reader.wants("ROUTINE")?;
        }
        let key = self.named_routine(&mut reader)?;
        let Some(old) = self.catalog.routines.get(&key).cloned() else { return Ok(()) };
        let mut routine = old.clone();
        if reader.takes("OWNER TO") {
            // Everything is the project's.
            known_role(&reader.name()?)?;
        } else if reader.takes("RENAME TO") {
            routine.name = reader.name()?;
        } else if reader.takes("SET SCHEMA") {
            routine.schema = reader.name()?;
            self.writable_schema(&routine.schema)?;
        } else {
            while !reader.is_done() {
                alter(&mut reader, &mut routine)?;
            }
        }
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        self.replace_routine(&old, routine)
    }

    fn replace_routine(&mut self, old: &Routine, routine: Routine) -> Result<(), DialectError> {
        let (before, after) = (old.key(), routine.key());
        if before == after {
            self.catalog.insert_routine(routine);
            return Ok(());
        }
        if self.catalog.routines.contains_key(&after) {
            let message =
                format!("function {} already exists in schema \"{}\"", routine.display(), routine.schema);
            return Err(DialectError::new("42723", message));
        }
        // Their expressions would go on naming it by its old name.
        self.drop_users_of_routine(&before, false).map_err(|error| {
            DialectError::unsupported(format!("the new name of {}: {}", old.display(), error.message))
        })?;
        self.catalog.routines.shift_remove(&before);
        self.catalog.insert_routine(routine);
        Ok(())
    }

    /// `GRANT … ON FUNCTION …` and `REVOKE …`: whether it was one.
    pub(in crate::dialect) fn grant_on_function(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<bool, DialectError> {
        let is_grant = reader.takes("GRANT");
        if !is_grant {
            reader.wants("REVOKE")?;
            if reader.takes("GRANT OPTION FOR") {
                return Ok(false);
            }
        }
        let of_everything = reader.takes("ALL PRIVILEGES") || reader.takes("ALL") || reader.takes("EXECUTE");
        if !of_everything || !reader.takes("ON") {
            return Ok(false);
        }
        let keys = if reader.takes("ALL FUNCTIONS IN SCHEMA") || reader.takes("ALL ROUTINES IN SCHEMA") {
            self.routines_of_schemas(&mut reader)?
        } else if reader.takes("FUNCTION") || reader.takes("ROUTINE") {
            self.named_routines(&mut reader)?
        } else {
            return Ok(false);
        };
        reader.wants(if is_grant { "TO" } else { "FROM" })?;
        let mut roles = Vec::new();
        loop {
            reader.takes("GROUP");
            roles.push(known_role(&reader.name()?)?);
            if !reader.takes_token(&Token::Comma) {
                break;
            }
        }
        for key in keys {
            if let Some(routine) = self.catalog.routines.get_mut(&key) {
                routine.executors.retain(|role| !roles.contains(role));
                if is_grant {
                    routine.executors.extend(roles.iter().cloned());
                }
            }
        }
        Ok(true)
    }

    fn routines_of_schemas(&self, reader: &mut Reader<'_>) -> Result<Vec<String>, DialectError> {
        let mut keys = Vec::new();
        loop {
            let schema = reader.name()?;
            let of_schema = self.catalog.routines.iter().filter(|(_, routine)| routine.schema == schema);
            keys.extend(of_schema.map(|(key, _)| key.clone()));
            if !reader.takes_token(&Token::Comma) {
                return Ok(keys);
            }
        }
    }

    fn named_routines(&self, reader: &mut Reader<'_>) -> Result<Vec<String>, DialectError> {
        let mut keys = Vec::new();
        loop {
            keys.push(self.named_routine(reader)?);
            if !reader.takes_token(&Token::Comma) {
                return Ok(keys);
            }
        }
    }

    /// `name` or `name(types)`: the key of the one function that is meant.
    pub(in crate::dialect) fn named_routine(&self, reader: &mut Reader<'_>) -> Result<String, DialectError> {
        let (schema, name) = reader.qualified_name()?;
        let full = physical_name(&schema, &name);
        let candidates: Vec<(String, &Routine)> =
            self.catalog.routines_named(&schema, &name).map(|routine| (routine.key(), routine)).collect();
        if reader.peek() != Some(&Token::LParen) {
            return match candidates.as_slice() {
                [(key, _)] => Ok(key.clone()),
                [] => Err(DialectError::new("42883", format!("could not find a function named \"{full}\""))),
                _ => Err(DialectError::new("42725", format!("function name \"{full}\" is not unique"))
                    .with_hint("Specify the argument list to select the function unambiguously.")),
            };
        }
        let mut types = Vec::new();
        for part in reader.parenthesised()?.list() {
            if let Some(of) = self.input_type(part)? {
                types.push(of);
            }
        }
        let matches = |routine: &&(String, &Routine)| {
            routine
                .1
                .inputs()
                .map(|argument| argument.data_type.short_name())
                .eq(types.iter().map(|(short, _)| short.clone()))
        };
        candidates.iter().find(matches).map(|(key, _)| key.clone()).ok_or_else(|| {
            let types: Vec<String> = types.into_iter().map(|(_, display)| display).collect();
            DialectError::new("42883", format!("function {full}({}) does not exist", types.join(", ")))
        })
    }

    /// The short and the displayed name of a parameter's type; `None` of one that only comes out.
    fn input_type(&self, mut part: Reader<'_>) -> Result<Option<(String, String)>, DialectError> {
        if part.takes("OUT") {
            return Ok(None);
        }
        let _ = part.takes("INOUT") || part.takes("IN") || part.takes("VARIADIC");
        let whole = part;
        let mut rest = part;
        // A name may stand before the type.
        if parse::data_type(whole.tokens_left()).is_err() && self.routine_type(whole).is_err() {
            rest.name()?;
        }
        let of = self.routine_type(rest)?;
        Ok(Some((of.short_name(), of.display_name())))
    }
}

fn alter(reader: &mut Reader<'_>, routine: &mut Routine) -> Result<(), DialectError> {
    if reader.takes("SET") {
        routine.search_path = setting(reader)?.or(routine.search_path.take());
    } else if reader.takes("RESET ALL") || reader.takes("RESET search_path") {
        routine.search_path = None;
    } else if reader.takes("SECURITY DEFINER") {
        routine.security_definer = true;
    } else if reader.takes("SECURITY INVOKER") {
        routine.security_definer = false;
    } else if reader.takes("STRICT") || reader.takes("RETURNS NULL ON NULL INPUT") {
        routine.strict = true;
    } else if reader.takes("CALLED ON NULL INPUT") {
        routine.strict = false;
    } else if reader.takes("IMMUTABLE") {
        routine.volatility = Volatility::Immutable;
    } else if reader.takes("STABLE") {
        routine.volatility = Volatility::Stable;
    } else if reader.takes("VOLATILE") {
        routine.volatility = Volatility::Volatile;
    } else if reader.takes("PARALLEL") {
        reader.name()?;
    } else if !(reader.takes("NOT LEAKPROOF") || reader.takes("LEAKPROOF") || reader.takes("RESTRICT")) {
        return Err(reader.syntax());
    }
    Ok(())
}
