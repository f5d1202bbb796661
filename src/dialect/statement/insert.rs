//! `INSERT`, with the defaults that SQLite cannot hold and `ON CONFLICT`, as the system runs it.

use sqlparser::ast::{
    ConflictTarget, Expr, Insert, ObjectName, OnConflict, OnConflictAction, OnInsert, SetExpr, TableObject,
    Values,
};

use super::ddl::{is_numbered, stored_default};
use super::write::{assigned, assigned_names, assignments, is_default, target_scope, written_column};
use crate::dialect::expression::{Expression, Field, Lowering, Piece, Place, Relation, Scope};
use crate::dialect::name::folded;
use crate::dialect::plpgsql::Condition;
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::trigger::written;
use crate::dialect::{DialectError, Environment, name, take_numbers};
use crate::schema::{Column, Command, DataType, Identity, Table};
use crate::sql::quote_identifier;

/// How long the rows of one INSERT may be together, in bytes; more go into further statements.
const LONGEST_ROWS: usize = 60_000;

impl Translator {
    pub(in crate::dialect) fn insert(&mut self, insert: &Insert) -> Result<(), DialectError> {
        let plain = insert.or.is_none()
            && !insert.ignore
            && !insert.overwrite
            && insert.assignments.is_empty()
            && insert.partitioned.is_none()
            && insert.after_columns.is_empty()
            && insert.insert_alias.is_none()
            && !insert.replace_into
            && insert.output.is_none();
        let TableObject::TableName(object) = &insert.table else {
            return Err(DialectError::unsupported("INSERT into this"));
        };
        if !plain {
            return Err(DialectError::unsupported("this form of INSERT"));
        }
        if let Some(view) = self.written_view(object)? {
            return self.insert_into_view(&view, insert);
        }
        let table = self.any_table(object)?;
        let mut writes = vec![written(&table, Command::Insert, Vec::new())];
        if let Some(OnInsert::OnConflict(OnConflict { action: OnConflictAction::DoUpdate(update), .. })) =
            &insert.on
        {
            writes.push(written(&table, Command::Update, assigned_names(&update.assignments)?));
        }
        self.fired(&table, &writes, &mut |translator| translator.insert_into(&table, insert))
    }

    fn insert_into(&mut self, table: &Table, insert: &Insert) -> Result<(), DialectError> {
        let alias = insert.table_alias.as_ref().map(|alias| folded(&alias.alias));
        // Those of an UPDATE have a say where rows that are there are updated.
        let commands: &[Command] =
            if insert.on.is_some() { &[Command::Insert, Command::Update] } else { &[Command::Insert] };
        if crate::dialect::write::has_before(&self.catalog, table, commands)? {
            let written = self.lowered(|lowering| {
                crate::dialect::write::insert(lowering, insert, &Condition::always(), None)
            })?;
            let returning = self.returning(table, alias.as_deref(), insert.returning.as_deref())?;
            return self.push_write(written.sql, returning);
        }
        let columns = inserted_columns(table, &insert.columns)?;
        let (columns, sources, numbers) = self.sources(table, columns, insert)?;
        let conflict = match &insert.on {
            None => String::new(),
            Some(OnInsert::OnConflict(conflict)) => {
                self.lowered(|lowering| on_conflict(lowering, table, alias.as_deref(), conflict))?
            }
            Some(other) => return Err(DialectError::unsupported(other)),
        };
        let returning = self.returning(table, alias.as_deref(), insert.returning.as_deref())?;
        if returning.is_some() && sources.len() > 1 {
            return Err(DialectError::new("54000", "the INSERT is too long to return its rows"));
        }
        let names: Vec<String> = columns.iter().map(|column| quote_identifier(&column.name)).collect();
        for key in &numbers.sequences {
            let Some(sequence) = self.catalog.sequences.get(key).cloned() else { continue };
            for sql in take_numbers(&sequence, &numbers.count) {
                self.push(sql)?;
            }
        }
        for source in sources {
            let into = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
            self.push(format!(
                "INSERT INTO {}{into}\n{source}{conflict}{}",
                table.physical(),
                returning.clone().unwrap_or_default()
            ))?;
        }
        self.answer = returning.map(|_| self.statements.len() - 1);
        Ok(())
    }

    /// The columns written and what gives their values: one or more VALUES, or a SELECT.
    fn sources(
        &mut self,
        table: &Table,
        mut columns: Vec<Column>,
        insert: &Insert,
    ) -> Result<(Vec<Column>, Vec<String>, Numbers), DialectError> {
        let catalog = self.catalog.clone();
        let Some(query) = &insert.source else {
            let mut numbers = Numbers::of("1");
            let (supplied, values) = self.supplied(table, &[], "1", &mut numbers)?;
            let source = if values.is_empty() {
                "DEFAULT VALUES".to_string()
            } else {
                format!("VALUES ({})", values.join(", "))
            };
            return Ok((supplied, vec![source], numbers));
        };
        let plain_values = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
        if let SetExpr::Values(values) = query.body.as_ref()
            && plain_values
        {
            return self.value_rows(table, columns, values);
        }
        let lowered = self.lowered(|lowering| {
            lowering.targets = columns.iter().map(|column| column.data_type.clone()).collect();
            lowering.subquery(query)
        })?;
        let given = lowered.columns.len();
        if given > columns.len() {
            return Err(DialectError::new("42601", "INSERT has more expressions than target columns"));
        }
        if given < columns.len() && !insert.columns.is_empty() {
            return Err(DialectError::new("42601", "INSERT has more target columns than expressions"));
        }
        columns.truncate(given);
        if let Some(column) = columns.iter().find(|column| column.identity == Some(Identity::Always)) {
            return Err(identity_always(column));
        }
        let mut values = Vec::new();
        let mut environment = SystemEnvironment::default();
        let mut lowering = Lowering::new(&catalog, &mut environment, Place::Query);
        for (index, column) in columns.iter().enumerate() {
            let data_type = lowered.columns.get(index).map_or(DataType::Text, |(_, of)| of.clone());
            let piece = Piece::Typed(lowered.column_sql(index, "source"), data_type);
            values.push(assigned(&mut lowering, piece, column)?);
        }
        let mut numbers = Numbers::of(&format!("SELECT count(*) FROM ({})", lowered.sql));
        let left = "count(*) OVER () - row_number() OVER () + 1";
        let (supplied, more) = self.supplied(table, &columns, left, &mut numbers)?;
        columns.extend(supplied);
        values.extend(more);
        // Without WHERE, SQLite would read the ON of ON CONFLICT as a join's.
        let source =
            format!("SELECT {}\nFROM ({}) AS \"/source\"\nWHERE TRUE", values.join(", "), lowered.sql);
        Ok((columns, vec![source], numbers))
    }

    fn value_rows(
        &mut self,
        table: &Table,
        mut columns: Vec<Column>,
        values: &Values,
    ) -> Result<(Vec<Column>, Vec<String>, Numbers), DialectError> {
        let width = values.rows.first().map_or(0, |row| row.content.len());
        if values.rows.iter().any(|row| row.content.len() != width) {
            return Err(DialectError::new("42601", "VALUES lists must all be the same length"));
        }
        if width > columns.len() {
            return Err(DialectError::new("42601", "INSERT has more expressions than target columns"));
        }
        columns.truncate(width);
        let mut numbers = Numbers::of(&values.rows.len().to_string());
        let (supplied, _) = self.supplied(table, &columns, "1", &mut numbers)?;
        // An identity column that every row leaves to its default is left out.
        let is_default =
            |index: usize| values.rows.iter().all(|row| row.content.get(index).is_some_and(is_default));
        let left_out: Vec<bool> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let is_given = column.sequence.is_some();
                !is_given && (column.identity.is_some() || column.generated.is_some()) && is_default(index)
            })
            .collect();
        let mut rows = Vec::new();
        for (place, row) in values.rows.iter().enumerate() {
            let left = (values.rows.len() - place).to_string();
            let mut row_numbers = Numbers::of("");
            let mut cells = Vec::new();
            for ((value, column), left_out) in row.content.iter().zip(&columns).zip(&left_out) {
                if !left_out {
                    cells.push(self.cell(value, column, &left, &mut row_numbers)?);
                }
            }
            cells.extend(self.supplied(table, &columns, &left, &mut row_numbers)?.1);
            numbers.add(row_numbers);
            rows.push(format!("({})", cells.join(", ")));
        }
        let mut kept = left_out.into_iter();
        columns.retain(|_| !kept.next().unwrap_or(false));
        columns.extend(supplied);
        if columns.is_empty() {
            return Ok((columns, vec!["DEFAULT VALUES".to_string(); rows.len()], numbers));
        }
        Ok((columns, chunked(rows), numbers))
    }

    fn cell(
        &mut self,
        value: &Expr,
        column: &Column,
        left: &str,
        numbers: &mut Numbers,
    ) -> Result<String, DialectError> {
        if is_default(value) {
            return self.default_of(column, left, numbers);
        }
        if column.generated.is_some() {
            return Err(DialectError::new(
                "428C9",
                format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name),
            )
            .with_hint(format!("Column \"{}\" is a generated column.", column.name)));
        }
        if column.identity == Some(Identity::Always) {
            return Err(identity_always(column));
        }
        self.lowered(|lowering| {
            let piece = lowering.lower_as(value, &column.data_type)?;
            assigned(lowering, piece, column)
        })
    }

    /// The columns not written whose defaults SQLite's DDL could not hold, with their values.
    fn supplied(
        &mut self,
        table: &Table,
        written: &[Column],
        left: &str,
        numbers: &mut Numbers,
    ) -> Result<(Vec<Column>, Vec<String>), DialectError> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for column in &table.columns {
            let is_written = written.iter().any(|other| other.name == column.name);
            let is_supplied = is_numbered(column)
                || (column.default.is_some() && stored_default(&self.catalog, column)?.is_none());
            if !is_written && is_supplied {
                values.push(self.default_of(column, left, numbers)?);
                columns.push(column.clone());
            }
        }
        Ok((columns, values))
    }

    fn default_of(
        &mut self,
        column: &Column,
        left: &str,
        numbers: &mut Numbers,
    ) -> Result<String, DialectError> {
        let mut environment = SystemEnvironment::numbering(left, std::mem::take(&mut numbers.sequences));
        let sequence = column.sequence.as_ref().and_then(|key| self.catalog.sequences.get(key));
        let sql = match (sequence, &column.default) {
            (Some(sequence), _) => environment.next_number(sequence),
            _ if column.generated.is_some() || column.identity.is_some() => Err(DialectError::unsupported(
                format!("DEFAULT for the column \"{}\" in some rows only", column.name),
            )),
            (None, None) => Ok("NULL".to_string()),
            (None, Some(text)) => {
                let parsed = Expression::parse(text)?;
                let mut lowering = Lowering::new(&self.catalog, &mut environment, Place::Query);
                lowering.lower(&parsed.0).and_then(|piece| lowering.assign(piece, &column.data_type))
            }
        };
        numbers.sequences = environment.numbered;
        sql
    }
}

/// The sequences that a statement takes numbers from, and how many of each.
struct Numbers {
    sequences: Vec<String>,
    /// An SQL expression.
    count: String,
}

impl Numbers {
    fn of(count: &str) -> Self {
        Self { sequences: Vec::new(), count: count.to_string() }
    }

    fn add(&mut self, of: Self) {
        let new = of.sequences.into_iter().filter(|key| !self.sequences.contains(key));
        let new: Vec<String> = new.collect();
        self.sequences.extend(new);
    }
}

/// The columns an INSERT names; all when it names none.
pub fn inserted_columns(table: &Table, names: &[ObjectName]) -> Result<Vec<Column>, DialectError> {
    if names.is_empty() {
        return Ok(table.written_columns());
    }
    let mut columns: Vec<Column> = Vec::new();
    for object in names {
        let column = written_column(table, &name::single(object)?)?;
        if columns.iter().any(|other| other.name == column.name) {
            return Err(DialectError::new(
                "42701",
                format!("column \"{}\" specified more than once", column.name),
            ));
        }
        columns.push(column.clone());
    }
    Ok(columns)
}

pub fn identity_always(column: &Column) -> DialectError {
    DialectError::new("428C9", format!("cannot insert a non-DEFAULT value into column \"{}\"", column.name))
        .with_hint(format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name))
}

pub fn on_conflict(
    lowering: &mut Lowering<'_>,
    table: &Table,
    alias: Option<&str>,
    conflict: &OnConflict,
) -> Result<String, DialectError> {
    let target = conflict_columns(table, conflict)?;
    match &conflict.action {
        OnConflictAction::DoNothing => Ok(format!("\nON CONFLICT{target} DO NOTHING")),
        OnConflictAction::DoUpdate(update) => {
            lowering.scopes.push(updated_scope(table, alias));
            let set = assignments(lowering, table, &update.assignments)?;
            let condition =
                update.selection.as_ref().map(|selection| lowering.condition(selection)).transpose()?;
            let condition = condition.map(|sql| format!("\nWHERE {sql}")).unwrap_or_default();
            Ok(format!("\nON CONFLICT{target} DO UPDATE SET {set}{condition}"))
        }
    }
}

/// What the assignments of ON CONFLICT DO UPDATE see: the row that is there, and `excluded`.
pub fn updated_scope(table: &Table, alias: Option<&str>) -> Scope {
    let mut scope = target_scope(table, alias);
    let mut excluded = Relation::of_table(table, "excluded");
    excluded.schema = None;
    excluded.name = "excluded".to_string();
    excluded.columns.extend(table.unread.iter().map(|(_, column)| Field {
        name: column.name.clone(),
        sql: quote_identifier(&column.name),
        data_type: column.data_type.clone(),
    }));
    // Bare names are the existing row's.
    excluded.merged = table.columns.iter().map(|column| column.name.clone()).collect();
    scope.relations.push(excluded);
    scope
}

/// The columns in parentheses that make rows conflict; nothing when any constraint will do.
pub fn conflict_columns(table: &Table, conflict: &OnConflict) -> Result<String, DialectError> {
    let columns = match &conflict.conflict_target {
        None if matches!(conflict.action, OnConflictAction::DoUpdate(_)) => {
            return Err(DialectError::new(
                "42601",
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            ));
        }
        None => return Ok(String::new()),
        Some(ConflictTarget::Columns(columns)) => columns.iter().map(folded).collect::<Vec<_>>(),
        Some(ConflictTarget::OnConstraint(object)) => {
            let name = name::single(object)?;
            let uniques = table.primary_key.iter().chain(&table.uniques);
            let unique = uniques
                .clone()
                .find(|unique| unique.name == name && unique.is_constraint)
                .ok_or_else(|| {
                    DialectError::new(
                        "42704",
                        format!("constraint \"{name}\" for table \"{}\" does not exist", table.name),
                    )
                })?;
            unique.columns.clone()
        }
    };
    let mut sorted = columns.clone();
    sorted.sort();
    let fits = |unique: &&crate::schema::Unique| {
        let mut of = unique.columns.clone();
        of.sort();
        of == sorted
    };
    if table.primary_key.iter().chain(&table.uniques).find(fits).is_none() {
        let message = "there is no unique or exclusion constraint matching the ON CONFLICT specification";
        return Err(DialectError::new("42P10", message));
    }
    let columns: Vec<String> = columns.iter().map(|column| quote_identifier(column)).collect();
    Ok(format!(" ({})", columns.join(", ")))
}

/// Rows in VALUES lists that stay under D1's limit of a statement.
fn chunked(rows: Vec<String>) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for row in rows {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + row.len() < LONGEST_ROWS => {
                chunk.push_str(",\n");
                chunk.push_str(&row);
            }
            _ => chunks.push(format!("VALUES {row}")),
        }
    }
    chunks
}
