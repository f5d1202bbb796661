//! Triggers that run once for a statement. SQLite has none: each is one of SQLite's on the view [`FIRED`], which has no
//! rows, and whatever writes the table inserts its name there, before or after.
//!
//! A foreign key's action is a statement of its own in Postgres, and fires too. A trigger on the table that the key leads
//! to notes it in the frame, and whatever began it fires what is noted. Nobody composes the deletion of an account, so
//! there the trigger fires itself.

use super::environment::BY_OWNER;
use crate::dialect::DialectError;
use crate::dialect::plpgsql::{Condition, FRAME, packed_row, unpacked_cell};
use crate::dialect::query::CommonTable;
use crate::dialect::translate::Translator;
use crate::schema::{
    Catalog, Command, FIRED, FIRED_ROWS, Level, NativeTrigger, Table, Timing, Trigger, WrittenTable,
    is_builtin,
};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal, raise};

/// What a write runs besides.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fires {
    /// Before it.
    pub before: Vec<String>,
    /// Right after it, while `changes()` is of it.
    pub check: Option<String>,
    /// After it.
    pub after: Vec<String>,
    /// Whether some of it is for what foreign keys did.
    pub follows_keys: bool,
}

impl Fires {
    /// Whether nothing runs.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.check.is_none() && self.after.is_empty()
    }
}

/// The statement-level triggers of a write where `guard` holds; `writes` are what it does to the table, an upsert's
/// INSERT first.
pub fn fires(catalog: &Catalog, table: &Table, writes: &[WrittenTable], guard: &Condition) -> Fires {
    let mut fires = Fires::default();
    let at_statement = |trigger: &&Trigger| trigger.level == Level::Statement;
    if !catalog.triggers.values().any(|trigger| at_statement(&trigger)) {
        return fires;
    }
    let fired_by = |write: &WrittenTable, timing: Timing| -> Vec<String> {
        let Some(table) = catalog.tables.get(&write.table) else { return Vec::new() };
        let columns: Vec<&str> = write.columns.iter().map(String::as_str).collect();
        let triggers = catalog.triggers_of(table).into_iter().filter(at_statement);
        let fired =
            triggers.filter(|trigger| trigger.timing == timing && trigger.fires_on(write.command, &columns));
        fired.map(|trigger| trigger.native_name(write.command)).collect()
    };
    for write in writes {
        fires.before.extend(fired_by(write, Timing::Before).iter().map(|name| fire(name, guard)));
    }
    for write in writes.iter().rev() {
        fires.after.extend(fired_by(write, Timing::After).iter().map(|name| fire(name, guard)));
    }
    let mut noted: Vec<String> = Vec::new();
    for write in writes {
        for reached in catalog.reached_from(write) {
            let is_own = |of: &WrittenTable| of.table == reached.table && of.command == reached.command;
            if !writes.iter().any(is_own) {
                let mut names = fired_by(&reached, Timing::After);
                names.retain(|name| !noted.contains(name));
                noted.extend(names);
            }
        }
    }
    if noted.is_empty() {
        return fires;
    }
    if is_builtin(table) {
        let message = format!(
            "0A000:only one row of {}.{} at a time can be written, because a statement-level trigger is on a table that refers to it",
            table.schema, table.name
        );
        let error = raise(&quote_literal(&message));
        fires.check = Some(format!("SELECT CASE WHEN changes() > 1 THEN {error} END"));
        return fires;
    }
    fires.follows_keys = true;
    fires.after.extend(noted.iter().map(|name| fire(name, &Condition::always().and(&is_noted(name)))));
    fires
}

fn fire(name: &str, guard: &Condition) -> String {
    let name = quote_literal(name);
    match guard.is_always() {
        true => format!("INSERT INTO {FIRED} (name)\nVALUES ({name})"),
        false => format!("INSERT INTO {FIRED} (name)\nSELECT {name}\nWHERE {}", guard.to_sql()),
    }
}

/// What a trigger's function calls the rows that its statement wrote.
pub fn transition_tables(trigger: &Trigger, table: &Table, command: Command) -> Vec<CommonTable> {
    let columns: Vec<_> =
        table.columns.iter().map(|column| (column.name.clone(), column.data_type.clone())).collect();
    let named = |name: &Option<String>, column: &str| {
        let cells = columns.iter().enumerate().map(|(index, (_, of))| {
            format!("{} AS \"{}\"", unpacked_cell(of, &format!("\"/row\".{column}"), index), index + 1)
        });
        let sql = format!(
            "(SELECT {} FROM {FIRED_ROWS} AS \"/row\" WHERE \"/row\".name = {} ORDER BY \"/row\".place)",
            cells.collect::<Vec<_>>().join(", "),
            quote_literal(&trigger.native_name(command))
        );
        name.as_ref().map(|name| CommonTable::named(name, sql, &columns))
    };
    named(&trigger.new_table, "new").into_iter().chain(named(&trigger.old_table, "old")).collect()
}

/// What a run of the trigger ends with: the rows and notes for it go.
pub fn forgotten(trigger: &Trigger, command: Command) -> Vec<String> {
    let name = quote_literal(&trigger.native_name(command));
    let mut statements = Vec::new();
    if trigger.new_table.is_some() || trigger.old_table.is_some() {
        statements.push(format!("DELETE FROM {FIRED_ROWS}\nWHERE name = {name}"));
    }
    if trigger.timing == Timing::After && command != Command::Insert {
        statements.push(format!("DELETE FROM {FRAME}\nWHERE name = {}", note(&trigger.native_name(command))));
    }
    statements
}

/// SQLite's triggers beside the one that runs the function: they keep the rows for it, and note what keys do.
pub fn beside(
    catalog: &Catalog,
    trigger: &Trigger,
    table: &Table,
    command: Command,
) -> Result<Vec<NativeTrigger>, DialectError> {
    let mut natives = Vec::new();
    let name = trigger.native_name(command);
    let row = |row: &str, wanted: &Option<String>| match wanted {
        None => "NULL".to_string(),
        Some(_) => packed_row(
            &mut table
                .columns
                .iter()
                .map(|column| (&column.data_type, format!("{row}.{}", quote_identifier(&column.name)))),
        ),
    };
    if trigger.new_table.is_some() || trigger.old_table.is_some() {
        let body = format!(
            "INSERT INTO {FIRED_ROWS} (name, new, old)\nVALUES ({}, {}, {})",
            quote_literal(&name),
            row("NEW", &trigger.new_table),
            row("OLD", &trigger.old_table)
        );
        natives.push(after(format!("{name}/rows"), command, table, &body));
    }
    for parent in catalog.tables.values() {
        for event in [Command::Delete, Command::Update] {
            let columns = parent.columns.iter().map(|column| column.name.clone()).collect();
            let write = written(parent, event, columns);
            let is_meant = |of: &&WrittenTable| {
                let columns: Vec<&str> = of.columns.iter().map(String::as_str).collect();
                of.table == physical_name(&table.schema, &table.name)
                    && of.command == command
                    && trigger.fires_on(command, &columns)
            };
            let acted_on = catalog.acted_on_by(&write);
            let is_direct = acted_on.iter().any(|of| is_meant(&of));
            let is_its_own = (&parent.schema, &parent.name, event) == (&table.schema, &table.name, command);
            if is_its_own
                || !(is_direct
                    || is_builtin(parent) && catalog.reached_from(&write).iter().any(|of| is_meant(&of)))
            {
                continue;
            }
            if trigger.timing == Timing::Before {
                let what = format!(
                    "BEFORE {} FOR EACH STATEMENT on a table that foreign keys write too",
                    command.word()
                );
                return Err(DialectError::unsupported(what).with_hint("Make it an AFTER trigger."));
            }
            if is_builtin(parent) && parent.schema != "auth" {
                let what = format!(
                    "{} FOR EACH STATEMENT on a table that goes with {}.{}",
                    command.word(),
                    parent.schema,
                    parent.name
                );
                return Err(DialectError::unsupported(what).with_hint("Write FOR EACH ROW."));
            }
            let guard = match (event, is_direct) {
                (_, false) => Condition::always().and(&is_noted(&name)),
                (Command::Update, true) => Condition::always().and(&key_changes(table, parent)),
                _ => Condition::always(),
            };
            let body = match is_builtin(parent) {
                true => fire(&name, &guard),
                false => format!(
                    "INSERT INTO {FRAME} (name, value)\nSELECT {}, 1\nWHERE {}\nON CONFLICT (name) DO NOTHING",
                    note(&name),
                    if guard.is_always() { "TRUE".to_string() } else { guard.to_sql() }
                ),
            };
            let parent_name = physical_name(&parent.schema, &parent.name);
            let of = format!("{name}/by/{parent_name}/{}", event.word().to_lowercase());
            natives.push(after(of, event, parent, &body));
        }
    }
    Ok(natives)
}

/// That a row of `parent` got other values for what the keys of `table` refer to.
fn key_changes(table: &Table, parent: &Table) -> String {
    let keys = table
        .foreign_keys
        .iter()
        .filter(|key| key.foreign_schema == parent.schema && key.foreign_table == parent.name);
    let columns = keys.flat_map(|key| &key.foreign_columns).map(|column| quote_identifier(column));
    let changes: Vec<String> = columns.map(|column| format!("OLD.{column} IS NOT NEW.{column}")).collect();
    format!("({})", balanced(changes, " OR "))
}

/// The name of what is noted for a trigger in the frame, as a literal.
fn note(name: &str) -> String {
    quote_literal(&format!("{name}/by"))
}

fn is_noted(name: &str) -> String {
    format!("EXISTS (SELECT 1 FROM {FRAME} WHERE name = {})", note(name))
}

fn after(name: String, command: Command, table: &Table, body: &str) -> NativeTrigger {
    let sql = format!(
        "CREATE TRIGGER {}\nAFTER {} ON {}\nFOR EACH ROW\nBEGIN\n{body};\nEND",
        quote_identifier(&name),
        command.word(),
        table.physical()
    );
    NativeTrigger { name, sql }
}

impl Translator {
    /// A write as the system runs it, and the statement-level triggers that it fires.
    pub(in crate::dialect) fn fired(
        &mut self,
        table: &Table,
        writes: &[WrittenTable],
        push: &mut dyn FnMut(&mut Self) -> Result<(), DialectError>,
    ) -> Result<(), DialectError> {
        let fires = fires(&self.catalog, table, writes, &Condition::always());
        let says_owner = table.schema == "auth" && !self.catalog.triggers_of(table).is_empty();
        if says_owner {
            self.push(format!("INSERT INTO {FRAME} (name, value)\nVALUES ({BY_OWNER}, 1)"))?;
        }
        fires.before.into_iter().try_for_each(|sql| self.push(sql))?;
        push(self)?;
        fires.check.into_iter().chain(fires.after).try_for_each(|sql| self.push(sql))?;
        match says_owner {
            true => self.push(format!("DELETE FROM {FRAME}\nWHERE name = {BY_OWNER}")),
            false => Ok(()),
        }
    }
}

impl Translator {
    /// A TRUNCATE of tables as the system runs it: no trigger of a row runs, only those of TRUNCATE itself.
    pub(in crate::dialect) fn truncated(
        &mut self,
        tables: &[Table],
        push: &mut dyn FnMut(&mut Self) -> Result<(), DialectError>,
    ) -> Result<(), DialectError> {
        let always = Condition::always();
        let of = |table: &Table| {
            fires(&self.catalog, table, &[written(table, Command::Truncate, Vec::new())], &always)
        };
        let fires: Vec<Fires> = tables.iter().map(of).collect();
        fires.iter().flat_map(|of| &of.before).try_for_each(|sql| self.push(sql.clone()))?;
        if tables.iter().any(|table| !self.catalog.triggers_of(table).is_empty()) {
            self.suspend_triggers()?;
        }
        push(self)?;
        if fires.iter().any(|of| !of.after.is_empty()) {
            self.restore_triggers()?;
        }
        fires.into_iter().flat_map(|of| of.after).try_for_each(|sql| self.push(sql))
    }
}

/// A table's being written, as [`fires`] takes it.
pub fn written(table: &Table, command: Command, columns: Vec<String>) -> WrittenTable {
    WrittenTable { table: physical_name(&table.schema, &table.name), command, columns }
}
