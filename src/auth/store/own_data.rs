//! What the storage API's tables hold of a user. Read and erased from here, so that an account goes in one
//! batch with its files; those tables have no index by owner, and an account is exported or erased rarely
//! enough for a scan.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::auth::model::{User, json_text};
use crate::auth::session::Session;
use crate::sql::{Statement, raise};

/// An object the user owns, without its bytes.
#[derive(Serialize, Deserialize)]
pub struct OwnObject {
    pub bucket_id: String,
    pub name: String,
    pub created_at: String,
    pub updated_at: String,
    /// Size and type among it.
    #[serde(deserialize_with = "json_text")]
    pub metadata: Value,
    #[serde(deserialize_with = "json_text")]
    pub user_metadata: Value,
}

/// The objects a user owns.
pub fn objects(user_id: &str) -> Statement {
    Statement::new(
        r#"SELECT o.bucket_id, o.name, o.created_at, o.updated_at,
  coalesce(o.metadata, 'null') AS metadata, coalesce(o.user_metadata, 'null') AS user_metadata
FROM "storage.objects" AS o
WHERE o.owner_id = ?1
ORDER BY o.bucket_id, o.name"#,
    )
    .bind(user_id)
}

/// What [`unchanged`] raises.
pub const MOVED: &str = "AccountMoved";

/// Raises [`MOVED`] unless the account still is what the erasure was allowed on: the session lives at
/// its level, and the password is the one that was checked.
pub fn unchanged(user: &User, session: Option<&Session>) -> Statement {
    let moved = raise(&format!("'{MOVED}'"));
    Statement::new(format!(
        r#"SELECT CASE WHEN NOT EXISTS (
  SELECT 1
  FROM "auth.users" AS u
  WHERE u.id = ?1
    AND u.encrypted_password IS ?2
    AND (
      ?3 IS NULL
      OR EXISTS (
        SELECT 1
        FROM "auth.sessions" AS s
        WHERE s.id = ?3
          AND s.user_id = ?1
          AND s.aal = ?4
      )
    )
) THEN {moved} END"#
    ))
    .bind(&user.id)
    .bind(user.encrypted_password.as_deref())
    .bind(session.map(|session| session.id.as_str()))
    .bind(session.map(|session| session.aal.as_str()))
}

/// Makes garbage of the bytes of a user's objects; the sweep deletes them.
pub fn discard_versions(user_id: &str) -> Statement {
    Statement::new(
        r#"INSERT INTO "storage.garbage" (version)
SELECT o.version
FROM "storage.objects" AS o
WHERE o.owner_id = ?1
  AND o.version IS NOT NULL"#,
    )
    .bind(user_id)
}

/// Removes a user's objects.
pub fn delete_objects(user_id: &str) -> Statement {
    Statement::new("DELETE FROM \"storage.objects\"\nWHERE owner_id = ?1").bind(user_id)
}
