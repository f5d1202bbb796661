//! ORDER BY and LIMIT.

use sqlparser::ast::{
    Expr, Fetch, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderBySort, UnaryOperator, Value,
};

use super::select::Output;
use crate::dialect::expression::{Family, Lowering, Piece, Relation, Scope, family};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::raise;

impl Lowering<'_> {
    /// ORDER BY terms; a bare name or number is an output first. Postgres puts NULLs last, or first when descending.
    pub(super) fn order_terms(
        &mut self,
        order: &[OrderByExpr],
        outputs: &[Output],
    ) -> Result<String, DialectError> {
        let mut terms = Vec::new();
        for (key, direction) in self.order_keys(order, outputs)? {
            terms.push(format!("{key} {direction}"));
        }
        Ok(terms.join(", "))
    }

    /// The same in two: what sorts, and which way.
    pub(super) fn order_keys(
        &mut self,
        order: &[OrderByExpr],
        outputs: &[Output],
    ) -> Result<Vec<(String, String)>, DialectError> {
        let mut keys = Vec::new();
        for term in order {
            if term.with_fill.is_some() {
                return Err(DialectError::unsupported("this form of ORDER BY"));
            }
            let piece = match find_output(&term.expr, outputs)? {
                Some(output) => Piece::Typed(output.sql.clone(), output.data_type.clone()),
                None => self.lower(&term.expr)?,
            };
            let key = self.order_key(piece)?;
            // SQLite would take a bare number for a column's position.
            let key = if key.parse::<i64>().is_ok() { format!("(+{key})") } else { key };
            let descends = match &term.options.sort {
                None | Some(OrderBySort::Asc) => false,
                Some(OrderBySort::Desc) => true,
                Some(OrderBySort::Using(_)) => return Err(DialectError::unsupported("ORDER BY … USING")),
            };
            let nulls_first = term.options.nulls_first.unwrap_or(descends);
            let direction = format!(
                "{} NULLS {}",
                if descends { "DESC" } else { "ASC" },
                if nulls_first { "FIRST" } else { "LAST" }
            );
            keys.push((key, direction));
        }
        Ok(keys)
    }

    /// The LIMIT clause, and whether it lets one row through at most.
    pub(super) fn limit(
        &mut self,
        clause: Option<&LimitClause>,
        fetch: Option<&Fetch>,
    ) -> Result<Option<(String, bool)>, DialectError> {
        let (mut limit, offset) = match clause {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref().map(|offset| &offset.value))
            }
            Some(_) => return Err(DialectError::unsupported("this form of LIMIT")),
        };
        let one = Expr::value(Value::Number("1".into(), false));
        if let Some(fetch) = fetch {
            if fetch.with_ties || fetch.percent || limit.is_some() {
                return Err(DialectError::unsupported("FETCH FIRST … WITH TIES"));
            }
            limit = Some(fetch.quantity.as_ref().unwrap_or(&one));
        }
        if limit.is_none() && offset.is_none() {
            return Ok(None);
        }
        let limit = limit.map(|limit| self.row_count(limit, "LIMIT", "-1")).transpose()?;
        let limit = limit.unwrap_or_else(|| "-1".to_string());
        let offset = offset.map(|offset| self.row_count(offset, "OFFSET", "0")).transpose()?;
        let offset = offset.map(|offset| format!(" OFFSET {offset}")).unwrap_or_default();
        let is_single = matches!(limit.as_str(), "0" | "1");
        Ok(Some((format!(" LIMIT {limit}{offset}"), is_single)))
    }

    /// A number of rows: a literal, or an expression of no column. NULL is as if it were not there.
    fn row_count(&mut self, expression: &Expr, word: &str, none: &str) -> Result<String, DialectError> {
        let code = if word == "LIMIT" { "2201W" } else { "2201X" };
        let negative = format!("{word} must not be negative");
        if let Expr::Value(value) = expression {
            match &value.value {
                Value::Number(digits, _) if digits.parse::<i64>().is_ok() => return Ok(digits.clone()),
                Value::Null => return Ok(none.to_string()),
                _ => {}
            }
        }
        if matches!(expression, Expr::UnaryOp { op: UnaryOperator::Minus, .. }) {
            return Err(DialectError::new(code, negative));
        }
        let scopes = std::mem::take(&mut self.scopes);
        // A value from outside the statement may be named, a column may not.
        let is_value = |relation: &&Relation| relation.row.is_empty() && !relation.name.is_empty();
        let values =
            |scope: &Scope| Scope { relations: scope.relations.iter().filter(is_value).cloned().collect() };
        self.scopes = scopes.iter().map(values).collect();
        let piece = self.lower(expression);
        self.scopes = scopes;
        let piece = match piece {
            Err(error) if error.code == "42703" => {
                return Err(DialectError::new(
                    "42P10",
                    format!("argument of {word} must not contain variables"),
                ));
            }
            piece => piece?,
        };
        let sql = match piece.data_type().map(family) {
            Some(Family::Number(0..=2)) => piece.into_sql(self.catalog)?,
            Some(Family::Number(3)) | None => self.implicit_integer(piece)?,
            _ => return Err(DialectError::unsupported(format!("{word} of {}", piece.type_name()))),
        };
        let error = raise(&format!("'{code}:{negative}'"));
        self.once(sql, |value| {
            format!("CASE WHEN {value} IS NULL THEN {none} WHEN {value} < 0 THEN {error} ELSE {value} END")
        })
        .map(|sql| format!("({sql})"))
    }

    fn implicit_integer(&mut self, piece: Piece) -> Result<String, DialectError> {
        self.assign(piece, &DataType::Int8)
    }
}

pub(super) fn order_expressions(order: &OrderBy) -> Result<Vec<OrderByExpr>, DialectError> {
    match &order.kind {
        OrderByKind::Expressions(expressions) if order.interpolate.is_none() => Ok(expressions.clone()),
        _ => Err(DialectError::unsupported("this form of ORDER BY")),
    }
}

pub(super) fn find_output<'a>(
    expression: &Expr,
    outputs: &'a [Output],
) -> Result<Option<&'a Output>, DialectError> {
    match expression {
        Expr::Identifier(of) => Ok(outputs.iter().find(|output| output.name == name::folded(of))),
        Expr::Value(value) if !outputs.is_empty() => match &value.value {
            Value::Number(digits, _) => {
                let index = digits.parse::<usize>().ok().and_then(|index| index.checked_sub(1));
                index.and_then(|index| outputs.get(index)).map(Some).ok_or_else(|| {
                    DialectError::new("42P10", format!("ORDER BY position {digits} is not in select list"))
                })
            }
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}
