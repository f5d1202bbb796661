//! Queries inside expressions: EXISTS, IN, and those that stand for a value.

use sqlparser::ast::{BinaryOperator, Expr, Query, SelectItem, SetExpr, Value};

use super::{LoweredQuery, column_name};
use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, Piece};
use crate::sql::raise;

impl Lowering<'_> {
    /// `EXISTS (SELECT …)`.
    pub(in crate::dialect) fn exists(&mut self, query: &Query, negated: bool) -> Result<Piece, DialectError> {
        self.only_in_queries("a subquery")?;
        let lowered = match with_a_column(query) {
            Some(query) => self.subquery(&query)?,
            None => self.subquery(query)?,
        };
        let not = if negated { "NOT " } else { "" };
        Ok(Piece::bool(format!("({not}EXISTS ({}))", lowered.sql)))
    }

    /// `x IN (SELECT …)`, which is `x = ANY (SELECT …)`.
    pub(in crate::dialect) fn in_subquery(
        &mut self,
        value: &Expr,
        query: &Query,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        self.only_in_queries("a subquery")?;
        let value = self.lower(value)?;
        let lowered = self.subquery(query)?;
        let [(_, data_type)] = lowered.columns.as_slice() else {
            return Err(DialectError::new("42601", "subquery has too many columns"));
        };
        let item = format!("\"/item\".{}", column_name(0));
        let (value, key) =
            self.keys(value, &BinaryOperator::Eq, Piece::Typed(item.clone(), data_type.clone()))?;
        let list = if key == item {
            lowered.sql
        } else {
            format!("SELECT {key} FROM ({}) AS \"/item\"", lowered.sql)
        };
        Ok(Piece::bool(format!("({value} {}IN ({list}))", if negated { "NOT " } else { "" })))
    }

    /// `(SELECT …)` as a value. More than one row is an error, which SQLite would not see.
    pub(in crate::dialect) fn scalar_subquery(&mut self, query: &Query) -> Result<Piece, DialectError> {
        let lowered = self.subquery(query)?;
        let [(_, data_type)] = lowered.columns.as_slice() else {
            return Err(DialectError::new("42601", "subquery must return only one column"));
        };
        let data_type = data_type.clone();
        if let Some(value) = lowered.value {
            return Ok(Piece::Typed(value, data_type));
        }
        self.only_in_queries("a subquery")?;
        if lowered.is_single {
            return Ok(Piece::Typed(format!("({})", lowered.sql), data_type));
        }
        let error = raise("'21000:more than one row returned by a subquery used as an expression'");
        let LoweredQuery { sql, .. } = lowered;
        let value = column_name(0);
        Ok(Piece::Typed(
            format!(
                "(SELECT CASE WHEN count(*) > 1 THEN {error} ELSE max(\"/one\".{value}) END FROM (SELECT * FROM ({sql}) LIMIT 2) AS \"/one\")"
            ),
            data_type,
        ))
    }
}

/// `SELECT FROM t` inside of EXISTS, where what is selected does not matter, with something selected.
fn with_a_column(query: &Query) -> Option<Query> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if !select.projection.is_empty() {
        return None;
    }
    let mut select = select.clone();
    select.projection.push(SelectItem::UnnamedExpr(Expr::value(Value::Null)));
    Some(Query { body: Box::new(SetExpr::Select(select)), ..query.clone() })
}
