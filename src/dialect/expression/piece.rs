//! One lowered piece of an expression: its SQL and its Postgres type.

use crate::dialect::DialectError;
use crate::schema::{Catalog, DataType, Storage, canonical};
use crate::sql::quote_literal;

/// What an expression became.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// NULL, of any type.
    Null,
    /// A quoted literal that has no type yet: `'2024-01-01'`.
    Unknown(String),
    /// SQL that gives the stored form of a value of the type.
    Typed(String, DataType),
}

impl Piece {
    /// A boolean expression.
    pub fn bool(sql: impl Into<String>) -> Self {
        Self::Typed(sql.into(), DataType::Bool)
    }

    /// A text expression.
    pub fn text(sql: impl Into<String>) -> Self {
        Self::Typed(sql.into(), DataType::Text)
    }

    /// The type, or `None` when any will do.
    pub fn data_type(&self) -> Option<&DataType> {
        match self {
            Self::Typed(_, data_type) => Some(data_type),
            Self::Null | Self::Unknown(_) => None,
        }
    }

    /// The name of the type in messages.
    pub fn type_name(&self) -> String {
        self.data_type().map_or_else(|| "unknown".to_string(), DataType::display_name)
    }

    /// The SQL as it stands; an untyped literal is text.
    pub fn into_sql(self, catalog: &Catalog) -> Result<String, DialectError> {
        match self {
            Self::Null => Ok("NULL".to_string()),
            Self::Unknown(text) => literal(catalog, &DataType::Text, &text),
            Self::Typed(sql, _) => Ok(sql),
        }
    }

    /// The SQL and its type; an untyped literal, and NULL, are text.
    pub fn resolved(self, catalog: &Catalog) -> Result<(String, DataType), DialectError> {
        match self {
            Self::Typed(sql, data_type) => Ok((sql, data_type)),
            other => Ok((other.into_sql(catalog)?, DataType::Text)),
        }
    }
}

/// The SQL of a literal of a type, given in Postgres' text form: `('uuid', 'AB…')` → `'ab…'`.
pub fn literal(catalog: &Catalog, data_type: &DataType, text: &str) -> Result<String, DialectError> {
    if text.contains('\0') {
        return Err(DialectError::new("22021", "invalid byte sequence for encoding \"UTF8\": 0x00"));
    }
    let stored =
        canonical(catalog, data_type, text).map_err(|error| DialectError::new(error.code, error.message))?;
    match data_type.storage() {
        Storage::Text => Ok(quote_literal(&stored)),
        Storage::Integer => Ok(match stored.as_str() {
            "true" | "t" => "1".to_string(),
            "false" | "f" => "0".to_string(),
            // SQLite reads this one's digits before its sign and makes a REAL of them.
            "-9223372036854775808" => "(-9223372036854775807 - 1)".to_string(),
            digits if digits.starts_with('-') => format!("({digits})"),
            digits => digits.to_string(),
        }),
        Storage::Real => match stored.as_str() {
            "Infinity" => Ok("9e999".to_string()),
            "-Infinity" => Ok("(-9e999)".to_string()),
            "NaN" => Err(DialectError::unsupported("NaN in a floating-point literal")),
            digits => Ok(format!("CAST({} AS REAL)", quote_literal(digits))),
        },
        Storage::Blob => Ok(format!("X'{}'", stored.strip_prefix("\\x").unwrap_or(&stored))),
    }
}
