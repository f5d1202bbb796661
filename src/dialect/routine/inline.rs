//! A call in an expression: the body as a value.

use sqlparser::ast::{Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Statement};

use super::body;
use super::resolve::{Given, NamedArgument, Resolved, resolve};
use super::response_setting::{needs_a_call, response_setting};
use crate::dialect::expression::{
    Expression, Field, Lowering, Piece, Place, Relation, Scope, bare_column, find_row, holds_aggregate,
    relation,
};
use crate::dialect::name::folded;
use crate::dialect::query::{LoweredQuery, column_name};
use crate::dialect::{DialectError, name};
use crate::schema::{Argument, Catalog, DataType, Language, Returns, Routine, RoutineType, Volatility};
use crate::sql::{balanced, quote_identifier};

/// How long the SQL of an argument may be that stands wherever the body names it.
const LONGEST_REPEATED: usize = 64;

/// How the body reaches an argument that is worth evaluating once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// As a column of the row that the call's FROM gives.
    Row,
    /// As the one row of a WITH query, since a FROM clause sees nothing beside it.
    Table,
}

/// A body in its place.
pub(super) struct Inlined {
    /// What it gives.
    pub query: LoweredQuery,
    /// The arguments that are evaluated once: the columns of `alias`.
    pub bound: Vec<String>,
    /// Their relation's name, quoted.
    pub alias: String,
    /// For STRICT: what must not be NULL.
    pub needed: Vec<String>,
}

impl Lowering<'_> {
    /// Lowers a call of one of the project's functions; `None` when it is none.
    pub(in crate::dialect) fn routine_call(
        &mut self,
        name: &str,
        arguments: &FunctionArguments,
    ) -> Result<Option<Piece>, DialectError> {
        let Some((schema, of)) = self.routine_name(name) else { return Ok(None) };
        let list: &[FunctionArg] = match arguments {
            FunctionArguments::None => &[],
            FunctionArguments::List(list)
                if list.duplicate_treatment.is_none() && list.clauses.is_empty() =>
            {
                &list.args
            }
            _ => return Ok(None),
        };
        let given = self.routine_arguments(list)?;
        // Postgres looks into its own functions first.
        if !name.contains('.') && is_postgres_own(&of, &given) {
            return Ok(None);
        }
        match resolve(self.catalog, &schema, &of, name, &given) {
            Ok(resolved) => self.routine_value(resolved).map(Some),
            Err(error) if error.code == "42883" && !name.contains('.') && is_plain(&given) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The schema and name of a function that exists; the name may have a schema before a dot.
    pub(super) fn routine_name(&self, name: &str) -> Option<(String, String)> {
        let catalog = self.catalog;
        if catalog.routines.is_empty() {
            return None;
        }
        let exists = |schema: &str, of: &str| catalog.routines_named(schema, of).next().is_some();
        let (schema, of) = match name.split_once('.') {
            Some((schema, of)) => (schema.to_string(), of),
            None => (self.schema_on_path(|schema| exists(schema, name)), name),
        };
        exists(&schema, of).then(|| (schema, of.to_string()))
    }

    pub(super) fn routine_arguments(
        &mut self,
        list: &[FunctionArg],
    ) -> Result<Vec<NamedArgument>, DialectError> {
        let mut arguments = Vec::new();
        for argument in list {
            let (name, value) = match argument {
                FunctionArg::Unnamed(value) => (None, value),
                FunctionArg::Named { name, arg, .. } => (Some(folded(name)), arg),
                FunctionArg::ExprNamed { name: Expr::Identifier(name), arg, .. } => (Some(folded(name)), arg),
                other => return Err(DialectError::unsupported(format!("the argument {other}"))),
            };
            if name.is_none() && arguments.iter().any(|(name, _): &NamedArgument| name.is_some()) {
                return Err(DialectError::new("42601", "positional argument cannot follow named argument"));
            }
            arguments.push((name, self.routine_argument(value)?));
        }
        Ok(arguments)
    }

    /// A value, or a relation's whole row: `full_name(users)`, `full_name(u.*)`.
    fn routine_argument(&mut self, argument: &FunctionArgExpr) -> Result<Given, DialectError> {
        match argument {
            FunctionArgExpr::Expr(Expr::Identifier(of)) => match self.whole_row(of) {
                Some(row) => Ok(Given::Row(row)),
                None => self.lower(&Expr::Identifier(of.clone())).map(Given::Value),
            },
            FunctionArgExpr::Expr(expression) => self.lower(expression).map(Given::Value),
            FunctionArgExpr::QualifiedWildcard(object) => {
                let of = name::single(object)?;
                Ok(Given::Row(relation(&self.scopes, None, &of)?.clone()))
            }
            other => Err(DialectError::unsupported(format!("the argument {other}"))),
        }
    }

    /// The row that a bare name means when no column has it.
    pub(in crate::dialect) fn whole_row(&self, of: &Ident) -> Option<Relation> {
        let of = folded(of);
        match bare_column(&self.scopes, &of) {
            Err(error) if error.code == "42703" => relation(&self.scopes, None, &of).ok().cloned(),
            _ => None,
        }
    }

    /// `u.full_name`: the function `full_name` of the row `u`; `None` when there is none.
    pub(in crate::dialect) fn attribute(
        &mut self,
        of: &str,
        name: &str,
    ) -> Result<Option<Piece>, DialectError> {
        let Some((schema, routine)) = self.routine_name(name) else { return Ok(None) };
        let Ok(row) = relation(&self.scopes, None, of).cloned() else { return Ok(None) };
        match resolve(self.catalog, &schema, &routine, name, &[(None, Given::Row(row))]) {
            Ok(resolved) => self.routine_value(resolved).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The value of a call.
    pub(super) fn routine_value(&mut self, resolved: Resolved<'_>) -> Result<Piece, DialectError> {
        let routine = resolved.routine;
        let to = match &routine.returns {
            Returns::One(RoutineType::Value(to)) => to.clone(),
            Returns::Set(_) | Returns::Columns { is_set: true, .. } => {
                return Err(DialectError::unsupported(format!(
                    "the set-returning function {} in an expression",
                    routine.display()
                ))
                .with_hint("Write it in FROM."));
            }
            Returns::One(RoutineType::Row(_)) | Returns::Columns { .. } => {
                return Err(DialectError::unsupported(format!(
                    "the row of the function {} in an expression",
                    routine.display()
                ))
                .with_hint("Write it in FROM."));
            }
            Returns::Void => {
                return Err(DialectError::unsupported(format!(
                    "the function {}, which returns void, in an expression",
                    routine.display()
                ))
                .with_hint("Call it by rpc."));
            }
            Returns::Trigger => {
                return Err(DialectError::new("0A000", "trigger functions can only be called as triggers"));
            }
        };
        if let Place::Stored(place) = self.place
            && routine.volatility != Volatility::Immutable
        {
            return Err(DialectError::new("42P17", format!("functions in {place} must be marked IMMUTABLE")));
        }
        if self.environment.names_routines() {
            return self.named_call(&resolved, &to);
        }
        let inlined = self.inlined(resolved, Reach::Row)?;
        let sql = self.as_value(routine, &inlined, &to)?;
        Ok(Piece::Typed(self.around(&inlined, sql), to))
    }

    /// Lowers a call for what it may be refused for.
    pub(super) fn check_call(&mut self, resolved: Resolved<'_>) -> Result<(), DialectError> {
        match &resolved.routine.returns {
            Returns::One(RoutineType::Value(_)) => self.routine_value(resolved).map(|_| ()),
            Returns::Void | Returns::Trigger => self.inlined(resolved, Reach::Row).map(|_| ()),
            _ => self.routine_rows(resolved).map(|_| ()),
        }
    }

    /// The call as a call, which no statement could run.
    fn named_call(&mut self, resolved: &Resolved<'_>, to: &DataType) -> Result<Piece, DialectError> {
        let mut arguments = Vec::new();
        for given in resolved.given.iter().flatten() {
            arguments.push(match given {
                Given::Value(piece) => piece.clone().into_sql(self.catalog)?,
                Given::Row(relation) => relation.row.clone(),
            });
        }
        let key = quote_identifier(&format!("/{}", resolved.routine.key()));
        Ok(Piece::Typed(format!("{key}({})", arguments.join(", ")), to.clone()))
    }

    /// The first row's value as the declared type.
    fn as_value(
        &mut self,
        routine: &Routine,
        inlined: &Inlined,
        to: &DataType,
    ) -> Result<String, DialectError> {
        let query = &inlined.query;
        let [(_, from)] = query.columns.as_slice() else {
            return Err(mismatch(
                routine,
                &to.display_name(),
                "Final statement must return exactly one column.",
            ));
        };
        let column = format!("\"/call\".{}", column_name(0));
        let value = query.value.clone().unwrap_or_else(|| column.clone());
        let converted = self.assign(Piece::Typed(value, from.clone()), to).map_err(|_| {
            mismatch(routine, &to.display_name(), &format!("Actual return type is {}.", from.display_name()))
        })?;
        if query.value.is_some() {
            return Ok(converted);
        }
        self.only_in_queries("a subquery")?;
        if query.is_single && converted == column {
            return Ok(format!("({})", query.sql));
        }
        Ok(format!("(SELECT {converted} FROM ({}) AS \"/call\" LIMIT 1)", query.sql))
    }

    /// A value of the body with its arguments, NULL where a STRICT function lacks one.
    fn around(&self, inlined: &Inlined, sql: String) -> String {
        let sql = match inlined.needed.is_empty() {
            true => sql,
            false => format!("CASE WHEN {} THEN {sql} END", all_there(&inlined.needed)),
        };
        if inlined.bound.is_empty() {
            return sql;
        }
        format!("(SELECT {sql} FROM (SELECT {}) AS {})", bound_list(&inlined.bound), inlined.alias)
    }

    /// The body of a call, lowered among its arguments.
    pub(super) fn inlined(&mut self, resolved: Resolved<'_>, reach: Reach) -> Result<Inlined, DialectError> {
        let routine = resolved.routine;
        let alias = quote_identifier(&self.alias());
        let mut bound = Vec::new();
        let mut needed = Vec::new();
        let scope = self.argument_scope(&resolved, reach, &alias, &mut bound, &mut needed)?;
        // The statement asks for the default, not the table's definition: see `stored_default`.
        let place = if self.place == Place::Default { Place::Query } else { self.place };
        self.environment.enter_routine(routine)?;
        let query = self.inside(place, scope, routine.search_path.clone()).routine_body(routine);
        self.environment.leave_routine();
        let query = query.map_err(|error| DialectError {
            message: match error.code {
                "0A000" | "42601" => format!("function {}: {}", routine.display(), error.message),
                _ => error.message,
            },
            ..error
        })?;
        if !routine.strict {
            needed.clear();
        }
        Ok(Inlined { query, bound, alias, needed })
    }

    fn argument_scope(
        &mut self,
        resolved: &Resolved<'_>,
        reach: Reach,
        alias: &str,
        bound: &mut Vec<String>,
        needed: &mut Vec<String>,
    ) -> Result<Scope, DialectError> {
        let mut values = Relation {
            schema: None,
            name: resolved.routine.name.clone(),
            row: String::new(),
            columns: Vec::new(),
            merged: Vec::new(),
        };
        let mut rows = Vec::new();
        for (index, (argument, given)) in resolved.routine.inputs().zip(&resolved.given).enumerate() {
            let position = format!("${}", index + 1);
            let names = argument.name.iter().cloned().chain([position]);
            match (&argument.data_type, given) {
                (RoutineType::Row(table), Some(Given::Row(row))) => {
                    needed.extend(self.row_test(table, row));
                    rows.extend(names.map(|name| as_argument(row, name)));
                }
                (RoutineType::Row(table), _) => {
                    needed.push("NULL".to_string());
                    let row = self.no_row(table);
                    rows.extend(names.map(|name| as_argument(&row, name)));
                }
                (RoutineType::Value(to), given) => {
                    let sql = self.argument_value(given.as_ref(), argument, to)?;
                    let sql = self.reached(sql, reach, alias, bound)?;
                    needed.push(sql.clone());
                    values.columns.extend(names.map(|name| Field {
                        name,
                        sql: sql.clone(),
                        data_type: to.clone(),
                    }));
                }
            }
        }
        let mut relations = vec![values];
        relations.extend(rows);
        Ok(Scope { relations })
    }

    pub(super) fn argument_value(
        &mut self,
        given: Option<&Given>,
        argument: &Argument,
        to: &DataType,
    ) -> Result<String, DialectError> {
        let sql = self.plain_argument(given, argument.default.as_deref(), to)?;
        match &argument.domain {
            Some(domain) => self.in_domain(sql, domain),
            None => Ok(sql),
        }
    }

    fn plain_argument(
        &mut self,
        given: Option<&Given>,
        default: Option<&str>,
        to: &DataType,
    ) -> Result<String, DialectError> {
        match (given, default) {
            (Some(Given::Value(piece)), _) => self.implicit(piece.clone(), to),
            (None, Some(default)) => {
                let expression = Expression::parse(default)?;
                let mut lowering = self.inside(Place::Query, Scope::default(), None);
                let piece = lowering.lower(&expression.0)?;
                lowering.assign(piece, to)
            }
            _ => Ok("NULL".to_string()),
        }
    }

    /// How the body names an argument: by its own SQL when that is short and plain.
    fn reached(
        &mut self,
        sql: String,
        reach: Reach,
        alias: &str,
        bound: &mut Vec<String>,
    ) -> Result<String, DialectError> {
        let is_plain = sql.len() <= LONGEST_REPEATED && (!sql.contains('(') || is_cast_of_bind(&sql));
        let is_aggregate = self.aggregates_allowed && self.staged.is_none() && holds_aggregate(&sql);
        if is_plain || is_aggregate || self.place != Place::Query {
            if sql.len() > 4_000 {
                return Err(DialectError::new("54001", "the expression is too complex"));
            }
            return Ok(sql);
        }
        bound.push(sql);
        let column = column_name(bound.len() - 1);
        Ok(match reach {
            Reach::Row => format!("{alias}.{column}"),
            Reach::Table => format!("(SELECT {column} FROM {alias})"),
        })
    }

    fn row_test(&self, table: &str, row: &Relation) -> Option<String> {
        let key = self.catalog.row_type(table)?.primary_key_columns().first()?;
        row.column(key).map(|(sql, _)| sql)
    }

    fn no_row(&self, table: &str) -> Relation {
        let columns = self.catalog.row_type(table).map(|table| Relation::of_table(table, "").columns);
        let columns = columns.unwrap_or_default().into_iter();
        let columns = columns.map(|field| Field { sql: "NULL".to_string(), ..field }).collect();
        Relation { schema: None, name: String::new(), row: String::new(), columns, merged: Vec::new() }
    }

    /// What the body gives: the rows of its one query.
    pub(super) fn routine_body(&mut self, routine: &Routine) -> Result<LoweredQuery, DialectError> {
        match routine.language {
            Language::Sql => self.sql_body(routine),
            Language::Plpgsql => self.plpgsql_body(routine),
        }
    }

    fn sql_body(&mut self, routine: &Routine) -> Result<LoweredQuery, DialectError> {
        let statements = body::statements(&routine.body)?;
        match statements.as_slice() {
            [Statement::Query(query)] if response_setting(query).is_some() => Err(needs_a_call()),
            [Statement::Query(query)] => {
                self.targets = result_types(self.catalog, &routine.returns);
                self.subquery(query)
            }
            [] if routine.returns == Returns::Void => Ok(LoweredQuery {
                sql: format!("SELECT NULL AS {}", column_name(0)),
                columns: vec![("void".to_string(), DataType::Text)],
                is_single: true,
                value: None,
            }),
            [] => Err(DialectError::new("42P13", "the body has no statement")),
            _ => Err(DialectError::unsupported("a body other than one query")
                .with_hint("A function that writes can only be called by rpc.")),
        }
    }
}

/// The types of what a function gives, one for each column.
pub(super) fn result_types(catalog: &Catalog, returns: &Returns) -> Vec<DataType> {
    match returns {
        Returns::One(RoutineType::Value(of)) | Returns::Set(RoutineType::Value(of)) => vec![of.clone()],
        Returns::One(RoutineType::Row(table)) | Returns::Set(RoutineType::Row(table)) => {
            let columns = catalog.row_type(table).map(|table| table.columns.iter());
            columns.into_iter().flatten().map(|column| column.data_type.clone()).collect()
        }
        Returns::Columns { columns, .. } => columns.iter().map(|(_, of)| of.clone()).collect(),
        Returns::Void | Returns::Trigger => Vec::new(),
    }
}

pub(super) fn mismatch(routine: &Routine, to: &str, why: &str) -> DialectError {
    let message = format!("return type mismatch in function declared to return {to}");
    DialectError::new("42P13", message).with_hint(format!("In {}: {why}", routine.display()))
}

pub(super) fn all_there(needed: &[String]) -> String {
    balanced(needed.iter().map(|sql| format!("{sql} IS NOT NULL")).collect(), " AND ")
}

pub(super) fn bound_list(bound: &[String]) -> String {
    let columns = bound.iter().enumerate().map(|(index, sql)| format!("{sql} AS {}", column_name(index)));
    columns.collect::<Vec<_>>().join(", ")
}

/// A row under a parameter's name; its columns are named by it only.
fn as_argument(row: &Relation, name: String) -> Relation {
    let merged = row.columns.iter().map(|field| field.name.clone()).collect();
    Relation { schema: None, name, merged, ..row.clone() }
}

pub(super) fn is_cast_of_bind(sql: &str) -> bool {
    sql.starts_with("CAST(?") && sql.matches('(').count() == 1
}

fn is_plain(given: &[NamedArgument]) -> bool {
    given.iter().all(|(name, given)| name.is_none() && matches!(given, Given::Value(_)))
}

fn values(given: &[NamedArgument]) -> Vec<Piece> {
    let value = |(_, given): &NamedArgument| match given {
        Given::Value(piece) => Some(piece.clone()),
        Given::Row(_) => None,
    };
    given.iter().filter_map(value).collect()
}

fn is_postgres_own(name: &str, given: &[NamedArgument]) -> bool {
    is_plain(given) && find_row(name, &values(given)).is_some()
}

/// The scope of a body whose arguments have settled: the values by name and position, then the rows.
pub(super) fn argument_relations(catalog: &Catalog, routine: &Routine, given: Vec<Given>) -> Vec<Relation> {
    let mut values = Relation {
        schema: None,
        name: routine.name.clone(),
        row: String::new(),
        columns: Vec::new(),
        merged: Vec::new(),
    };
    let mut rows = Vec::new();
    for (index, (argument, given)) in routine.inputs().zip(given).enumerate() {
        let names = argument.name.iter().cloned().chain([format!("${}", index + 1)]);
        match (&argument.data_type, given) {
            (RoutineType::Value(to), Given::Value(piece)) => {
                let sql = piece.into_sql(catalog).unwrap_or_else(|_| "NULL".to_string());
                values.columns.extend(names.map(|name| Field {
                    name,
                    sql: sql.clone(),
                    data_type: to.clone(),
                }));
            }
            (_, Given::Row(row)) => rows.extend(names.map(|name| as_argument(&row, name))),
            (RoutineType::Row(table), _) => {
                let columns = catalog.row_type(table).map(|table| Relation::of_table(table, "").columns);
                let columns = columns.unwrap_or_default().into_iter();
                let columns = columns.map(|field| Field { sql: "NULL".to_string(), ..field }).collect();
                let row = Relation { columns, name: String::new(), merged: Vec::new(), ..values.clone() };
                rows.extend(names.map(|name| as_argument(&row, name)));
            }
        }
    }
    let mut relations = vec![values];
    relations.extend(rows);
    relations
}
