//! Inserting: rows of a body, each made whole and asked for by the policies before it is written.

use super::numbers::{PAYLOAD_ROW, is_numbered, numbers_itself, take_own_numbers};
use super::payload::chunks;
use super::proposed::{EXISTING, PROPOSED, UPDATED, plain_columns, written_columns};
use super::vectors::returned_vectors;
use super::write::{push_counted, violates_check};
use super::{Batch, Builder, volatile, where_clause};
use crate::caller::Caller;
use crate::dialect::{self, KEEP, has_before};
use crate::policy::{self, Predicate};
use crate::rest::error::RestError;
use crate::rest::plan::{Insert, Write};
use crate::rest::request::{Resolution, Return};
use crate::schema::{self, Catalog, Column, Command, Table};
use crate::sql::{Statement, quote_identifier, quote_literal, raise};

/// Adds the statements of an insert.
pub fn compile_insert(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    insert: &Insert<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    if Builder::new(catalog, caller).insert_check(write, insert)? == Predicate::Never {
        return refuse_all(catalog, caller, write, insert, batch);
    }
    if write.rolls_back && takes_own_numbers(write, insert) {
        batch.taken.extend(take_own_numbers(write.table, insert.rows.len()));
    }
    let ignores = insert.resolution() == Some(Resolution::IgnoreDuplicates);
    if write.singular && insert.rows.len() != 1 && !(ignores && insert.rows.len() > 1) {
        return Err(RestError::NotOneRow(insert.rows.len() as u64));
    }
    let one_by_one = insert.rows.len() > 1
        && (Builder::new(catalog, caller).reads_itself(write.table, insert)?
            || volatile::sees_inserted(catalog, caller, write.table).is_some());
    let shares = shares(catalog, write, insert, one_by_one)?;
    for column in returned_vectors(write) {
        for (rows, count) in &shares {
            let mut builder = Builder::new(catalog, caller);
            builder.payload_rows = *count;
            builder.missing_vectors(write.table, insert, rows, column)?;
            batch.push(builder.finish());
        }
    }
    let steps: Vec<(Path, Share)> = match Path::of(insert) {
        [path] => shares.into_iter().map(|rows| (*path, rows)).collect(),
        paths if one_by_one => {
            shares.iter().flat_map(|rows| paths.iter().map(|path| (*path, rows.clone()))).collect()
        }
        paths => paths.iter().flat_map(|path| shares.iter().map(|rows| (*path, rows.clone()))).collect(),
    };
    // Alone, it looks at the catalog's version itself: a statement for that is a tenth of the cost of inserting a row.
    let alone = steps.len() == 1
        && batch.statements.len() == 1
        && insert.resolution().is_none()
        && !write.table.columns.iter().any(is_numbered);
    for (path, (rows, count)) in steps {
        let mut builder = Builder::new(catalog, caller);
        builder.payload_rows = count;
        let looks = builder.insert(write, insert, path, rows, alone)?;
        builder.take_numbers(write.rolls_back, batch);
        if path == Path::Ignore {
            push_counted(write, builder.finish(), batch);
            continue;
        }
        if looks {
            batch.statements.clear();
        }
        let place = batch.push(builder.finish());
        batch.rows.push(place);
        if path == Path::Merge {
            batch.updated.push(place);
        }
    }
    Ok(())
}

/// What an insert that no row may pass comes to.
fn refuse_all(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    insert: &Insert<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    if insert.resolution() == Some(Resolution::MergeDuplicates) {
        // Policies that lead back to themselves are an error even so.
        Builder::new(catalog, caller).insert_checks(write, insert, Path::Merge)?;
    } else if write.through.is_some() {
        Builder::new(catalog, caller).insert_checks(write, insert, Path::Plain)?;
    }
    batch.push(Statement::new(format!("SELECT {}", violates_check(write.table))));
    Ok(())
}

/// Whether a row takes a number that SQLite itself counts.
fn takes_own_numbers(write: &Write<'_>, insert: &Insert<'_>) -> bool {
    let takes_one = |column: &Column| match insert.columns.iter().position(|of| of.name == column.name) {
        Some(index) => insert.rows.ask_for_default(index),
        None => true,
    };
    write.table.columns.iter().any(|column| numbers_itself(column) && takes_one(column))
}

/// Rows of one statement as its parameter, and how many they are.
type Share = (String, usize);

/// The rows, shared out among statements.
fn shares(
    catalog: &Catalog,
    write: &Write<'_>,
    insert: &Insert<'_>,
    one_by_one: bool,
) -> Result<Vec<Share>, RestError> {
    if one_by_one {
        let each = insert.rows.iter().map(|row| chunks(std::iter::once(row)));
        return Ok(each.collect::<Result<Vec<_>, _>>()?.concat());
    }
    let has_values = !insert.columns.is_empty()
        || has_before(catalog, write.table, &[Command::Insert])?
        || write.table.columns.iter().any(|column| is_supplied(catalog, column));
    if has_values {
        return chunks(insert.rows.iter());
    }
    // `DEFAULT VALUES` makes one row at a time.
    Ok(insert.rows.iter().map(|_| (String::new(), 1)).collect())
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

impl Path {
    /// The statements that an insert takes, in their order.
    fn of(insert: &Insert<'_>) -> &'static [Self] {
        match insert.resolution() {
            Some(Resolution::MergeDuplicates) => &[Self::Merge, Self::New],
            Some(Resolution::IgnoreDuplicates) => &[Self::Ignore],
            None => &[Self::Plain],
        }
    }
}

impl Builder<'_> {
    /// Writes an insert. Gives whether it looks at the catalog's version, as it is asked to where it can.
    fn insert(
        &mut self,
        write: &Write<'_>,
        insert: &Insert<'_>,
        path: Path,
        rows: String,
        looks: bool,
    ) -> Result<bool, RestError> {
        let table = write.table;
        let name = table.physical();
        let checks = self.insert_checks(write, insert, path)?;
        let looks = looks && !rows.is_empty();
        if checks.is_empty() && !has_before(self.catalog, table, &[Command::Insert])? {
            self.unchecked_insert(&name, table, insert, path, rows)?;
        } else {
            self.checked_insert(&name, table, insert, path, rows, &checks)?;
        }
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
        rows: String,
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
        rows: String,
        checks: &[(Predicate, String)],
    ) -> Result<(), RestError> {
        let values = self.proposed_values(table, insert, checks)?;
        let source = if insert.columns.is_empty() && rows.is_empty() {
            "\nFROM (SELECT 0 AS key) AS \"payload\"".to_string()
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
        for column in table.columns.iter().filter(absent).filter(|column| is_supplied(self.catalog, column)) {
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
        let (catalog, of) = (self.catalog, &column.data_type);
        // Reading and lowering a default's text would be a sixth of the cost of preparing an insert of one row.
        let key = ["default", &of.short_name(), text];
        Ok(policy::remembered(&mut self.environment(), &key, |environment| {
            dialect::lower_default(text, of, catalog, environment, PAYLOAD_ROW)
        })?)
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
}

impl Insert<'_> {
    /// What is done with rows that are there; `None` when nothing can conflict, because the body
    /// lacks a column of the key, or when no key was named.
    pub(super) fn resolution(&self) -> Option<Resolution> {
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
fn is_supplied(catalog: &Catalog, column: &Column) -> bool {
    asks_for_caller(column) || is_numbered(column) || calls_routine(catalog, column)
}

/// `DEFAULT new_code()`: a function of the project's has no SQL of its own that SQLite could hold.
fn calls_routine(catalog: &Catalog, column: &Column) -> bool {
    column.default.as_ref().filter(|default| default.contains('(')).is_some_and(|default| {
        let default = default.to_ascii_lowercase();
        catalog.routines.values().any(|routine| default.contains(&routine.name.to_ascii_lowercase()))
    })
}

/// That a row has the key of one that is there.
fn key_equalities(insert: &Insert<'_>, row: &str) -> String {
    let keys = insert.conflict.iter().flat_map(|conflict| &conflict.columns);
    let equal =
        keys.map(|key| quote_identifier(&key.name)).map(|key| format!("{EXISTING}.{key} = {row}.{key}"));
    equal.collect::<Vec<_>>().join(" AND ")
}

fn violates_using(table: &Table) -> String {
    let name = &table.name;
    raise(&quote_literal(&format!(
        "42501:new row violates row-level security policy (USING expression) for table \"{name}\""
    )))
}
