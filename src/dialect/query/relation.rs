//! FROM: tables under their row filters, derived tables, joins.

use sqlparser::ast::{
    FunctionArg, FunctionArgExpr, Join, JoinConstraint, JoinOperator, TableAlias, TableFactor, TableWithJoins,
};

use super::column_name;
use crate::dialect::expression::{Field, Lowering, Piece, Relation, Scope};
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
}

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
            let sql = self.factor(&table.relation, has_outer, &mut from.filters)?;
            from.sql.push_str(&sql);
            for join in &table.joins {
                self.join(join, has_outer, &mut from)?;
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

    fn join(&mut self, join: &Join, has_outer: bool, from: &mut From) -> Result<(), DialectError> {
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => ("JOIN", on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("LEFT JOIN", on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("RIGHT JOIN", on),
            JoinOperator::FullOuter(on) => ("FULL JOIN", on),
            JoinOperator::CrossJoin(JoinConstraint::None) => ("CROSS JOIN", &JoinConstraint::None),
            _ => return Err(DialectError::unsupported(join)),
        };
        let sql = self.factor(&join.relation, has_outer, &mut from.filters)?;
        from.sql.push_str(&format!(" {word} {sql}"));
        match constraint {
            JoinConstraint::On(on) => {
                let on = self.condition(on)?;
                from.sql.push_str(&format!(" ON {on}"));
            }
            JoinConstraint::Using(columns) if matches!(word, "JOIN" | "LEFT JOIN") => {
                let on = self.using(columns)?;
                from.sql.push_str(&format!(" ON {on}"));
            }
            JoinConstraint::None if word == "CROSS JOIN" => {}
            _ => return Err(DialectError::unsupported(join)),
        }
        Ok(())
    }

    fn using(&mut self, columns: &[sqlparser::ast::ObjectName]) -> Result<String, DialectError> {
        let mut terms = Vec::new();
        for column in columns {
            let column = name::single(column)?;
            let missing = || {
                DialectError::new(
                    "42703",
                    format!("column \"{column}\" specified in USING clause does not exist"),
                )
            };
            let Some(scope) = self.scopes.last_mut() else { continue };
            let Some((right, left)) = scope.relations.split_last_mut() else { continue };
            let (right_sql, right_type) = right.column(&column).ok_or_else(missing)?;
            let (left_sql, left_type) = left
                .iter()
                .filter(|relation| !relation.merged.contains(&column))
                .find_map(|relation| relation.column(&column))
                .ok_or_else(missing)?;
            right.merged.push(column);
            let equal = sqlparser::ast::BinaryOperator::Eq;
            terms.push(self.compare(
                Piece::Typed(left_sql, left_type),
                &equal,
                Piece::Typed(right_sql, right_type),
            )?);
        }
        Ok(crate::sql::balanced(terms, " AND "))
    }

    fn factor(
        &mut self,
        factor: &TableFactor,
        filter_inside: bool,
        filters: &mut Vec<String>,
    ) -> Result<String, DialectError> {
        match factor {
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
                self.table(name, alias.as_ref(), filter_inside, filters)
            }
            TableFactor::Derived { lateral: false, subquery, alias, sample: None } => {
                self.derived(subquery, alias.as_ref())
            }
            TableFactor::UNNEST {
                alias, array_exprs, with_offset: false, with_ordinality: false, ..
            } => {
                let [array] = array_exprs.as_slice() else { return Err(DialectError::unsupported(factor)) };
                let array = self.lower(array)?;
                self.unnest(array, alias.as_ref())
            }
            TableFactor::Table { name, alias, args: Some(args), with_ordinality: false, .. }
                if name::single(name).is_ok_and(|name| name == "unnest") =>
            {
                let [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] = args.args.as_slice() else {
                    return Err(DialectError::unsupported(factor));
                };
                let array = self.lower(array)?;
                self.unnest(array, alias.as_ref())
            }
            TableFactor::Table { name, alias, args: Some(args), with_ordinality: false, .. } => {
                self.routine_in_from(name, &args.args, alias.as_ref())
            }
            TableFactor::Function { name, alias, args, with_ordinality: false, .. } => {
                self.routine_in_from(name, args, alias.as_ref())
            }
            other => Err(DialectError::unsupported(format!("{other} in FROM"))),
        }
    }

    fn table(
        &mut self,
        object: &sqlparser::ast::ObjectName,
        alias: Option<&TableAlias>,
        filter_inside: bool,
        filters: &mut Vec<String>,
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
            return Err(DialectError::unsupported(format!(
                "looking into {}",
                name::parts(object)?.join(".")
            ))
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
        self.add(relation)?;
        let physical = table.physical();
        match filter {
            None => Ok(format!("{physical} AS {row}")),
            Some(filter) if filter_inside => {
                Ok(format!("(SELECT * FROM {physical} AS {row} WHERE {filter}) AS {row}"))
            }
            Some(filter) => {
                filters.push(filter);
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
    ) -> Result<String, DialectError> {
        // The query does not see the tables beside it.
        let scope = self.scopes.pop();
        let lowered = self.subquery(query);
        self.scopes.extend(scope);
        let lowered = lowered?;
        let row = quote_identifier(&self.alias());
        self.note_derived(&row);
        let mut columns = fields(&lowered.columns);
        if let Some(alias) = alias {
            rename(&mut columns, alias)?;
        }
        let name = alias.map(|alias| name::folded(&alias.name)).unwrap_or_default();
        let sql = format!("({}) AS {row}", lowered.sql);
        self.add(Relation { schema: None, name, row, columns, merged: Vec::new() })?;
        Ok(sql)
    }

    fn unnest(&mut self, array: Piece, alias: Option<&TableAlias>) -> Result<String, DialectError> {
        let Piece::Typed(array, DataType::Array(element)) = array else {
            return Err(DialectError::new(
                "42883",
                format!("function unnest({}) does not exist", array.type_name()),
            ));
        };
        if matches!(
            *element,
            DataType::Numeric(_) | DataType::Json | DataType::Jsonb | DataType::Bytea | DataType::Array(_)
        ) {
            return Err(DialectError::unsupported(format!("unnest of {}[]", element.display_name())));
        }
        let row = quote_identifier(&self.alias());
        let name = alias.map_or_else(|| "unnest".to_string(), |alias| name::folded(&alias.name));
        let column = alias
            .and_then(|alias| alias.columns.first())
            .map_or_else(|| name.clone(), |column| name::folded(&column.name));
        let columns = vec![Field { name: column, sql: "value".into(), data_type: *element }];
        self.add(Relation { schema: None, name, row: row.clone(), columns, merged: Vec::new() })?;
        Ok(format!("json_each({array}) AS {row}"))
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

fn is_outer(operator: &JoinOperator) -> bool {
    !matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
}
