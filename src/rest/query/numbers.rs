//! Numbers of sequences: an insert takes those of all its rows first, and its rows share them out.

use super::{Batch, Builder};
use crate::dialect::{self, CallerValue, DialectError, Environment, take_numbers, taken_number};
use crate::policy::CallerEnvironment;
use crate::rest::error::RestError;
use crate::schema::{Column, Routine, Sequence, Table};
use crate::sql::{Statement, physical_name, quote_literal};

/// Whether a row without a value for the column takes a number.
pub fn is_numbered(column: &Column) -> bool {
    column.sequence.is_some()
        || column.default.as_ref().is_some_and(|text| text.to_ascii_lowercase().contains("nextval"))
}

/// Whether SQLite numbers the column, as the rowid.
pub fn numbers_itself(column: &Column) -> bool {
    column.identity.is_some() && !is_numbered(column)
}

/// The number that a row takes which says so itself, among rows that bring theirs: in Postgres these take one too.
pub fn own_number(table: &Table) -> String {
    format!("({} + \"payload\".key + 1)", last_number(table))
}

/// The number that SQLite gave last.
pub fn last_number(table: &Table) -> String {
    format!("coalesce((SELECT seq FROM sqlite_sequence WHERE name = {}), 0)", row_numbers(table))
}

/// What takes so many of the numbers that SQLite gives.
pub fn take_own_numbers(table: &Table, count: usize) -> [Statement; 2] {
    let name = row_numbers(table);
    let there = format!("SELECT 1 FROM sqlite_sequence WHERE name = {name}");
    let add =
        format!("INSERT INTO sqlite_sequence (name, seq)\nSELECT {name}, 0\nWHERE NOT EXISTS ({there})");
    let take = format!("UPDATE sqlite_sequence\nSET seq = seq + {count}\nWHERE name = {name}");
    [Statement::new(add), Statement::new(take)]
}

/// What tells the payload's rows apart.
pub(super) const PAYLOAD_ROW: &str = "\"payload\".key";

fn row_numbers(table: &Table) -> String {
    quote_literal(&physical_name(&table.schema, &table.name))
}

impl Builder<'_> {
    /// The default of such a column, over a row of the payload.
    pub(super) fn numbered_default(&mut self, column: &Column) -> Result<String, RestError> {
        let catalog = self.catalog;
        let left = format!("{} - \"payload\".key", self.payload_rows);
        let mut numbered = std::mem::take(&mut self.numbered);
        let before = numbered.len();
        let mut environment = Numbering { inner: self.environment(), left, numbered: &mut numbered };
        let sql = match (column.sequence.as_ref().and_then(|key| catalog.sequences.get(key)), &column.default)
        {
            (Some(sequence), _) => environment.next_number(sequence),
            (None, Some(text)) => {
                dialect::lower_default(text, &column.data_type, catalog, &mut environment, PAYLOAD_ROW)
            }
            (None, None) => Ok("NULL".to_string()),
        };
        let sql = sql?;
        for key in numbered.iter().skip(before) {
            let of_another = |(of, other): &(String, String)| of == key && *other != column.name;
            if self.numbered_columns.iter().any(of_another) {
                return Err(DialectError::unsupported("two numbers of one sequence in a row").into());
            }
            self.numbered_columns.push((key.clone(), column.name.clone()));
        }
        self.numbered = numbered;
        Ok(sql)
    }

    /// Adds the statements that take the numbers, before the one that gives them out; those of a write that is rolled
    /// back are taken again afterwards.
    pub(super) fn take_numbers(&self, rolls_back: bool, batch: &mut Batch) {
        let mut taken: Vec<&String> = Vec::new();
        for key in &self.numbered {
            let Some(sequence) = self.catalog.sequences.get(key).filter(|_| !taken.contains(&key)) else {
                continue;
            };
            taken.push(key);
            for sql in take_numbers(sequence, &self.payload_rows.to_string()) {
                if rolls_back {
                    batch.taken.push(Statement::new(sql.clone()));
                }
                batch.push(Statement::new(sql));
            }
        }
    }
}

/// The caller's environment, and the numbers.
struct Numbering<'a, 'b> {
    inner: CallerEnvironment<'a>,
    left: String,
    numbered: &'b mut Vec<String>,
}

impl Environment for Numbering<'_, '_> {
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError> {
        self.inner.caller_value(value)
    }

    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError> {
        self.inner.row_filter(table, row)
    }

    fn enter_routine(&mut self, routine: &Routine) -> Result<(), DialectError> {
        self.inner.enter_routine(routine)
    }

    fn leave_routine(&mut self) {
        self.inner.leave_routine();
    }

    fn next_number(&mut self, sequence: &Sequence) -> Result<String, DialectError> {
        self.numbered.push(physical_name(&sequence.schema, &sequence.name));
        Ok(taken_number(sequence, &self.left))
    }
}
