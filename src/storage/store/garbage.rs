//! `"storage.garbage"`: every version in R2 that no object refers to, or not yet.

use super::super::key::ObjectPath;
use crate::sql::{Statement, raise};

/// Notes that a version's bytes are about to be stored.
pub fn expect(version: &str, expires_at: &str) -> Statement {
    Statement::new("INSERT INTO \"storage.garbage\" (version, upload_expires_at) VALUES (?1, ?2)")
        .bind(version)
        .bind(expires_at)
}

/// Takes an expected version out of the garbage, for the batch that writes its row. Raises when the
/// sweep has given the upload up: its bytes may be gone.
pub fn adopt(version: &str) -> [Statement; 2] {
    let expired = raise("'the upload expired'");
    [
        Statement::new(format!(
            "SELECT CASE WHEN NOT EXISTS (
               SELECT 1
               FROM \"storage.garbage\" AS garbage
               WHERE garbage.version = ?1 AND garbage.upload_expires_at IS NOT NULL
             ) THEN {expired} END"
        ))
        .bind(version),
        Statement::new("DELETE FROM \"storage.garbage\" WHERE version = ?1").bind(version),
    ]
}

/// The same for the bytes of a whole object: its present version takes the place of the new one (second result,
/// `version`), or nothing does. One row is written either way.
pub fn exchange(version: &str, path: &ObjectPath) -> [Statement; 3] {
    let [is_expected, adopt] = adopt(version);
    let exchange = Statement::new(
        "UPDATE \"storage.garbage\"
         SET
           version = old.version,
           upload_expires_at = NULL
         FROM (
           SELECT object.version
           FROM \"storage.objects\" AS object
           WHERE object.bucket_id = ?2 AND object.name = ?3 AND object.version IS NOT NULL
         ) AS old
         WHERE \"storage.garbage\".version = ?1
         RETURNING version",
    )
    .bind(version)
    .bind(&path.bucket)
    .bind(&path.key);
    [is_expected, exchange, adopt]
}

/// Gives up uploads that have not finished by now.
pub fn expire(now: &str) -> Statement {
    Statement::new(
        "UPDATE \"storage.garbage\"
         SET upload_expires_at = NULL
         WHERE upload_expires_at <= ?1",
    )
    .bind(now)
}

/// Some versions whose bytes are to go.
pub fn pending(most: u32) -> Statement {
    Statement::new(
        "SELECT version
         FROM \"storage.garbage\"
         WHERE upload_expires_at IS NULL
         LIMIT CAST(?1 AS INTEGER)",
    )
    .bind(i64::from(most))
}

/// Forgets versions whose bytes are gone; `versions` is a JSON array.
pub fn forget(versions: String) -> Statement {
    Statement::new("DELETE FROM \"storage.garbage\" WHERE version IN (SELECT value FROM json_each(?1))")
        .bind(versions)
}
