//! Sequences inside of expressions.

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{physical_name, quote_literal};

/// Functions that ask what another statement of the session did.
const OF_SESSIONS: &[&str] = &["currval", "lastval"];

impl Lowering<'_> {
    /// `nextval` and its like; `None` for any other call.
    pub(super) fn sequence_call(
        &mut self,
        name: &str,
        pieces: &[Piece],
    ) -> Result<Option<Piece>, DialectError> {
        if OF_SESSIONS.contains(&name) {
            return Err(DialectError::unsupported(format!("{name}()"))
                .with_hint("Return the number from the statement that took it: INSERT … RETURNING."));
        }
        match (name, pieces) {
            ("nextval", [of]) => {
                let (schema, name) = called_sequence(of)?;
                let sequence = self.catalog.sequences.get(&physical_name(&schema, &name)).cloned();
                let sequence = sequence.ok_or_else(|| {
                    DialectError::new("42P01", format!("relation \"{name}\" does not exist"))
                })?;
                Ok(Some(Piece::Typed(self.environment.next_number(&sequence)?, DataType::Int8)))
            }
            ("setval", [_, _, ..]) => {
                Err(DialectError::unsupported("setval() inside of a query")
                    .with_hint("Select it on its own."))
            }
            ("pg_get_serial_sequence", [table, column]) => {
                let (schema, table) = called_sequence(table)?;
                let column = literal_name(column)?;
                let missing = || DialectError::new("42P01", format!("relation \"{table}\" does not exist"));
                let of = self.catalog.table(&schema, &table).ok_or_else(missing)?;
                let found = of.column(&column).ok_or_else(|| {
                    DialectError::new(
                        "42703",
                        format!("column \"{column}\" of relation \"{table}\" does not exist"),
                    )
                })?;
                let name = match (&found.sequence, found.identity) {
                    (Some(key), _) => self.catalog.sequences.get(key).map(|of| of.name.clone()),
                    (None, Some(_)) => Some(format!("{table}_{column}_seq")),
                    (None, None) => None,
                };
                Ok(Some(
                    name.map_or(Piece::Null, |name| Piece::text(quote_literal(&format!("{schema}.{name}")))),
                ))
            }
            _ => Ok(None),
        }
    }
}

/// The schema and name in a literal such as `'public.orders_id_seq'`.
pub fn called_sequence(piece: &Piece) -> Result<(String, String), DialectError> {
    let text = literal_name(piece)?;
    let part = |part: &str| match part.strip_prefix('"').and_then(|part| part.strip_suffix('"')) {
        Some(quoted) => quoted.to_string(),
        None => part.to_lowercase(),
    };
    Ok(match text.split_once('.') {
        Some((schema, name)) => (part(schema), part(name)),
        None => ("public".to_string(), part(&text)),
    })
}

fn literal_name(piece: &Piece) -> Result<String, DialectError> {
    let text = match piece {
        Piece::Unknown(text) => Some(text.clone()),
        Piece::Typed(sql, _) => {
            sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix('\'')).map(ToString::to_string)
        }
        Piece::Null => None,
    };
    text.filter(|text| !text.contains('\''))
        .ok_or_else(|| DialectError::unsupported("a sequence whose name is no literal"))
}
