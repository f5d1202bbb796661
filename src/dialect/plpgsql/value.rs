//! A function that only reads, as one expression.

use super::machine::{Machine, Outcome, Returned};
use super::sink::{Sink, over_layers};
use crate::dialect::DialectError;
use crate::dialect::expression::Piece;
use crate::schema::DataType;
use crate::sql::raise;

impl Machine<'_> {
    /// After the run of a function that gives one value of a type: the expression of that value. A
    /// function that ends without RETURN raises, as in Postgres.
    pub fn value(mut self, data_type: &DataType) -> Result<Piece, DialectError> {
        let mut value = self.returned(data_type)?;
        if !self.guards.is_empty() {
            value = format!("CASE WHEN {} THEN {value} END", crate::sql::balanced(self.guards, " AND "));
        }
        let Sink::Layers { alias, layers } = self.sink else {
            return Err(DialectError::unsupported("a function that writes in an expression"));
        };
        let sql =
            if layers.is_empty() { value } else { format!("({})", over_layers(&alias, &layers, &value)) };
        Ok(Piece::Typed(sql, data_type.clone()))
    }

    /// The value of the first RETURN that was reached.
    pub fn returned(&mut self, data_type: &DataType) -> Result<String, DialectError> {
        let mut arms = Vec::new();
        for Outcome { condition, returned } in std::mem::take(&mut self.outcomes) {
            let sql = match returned {
                Returned::Null => "NULL".to_string(),
                Returned::Value(piece) => {
                    self.lowered(|lowering| lowering.assign_in_function(piece, data_type))?
                }
                Returned::Nothing | Returned::Row(_) | Returned::Rows(_) => {
                    return Err(DialectError::unsupported("a function of rows in an expression"));
                }
            };
            arms.push((condition, sql));
        }
        let mut value = if self.state.running.is_never() {
            "NULL".to_string()
        } else {
            raise("'2F005:control reached end of function without RETURN'")
        };
        for (condition, sql) in arms.into_iter().rev() {
            value = match condition.is_always() {
                true => sql,
                false => format!("CASE WHEN {} THEN {sql} ELSE {value} END", condition.to_sql()),
            };
        }
        Ok(value)
    }
}
