//! Writing: statements that check policies on the rows they touch and give rows back.
//!
//! `WITH CHECK` is a raising `CASE` in `RETURNING`, which aborts the batch. Inside `RETURNING` a row
//! goes by its table's own name; SQLite knows no alias there.

use super::{Batch, Builder, where_clause};
use crate::caller::Caller;
use crate::dialect;
use crate::policy::Predicate;
use crate::rest::error::RestError;
use crate::rest::plan::{Cell, Change, Condition, Insert, Write};
use crate::rest::request::{Resolution, Return};
use crate::schema::{Catalog, Column, Command, Storage, Table};
use crate::sql::{Statement, quote_identifier, quote_literal, raise};

/// Bytes of rows in one parameter; D1 takes no value over 2 MB.
const LARGEST_PARAMETER: usize = 1_000_000;

/// Adds the statements of a write.
pub fn compile(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
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
    // Refused before the insert: otherwise its unique keys would tell a caller what is there.
    if Builder::new(catalog, caller).check(write.table, Command::Insert, "\"excluded\"")? == Predicate::Never
    {
        batch.push(Statement::new(format!("SELECT {}", violates_check(write.table))));
        return Ok(());
    }
    let ignores = insert.resolution() == Some(Resolution::IgnoreDuplicates);
    if write.singular && insert.rows.len() != 1 && !(ignores && insert.rows.len() > 1) {
        return Err(RestError::NotOneRow(insert.rows.len() as u64));
    }
    let chunks = if insert.columns.is_empty() && !write.table.columns.iter().any(asks_for_caller) {
        // `DEFAULT VALUES` makes one row at a time.
        insert.rows.iter().map(|_| String::new()).collect()
    } else {
        chunks(&insert.rows)
    };
    let paths: &[Path] = match insert.resolution() {
        Some(Resolution::MergeDuplicates) => &[Path::Merge, Path::New],
        Some(Resolution::IgnoreDuplicates) => &[Path::Ignore],
        None => &[Path::Plain],
    };
    for path in paths {
        for rows in &chunks {
            let mut builder = Builder::new(catalog, caller);
            builder.insert(write, insert, *path, rows)?;
            if *path == Path::Ignore {
                push_counted(write, builder.finish(), batch);
                continue;
            }
            let place = batch.push(builder.finish());
            batch.rows.push(place);
            if *path == Path::Merge {
                batch.updated.push(place);
            }
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
    fn insert(
        &mut self,
        write: &Write<'_>,
        insert: &Insert<'_>,
        path: Path,
        rows: &str,
    ) -> Result<(), RestError> {
        let table = write.table;
        let name = table.physical();
        let (columns, values) = self.values(table, insert)?;
        if columns.is_empty() {
            let sql = format!("INSERT INTO {name} DEFAULT VALUES");
            self.writer.push(&sql);
            return self.returning(write, Command::Insert);
        }
        let payload = self.writer.bind(rows);
        let terms = match path {
            Path::Plain | Path::Ignore => vec!["TRUE".to_string()],
            Path::Merge => vec![is_there(&name, insert)],
            Path::New => vec![format!("NOT {}", is_there(&name, insert))],
        };
        let sql = format!(
            "INSERT INTO {name} ({})\nSELECT {}\nFROM json_each({payload}) AS \"payload\"{}",
            columns.join(", "),
            values.join(", "),
            where_clause(terms),
        );
        self.writer.push(&sql);
        match path {
            Path::Plain | Path::New => {}
            Path::Ignore => {
                let target = insert.conflict_target();
                self.writer.push(&format!("\nON CONFLICT ({target}) DO NOTHING"));
            }
            Path::Merge => self.do_update(write, insert)?,
        }
        self.returning(write, if path == Path::Merge { Command::Update } else { Command::Insert })
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
            let value = cell_value(column, index);
            let some_default = insert.rows.iter().any(|row| row.get(index) == Some(&Cell::Default));
            values.push(if some_default {
                let default = self.default(column)?;
                format!(
                    "CASE json_type(\"payload\".value, '$[{index}]') WHEN 'array' THEN {default} ELSE {value} END"
                )
            } else {
                value
            });
        }
        let absent = |column: &&Column| !insert.columns.iter().any(|of| of.name == column.name);
        for column in table.columns.iter().filter(absent).filter(|column| asks_for_caller(column)) {
            columns.push(quote_identifier(&column.name));
            values.push(self.default(column)?);
        }
        Ok((columns, values))
    }

    fn default(&mut self, column: &Column) -> Result<String, RestError> {
        let Some(text) = column.default.as_deref().filter(|_| column.identity.is_none()) else {
            return Ok("NULL".to_string());
        };
        let catalog = self.catalog;
        Ok(dialect::lower_default(text, &column.data_type, catalog, &mut self.environment())?)
    }

    /// The update half of an upsert. Its `WHERE` raises where Postgres would: on a row that the
    /// caller may not update, or a proposed row that it may not insert.
    fn do_update(&mut self, write: &Write<'_>, insert: &Insert<'_>) -> Result<(), RestError> {
        let table = write.table;
        let name = table.physical();
        let assignments: Vec<String> = insert
            .columns
            .iter()
            .map(|column| quote_identifier(&column.name))
            .map(|column| format!("{column} = excluded.{column}"))
            .collect();
        let sql =
            format!("\nON CONFLICT ({}) DO UPDATE\nSET {}", insert.conflict_target(), assignments.join(", "));
        self.writer.push(&sql);
        let existing =
            self.using(table, Command::Update, &name)?.and(self.using(table, Command::Select, &name)?);
        let proposed = self.check(table, Command::Insert, "\"excluded\"")?;
        let mut cases = String::new();
        if existing != Predicate::Always {
            cases.push_str(&format!(
                "\n  WHEN ({}) IS NOT TRUE THEN {}",
                existing.to_sql(),
                violates_using(table)
            ));
        }
        if proposed != Predicate::Always {
            cases.push_str(&format!(
                "\n  WHEN ({}) IS NOT TRUE THEN {}",
                proposed.to_sql(),
                violates_check(table)
            ));
        }
        if !cases.is_empty() {
            self.writer.push(&format!("\nWHERE CASE{cases}\n  ELSE TRUE\nEND"));
        }
        Ok(())
    }

    fn update(
        &mut self,
        write: &Write<'_>,
        assignments: &[(&Column, Cell)],
        condition: &Condition<'_>,
    ) -> Result<(), RestError> {
        let table = write.table;
        let mut sets = Vec::new();
        for (column, cell) in assignments {
            let value = match cell {
                Cell::Value(value) => {
                    let bound = self.writer.bind(value);
                    if column.data_type.storage() == Storage::Blob {
                        format!("unhex({bound})")
                    } else {
                        bound
                    }
                }
                Cell::Null | Cell::Default => "NULL".to_string(),
            };
            sets.push(format!("{} = {value}", quote_identifier(&column.name)));
        }
        let terms = self.touched(write, Command::Update, condition)?;
        let sql = format!("UPDATE {}\nSET {}{}", table.physical(), sets.join(", "), where_clause(terms));
        self.writer.push(&sql);
        self.returning(write, Command::Update)
    }

    fn delete(&mut self, write: &Write<'_>, condition: &Condition<'_>) -> Result<(), RestError> {
        let terms = self.touched(write, Command::Delete, condition)?;
        let sql = format!("DELETE FROM {}{}", write.table.physical(), where_clause(terms));
        self.writer.push(&sql);
        self.returning(write, Command::Delete)
    }

    /// The rows that an update or delete touches. A filter reads rows, so they must be visible too.
    fn touched(
        &mut self,
        write: &Write<'_>,
        command: Command,
        condition: &Condition<'_>,
    ) -> Result<Vec<String>, RestError> {
        let name = write.table.physical();
        let mut terms = Vec::new();
        let there =
            self.using(write.table, command, &name)?.and(self.using(write.table, Command::Select, &name)?);
        if there != Predicate::Always {
            terms.push(there.to_sql());
        }
        terms.push(self.term(condition, &write.returning, &name)?);
        Ok(terms)
    }

    /// `RETURNING`, when there is something to check or to give back.
    fn returning(&mut self, write: &Write<'_>, command: Command) -> Result<(), RestError> {
        let table = write.table;
        let name = table.physical();
        let object = match write.returns {
            Return::Minimal => "NULL".to_string(),
            Return::HeadersOnly => key_values(table, &name),
            Return::Representation => self.object(&write.returning, &name)?,
        };
        let mut allowed = match command {
            Command::Insert | Command::Update => self.check(table, command, &name)?,
            Command::Select | Command::Delete => Predicate::Always,
        };
        // An update has read its row; an insert reads only what it gives back.
        if command == Command::Update || (command == Command::Insert && write.returns != Return::Minimal) {
            allowed = allowed.and(self.using(table, Command::Select, &name)?);
        }
        // An upsert counts its new rows: they decide between 201 and 200.
        let counted = write.counted || write.merge().is_some();
        let object = match allowed {
            Predicate::Always if write.returns == Return::Minimal && !counted => return Ok(()),
            Predicate::Always => object,
            predicate => format!(
                "CASE WHEN ({}) IS NOT TRUE THEN {} ELSE {object} END",
                predicate.to_sql(),
                violates_check(table)
            ),
        };
        self.writer.push(&format!("\nRETURNING {object} AS j"));
        if let Some(insert) = write.merge() {
            let keys = insert.conflict.iter().flat_map(|conflict| &conflict.columns);
            let key = texts(keys.map(|column| column.name.as_str()), &name);
            self.writer.push(&format!(", {key} AS k"));
        }
        if write.is_ordered() {
            let order = write.returning.order.iter();
            let values = order.map(|order| self.order_value(&write.returning, order, &name));
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
        let in_key = |column: &&Column| conflict.columns.iter().any(|of| of.name == column.name);
        if !conflict.columns.iter().all(in_body) {
            return None;
        }
        if self.columns.iter().all(in_key) {
            return Some(Resolution::IgnoreDuplicates);
        }
        Some(conflict.resolution)
    }

    fn conflict_target(&self) -> String {
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

/// A cell of the payload as its column stores it.
fn cell_value(column: &Column, index: usize) -> String {
    let text = format!("\"payload\".value ->> '$[{index}]'");
    if column.data_type.storage() == Storage::Blob { format!("unhex({text})") } else { text }
}

/// Whether the table has a row with the payload row's key.
fn is_there(name: &str, insert: &Insert<'_>) -> String {
    let keys = insert.conflict.iter().flat_map(|conflict| &conflict.columns);
    let equalities: Vec<String> = keys
        .filter_map(|key| {
            let index = insert.columns.iter().position(|column| column.name == key.name)?;
            Some(format!("\"there\".{} = {}", quote_identifier(&key.name), cell_value(key, index)))
        })
        .collect();
    format!("EXISTS (SELECT 1 FROM {name} AS \"there\" WHERE {})", equalities.join(" AND "))
}

/// The primary key's values as texts in a JSON array.
fn key_values(table: &Table, name: &str) -> String {
    texts(table.primary_key_columns().iter().map(String::as_str), name)
}

fn texts<'c>(columns: impl Iterator<Item = &'c str>, name: &str) -> String {
    let values: Vec<String> =
        columns.map(|column| format!("CAST({name}.{} AS TEXT)", quote_identifier(column))).collect();
    format!("json_array({})", values.join(", "))
}

/// The rows as JSON arrays of cells, in parameters of bounded size: a value is a string, NULL is
/// null, and `[]` asks for the default.
fn chunks(rows: &[Vec<Cell>]) -> Vec<String> {
    let mut chunks = vec![String::from("[")];
    for row in rows {
        let cells: Vec<serde_json::Value> = row
            .iter()
            .map(|cell| match cell {
                Cell::Null => serde_json::Value::Null,
                Cell::Default => serde_json::Value::Array(Vec::new()),
                Cell::Value(value) => serde_json::Value::from(value.as_str()),
            })
            .collect();
        let text = serde_json::Value::Array(cells).to_string();
        if chunks.last().is_some_and(|chunk| chunk.len() > 1 && chunk.len() + text.len() > LARGEST_PARAMETER)
        {
            chunks.push(String::from("["));
        }
        if let Some(chunk) = chunks.last_mut() {
            if chunk.len() > 1 {
                chunk.push(',');
            }
            chunk.push_str(&text);
        }
    }
    for chunk in &mut chunks {
        chunk.push(']');
    }
    chunks
}

fn violates_check(table: &Table) -> String {
    let name = &table.name;
    raise(&quote_literal(&format!("42501:new row violates row-level security policy for table \"{name}\"")))
}

fn violates_using(table: &Table) -> String {
    let name = &table.name;
    raise(&quote_literal(&format!(
        "42501:new row violates row-level security policy (USING expression) for table \"{name}\""
    )))
}
