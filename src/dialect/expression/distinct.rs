//! What makes two values the same to DISTINCT, GROUP BY, PARTITION BY and set operations.

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;

impl Lowering<'_> {
    /// SQL whose values are equal in SQLite where Postgres finds the values equal: the value itself for
    /// most types. Refused for types whose equality has no such form.
    pub fn distinct_key(&mut self, piece: Piece) -> Result<String, DialectError> {
        let (sql, data_type) = piece.resolved(self.catalog)?;
        let refused = |data_type: &DataType| {
            Err(DialectError::unsupported(format!(
                "telling values of type {} apart",
                data_type.display_name()
            ))
            .with_hint("Use their text, or ->> for parts of JSON."))
        };
        match &data_type {
            DataType::Numeric(None) => self.once(sql, numeric_digits),
            DataType::Char(_) => Ok(format!("rtrim({sql}, ' ')")),
            DataType::Citext => Ok(format!("{sql} COLLATE NOCASE")),
            DataType::Json => {
                Err(DialectError::new("42883", "could not identify an equality operator for type json"))
            }
            DataType::Interval => self.interval_key(sql),
            // What it comes to: the same lexemes can be made in many ways.
            DataType::Tsvector => Ok(self.vector_text(&sql)),
            DataType::Jsonb | DataType::Composite(_) => refused(&data_type),
            DataType::Array(element) => match element.as_ref() {
                DataType::Numeric(_)
                | DataType::Jsonb
                | DataType::Json
                | DataType::Interval
                | DataType::Citext => refused(&data_type),
                _ => Ok(sql),
            },
            _ => Ok(sql),
        }
    }
}

/// A numeric's text without the zeros that its scale adds: `1.50` → `1.5`.
pub fn numeric_digits(sql: &str) -> String {
    format!("CASE WHEN instr({sql}, '.') THEN rtrim(rtrim({sql}, '0'), '.') ELSE {sql} END")
}
