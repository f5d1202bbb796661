//! FROM: tables under their row filters, derived tables, functions.

use sqlparser::ast::{FunctionArg, TableAlias, TableFactor, TableWithJoins};

use super::join::is_outer;
use super::table_function::TABLE_FUNCTIONS;
use super::{column_name, lateral};
use crate::dialect::expression::{Field, Lowering, Relation, Scope};
use crate::dialect::{DialectError, name};
use crate::schema::{DataType, View};
use crate::sql::quote_identifier;

/// A FROM clause: its SQL, and the filters of its tables for the WHERE clause.
#[derive(Default)]
pub struct From {
    /// Without the word FROM; empty for no clause.
    pub sql: String,
    /// Predicates that the rows must meet besides the query's own.
    pub filters: Vec<String>,
    /// The tables' rows, each with its key's columns in SQL.
    pub keys: Vec<(String, Vec<String>)>,
}

impl From {
    /// The rows of which a grouping by these keys leaves one: their primary keys are among them.
    pub fn rows_determined_by(&self, keys: &[String]) -> Vec<String> {
        let determined = |(_, key): &&(String, Vec<String>)| {
            !key.is_empty() && key.iter().all(|column| keys.contains(column))
        };
        self.keys.iter().filter(determined).map(|(row, _)| row.clone()).collect()
    }
}

/// What a refused query of Postgres' own tables is told by.
pub const LOOKING: &str = "looking into";

impl Lowering<'_> {
    /// Lowers a FROM clause and pushes its scope; the caller pops it.
    pub(super) fn from(&mut self, tables: &[TableWithJoins]) -> Result<From, DialectError> {
        self.scopes.push(Scope::default());
        let mut from = From::default();
        // A filter in WHERE would drop the rows that an outer join keeps: there it goes inside.
        let has_outer =
            tables.iter().flat_map(|table| &table.joins).any(|join| is_outer(&join.join_operator));
        for (index, table) in tables.iter().enumerate() {
            if index > 0 {
                from.sql.push_str(" CROSS JOIN ");
            }
            let sql = self.factor(&table.relation, has_outer, &mut from)?;
            from.sql.push_str(&sql);
            for join in &table.joins {
                let sql = self.join(join, has_outer, &mut from)?;
                from.sql.push_str(&sql);
            }
        }
        Ok(from)
    }

    /// The FROM clause of an UPDATE, whose target stays in sight: pushed into the target's own scope.
    pub(in crate::dialect) fn sources_of_update(
        &mut self,
        tables: &[TableWithJoins],
    ) -> Result<From, DialectError> {
        let from = self.from(tables)?;
        let relations = self.scopes.pop().map(|scope| scope.relations).unwrap_or_default();
        for relation in relations {
            self.add(relation)?;
        }
        Ok(from)
    }

    pub(super) fn factor(
        &mut self,
        factor: &TableFactor,
        filter_inside: bool,
        from: &mut From,
    ) -> Result<String, DialectError> {
        match factor {
            TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } => {
                self.called_in_from(name, &args.args, alias.as_ref(), *with_ordinality)
            }
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                self.table(name, alias.as_ref(), filter_inside, from)
            }
            TableFactor::Derived { lateral, subquery, alias, sample: None } => {
                self.derived(subquery, alias.as_ref(), *lateral)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality, .. } => {
                let arrays: Vec<FunctionArg> = array_exprs
                    .iter()
                    .map(|array| FunctionArg::Unnamed(sqlparser::ast::FunctionArgExpr::Expr(array.clone())))
                    .collect();
                self.function_in_from("unnest", &arrays, alias.as_ref(), *with_ordinality)
            }
            TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                self.called_in_from(name, args, alias.as_ref(), *with_ordinality)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let mut sql = self.factor(&table_with_joins.relation, true, from)?;
                for join in &table_with_joins.joins {
                    sql.push_str(&self.join(join, true, from)?);
                }
                Ok(format!("({sql})"))
            }
            _ => Err(DialectError::unsupported("this form of FROM")),
        }
    }

    /// A function of Postgres' own, or of the project's.
    fn called_in_from(
        &mut self,
        object: &sqlparser::ast::ObjectName,
        arguments: &[FunctionArg],
        alias: Option<&TableAlias>,
        with_ordinality: bool,
    ) -> Result<String, DialectError> {
        let called = name::parts(object)?.join(".");
        let called = called.strip_prefix("pg_catalog.").unwrap_or(&called);
        if TABLE_FUNCTIONS.iter().any(|function| function.name == called) {
            return self.function_in_from(called, arguments, alias, with_ordinality);
        }
        if with_ordinality {
            return Err(DialectError::unsupported(format!("{called}() WITH ORDINALITY")));
        }
        self.routine_in_from(object, arguments, alias)
    }

    fn table(
        &mut self,
        object: &sqlparser::ast::ObjectName,
        alias: Option<&TableAlias>,
        filter_inside: bool,
        from: &mut From,
    ) -> Result<String, DialectError> {
        let row = quote_identifier(&self.alias());
        if let Ok(name) = name::single(object)
            && let Some(cte) = self.common_table(&name)
        {
            let columns = cte.fields(alias)?;
            let name = alias.map_or(name, |alias| name::folded(&alias.name));
            let sql = format!("{} AS {row}", cte.sql);
            self.note_common_table_read(&cte.sql, &row);
            self.add(Relation { schema: None, name, row, columns, merged: Vec::new() })?;
            return Ok(sql);
        }
        let (mut schema, name) = name::qualified(object)?;
        let catalog = self.catalog;
        if object.0.len() == 1 {
            schema = self.schema_on_path(|schema| catalog.relation(schema, &name).is_some());
        }
        if let Some(view) = catalog.inlined_view(&schema, &name) {
            return self.view(view, row, alias);
        }
        if matches!(schema.as_str(), "information_schema" | "pg_catalog") || is_system_table(&schema, &name) {
            return Err(DialectError::unsupported(format!("{LOOKING} {}", name::parts(object)?.join(".")))
                .with_hint("Write IF EXISTS or IF NOT EXISTS instead of asking what is there."));
        }
        let table = catalog.table(&schema, &name).ok_or_else(|| {
            DialectError::new(
                "42P01",
                format!("relation \"{}\" does not exist", name::parts(object).unwrap_or_default().join(".")),
            )
        })?;
        let filter = self.environment.row_filter(table, &row)?;
        self.note_table(table, &row);
        let mut relation = Relation::of_table(table, &row);
        if let Some(alias) = alias {
            relation.schema = None;
            relation.name = name::folded(&alias.name);
            rename(&mut relation.columns, alias)?;
        }
        let key = table.primary_key_columns().iter();
        from.keys.push((row.clone(), key.map(|name| format!("{row}.{}", quote_identifier(name))).collect()));
        self.add(relation)?;
        let physical = table.physical();
        match filter {
            None => Ok(format!("{physical} AS {row}")),
            Some(filter) if filter_inside => {
                Ok(format!("(SELECT * FROM {physical} AS {row} WHERE {filter}) AS {row}"))
            }
            Some(filter) => {
                from.filters.push(filter);
                Ok(format!("{physical} AS {row}"))
            }
        }
    }

    /// A view stands for its query.
    fn view(&mut self, view: &View, row: String, alias: Option<&TableAlias>) -> Result<String, DialectError> {
        self.environment.may_read_view(view)?;
        let lowered = self.view_query(view)?;
        self.note_view(view, &row);
        let named = view.table.columns.iter().zip(lowered.columns);
        let named: Vec<_> = named.map(|(column, (_, data_type))| (column.name.clone(), data_type)).collect();
        let mut relation = Relation {
            schema: Some(view.table.schema.clone()),
            name: view.table.name.clone(),
            row,
            columns: fields(&named),
            merged: Vec::new(),
        };
        if let Some(alias) = alias {
            relation.schema = None;
            relation.name = name::folded(&alias.name);
            rename(&mut relation.columns, alias)?;
        }
        let sql = format!("({}) AS {}", lowered.sql, relation.row);
        self.add(relation)?;
        Ok(sql)
    }

    fn derived(
        &mut self,
        query: &sqlparser::ast::Query,
        alias: Option<&TableAlias>,
        is_lateral: bool,
    ) -> Result<String, DialectError> {
        // Unless it is lateral, the query does not see the tables beside it.
        let scope = if is_lateral { None } else { self.scopes.pop() };
        let lowered = self.subquery(query);
        self.scopes.extend(scope);
        let lowered = lowered?;
        let row = quote_identifier(&self.alias());
        self.note_derived(&row);
        let beside = self.scopes.last().map(|scope| scope.relations.as_slice()).unwrap_or_default();
        let is_correlated = is_lateral && beside.iter().any(|other| other.is_named_in(&lowered.sql));
        let (mut columns, sql) = match is_correlated {
            false => (fields(&lowered.columns), format!("({}) AS {row}", lowered.sql)),
            true => {
                let (source, columns) = lateral::rows(&lowered);
                (columns, format!("{source} AS {row}"))
            }
        };
        if let Some(alias) = alias {
            rename(&mut columns, alias)?;
        }
        let name = alias.map(|alias| name::folded(&alias.name)).unwrap_or_default();
        self.add(Relation { schema: None, name, row, columns, merged: Vec::new() })?;
        Ok(sql)
    }

    pub(in crate::dialect) fn add(&mut self, relation: Relation) -> Result<(), DialectError> {
        let Some(scope) = self.scopes.last_mut() else { return Ok(()) };
        let twice = |other: &Relation| other.name == relation.name && !relation.name.is_empty();
        if scope.relations.iter().any(twice) {
            return Err(DialectError::new(
                "42712",
                format!("table name \"{}\" specified more than once", relation.name),
            ));
        }
        scope.relations.push(relation);
        Ok(())
    }
}

/// Postgres' own tables, which need no schema before their names.
fn is_system_table(schema: &str, name: &str) -> bool {
    schema == "public" && name.starts_with("pg_")
}

/// A query's columns as the fields of a relation.
pub fn fields(columns: &[(String, DataType)]) -> Vec<Field> {
    let field = |(index, (name, data_type)): (usize, &(String, DataType))| Field {
        name: name.clone(),
        sql: column_name(index),
        data_type: data_type.clone(),
    };
    columns.iter().enumerate().map(field).collect()
}

/// `AS alias (a, b)`: the first columns' new names.
pub fn rename(columns: &mut [Field], alias: &TableAlias) -> Result<(), DialectError> {
    if alias.columns.len() > columns.len() {
        return Err(DialectError::new(
            "42P10",
            format!(
                "table \"{}\" has {} columns available but {} columns specified",
                alias.name,
                columns.len(),
                alias.columns.len()
            ),
        ));
    }
    for (field, column) in columns.iter_mut().zip(&alias.columns) {
        field.name = name::folded(&column.name);
    }
    Ok(())
}
