//! `INSERT`.

use sqlparser::ast::{
    Expr, Insert, OnConflict, OnConflictAction, OnInsert, Query, SetExpr, TableObject, Values,
};

use super::before::{KEEP, has_before, old_columns, proposed, refuse_several};
use super::{NEW, Written, checked, written_table};
use crate::dialect::DialectError;
use crate::dialect::expression::{Expression, Lowering, Piece};
use crate::dialect::name::folded;
use crate::dialect::plpgsql::Condition;
use crate::dialect::query::LoweredQuery;
use crate::dialect::statement::ddl::stored_default;
use crate::dialect::statement::insert::{
    conflict_columns, identity_always, inserted_columns, on_conflict, updated_scope,
};
use crate::dialect::statement::write::{assigned, assigned_values, is_default};
use crate::schema::{Catalog, Column, Command, DataType, Identity, Table};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal};

/// Lowers an INSERT; `each` is a FROM clause, for whose every row it runs.
pub fn insert(
    lowering: &mut Lowering<'_>,
    insert: &Insert,
    guard: &Condition,
    each: Option<&str>,
) -> Result<Written, DialectError> {
    let TableObject::TableName(object) = &insert.table else {
        return Err(DialectError::unsupported("INSERT into this"));
    };
    let table = written_table(lowering, object)?;
    let alias = insert.table_alias.as_ref().map(|alias| folded(&alias.alias));
    let columns = inserted_columns(&table, &insert.columns)?;
    let (columns, source) = source(lowering, columns, insert, each)?;
    refuse_computed(&columns)?;
    let mut given = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let data_type = source.columns.get(index).map_or(DataType::Text, |(_, of)| of.clone());
        let piece = Piece::Typed(source.column_sql(index, "source"), data_type);
        given.push((column.clone(), assigned(lowering, piece, column)?));
    }
    let check = check(lowering, &table, insert)?;
    let is_whole = check.is_some() || has_before(lowering.catalog, &table, &[Command::Insert])?;
    let values = row_values(lowering, &table, &given, &source, is_whole)?;
    let list: Vec<String> =
        values.iter().map(|(column, sql)| format!("{sql} AS {}", quote_identifier(&column.name))).collect();
    let mut rows = match list.is_empty() {
        true => format!("SELECT 1 FROM ({}) AS \"/source\"", source.sql),
        false => format!("SELECT {} FROM ({}) AS \"/source\"", list.join(", "), source.sql),
    };
    let mut terms = Vec::new();
    if !guard.is_always() {
        // Inside as well: nothing is computed, and no trigger raises, where the statement is not reached.
        rows = format!("{rows}\nWHERE {}", guard.to_sql());
    }
    let before = proposed(lowering.catalog, lowering.environment, &table, Command::Insert, &[], &rows, &[])?;
    let is_single = source.is_single;
    let from = match before {
        None if is_whole => format!("({rows}\nLIMIT -1)"),
        None => format!("({rows})"),
        Some(before) => {
            if before.reads_itself && !is_single {
                terms.push(refuse_several(&table, &format!("({rows})")));
            }
            terms.push(format!("{NEW}.{KEEP}"));
            format!("({})", before.sql)
        }
    };
    if let Some(check) = check {
        terms.push(checked(&check, &table));
    }
    if terms.is_empty() {
        terms.push("TRUE".to_string());
    }
    let (names, selected) = written_names(&table, &values, &given);
    let (conflict, set) = conflict(lowering, &table, alias.as_deref(), insert)?;
    let sql = format!(
        "INSERT INTO {} ({})\nSELECT {}\nFROM {from} AS {NEW}\nWHERE {}{conflict}",
        table.physical(),
        names.join(", "),
        selected.join(", "),
        balanced(terms, " AND "),
    );
    Ok(Written {
        sql,
        alias,
        command: Command::Insert,
        updates_on_conflict: !set.is_empty(),
        columns: set,
        from: table.physical(),
        condition: "TRUE".to_string(),
        table,
    })
}

/// The values of a row's columns: those that are given, and what SQLite would not put there by itself; all where the row is
/// needed whole before it is written.
fn row_values(
    lowering: &mut Lowering<'_>,
    table: &Table,
    given: &[(Column, String)],
    source: &LoweredQuery,
    is_whole: bool,
) -> Result<Vec<(Column, String)>, DialectError> {
    let mut values: Vec<(Column, String)> = Vec::new();
    for column in table.written_columns().iter().filter(|column| column.generated.is_none()) {
        if let Some(found) = given.iter().find(|(of, _)| of.name == column.name) {
            values.push(found.clone());
        } else if is_whole && column.identity.is_some() {
            values.push((column.clone(), next_number(table, source.is_single)));
        } else if is_whole
            || (column.default.is_some() && stored_default(lowering.catalog, column)?.is_none())
        {
            let mark = (!source.columns.is_empty()).then(|| source.column_sql(0, "source"));
            values.push((column.clone(), default_of(lowering, column, mark)?));
        }
    }
    Ok(values)
}

/// The columns that are written, and where their values come from. Those that number themselves are left to it, unless they are
/// given.
fn written_names(
    table: &Table,
    values: &[(Column, String)],
    given: &[(Column, String)],
) -> (Vec<String>, Vec<String>) {
    let is_given = |column: &Column| given.iter().any(|(of, _)| of.name == column.name);
    let written = values.iter().filter(|(column, _)| column.identity.is_none() || is_given(column));
    let mut names: Vec<String> = written.map(|(column, _)| quote_identifier(&column.name)).collect();
    let mut selected: Vec<String> = names.iter().map(|name| format!("{NEW}.{name}")).collect();
    if names.is_empty() {
        let first = table.columns.iter().find(|column| column.generated.is_none());
        names.extend(first.map(|column| quote_identifier(&column.name)));
        selected.push("NULL".to_string());
    }
    (names, selected)
}

/// The rows: what VALUES, a SELECT or DEFAULT VALUES give for the columns.
fn source(
    lowering: &mut Lowering<'_>,
    mut columns: Vec<Column>,
    insert: &Insert,
    each: Option<&str>,
) -> Result<(Vec<Column>, LoweredQuery), DialectError> {
    let around = each.map(|each| format!(" FROM {each}")).unwrap_or_default();
    let Some(query) = &insert.source else {
        let sql = format!("SELECT 1{around}");
        return Ok((
            Vec::new(),
            LoweredQuery { sql, columns: Vec::new(), is_single: each.is_none(), value: None },
        ));
    };
    let is_plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    let mut lowered = match query.body.as_ref() {
        SetExpr::Values(values) if is_plain => {
            let values = without_defaults(&mut columns, values)?;
            let types: Vec<DataType> = columns.iter().map(|column| column.data_type.clone()).collect();
            match values.rows.as_slice() {
                [row] => one_row(lowering, &row.content, &columns, &around)?,
                _ if each.is_some() => {
                    return Err(DialectError::unsupported("an INSERT of several rows in a loop"));
                }
                _ => lowering.values(&values, Some(&types))?,
            }
        }
        _ => in_query(lowering, query, &columns, each)?,
    };
    let width = lowered.columns.len();
    if width > columns.len() {
        return Err(DialectError::new("42601", "INSERT has more expressions than target columns"));
    }
    if width < columns.len() && !insert.columns.is_empty() {
        return Err(DialectError::new("42601", "INSERT has more target columns than expressions"));
    }
    columns.truncate(width);
    lowered.is_single &= each.is_none();
    Ok((columns, lowered))
}

fn in_query(
    lowering: &mut Lowering<'_>,
    query: &Query,
    columns: &[Column],
    each: Option<&str>,
) -> Result<LoweredQuery, DialectError> {
    if each.is_some() {
        return Err(DialectError::unsupported("INSERT … SELECT in a loop")
            .with_hint("Join the loop's query into it."));
    }
    lowering.targets = columns.iter().map(|column| column.data_type.clone()).collect();
    lowering.subquery(query)
}

fn one_row(
    lowering: &mut Lowering<'_>,
    row: &[Expr],
    columns: &[Column],
    around: &str,
) -> Result<LoweredQuery, DialectError> {
    let mut list = Vec::new();
    let mut types = Vec::new();
    for (index, value) in row.iter().enumerate() {
        let column = columns
            .get(index)
            .ok_or_else(|| DialectError::new("42601", "INSERT has more expressions than target columns"))?;
        let piece = lowering.lower(value)?;
        list.push(format!("{} AS \"{}\"", assigned(lowering, piece, column)?, index + 1));
        types.push((column.name.clone(), column.data_type.clone()));
    }
    let list = if list.is_empty() { "1".to_string() } else { list.join(", ") };
    Ok(LoweredQuery { sql: format!("SELECT {list}{around}"), columns: types, is_single: true, value: None })
}

/// VALUES with each DEFAULT spelled out; a column that has it in every row is left out.
fn without_defaults(columns: &mut Vec<Column>, values: &Values) -> Result<Values, DialectError> {
    let mut values = values.clone();
    let mut index = 0;
    while let Some(column) = columns.get(index) {
        let cells = values.rows.iter().filter_map(|row| row.content.get(index));
        let all = cells.clone().count() > 0 && cells.clone().all(is_default);
        let any = cells.clone().any(is_default);
        if all {
            columns.remove(index);
            for row in &mut values.rows {
                row.content.remove(index);
            }
            continue;
        }
        if any {
            if column.identity.is_some() || column.generated.is_some() {
                return Err(DialectError::unsupported(format!(
                    "DEFAULT for the column \"{}\" in some rows only",
                    column.name
                )));
            }
            let default = Expression::parse(column.default.as_deref().unwrap_or("null"))?;
            for row in &mut values.rows {
                if let Some(cell) = row.content.get_mut(index).filter(|cell| is_default(cell)) {
                    *cell = default.0.as_ref().clone();
                }
            }
        }
        index += 1;
    }
    Ok(values)
}

fn refuse_computed(columns: &[Column]) -> Result<(), DialectError> {
    if let Some(column) = columns.iter().find(|column| column.generated.is_some()) {
        let message = format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name);
        return Err(DialectError::new("428C9", message));
    }
    match columns.iter().find(|column| column.identity == Some(Identity::Always)) {
        Some(column) => Err(identity_always(column)),
        None => Ok(()),
    }
}

/// `mark` is a value of the row around, for each of which chance is asked anew.
fn default_of(
    lowering: &mut Lowering<'_>,
    column: &Column,
    mark: Option<String>,
) -> Result<String, DialectError> {
    let Some(text) = &column.default else { return Ok("NULL".to_string()) };
    let default = Expression::parse(text)?;
    let scopes = std::mem::take(&mut lowering.scopes);
    let outer = std::mem::replace(&mut lowering.row_mark, mark);
    let piece = lowering.lower(&default.0);
    lowering.row_mark = outer;
    lowering.scopes = scopes;
    assigned(lowering, piece?, column)
}

/// What the caller must be allowed for a new row.
fn check(
    lowering: &mut Lowering<'_>,
    table: &Table,
    insert: &Insert,
) -> Result<Option<String>, DialectError> {
    let mut check = lowering.environment.new_row_check(table, Command::Insert, NEW)?;
    if insert.returning.is_some() || insert.on.is_some() {
        let visible = lowering.environment.row_filter(table, NEW)?;
        check = match (check, visible) {
            (Some(one), Some(other)) => Some(format!("({one} AND {other})")),
            (one, other) => one.or(other),
        };
    }
    Ok(check)
}

/// `ON CONFLICT`, and the columns that its UPDATE sets.
fn conflict(
    lowering: &mut Lowering<'_>,
    table: &Table,
    alias: Option<&str>,
    insert: &Insert,
) -> Result<(String, Vec<String>), DialectError> {
    let conflict = match &insert.on {
        None => return Ok((String::new(), Vec::new())),
        Some(OnInsert::OnConflict(conflict)) => conflict,
        Some(_) => return Err(DialectError::unsupported("this form of INSERT")),
    };
    let OnConflict { action: OnConflictAction::DoUpdate(update), .. } = conflict else {
        return Ok((on_conflict(lowering, table, alias, conflict)?, Vec::new()));
    };
    let is_restricted = lowering.environment.new_row_check(table, Command::Update, NEW)?.is_some()
        || lowering.environment.command_filter(table, Command::Update, NEW)?.is_some();
    if is_restricted {
        return Err(DialectError::unsupported(
            "ON CONFLICT DO UPDATE under row-level security in a function",
        )
        .with_hint(
            "Make the function SECURITY DEFINER, or use UPDATE and INSERT … ON CONFLICT DO NOTHING.",
        ));
    }
    let scopes = lowering.scopes.len();
    lowering.scopes.push(updated_scope(table, alias));
    let set = assigned_values(lowering, table, &update.assignments);
    let condition = update.selection.as_ref().map(|selection| lowering.condition(selection)).transpose();
    lowering.scopes.truncate(scopes);
    let (set, condition) = (set?, condition?);
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    let target = conflict_columns(table, conflict)?;
    let mut terms: Vec<String> = condition.into_iter().collect();
    let assignments = updated_on_conflict(lowering.catalog, lowering.environment, table, &set, &mut terms)?;
    let condition =
        if terms.is_empty() { String::new() } else { format!("\nWHERE {}", balanced(terms, " AND ")) };
    let names = names.into_iter().map(str::to_string).collect();
    Ok((format!("\nON CONFLICT{target} DO UPDATE SET {assignments}{condition}"), names))
}

/// The assignments of ON CONFLICT DO UPDATE with the table's BEFORE UPDATE triggers in them.
pub fn updated_on_conflict(
    catalog: &Catalog,
    environment: &mut dyn crate::dialect::Environment,
    table: &Table,
    set: &[(String, String)],
    terms: &mut Vec<String>,
) -> Result<String, DialectError> {
    let physical = table.physical();
    let plain = || table.columns.iter().filter(|column| column.generated.is_none());
    let mut list = old_columns(catalog, table, &physical);
    for column in plain() {
        let name = quote_identifier(&column.name);
        let given = set.iter().find(|(of, _)| *of == column.name).map(|(_, sql)| sql.clone());
        list.push(format!("{} AS {name}", given.unwrap_or_else(|| format!("{physical}.{name}"))));
    }
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    let source = format!("SELECT {}", list.join(", "));
    let Some(before) = proposed(catalog, environment, table, Command::Update, &names, &source, &[])? else {
        let plain = set.iter().map(|(name, sql)| format!("{} = {sql}", quote_identifier(name)));
        return Ok(plain.collect::<Vec<_>>().join(", "));
    };
    let written: Vec<String> = plain()
        .filter(|column| names.contains(&column.name.as_str()) || before.changed.contains(&column.name))
        .map(|column| quote_identifier(&column.name))
        .collect();
    terms.push(format!("(SELECT {NEW}.{KEEP} FROM ({}) AS {NEW})", before.sql));
    let values: Vec<String> = written.iter().map(|name| format!("{NEW}.{name}")).collect();
    Ok(format!("({}) = (SELECT {} FROM ({}) AS {NEW})", written.join(", "), values.join(", "), before.sql))
}

/// The number that SQLite will give a row.
fn next_number(table: &Table, is_single: bool) -> String {
    let name = quote_literal(&physical_name(&table.schema, &table.name));
    let index = if is_single { "1" } else { "row_number() OVER ()" };
    format!("(coalesce((SELECT seq FROM sqlite_sequence WHERE name = {name}), 0) + {index})")
}
