//! A function's row variables as whole rows: `to_jsonb(NEW)`, `NEW IS DISTINCT FROM OLD`.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::lowering::Lowering;
use super::piece::Piece;
use super::scope::Relation;
use crate::dialect::DialectError;
use crate::dialect::query::json_object;
use crate::schema::DataType;
use crate::sql::balanced;

impl Lowering<'_> {
    /// The row as an object; `None` for any other call.
    pub(super) fn json_of_row(&self, name: &str, function: &Function) -> Option<Piece> {
        let to = match name {
            "to_json" | "row_to_json" => DataType::Json,
            "to_jsonb" => DataType::Jsonb,
            _ => return None,
        };
        let FunctionArguments::List(list) = &function.args else { return None };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else {
            return None;
        };
        let row = self.row_variable(argument)?;
        if is_missing(&row) {
            return Some(Piece::Typed("NULL".to_string(), to));
        }
        let fields = row.columns.into_iter().map(|field| (field.name, field.sql, field.data_type));
        Some(Piece::Typed(json_object(fields), to))
    }

    /// Whether two rows differ; `None` when they are no row variables.
    pub(super) fn distinct_rows(
        &mut self,
        left: &Expr,
        right: &Expr,
        sign: &str,
    ) -> Result<Option<Piece>, DialectError> {
        let (Some(left), Some(right)) = (self.row_variable(left), self.row_variable(right)) else {
            return Ok(None);
        };
        let mut terms = Vec::new();
        for (one, other) in left.columns.into_iter().zip(right.columns) {
            let (one, other) =
                (Piece::Typed(one.sql, one.data_type), Piece::Typed(other.sql, other.data_type));
            let catalog = self.catalog;
            terms.push(self.distinct_values(one, other, sign)?.into_sql(catalog)?);
        }
        let word = if sign == "IS" { " AND " } else { " OR " };
        Ok(Some(Piece::bool(format!("({})", balanced(terms, word)))))
    }

    fn row_variable(&self, of: &Expr) -> Option<Relation> {
        match of {
            Expr::Nested(inner) => self.row_variable(inner),
            Expr::Identifier(name) => {
                self.whole_row(name).filter(|row| row.row.is_empty() && row.schema.is_none())
            }
            _ => None,
        }
    }
}

/// OLD of an INSERT, NEW of a DELETE.
fn is_missing(row: &Relation) -> bool {
    row.columns.iter().all(|field| field.sql == "NULL")
}
