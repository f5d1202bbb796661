//! Values of filters, read by the type of what they are compared with.

use super::Planner;
use super::read::{Operand, OperandKind};
use crate::rest::error::{PostgresError, RestError};
use crate::schema::{DataType, Storage};

impl Planner<'_> {
    /// The stored form of a filter's value.
    pub(super) fn literal(&self, operand: &Operand<'_>, text: &str) -> Result<String, RestError> {
        match operand.kind() {
            OperandKind::Column(data_type) => Ok(stored(data_type, self.read(data_type, text)?)),
            OperandKind::JsonText => self.read(&DataType::Text, text),
            OperandKind::Json => self.read(&DataType::Jsonb, text),
        }
    }

    /// The elements of an array literal, each in its stored form; a NULL element is `None`.
    pub(super) fn literals(
        &self,
        operand: &Operand<'_>,
        text: &str,
    ) -> Result<Vec<Option<String>>, RestError> {
        let array = self.read(&DataType::Array(Box::new(DataType::Text)), text)?;
        let items: Vec<Option<String>> = serde_json::from_str(&array)
            .map_err(|_| RestError::postgres("22P02", format!("malformed array literal: \"{text}\"")))?;
        items.into_iter().map(|item| item.map(|text| self.literal(operand, &text)).transpose()).collect()
    }
}

/// SQLite reads no word as infinity, but a number that is too large.
pub fn stored(data_type: &DataType, canonical: String) -> String {
    match (data_type.storage(), canonical.as_str()) {
        (Storage::Real, "inf") => "9e999".to_string(),
        (Storage::Real, "-inf") => "-9e999".to_string(),
        _ => canonical,
    }
}

/// `operator does not exist: integer ~~ unknown`.
pub fn no_operator(data_type: &str, operator: &str) -> RestError {
    no_operator_between(data_type, operator, "unknown")
}

/// The same of a right side whose type is known.
pub fn no_operator_between(data_type: &str, operator: &str, other: &str) -> RestError {
    let hint =
        "No operator matches the given name and argument types. You might need to add explicit type casts.";
    RestError::Postgres(PostgresError {
        hint: Some(hint.to_string()),
        ..PostgresError::new("42883", format!("operator does not exist: {data_type} {operator} {other}"))
    })
}
