//! Everything the admin API refuses: `{code, message, line, statement, hint}`, with Postgres' codes.

use ::http::StatusCode;
use ::http::header::RETRY_AFTER;
use serde_json::{Value, json};

use crate::dialect::ScriptError;
use crate::http::{Asked, Failure, Refusal, Response, ResponseExt, json_response};
use crate::ports::DbError;
use crate::schema::{Catalog, STALE_CATALOG, Table};
use crate::sql::Raised;

/// Why a request to the admin API failed.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminError {
    /// The body is not what the endpoint takes.
    Body(String),
    /// The SQL was refused before anything ran.
    Script(Box<ScriptError>),
    /// The SQL failed while it ran, and was rolled back.
    Database {
        /// What the database said.
        error: DbError,
        /// SQLSTATE.
        code: String,
        /// Postgres' words for it.
        message: String,
        /// The statement at fault, when it was found.
        place: Option<Box<Place>>,
    },
    /// A defect of ours; the cause is for the log.
    Internal(String),
    /// The shell's own refusal, of a body too large for instance.
    Shell(Refusal),
}

/// A statement of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: u64,
    /// As written.
    pub statement: String,
}

impl AdminError {
    /// A defect of ours.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// The schema moved; the caller starts over.
    pub fn stale() -> Self {
        DbError::Raised(STALE_CATALOG.to_string()).into()
    }

    /// A failure of statements that ran under a schema.
    pub fn database(error: DbError, catalog: &Catalog, place: Option<Place>) -> Self {
        let (code, message) = postgres(&error, catalog);
        Self::Database { error, code, message, place: place.map(Box::new) }
    }
}

impl From<DbError> for AdminError {
    fn from(error: DbError) -> Self {
        Self::database(error, &Catalog::default(), None)
    }
}

impl From<Refusal> for AdminError {
    fn from(refusal: Refusal) -> Self {
        Self::Shell(refusal)
    }
}

impl Failure for AdminError {
    #[rustfmt::skip]
    fn render(&self, asked: &Asked) -> Response {
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::Database { error: DbError::Overloaded(cause) | DbError::Timeout(cause), .. } => {
                json_response(StatusCode::SERVICE_UNAVAILABLE, &self.to_json())
                    .with_header(RETRY_AFTER, "1")
                    .with_cause(cause.clone())
            }
            Self::Database { error: DbError::Other(cause), .. } => {
                json_response(StatusCode::INTERNAL_SERVER_ERROR, &self.to_json()).with_cause(cause.clone())
            }
            Self::Body(_) | Self::Script(_) | Self::Database { .. } => json_response(bad, &self.to_json()),
            Self::Internal(cause)                      => Refusal::Internal(cause.clone()).render(asked),
            Self::Shell(refusal)                       => refusal.render(asked),
        }
    }
}

impl AdminError {
    /// `{code, message, line, statement, hint}`.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Body(message) => answer("PGRST102", message, None, None),
            Self::Script(refused) => {
                let ScriptError { error, line, statement } = refused.as_ref();
                let place = Place { line: *line, statement: statement.clone() };
                answer(error.code, &error.message, Some(&place), error.hint.as_deref())
            }
            Self::Database { code, message, place, .. } => answer(code, message, place.as_deref(), None),
            Self::Internal(_) | Self::Shell(_) => answer("XX000", "Internal server error", None, None),
        }
    }
}

fn answer(code: &str, message: &str, place: Option<&Place>, hint: Option<&str>) -> Value {
    json!({
        "code": code,
        "message": message,
        "line": place.map(|place| place.line),
        "statement": place.map(|place| &place.statement),
        "hint": hint,
    })
}

/// SQLSTATE and message of a database error, with the names that Postgres would give.
fn postgres(error: &DbError, catalog: &Catalog) -> (String, String) {
    let (code, message) = match error {
        DbError::Raised(payload) => match payload.split_once(':') {
            Some((code, _)) if code.len() == 5 => {
                return (code.to_string(), Raised::of(payload).message.to_string());
            }
            _ if payload == STALE_CATALOG => ("40001", "the schema kept changing; try again".to_string()),
            _ => ("P0001", payload.clone()),
        },
        DbError::Unique { table, columns } => {
            let name = unique_name(catalog, table, columns);
            ("23505", format!("duplicate key value violates unique constraint \"{name}\""))
        }
        DbError::NotNull { table, column } => {
            let table = catalog.tables.get(table).map_or(table.as_str(), |table| &table.name);
            (
                "23502",
                format!(
                    "null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"
                ),
            )
        }
        DbError::Check(name) => {
            let has = |table: &&Table| table.checks.iter().any(|check| check.name == *name);
            let table = catalog.tables.values().find(has).map_or("", |table| &table.name);
            ("23514", format!("new row for relation \"{table}\" violates check constraint \"{name}\""))
        }
        DbError::ForeignKey => ("23503", "the statement violates a foreign key constraint".to_string()),
        DbError::Datatype(text) => ("42804", text.clone()),
        DbError::TooLarge => ("54000", "a value, row or statement is too large".to_string()),
        DbError::TooComplex(text) => ("54001", text.clone()),
        DbError::MalformedJson => ("22P02", "invalid input syntax for type json".to_string()),
        DbError::IntegerOverflow => ("22003", "bigint out of range".to_string()),
        DbError::Overloaded(_) => ("57P03", "the database does not take the call now; try again".to_string()),
        DbError::Timeout(_) => ("57014", "canceling statement due to statement timeout".to_string()),
        DbError::Other(text) => ("XX000", text.clone()),
    };
    (code.to_string(), message)
}

/// The constraint of a table's columns, or the index that SQLite named itself.
fn unique_name(catalog: &Catalog, table: &str, columns: &[String]) -> String {
    let Some(table) = catalog.tables.get(table) else {
        let index = columns.first().map_or("", String::as_str);
        return catalog.indexes.get(index).map_or(index, |index| &index.name).to_string();
    };
    let uniques = table.primary_key.iter().chain(&table.uniques);
    let named = uniques.clone().find(|unique| unique.columns == columns);
    named.map_or_else(|| columns.join(", "), |unique| unique.name.clone())
}
