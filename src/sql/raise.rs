//! Raising an error with a payload from inside a SQL expression.
//!
//! SQLite's `RAISE` exists in triggers only, but `json_extract` with a path that is no path fails
//! with the path in its message, aborts the statement and so rolls the whole batch back. The
//! adapter's classifier ([`crate::ports::DbError`]) finds the mark and hands the payload out.

/// What a raised payload starts with; no message of SQLite's own contains it.
pub const RAISE_MARK: &str = "edgeward!";

/// What stands between a raised message, its detail and its hint.
pub const RAISE_SEPARATOR: &str = "\u{1f}";

/// An expression that raises when evaluated; `payload` is itself a SQL text expression.
pub fn raise(payload: &str) -> String {
    format!("json_extract('{{}}', '{RAISE_MARK}' || {payload})")
}

/// `code:message`, and what may follow: an error as a function raises it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised<'a> {
    /// SQLSTATE, or another code of the API's.
    pub code: &'a str,
    /// What is wrong.
    pub message: &'a str,
    /// Postgres' detail line.
    pub details: Option<&'a str>,
    /// Its hint.
    pub hint: Option<&'a str>,
}

impl<'a> Raised<'a> {
    /// Takes a payload apart; one without a code is a `P0001`.
    pub fn of(payload: &'a str) -> Self {
        let (code, text) = payload.split_once(':').unwrap_or(("P0001", payload));
        let mut parts = text.splitn(3, RAISE_SEPARATOR);
        let message = parts.next().unwrap_or_default();
        let mut part = || parts.next().filter(|part| !part.is_empty());
        Self { code, message, details: part(), hint: part() }
    }
}
