//! A call in FROM: the body's rows as a relation.

use sqlparser::ast::{
    AccessExpr, Expr, FunctionArg, FunctionArguments, ObjectName, Select, SelectItem, TableAlias,
};

use super::inline::{Inlined, Reach, all_there, bound_list, mismatch, result_types};
use super::resolve::{Resolved, resolve};
use crate::dialect::expression::{Lowering, Piece, Relation};
use crate::dialect::name::folded;
use crate::dialect::query::{column_name, fields, rename};
use crate::dialect::{DialectError, name};
use crate::schema::{Catalog, DataType, Returns, Routine, RoutineType};
use crate::sql::quote_identifier;

/// The rows of a call as a query. Its columns are named by their positions.
pub struct Rows {
    /// A SELECT.
    pub sql: String,
    /// The columns' names and types.
    pub columns: Vec<(String, DataType)>,
}

impl Lowering<'_> {
    /// `FROM f(…) AS alias (columns)`.
    pub(in crate::dialect) fn routine_in_from(
        &mut self,
        object: &ObjectName,
        arguments: &[FunctionArg],
        alias: Option<&TableAlias>,
    ) -> Result<String, DialectError> {
        let written = name::parts(object)?.join(".");
        let Some((schema, of)) = self.routine_name(&written) else {
            return Err(DialectError::new("42883", format!("function {written}() does not exist"))
                .with_hint(
                    "No function matches the given name and argument types, or it is not supported in FROM.",
                ));
        };
        // The arguments do not see the tables beside the call.
        let scope = self.scopes.pop();
        let given = self.routine_arguments(arguments);
        let catalog = self.catalog;
        let rows = given
            .and_then(|given| resolve(catalog, &schema, &of, &written, &given))
            .and_then(|resolved| self.routine_rows(resolved));
        self.scopes.extend(scope);
        let rows = rows?;
        let row = quote_identifier(&self.alias());
        let mut columns = fields(&rows.columns);
        let mut name = of;
        if let Some(alias) = alias {
            name = folded(&alias.name);
            // A function of one value lends its column its own name.
            if let ([column], []) = (columns.as_mut_slice(), alias.columns.as_slice())
                && rows
                    .columns
                    .first()
                    .is_some_and(|(of, _)| *of == written.rsplit('.').next().unwrap_or_default())
            {
                column.name.clone_from(&name);
            }
            rename(&mut columns, alias)?;
        }
        let sql = format!("({}) AS {row}", rows.sql);
        self.add(Relation { schema: None, name, row, columns, merged: Vec::new() })?;
        Ok(sql)
    }

    /// The rows of a call.
    pub(in crate::dialect) fn routine_rows(&mut self, resolved: Resolved<'_>) -> Result<Rows, DialectError> {
        let routine = resolved.routine;
        let columns = result_columns(self.catalog, routine);
        if columns.is_empty() {
            return Err(DialectError::unsupported(format!("the function {} in FROM", routine.display())));
        }
        self.only_in_queries("a function in FROM")?;
        if self.environment.names_routines() {
            return Ok(named_rows(routine, columns));
        }
        let inlined = self.inlined(resolved, Reach::Table)?;
        let sql = self.as_rows(routine, &inlined, &columns)?;
        Ok(Rows { sql: with_arguments(&inlined, sql), columns })
    }

    /// One row once the body of a function that gives nothing has run.
    pub(super) fn routine_effect(&mut self, resolved: Resolved<'_>) -> Result<String, DialectError> {
        let inlined = self.inlined(resolved, Reach::Table)?;
        let sql = format!("SELECT count(*) FROM ({})", inlined.query.sql);
        Ok(format!("({})", with_arguments(&inlined, sql)))
    }

    /// The rows with the declared types; one row of NULLs where a function of one row gives none.
    pub(super) fn as_rows(
        &mut self,
        routine: &Routine,
        inlined: &Inlined,
        columns: &[(String, DataType)],
    ) -> Result<String, DialectError> {
        let query = &inlined.query;
        let declared = || match &routine.returns {
            Returns::One(of) | Returns::Set(of) => of.display_name(),
            _ => "record".to_string(),
        };
        if query.columns.len() != columns.len() {
            let why = if query.columns.len() > columns.len() { "too many" } else { "too few" };
            return Err(mismatch(routine, &declared(), &format!("Final statement returns {why} columns.")));
        }
        let mut list = Vec::new();
        let mut is_same = true;
        for (index, ((_, from), (_, to))) in query.columns.iter().zip(columns).enumerate() {
            let column = format!("\"/rows\".{}", column_name(index));
            let converted = self.assign(Piece::Typed(column.clone(), from.clone()), to).map_err(|_| {
                let (from, to) = (from.display_name(), to.display_name());
                mismatch(
                    routine,
                    &declared(),
                    &format!("Final statement returns {from} instead of {to} at column {}.", index + 1),
                )
            })?;
            is_same &= converted == column;
            list.push(format!("{converted} AS {}", column_name(index)));
        }
        let sql = &match inlined.needed.is_empty() {
            true => query.sql.clone(),
            false => format!("SELECT * FROM ({}) WHERE {}", query.sql, all_there(&inlined.needed)),
        };
        if routine.returns.is_set() {
            return Ok(match is_same {
                true => sql.clone(),
                false => format!("SELECT {} FROM ({sql}) AS \"/rows\"", list.join(", ")),
            });
        }
        Ok(format!(
            "SELECT {} FROM (SELECT 1) LEFT JOIN (SELECT * FROM ({sql}) LIMIT 1) AS \"/rows\" ON TRUE",
            list.join(", ")
        ))
    }

    /// `(u).name` and `u.full_name`, of a relation's row or an argument's.
    pub(in crate::dialect) fn field_of_row(
        &mut self,
        root: &Expr,
        chain: &[AccessExpr],
    ) -> Result<Option<Piece>, DialectError> {
        let [AccessExpr::Dot(Expr::Identifier(field))] = chain else { return Ok(None) };
        let mut inner = root;
        while let Expr::Nested(nested) = inner {
            inner = nested;
        }
        let Expr::Identifier(of) = inner else { return Ok(None) };
        let Some(row) = self.whole_row(of) else { return Ok(None) };
        let field = folded(field);
        if let Some((sql, data_type)) = row.column(&field) {
            self.grouped_column(&sql, &field)?;
            return Ok(Some(Piece::Typed(sql, data_type)));
        }
        self.attribute(&folded(of), &field)
    }

    /// `SELECT f(…)` of a set-returning function of values: the query of its rows.
    pub(in crate::dialect) fn rows_of_select(
        &mut self,
        select: &Select,
    ) -> Result<Option<Rows>, DialectError> {
        let (expression, alias) = match select.projection.as_slice() {
            [SelectItem::UnnamedExpr(expression)] => (expression, None),
            [SelectItem::ExprWithAlias { expr, alias }] => (expr, Some(folded(alias))),
            _ => return Ok(None),
        };
        let (Expr::Function(function), true, None) = (expression, select.from.is_empty(), &select.selection)
        else {
            return Ok(None);
        };
        let written = name::parts(&function.name)?.join(".");
        let Some((schema, of)) = self.routine_name(&written) else { return Ok(None) };
        let catalog = self.catalog;
        let returns_set = |routine: &Routine| matches!(&routine.returns, Returns::Set(RoutineType::Value(_)));
        if !catalog.routines_named(&schema, &of).any(returns_set) {
            return Ok(None);
        }
        let FunctionArguments::List(list) = &function.args else { return Ok(None) };
        let given = self.routine_arguments(&list.args)?;
        let resolved = resolve(catalog, &schema, &of, &written, &given)?;
        if !returns_set(resolved.routine) {
            return Ok(None);
        }
        let mut rows = self.routine_rows(resolved)?;
        if let (Some(alias), Some((name, _))) = (alias, rows.columns.first_mut()) {
            *name = alias;
        }
        Ok(Some(rows))
    }
}

/// The parameters that come out, or the columns of `RETURNS TABLE`: a function in PL/pgSQL has them as variables.
pub fn out_columns(routine: &Routine) -> &[(String, DataType)] {
    match &routine.returns {
        Returns::Columns { columns, .. } => columns,
        _ => &[],
    }
}

/// The names and types of what a function gives.
pub fn result_columns(catalog: &Catalog, routine: &Routine) -> Vec<(String, DataType)> {
    match &routine.returns {
        Returns::Columns { columns, .. } => columns.clone(),
        Returns::One(RoutineType::Row(table)) | Returns::Set(RoutineType::Row(table)) => {
            let columns = catalog.row_type(table).map(|table| table.columns.iter());
            columns
                .into_iter()
                .flatten()
                .map(|column| (column.name.clone(), column.data_type.clone()))
                .collect()
        }
        returns => result_types(catalog, returns).into_iter().map(|of| (routine.name.clone(), of)).collect(),
    }
}

fn with_arguments(inlined: &Inlined, sql: String) -> String {
    if inlined.bound.is_empty() {
        return sql;
    }
    format!(
        "WITH {} AS MATERIALIZED (SELECT {}) SELECT * FROM ({sql})",
        inlined.alias,
        bound_list(&inlined.bound)
    )
}

/// The call as a name, which no statement could run.
fn named_rows(routine: &Routine, columns: Vec<(String, DataType)>) -> Rows {
    let list = (0..columns.len()).map(|index| format!("NULL AS {}", column_name(index)));
    let name = quote_identifier(&format!("/{}", routine.key()));
    Rows { sql: format!("SELECT {} FROM {name}", list.collect::<Vec<_>>().join(", ")), columns }
}

/// Rows whose columns are named by position, in parentheses, with the names of what the function gives.
pub(super) fn named(catalog: &Catalog, routine: &Routine, rows: &str) -> String {
    let face = catalog.rows_of(routine).map(|table| table.columns.iter());
    let columns = face.into_iter().flatten().enumerate().map(|(index, column)| {
        format!("\"/call\".{} AS {}", column_name(index), quote_identifier(&column.name))
    });
    let columns: Vec<String> = columns.collect();
    format!("(SELECT {} FROM ({rows}) AS \"/call\")", columns.join(", "))
}
