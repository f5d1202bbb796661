//! Raising an error with a payload from inside a SQL expression.
//!
//! SQLite's `RAISE` exists in triggers only, but `json_extract` with a path that is no path fails
//! with the path in its message, aborts the statement and so rolls the whole batch back. The
//! adapter's classifier ([`crate::ports::DbError`]) finds the mark and hands the payload out.

/// What a raised payload starts with; no message of SQLite's own contains it.
pub const RAISE_MARK: &str = "edgeward!";

/// An expression that raises when evaluated; `payload` is itself a SQL text expression.
pub fn raise(payload: &str) -> String {
    format!("json_extract('{{}}', '{RAISE_MARK}' || {payload})")
}
