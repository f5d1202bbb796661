//! `CREATE TRIGGER`.

use sqlparser::tokenizer::Token;

use super::moddatetime::{check_moddatetime, moddatetime};
use super::native;
use crate::dialect::reader::Reader;
use crate::dialect::statement::create_table::nameable;
use crate::dialect::statement::partition::not_on_a_partition;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, plpgsql};
use crate::schema::{Command, Language, Returns, Routine, Table, Timing, Trigger};
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
        for column in &columns {
            if table.column(column).is_none() {
                let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
                return Err(DialectError::new("42703", message));
            }
        }
        if reader.takes("REFERENCING") {
            return Err(DialectError::unsupported("REFERENCING (transition tables)"));
        }
        for_each_row(&mut reader)?;
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
        let inserts = trigger.events.contains(&Command::Insert);
        let deletes = trigger.events.contains(&Command::Delete);
        let what = match (inserts && names("old."), deletes && names("new.")) {
            (true, _) => "INSERT trigger's WHEN condition cannot reference OLD values",
            (_, true) => "DELETE trigger's WHEN condition cannot reference NEW values",
            _ => return native::check_when(&self.catalog, trigger, table, self.invoker),
        };
        Err(DialectError::new("42P17", what))
    }

    /// A table that may have triggers: the project's, `auth.users` and Storage's.
    pub(in crate::dialect) fn table_named(&self, reader: &mut Reader<'_>) -> Result<Table, DialectError> {
        let (schema, name) = reader.qualified_name()?;
        if self.catalog.partitioned(&schema, &name).is_some() {
            return Err(not_on_a_partition("a trigger"));
        }
        self.catalog.table(&schema, &name).cloned().ok_or_else(|| {
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
        return Err(DialectError::unsupported("INSTEAD OF"));
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
            return Err(DialectError::unsupported("a trigger on TRUNCATE"));
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

fn for_each_row(reader: &mut Reader<'_>) -> Result<(), DialectError> {
    if reader.takes("FOR EACH ROW") || reader.takes("FOR ROW") {
        return Ok(());
    }
    Err(DialectError::unsupported("FOR EACH STATEMENT").with_hint("Write FOR EACH ROW."))
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
