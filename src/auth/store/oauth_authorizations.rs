//! `"auth.oauth_authorizations"`: what apps ask for, and what becomes of it.

use serde::Deserialize;

use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

/// A row.
#[derive(Deserialize)]
pub struct Authorization {
    pub id: String,
    pub client_id: String,
    /// Whoever looked at it first.
    pub user_id: Option<String>,
    pub redirect_uri: String,
    /// Space-separated.
    pub scope: String,
    pub state: Option<String>,
    pub resource: Option<String>,
    pub nonce: Option<String>,
    /// base64url of the verifier's SHA-256.
    pub code_challenge: String,
    /// `pending`, `approved`, `denied` or `used`.
    pub status: String,
    /// Of an approved one.
    pub code_hash: Option<String>,
    /// The session that a used one began.
    pub session_id: Option<String>,
    pub expires_at: String,
}

/// Adds one, provided its client exists and has its redirect URI; gives its id if so.
pub fn insert(authorization: &Authorization) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.oauth_authorizations" (
  id, client_id, redirect_uri, scope, state, resource, nonce, code_challenge, status, expires_at
)
SELECT ?1, c.id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
FROM "auth.oauth_clients" AS c
WHERE c.id = ?2
  AND EXISTS (
    SELECT 1
    FROM json_each(c.settings, '$.redirect_uris') AS u
    WHERE u.value = ?3
  )
RETURNING id"#,
    )
    .bind(&authorization.id)
    .bind(&authorization.client_id)
    .bind(&authorization.redirect_uri)
    .bind(&authorization.scope)
    .bind(authorization.state.as_deref())
    .bind(authorization.resource.as_deref())
    .bind(authorization.nonce.as_deref())
    .bind(&authorization.code_challenge)
    .bind(&authorization.status)
    .bind(&authorization.expires_at)
}

/// The one of that id, expired or not.
pub fn by_id(id: &str) -> Statement {
    Statement::new(
        r#"SELECT a.id, a.client_id, a.user_id, a.redirect_uri, a.scope, a.state, a.resource, a.nonce, a.code_challenge,
  a.status, a.code_hash, a.session_id, a.expires_at
FROM "auth.oauth_authorizations" AS a
WHERE a.id = ?1"#,
    )
    .bind(id)
}

/// Makes it that user's to decide; gives its id if it waits and is nobody's yet.
pub fn claim(id: &str, user_id: &str) -> Statement {
    Statement::new(
        r#"UPDATE "auth.oauth_authorizations"
SET user_id = ?2
WHERE id = ?1
  AND status = 'pending'
  AND user_id IS NULL
RETURNING id"#,
    )
    .bind(id)
    .bind(user_id)
}

/// Says yes for the user; gives its id if it waits and is not somebody else's.
pub fn approve(id: &str, user_id: &str, code_hash: &str, expires_at: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.oauth_authorizations"
SET user_id = ?2, status = 'approved', code_hash = ?3, expires_at = ?4
WHERE id = ?1
  AND status = 'pending'
  AND coalesce(user_id, ?2) = ?2
RETURNING id"#,
    )
    .bind(id)
    .bind(user_id)
    .bind(code_hash)
    .bind(expires_at.to_postgres())
}

/// Says no for the user; gives its id if it waits and is theirs.
pub fn deny(id: &str, user_id: &str) -> Statement {
    Statement::new(
        r#"UPDATE "auth.oauth_authorizations"
SET status = 'denied'
WHERE id = ?1
  AND status = 'pending'
  AND user_id = ?2
RETURNING id"#,
    )
    .bind(id)
    .bind(user_id)
}

/// Whether its code is still to be exchanged, as a condition.
pub fn stands(id: &str, code_hash: &str, writer: &mut Writer) -> String {
    let (id, code_hash) = (writer.bind(id), writer.bind(code_hash));
    format!(
        r#"EXISTS (
    SELECT 1
    FROM "auth.oauth_authorizations" AS a
    WHERE a.id = {id}
      AND a.status = 'approved'
      AND a.code_hash = {code_hash}
  )"#
    )
}

/// Uses its code for that session; gives its id if nobody did before. Kept until then, so that the code is known if it comes again.
pub fn spend(id: &str, code_hash: &str, session_id: &str, keep_until: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.oauth_authorizations"
SET status = 'used', session_id = ?3, expires_at = ?4
WHERE id = ?1
  AND status = 'approved'
  AND code_hash = ?2
RETURNING id"#,
    )
    .bind(id)
    .bind(code_hash)
    .bind(session_id)
    .bind(keep_until.to_postgres())
}

/// Removes all that an app asked of a user.
pub fn forget(user_id: &str, client_id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.oauth_authorizations\"\nWHERE user_id = ?1\n  AND client_id = ?2")
        .bind(user_id)
        .bind(client_id)
}

/// Removes those that expired.
pub fn sweep(now: Timestamp) -> Statement {
    Statement::new("DELETE FROM \"auth.oauth_authorizations\"\nWHERE expires_at <= ?1")
        .bind(now.to_postgres())
}
