//! SELECT, VALUES, set operations, WITH.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, LimitClause, OrderBy, OrderByExpr, OrderByKind, OrderBySort, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, SetOperator, SetQuantifier, Spanned, Value, Values,
    With,
};

use super::aggregate::{Grouping, has_aggregate};
use super::output_name::output_name;
use super::relation::{fields, rename};
use super::{LoweredQuery, column_name};
use crate::dialect::expression::{Field, Lowering, Piece, relation};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::{balanced, quote_identifier};

/// A WITH query that names may refer to.
#[derive(Clone, Debug)]
pub struct CommonTable {
    name: String,
    /// Its SQLite name, quoted.
    pub sql: String,
    columns: Vec<Field>,
}

impl CommonTable {
    /// Its columns under an alias.
    pub fn fields(&self, alias: Option<&sqlparser::ast::TableAlias>) -> Result<Vec<Field>, DialectError> {
        let mut columns = self.columns.clone();
        if let Some(alias) = alias {
            rename(&mut columns, alias)?;
        }
        Ok(columns)
    }
}

impl Lowering<'_> {
    /// Lowers a query in the present scopes, apart from the grouping around it.
    pub(in crate::dialect) fn subquery(&mut self, query: &Query) -> Result<LoweredQuery, DialectError> {
        let outside = (std::mem::take(&mut self.aggregates_allowed), self.grouping.take());
        let (scopes, tables) = (self.scopes.len(), self.common_tables.len());
        let lowered = self.query(query);
        self.scopes.truncate(scopes);
        self.common_tables.truncate(tables);
        (self.aggregates_allowed, self.grouping) = outside;
        lowered
    }

    /// The WITH query of a name.
    pub(super) fn common_table(&self, name: &str) -> Option<CommonTable> {
        self.common_tables.iter().rev().find(|table| table.name == name).cloned()
    }

    fn query(&mut self, query: &Query) -> Result<LoweredQuery, DialectError> {
        let plain = query.fetch.is_none()
            && query.locks.is_empty()
            && query.for_clause.is_none()
            && query.settings.is_none()
            && query.format_clause.is_none()
            && query.pipe_operators.is_empty();
        if !plain {
            return Err(DialectError::unsupported(query).with_hint("FETCH and FOR UPDATE are not supported."));
        }
        let with = query.with.as_ref().map(|with| self.with(with)).transpose()?;
        let order = query.order_by.as_ref().map(order_expressions).transpose()?.unwrap_or_default();
        if !matches!(query.body.as_ref(), SetExpr::Select(_)) || query.with.is_some() {
            self.targets.clear();
        }
        let mut lowered = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order)?,
            SetExpr::Query(inner) if order.is_empty() => self.subquery(inner)?,
            body => {
                let set = self.set(body)?;
                self.ordered_set(set, order)?
            }
        };
        if let Some(limit) = &query.limit_clause {
            let (limit, is_single) = self.limit(limit)?;
            lowered.is_single |= is_single;
            lowered.value = None;
            lowered.sql = format!("{}{limit}", wrapped_if_limited(lowered.sql, query.body.as_ref()));
        }
        if let Some(with) = with {
            lowered.value = None;
            lowered.sql = format!("{with} {}", lowered.sql);
        }
        Ok(lowered)
    }

    fn with(&mut self, with: &With) -> Result<String, DialectError> {
        if with.recursive {
            return Err(DialectError::unsupported("WITH RECURSIVE"));
        }
        let mut tables = Vec::new();
        for table in &with.cte_tables {
            let lowered = self.subquery(&table.query)?;
            let mut columns = fields(&lowered.columns);
            rename(&mut columns, &table.alias)?;
            let sql = quote_identifier(&self.alias());
            self.note_common_table(&sql);
            tables.push(format!("{sql} AS ({})", lowered.sql));
            self.common_tables.push(CommonTable { name: name::folded(&table.alias.name), sql, columns });
        }
        Ok(format!("WITH {}", tables.join(", ")))
    }

    fn set(&mut self, body: &SetExpr) -> Result<LoweredQuery, DialectError> {
        match body {
            SetExpr::Select(select) => self.in_scope(|lowering| lowering.select(select, Vec::new())),
            SetExpr::Query(query) => {
                let lowered = self.subquery(query)?;
                Ok(LoweredQuery { sql: format!("SELECT * FROM ({})", lowered.sql), ..lowered })
            }
            SetExpr::Values(values) => self.values(values, None),
            SetExpr::SetOperation { left, op, set_quantifier, right } => {
                let word = match (op, set_quantifier) {
                    (SetOperator::Union, SetQuantifier::All) => "UNION ALL",
                    (SetOperator::Union, SetQuantifier::None | SetQuantifier::Distinct) => "UNION",
                    (SetOperator::Except, SetQuantifier::None | SetQuantifier::Distinct) => "EXCEPT",
                    (SetOperator::Intersect, SetQuantifier::None | SetQuantifier::Distinct) => "INTERSECT",
                    _ => return Err(DialectError::unsupported(format!("{op} {set_quantifier}"))),
                };
                let (left, right) = (self.set(left)?, self.set(right)?);
                let types =
                    |query: &LoweredQuery| query.columns.iter().map(|(_, of)| of.clone()).collect::<Vec<_>>();
                if left.columns.len() != right.columns.len() {
                    return Err(DialectError::new(
                        "42601",
                        format!("each {op} query must have the same number of columns"),
                    ));
                }
                if types(&left) != types(&right) {
                    return Err(DialectError::new("42804", format!("{op} types cannot be matched"))
                        .with_hint("Cast the columns of both queries to the same types."));
                }
                self.note_computed();
                Ok(LoweredQuery {
                    sql: format!("SELECT * FROM ({}) {word} SELECT * FROM ({})", left.sql, right.sql),
                    columns: left.columns,
                    is_single: false,
                    value: None,
                })
            }
            other => Err(DialectError::unsupported(other)),
        }
    }

    /// A set operation's ORDER BY names its columns only.
    fn ordered_set(
        &mut self,
        set: LoweredQuery,
        order: Vec<&OrderByExpr>,
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
                sql: format!("\"/ordered\".{}", column_name(index)),
                data_type: data_type.clone(),
            })
            .collect();
        let order: Vec<OrderByExpr> = order.into_iter().cloned().collect();
        let terms = self.order_terms(&order, &outputs)?;
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
        for index in 0..width {
            let column: Vec<Piece> = rows.iter().filter_map(|row| row.get(index).cloned()).collect();
            let (sql, data_type) = match types.and_then(|types| types.get(index)) {
                Some(to) => {
                    let sql: Result<Vec<String>, DialectError> =
                        column.into_iter().map(|piece| self.assign(piece, to)).collect();
                    (sql?, to.clone())
                }
                None => self.unify("VALUES", column)?,
            };
            for (row, sql) in sql_rows.iter_mut().zip(sql) {
                row.push(sql);
            }
            columns.push((format!("column{}", index + 1), data_type));
        }
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
        (self.aggregates_allowed, self.grouping) = (false, None);
        result
    }

    fn select(&mut self, select: &Select, order: Vec<&OrderByExpr>) -> Result<LoweredQuery, DialectError> {
        refuse_odd_clauses(select)?;
        if order.is_empty()
            && let Some(rows) = self.rows_of_select(select)?
        {
            return Ok(LoweredQuery { sql: rows.sql, columns: rows.columns, is_single: false, value: None });
        }
        let targets = std::mem::take(&mut self.targets);
        let from = self.from(&select.from)?;
        let mut conditions = from.filters;
        if let Some(selection) = &select.selection {
            conditions.push(self.condition(selection)?);
        }
        let groups = self.groups(select)?;
        let is_aggregated = groups.is_some() || select.having.is_some() || has_aggregate(select);
        if is_aggregated {
            let keys = groups.clone().unwrap_or_default();
            self.grouping = Some(Grouping { keys, depth: self.scopes.len() });
            self.aggregates_allowed = true;
        }
        let outputs = self.outputs(&select.projection, &targets)?;
        let having = select.having.as_ref().map(|having| self.condition(having)).transpose()?;
        let distinct = match &select.distinct {
            None | Some(Distinct::All) => "",
            Some(Distinct::Distinct) => "DISTINCT ",
            Some(Distinct::On(_)) => return Err(DialectError::unsupported("DISTINCT ON")),
        };
        let list = outputs
            .iter()
            .enumerate()
            .map(|(index, output)| format!("{} AS {}", output.sql, column_name(index)));
        let mut sql = format!("SELECT {distinct}{}", list.collect::<Vec<_>>().join(", "));
        if !from.sql.is_empty() {
            sql.push_str(&format!(" FROM {}", from.sql));
        }
        let is_bare = from.sql.is_empty() && conditions.is_empty() && !is_aggregated && order.is_empty();
        if !conditions.is_empty() {
            sql.push_str(&format!(" WHERE {}", balanced(conditions, " AND ")));
        }
        if let Some(groups) = &groups {
            sql.push_str(&format!(" GROUP BY {}", groups.join(", ")));
        }
        if let Some(having) = having {
            sql.push_str(&format!(" HAVING {having}"));
        }
        if !order.is_empty() {
            let order: Vec<OrderByExpr> = order.into_iter().cloned().collect();
            sql.push_str(&format!(" ORDER BY {}", self.order_terms(&order, &outputs)?));
        }
        let value = match outputs.as_slice() {
            [output] if is_bare => Some(output.sql.clone()),
            _ => None,
        };
        self.note_outputs(&outputs);
        let is_single = from.sql.is_empty() || (is_aggregated && groups.is_none());
        let columns = outputs.into_iter().map(|output| (output.name, output.data_type)).collect();
        Ok(LoweredQuery { sql, columns, is_single, value })
    }

    /// The SQL of what is grouped by; `None` without GROUP BY. A relation's key stands for its row.
    fn groups(&mut self, select: &Select) -> Result<Option<Vec<String>>, DialectError> {
        let expressions = match &select.group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
            other => return Err(DialectError::unsupported(other)),
        };
        if expressions.is_empty() {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for expression in expressions {
            let named = output_expression(expression, &select.projection);
            let piece = self.lower(named.unwrap_or(expression));
            let piece = match piece {
                // An output's alias, when no column has the name.
                Err(error) if error.code == "42703" => match aliased(expression, &select.projection) {
                    Some(expression) => self.lower(expression)?,
                    None => return Err(error),
                },
                piece => piece?,
            };
            keys.push(piece.into_sql(self.catalog)?);
        }
        Ok(Some(keys))
    }

    pub(in crate::dialect) fn outputs(
        &mut self,
        projection: &[SelectItem],
        targets: &[DataType],
    ) -> Result<Vec<Output>, DialectError> {
        let mut outputs = Vec::new();
        for item in projection {
            match item {
                SelectItem::UnnamedExpr(expression) => outputs.push(self.output(
                    expression,
                    output_name(expression),
                    targets.get(outputs.len()),
                )?),
                SelectItem::ExprWithAlias { expr, alias } => {
                    outputs.push(self.output(expr, name::folded(alias), targets.get(outputs.len()))?)
                }
                SelectItem::Wildcard(options)
                    if options.to_string() == "*" || options.to_string().is_empty() =>
                {
                    let relations =
                        self.scopes.last().map(|scope| scope.relations.clone()).unwrap_or_default();
                    let mut named = Vec::new();
                    for relation in &relations {
                        let shown =
                            relation.columns.iter().filter(|field| !relation.merged.contains(&field.name));
                        for field in shown {
                            named.push((relation.name.clone(), field.name.clone()));
                            outputs.push(self.star_output(relation.sql_of(field), field)?);
                        }
                    }
                    self.note_star(options.wildcard_token.0.span.start, &named);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(object), _) => {
                    let mut parts = name::parts(object)?;
                    let table = parts.pop().unwrap_or_default();
                    let relation = relation(&self.scopes, parts.pop().as_deref(), &table)?.clone();
                    let mut named = Vec::new();
                    for field in &relation.columns {
                        named.push((relation.name.clone(), field.name.clone()));
                        outputs.push(self.star_output(relation.sql_of(field), field)?);
                    }
                    self.note_star(object.span().start, &named);
                }
                other => return Err(DialectError::unsupported(other)),
            }
        }
        if outputs.is_empty() {
            return Err(DialectError::unsupported("a query without columns"));
        }
        if outputs.len() > 100 {
            return Err(DialectError::new("54011", "a query can have 100 columns at most here"));
        }
        Ok(outputs)
    }

    /// An untyped literal takes the type of the column it goes into.
    fn output(
        &mut self,
        expression: &Expr,
        name: String,
        target: Option<&DataType>,
    ) -> Result<Output, DialectError> {
        let piece = self.lower(expression)?;
        let (sql, data_type) = match (piece.data_type(), target) {
            (None, Some(target)) => (self.assign(piece, target)?, target.clone()),
            _ => piece.resolved(self.catalog)?,
        };
        Ok(Output { name, sql, data_type })
    }

    fn star_output(&mut self, sql: String, field: &Field) -> Result<Output, DialectError> {
        self.grouped_column(&sql, &field.name)?;
        Ok(Output { name: field.name.clone(), sql, data_type: field.data_type.clone() })
    }

    /// ORDER BY terms; a bare name or number is an output first. Postgres puts NULLs last, or first when descending.
    pub(super) fn order_terms(
        &mut self,
        order: &[OrderByExpr],
        outputs: &[Output],
    ) -> Result<String, DialectError> {
        let mut terms = Vec::new();
        for term in order {
            if term.with_fill.is_some() {
                return Err(DialectError::unsupported(term));
            }
            let piece = match find_output(&term.expr, outputs)? {
                Some(output) => Piece::Typed(output.sql.clone(), output.data_type.clone()),
                None => self.lower(&term.expr)?,
            };
            let key = self.order_key(piece)?;
            let descends = match &term.options.sort {
                None | Some(OrderBySort::Asc) => false,
                Some(OrderBySort::Desc) => true,
                Some(OrderBySort::Using(_)) => return Err(DialectError::unsupported("ORDER BY … USING")),
            };
            let nulls_first = term.options.nulls_first.unwrap_or(descends);
            terms.push(format!(
                "{key} {} NULLS {}",
                if descends { "DESC" } else { "ASC" },
                if nulls_first { "FIRST" } else { "LAST" }
            ));
        }
        Ok(terms.join(", "))
    }

    /// The LIMIT clause, and whether it lets one row through at most.
    fn limit(&mut self, clause: &LimitClause) -> Result<(String, bool), DialectError> {
        let LimitClause::LimitOffset { limit, offset, limit_by } = clause else {
            return Err(DialectError::unsupported(clause));
        };
        if !limit_by.is_empty() {
            return Err(DialectError::unsupported(clause));
        }
        let mut count = |expression: &Expr| -> Result<String, DialectError> {
            let number = match expression {
                Expr::Value(value) => match &value.value {
                    Value::Number(digits, _) => digits.parse::<u64>().ok(),
                    Value::Null => return Ok("-1".to_string()),
                    _ => None,
                },
                _ => None,
            };
            number
                .map(|number| number.to_string())
                .ok_or_else(|| DialectError::unsupported("LIMIT or OFFSET that is no literal number"))
        };
        let limit = limit.as_ref().map_or(Ok("-1".to_string()), &mut count)?;
        let offset = offset.as_ref().map(|offset| count(&offset.value)).transpose()?;
        let offset =
            offset.map(|offset| format!(" OFFSET {}", offset.replace("-1", "0"))).unwrap_or_default();
        Ok((format!(" LIMIT {limit}{offset}"), matches!(limit.as_str(), "0" | "1")))
    }
}

/// A column of a SELECT.
pub struct Output {
    /// As Postgres would name it.
    pub name: String,
    /// The expression.
    pub sql: String,
    /// Its type.
    pub data_type: DataType,
}

fn refuse_odd_clauses(select: &Select) -> Result<(), DialectError> {
    let odd = select.top.is_some()
        || select.into.is_some()
        || select.exclude.is_some()
        || !select.lateral_views.is_empty()
        || select.prewhere.is_some()
        || !select.connect_by.is_empty()
        || !select.cluster_by.is_empty()
        || !select.distribute_by.is_empty()
        || !select.sort_by.is_empty()
        || !select.named_window.is_empty()
        || select.qualify.is_some()
        || select.value_table_mode.is_some();
    if odd { Err(DialectError::unsupported(select)) } else { Ok(()) }
}

fn order_expressions(order: &OrderBy) -> Result<Vec<&OrderByExpr>, DialectError> {
    match &order.kind {
        OrderByKind::Expressions(expressions) if order.interpolate.is_none() => {
            Ok(expressions.iter().collect())
        }
        _ => Err(DialectError::unsupported(order)),
    }
}

/// A parenthesised query may have a LIMIT of its own.
fn wrapped_if_limited(sql: String, body: &SetExpr) -> String {
    match body {
        SetExpr::Query(_) => format!("SELECT * FROM ({sql})"),
        _ => sql,
    }
}

/// What `GROUP BY 1` means.
fn output_expression<'a>(expression: &Expr, projection: &'a [SelectItem]) -> Option<&'a Expr> {
    let Expr::Value(value) = expression else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    match projection.get(digits.parse::<usize>().ok()?.checked_sub(1)?)? {
        SelectItem::UnnamedExpr(expression) | SelectItem::ExprWithAlias { expr: expression, .. } => {
            Some(expression)
        }
        _ => None,
    }
}

fn aliased<'a>(expression: &Expr, projection: &'a [SelectItem]) -> Option<&'a Expr> {
    let Expr::Identifier(of) = expression else { return None };
    projection.iter().find_map(|item| match item {
        SelectItem::ExprWithAlias { expr, alias } if name::folded(alias) == name::folded(of) => Some(expr),
        _ => None,
    })
}

fn find_output<'a>(expression: &Expr, outputs: &'a [Output]) -> Result<Option<&'a Output>, DialectError> {
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
