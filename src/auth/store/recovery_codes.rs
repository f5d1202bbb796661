//! `"auth.mfa_recovery_codes"`.

use serde::Deserialize;

use crate::auth::model::json_text;
use crate::auth::recovery_codes::Fresh;
use crate::auth::session::Session;
use crate::sql::{Statement, raise};
use crate::time::Timestamp;

/// What [`unchanged`] raises.
pub const MOVED: &str = "RecoveryCodesMoved";

/// A user's set.
#[derive(Deserialize)]
pub struct Codes {
    pub factor_id: String,
    pub friendly_name: String,
    /// How many there were.
    pub total: u32,
    /// Of those that are left.
    #[serde(deserialize_with = "json_text")]
    pub code_hashes: Vec<String>,
    /// Wrong codes since the last right one.
    pub failed_attempts: u32,
    pub last_failed_at: Option<String>,
}

/// The user's set.
pub fn of_user(user_id: &str) -> Statement {
    Statement::new(
        r#"SELECT c.factor_id, c.friendly_name, c.total, c.code_hashes, c.failed_attempts, c.last_failed_at
FROM "auth.mfa_recovery_codes" AS c
WHERE c.user_id = ?1"#,
    )
    .bind(user_id)
}

/// Adds a set unless there is one; gives its user if so.
pub fn insert(user_id: &str, fresh: &Fresh, hashes: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.mfa_recovery_codes" (
  user_id, factor_id, friendly_name, total, code_hashes, created_at, updated_at
)
VALUES (?1, ?2, ?3, CAST(?4 AS INTEGER), ?5, ?6, ?6)
ON CONFLICT (user_id) DO NOTHING
RETURNING user_id"#,
    )
    .bind(user_id)
    .bind(&fresh.id)
    .bind(&fresh.friendly_name)
    .bind(fresh.codes.len().to_string())
    .bind(hashes)
    .bind(now.to_postgres())
}

/// Gives the set other codes; gives its user if it is there.
pub fn replace(user_id: &str, fresh: &Fresh, hashes: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_recovery_codes"
SET total = CAST(?3 AS INTEGER),
  code_hashes = ?4,
  failed_attempts = 0,
  last_failed_at = NULL,
  updated_at = ?5
WHERE user_id = ?1
  AND factor_id = ?2
RETURNING user_id"#,
    )
    .bind(user_id)
    .bind(&fresh.id)
    .bind(fresh.codes.len().to_string())
    .bind(hashes)
    .bind(now.to_postgres())
}

/// Removes the set.
pub fn delete(user_id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.mfa_recovery_codes\"\nWHERE user_id = ?1").bind(user_id)
}

/// Removes the set if no other factor of the user is verified by now.
pub fn delete_if_alone(user_id: &str) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.mfa_recovery_codes"
WHERE user_id = ?1
  AND NOT EXISTS (
    SELECT 1
    FROM "auth.mfa_factors" AS f
    WHERE f.user_id = ?1
      AND f.status = 'verified'
  )"#,
    )
    .bind(user_id)
}

/// Raises [`MOVED`] unless the set and the session are as they were judged.
pub fn unchanged(user_id: &str, codes: &Codes, session: &Session) -> Statement {
    let moved = raise(&format!("'{MOVED}'"));
    Statement::new(format!(
        r#"SELECT CASE WHEN NOT EXISTS (
  SELECT 1
  FROM "auth.mfa_recovery_codes" AS c
  JOIN "auth.sessions" AS s ON s.user_id = c.user_id
  WHERE c.user_id = ?1
    AND c.code_hashes = ?2
    AND c.failed_attempts = CAST(?3 AS INTEGER)
    AND s.id = ?4
    AND s.refresh_token_counter = CAST(?5 AS INTEGER)
) THEN {moved} END"#
    ))
    .bind(user_id)
    .bind(serde_json::json!(codes.code_hashes).to_string())
    .bind(i64::from(codes.failed_attempts))
    .bind(&session.id)
    .bind(session.refresh_token_counter.to_string())
}

/// Leaves these codes: one was shown.
pub fn spend(user_id: &str, left: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_recovery_codes"
SET code_hashes = ?2, failed_attempts = 0, last_failed_at = NULL, updated_at = ?3
WHERE user_id = ?1"#,
    )
    .bind(user_id)
    .bind(left)
    .bind(now.to_postgres())
}

/// Counts a wrong code, provided no other was counted since; gives the user if so.
pub fn count_failure(user_id: &str, failed_attempts: u32, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_recovery_codes"
SET failed_attempts = failed_attempts + 1, last_failed_at = ?3
WHERE user_id = ?1
  AND failed_attempts = CAST(?2 AS INTEGER)
RETURNING user_id"#,
    )
    .bind(user_id)
    .bind(i64::from(failed_attempts))
    .bind(now.to_postgres())
}
