//! What the database's refusal of a batch means for the request: Postgres' code and words for it.

use indexmap::IndexMap;
use serde::Deserialize;

use super::error::{PostgresError, RestError, Said};
use super::plan::{Change, Plan, Suspect, Write};
use crate::caller::Caller;
use crate::policy::permit_columns;
use crate::ports::DbError;
use crate::schema::{Catalog, Command, Table};
use crate::sql::{Raised, physical_name};

/// A failure that has nothing to do with what was asked.
pub fn plainly(error: &DbError) -> RestError {
    match error {
        DbError::Overloaded(cause) => RestError::Overloaded(cause.clone()),
        DbError::Timeout(_) => RestError::postgres("57014", "canceling statement due to statement timeout"),
        other => RestError::Internal(format!("{other:?}")),
    }
}

/// A failure of a plan's batch.
pub fn failure(
    error: &DbError,
    catalog: &Catalog,
    plan: &Plan<'_>,
    violation: Option<Violation<'_>>,
) -> RestError {
    let write = match plan {
        Plan::Write(write) => Some(write),
        Plan::Read(_) => None,
    };
    match (error, write) {
        (DbError::Raised(payload), _) => raised(payload),
        (DbError::Unique { table, columns }, _) => unique(catalog, table, columns, violation),
        (DbError::NotNull { table, column }, _) => RestError::postgres(
            "23502",
            format!(
                "null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
                table_name(catalog, table)
            ),
        ),
        (DbError::Check(name), _) => RestError::postgres(
            "23514",
            format!(
                "new row for relation \"{}\" violates check constraint \"{name}\"",
                table_of_check(catalog, plan, name)
            ),
        ),
        // A function's: which of its statements it was is not said.
        (DbError::ForeignKey, None) => {
            RestError::postgres("23503", "insert or update on table violates foreign key constraint")
        }
        (DbError::ForeignKey, Some(write)) => foreign_key(write, violation),
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
        ("PGRST", _) => said(&raised),
        _ => RestError::Postgres(PostgresError {
            details: raised.details.map(str::to_string),
            hint: raised.hint.map(str::to_string),
            ..PostgresError::new(raised.code, raised.message)
        }),
    }
}

/// The message of `RAISE SQLSTATE 'PGRST'`.
#[derive(Deserialize)]
struct SaidMessage {
    code: String,
    message: String,
    details: Option<String>,
    hint: Option<String>,
}

/// Its detail.
#[derive(Deserialize)]
struct SaidDetail {
    status: u16,
    headers: IndexMap<String, String>,
}

/// The whole response that a function raises.
fn said(raised: &Raised<'_>) -> RestError {
    const MESSAGE: &str = "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'.";
    const DETAIL: &str = "DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.";
    let Ok(message) = serde_json::from_str::<SaidMessage>(raised.message) else {
        let details = format!("Invalid JSON value for MESSAGE: '{}'", raised.message);
        return RestError::SaidUnreadable { details, hint: MESSAGE };
    };
    let Some(detail) = raised.details else {
        let details = "DETAIL is missing in the RAISE statement".to_string();
        return RestError::SaidUnreadable { details, hint: DETAIL };
    };
    let Ok(SaidDetail { status, headers }) = serde_json::from_str(detail) else {
        let details = format!("Invalid JSON value for DETAIL: '{detail}'");
        return RestError::SaidUnreadable { details, hint: DETAIL };
    };
    let SaidMessage { code, message, details, hint } = message;
    let error = PostgresError { code, message, details, hint };
    RestError::Said(Box::new(Said { status, headers: headers.into_iter().collect(), error }))
}

fn table_name<'a>(catalog: &'a Catalog, physical: &'a str) -> &'a str {
    catalog.tables.get(physical).map_or(physical, |table| &table.name)
}

fn unique(
    catalog: &Catalog,
    physical: &str,
    columns: &[String],
    violation: Option<Violation<'_>>,
) -> RestError {
    let same = |of: &[String]| of.len() == columns.len() && of.iter().all(|column| columns.contains(column));
    let named = catalog.tables.get(physical).and_then(|table| {
        let mut all = table.primary_key.iter().chain(&table.uniques);
        all.find(|unique| same(&unique.columns)).map(|unique| unique.name.clone())
    });
    // For an index of expressions SQLite gives its name alone.
    let name = named.unwrap_or_else(|| columns.join("_"));
    let key = violation.and_then(|violation| violation.key_of(columns));
    RestError::Postgres(PostgresError {
        details: key.map(|key| format!("Key {key} already exists.")),
        ..PostgresError::new("23505", format!("duplicate key value violates unique constraint \"{name}\""))
    })
}

fn foreign_key(write: &Write<'_>, violation: Option<Violation<'_>>) -> RestError {
    let table = &write.table.name;
    let verbs = match write.change {
        Change::Insert(_) => "insert or update",
        Change::Update(..) | Change::Delete(_) | Change::Nothing => "update or delete",
    };
    let Some(violation) = violation else {
        if !write.steps.is_empty() {
            return RestError::postgres("23503", "insert or update on table violates foreign key constraint");
        }
        return RestError::postgres(
            "23503",
            format!("{verbs} on table \"{table}\" violates a foreign key constraint"),
        );
    };
    let (message, details) = match &violation.suspect {
        Suspect::Referenced(other, key) => {
            let (name, other) = (&key.name, &other.name);
            let key = violation.key_of(&key.foreign_columns).map_or(String::new(), |key| format!(" {key}"));
            (
                format!(
                    "update or delete on table \"{table}\" violates foreign key constraint \"{name}\" on table \"{other}\""
                ),
                format!("Key{key} is still referenced from table \"{other}\"."),
            )
        }
        Suspect::Missing(of) => {
            let key = violation.key_of(&of.columns).map_or(String::new(), |key| format!(" {key}"));
            (
                format!(
                    "insert or update on table \"{table}\" violates foreign key constraint \"{}\"",
                    of.name
                ),
                format!("Key{key} is not present in table \"{}\".", of.foreign_table),
            )
        }
        Suspect::Duplicate(_) => return RestError::Internal("a duplicate is no foreign key".to_string()),
    };
    RestError::Postgres(PostgresError { details: Some(details), ..PostgresError::new("23503", message) })
}

/// What a write violated.
#[derive(Debug)]
pub struct Violation<'c> {
    /// The constraint.
    pub suspect: Suspect<'c>,
    /// The values of its columns in the first row that violates it, where the caller may see them.
    pub key: Option<Vec<Option<String>>>,
}

impl Violation<'_> {
    /// `(a, b)=(1, 2)`.
    fn key_of(&self, columns: &[String]) -> Option<String> {
        let values = self.key.as_ref()?.iter().map(|value| value.as_deref().unwrap_or("null"));
        Some(format!("({})=({})", columns.join(", "), values.collect::<Vec<_>>().join(", ")))
    }
}

/// Whether messages may have the values of rows: as Postgres, not under row-level security, and not without the privilege
/// to read them.
pub fn shows_values(catalog: &Catalog, caller: &Caller, write: &Write<'_>) -> bool {
    let table = write.table;
    let columns = table.columns.iter().map(|column| &column.name);
    (caller.bypasses_row_security() || !table.row_security)
        && permit_columns(catalog, caller, table, Command::Select, columns).is_ok()
}

/// The table of a CHECK's name, all that SQLite says. Several may have one: then it is among those that the plan may have
/// written, and where that leaves several they are all named.
fn table_of_check(catalog: &Catalog, plan: &Plan<'_>, name: &str) -> String {
    let has_it = |table: &&Table| table.checks.iter().any(|check| check.name == name);
    let mut tables: Vec<&Table> = catalog.tables.values().filter(has_it).collect();
    if tables.len() > 1 {
        let key = |table: &Table| physical_name(&table.schema, &table.name);
        let roots = match plan {
            Plan::Write(write) => {
                write.steps.iter().map(|step| step.write.table).chain([write.table]).map(key).collect()
            }
            Plan::Read(plan) => {
                let body =
                    plan.call.as_ref().map(|call| call.routine.body.to_lowercase()).unwrap_or_default();
                let is_named = |table: &&Table| body.contains(&table.name.to_lowercase());
                catalog.tables.values().filter(is_named).map(key).collect()
            }
        };
        let reached = catalog.reached_by_writing(roots);
        if tables.iter().any(|table| reached.contains(&key(table))) {
            tables.retain(|table| reached.contains(&key(table)));
        }
    }
    if let (Plan::Write(write), true) = (plan, tables.is_empty()) {
        tables.push(write.table);
    }
    tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join("\" or \"")
}
