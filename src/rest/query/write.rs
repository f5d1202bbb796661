//! Writing: statements that check policies on the rows they touch and give rows back.
//!
//! What policies ask of a new row is asked before anything is written, as Postgres does: of the row as
//! it will be (`proposed.rs`), in a raising `CASE` of the `WHERE`. So its subqueries see the tables as
//! they were (a row cannot vouch for itself), and no constraint tells what the caller may not know.
//! Inside `RETURNING` a row goes by its table's own name; SQLite knows no alias there.

use super::insert::compile_insert;
use super::numbers::is_numbered;
use super::proposed::{PROPOSED, plain_columns};
use super::{Batch, Builder, rollback, volatile, where_clause};
use crate::caller::Caller;
use crate::dialect::{Condition as Guard, fires, has_before, written};
use crate::policy::{Predicate, permit_columns};
use crate::rest::error::RestError;
use crate::rest::plan::{Change, Condition, Insert, Write};
use crate::rest::request::{Resolution, Return};
use crate::schema::{Catalog, Column, Command, Storage, Stored, Table, WrittenTable};
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
    if let Some(trigger) = write.instead {
        return super::instead::compile(catalog, caller, write, trigger, batch);
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

/// The change between the statement-level triggers that it fires.
fn change(catalog: &Catalog, caller: &Caller, write: &Write<'_>, batch: &mut Batch) -> Result<(), RestError> {
    let fires = fires(catalog, write.table, &writes(write), &Guard::always());
    batch.statements.extend(fires.before.into_iter().map(Statement::new));
    change_rows(catalog, caller, write, batch)?;
    batch.statements.extend(fires.after.into_iter().map(Statement::new));
    Ok(())
}

/// What the statement that a change stands for does to its table.
fn writes(write: &Write<'_>) -> Vec<WrittenTable> {
    let names =
        |columns: &mut dyn Iterator<Item = &Column>| columns.map(|column| column.name.clone()).collect();
    let of = |command, columns| written(write.table, command, columns);
    match &write.change {
        Change::Insert(insert) => {
            let mut writes = vec![of(Command::Insert, Vec::new())];
            if insert.resolution() == Some(Resolution::MergeDuplicates) {
                writes.push(of(Command::Update, names(&mut insert.columns.iter().copied())));
            }
            writes
        }
        Change::Update(assignments, _) => {
            vec![of(Command::Update, names(&mut assignments.iter().map(|(column, _)| *column)))]
        }
        Change::Delete(_) => vec![of(Command::Delete, Vec::new())],
        Change::Nothing => Vec::new(),
    }
}

fn change_rows(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    match &write.change {
        Change::Nothing if write.singular => Err(RestError::NotOneRow(0)),
        Change::Nothing => Ok(()),
        Change::Insert(insert) if insert.rows.is_empty() && write.singular => Err(RestError::NotOneRow(0)),
        Change::Insert(insert) if insert.rows.is_empty() => Ok(()),
        Change::Insert(insert) => compile_insert(catalog, caller, write, insert, batch),
        Change::Update(assignments, condition) => {
            let mut builder = Builder::new(catalog, caller);
            builder.update(write, assignments, condition)?;
            push_counted(write, builder.finish(), batch);
            push_alone(catalog, caller, write, batch);
            Ok(())
        }
        Change::Delete(condition) => {
            let mut builder = Builder::new(catalog, caller);
            let reads_before = reads_before(catalog, write)?;
            if reads_before {
                builder.read_doomed(write, condition)?;
                let place =
                    batch.push(std::mem::replace(&mut builder, Builder::new(catalog, caller)).finish());
                batch.rows.push(place);
            }
            builder.delete(write, condition)?;
            match reads_before {
                true => {
                    batch.push(builder.finish());
                    push_guards(write, batch);
                }
                false => {
                    builder.returning(write)?;
                    push_counted(write, builder.finish(), batch);
                }
            }
            push_alone(catalog, caller, write, batch);
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

/// Whether what is given back of deleted rows has to be read before they are deleted: a foreign key may delete what their
/// embeds show, or turn it away. A trigger that keeps rows is asked as they are deleted.
fn reads_before(catalog: &Catalog, write: &Write<'_>) -> Result<bool, RestError> {
    let shows_embeds = write.returns == Return::Representation && !write.returning.embeds.is_empty();
    Ok(shows_embeds && !write.rolls_back && !has_before(catalog, write.table, &[Command::Delete])?)
}

/// A statement, and the guards on how many rows it may have written.
pub(super) fn push_counted(write: &Write<'_>, statement: Statement, batch: &mut Batch) {
    let place = batch.push(statement);
    batch.rows.push(place);
    push_guards(write, batch);
}

/// The guards on how many rows the statement before them may have written.
fn push_guards(write: &Write<'_>, batch: &mut Batch) {
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

/// The guard of a write whose rows a policy could see change.
fn push_alone(catalog: &Catalog, caller: &Caller, write: &Write<'_>, batch: &mut Batch) {
    if let Some(too_many) = volatile::too_many(catalog, caller, write).filter(|_| !write.is_owners()) {
        batch.push(Statement::new(format!("SELECT CASE WHEN changes() > 1 THEN {too_many} END")));
    }
}

impl Builder<'_> {
    /// What an updated row must pass: it was read, so it must still be visible.
    pub(super) fn update_check(&mut self, write: &Write<'_>, row: &str) -> Result<Predicate, RestError> {
        let visible = self.written_using(write, Command::Select, row)?;
        Ok(self.written_check(write, Command::Update, row)?.and(visible))
    }

    fn update(
        &mut self,
        write: &Write<'_>,
        assignments: &[(&Column, Option<Stored<'_>>)],
        condition: &Condition<'_>,
    ) -> Result<(), RestError> {
        let table = write.table;
        let name = table.physical();
        let (mut sets, mut values) = (Vec::new(), Vec::new());
        for (column, cell) in assignments {
            let value = match write.defaulted.contains(&column.name.as_str()) {
                true => self.default_of_updated(column)?,
                false => self.assigned(column, cell),
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
            // Named by the row at hand even if it has nothing of it: SQLite weighs what is of no row once, also where
            // no row is.
            let row = self.proposed_row(table, row, &format!(", {name}.rowid AS \"/row\""))?;
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

    /// The default that an update gives a column.
    fn default_of_updated(&mut self, column: &Column) -> Result<String, RestError> {
        if is_numbered(column) || column.identity.is_some() {
            let what =
                format!("the next number as the value of '{}' in an update is not supported", column.name);
            return Err(RestError::NotImplemented(what));
        }
        self.default(column)
    }

    /// The value that an update gives a column.
    pub(super) fn assigned(&mut self, column: &Column, value: &Option<Stored<'_>>) -> String {
        match value {
            Some(value) => stored(column, &self.writer.bind(value.as_str())),
            None => "NULL".to_string(),
        }
    }

    fn delete(&mut self, write: &Write<'_>, condition: &Condition<'_>) -> Result<(), RestError> {
        let terms = self.touched(write, Command::Delete, condition)?;
        let sql = format!("DELETE FROM {}{}", write.table.physical(), where_clause(terms));
        self.writer.push(&sql);
        Ok(())
    }

    /// What is given back of the rows that a delete is about to touch.
    fn read_doomed(&mut self, write: &Write<'_>, condition: &Condition<'_>) -> Result<(), RestError> {
        let name = write.table.physical();
        let given = self.given_back(write, &name)?;
        let terms = self.touched(write, Command::Delete, condition)?;
        self.writer.push(&format!("SELECT {given}\nFROM {name}{}", where_clause(terms)));
        Ok(())
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
    pub(super) fn returning(&mut self, write: &Write<'_>) -> Result<(), RestError> {
        // An upsert counts its new rows: they decide between 201 and 200. What triggers write, the database counts too.
        let is_update = matches!(write.change, Change::Update(..));
        let counted =
            write.counted || write.merge().is_some() || is_update && !self.catalog.triggers.is_empty();
        if write.returns == Return::Minimal && !counted {
            return Ok(());
        }
        let given = self.given_back(write, &write.table.physical())?;
        self.writer.push(&format!("\nRETURNING {given}"));
        Ok(())
    }

    /// What is given back of a written row: `j`, its key `k` in an upsert, and what orders it, `o`.
    pub(super) fn given_back(&mut self, write: &Write<'_>, name: &str) -> Result<String, RestError> {
        let mut given = format!("{} AS j", self.returned(write, name)?);
        if let Some(insert) = write.merge() {
            let keys = insert.conflict.iter().flat_map(|conflict| &conflict.columns);
            let key = texts(keys.map(|column| column.name.as_str()), name);
            given.push_str(&format!(", {key} AS k"));
        }
        if write.is_ordered() {
            let order = write.returning.order.iter();
            let values = order.map(|order| {
                let value = |builder: &mut Self, row: &str| builder.order_value(&write.returning, order, row);
                self.over_written(write, name, value)
            });
            let values = values.collect::<Result<Vec<_>, _>>()?;
            given.push_str(&format!(", json_array({}) AS o", values.join(", ")));
        }
        Ok(given)
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

    /// Whether it is an insert whose rows can be there already.
    pub fn resolves(&self) -> bool {
        matches!(&self.change, Change::Insert(Insert { conflict: Some(_), .. }))
    }

    /// Whether the rows given back are put in an order, which `RETURNING` cannot do.
    pub fn is_ordered(&self) -> bool {
        self.returns == Return::Representation && !self.returning.order.is_empty()
    }
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
