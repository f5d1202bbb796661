//! Conditions and queries over Postgres' own tables, decided by the catalog when a file is translated.

use sqlparser::ast::{
    self, BinaryOperator as Op, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, JoinConstraint,
    JoinOperator, Query, SelectItem, SetExpr, TableFactor, UnaryOperator,
};

use super::system_table::{Row, rows};
use super::variable::{Texts, Value, Variables, array_of_text, formatted, is_like, quoted};
use crate::dialect::DialectError;
use crate::dialect::name::{folded, parts};
use crate::schema::Catalog;
use crate::sql::physical_name;

/// How many combinations of rows a join may have.
const MOST_ROWS: usize = 200_000;

/// What is known over a schema and a block's variables.
pub fn known<'a>(catalog: &'a Catalog, variables: &'a Variables) -> Known<'a> {
    Known { catalog, variables, scope: &[] }
}

/// A relation's alias and one of its rows.
type Named<'r> = (String, &'r Row);

/// A relation's alias, its rows, and the condition of its join.
type From = (String, Vec<Row>, Option<Expr>);

/// See [`known`].
pub struct Known<'a> {
    catalog: &'a Catalog,
    variables: &'a Variables,
    scope: &'a [Named<'a>],
}

pub(super) fn refused(what: impl std::fmt::Display) -> DialectError {
    DialectError::unsupported(format!("deciding {what} in a DO block")).with_hint(
        "What is decided is whether types, tables, columns, constraints, policies and their like are there.",
    )
}

impl Known<'_> {
    /// Whether a condition holds.
    pub fn holds(&self, condition: &Expr) -> Result<bool, DialectError> {
        Ok(self.truth(condition)? == Some(true))
    }

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
            Expr::Like { negated, expr, pattern, escape_char: None, .. } => {
                self.like(expr, pattern, *negated, false)
            }
            Expr::ILike { negated, expr, pattern, escape_char: None, .. } => {
                self.like(expr, pattern, *negated, true)
            }
            Expr::AnyOp { left, compare_op: Op::Eq, right, .. } => {
                let Some(left) = self.value(left)? else { return Ok(None) };
                Ok(Some(self.texts(right)?.contains(&Some(left))))
            }
            Expr::AllOp { left, compare_op: Op::NotEq, right } => {
                let Some(left) = self.value(left)? else { return Ok(None) };
                Ok(Some(!self.texts(right)?.contains(&Some(left))))
            }
            other => match self.value(other)?.as_deref() {
                Some("true") => Ok(Some(true)),
                Some("false") => Ok(Some(false)),
                None => Ok(None),
                Some(_) => Err(refused("a text as a condition")),
            },
        }
    }

    fn like(
        &self,
        text: &Expr,
        pattern: &Expr,
        negated: bool,
        folds: bool,
    ) -> Result<Option<bool>, DialectError> {
        let (Some(mut text), Some(mut pattern)) = (self.value(text)?, self.value(pattern)?) else {
            return Ok(None);
        };
        if folds {
            (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
        }
        Ok(Some(is_like(&text, &pattern) != negated))
    }

    /// The elements of an array.
    pub fn texts(&self, array: &Expr) -> Result<Texts, DialectError> {
        match array {
            Expr::Nested(inner) => self.texts(inner),
            Expr::Array(array) => array.elem.iter().map(|element| self.value(element)).collect(),
            Expr::Cast { expr, data_type: ast::DataType::Array(_), .. } => match expr.as_ref() {
                Expr::Value(value) => match value.value.clone().into_string() {
                    Some(text) => array_of_text(&text).ok_or_else(|| refused("this array")),
                    None => Err(refused("this array")),
                },
                inner => self.texts(inner),
            },
            Expr::Identifier(name) => match self.variables.get(&folded(name)) {
                Some(Value::List(texts)) => Ok(texts.clone()),
                Some(Value::Refused(error)) => Err(error.clone()),
                _ => Err(refused("this array")),
            },
            Expr::Function(function) => match (&function.args, self.argument_list(function)) {
                (FunctionArguments::Subquery(query), _) => {
                    let rows = self.rows(query)?;
                    Ok(rows.into_iter().filter_map(|row| row.into_iter().next()).map(|(_, of)| of).collect())
                }
                (_, Some(arguments)) => match (parts(&function.name)?.pop().as_deref(), arguments.as_slice())
                {
                    (Some("string_to_array"), [text, separator]) => {
                        let (Some(text), Some(separator)) = (self.value(text)?, self.value(separator)?)
                        else {
                            return Err(refused("this array"));
                        };
                        Ok(text.split(separator.as_str()).map(|part| Some(part.to_string())).collect())
                    }
                    _ => Err(refused("this array")),
                },
                _ => Err(refused("this array")),
            },
            _ => Err(refused("this array")),
        }
    }

    /// What an assignment puts into a variable.
    pub fn assigned(&self, value: &Expr, is_list: bool) -> Result<Value, DialectError> {
        if !is_list {
            return self.value(value).map(Value::Text);
        }
        match value {
            Expr::Value(literal) => {
                let text = literal.value.clone().into_string();
                text.and_then(|text| array_of_text(&text))
                    .map(Value::List)
                    .ok_or_else(|| refused("this array"))
            }
            _ => self.texts(value).map(Value::List),
        }
    }

    fn argument_list<'f>(&self, function: &'f ast::Function) -> Option<Vec<&'f Expr>> {
        let FunctionArguments::List(list) = &function.args else { return None };
        let expression = |argument: &'f FunctionArg| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
            _ => None,
        };
        list.args.iter().map(expression).collect()
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
                let is_number = matches!(expr.as_ref(), Expr::Cast { .. });
                match data_type.to_string().to_lowercase().as_str() {
                    "text" | "name" | "varchar" if is_number => Ok(value.map(|of| {
                        match of.strip_prefix("relation ").or(of.strip_prefix("function ")) {
                            Some(name) => name.to_string(),
                            None => of,
                        }
                    })),
                    "text" | "name" | "varchar" | "int" | "integer" => Ok(value),
                    "regprocedure" if value.as_ref().is_some_and(|of| of.starts_with("function ")) => {
                        Ok(value)
                    }
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
            Expr::BinaryOp { left, op: Op::StringConcat, right } => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                Ok(left.zip(right).map(|(left, right)| left + &right))
            }
            Expr::BinaryOp { left, op: op @ (Op::Plus | Op::Minus), right } => {
                let (Some(left), Some(right)) = (self.value(left)?, self.value(right)?) else {
                    return Ok(None);
                };
                match (left.parse::<i64>(), right.parse::<i64>(), op) {
                    (Ok(left), Ok(right), Op::Plus) => Ok(left.checked_add(right).map(|sum| sum.to_string())),
                    (Ok(left), Ok(right), _) => Ok(left.checked_sub(right).map(|sum| sum.to_string())),
                    _ => Err(refused("this arithmetic")),
                }
            }
            Expr::CompoundFieldAccess { root, access_chain } => match access_chain.as_slice() {
                [ast::AccessExpr::Subscript(ast::Subscript::Index { index })] => {
                    let index = self.value(index)?.and_then(|index| index.parse::<usize>().ok());
                    let texts = self.texts(root)?;
                    Ok(index.and_then(|index| texts.get(index.checked_sub(1)?).cloned().flatten()))
                }
                _ => Err(refused("this element")),
            },
            Expr::Case { operand: None, conditions, else_result, .. } => {
                for arm in conditions {
                    if self.holds(&arm.condition)? {
                        return self.value(&arm.result);
                    }
                }
                else_result.as_ref().map_or(Ok(None), |otherwise| self.value(otherwise))
            }
            condition @ (Expr::Exists { .. }
            | Expr::BinaryOp { .. }
            | Expr::UnaryOp { .. }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::InList { .. }
            | Expr::Like { .. }) => Ok(self.truth(condition)?.map(|truth| truth.to_string())),
            other => Err(refused(other)),
        }
    }

    fn call(&self, function: &ast::Function) -> Result<Option<String>, DialectError> {
        let name = parts(&function.name)?.pop().unwrap_or_default();
        let arguments = self.argument_list(function).unwrap_or_default();
        match (name.as_str(), arguments.as_slice()) {
            ("current_schema", []) => Ok(Some("public".to_string())),
            ("lower", [argument]) => Ok(self.value(argument)?.map(|text| text.to_lowercase())),
            ("upper", [argument]) => Ok(self.value(argument)?.map(|text| text.to_uppercase())),
            ("quote_ident", [argument]) => Ok(self.value(argument)?.map(|text| quoted(&text))),
            ("quote_literal", [argument]) => {
                Ok(self.value(argument)?.map(|text| crate::sql::quote_literal(&text)))
            }
            ("replace", [text, from, to]) => {
                let (Some(text), Some(from), Some(to)) =
                    (self.value(text)?, self.value(from)?, self.value(to)?)
                else {
                    return Ok(None);
                };
                Ok(Some(if from.is_empty() { text } else { text.replace(&from, &to) }))
            }
            ("concat", parts) => {
                let parts: Result<Texts, _> = parts.iter().map(|part| self.value(part)).collect();
                Ok(Some(parts?.into_iter().flatten().collect()))
            }
            ("coalesce", parts) => {
                for part in parts {
                    if let Some(value) = self.value(part)? {
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
            ("format", [form, values @ ..]) => {
                let Some(form) = self.value(form)? else { return Ok(None) };
                let values: Result<Texts, _> = values.iter().map(|value| self.value(value)).collect();
                formatted(&form, &values?).map(Some)
            }
            ("array_length", [array, _]) | ("cardinality", [array]) => {
                let length = self.texts(array)?.len();
                Ok((length > 0 || name == "cardinality").then(|| length.to_string()))
            }
            ("pg_get_function_identity_arguments", [number]) => Ok(self.value(number)?.and_then(|number| {
                let (_, arguments) = number.split_once('(')?;
                Some(arguments.trim_end_matches(')').to_string())
            })),
            ("to_regclass", [argument]) => match self.value(argument)? {
                Some(name) => self.relation(&name),
                None => Ok(None),
            },
            ("to_regtype", [argument]) => Ok(self.value(argument)?.filter(|name| {
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
        let variable = match of {
            None => self.variables.get(name),
            Some(of) => self.variables.get(of),
        };
        for (alias, row) in self.scope.iter().rev() {
            if of.is_none_or(|of| of == alias)
                && let Some((_, value)) = row.iter().find(|(column, _)| *column == name)
            {
                if of.is_none() && variable.is_some() {
                    let message = format!("column reference \"{name}\" is ambiguous");
                    return Err(DialectError::new("42702", message)
                        .with_hint("It could refer to either a PL/pgSQL variable or a table column."));
                }
                return Ok(value.clone());
            }
        }
        match (variable, of) {
            (Some(Value::Text(text)), None) => Ok(text.clone()),
            (Some(Value::Row(row)), Some(_)) => {
                let field = row.iter().find(|(column, _)| *column == name);
                field.map(|(_, value)| value.clone()).ok_or_else(|| refused(format!("the field {name}")))
            }
            (Some(Value::Refused(error)), _) => Err(error.clone()),
            _ => Err(refused(format!("the column {name}"))),
        }
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

    /// The rows of a query, in its order.
    pub fn rows(&self, query: &Query) -> Result<Vec<Vec<(String, Option<String>)>>, DialectError> {
        if let (SetExpr::Query(inner), None, None) =
            (query.body.as_ref(), &query.order_by, &query.limit_clause)
        {
            return self.rows(inner);
        }
        let SetExpr::Select(select) = query.body.as_ref() else { return Err(refused("this query")) };
        if let ([SelectItem::UnnamedExpr(Expr::Function(function))], []) =
            (select.projection.as_slice(), select.from.as_slice())
            && let (Some("unnest"), Some([array])) =
                (parts(&function.name)?.pop().as_deref(), self.argument_list(function).as_deref())
        {
            let texts = self.texts(array)?.into_iter();
            return Ok(texts.map(|text| vec![("unnest".to_string(), text)]).collect());
        }
        let tables = self.tables(query)?;
        let keys = match query.order_by.as_ref().map(|order| &order.kind) {
            None => &[],
            Some(ast::OrderByKind::Expressions(keys)) => keys.as_slice(),
            Some(_) => return Err(refused("this order")),
        };
        let mut rows = Vec::new();
        self.each(&tables, query, &mut |known| {
            let mut row = Vec::new();
            for item in &select.projection {
                match item {
                    SelectItem::UnnamedExpr(value) => row.push((named(value), known.value(value)?)),
                    SelectItem::ExprWithAlias { expr, alias } => {
                        row.push((folded(alias), known.value(expr)?))
                    }
                    SelectItem::Wildcard(_) => {
                        row.extend(known.scope.iter().flat_map(|(_, of)| (*of).clone()))
                    }
                    _ => return Err(refused("this query")),
                }
            }
            let key: Result<Vec<_>, DialectError> = keys.iter().map(|key| known.value(&key.expr)).collect();
            rows.push((key?, row));
            Ok(())
        })?;
        if keys.iter().any(|key| !matches!(key.options.sort, None | Some(ast::OrderBySort::Asc))) {
            return Err(refused("this order"));
        }
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        if select.distinct.is_some() {
            let mut seen = Vec::new();
            rows.retain(|row| {
                !seen.contains(row) && {
                    seen.push(row.clone());
                    true
                }
            });
        }
        match &query.limit_clause {
            None => Ok(rows),
            // Without an order any of them would do for Postgres.
            Some(ast::LimitClause::LimitOffset { limit: Some(Expr::Value(limit)), offset: None, .. }) => {
                let limit = limit.value.to_string().parse::<usize>().map_err(|_| refused("this LIMIT"))?;
                if rows.len() > limit && keys.is_empty() {
                    return Err(refused("which rows a LIMIT without ORDER BY leaves"));
                }
                rows.truncate(limit);
                Ok(rows)
            }
            Some(_) => Err(refused("this LIMIT")),
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
            return self.elements(factor).map(|(alias, rows)| (alias, rows, on));
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

    /// `unnest(array) AS alias (column)`.
    fn elements(&self, factor: &TableFactor) -> Result<(String, Vec<Row>), DialectError> {
        let (array, alias) = match factor {
            TableFactor::UNNEST {
                alias, array_exprs, with_offset: false, with_ordinality: false, ..
            } => (array_exprs.first().filter(|_| array_exprs.len() == 1), alias),
            TableFactor::Table { name, alias, args: Some(arguments), .. }
                if parts(name)?.pop().as_deref() == Some("unnest") =>
            {
                match arguments.args.as_slice() {
                    [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] => (Some(array), alias),
                    _ => (None, alias),
                }
            }
            _ => (None, &None),
        };
        let array = array.ok_or_else(|| refused("this relation"))?;
        let name = alias.as_ref().map_or_else(|| "unnest".to_string(), |alias| folded(&alias.name));
        let column = alias.as_ref().and_then(|alias| alias.columns.first());
        let column = column.map_or_else(|| name.clone(), |column| folded(&column.name));
        let texts = self.texts(array)?.into_iter();
        Ok((name, texts.map(|text| vec![(column.clone(), text)]).collect()))
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
            let known = Known { catalog: self.catalog, variables: self.variables, scope: &scope };
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

/// The name of a column of a query.
fn named(value: &Expr) -> String {
    match value {
        Expr::Identifier(name) => folded(name),
        Expr::CompoundIdentifier(names) => names.last().map(folded).unwrap_or_default(),
        Expr::Cast { expr, .. } => named(expr),
        _ => "?column?".to_string(),
    }
}
