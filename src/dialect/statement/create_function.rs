//! `CREATE FUNCTION`, read word by word: the parser does not take all its forms.

use sqlparser::tokenizer::Token;

use super::create_table::nameable;
use crate::dialect::expression::{Expression, declared_type, named_type};
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, parse};
use crate::schema::{Argument, ArgumentMode, DataType, Language, Returns, Routine, RoutineType, Volatility};
use crate::sql::physical_name;

/// Postgres' limit of a function's parameters.
const MOST_ARGUMENTS: usize = 100;

/// The types that Postgres has for functions that are no functions of SQL.
const INTERNAL_TYPES: &[&str] = &["event_trigger", "internal", "language_handler", "cstring"];

/// What follows the signature, in any order.
#[derive(Default)]
struct Clauses {
    returns: Option<Returns>,
    language: Option<String>,
    body: Option<String>,
    volatility: Option<Volatility>,
    strict: bool,
    security_definer: bool,
    rows: Option<u64>,
    search_path: Option<Vec<String>>,
}

impl Translator {
    pub(in crate::dialect) fn create_function(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("CREATE")?;
        let or_replace = reader.takes("OR REPLACE");
        reader.wants("FUNCTION")?;
        let (schema, name) = reader.qualified_name()?;
        self.writable_schema(&schema)?;
        nameable("function", &name)?;
        let arguments = self.arguments(reader.parenthesised()?)?;
        let clauses = self.clauses(&mut reader)?;
        let returns = returned(&arguments, clauses.returns)?;
        let routine = Routine {
            executors: self.catalog.default_privileges.executors(&schema),
            schema,
            name,
            arguments,
            returns,
            language: language(clauses.language.as_deref())?,
            body: clauses.body.ok_or_else(|| DialectError::new("42P13", "no function body specified"))?,
            volatility: clauses.volatility.unwrap_or(Volatility::Volatile),
            strict: clauses.strict,
            security_definer: clauses.security_definer,
            rows: clauses.rows,
            search_path: clauses.search_path,
            face: None,
        };
        well_formed(&routine)?;
        self.add_routine(routine, or_replace)
    }

    fn add_routine(&mut self, mut routine: Routine, or_replace: bool) -> Result<(), DialectError> {
        let key = routine.key();
        if let Some(old) = self.catalog.routines.get(&key) {
            if !or_replace {
                let message =
                    format!("function \"{}\" already exists with same argument types", routine.name);
                return Err(DialectError::new("42723", message));
            }
            replaceable(old, &routine)?;
            self.body_may_change(old)?;
            routine.executors.clone_from(&old.executors);
        }
        self.catalog.insert_routine(routine.clone());
        if self.checks_bodies {
            return self.check_routine(&routine);
        }
        self.check_later(key);
        Ok(())
    }

    fn arguments(&self, list: Reader<'_>) -> Result<Vec<Argument>, DialectError> {
        let arguments: Vec<Argument> =
            list.list().into_iter().map(|part| self.argument(part)).collect::<Result<_, _>>()?;
        if arguments.len() > MOST_ARGUMENTS {
            let message = format!("functions cannot have more than {MOST_ARGUMENTS} arguments");
            return Err(DialectError::new("54023", message));
        }
        Ok(arguments)
    }

    /// `[mode] [name] type [DEFAULT expression]`, where the mode may also follow the name.
    fn argument(&self, mut part: Reader<'_>) -> Result<Argument, DialectError> {
        let starts_default = |token: &Token| match token {
            Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case("default"),
            token => matches!(token, Token::Eq | Token::Assignment),
        };
        let mut head = part.until(starts_default);
        let default = part.next().map(|_| part.text_left().to_string());
        let mut mode = argument_mode(&mut head);
        let (name, data_type) = match parse::data_type(head.tokens_left()) {
            Ok(_) => (None, head),
            Err(_) => {
                let name = head.name()?;
                mode = mode.or_else(|| argument_mode(&mut head));
                (Some(name), head)
            }
        };
        if let Some(default) = &default {
            Expression::parse(default)?;
        }
        let mode = mode.unwrap_or(ArgumentMode::In);
        let domain = self.domain_of(data_type);
        let (data_type, domain) = match (domain, mode) {
            (Some((data_type, domain)), ArgumentMode::In) => (RoutineType::Value(data_type), Some(domain)),
            _ => (self.routine_type(data_type)?, None),
        };
        Ok(Argument { name, mode, data_type, domain, default })
    }

    /// The type under a domain, and the domain.
    fn domain_of(&self, of: Reader<'_>) -> Option<(DataType, String)> {
        let parsed = parse::data_type(of.tokens_left()).ok()?;
        let (data_type, domain) = declared_type(&self.catalog, &parsed).ok()?;
        Some((without_length(data_type), domain?))
    }

    /// A type of values, a table's row type, or the type of a column, `todos.id%TYPE`.
    pub(super) fn routine_type(&self, of: Reader<'_>) -> Result<RoutineType, DialectError> {
        if let Some(data_type) = self.type_of_column(of)? {
            return Ok(RoutineType::Value(data_type));
        }
        let mut name = of;
        if let Ok((schema, name_of)) = name.qualified_name()
            && name.is_done()
        {
            if let Some(table) = self.catalog.relation(&schema, &name_of) {
                return Ok(RoutineType::Row(physical_name(&table.schema, &table.name)));
            }
            if self.catalog.composites.contains_key(&physical_name(&schema, &name_of)) {
                return Ok(RoutineType::Row(physical_name(&schema, &name_of)));
            }
            if INTERNAL_TYPES.contains(&name_of.as_str()) || name_of.starts_with("any") {
                return Err(DialectError::unsupported(format!("the type {name_of}")));
            }
        }
        let parsed = parse::data_type(of.tokens_left())?;
        named_type(&self.catalog, &parsed).map(|of| RoutineType::Value(without_length(of)))
    }

    fn type_of_column(&self, mut of: Reader<'_>) -> Result<Option<DataType>, DialectError> {
        let mut names = Vec::new();
        while let Ok(name) = of.name() {
            names.push(name);
            if !of.takes_token(&Token::Period) {
                break;
            }
        }
        if !of.takes_token(&Token::Mod) {
            return Ok(None);
        }
        of.wants("TYPE")?;
        let (schema, table, column) = match names.as_slice() {
            [table, column] => ("public", table, column),
            [schema, table, column] => (schema.as_str(), table, column),
            _ => return Err(of.syntax()),
        };
        let found = self
            .catalog
            .table(schema, table)
            .ok_or_else(|| DialectError::new("42P01", format!("relation \"{table}\" does not exist")))?;
        let found = found.column(column).ok_or_else(|| {
            let message = format!("column \"{column}\" of relation \"{table}\" does not exist");
            DialectError::new("42703", message)
        })?;
        Ok(Some(found.data_type.clone()))
    }

    fn clauses(&self, reader: &mut Reader<'_>) -> Result<Clauses, DialectError> {
        let mut clauses = Clauses::default();
        while !reader.is_done() {
            self.clause(reader, &mut clauses)?;
        }
        Ok(clauses)
    }

    fn clause(&self, reader: &mut Reader<'_>, clauses: &mut Clauses) -> Result<(), DialectError> {
        if reader.takes("RETURNS NULL ON NULL INPUT") || reader.takes("STRICT") {
            clauses.strict = true;
        } else if reader.takes("CALLED ON NULL INPUT") {
            clauses.strict = false;
        } else if reader.takes("RETURNS TABLE") {
            clauses.returns = Some(Returns::Columns { columns: self.columns(reader)?, is_set: true });
        } else if reader.takes("RETURNS") {
            clauses.returns = Some(self.returns(reader)?);
        } else if reader.takes("LANGUAGE") {
            let quoted = reader.string();
            clauses.language = Some(quoted.map_or_else(|| reader.name(), |name| Ok(name.to_lowercase()))?);
        } else if let Some((_, volatility)) = VOLATILITIES.iter().find(|(word, _)| reader.takes(word)) {
            clauses.volatility = Some(*volatility);
        } else if let Some((_, is_definer)) = SECURITIES.iter().find(|(words, _)| reader.takes(words)) {
            clauses.security_definer = *is_definer;
        } else if reader.takes("AS") {
            clauses.body = Some(reader.string().ok_or_else(|| reader.syntax())?);
            if reader.takes_token(&Token::Comma) {
                return Err(DialectError::unsupported("a function in an object file"));
            }
        } else if reader.takes("RETURN") {
            clauses.body = Some(format!("SELECT {}", reader.until(|_| false).text_left()));
        } else if reader.takes("BEGIN ATOMIC") {
            let body = reader.until(|_| false).text_left();
            let body = body.get(..body.len().saturating_sub(3)).unwrap_or_default();
            clauses.body = Some(body.to_string());
        } else if reader.takes("SET") {
            clauses.search_path = setting(reader)?.or(clauses.search_path.take());
        } else if reader.takes("ROWS") {
            clauses.rows = Some(number(reader)?);
        } else if reader.takes("COST") {
            number(reader)?;
        } else if reader.takes("NOT LEAKPROOF") || reader.takes("LEAKPROOF") {
            // A promise to Postgres' planner.
        } else if reader.takes("PARALLEL") {
            reader.name()?;
        } else {
            return Err(match reader.name() {
                Ok(word) if matches!(word.as_str(), "window" | "support" | "transform") => {
                    DialectError::unsupported(format!("{} of a function", word.to_uppercase()))
                }
                _ => reader.syntax(),
            });
        }
        Ok(())
    }

    /// `TABLE (name type, …)`.
    fn columns(&self, reader: &mut Reader<'_>) -> Result<Vec<(String, DataType)>, DialectError> {
        let column = |mut part: Reader<'_>| {
            let name = part.name()?;
            Ok((name, value_type(self.routine_type(part)?)?))
        };
        reader.parenthesised()?.list().into_iter().map(column).collect()
    }

    fn returns(&self, reader: &mut Reader<'_>) -> Result<Returns, DialectError> {
        let is_set = reader.takes("SETOF");
        let of = type_words(reader);
        // Dumps quote these names too.
        let mut word = of;
        let name = word.name().ok().filter(|_| word.is_done());
        match name.as_deref() {
            Some("void") if !is_set => return Ok(Returns::Void),
            Some("trigger") => return Ok(Returns::Trigger),
            Some("record") => return Ok(Returns::Columns { columns: Vec::new(), is_set }),
            _ => {}
        }
        let of = self.routine_type(of)?;
        Ok(if is_set { Returns::Set(of) } else { Returns::One(of) })
    }
}

#[rustfmt::skip]
const VOLATILITIES: &[(&str, Volatility)] = &[
    ("IMMUTABLE", Volatility::Immutable),
    ("STABLE",    Volatility::Stable),
    ("VOLATILE",  Volatility::Volatile),
];

#[rustfmt::skip]
const SECURITIES: &[(&str, bool)] = &[
    ("SECURITY DEFINER",          true),
    ("EXTERNAL SECURITY DEFINER", true),
    ("SECURITY INVOKER",          false),
    ("EXTERNAL SECURITY INVOKER", false),
];

/// The words that can follow a function's return type.
#[rustfmt::skip]
const CLAUSE_WORDS: &[&str] = &[
    "LANGUAGE", "AS", "IMMUTABLE", "STABLE", "VOLATILE", "STRICT", "CALLED", "RETURNS", "SECURITY", "EXTERNAL",
    "SET", "ROWS", "COST", "NOT", "LEAKPROOF", "PARALLEL", "RETURN", "BEGIN", "WINDOW", "SUPPORT", "TRANSFORM",
];

fn type_words<'a>(reader: &mut Reader<'a>) -> Reader<'a> {
    reader.until(|token| match token {
        Token::Word(word) => {
            word.quote_style.is_none() && CLAUSE_WORDS.contains(&word.value.to_uppercase().as_str())
        }
        _ => false,
    })
}

fn argument_mode(reader: &mut Reader<'_>) -> Option<ArgumentMode> {
    if reader.takes("INOUT") || reader.takes("IN OUT") {
        return Some(ArgumentMode::InOut);
    }
    let modes = [("IN", ArgumentMode::In), ("OUT", ArgumentMode::Out), ("VARIADIC", ArgumentMode::Variadic)];
    modes.into_iter().find(|(word, _)| reader.takes(word)).map(|(_, mode)| mode)
}

/// `SET name { TO | = } value, …`: the search path, when it is that.
pub(super) fn setting(reader: &mut Reader<'_>) -> Result<Option<Vec<String>>, DialectError> {
    let (schema, name) = reader.qualified_name()?;
    if schema != "public" {
        return Err(DialectError::unsupported(format!("SET {schema}.{name} in a function"))
            .with_hint("Give the value to the functions that ask for it as an argument."));
    }
    if reader.takes("FROM CURRENT") {
        return Ok(None);
    }
    if !reader.takes("TO") {
        reader.wants_token(&Token::Eq)?;
    }
    let mut values = Vec::new();
    loop {
        values.push(match reader.string() {
            Some(text) => text,
            None => match reader.peek() {
                Some(Token::Word(_)) => reader.name()?,
                _ => reader.next().map(ToString::to_string).unwrap_or_default(),
            },
        });
        if !reader.takes_token(&Token::Comma) {
            break;
        }
    }
    if name != "search_path" {
        return Ok(None);
    }
    // `''` is a path of no schema; the system's own schemas are looked into in any case.
    let values = values.into_iter().flat_map(|value| {
        value.split(',').map(|schema| schema.trim().trim_matches('"').to_string()).collect::<Vec<_>>()
    });
    let names_schema =
        |schema: &String| !matches!(schema.as_str(), "" | "pg_catalog" | "pg_temp" | "$user" | "extensions");
    Ok(Some(values.filter(names_schema).collect()))
}

fn number(reader: &mut Reader<'_>) -> Result<u64, DialectError> {
    let text = reader.next().map(ToString::to_string).unwrap_or_default();
    text.parse::<f64>().map(|number| number as u64).map_err(|_| reader.syntax())
}

/// Postgres takes no notice of lengths in a function's types.
fn without_length(data_type: DataType) -> DataType {
    match data_type {
        DataType::Numeric(_) => DataType::Numeric(None),
        DataType::Varchar(_) => DataType::Varchar(None),
        DataType::Array(element) => DataType::Array(Box::new(without_length(*element))),
        other => other,
    }
}

fn value_type(of: RoutineType) -> Result<DataType, DialectError> {
    match of {
        RoutineType::Value(data_type) => Ok(data_type),
        RoutineType::Row(table) => {
            Err(DialectError::unsupported(format!("a column of the row type {table}")))
        }
    }
}

fn language(name: Option<&str>) -> Result<Language, DialectError> {
    match name {
        None | Some("sql") => Ok(Language::Sql),
        Some("plpgsql") => Ok(Language::Plpgsql),
        Some(name) => Err(DialectError::unsupported(format!("LANGUAGE {name}"))
            .with_hint("Functions are written in SQL or PL/pgSQL.")),
    }
}

/// What comes out: as declared, or the parameters that come out.
fn returned(arguments: &[Argument], declared: Option<Returns>) -> Result<Returns, DialectError> {
    let comes_out = |argument: &&Argument| matches!(argument.mode, ArgumentMode::Out | ArgumentMode::InOut);
    let out: Vec<&Argument> = arguments.iter().filter(comes_out).collect();
    let is_set = declared.as_ref().is_some_and(Returns::is_set);
    let is_record = matches!(&declared, Some(Returns::Columns { columns, .. }) if columns.is_empty());
    match (out.as_slice(), declared) {
        ([], None) => Err(DialectError::new("42P13", "function result type must be specified")),
        ([], Some(_)) if is_record => {
            Err(DialectError::unsupported("RETURNS record without parameters that come out")
                .with_hint("Write RETURNS TABLE (…)."))
        }
        ([], Some(returns)) => Ok(returns),
        (_, Some(Returns::Columns { columns, .. })) if !columns.is_empty() => {
            Err(DialectError::new("42P13", "OUT and INOUT arguments aren't allowed in TABLE functions"))
        }
        ([one], declared) => match declared {
            Some(Returns::One(of) | Returns::Set(of)) if of != one.data_type => Err(DialectError::new(
                "42P13",
                format!(
                    "function result type must be {} because of OUT parameters",
                    one.data_type.display_name()
                ),
            )),
            _ if is_set => Ok(Returns::Set(one.data_type.clone())),
            _ => Ok(Returns::One(one.data_type.clone())),
        },
        (several, declared) => {
            if declared.is_some() && !is_record {
                return Err(DialectError::new(
                    "42P13",
                    "function result type must be record because of OUT parameters",
                ));
            }
            let column = |(index, argument): (usize, &&Argument)| {
                let name = argument.name.clone().unwrap_or_else(|| format!("column{}", index + 1));
                Ok((name, value_type(argument.data_type.clone())?))
            };
            let columns = several.iter().enumerate().map(column).collect::<Result<_, DialectError>>()?;
            Ok(Returns::Columns { columns, is_set })
        }
    }
}

fn well_formed(routine: &Routine) -> Result<(), DialectError> {
    let refused = |message: String| Err(DialectError::new("42P13", message));
    let columns = match &routine.returns {
        Returns::Columns { columns, .. }
            if !routine
                .arguments
                .iter()
                .any(|of| of.mode == ArgumentMode::Out || of.mode == ArgumentMode::InOut) =>
        {
            columns.as_slice()
        }
        _ => &[],
    };
    let mut seen: Vec<&String> = Vec::new();
    let names = routine.arguments.iter().filter_map(|argument| argument.name.as_ref());
    for name in names.chain(columns.iter().map(|(name, _)| name)) {
        if seen.contains(&name) {
            return refused(format!("parameter name \"{name}\" used more than once"));
        }
        seen.push(name);
    }
    let mut has_default = false;
    let mut inputs = routine.inputs().peekable();
    while let Some(argument) = inputs.next() {
        if argument.mode == ArgumentMode::Variadic {
            if inputs.peek().is_some() {
                return refused("VARIADIC parameter must be the last input parameter".to_string());
            }
            if !matches!(argument.data_type, RoutineType::Value(DataType::Array(_))) {
                return refused("VARIADIC parameter must be an array".to_string());
            }
        }
        if has_default && argument.default.is_none() && argument.mode != ArgumentMode::Variadic {
            return refused(
                "input parameters after one with a default value must also have defaults".to_string(),
            );
        }
        has_default |= argument.default.is_some();
    }
    if routine.returns == Returns::Trigger {
        if routine.language == Language::Sql {
            return refused("SQL functions cannot return type trigger".to_string());
        }
        if !routine.arguments.is_empty() {
            return Err(DialectError::new("42P13", "trigger functions cannot have declared arguments")
                .with_hint(
                    "The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV instead.",
                ));
        }
    }
    Ok(())
}

/// What `OR REPLACE` cannot change.
fn replaceable(old: &Routine, new: &Routine) -> Result<(), DialectError> {
    let hint = format!("Use DROP FUNCTION {} first.", old.display());
    if old.returns != new.returns {
        return Err(
            DialectError::new("42P13", "cannot change return type of existing function").with_hint(hint)
        );
    }
    for (before, after) in old.inputs().zip(new.inputs()) {
        if let Some(name) = before.name.as_ref().filter(|name| after.name.as_ref() != Some(name)) {
            let message = format!("cannot change name of input parameter \"{name}\"");
            return Err(DialectError::new("42P13", message).with_hint(hint));
        }
        if before.default.is_some() && after.default.is_none() {
            let message = "cannot remove parameter defaults from existing function";
            return Err(DialectError::new("42P13", message).with_hint(hint));
        }
    }
    Ok(())
}
