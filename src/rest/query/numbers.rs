//! Numbers of sequences: an insert takes those of all its rows first, and its rows share them out.

use super::{Batch, Builder};
use crate::dialect::{self, CallerValue, DialectError, Environment, take_numbers, taken_number};
use crate::policy::CallerEnvironment;
use crate::rest::error::RestError;
use crate::schema::{Column, Routine, Sequence, Table};
use crate::sql::{Statement, physical_name};

/// Whether a row without a value for the column takes a number.
pub fn is_numbered(column: &Column) -> bool {
    column.sequence.is_some()
        || column.default.as_ref().is_some_and(|text| text.to_ascii_lowercase().contains("nextval"))
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
            (None, Some(text)) => dialect::lower_default(text, &column.data_type, catalog, &mut environment),
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

    /// Adds the statements that take the numbers, before the one that gives them out.
    pub(super) fn take_numbers(&self, batch: &mut Batch) {
        let mut taken: Vec<&String> = Vec::new();
        for key in &self.numbered {
            let Some(sequence) = self.catalog.sequences.get(key).filter(|_| !taken.contains(&key)) else {
                continue;
            };
            taken.push(key);
            for sql in take_numbers(sequence, &self.payload_rows.to_string()) {
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
