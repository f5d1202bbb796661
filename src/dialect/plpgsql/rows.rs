//! `RETURN QUERY`, `RETURN NEXT` and rows: what a function gives that is more than one value.

use sqlparser::ast::{Query, Statement};

use super::machine::{Machine, Outcome, Returned};
use super::sink::{Sink, over_layers};
use super::state::variables;
use crate::dialect::DialectError;
use crate::dialect::expression::{Field, Relation};
use crate::dialect::query::{LoweredQuery, column_name};
use crate::dialect::write::{refuse_written, returned, run_with, taken_apart, unwritten};
use crate::schema::{Command, DataType};
use crate::sql::{balanced, raise};

/// Adds the parameters that come out to those `given`, the first of which has the function's own: they begin as NULL,
/// or as what came in.
pub fn with_out(given: &mut [Relation], columns: &[(String, DataType)]) {
    let Some(own) = given.first_mut() else { return };
    for (name, data_type) in columns {
        if own.columns.iter().all(|field| field.name != *name) {
            let sql = "NULL".to_string();
            own.columns.push(Field { name: name.clone(), sql, data_type: data_type.clone() });
        }
    }
}

impl Machine<'_> {
    /// `RETURN QUERY`: in a function that writes the rows are put aside, since what follows may change them.
    pub(super) fn return_query(&mut self, query: &Query) -> Result<(), DialectError> {
        if !self.sink.takes_statements() {
            let query = self.lowered(|lowering| lowering.subquery(query))?;
            self.outcome(Returned::Rows(query));
            return Ok(());
        }
        let guard = self.state.running.clone();
        let types = self.result_types.clone();
        let mut sink = std::mem::replace(&mut self.sink, Sink::layers());
        let rows = self.lowered(|lowering| {
            let (with, statement) = taken_apart(&Statement::Query(Box::new(query.clone())));
            let mut written = Vec::new();
            if let Some(with) = with {
                run_with(lowering, &mut sink, &with, &guard, &mut written)?;
            }
            let rows = match &statement {
                Statement::Query(query) => {
                    lowering.targets = types;
                    let rows = unwritten(lowering.subquery(query)?, &written)?;
                    sink.keep_rows(&rows, &guard)
                }
                statement => {
                    let (of, rows) = returned(lowering, &mut sink, statement, &guard)?;
                    refuse_written(&of.sql, &written)?;
                    let is_kept = of.command == Command::Delete;
                    written.push(of);
                    let rows = rows.ok_or_else(|| {
                        DialectError::new("42601", "RETURN QUERY of a statement without RETURNING")
                    })?;
                    if is_kept { rows } else { sink.keep_rows(&rows, &guard) }
                }
            };
            Ok((rows, written))
        });
        self.sink = sink;
        let (rows, written) = rows?;
        self.writes.extend(written.into_iter().flat_map(|of| of.into_tables()));
        let count = self.keep_running(&format!("(SELECT count(*) FROM ({}))", rows.sql));
        self.state.found = format!("(coalesce({count}, 0) > 0)");
        self.state.row_count = format!("coalesce({count}, 0)");
        self.outcome(Returned::Rows(rows));
        Ok(())
    }

    /// One more row of the result.
    pub(super) fn give_row(&mut self, row: LoweredQuery) {
        let row = match self.sink.takes_statements() {
            true => self.sink.keep_rows(&row, &self.state.running),
            false => row,
        };
        self.outcome(Returned::Rows(row));
    }

    /// The parameters that come out, as they are now; `None` when there are none.
    pub(super) fn out(&self) -> Option<Relation> {
        let of = |name: &String| {
            let place = self.state.place(std::slice::from_ref(name)).ok()?;
            self.state.field(place).cloned()
        };
        let fields: Vec<Field> = self.out.iter().filter_map(of).collect();
        (!fields.is_empty()).then(|| variables("", fields))
    }

    /// The query of the one row that was returned, as values of these types.
    pub fn returned_row(&mut self, types: &[DataType]) -> Result<LoweredQuery, DialectError> {
        if let (false, Some(out)) = (self.state.running.is_never(), self.out()) {
            self.outcome(Returned::Row(out));
            self.state.running = super::condition::Condition::never();
        }
        let missing = match self.state.running.is_never() {
            true => "NULL".to_string(),
            false => raise("'2F005:control reached end of function without RETURN'"),
        };
        let mut values = vec![missing; types.len()];
        for Outcome { condition, returned } in std::mem::take(&mut self.outcomes).into_iter().rev() {
            let row: Vec<String> = match returned {
                Returned::Null => types.iter().map(|_| "NULL".to_string()).collect(),
                Returned::Row(row) if row.columns.len() == types.len() => self.as_types(&row, types)?,
                // A record that nothing was put into.
                Returned::Row(row) if row.columns.is_empty() => {
                    types.iter().map(|_| "NULL".to_string()).collect()
                }
                _ => return Err(DialectError::unsupported("RETURN of other than a row variable here")),
            };
            for (value, new) in values.iter_mut().zip(row) {
                *value = match condition.is_always() {
                    true => new,
                    false => format!("CASE WHEN {} THEN {new} ELSE {value} END", condition.to_sql()),
                };
            }
        }
        let list: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(index, value)| format!("{value} AS {}", column_name(index)))
            .collect();
        let mut sql = match &self.sink {
            Sink::Layers { alias, layers } => over_layers(alias, layers, &list.join(", ")),
            Sink::Statements { .. } => format!("SELECT {}", list.join(", ")),
        };
        if !self.guards.is_empty() {
            sql.push_str(&format!(" WHERE {}", balanced(std::mem::take(&mut self.guards), " AND ")));
        }
        let columns = types.iter().map(|of| (String::new(), of.clone())).collect();
        Ok(LoweredQuery { sql, columns, is_single: true, value: None })
    }

    fn as_types(&mut self, row: &Relation, types: &[DataType]) -> Result<Vec<String>, DialectError> {
        let mut values = Vec::new();
        for (field, to) in row.columns.iter().zip(types) {
            let piece = crate::dialect::expression::Piece::Typed(row.sql_of(field), field.data_type.clone());
            values.push(self.lowered(|lowering| lowering.assign_in_function(piece, to))?);
        }
        Ok(values)
    }
}
