//! `"auth.sign_in_failures"`.

use serde::Deserialize;

use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

/// How long a count is kept after its last wrong guess.
const KEPT_SECONDS: i64 = 24 * 3600;

/// Wrong passwords, or codes, since the last right one.
#[derive(Deserialize)]
pub struct Failures {
    pub failures: u32,
    pub last_failed_at: String,
}

/// What was counted under a key.
pub fn of(key: &str) -> Statement {
    Statement::new(
        r#"SELECT f.failures, f.last_failed_at
FROM "auth.sign_in_failures" AS f
WHERE f.contact_hash = ?1"#,
    )
    .bind(key)
}

/// Counts one more.
pub fn count(key: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.sign_in_failures" (contact_hash, failures, last_failed_at)
VALUES (?1, 1, ?2)
ON CONFLICT (contact_hash) DO UPDATE
SET failures = failures + 1, last_failed_at = excluded.last_failed_at"#,
    )
    .bind(key)
    .bind(now.to_postgres())
}

/// Whether so many are counted, as a condition.
pub fn unchanged(key: &str, failures: u32, writer: &mut Writer) -> String {
    let key = writer.bind(key);
    let failures = writer.bind(failures.to_string());
    format!(
        r#"coalesce((
    SELECT f.failures
    FROM "auth.sign_in_failures" AS f
    WHERE f.contact_hash = {key}
  ), 0) = CAST({failures} AS INTEGER)"#
    )
}

/// Forgets what was counted.
pub fn forget(key: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.sign_in_failures\"\nWHERE contact_hash = ?1").bind(key)
}

/// The same, if it still is so many.
pub fn forget_so_many(key: &str, failures: u32) -> Statement {
    Statement::new(
        "DELETE FROM \"auth.sign_in_failures\"\nWHERE contact_hash = ?1\n  AND failures = CAST(?2 AS INTEGER)",
    )
    .bind(key)
    .bind(failures.to_string())
}

/// Removes counts that nobody added to for a day.
pub fn sweep(now: Timestamp) -> Statement {
    Statement::new("DELETE FROM \"auth.sign_in_failures\"\nWHERE last_failed_at < ?1")
        .bind(now.plus_seconds(-KEPT_SECONDS).to_postgres())
}
