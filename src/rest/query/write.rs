//! Writing: statements that check policies on the rows they touch and give rows back.
//!
//! What policies ask of a new row is asked before anything is written, as Postgres does: of the row as
//! it will be (`proposed.rs`), in a raising `CASE` of the `WHERE`. So its subqueries see the tables as
//! they were (a row cannot vouch for itself), and no constraint tells what the caller may not know.
//! Inside `RETURNING` a row goes by its table's own name; SQLite knows no alias there.

use super::numbers::{is_numbered, numbers_itself, take_own_numbers};
use super::payload::chunks;
use super::proposed::{EXISTING, PROPOSED, UPDATED, plain_columns, written_columns};
use super::vectors::returned_vectors;
use super::{Batch, Builder, rollback, where_clause};
use crate::caller::Caller;
use crate::dialect::{self, KEEP, has_before};
use crate::policy::{Predicate, permit_columns};
use crate::rest::error::RestError;
use crate::rest::plan::{Cell, Change, Condition, Insert, Write};
use crate::rest::request::{Resolution, Return};
use crate::schema::{self, Catalog, Column, Command, Storage, Table};
use crate::sql::{Statement, balanced, quote_identifier, quote_literal, raise};

/// Adds the statements of a write.
pub fn compile(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    super::through::permit(catalog, caller, write)?;
    if !write.is_owners() {
        permit(catalog, caller, write)?;
    }
    let rolls_back = write.rolls_back && !matches!(write.change, Change::Nothing);
    if rolls_back {
        rollback::watch(catalog, caller, write, batch)?;
    }
    change(catalog, caller, write, batch)?;
    if rolls_back {
        rollback::give_back(catalog, caller, write, batch)?;
    }
    Ok(())
}

fn change(catalog: &Catalog, caller: &Caller, write: &Write<'_>, batch: &mut Batch) -> Result<(), RestError> {
    match &write.change {
        Change::Nothing if write.singular => Err(RestError::NotOneRow(0)),
        Change::Nothing => Ok(()),
        Change::Insert(insert) => compile_insert(catalog, caller, write, insert, batch),
        Change::Update(assignments, condition) => {
            let mut builder = Builder::new(catalog, caller);
            builder.update(write, assignments, condition)?;
            push_counted(write, builder.finish(), batch);
            Ok(())
        }
        Change::Delete(condition) => {
            let mut builder = Builder::new(catalog, caller);
            builder.delete(write, condition)?;
            push_counted(write, builder.finish(), batch);
            Ok(())
        }
    }
}

/// Refuses columns that the caller may not write, and an upsert by a caller who may not look for the
/// rows that are there. What concerns the whole table comes with its policies.
fn permit(catalog: &Catalog, caller: &Caller, write: &Write<'_>) -> Result<(), RestError> {
    let columns = |command, columns: &mut dyn Iterator<Item = &Column>| {
        permit_columns(catalog, caller, write.table, command, columns.map(|column| &column.name))
    };
    match &write.change {
        Change::Insert(insert) => {
            columns(Command::Insert, &mut insert.columns.iter().copied())?;
            if insert.conflict.is_some() {
                columns(Command::Select, &mut std::iter::empty())?;
            }
            if insert.resolution() == Some(Resolution::MergeDuplicates) {
                columns(Command::Update, &mut insert.columns.iter().copied())?;
            }
        }
        Change::Update(assignments, _) => {
            columns(Command::Update, &mut assignments.iter().map(|(column, _)| *column))?;
        }
        Change::Delete(_) | Change::Nothing => {}
    }
    Ok(())
}

/// A statement, and the guards on how many rows it may have written.
fn push_counted(write: &Write<'_>, statement: Statement, batch: &mut Batch) {
    let place = batch.push(statement);
    batch.rows.push(place);
    if write.singular {
        let not_one = raise("'PGRST116:' || changes()");
        batch.push(Statement::new(format!("SELECT CASE WHEN changes() <> 1 THEN {not_one} END")));
    }
    if let Some(limit) = write.affected_limit.filter(|_| !matches!(write.change, Change::Insert(_))) {
        let too_many = raise("'PGRST124:' || changes()");
        let guard = format!("SELECT CASE WHEN changes() > CAST(?1 AS INTEGER) THEN {too_many} END");
        batch.push(Statement::new(guard).bind(limit.to_string()));
    }
}

fn compile_insert(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    insert: &Insert<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    if Builder::new(catalog, caller).insert_check(write, insert)? == Predicate::Never {
        if insert.resolution() == Some(Resolution::MergeDuplicates) {
            // Policies that lead back to themselves are an error even so.
            Builder::new(catalog, caller).insert_checks(write, insert, Path::Merge)?;
        } else if write.through.is_some() {
            Builder::new(catalog, caller).insert_checks(write, insert, Path::Plain)?;
        }
        batch.push(Statement::new(format!("SELECT {}", violates_check(write.table))));
        return Ok(());
    }
    if write.rolls_back {
        let takes_one = |column: &&Column| match insert.columns.iter().position(|of| of.name == column.name) {
            Some(index) => insert.rows.iter().any(|row| row.get(index) == Some(&Cell::Default)),
            None => true,
        };
        if write.table.columns.iter().filter(|column| numbers_itself(column)).any(|column| takes_one(&column))
        {
            batch.taken.extend(take_own_numbers(write.table, insert.rows.len()));
        }
    }
    let ignores = insert.resolution() == Some(Resolution::IgnoreDuplicates);
    if write.singular && insert.rows.len() != 1 && !(ignores && insert.rows.len() > 1) {
        return Err(RestError::NotOneRow(insert.rows.len() as u64));
    }
    let one_by_one = Builder::new(catalog, caller).reads_itself(write.table, insert)?;
    let chunks = if one_by_one {
        let each = insert.rows.iter().map(|row| chunks(std::slice::from_ref(row)));
        each.collect::<Result<Vec<_>, _>>()?.concat()
    } else if insert.columns.is_empty() && has_before(catalog, write.table, &[Command::Insert])? {
        chunks(&insert.rows)?
    } else if insert.columns.is_empty() && !write.table.columns.iter().any(is_supplied) {
        // `DEFAULT VALUES` makes one row at a time.
        insert.rows.iter().map(|_| (String::new(), 1)).collect()
    } else {
        chunks(&insert.rows)?
    };
    for column in returned_vectors(write) {
        for (rows, count) in &chunks {
            let mut builder = Builder::new(catalog, caller);
            builder.payload_rows = *count;
            builder.missing_vectors(write.table, insert, rows, column)?;
            batch.push(builder.finish());
        }
    }
    let paths: &[Path] = match insert.resolution() {
        Some(Resolution::MergeDuplicates) => &[Path::Merge, Path::New],
        Some(Resolution::IgnoreDuplicates) => &[Path::Ignore],
        None => &[Path::Plain],
    };
    let steps: Vec<(&Path, &(String, usize))> = if one_by_one {
        chunks.iter().flat_map(|rows| paths.iter().map(move |path| (path, rows))).collect()
    } else {
        paths.iter().flat_map(|path| chunks.iter().map(move |rows| (path, rows))).collect()
    };
    // Alone, it looks at the catalog's version itself: a statement for that is a tenth of the cost of inserting a row.
    let alone = steps.len() == 1
        && batch.statements.len() == 1
        && insert.resolution().is_none()
        && !write.table.columns.iter().any(is_numbered);
    for (path, (rows, count)) in steps {
        let mut builder = Builder::new(catalog, caller);
        builder.payload_rows = *count;
        let looks = builder.insert(write, insert, *path, rows, alone)?;
        builder.take_numbers(write.rolls_back, batch);
        if *path == Path::Ignore {
            push_counted(write, builder.finish(), batch);
            continue;
        }
        if looks {
            batch.statements.clear();
        }
        let place = batch.push(builder.finish());
        batch.rows.push(place);
        if *path == Path::Merge {
            batch.updated.push(place);
        }
    }
    Ok(())
}

/// Which of the rows a statement inserts, and what it does with those that are there.
///
/// An upsert is two statements, so that each row meets the policies of what happens to it, as in
/// Postgres, and so that it is known which rows are new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// All rows; a row that is there is an error.
    Plain,
    /// All rows; those that are there stay.
    Ignore,
    /// The rows that are there, updated.
    Merge,
    /// The rows that are not.
    New,
}

impl Builder<'_> {
    /// Writes an insert. Gives whether it looks at the catalog's version, as it is asked to where it can.
    fn insert(
        &mut self,
        write: &Write<'_>,
        insert: &Insert<'_>,
        path: Path,
        rows: &str,
        looks: bool,
    ) -> Result<bool, RestError> {
        let table = write.table;
        let name = table.physical();
        let checks = self.insert_checks(write, insert, path)?;
        if checks.is_empty() && !has_before(self.catalog, table, &[Command::Insert])? {
            self.unchecked_insert(&name, table, insert, path, rows)?;
        } else {
            self.checked_insert(&name, table, insert, path, rows, &checks)?;
        }
        let looks = looks && !rows.is_empty();
        if looks {
            let version = self.writer.bind(self.catalog.version);
            self.writer.push(&format!("\nLIMIT ({})", schema::guarded(&version, "-1")));
        }
        match path {
            Path::Plain | Path::New => {}
            Path::Ignore => {
                let target = insert.conflict_target();
                self.writer.push(&format!("\nON CONFLICT ({target}) DO NOTHING"));
            }
            Path::Merge => self.do_update(table, insert)?,
        }
        self.returning(write)?;
        Ok(looks)
    }

    fn unchecked_insert(
        &mut self,
        name: &str,
        table: &Table,
        insert: &Insert<'_>,
        path: Path,
        rows: &str,
    ) -> Result<(), RestError> {
        let (columns, values) = self.values(table, insert)?;
        if columns.is_empty() {
            self.writer.push(&format!("INSERT INTO {name} DEFAULT VALUES"));
            return Ok(());
        }
        let payload = self.writer.bind(rows);
        let terms = match path {
            Path::Plain | Path::Ignore => vec!["TRUE".to_string()],
            Path::Merge => vec![self.is_there(name, table, insert)?],
            Path::New => vec![format!("NOT {}", self.is_there(name, table, insert)?)],
        };
        let sql = format!(
            "INSERT INTO {name} ({})\nSELECT {}\nFROM json_each({payload}) AS \"payload\"{}",
            columns.join(", "),
            values.join(", "),
            where_clause(terms),
        );
        self.writer.push(&sql);
        Ok(())
    }

    /// The same from whole rows, each of which passes the checks first.
    fn checked_insert(
        &mut self,
        name: &str,
        table: &Table,
        insert: &Insert<'_>,
        path: Path,
        rows: &str,
        checks: &[(Predicate, String)],
    ) -> Result<(), RestError> {
        let values = self.proposed_values(table, insert, checks)?;
        let source = if insert.columns.is_empty() && rows.is_empty() {
            String::new()
        } else {
            let payload = self.writer.bind(rows);
            format!("\nFROM json_each({payload}) AS \"payload\"")
        };
        let (proposed, is_kept) = self.inserted_row(table, values, &source)?;
        let columns = written_columns(table, insert);
        let values: Vec<String> = columns.iter().map(|column| format!("{PROPOSED}.{column}")).collect();
        let equal = key_equalities(insert, PROPOSED);
        // The arms before the checks name a row: a check that names none must not be weighed without one.
        let (from, arms) = match path {
            Path::Plain | Path::Ignore => (PROPOSED.to_string(), String::new()),
            Path::Merge => (
                format!("{PROPOSED}\nJOIN {name} AS {EXISTING} ON {equal}"),
                format!("\n  WHEN typeof({EXISTING}.rowid) = 'null' THEN FALSE"),
            ),
            Path::New => (
                PROPOSED.to_string(),
                format!("\n  WHEN EXISTS (SELECT 1 FROM {name} AS {EXISTING} WHERE {equal}) THEN FALSE"),
            ),
        };
        let raise = |(predicate, error): &(Predicate, String)| {
            format!("\n  WHEN ({}) IS NOT TRUE THEN {error}", predicate.to_sql())
        };
        let left_out =
            if is_kept { format!("\n  WHEN NOT {PROPOSED}.{KEEP} THEN FALSE") } else { String::new() };
        let arms = left_out + &arms + &checks.iter().map(raise).collect::<String>();
        // Once for all who look at a row: what is random would be another value for each.
        let hint = if !is_kept && is_repeatable(&proposed) && !insert.rows.is_empty() { "NOT " } else { "" };
        let sql = format!(
            "WITH {PROPOSED} AS {hint}MATERIALIZED (\n{proposed}\n)\nINSERT INTO {name} ({})\nSELECT {}\nFROM {from}\nWHERE CASE{arms}\n  ELSE TRUE\nEND",
            columns.join(", "),
            values.join(", "),
        );
        self.writer.push(&sql);
        Ok(())
    }

    /// What the caller must be allowed for a new row, and to read it where that is asked for: by
    /// what is given back, or by a conflict's key.
    fn insert_check(&mut self, write: &Write<'_>, insert: &Insert<'_>) -> Result<Predicate, RestError> {
        let mut allowed = self.written_check(write, Command::Insert, PROPOSED)?;
        if write.returns != Return::Minimal || insert.resolution().is_some() {
            allowed = self.written_using(write, Command::Select, PROPOSED)?.and(allowed);
        }
        Ok(allowed)
    }

    /// What each row of an insert must pass, and what is raised when it does not.
    fn insert_checks(
        &mut self,
        write: &Write<'_>,
        insert: &Insert<'_>,
        path: Path,
    ) -> Result<Vec<(Predicate, String)>, RestError> {
        let table = write.table;
        let mut checks = vec![(self.insert_check(write, insert)?, violates_check(table))];
        if path == Path::Merge {
            let existing = self.written_using(write, Command::Update, EXISTING)?.and(self.written_using(
                write,
                Command::Select,
                EXISTING,
            )?);
            let updated = self.update_check(write, UPDATED)?;
            checks.push((existing, violates_using(table)));
            if updated != Predicate::Always || write.through.is_some() {
                let given = |column: &Column| {
                    let is_given = insert.columns.iter().any(|of| of.name == column.name);
                    let row = if is_given { PROPOSED } else { EXISTING };
                    format!("{row}.{}", quote_identifier(&column.name))
                };
                let values = plain_columns(table).map(|column| (column, given(column))).collect();
                let set: Vec<&str> = insert.columns.iter().map(|column| column.name.as_str()).collect();
                let (row, is_kept) = self.updated_row(table, values, &set, EXISTING, "", &[])?;
                let left_out = if is_kept { format!("NOT {UPDATED}.{KEEP} OR ") } else { String::new() };
                if updated != Predicate::Always {
                    let sql = format!("(SELECT {left_out}{} FROM ({row}) AS {UPDATED})", updated.to_sql());
                    checks.push((Predicate::Sql(sql), violates_check(table)));
                }
                checks.extend(self.check_options_of_updated(write, &row)?);
            }
        } else {
            let equal = (path == Path::Ignore).then(|| key_equalities(insert, PROPOSED));
            checks.extend(self.check_options_of_proposed(write, equal.as_deref())?);
        }
        checks.retain(|(predicate, _)| *predicate != Predicate::Always);
        Ok(checks)
    }

    /// What an updated row must pass: it was read, so it must still be visible.
    fn update_check(&mut self, write: &Write<'_>, row: &str) -> Result<Predicate, RestError> {
        let visible = self.written_using(write, Command::Select, row)?;
        Ok(self.written_check(write, Command::Update, row)?.and(visible))
    }

    /// The columns of an insert with the expressions of their values: the body's, and those whose
    /// default asks for the caller, which DDL cannot say.
    fn values(
        &mut self,
        table: &Table,
        insert: &Insert<'_>,
    ) -> Result<(Vec<String>, Vec<String>), RestError> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (index, column) in insert.columns.iter().enumerate() {
            columns.push(quote_identifier(&column.name));
            values.push(self.given_value(table, column, insert, index)?);
        }
        let absent = |column: &&Column| !insert.columns.iter().any(|of| of.name == column.name);
        for column in table.columns.iter().filter(absent).filter(|column| is_supplied(column)) {
            columns.push(quote_identifier(&column.name));
            values.push(self.default(column)?);
        }
        Ok((columns, values))
    }

    pub(super) fn default(&mut self, column: &Column) -> Result<String, RestError> {
        if is_numbered(column) {
            return self.numbered_default(column);
        }
        let Some(text) = column.default.as_deref().filter(|_| column.identity.is_none()) else {
            return Ok("NULL".to_string());
        };
        let catalog = self.catalog;
        Ok(dialect::lower_default(text, &column.data_type, catalog, &mut self.environment())?)
    }

    /// Whether the table has a row with the payload row's key.
    fn is_there(&mut self, name: &str, table: &Table, insert: &Insert<'_>) -> Result<String, RestError> {
        let mut equalities = Vec::new();
        for key in insert.conflict.iter().flat_map(|conflict| &conflict.columns) {
            if let Some(index) = insert.columns.iter().position(|column| column.name == key.name) {
                let value = self.given_value(table, key, insert, index)?;
                equalities.push(format!("\"there\".{} = {value}", quote_identifier(&key.name)));
            }
        }
        Ok(format!("EXISTS (SELECT 1 FROM {name} AS \"there\" WHERE {})", equalities.join(" AND ")))
    }

    fn update(
        &mut self,
        write: &Write<'_>,
        assignments: &[(&Column, Cell)],
        condition: &Condition<'_>,
    ) -> Result<(), RestError> {
        let table = write.table;
        let name = table.physical();
        let (mut sets, mut values) = (Vec::new(), Vec::new());
        for (column, cell) in assignments {
            let value = match cell {
                Cell::Value(value) => stored(column, &self.writer.bind(value)),
                Cell::Null | Cell::Default | Cell::Kept { .. } => "NULL".to_string(),
            };
            sets.push(format!("{} = {value}", quote_identifier(&column.name)));
            values.push((column.name.as_str(), value));
        }
        let mut terms = self.touched(write, Command::Update, condition)?;
        let mut checks = vec![(self.update_check(write, PROPOSED)?, violates_check(table))];
        checks.extend(self.check_options_of_proposed(write, None)?);
        checks.retain(|(predicate, _)| *predicate != Predicate::Always);
        if has_before(self.catalog, table, &[Command::Update])? {
            let sql = self.update_through_triggers(table, values, terms, &checks)?;
            self.writer.push(&sql);
            return self.returning(write);
        }
        if !checks.is_empty() {
            let given = |column: &Column| {
                let value = values.iter().find(|(of, _)| *of == column.name).map(|(_, value)| value.clone());
                value.unwrap_or_else(|| format!("{name}.{}", quote_identifier(&column.name)))
            };
            let row = plain_columns(table).map(|column| (column, given(column))).collect();
            let row = self.proposed_row(table, row, "")?;
            // Last, and a subquery: SQLite weighs it when the row has passed the others, and weighs
            // all rows before it changes the first.
            terms = vec![balanced(terms, " AND ")];
            let arm = |(predicate, error): &(Predicate, String)| {
                let allowed = predicate.to_sql();
                format!(" WHEN (SELECT {allowed} FROM ({row}) AS {PROPOSED}) IS NOT TRUE THEN {error}")
            };
            terms.push(format!("CASE{} ELSE TRUE END", checks.iter().map(arm).collect::<String>()));
        }
        let sql = format!("UPDATE {name}\nSET {}{}", sets.join(", "), where_clause(terms));
        self.writer.push(&sql);
        self.returning(write)
    }

    fn delete(&mut self, write: &Write<'_>, condition: &Condition<'_>) -> Result<(), RestError> {
        let terms = self.touched(write, Command::Delete, condition)?;
        let sql = format!("DELETE FROM {}{}", write.table.physical(), where_clause(terms));
        self.writer.push(&sql);
        self.returning(write)
    }

    /// The rows that an update or delete touches. A filter reads rows, so they must be visible too.
    pub(super) fn touched(
        &mut self,
        write: &Write<'_>,
        command: Command,
        condition: &Condition<'_>,
    ) -> Result<Vec<String>, RestError> {
        let name = write.table.physical();
        let mut terms = Vec::new();
        let visible = self.written_using(write, Command::Select, &name)?;
        let there = self.written_using(write, command, &name)?.and(visible);
        if there != Predicate::Always {
            terms.push(there.to_sql());
        }
        terms.extend(self.through_terms(write, &name)?);
        let asked = |builder: &mut Self, row: &str| builder.term(condition, &write.returning, row);
        terms.push(self.over_computed(&write.returning, &name, asked)?);
        Ok(terms)
    }

    /// `RETURNING`, when there is something to give back.
    fn returning(&mut self, write: &Write<'_>) -> Result<(), RestError> {
        let name = write.table.physical();
        let object = self.returned(write, &name)?;
        // An upsert counts its new rows: they decide between 201 and 200.
        let counted = write.counted || write.merge().is_some();
        if write.returns == Return::Minimal && !counted {
            return Ok(());
        }
        self.writer.push(&format!("\nRETURNING {object} AS j"));
        if let Some(insert) = write.merge() {
            let keys = insert.conflict.iter().flat_map(|conflict| &conflict.columns);
            let key = texts(keys.map(|column| column.name.as_str()), &name);
            self.writer.push(&format!(", {key} AS k"));
        }
        if write.is_ordered() {
            let order = write.returning.order.iter();
            let values = order.map(|order| {
                let value = |builder: &mut Self, row: &str| builder.order_value(&write.returning, order, row);
                self.over_written(write, &name, value)
            });
            let values = values.collect::<Result<Vec<_>, _>>()?;
            self.writer.push(&format!(", json_array({}) AS o", values.join(", ")));
        }
        Ok(())
    }
}

impl Write<'_> {
    /// The insert, when it is an upsert of two statements.
    pub fn merge(&self) -> Option<&Insert<'_>> {
        match &self.change {
            Change::Insert(insert) if insert.resolution() == Some(Resolution::MergeDuplicates) => {
                Some(insert)
            }
            _ => None,
        }
    }

    /// Whether the rows given back are put in an order, which `RETURNING` cannot do.
    pub fn is_ordered(&self) -> bool {
        self.returns == Return::Representation && !self.returning.order.is_empty()
    }
}

impl Insert<'_> {
    /// What is done with rows that are there; `None` when nothing can conflict, because the body
    /// lacks a column of the key, or when no key was named.
    fn resolution(&self) -> Option<Resolution> {
        let conflict = self.conflict.as_ref()?;
        let in_body = |column: &&Column| self.columns.iter().any(|of| of.name == column.name);
        if !conflict.columns.iter().all(in_body) {
            return None;
        }
        Some(conflict.resolution)
    }

    pub(super) fn conflict_target(&self) -> String {
        let columns = self.conflict.iter().flat_map(|conflict| &conflict.columns);
        columns.map(|column| quote_identifier(&column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// `DEFAULT auth.uid()` and its like: no SQLite default can know the caller.
fn asks_for_caller(column: &Column) -> bool {
    const CALLER: &[&str] = &["auth.", "current_setting", "current_user", "session_user"];
    column.default.as_ref().is_some_and(|default| {
        let default = default.to_ascii_lowercase();
        CALLER.iter().any(|word| default.contains(word))
    })
}

/// Whether a query for new rows is as good looked at twice: a plain one, of values that neither chance nor order decide.
fn is_repeatable(proposed: &str) -> bool {
    proposed.matches("SELECT").count() == 1
        && !["random", "row_number"].iter().any(|of| proposed.contains(of))
}

/// Columns whose value no SQLite default can be.
fn is_supplied(column: &Column) -> bool {
    asks_for_caller(column) || is_numbered(column)
}

/// A cell of the payload as its column stores it.
pub(super) fn cell_value(column: &Column, index: usize) -> String {
    stored(column, &format!("\"payload\".value ->> '$[{index}]'"))
}

/// A value's text as the column stores it. The cast is the column's own when the value is stored, but
/// not when a policy compares it before.
pub(super) fn stored(column: &Column, text: &str) -> String {
    match column.data_type.storage() {
        Storage::Blob => format!("unhex({text})"),
        Storage::Integer => format!("CAST({text} AS INTEGER)"),
        Storage::Real => format!("CAST({text} AS REAL)"),
        Storage::Text => text.to_string(),
    }
}

/// That a row has the key of one that is there.
fn key_equalities(insert: &Insert<'_>, row: &str) -> String {
    let keys = insert.conflict.iter().flat_map(|conflict| &conflict.columns);
    let equal =
        keys.map(|key| quote_identifier(&key.name)).map(|key| format!("{EXISTING}.{key} = {row}.{key}"));
    equal.collect::<Vec<_>>().join(" AND ")
}

/// The primary key's values as texts in a JSON array.
pub(super) fn key_values(table: &Table, name: &str) -> String {
    texts(table.primary_key_columns().iter().map(String::as_str), name)
}

fn texts<'c>(columns: impl Iterator<Item = &'c str>, name: &str) -> String {
    let values: Vec<String> =
        columns.map(|column| format!("CAST({name}.{} AS TEXT)", quote_identifier(column))).collect();
    format!("json_array({})", values.join(", "))
}

pub(super) fn violates_check(table: &Table) -> String {
    let name = &table.name;
    raise(&quote_literal(&format!("42501:new row violates row-level security policy for table \"{name}\"")))
}

fn violates_using(table: &Table) -> String {
    let name = &table.name;
    raise(&quote_literal(&format!(
        "42501:new row violates row-level security policy (USING expression) for table \"{name}\""
    )))
}
