//! Conditions over Postgres' own tables, decided by the catalog when a file is translated.

use sqlparser::ast::{
    self, BinaryOperator as Op, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint,
    JoinOperator, Query, SelectItem, SetExpr, TableFactor, UnaryOperator,
};

use super::system_table::{Row, rows};
use crate::dialect::DialectError;
use crate::dialect::name::{folded, parts};
use crate::schema::Catalog;
use crate::sql::physical_name;

/// How many combinations of rows a join may have.
const MOST_ROWS: usize = 200_000;

/// Whether a condition holds.
pub fn holds(catalog: &Catalog, condition: &Expr) -> Result<bool, DialectError> {
    Ok(Known { catalog, scope: &[] }.truth(condition)? == Some(true))
}

/// A relation's alias and one of its rows.
type Named<'r> = (String, &'r Row);

/// A relation's alias, its rows, and the condition of its join.
type From = (String, Vec<Row>, Option<Expr>);

struct Known<'a> {
    catalog: &'a Catalog,
    scope: &'a [Named<'a>],
}

fn refused(what: impl std::fmt::Display) -> DialectError {
    DialectError::unsupported(format!("deciding {what} in a DO block")).with_hint(
        "What is decided is whether types, tables, columns, constraints, policies and their like are there.",
    )
}

impl Known<'_> {
    fn truth(&self, condition: &Expr) -> Result<Option<bool>, DialectError> {
        match condition {
            Expr::Nested(inner) => self.truth(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => Ok(self.truth(expr)?.map(|truth| !truth)),
            Expr::Exists { subquery, negated } => Ok(Some(self.exists(subquery)? != *negated)),
            Expr::Subquery(query) => match query.body.as_ref() {
                SetExpr::Select(select) if select.from.is_empty() => match select.projection.as_slice() {
                    [SelectItem::UnnamedExpr(inner) | SelectItem::ExprWithAlias { expr: inner, .. }] => {
                        self.truth(inner)
                    }
                    _ => Err(refused("this query")),
                },
                _ => Err(refused("this query")),
            },
            Expr::BinaryOp { left, op: Op::And, right } => {
                Ok(match (self.truth(left)?, self.truth(right)?) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                })
            }
            Expr::BinaryOp { left, op: Op::Or, right } => Ok(match (self.truth(left)?, self.truth(right)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            }),
            Expr::BinaryOp { left, op, right } => self.compared(left, op, right),
            Expr::IsNull(inner) => Ok(Some(self.value(inner)?.is_none())),
            Expr::IsNotNull(inner) => Ok(Some(self.value(inner)?.is_some())),
            Expr::InList { expr, list, negated } => {
                let Some(value) = self.value(expr)? else { return Ok(None) };
                let items: Result<Vec<_>, _> = list.iter().map(|item| self.value(item)).collect();
                Ok(Some(items?.contains(&Some(value)) != *negated))
            }
            Expr::Value(value) if matches!(value.value, ast::Value::Boolean(_)) => {
                Ok(Some(matches!(value.value, ast::Value::Boolean(true))))
            }
            other => Err(refused(other)),
        }
    }

    fn compared(&self, left: &Expr, op: &Op, right: &Expr) -> Result<Option<bool>, DialectError> {
        let (Some(left), Some(right)) = (self.value(left)?, self.value(right)?) else { return Ok(None) };
        let numbers = || Some((left.parse::<i64>().ok()?, right.parse::<i64>().ok()?));
        Ok(Some(match (op, numbers()) {
            (Op::Eq, _) => left == right,
            (Op::NotEq, _) => left != right,
            (Op::Gt, Some((left, right))) => left > right,
            (Op::Lt, Some((left, right))) => left < right,
            (Op::GtEq, Some((left, right))) => left >= right,
            (Op::LtEq, Some((left, right))) => left <= right,
            _ => return Err(refused(format!("the operator {op}"))),
        }))
    }

    /// A value as text; names of relations in the form that [`rows`] gives for their numbers.
    fn value(&self, expression: &Expr) -> Result<Option<String>, DialectError> {
        match expression {
            Expr::Nested(inner) => self.value(inner),
            Expr::Value(value) => match &value.value {
                ast::Value::Null => Ok(None),
                ast::Value::Boolean(truth) => Ok(Some(truth.to_string())),
                ast::Value::Number(digits, _) => Ok(Some(digits.clone())),
                other => other.clone().into_string().map(Some).ok_or_else(|| refused(other)),
            },
            Expr::Cast { expr, data_type, .. } => {
                let value = self.value(expr)?;
                match data_type.to_string().to_lowercase().as_str() {
                    "text" | "name" | "varchar" => Ok(value),
                    "regclass" => match value {
                        Some(name) => self.relation(&name)?.map(Some).ok_or_else(|| {
                            DialectError::new("42P01", format!("relation \"{name}\" does not exist"))
                        }),
                        None => Ok(None),
                    },
                    "regnamespace" => Ok(value.map(|name| format!("schema {name}"))),
                    other => Err(refused(format!("a cast to {other}"))),
                }
            }
            Expr::Identifier(name) => self.column(None, &folded(name)),
            Expr::CompoundIdentifier(names) => match names.as_slice() {
                [of, name] => self.column(Some(&folded(of)), &folded(name)),
                _ => Err(refused(expression)),
            },
            Expr::Function(function) => self.call(function),
            Expr::Subquery(query) => self.scalar(query),
            other => Err(refused(other)),
        }
    }

    fn call(&self, function: &ast::Function) -> Result<Option<String>, DialectError> {
        let name = parts(&function.name)?.pop().unwrap_or_default();
        let argument = match &function.args {
            FunctionArguments::List(list) => match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] => Some(argument),
                _ => None,
            },
            _ => None,
        };
        match (name.as_str(), argument) {
            ("current_schema", None) => Ok(Some("public".to_string())),
            ("lower", Some(argument)) => Ok(self.value(argument)?.map(|text| text.to_lowercase())),
            ("to_regclass", Some(argument)) => match self.value(argument)? {
                Some(name) => self.relation(&name),
                None => Ok(None),
            },
            ("to_regtype", Some(argument)) => Ok(self.value(argument)?.filter(|name| {
                let (schema, name) = name.split_once('.').unwrap_or(("public", name));
                let physical = physical_name(schema, name);
                self.catalog.enums.contains_key(&physical)
                    || self.catalog.domains.contains_key(&physical)
                    || crate::schema::DataType::named(name).is_some()
            })),
            _ => Err(refused(format!("{name}()"))),
        }
    }

    /// What stands for the number of a relation; `None` when there is none of the name.
    fn relation(&self, name: &str) -> Result<Option<String>, DialectError> {
        let bare = name.replace('"', "");
        let (schema, table) = bare.split_once('.').unwrap_or(("public", &bare));
        let physical = physical_name(schema, table);
        let is_there = self.catalog.relation(schema, table).is_some()
            || self.catalog.indexes.contains_key(&physical)
            || self.catalog.sequences.contains_key(&physical);
        Ok(is_there.then(|| format!("relation {physical}")))
    }

    fn column(&self, of: Option<&str>, name: &str) -> Result<Option<String>, DialectError> {
        for (alias, row) in self.scope.iter().rev() {
            if of.is_none_or(|of| of == alias)
                && let Some((_, value)) = row.iter().find(|(column, _)| *column == name)
            {
                return Ok(value.clone());
            }
        }
        Err(refused(format!("the column {name}")))
    }

    fn exists(&self, query: &Query) -> Result<bool, DialectError> {
        Ok(!self.found(query)?.is_empty())
    }

    /// `(SELECT count(*) …)`, or the one column of one row.
    fn scalar(&self, query: &Query) -> Result<Option<String>, DialectError> {
        let SetExpr::Select(select) = query.body.as_ref() else { return Err(refused("this query")) };
        let [SelectItem::UnnamedExpr(item)] = select.projection.as_slice() else {
            return Err(refused("this query"));
        };
        if let Expr::Function(function) = item
            && parts(&function.name)?.pop().as_deref() == Some("count")
        {
            return Ok(Some(self.found(query)?.len().to_string()));
        }
        match self.values(query, item)?.as_slice() {
            [] => Ok(None),
            [one] => Ok(one.clone()),
            _ => Err(DialectError::new(
                "21000",
                "more than one row returned by a subquery used as an expression",
            )),
        }
    }

    fn values(&self, query: &Query, item: &Expr) -> Result<Vec<Option<String>>, DialectError> {
        let tables = self.tables(query)?;
        let mut values = Vec::new();
        self.each(&tables, query, &mut |known| {
            values.push(known.value(item)?);
            Ok(())
        })?;
        Ok(values)
    }

    fn found(&self, query: &Query) -> Result<Vec<()>, DialectError> {
        let tables = self.tables(query)?;
        let mut found = Vec::new();
        self.each(&tables, query, &mut |_| {
            found.push(());
            Ok(())
        })?;
        Ok(found)
    }

    /// The relations of FROM: aliases and rows, and the conditions of their joins.
    fn tables(&self, query: &Query) -> Result<Vec<From>, DialectError> {
        let SetExpr::Select(select) = query.body.as_ref() else { return Err(refused("this query")) };
        let is_plain = query.with.is_none()
            && select.having.is_none()
            && matches!(&select.group_by, ast::GroupByExpr::Expressions(keys, _) if keys.is_empty());
        if !is_plain {
            return Err(refused("this query"));
        }
        let mut tables = Vec::new();
        for from in &select.from {
            tables.push(self.table(&from.relation, None)?);
            for join in &from.joins {
                let (JoinOperator::Join(constraint) | JoinOperator::Inner(constraint)) = &join.join_operator
                else {
                    return Err(refused("an outer join"));
                };
                let JoinConstraint::On(condition) = constraint else { return Err(refused("this join")) };
                tables.push(self.table(&join.relation, Some(condition.clone()))?);
            }
        }
        let combinations = tables.iter().map(|(_, rows, _)| rows.len().max(1)).product::<usize>();
        if combinations > MOST_ROWS { Err(refused("so large a query")) } else { Ok(tables) }
    }

    fn table(&self, factor: &TableFactor, on: Option<Expr>) -> Result<From, DialectError> {
        let TableFactor::Table { name, alias, args: None, .. } = factor else {
            return Err(refused("this relation"));
        };
        let names = parts(name)?;
        let (schema, table) = match names.as_slice() {
            [table] => ("pg_catalog", table.as_str()),
            [schema, table] => (schema.as_str(), table.as_str()),
            _ => return Err(refused("this relation")),
        };
        let rows = rows(self.catalog, schema, table).ok_or_else(|| refused(format!("what is in {name}")))?;
        let alias = alias.as_ref().map_or_else(|| table.to_string(), |alias| folded(&alias.name));
        Ok((alias, rows, on))
    }

    /// Calls for each combination of rows that the conditions find.
    fn each(
        &self,
        tables: &[From],
        query: &Query,
        found: &mut dyn FnMut(&Known<'_>) -> Result<(), DialectError>,
    ) -> Result<(), DialectError> {
        let Some(((alias, rows, on), rest)) = tables.split_first() else {
            let SetExpr::Select(select) = query.body.as_ref() else { return Ok(()) };
            let is_found = match &select.selection {
                Some(condition) => self.truth(condition)? == Some(true),
                None => true,
            };
            return if is_found { found(self) } else { Ok(()) };
        };
        for row in rows {
            let mut scope = self.scope.to_vec();
            scope.push((alias.clone(), row));
            let known = Known { catalog: self.catalog, scope: &scope };
            let joins = match on {
                Some(condition) => known.truth(condition)? == Some(true),
                None => true,
            };
            if joins {
                known.each(rest, query, found)?;
            }
        }
        Ok(())
    }
}
