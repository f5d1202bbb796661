//! SELECT: its clauses, in the order in which their names come to be.

use sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByExpr, Query, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, Value,
};

use super::aggregate::{Grouping, has_aggregate};
use super::order::{self, order_expressions};
use super::output_name::output_name;
use super::{LoweredQuery, column_name};
use crate::dialect::expression::{Field, Lowering, Piece, relation};
use crate::dialect::{DialectError, name};
use crate::schema::DataType;
use crate::sql::balanced;

impl Lowering<'_> {
    /// Lowers a query in the present scopes, apart from the grouping around it.
    pub(in crate::dialect) fn subquery(&mut self, query: &Query) -> Result<LoweredQuery, DialectError> {
        let outside = (std::mem::take(&mut self.aggregates_allowed), self.grouping.take());
        let clauses = (self.windows.take(), self.sources.take());
        let (scopes, tables) = (self.scopes.len(), self.common_tables.len());
        let lowered = self.query(query);
        self.scopes.truncate(scopes);
        self.common_tables.truncate(tables);
        (self.aggregates_allowed, self.grouping) = outside;
        (self.windows, self.sources) = clauses;
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
        let targets = std::mem::take(&mut self.targets);
        let mut from = self.from(&select.from)?;
        let mut conditions = std::mem::take(&mut from.filters);
        if let Some(selection) = &select.selection {
            conditions.push(self.condition(selection)?);
        }
        let groups = self.groups(select)?;
        let is_aggregated = groups.is_some() || select.having.is_some() || has_aggregate(select);
        if is_aggregated {
            let keys = groups.clone().unwrap_or_default();
            let rows = from.rows_determined_by(&keys);
            self.grouping = Some(Grouping { keys, rows, depth: self.scopes.len() });
            self.aggregates_allowed = true;
        }
        self.windows = Some(select.named_window.clone());
        self.sources = (!is_aggregated).then(Vec::new);
        let outputs = self.outputs(&select.projection, &targets)?;
        let having = select.having.as_ref().map(|having| self.condition(having)).transpose()?;
        let order = self.order_keys(&order, &outputs)?;
        for source in self.sources.take().unwrap_or_default() {
            let cross = if from.sql.is_empty() { "" } else { " CROSS JOIN " };
            from.sql.push_str(&format!("{cross}{source}"));
        }
        let is_bare = from.sql.is_empty() && conditions.is_empty() && !is_aggregated && order.is_empty();
        let is_single = from.sql.is_empty() || (is_aggregated && groups.is_none());
        let mut rest = String::new();
        if !from.sql.is_empty() {
            rest.push_str(&format!(" FROM {}", from.sql));
        }
        if !conditions.is_empty() {
            rest.push_str(&format!(" WHERE {}", balanced(conditions, " AND ")));
        }
        if let Some(groups) = &groups {
            rest.push_str(&format!(" GROUP BY {}", groups.join(", ")));
        }
        if let Some(having) = having {
            rest.push_str(&format!(" HAVING {having}"));
        }
        let sql = match &select.distinct {
            None | Some(Distinct::All) => format!("SELECT {}{rest}{}", list(&outputs), order_by(&order)),
            Some(Distinct::Distinct) => self.distinct_rows(&outputs, &rest, &order)?,
            Some(Distinct::On(keys)) => self.first_rows(keys, &outputs, &rest, &order)?,
        };
        let value = match outputs.as_slice() {
            [output] if is_bare => Some(output.sql.clone()),
            _ => None,
        };
        let columns = outputs.into_iter().map(|output| (output.name, output.data_type)).collect();
        Ok(LoweredQuery { sql, columns, is_single, value })
    }

    /// SELECT DISTINCT. Values that are equal though their texts differ are grouped by a key of theirs.
    fn distinct_rows(
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
            let (sql, data_type) = piece.resolved(self.catalog)?;
            let key = self.distinct_key(Piece::Typed(sql.clone(), data_type.clone()))?;
            if key != sql && data_type != DataType::Citext {
                return Err(DialectError::unsupported(format!(
                    "GROUP BY of values of type {}",
                    data_type.display_name()
                ))
                .with_hint("Group by its text, or by numeric(p, s)."));
            }
            keys.push(if key.starts_with(&sql) { sql } else { key });
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
                    for relation in &relations {
                        let shown =
                            relation.columns.iter().filter(|field| !relation.merged.contains(&field.name));
                        for field in shown {
                            outputs.push(self.star_output(relation.sql_of(field), field)?);
                        }
                    }
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(object), _) => {
                    let mut parts = name::parts(object)?;
                    let table = parts.pop().unwrap_or_default();
                    let relation = relation(&self.scopes, parts.pop().as_deref(), &table)?.clone();
                    for field in &relation.columns {
                        outputs.push(self.star_output(relation.sql_of(field), field)?);
                    }
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
