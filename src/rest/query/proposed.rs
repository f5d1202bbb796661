//! A row as it will be once written, for the policies that decide whether it may be.

use super::Builder;
use super::nested::kept_value;
use super::numbers::{last_number, numbers_itself, own_number};
use crate::dialect::{Expression, has_before, lower_expression};
use crate::policy::Predicate;
use crate::rest::error::RestError;
use crate::rest::plan::{Cell, Insert};
use crate::schema::{Column, Command, Table};
use crate::sql::quote_identifier;

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
                Some(index) => self.given_value(table, column, insert, index)?,
                None if numbers_itself(column) => {
                    let named = format!("{PROPOSED}.{name}");
                    let asked = checks.iter().any(|(predicate, _)| predicate.to_sql().contains(&named))
                        || has_before(self.catalog, table, &[Command::Insert])?;
                    let number = || format!("({} + row_number() OVER ())", last_number(table));
                    if asked { number() } else { "NULL".to_string() }
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
        table: &Table,
        column: &Column,
        insert: &Insert<'_>,
        index: usize,
    ) -> Result<String, RestError> {
        if let Some(Cell::Kept(kept)) = insert.rows.iter().next().and_then(|row| row.get(index)) {
            return Ok(kept_value(kept));
        }
        let value = super::write::cell_value(column, index);
        if !insert.rows.ask_for_default(index) {
            return Ok(value);
        }
        let default = match numbers_itself(column) {
            true => own_number(table),
            false => self.default(column)?,
        };
        Ok(format!(
            "CASE json_type(\"payload\".value, '$[{index}]') WHEN 'array' THEN {default} ELSE {value} END"
        ))
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

    pub(super) fn with_generated(&mut self, table: &Table, given: String) -> Result<String, RestError> {
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

pub fn given(values: Vec<(&Column, String)>, source: &str) -> String {
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
    let written = plain_columns(table)
        .filter(|column| column.identity.is_none() || column.sequence.is_some() || given(column));
    let mut written: Vec<String> = written.map(|column| quote_identifier(&column.name)).collect();
    if written.is_empty() {
        // A table of nothing but its number: NULL asks for the next one.
        written.extend(plain_columns(table).take(1).map(|column| quote_identifier(&column.name)));
    }
    written
}
