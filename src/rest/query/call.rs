//! A call of a function as the relation that is read.

use super::Builder;
use crate::dialect::{CallArgument, routine_source};
use crate::rest::error::RestError;
use crate::rest::plan::{Call, Value};
use crate::schema::{DataType, Storage};

impl Builder<'_> {
    /// The rows of a call as a FROM clause has them.
    pub(super) fn call_source(&mut self, call: &Call<'_>, row: &str) -> Result<String, RestError> {
        let arguments: Vec<Option<CallArgument>> = call
            .arguments
            .iter()
            .map(|argument| argument.as_ref().map(|of| self.call_argument(of)))
            .collect();
        let catalog = self.catalog;
        Ok(routine_source(call.routine, &arguments, row, catalog, &mut self.environment())?)
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
