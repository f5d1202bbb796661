//! Values of composite types: `ROW(1, 'a')::pair`, `(column).field`, `IS NULL`.

use sqlparser::ast::{AccessExpr, Expr};

use super::lowering::Lowering;
use super::piece::Piece;
use super::row::row_fields;
use crate::dialect::DialectError;
use crate::dialect::name::folded;
use crate::dialect::query::json_object;
use crate::schema::{DataType, Table};
use crate::sql::quote_literal;

impl Lowering<'_> {
    fn composite(&self, of: &DataType) -> Option<&Table> {
        match of {
            DataType::Composite(name) => self.catalog.composites.get(name),
            _ => None,
        }
    }

    /// An expression as a value of a type, where a row of values becomes one of a composite type.
    pub fn lower_as(&mut self, expression: &Expr, to: &DataType) -> Result<Piece, DialectError> {
        let (Some(fields), Some(of)) = (row_fields(expression), self.composite(to).cloned()) else {
            return self.lower(expression);
        };
        if fields.len() != of.columns.len() {
            return Err(DialectError::new("42846", format!("cannot cast type record to {}", of.name)));
        }
        let mut members = Vec::new();
        for (field, column) in fields.into_iter().zip(&of.columns) {
            let piece = self.lower_as(field, &column.data_type)?;
            members.push((
                column.name.clone(),
                self.explicit(piece, &column.data_type)?,
                column.data_type.clone(),
            ));
        }
        Ok(Piece::Typed(json_object(members.into_iter()), to.clone()))
    }

    /// `(value).field`; `None` when the value is of no composite type.
    pub(super) fn field_of_composite(
        &mut self,
        root: &Expr,
        chain: &[AccessExpr],
    ) -> Result<Option<Piece>, DialectError> {
        let [AccessExpr::Dot(Expr::Identifier(field)), rest @ ..] = chain else { return Ok(None) };
        let Piece::Typed(mut sql, mut data_type) = self.lower(root)? else { return Ok(None) };
        let mut field = field;
        let mut rest = rest;
        loop {
            let Some(of) = self.composite(&data_type) else { return Ok(None) };
            let name = folded(field);
            let Some(column) = of.column(&name) else {
                let message = format!("column \"{name}\" not found in data type {}", of.name);
                return Err(DialectError::new("42703", message));
            };
            data_type = column.data_type.clone();
            sql = member(&sql, &name, &data_type)?;
            match rest {
                [] => return Ok(Some(Piece::Typed(sql, data_type))),
                [AccessExpr::Dot(Expr::Identifier(next)), behind @ ..] => (field, rest) = (next, behind),
                _ => return Ok(None),
            }
        }
    }

    /// `IS [NOT] NULL` of a composite value asks it of every field.
    pub(super) fn composite_test(&mut self, sql: &str, test: &str) -> Result<Option<Piece>, DialectError> {
        self.only_in_queries("a null test of a composite value")?;
        let fields = format!("SELECT 1 FROM json_each({sql}) AS \"/field\" WHERE \"/field\".type");
        Ok(match test {
            "IS NULL" => Some(Piece::bool(format!("(NOT EXISTS ({fields} <> 'null'))"))),
            "IS NOT NULL" => {
                Some(Piece::bool(format!("({sql} IS NOT NULL AND NOT EXISTS ({fields} = 'null'))")))
            }
            _ => None,
        })
    }
}

/// A field's value in its stored form.
fn member(sql: &str, name: &str, of: &DataType) -> Result<String, DialectError> {
    let path = quote_literal(&format!("$.\"{name}\""));
    match of {
        DataType::Numeric(_)
        | DataType::Json
        | DataType::Jsonb
        | DataType::Array(_)
        | DataType::Composite(_) => Ok(format!("nullif({sql} -> {path}, 'null')")),
        DataType::Float4 | DataType::Float8 => Ok(format!("CAST({sql} ->> {path} AS REAL)")),
        DataType::Bytea | DataType::Tsvector | DataType::Tsquery => Err(DialectError::unsupported(format!(
            "a field of type {} of a composite value",
            of.display_name()
        ))),
        _ => Ok(format!("({sql} ->> {path})")),
    }
}
