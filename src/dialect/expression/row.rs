//! Rows of values: `(a, b) = (c, d)`, `(a, b) IN (…)`, `ROW(a, b) < ROW(c, d)`.

use sqlparser::ast::{BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query};

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::sql::balanced;

impl Lowering<'_> {
    /// A comparison of two rows, field by field; `None` when neither side is one.
    pub(super) fn row_comparison(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Option<Piece>, DialectError> {
        let (Some(left), Some(right)) = (row_fields(left), row_fields(right)) else { return Ok(None) };
        let pairs = self.pairs(&left, &right)?;
        self.compare_rows(&pairs, operator).map(|sql| Some(Piece::bool(sql)))
    }

    fn pairs(&mut self, left: &[&Expr], right: &[&Expr]) -> Result<Vec<(Piece, Piece)>, DialectError> {
        if left.len() != right.len() {
            return Err(DialectError::new("42601", "unequal number of entries in row expressions"));
        }
        left.iter().zip(right).map(|(one, other)| Ok((self.lower(one)?, self.lower(other)?))).collect()
    }

    fn compare_rows(
        &mut self,
        pairs: &[(Piece, Piece)],
        operator: &BinaryOperator,
    ) -> Result<String, DialectError> {
        use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        match operator {
            Eq | NotEq => {
                let mut terms = Vec::new();
                for (left, right) in pairs {
                    terms.push(self.compare(left.clone(), operator, right.clone())?);
                }
                Ok(balanced(terms, if *operator == Eq { " AND " } else { " OR " }))
            }
            Lt | LtEq | Gt | GtEq => {
                let Some(((left, right), rest)) = pairs.split_first() else {
                    return Ok(if matches!(operator, LtEq | GtEq) { "TRUE" } else { "FALSE" }.to_string());
                };
                if rest.is_empty() {
                    return self.compare(left.clone(), operator, right.clone());
                }
                let strict = if matches!(operator, Lt | LtEq) { Lt } else { Gt };
                let before = self.compare(left.clone(), &strict, right.clone())?;
                let same = self.compare(left.clone(), &Eq, right.clone())?;
                let rest = self.compare_rows(rest, operator)?;
                Ok(format!("({before} OR ({same} AND {rest}))"))
            }
            _ => Err(DialectError::unsupported("this operator between rows")),
        }
    }

    pub(super) fn row_in_list(
        &mut self,
        row: &Expr,
        list: &[Expr],
        negated: bool,
    ) -> Result<Piece, DialectError> {
        let fields = row_fields(row).unwrap_or_default();
        let mut terms = Vec::new();
        for item in list {
            let item = row_fields(item)
                .ok_or_else(|| DialectError::new("42601", "unequal number of entries in row expressions"))?;
            let pairs = self.pairs(&fields, &item)?;
            terms.push(self.compare_rows(&pairs, &BinaryOperator::Eq)?);
        }
        let any = balanced(terms, " OR ");
        Ok(Piece::bool(if negated { format!("(NOT ({any}))") } else { any }))
    }

    pub(super) fn row_in_subquery(
        &mut self,
        row: &Expr,
        query: &Query,
        negated: bool,
    ) -> Result<Piece, DialectError> {
        self.only_in_queries("a subquery")?;
        let fields = row_fields(row).unwrap_or_default();
        let pieces: Vec<Piece> = fields.iter().map(|field| self.lower(field)).collect::<Result<_, _>>()?;
        let lowered = self.subquery(query)?;
        if lowered.columns.len() != pieces.len() {
            let few = if lowered.columns.len() < pieces.len() { "few" } else { "many" };
            return Err(DialectError::new("42601", format!("subquery has too {few} columns")));
        }
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (index, (piece, (_, data_type))) in pieces.into_iter().zip(&lowered.columns).enumerate() {
            let column = Piece::Typed(lowered.column_sql(index, "item"), data_type.clone());
            let (one, other) = self.keys(piece, &BinaryOperator::Eq, column)?;
            left.push(one);
            right.push(other);
        }
        let not = if negated { "NOT " } else { "" };
        Ok(Piece::bool(format!(
            "(({}) {not}IN (SELECT {} FROM ({}) AS \"/item\"))",
            left.join(", "),
            right.join(", "),
            lowered.sql
        )))
    }

    /// `IS NULL`, which for a row asks it of every field, as `IS NOT NULL` does.
    pub(super) fn null_test(&mut self, inner: &Expr, test: &str) -> Result<Piece, DialectError> {
        if let Expr::Identifier(name) = inner
            && let Some(row) = self.whole_row(name)
        {
            let columns = row.columns.iter();
            let mut terms: Vec<String> =
                columns.map(|field| format!("{} {test}", row.sql_of(field))).collect();
            // A record that nothing was put into is NULL.
            if terms.is_empty() {
                terms.push(format!("NULL {test}"));
            }
            return Ok(Piece::bool(format!("({})", balanced(terms, " AND "))));
        }
        let Some(fields) = row_fields(inner) else { return self.test(inner, test) };
        let mut terms = Vec::new();
        for field in fields {
            terms.push(self.test(field, test)?.into_sql(self.catalog)?);
        }
        Ok(Piece::bool(balanced(terms, " AND ")))
    }

    pub(super) fn distinct_from(
        &mut self,
        left: &Expr,
        right: &Expr,
        sign: &str,
    ) -> Result<Piece, DialectError> {
        let (Some(one), Some(other)) = (row_fields(left), row_fields(right)) else {
            return self.distinct(left, right, sign);
        };
        if one.len() != other.len() {
            return Err(DialectError::new("42601", "unequal number of entries in row expressions"));
        }
        let mut terms = Vec::new();
        for (one, other) in one.iter().zip(other) {
            terms.push(self.distinct(one, other, sign)?.into_sql(self.catalog)?);
        }
        Ok(Piece::bool(balanced(terms, if sign == "IS" { " AND " } else { " OR " })))
    }
}

/// The fields of `(a, b)` and `ROW(a, b)`; `None` for any other expression.
pub fn row_fields(expression: &Expr) -> Option<Vec<&Expr>> {
    match expression {
        Expr::Nested(inner) => row_fields(inner),
        Expr::Tuple(fields) => Some(fields.iter().collect()),
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("row") => {
            let FunctionArguments::List(list) = &function.args else { return None };
            let field = |argument: &'_ FunctionArg| {
                matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)))
            };
            if !list.args.iter().all(field) {
                return None;
            }
            let fields = list.args.iter().filter_map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
                _ => None,
            });
            Some(fields.collect())
        }
        _ => None,
    }
}
