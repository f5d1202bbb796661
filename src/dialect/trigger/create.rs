//! `CREATE TRIGGER`.

use sqlparser::tokenizer::Token;

use super::moddatetime::{check_moddatetime, moddatetime};
use super::native;
use crate::dialect::reader::Reader;
use crate::dialect::statement::create_table::nameable;
use crate::dialect::statement::partition::not_on_a_partition;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, plpgsql};
use crate::schema::{Command, Language, Level, Returns, Routine, Table, Timing, Trigger, is_builtin};
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn create_trigger(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("CREATE")?;
        let or_replace = reader.takes("OR REPLACE");
        reader.wants("TRIGGER")?;
        let name = reader.name()?;
        nameable("trigger", &name)?;
        let timing = timing(&mut reader)?;
        let (events, columns) = events(&mut reader)?;
        reader.wants("ON")?;
        let table = self.table_named(&mut reader)?;
        match (timing, self.catalog.inlined_view(&table.schema, &table.name).is_some()) {
            (Timing::InsteadOf, false) => {
                let message =
                    format!("\"{}\" is a table: tables cannot have INSTEAD OF triggers", table.name);
                return Err(DialectError::new("42809", message));
            }
            (Timing::Before | Timing::After, true) => {
                return Err(DialectError::unsupported("a trigger on a view that is not INSTEAD OF"));
            }
            _ => {}
        }
        for column in &columns {
            if table.column(column).is_none() {
                let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
                return Err(DialectError::new("42703", message));
            }
        }
        let (new_table, old_table) = transition_tables(&mut reader)?;
        let level = level(&mut reader)?;
        let when =
            if reader.takes("WHEN") { Some(reader.parenthesised()?.text_left().to_string()) } else { None };
        reader.wants("EXECUTE")?;
        if !reader.takes("FUNCTION") {
            reader.wants("PROCEDURE")?;
        }
        let (function_schema, function) = reader.qualified_name()?;
        let arguments = arguments(reader.parenthesised()?)?;
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        let routine = self.trigger_function(&function_schema, &function)?;
        let trigger = Trigger {
            schema: table.schema.clone(),
            table: table.name.clone(),
            name,
            timing,
            level,
            new_table,
            old_table,
            events,
            columns,
            when,
            function: routine.key(),
            arguments,
            enabled: true,
            natives: Vec::new(),
            writes: Vec::new(),
        };
        if self.catalog.triggers.contains_key(&trigger.key()) && !or_replace {
            let message =
                format!("trigger \"{}\" for relation \"{}\" already exists", trigger.name, table.name);
            return Err(DialectError::new("42710", message));
        }
        refuse_combination(&trigger, &table)?;
        for command in trigger.events.iter().filter(|_| trigger.timing == Timing::InsteadOf) {
            if let Some(other) =
                self.catalog.instead_of(&table, *command).filter(|of| of.name != trigger.name)
            {
                let what = format!("a second INSTEAD OF {} trigger, beside {},", command.word(), other.name);
                return Err(DialectError::unsupported(what).with_hint("Make one of them."));
            }
        }
        if routine.key() == moddatetime().key() {
            check_moddatetime(&trigger, &table)?;
        }
        self.check_when(&trigger, &table)?;
        self.catalog.triggers.insert(trigger.key(), trigger.clone());
        self.check_trigger(&trigger)
    }

    /// Compiles a trigger once, so that one which cannot be is refused at its line. What its function
    /// names may still come: then it fails when it runs, as in Postgres.
    pub(in crate::dialect) fn check_trigger(&self, trigger: &Trigger) -> Result<(), DialectError> {
        match native::compiled(&self.catalog, trigger, self.invoker) {
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => {
                let message = format!("trigger {}: {}", trigger.name, error.message);
                Err(DialectError { message, ..error })
            }
            Ok(_) => Ok(()),
        }
    }

    fn check_when(&self, trigger: &Trigger, table: &Table) -> Result<(), DialectError> {
        let Some(when) = &trigger.when else { return Ok(()) };
        plpgsql::condition(when)?;
        let names = |row: &str| when.to_ascii_lowercase().contains(row);
        if trigger.level == Level::Statement && (names("new.") || names("old.")) {
            let message = "statement trigger's WHEN condition cannot reference column values";
            return Err(DialectError::new("42P17", message));
        }
        let inserts = trigger.events.contains(&Command::Insert);
        let deletes = trigger.events.contains(&Command::Delete);
        let what = match (inserts && names("old."), deletes && names("new.")) {
            (true, _) => "INSERT trigger's WHEN condition cannot reference OLD values",
            (_, true) => "DELETE trigger's WHEN condition cannot reference NEW values",
            _ => return native::check_when(&self.catalog, trigger, table, self.invoker),
        };
        Err(DialectError::new("42P17", what))
    }

    /// What may have triggers: the project's tables and views, `auth.users` and Storage's tables.
    pub(in crate::dialect) fn table_named(&self, reader: &mut Reader<'_>) -> Result<Table, DialectError> {
        let (schema, name) = reader.qualified_name()?;
        if self.catalog.partitioned(&schema, &name).is_some() {
            return Err(not_on_a_partition("a trigger"));
        }
        self.catalog.relation(&schema, &name).cloned().ok_or_else(|| {
            let name = physical_name(&schema, &name);
            DialectError::new("42P01", format!("relation \"{name}\" does not exist"))
        })
    }

    fn trigger_function(&self, schema: &str, name: &str) -> Result<Routine, DialectError> {
        let missing = || DialectError::new("42883", format!("function {name}() does not exist"));
        // Where extensions are, names are looked up after `public`.
        let is_extensions = schema == "public" && self.catalog.routines_named(schema, name).next().is_none();
        let routine = self
            .catalog
            .routines_named(if is_extensions { "extensions" } else { schema }, name)
            .find(|routine| routine.inputs().next().is_none())
            .ok_or_else(missing)?;
        if routine.returns != Returns::Trigger {
            return Err(DialectError::new("42P17", format!("function {name} must return type trigger")));
        }
        if routine.language != Language::Plpgsql {
            return Err(DialectError::unsupported("a trigger function that is not in plpgsql"));
        }
        plpgsql::body(&routine.body)?;
        Ok(routine.clone())
    }
}

/// Whether an error is of something that a later statement may bring.
pub fn is_missing(error: &DialectError) -> bool {
    matches!(error.code, "42P01" | "42703")
}

fn timing(reader: &mut Reader<'_>) -> Result<Timing, DialectError> {
    if reader.takes("BEFORE") {
        return Ok(Timing::Before);
    }
    if reader.takes("INSTEAD OF") {
        return Ok(Timing::InsteadOf);
    }
    reader.wants("AFTER")?;
    Ok(Timing::After)
}

fn events(reader: &mut Reader<'_>) -> Result<(Vec<Command>, Vec<String>), DialectError> {
    let (mut events, mut columns) = (Vec::new(), Vec::new());
    loop {
        if reader.takes("INSERT") {
            events.push(Command::Insert);
        } else if reader.takes("DELETE") {
            events.push(Command::Delete);
        } else if reader.takes("TRUNCATE") {
            events.push(Command::Truncate);
        } else {
            reader.wants("UPDATE")?;
            events.push(Command::Update);
            if reader.takes("OF") {
                columns.push(reader.name()?);
                while reader.takes_token(&Token::Comma) {
                    columns.push(reader.name()?);
                }
            }
        }
        if !reader.takes("OR") {
            return Ok((events, columns));
        }
    }
}

/// `REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows`: both names.
fn transition_tables(reader: &mut Reader<'_>) -> Result<(Option<String>, Option<String>), DialectError> {
    let (mut new, mut old) = (None, None);
    if !reader.takes("REFERENCING") {
        return Ok((new, old));
    }
    loop {
        let (kind, place) = if reader.takes("NEW TABLE") {
            ("NEW", &mut new)
        } else if reader.takes("OLD TABLE") {
            ("OLD", &mut old)
        } else if new.is_some() || old.is_some() {
            return Ok((new, old));
        } else {
            return Err(reader.syntax());
        };
        reader.takes("AS");
        if place.replace(reader.name()?).is_some() {
            return Err(DialectError::new(
                "42P17",
                format!("{kind} TABLE cannot be specified multiple times"),
            ));
        }
    }
}

fn level(reader: &mut Reader<'_>) -> Result<Level, DialectError> {
    if !reader.takes("FOR") {
        return Ok(Level::Statement);
    }
    reader.takes("EACH");
    if reader.takes("ROW") {
        return Ok(Level::Row);
    }
    reader.wants("STATEMENT")?;
    Ok(Level::Statement)
}

/// What Postgres does not have, and what cannot be had here.
fn refuse_combination(trigger: &Trigger, table: &Table) -> Result<(), DialectError> {
    let fires_on = |command| trigger.events.contains(&command);
    let refused = |code, message: &str| Err(DialectError::new(code, message));
    if fires_on(Command::Truncate) && trigger.level == Level::Row {
        return refused("0A000", "TRUNCATE FOR EACH ROW triggers are not supported");
    }
    if trigger.timing == Timing::InsteadOf {
        return match (trigger.level, &trigger.when) {
            (Level::Statement, _) => refused("0A000", "INSTEAD OF triggers must be FOR EACH ROW"),
            (_, Some(_)) => refused("0A000", "INSTEAD OF triggers cannot have WHEN conditions"),
            _ if !trigger.columns.is_empty() => {
                refused("0A000", "INSTEAD OF triggers cannot have column lists")
            }
            _ if trigger.new_table.is_some() || trigger.old_table.is_some() => {
                refused("42809", "triggers on views cannot have transition tables")
            }
            _ => Ok(()),
        };
    }
    if table.schema == "auth" && table.name != "users" {
        return Err(DialectError::unsupported(format!("a trigger on auth.{}", table.name))
            .with_hint("Those on auth.users are."));
    }
    if trigger.level == Level::Statement && is_builtin(table) {
        let what = format!("FOR EACH STATEMENT on {}.{}", table.schema, table.name);
        return Err(DialectError::unsupported(what).with_hint("Write FOR EACH ROW."));
    }
    if trigger.new_table.is_none() && trigger.old_table.is_none() {
        return Ok(());
    }
    match trigger.timing {
        Timing::After if trigger.level == Level::Row => {
            Err(DialectError::unsupported("REFERENCING (transition tables) FOR EACH ROW")
                .with_hint("Write FOR EACH STATEMENT."))
        }
        Timing::After if fires_on(Command::Truncate) => {
            refused("42P17", "TRUNCATE triggers with transition tables are not supported")
        }
        Timing::After if trigger.events.len() > 1 => {
            refused("0A000", "transition tables cannot be specified for triggers with more than one event")
        }
        Timing::After if !trigger.columns.is_empty() => {
            refused("0A000", "transition tables cannot be specified for triggers with column lists")
        }
        Timing::After if trigger.new_table.is_some() && fires_on(Command::Delete) => {
            refused("42P17", "NEW TABLE can only be specified for an INSERT or UPDATE trigger")
        }
        Timing::After if trigger.old_table.is_some() && fires_on(Command::Insert) => {
            refused("42P17", "OLD TABLE can only be specified for a DELETE or UPDATE trigger")
        }
        Timing::After if trigger.old_table == trigger.new_table => {
            refused("42P17", "OLD TABLE name and NEW TABLE name cannot be the same")
        }
        Timing::After => Ok(()),
        _ => refused("42P17", "transition table name can only be specified for an AFTER trigger"),
    }
}

fn arguments(list: Reader<'_>) -> Result<Vec<String>, DialectError> {
    list.list()
        .into_iter()
        .map(|mut argument| match argument.string() {
            Some(text) => Ok(text),
            None => Ok(argument.text_left().to_string()),
        })
        .collect()
}
