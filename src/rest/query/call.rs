//! A call of a function as the relation that is read.

use super::Builder;
use super::read::row_id;
use crate::dialect::{CallArgument, RoutineBatch, routine_batch, routine_source, routine_value};
use crate::rest::error::RestError;
use crate::rest::plan::{Call, Node, Value};
use crate::schema::{DataType, Routine, Storage, Table};
use crate::sql::quote_identifier;

impl Builder<'_> {
    /// The rows of a call as a FROM clause has them.
    pub(super) fn call_source(&mut self, call: &Call<'_>, row: &str) -> Result<String, RestError> {
        if let Some(answer) = self.answer.take() {
            return Ok(answer);
        }
        let arguments = self.call_arguments(call);
        let catalog = self.catalog;
        Ok(routine_source(call.routine, &arguments, row, catalog, &mut self.environment())?)
    }

    /// The batch of a call of a function that writes; its answer is what [`Self::call_source`] gives next.
    pub(super) fn call_batch(&mut self, call: &Call<'_>) -> Result<RoutineBatch, RestError> {
        let arguments = self.call_arguments(call);
        let catalog = self.catalog;
        let batch = routine_batch(call.routine, &arguments, catalog, &mut self.environment())?;
        self.answer = Some(batch.answer.clone());
        Ok(batch)
    }

    fn call_arguments(&mut self, call: &Call<'_>) -> Vec<Option<CallArgument>> {
        call.arguments.iter().map(|argument| argument.as_ref().map(|of| self.call_argument(of))).collect()
    }

    /// The rows that a function gives for a row of a relation.
    pub(super) fn computed_rows(
        &mut self,
        routine: &Routine,
        of: &Table,
        origin: &str,
        row: &str,
    ) -> Result<String, RestError> {
        let arguments = [Some(CallArgument::Row(columns_of(of, origin)))];
        let catalog = self.catalog;
        Ok(routine_source(routine, &arguments, row, catalog, &mut self.environment())?)
    }

    /// The rows of `from` and, besides their columns, what the node's functions compute of them. SQLite
    /// flattens it: a row's index is used as if it were not there.
    pub(super) fn with_computed(
        &mut self,
        node: &Node<'_>,
        from: String,
        has_row_id: bool,
    ) -> Result<String, RestError> {
        if node.computed.is_empty() {
            return Ok(from);
        }
        let row = self.alias();
        let mut columns = vec![format!("{row}.*")];
        columns
            .extend(row_id(node.table).filter(|_| has_row_id).map(|name| format!("{row}.{name} AS {name}")));
        for routine in &node.computed {
            let argument = CallArgument::Row(columns_of(node.table, &row));
            let catalog = self.catalog;
            let value = routine_value(routine, &argument, &row, catalog, &mut self.environment())?;
            columns.push(format!("{value} AS {}", quote_identifier(&routine.name)));
        }
        Ok(format!("(SELECT {} FROM {from} AS {row})", columns.join(", ")))
    }

    fn call_argument(&mut self, argument: &Value) -> CallArgument {
        match argument {
            Value::Plain(value, of) => CallArgument::Value(self.typed(value.as_deref(), of)),
            Value::Row(values) => {
                CallArgument::Row(values.iter().map(|(value, of)| self.typed(value.as_deref(), of)).collect())
            }
        }
    }

    fn typed(&mut self, value: Option<&str>, of: &DataType) -> String {
        let Some(value) = value else { return "NULL".to_string() };
        if *of == DataType::Bool {
            return if matches!(value, "true" | "t" | "1") { "1" } else { "0" }.to_string();
        }
        let bound = self.writer.bind(value);
        match of.storage() {
            Storage::Text => bound,
            Storage::Integer => format!("CAST({bound} AS INTEGER)"),
            Storage::Real => format!("CAST({bound} AS REAL)"),
            Storage::Blob => format!("unhex({bound})"),
        }
    }
}

fn columns_of(table: &Table, row: &str) -> Vec<String> {
    table.columns.iter().map(|column| format!("{row}.{}", quote_identifier(&column.name))).collect()
}
