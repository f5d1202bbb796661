//! SELECT: its clauses, in the order in which their names come to be.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByExpr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, Spanned, Value,
};

use super::aggregate::{Grouping, has_aggregate};
use super::order::{self, order_expressions};
use super::output_name::output_name;
use super::relation::From;
use super::{LoweredQuery, column_name};
use crate::dialect::expression::{Field, Lowering, Piece, holds_aggregate, relation};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::{balanced, quote_identifier};

/// A SELECT's clauses up to its groups, lowered.
struct Clauses {
    from: From,
    conditions: Vec<String>,
    groups: Option<Vec<GroupKey>>,
    is_aggregated: bool,
}

/// What is grouped by.
struct GroupKey {
    /// The value.
    sql: String,
    /// What is alike for values that are equal.
    key: String,
    written: Expr,
    data_type: DataType,
}

impl Clauses {
    /// Whether SQL names a row of the FROM clause.
    fn is_named_in(&self, sql: &str, lowering: &Lowering<'_>) -> bool {
        let relations = lowering.scopes.last().map(|scope| scope.relations.as_slice()).unwrap_or_default();
        relations.iter().any(|relation| !relation.row.is_empty() && relation.is_named_in(sql))
    }
}

/// Whether SQL may have an aggregate in a query of its own. SQLite takes it for the outer one's mostly, and not inside a FROM.
fn nests_aggregate(sql: &str) -> bool {
    sql.split_once("(SELECT ").is_some_and(|(_, inner)| holds_aggregate(inner))
}

/// What a query around a grouping one names: the groups' keys and aggregates, as columns.
#[derive(Clone, Debug)]
pub struct Staged {
    row: String,
    values: Vec<String>,
}

impl Staged {
    fn select(&self, rest: &str) -> String {
        let list = self.values.iter().enumerate().map(|(index, sql)| format!("{sql} AS \"/{index}\""));
        let list: Vec<String> = list.collect();
        format!("SELECT {}{rest}", if list.is_empty() { "1".to_string() } else { list.join(", ") })
    }
}

impl Lowering<'_> {
    /// A key or an aggregate of the groups, as the query around them names it; itself when there is none.
    pub(in crate::dialect) fn staged(&mut self, sql: String) -> String {
        let Some(staged) = &mut self.staged else { return sql };
        if sql.contains(" OVER (") || sql.contains(&format!("{}.", staged.row)) {
            return sql;
        }
        let index = staged.values.iter().position(|value| *value == sql).unwrap_or_else(|| {
            staged.values.push(sql);
            staged.values.len() - 1
        });
        format!("{}.\"/{index}\"", staged.row)
    }

    /// The same of a column, where it is the groups'.
    pub(in crate::dialect) fn staged_column(&mut self, sql: String) -> String {
        let Some(grouping) = &self.grouping else { return sql };
        let relations = self.scopes.get(grouping.depth.saturating_sub(1)).map(|scope| &scope.relations);
        let is_own = relations.is_some_and(|relations| {
            relations.iter().any(|relation| !relation.row.is_empty() && relation.is_named_in(&sql))
        });
        if is_own { self.staged(sql) } else { sql }
    }

    /// Lowers a query in the present scopes, apart from the grouping around it.
    pub(in crate::dialect) fn subquery(&mut self, query: &Query) -> Result<LoweredQuery, DialectError> {
        let outside = (std::mem::take(&mut self.aggregates_allowed), self.grouping.take());
        let clauses = (self.windows.take(), self.sources.take());
        let staged = self.staged.take();
        let (scopes, tables) = (self.scopes.len(), self.common_tables.len());
        let lowered = self.query(query);
        self.scopes.truncate(scopes);
        self.common_tables.truncate(tables);
        (self.aggregates_allowed, self.grouping) = outside;
        (self.windows, self.sources) = clauses;
        self.staged = staged;
        lowered
    }

    fn query(&mut self, query: &Query) -> Result<LoweredQuery, DialectError> {
        // FOR UPDATE locks rows until the transaction ends; D1 runs one batch at a time, so nothing is left to do.
        let plain = query.for_clause.is_none()
            && query.settings.is_none()
            && query.format_clause.is_none()
            && query.pipe_operators.is_empty();
        if !plain {
            return Err(DialectError::unsupported("this form of query"));
        }
        let with = query.with.as_ref().map(|with| self.with(with)).transpose()?;
        let order = query.order_by.as_ref().map(order_expressions).transpose()?.unwrap_or_default();
        let mut lowered = match query.body.as_ref() {
            SetExpr::Select(select) => self.select(select, order)?,
            SetExpr::Query(inner) if order.is_empty() => self.subquery(inner)?,
            body => {
                let set = self.set(body)?;
                self.untyped.clear();
                self.ordered_set(set, &order)?
            }
        };
        if let Some((limit, is_single)) = self.limit(query.limit_clause.as_ref(), query.fetch.as_ref())? {
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

    pub(super) fn select(
        &mut self,
        select: &Select,
        order: Vec<OrderByExpr>,
    ) -> Result<LoweredQuery, DialectError> {
        refuse_odd_clauses(select)?;
        if order.is_empty()
            && let Some(rows) = self.rows_of_select(select)?
        {
            return Ok(LoweredQuery { sql: rows.sql, columns: rows.columns, is_single: false, value: None });
        }
        let targets = std::mem::take(&mut self.targets);
        let mut from = self.from(&select.from)?;
        let mut conditions = std::mem::take(&mut from.filters);
        if let Some(selection) = &select.selection {
            // What a table's policy asks already, as `user_id = auth.uid()` often is, is not asked of each row again.
            let terms = self.terms(&[selection], true)?;
            for term in terms {
                if !conditions.contains(&term) {
                    conditions.push(term);
                }
            }
        }
        let groups = self.groups(select)?;
        let is_aggregated = groups.is_some() || select.having.is_some() || has_aggregate(select);
        let clauses = Clauses { from, conditions, groups, is_aggregated };
        let lowered = self.finish(select, &order, &targets, &clauses);
        // What is made of aggregates in many steps, or in a query of its own, stands in a query around the groups.
        let is_staged = is_aggregated
            && match &lowered {
                Ok((_, nests)) => *nests,
                Err(error) => error.code == "54001",
            };
        if !is_staged {
            return lowered.map(|(query, _)| query);
        }
        self.staged = Some(Staged { row: quote_identifier(&self.alias()), values: Vec::new() });
        let staged = self.finish(select, &order, &targets, &clauses);
        self.staged = None;
        staged.or(lowered).map(|(query, _)| query)
    }

    /// The select list and what follows the groups; and whether an aggregate stands in a query inside of these.
    fn finish(
        &mut self,
        select: &Select,
        order: &[OrderByExpr],
        targets: &[DataType],
        clauses: &Clauses,
    ) -> Result<(LoweredQuery, bool), DialectError> {
        let Clauses { from, conditions, groups, is_aggregated } = clauses;
        if *is_aggregated {
            let keys: Vec<String> = groups.iter().flatten().map(|group| group.sql.clone()).collect();
            let written = |group: &GroupKey| (group.written.clone(), group.data_type.clone());
            let expressions = groups.iter().flatten().map(written).collect();
            let rows = from.rows_determined_by(&keys);
            self.grouping = Some(Grouping { keys, expressions, rows, depth: self.scopes.len() });
            self.aggregates_allowed = true;
        }
        self.windows = Some(select.named_window.clone());
        self.sources = (!is_aggregated).then(Vec::new);
        let outputs = self.outputs(&select.projection, targets)?;
        let having = select.having.as_ref().map(|having| self.condition(having)).transpose()?;
        let order = self.order_keys(order, &outputs)?;
        let parts = outputs.iter().map(|output| &output.sql).chain(order.iter().map(|(key, _)| key));
        let nests = *is_aggregated && parts.chain(&having).any(|sql| nests_aggregate(sql));
        let mut sources = vec![from.sql.clone()];
        sources.extend(self.sources.take().unwrap_or_default());
        sources.retain(|source| !source.is_empty());
        let mut rest = String::new();
        if !sources.is_empty() {
            rest.push_str(&format!(" FROM {}", sources.join(" CROSS JOIN ")));
        }
        if !conditions.is_empty() {
            rest.push_str(&format!(" WHERE {}", balanced(conditions.clone(), " AND ")));
        }
        if let Some(groups) = &groups {
            let keys: Vec<&str> = groups.iter().map(|group| group.key.as_str()).collect();
            rest.push_str(&format!(" GROUP BY {}", keys.join(", ")));
        }
        if let Some(staged) = self.staged.take() {
            rest = format!(" FROM ({}) AS {}", staged.select(&rest), staged.row);
            let own = format!("{}.", staged.row);
            let is_whole = |sql: &String| sql.contains(&own) || !clauses.is_named_in(sql, self);
            let parts = outputs.iter().map(|output| &output.sql).chain(order.iter().map(|(key, _)| key));
            if !parts.chain(&having).all(is_whole) {
                return Err(DialectError::new("54001", "the expression is too complex"));
            }
            rest.push_str(&having.map(|having| format!(" WHERE {having}")).unwrap_or_default());
        } else if let Some(having) = having {
            rest.push_str(&format!(" HAVING {having}"));
        }
        let is_bare = sources.is_empty() && conditions.is_empty() && !is_aggregated && order.is_empty();
        let is_single = sources.is_empty() || (*is_aggregated && groups.is_none());
        let sql = match &select.distinct {
            None | Some(Distinct::All) => format!("SELECT {}{rest}{}", list(&outputs), order_by(&order)),
            Some(Distinct::Distinct) => self.select_distinct(&outputs, &rest, &order)?,
            Some(Distinct::On(keys)) => self.first_rows(keys, &outputs, &rest, &order)?,
        };
        let value = match outputs.as_slice() {
            [output] if is_bare => Some(output.sql.clone()),
            _ => None,
        };
        self.note_outputs(&outputs);
        let columns = outputs.into_iter().map(|output| (output.name, output.data_type)).collect();
        Ok((LoweredQuery { sql, columns, is_single, value }, nests))
    }

    /// SELECT DISTINCT. Values that are equal though their texts differ are grouped by a key of theirs.
    fn select_distinct(
        &mut self,
        outputs: &[Output],
        rest: &str,
        order: &[(String, String)],
    ) -> Result<String, DialectError> {
        let mut sorted = Vec::new();
        for (key, direction) in order {
            let mut found = None;
            for (index, output) in outputs.iter().enumerate() {
                let piece = Piece::Typed(output.sql.clone(), output.data_type.clone());
                if output.sql == *key || self.order_key(piece).is_ok_and(|of| of == *key) {
                    let column = format!("\"/row\".{}", column_name(index));
                    found = Some(Piece::Typed(column, output.data_type.clone()));
                    break;
                }
            }
            let found = found.ok_or_else(|| {
                let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
                DialectError::new("42P10", message)
            })?;
            sorted.push((self.order_key(found)?, direction.clone()));
        }
        let mut keys = Vec::new();
        let mut plain = true;
        for (index, output) in outputs.iter().enumerate() {
            let column = format!("\"/row\".{}", column_name(index));
            let key = self.distinct_key(Piece::Typed(column.clone(), output.data_type.clone()))?;
            plain &= key == column;
            keys.push(key);
        }
        if plain {
            return Ok(format!("SELECT DISTINCT {}{rest}{}", list(outputs), order_by(order)));
        }
        Ok(format!(
            "SELECT * FROM (SELECT {}{rest}) AS \"/row\" GROUP BY {}{}",
            list(outputs),
            keys.join(", "),
            order_by(&sorted)
        ))
    }

    /// SELECT DISTINCT ON: the first row, in the query's order, of those with equal keys.
    fn first_rows(
        &mut self,
        on: &[Expr],
        outputs: &[Output],
        rest: &str,
        order: &[(String, String)],
    ) -> Result<String, DialectError> {
        let mut keys = Vec::new();
        let mut sorting = Vec::new();
        for expression in on {
            let output = order::find_output(expression, outputs)?;
            let piece = match output {
                Some(output) => Piece::Typed(output.sql.clone(), output.data_type.clone()),
                None => self.lower(expression)?,
            };
            sorting.push(self.order_key(piece.clone())?);
            keys.push(self.distinct_key(piece)?);
        }
        if order.iter().take(sorting.len()).any(|(key, _)| !sorting.contains(key)) {
            return Err(DialectError::new(
                "42P10",
                "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
            ));
        }
        let ordinals = order.iter().enumerate().map(|(index, (key, _))| format!(", {key} AS \"/{index}\""));
        let outer: Vec<(String, String)> = order
            .iter()
            .enumerate()
            .map(|(index, (_, direction))| (format!("\"/first\".\"/{index}\""), direction.clone()))
            .collect();
        let columns: Vec<String> =
            (0..outputs.len()).map(|index| format!("\"/first\".{0} AS {0}", column_name(index))).collect();
        Ok(format!(
            "SELECT {} FROM (SELECT {}{}, row_number() OVER (PARTITION BY {}{}) AS \"/number\"{rest}) AS \"/first\" \
             WHERE \"/first\".\"/number\" = 1{}",
            columns.join(", "),
            list(outputs),
            ordinals.collect::<String>(),
            keys.join(", "),
            order_by(order),
            order_by(&outer)
        ))
    }

    /// The SQL of what is grouped by, and what tells its values apart; `None` without GROUP BY. A relation's key stands for its row.
    fn groups(&mut self, select: &Select) -> Result<Option<Vec<GroupKey>>, DialectError> {
        let expressions = match &select.group_by {
            GroupByExpr::Expressions(expressions, modifiers) if modifiers.is_empty() => expressions,
            other => return Err(DialectError::unsupported(other)),
        };
        if expressions.is_empty() {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for expression in expressions {
            let mut written = output_expression(expression, &select.projection).unwrap_or(expression);
            let piece = self.lower(written);
            let piece = match piece {
                // An output's alias, when no column has the name.
                Err(error) if error.code == "42703" => match aliased(expression, &select.projection) {
                    Some(expression) => {
                        written = expression;
                        self.lower(expression)?
                    }
                    None => return Err(error),
                },
                piece => piece?,
            };
            let (sql, data_type) = piece.resolved(self.catalog)?;
            let key = self.distinct_key(Piece::Typed(sql.clone(), data_type.clone()))?;
            keys.push(GroupKey { sql, key, written: written.clone(), data_type });
        }
        Ok(Some(keys))
    }

    pub(in crate::dialect) fn outputs(
        &mut self,
        projection: &[SelectItem],
        targets: &[DataType],
    ) -> Result<Vec<Output>, DialectError> {
        let mut outputs: Vec<Output> = Vec::new();
        let mut untyped = Vec::new();
        for item in projection {
            untyped.resize(outputs.len(), false);
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    let (output, is_untyped) =
                        self.output(expression, output_name(expression), targets.get(outputs.len()))?;
                    outputs.push(output);
                    untyped.push(is_untyped);
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let (output, is_untyped) =
                        self.output(expr, name::folded(alias), targets.get(outputs.len()))?;
                    outputs.push(output);
                    untyped.push(is_untyped);
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
        untyped.resize(outputs.len(), false);
        self.untyped = untyped;
        if outputs.len() > 100 {
            return Err(DialectError::new("54011", "a query can have 100 columns at most here"));
        }
        Ok(outputs)
    }

    /// An untyped literal takes the type of the column it goes into; says whether it was one.
    fn output(
        &mut self,
        expression: &Expr,
        name: String,
        target: Option<&DataType>,
    ) -> Result<(Output, bool), DialectError> {
        let piece = self.lower(expression)?;
        let is_untyped = piece.data_type().is_none();
        let (sql, data_type) = match (piece.data_type(), target) {
            (None, Some(target)) => (self.assign(piece, target)?, target.clone()),
            _ => piece.resolved(self.catalog)?,
        };
        Ok((Output { name, sql, data_type }, is_untyped))
    }

    fn star_output(&mut self, sql: String, field: &Field) -> Result<Output, DialectError> {
        self.grouped_column(&sql, &field.name)?;
        let sql = self.staged_column(sql);
        Ok(Output { name: field.name.clone(), sql, data_type: field.data_type.clone() })
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
        || select.qualify.is_some()
        || select.value_table_mode.is_some();
    if odd { Err(DialectError::unsupported("this form of SELECT")) } else { Ok(()) }
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

fn list(outputs: &[Output]) -> String {
    let list =
        outputs.iter().enumerate().map(|(index, output)| format!("{} AS {}", output.sql, column_name(index)));
    list.collect::<Vec<_>>().join(", ")
}

fn order_by(keys: &[(String, String)]) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let terms: Vec<String> = keys.iter().map(|(key, direction)| format!("{key} {direction}")).collect();
    format!(" ORDER BY {}", terms.join(", "))
}
