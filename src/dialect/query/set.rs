//! UNION, INTERSECT, EXCEPT and VALUES: rows of several queries, brought to the same types.

use sqlparser::ast::{OrderByExpr, SetExpr, SetOperator, SetQuantifier, Values};

use super::select::Output;
use super::{LoweredQuery, column_name};
use crate::dialect::DialectError;
use crate::dialect::expression::{Lowering, Piece, common_type};
use crate::schema::DataType;

/// SQLite on D1 takes five terms in a compound SELECT; longer chains nest.
const MOST_TERMS: usize = 4;

impl Lowering<'_> {
    pub(super) fn set(&mut self, body: &SetExpr) -> Result<LoweredQuery, DialectError> {
        match body {
            SetExpr::Select(select) => self.in_scope(|lowering| lowering.select(select, Vec::new())),
            SetExpr::Query(query) => {
                let lowered = self.subquery(query)?;
                Ok(LoweredQuery { sql: format!("SELECT * FROM ({})", lowered.sql), ..lowered })
            }
            SetExpr::Values(values) => self.values(values, None),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                self.targets.clear();
                self.set_operation(left, *op, *set_quantifier, right)
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) => {
                Err(DialectError::unsupported("a statement that writes inside of a query")
                    .with_hint("Write it as a statement of its own; a file is one transaction."))
            }
            _ => Err(DialectError::unsupported("this form of query")),
        }
    }

    fn set_operation(
        &mut self,
        left: &SetExpr,
        operator: SetOperator,
        quantifier: SetQuantifier,
        right: &SetExpr,
    ) -> Result<LoweredQuery, DialectError> {
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::None | SetQuantifier::Distinct => false,
            _ => return Err(DialectError::unsupported(format!("{operator} {quantifier}"))),
        };
        // A chain of one operator is one list.
        let mut operands = vec![right];
        let mut first = left;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = first
            && *op == operator
            && *set_quantifier == quantifier
            && operator == SetOperator::Union
        {
            operands.push(right);
            first = left;
        }
        operands.push(first);
        operands.reverse();
        let mut queries: Vec<LoweredQuery> = Vec::new();
        let mut untyped: Vec<Vec<bool>> = Vec::new();
        for operand in &operands {
            self.untyped.clear();
            queries.push(self.set(operand)?);
            untyped.push(std::mem::take(&mut self.untyped));
        }
        let types = self.set_types(operator, &queries, &untyped)?;
        let mut terms = Vec::new();
        for ((operand, query), untyped) in operands.iter().zip(queries.iter_mut()).zip(&untyped) {
            // Literals take the type of what they meet: lowered again, now that it is known.
            if untyped.contains(&true) && query.columns.iter().zip(&types).any(|((_, of), to)| of != to) {
                self.targets = types.clone();
                *query = self.set(operand)?;
                self.targets.clear();
            }
            terms.push(self.of_types(query, &types)?);
        }
        let columns: Vec<(String, DataType)> = queries
            .first()
            .map(|query| query.columns.iter().zip(&types).map(|((name, _), of)| (name.clone(), of.clone())))
            .into_iter()
            .flatten()
            .collect();
        self.note_computed();
        let whole = LoweredQuery { sql: String::new(), columns, is_single: false, value: None };
        if operator == SetOperator::Union && !all {
            let keys = self.row_keys(&whole, "union")?;
            let columns: Vec<String> =
                (0..types.len()).map(|index| whole.column_sql(index, "union")).collect();
            if keys != columns {
                // Values that are equal though their texts differ are one by a key of theirs.
                let sql = format!(
                    "SELECT * FROM ({}) AS \"/union\" GROUP BY {}",
                    compound(terms, "UNION ALL"),
                    keys.join(", ")
                );
                return Ok(LoweredQuery { sql, ..whole });
            }
        } else if operator != SetOperator::Union {
            self.comparable_rows(&whole)?;
        }
        let sql = match (operator, all) {
            (SetOperator::Union, true) => compound(terms, "UNION ALL"),
            (SetOperator::Union, false) => compound(terms, "UNION"),
            (SetOperator::Except, false) => terms.join(" EXCEPT "),
            (SetOperator::Intersect, false) => terms.join(" INTERSECT "),
            (SetOperator::Except, true) => counted(&terms, "EXCEPT", types.len()),
            (SetOperator::Intersect, true) => counted(&terms, "INTERSECT", types.len()),
            _ => return Err(DialectError::unsupported(operator)),
        };
        Ok(LoweredQuery { sql, ..whole })
    }

    /// The common type of each column.
    fn set_types(
        &self,
        operator: SetOperator,
        queries: &[LoweredQuery],
        untyped: &[Vec<bool>],
    ) -> Result<Vec<DataType>, DialectError> {
        let width = queries.first().map_or(0, |query| query.columns.len());
        if queries.iter().any(|query| query.columns.len() != width) {
            return Err(DialectError::new(
                "42601",
                format!("each {operator} query must have the same number of columns"),
            ));
        }
        let mut types = Vec::new();
        for index in 0..width {
            let mut common: Option<DataType> = None;
            for (query, untyped) in queries.iter().zip(untyped) {
                let Some((_, data_type)) = query.columns.get(index) else { continue };
                if untyped.get(index) == Some(&true) {
                    continue;
                }
                common = Some(match common {
                    None => data_type.clone(),
                    Some(common) => common_type(&common, data_type).ok_or_else(|| {
                        let (one, other) = (common.display_name(), data_type.display_name());
                        DialectError::new(
                            "42804",
                            format!("{operator} types {one} and {other} cannot be matched"),
                        )
                    })?,
                });
            }
            types.push(common.unwrap_or(DataType::Text));
        }
        Ok(types)
    }

    /// A term of a compound SELECT, its columns of these types.
    fn of_types(&mut self, query: &LoweredQuery, types: &[DataType]) -> Result<String, DialectError> {
        if query.columns.iter().zip(types).all(|((_, of), to)| of == to) {
            return Ok(format!("SELECT * FROM ({})", query.sql));
        }
        let mut list = Vec::new();
        for (index, ((_, of), to)) in query.columns.iter().zip(types).enumerate() {
            let piece = Piece::Typed(query.column_sql(index, "term"), of.clone());
            list.push(format!("{} AS {}", self.implicit(piece, to)?, column_name(index)));
        }
        Ok(format!("SELECT {} FROM ({}) AS \"/term\"", list.join(", "), query.sql))
    }

    /// What tells the values of a query's columns apart, under an alias.
    fn row_keys(&mut self, query: &LoweredQuery, alias: &str) -> Result<Vec<String>, DialectError> {
        let columns: Vec<Piece> = query
            .columns
            .iter()
            .enumerate()
            .map(|(index, (_, data_type))| Piece::Typed(query.column_sql(index, alias), data_type.clone()))
            .collect();
        columns.into_iter().map(|column| self.distinct_key(column)).collect()
    }

    /// Refuses rows that SQLite would tell apart where Postgres finds them equal.
    pub(super) fn comparable_rows(&mut self, query: &LoweredQuery) -> Result<(), DialectError> {
        for (_, data_type) in &query.columns {
            let plain = Piece::Typed("x".into(), data_type.clone());
            if self.distinct_key(plain)? != "x" {
                return Err(DialectError::unsupported(format!(
                    "a set operation that compares values of type {}",
                    data_type.display_name()
                ))
                .with_hint("UNION ALL compares nothing."));
            }
        }
        Ok(())
    }

    /// A set operation's ORDER BY names its columns only.
    pub(super) fn ordered_set(
        &mut self,
        set: LoweredQuery,
        order: &[OrderByExpr],
    ) -> Result<LoweredQuery, DialectError> {
        if order.is_empty() {
            return Ok(set);
        }
        let outputs: Vec<Output> = set
            .columns
            .iter()
            .enumerate()
            .map(|(index, (name, data_type))| Output {
                name: name.clone(),
                sql: set.column_sql(index, "ordered"),
                data_type: data_type.clone(),
            })
            .collect();
        let terms = self.order_terms(order, &outputs)?;
        Ok(LoweredQuery {
            sql: format!("SELECT * FROM ({}) AS \"/ordered\" ORDER BY {terms}", set.sql),
            ..set
        })
    }

    /// `VALUES (…), (…)`; `types` are those of an INSERT's columns.
    pub(in crate::dialect) fn values(
        &mut self,
        values: &Values,
        types: Option<&[DataType]>,
    ) -> Result<LoweredQuery, DialectError> {
        let mut rows: Vec<Vec<Piece>> = Vec::new();
        for row in &values.rows {
            rows.push(row.content.iter().map(|value| self.lower(value)).collect::<Result<_, _>>()?);
        }
        let width = rows.first().map_or(0, Vec::len);
        if rows.iter().any(|row| row.len() != width) {
            return Err(DialectError::new("42601", "VALUES lists must all be the same length"));
        }
        let mut columns = Vec::new();
        let mut sql_rows: Vec<Vec<String>> = vec![Vec::new(); rows.len()];
        let mut untyped = Vec::new();
        for index in 0..width {
            let column: Vec<Piece> = rows.iter().filter_map(|row| row.get(index).cloned()).collect();
            let is_untyped = column.iter().all(|piece| piece.data_type().is_none());
            let target = types.and_then(|types| types.get(index));
            let target = target.or_else(|| self.targets.get(index).filter(|_| is_untyped));
            let (sql, data_type) = match target.cloned() {
                Some(to) => {
                    let sql: Result<Vec<String>, DialectError> =
                        column.into_iter().map(|piece| self.assign(piece, &to)).collect();
                    (sql?, to)
                }
                None => self.unify("VALUES", column)?,
            };
            for (row, sql) in sql_rows.iter_mut().zip(sql) {
                row.push(sql);
            }
            columns.push((format!("column{}", index + 1), data_type));
            untyped.push(is_untyped);
        }
        self.untyped = untyped;
        // SQLite names a column of VALUES after a column that stands there alone in the first row.
        sql_rows.iter_mut().take(1).flatten().for_each(|sql| *sql = format!("+({sql})"));
        let names = (0..width).map(|index| format!("column{} AS {}", index + 1, column_name(index)));
        let rows = sql_rows.iter().map(|row| format!("({})", row.join(", ")));
        let sql = format!(
            "SELECT {} FROM (VALUES {})",
            names.collect::<Vec<_>>().join(", "),
            rows.collect::<Vec<_>>().join(", ")
        );
        Ok(LoweredQuery { sql, columns, is_single: values.rows.len() <= 1, value: None })
    }

    fn in_scope<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, DialectError>,
    ) -> Result<T, DialectError> {
        let scopes = self.scopes.len();
        let result = work(self);
        self.scopes.truncate(scopes);
        (self.aggregates_allowed, self.grouping, self.windows) = (false, None, None);
        result
    }
}

/// Terms of a chain, in compounds of few terms.
fn compound(mut terms: Vec<String>, operator: &str) -> String {
    while terms.len() > MOST_TERMS {
        terms = terms
            .chunks(MOST_TERMS)
            .map(|chunk| match chunk {
                [one] => one.clone(),
                chunk => format!("SELECT * FROM ({})", chunk.join(&format!(" {operator} "))),
            })
            .collect();
    }
    terms.join(&format!(" {operator} "))
}

/// `EXCEPT ALL` and `INTERSECT ALL`: equal rows are told apart by their number.
fn counted(terms: &[String], operator: &str, width: usize) -> String {
    let columns: Vec<String> = (0..width).map(column_name).collect();
    let columns = columns.join(", ");
    let numbered: Vec<String> = terms
        .iter()
        .map(|term| {
            format!(
                "SELECT {columns}, row_number() OVER (PARTITION BY {columns}) AS \"/number\" FROM ({term})"
            )
        })
        .collect();
    format!("SELECT {columns} FROM ({})", numbered.join(&format!(" {operator} ")))
}
