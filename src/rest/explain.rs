//! What the database's refusal of a batch means for the request: Postgres' code and words for it.

use super::error::{PostgresError, RestError};
use super::plan::{Cell, Change, Plan, Write};
use crate::ports::DbError;
use crate::schema::{Catalog, ForeignKey, Table};
use crate::sql::Raised;

/// A failure that has nothing to do with what was asked.
pub fn plainly(error: &DbError) -> RestError {
    match error {
        DbError::Overloaded(cause) => RestError::Overloaded(cause.clone()),
        DbError::Timeout(_) => RestError::postgres("57014", "canceling statement due to statement timeout"),
        other => RestError::Internal(format!("{other:?}")),
    }
}

/// A failure of a plan's batch.
pub fn failure(error: &DbError, catalog: &Catalog, plan: &Plan<'_>) -> RestError {
    let write = match plan {
        Plan::Write(write) => Some(write),
        Plan::Read(_) => None,
    };
    match (error, write) {
        (DbError::Raised(payload), _) => raised(payload),
        (DbError::Unique { table, columns }, write) => unique(catalog, table, columns, write),
        (DbError::NotNull { table, column }, _) => RestError::postgres(
            "23502",
            format!(
                "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
                table_name(catalog, table)
            ),
        ),
        (DbError::Check(name), Some(write)) => RestError::postgres(
            "23514",
            format!("new row for relation \"{}\" violates check constraint \"{name}\"", write.table.name),
        ),
        (DbError::Check(name), None) => RestError::postgres(
            "23514",
            format!(
                "new row for relation \"{}\" violates check constraint \"{name}\"",
                table_of_check(catalog, name)
            ),
        ),
        (DbError::ForeignKey, None) => {
            RestError::postgres("23503", "insert or update on table violates foreign key constraint")
        }
        (DbError::ForeignKey, Some(write)) => foreign_key(catalog, write),
        (DbError::Datatype(_), _) => {
            RestError::postgres("22P02", "invalid input syntax for the column's type")
        }
        (DbError::MalformedJson, _) => RestError::postgres("22P02", "invalid input syntax for type json"),
        (DbError::IntegerOverflow, _) => RestError::postgres("22003", "bigint out of range"),
        // What SQLite or D1 cannot take is the request's size, not a failure of the service.
        (DbError::TooLarge, _) => RestError::NotImplemented(
            "a value is larger than 2 MB, or the request makes too long a statement".into(),
        ),
        (DbError::TooComplex(_), _) => RestError::NotImplemented(
            "the request nests deeper, or has more parts, than the database takes".into(),
        ),
        (other, _) => plainly(other),
    }
}

/// Which of several requests a failure is of: the one write, or the one write to the table that the
/// failure names. `None` when it might be another's.
pub fn culprit(error: &DbError, catalog: &Catalog, plans: &[&Plan<'_>]) -> Option<usize> {
    let named = match error {
        DbError::Unique { table, .. } | DbError::NotNull { table, .. } => catalog.tables.get(table),
        _ => None,
    };
    let mut suspects = plans.iter().enumerate().filter(|(_, plan)| match plan {
        Plan::Write(write) => {
            named.is_none_or(|table| table.schema == write.table.schema && table.name == write.table.name)
        }
        Plan::Read(_) => false,
    });
    let first = suspects.next()?;
    suspects.next().is_none().then_some(first.0)
}

/// `42501:message`, or a guard's count.
fn raised(payload: &str) -> RestError {
    let raised = Raised::of(payload);
    match (raised.code, raised.message.parse::<u64>()) {
        ("PGRST116", Ok(rows)) => RestError::NotOneRow(rows),
        ("PGRST124", Ok(rows)) => RestError::Affected(rows),
        _ => RestError::Postgres(PostgresError {
            details: raised.details.map(str::to_string),
            hint: raised.hint.map(str::to_string),
            ..PostgresError::new(raised.code, raised.message)
        }),
    }
}

fn table_name<'a>(catalog: &'a Catalog, physical: &'a str) -> &'a str {
    catalog.tables.get(physical).map_or(physical, |table| &table.name)
}

fn unique(catalog: &Catalog, physical: &str, columns: &[String], write: Option<&Write<'_>>) -> RestError {
    let same = |of: &[String]| of.len() == columns.len() && of.iter().all(|column| columns.contains(column));
    let named = catalog.tables.get(physical).and_then(|table| {
        let mut all = table.primary_key.iter().chain(&table.uniques);
        all.find(|unique| same(&unique.columns)).map(|unique| unique.name.clone())
    });
    // For an index of expressions SQLite gives its name alone.
    let name = named.unwrap_or_else(|| columns.join("_"));
    RestError::Postgres(PostgresError {
        details: write
            .and_then(|write| key_text(write, columns))
            .map(|key| format!("Key {key} already exists.")),
        ..PostgresError::new("23505", format!("duplicate key value violates unique constraint \"{name}\""))
    })
}

fn foreign_key(catalog: &Catalog, write: &Write<'_>) -> RestError {
    let table = write.table;
    let outgoing: Vec<&ForeignKey> = table
        .foreign_keys
        .iter()
        .filter(|key| key.columns.iter().any(|column| write.writes(column)))
        .collect();
    let incoming: Vec<(&Table, &ForeignKey)> = catalog
        .tables
        .values()
        .flat_map(|other| other.foreign_keys.iter().map(move |key| (other, key)))
        .filter(|(_, key)| key.foreign_schema == table.schema && key.foreign_table == table.name)
        .filter(|(_, key)| write.removes(&key.foreign_columns))
        .collect();
    let (message, details) = match (outgoing.as_slice(), incoming.as_slice()) {
        ([key], []) => {
            let details = key_text(write, &key.columns)
                .map(|text| format!("Key {text} is not present in table \"{}\".", key.foreign_table));
            (
                format!(
                    "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                    table.name, key.name
                ),
                details,
            )
        }
        ([], [(other, key)]) => (
            format!(
                "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
                table.name, key.name, other.name
            ),
            Some(format!("Key is still referenced from table \"{}\".", other.name)),
        ),
        // SQLite does not say which of several it was.
        (_, []) => {
            (format!("insert or update on table \"{}\" violates a foreign key constraint", table.name), None)
        }
        _ => {
            (format!("update or delete on table \"{}\" violates a foreign key constraint", table.name), None)
        }
    };
    RestError::Postgres(PostgresError { details, ..PostgresError::new("23503", message) })
}

/// `(a, b)=(1, 2)` with the written values, when only one row was written and has them all.
fn key_text(write: &Write<'_>, columns: &[String]) -> Option<String> {
    let values: Option<Vec<&str>> = columns.iter().map(|column| write.only_value(column)).collect();
    Some(format!("({})=({})", columns.join(", "), values?.join(", ")))
}

impl Write<'_> {
    fn writes(&self, column: &str) -> bool {
        match &self.change {
            Change::Insert(insert) => insert.columns.iter().any(|of| of.name == column),
            Change::Update(assignments, _) => assignments.iter().any(|(of, _)| of.name == column),
            Change::Delete(_) | Change::Nothing => false,
        }
    }

    /// Whether values of these columns may have gone.
    fn removes(&self, columns: &[String]) -> bool {
        match &self.change {
            Change::Delete(_) => true,
            Change::Update(..) => columns.iter().any(|column| self.writes(column)),
            Change::Insert(_) | Change::Nothing => false,
        }
    }

    fn only_value(&self, column: &str) -> Option<&str> {
        let cell = match &self.change {
            Change::Insert(insert) => {
                let [row] = insert.rows.as_slice() else { return None };
                let place = insert.columns.iter().position(|of| of.name == column)?;
                row.get(place)?
            }
            Change::Update(assignments, _) => &assignments.iter().find(|(of, _)| of.name == column)?.1,
            Change::Delete(_) | Change::Nothing => return None,
        };
        match cell {
            Cell::Value(value) => Some(value),
            Cell::Null | Cell::Default => None,
        }
    }
}

/// The table of a CHECK's name; several may have one.
fn table_of_check<'c>(catalog: &'c Catalog, name: &str) -> &'c str {
    let mut tables = catalog.tables.values();
    let has_it = |table: &&Table| table.checks.iter().any(|check| check.name == name);
    tables.find(has_it).map_or("", |table| table.name.as_str())
}
