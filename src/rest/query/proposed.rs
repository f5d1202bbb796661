//! A row as it will be once written, for the policies that decide whether it may be.

use super::Builder;
use crate::dialect::{self, Before, Expression, has_before, lower_expression};
use crate::policy::Predicate;
use crate::rest::error::RestError;
use crate::rest::plan::{Cell, Insert};
use crate::schema::{Column, Command, Table};
use crate::sql::{physical_name, quote_identifier, quote_literal, raise};

/// The row that a statement would write. No table has a name like these.
pub const PROPOSED: &str = "\"/new\"";

/// The row that is there already, in an upsert.
pub const EXISTING: &str = "\"/old\"";

/// What an upsert would make of the row that is there.
pub const UPDATED: &str = "\"/updated\"";

/// The rowid of the row that an update's row was made of.
pub const ROWID: &str = "/rowid";

/// A row without its generated columns.
const GIVEN: &str = "\"/given\"";

impl Builder<'_> {
    /// The values of all of an inserted row's columns but the generated ones.
    pub(super) fn proposed_values<'t>(
        &mut self,
        table: &'t Table,
        insert: &Insert<'_>,
        checks: &[(Predicate, String)],
    ) -> Result<Vec<(&'t Column, String)>, RestError> {
        let mut values = Vec::new();
        for column in plain_columns(table) {
            let name = quote_identifier(&column.name);
            let value = match insert.columns.iter().position(|of| of.name == column.name) {
                Some(index) => self.given_value(column, insert, index)?,
                None if column.identity.is_some() => {
                    let named = format!("{PROPOSED}.{name}");
                    let asked = checks.iter().any(|(predicate, _)| predicate.to_sql().contains(&named))
                        || has_before(self.catalog, table, &[Command::Insert])?;
                    if asked { next_number(table) } else { "NULL".to_string() }
                }
                None => self.default(column)?,
            };
            values.push((column, value));
        }
        Ok(values)
    }

    /// A cell of the payload, which may ask for the column's default.
    pub(super) fn given_value(
        &mut self,
        column: &Column,
        insert: &Insert<'_>,
        index: usize,
    ) -> Result<String, RestError> {
        let value = super::write::cell_value(column, index);
        if !insert.rows.iter().any(|row| row.get(index) == Some(&Cell::Default)) {
            return Ok(value);
        }
        let default = self.default(column)?;
        Ok(format!(
            "CASE json_type(\"payload\".value, '$[{index}]') WHEN 'array' THEN {default} ELSE {value} END"
        ))
    }

    /// A query for a new row as BEFORE triggers leave it, and whether one may leave it out ([`KEEP`]).
    pub(super) fn inserted_row(
        &mut self,
        table: &Table,
        values: Vec<(&Column, String)>,
        source: &str,
    ) -> Result<(String, bool), RestError> {
        let given = given(values, source);
        let catalog = self.catalog;
        let before =
            dialect::proposed(catalog, &mut self.environment(), table, Command::Insert, &[], &given, &[])?;
        let is_kept = before.is_some();
        Ok((self.with_generated(table, before.map_or(given, |before| before.sql))?, is_kept))
    }

    /// The same for a row that is there under the name `old` and whose columns `set` an update sets.
    pub(super) fn updated_row(
        &mut self,
        table: &Table,
        values: Vec<(&Column, String)>,
        set: &[&str],
        old: &str,
        source: &str,
        carried: &[&str],
    ) -> Result<(String, bool), RestError> {
        let catalog = self.catalog;
        let mut also: Vec<String> = carried.iter().map(|name| format!("{old}.rowid AS \"{name}\"")).collect();
        also.extend(dialect::old_columns(catalog, table, old));
        also.push(String::new());
        let given = given(values, source).replacen("SELECT ", &format!("SELECT {}", also.join(", ")), 1);
        let environment = &mut self.environment();
        let before = dialect::proposed(catalog, environment, table, Command::Update, set, &given, carried)?;
        let is_kept = before.is_some();
        Ok((self.with_generated(table, before.map_or(given, |before| before.sql))?, is_kept))
    }

    /// The columns that an update of `set` writes, those of triggers among them.
    pub(super) fn written_on_update(
        &mut self,
        table: &Table,
        set: &[&str],
    ) -> Result<Vec<String>, RestError> {
        let changed = self.triggers_alone(table, Command::Update, set)?.map(|before| before.changed);
        let changed = changed.unwrap_or_default();
        let is_written =
            |column: &&Column| set.contains(&column.name.as_str()) || changed.contains(&column.name);
        Ok(plain_columns(table).filter(is_written).map(|column| column.name.clone()).collect())
    }

    /// An arm that raises when a trigger would have to see, in its own table, the rows before its own.
    pub(super) fn refuse_several(&mut self, table: &Table, set: &[&str]) -> Result<String, RestError> {
        let reads =
            self.triggers_alone(table, Command::Update, set)?.is_some_and(|before| before.reads_itself);
        if !reads {
            return Ok(String::new());
        }
        let message = format!(
            "0A000:a BEFORE trigger of table \"{}\" reads the table, so only one row at a time can be written",
            table.name
        );
        let error = raise(&quote_literal(&message));
        Ok(format!("\n  WHEN (SELECT count(*) FROM {PROPOSED}) > 1 THEN {error}"))
    }

    /// Whether a BEFORE trigger looks into the table itself, so that rows are written one by one.
    pub(super) fn reads_itself(&mut self, table: &Table, insert: &Insert<'_>) -> Result<bool, RestError> {
        let set: Vec<&str> = insert.columns.iter().map(|column| column.name.as_str()).collect();
        let reads = |before: Option<Before>| before.is_some_and(|before| before.reads_itself);
        Ok(reads(self.triggers_alone(table, Command::Insert, &[])?)
            || (insert.conflict.is_some() && reads(self.triggers_alone(table, Command::Update, &set)?)))
    }

    fn triggers_alone(
        &mut self,
        table: &Table,
        command: Command,
        set: &[&str],
    ) -> Result<Option<Before>, RestError> {
        // Its binds are of no use here.
        let mut builder = Builder::new(self.catalog, self.caller);
        let catalog = self.catalog;
        Ok(dialect::proposed(catalog, &mut builder.environment(), table, command, set, "SELECT 1", &[])?)
    }

    /// A query for a whole row: these values and the generated columns.
    pub(super) fn proposed_row(
        &mut self,
        table: &Table,
        values: Vec<(&Column, String)>,
        source: &str,
    ) -> Result<String, RestError> {
        self.with_generated(table, given(values, source))
    }

    fn with_generated(&mut self, table: &Table, given: String) -> Result<String, RestError> {
        let mut generated = Vec::new();
        for column in &table.columns {
            let Some(text) = &column.generated else { continue };
            let expression = Expression::parse(text)?;
            let catalog = self.catalog;
            let sql = lower_expression(&expression, table, GIVEN, catalog, &mut self.environment())?;
            generated.push(format!(", {sql} AS {}", quote_identifier(&column.name)));
        }
        if generated.is_empty() {
            return Ok(given);
        }
        Ok(format!("SELECT {GIVEN}.*{} FROM ({given}) AS {GIVEN}", generated.concat()))
    }
}

fn given(values: Vec<(&Column, String)>, source: &str) -> String {
    let named = values.iter().map(|(column, value)| format!("{value} AS {}", quote_identifier(&column.name)));
    format!("SELECT {}{source}", named.collect::<Vec<_>>().join(", "))
}

/// The columns that hold what they are given.
pub fn plain_columns(table: &Table) -> impl Iterator<Item = &Column> {
    table.columns.iter().filter(|column| column.generated.is_none())
}

/// The columns that an insert of whole rows names, quoted: not those that number themselves.
pub fn written_columns(table: &Table, insert: &Insert<'_>) -> Vec<String> {
    let given = |column: &&Column| insert.columns.iter().any(|of| of.name == column.name);
    let written = plain_columns(table).filter(|column| column.identity.is_none() || given(column));
    let mut written: Vec<String> = written.map(|column| quote_identifier(&column.name)).collect();
    if written.is_empty() {
        // A table of nothing but its number: NULL asks for the next one.
        written.extend(plain_columns(table).take(1).map(|column| quote_identifier(&column.name)));
    }
    written
}

/// The number that SQLite will give a row.
fn next_number(table: &Table) -> String {
    let name = quote_literal(&physical_name(&table.schema, &table.name));
    format!("(coalesce((SELECT seq FROM sqlite_sequence WHERE name = {name}), 0) + row_number() OVER ())")
}
