//! A whole row as a value, which only functions that make JSON of it may take.

use sqlparser::ast::{Expr, FunctionArgExpr};

use super::json_object;
use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, Piece, Relation, relation};
use crate::dialect::name;
use crate::schema::DataType;

/// The functions that take rows.
const OF_ROWS: &[&str] = &["row_to_json", "to_json", "to_jsonb", "json_agg", "jsonb_agg", "count"];

impl Lowering<'_> {
    /// The row that an argument names, as JSON: `row_to_json(t)`, `jsonb_agg(t.*)`. `None` for any other
    /// argument.
    pub(in crate::dialect) fn row_argument(
        &mut self,
        function: &str,
        argument: &FunctionArgExpr,
    ) -> Result<Option<Piece>, DialectError> {
        if !OF_ROWS.contains(&function) {
            return Ok(None);
        }
        let (schema, table) = match argument {
            FunctionArgExpr::Expr(Expr::Identifier(of)) => {
                let of = name::folded(of);
                let is_column = self.scopes.iter().any(|scope| {
                    scope
                        .relations
                        .iter()
                        .any(|relation| relation.columns.iter().any(|field| field.name == of))
                });
                if is_column || relation(&self.scopes, None, &of).is_err() {
                    return Ok(None);
                }
                (None, of)
            }
            FunctionArgExpr::QualifiedWildcard(object) => {
                let mut parts = name::parts(object)?;
                let table = parts.pop().unwrap_or_default();
                (parts.pop(), table)
            }
            _ => return Ok(None),
        };
        let relation = relation(&self.scopes, schema.as_deref(), &table)?.clone();
        if relation.schema.as_deref() == Some(super::FUNCTION_SCHEMA) {
            return Ok(None);
        }
        let is_binary = function.starts_with("jsonb") || function == "to_jsonb";
        self.row_object(&relation, is_binary).map(Some)
    }

    fn row_object(&mut self, relation: &Relation, is_binary: bool) -> Result<Piece, DialectError> {
        let mut columns = Vec::new();
        for field in &relation.columns {
            let sql = relation.sql_of(field);
            self.grouped_column(&sql, &field.name)?;
            let sql = self.staged_column(sql);
            columns.push((field.name.clone(), sql, field.data_type.clone()));
        }
        let present: Vec<String> = columns.iter().map(|(_, sql, _)| sql.clone()).collect();
        if is_binary {
            columns.sort_by(|(one, ..), (other, ..)| (one.len(), one).cmp(&(other.len(), other)));
        }
        let mut sql = json_object(columns.into_iter());
        if self.outer_rows.contains(&relation.row) {
            let tests: Vec<String> = present.iter().map(|sql| format!("{sql} IS NOT NULL")).collect();
            sql = format!("CASE WHEN {} THEN {sql} END", crate::sql::balanced(tests, " OR "));
        }
        Ok(Piece::Typed(sql, if is_binary { DataType::Jsonb } else { DataType::Json }))
    }
}
