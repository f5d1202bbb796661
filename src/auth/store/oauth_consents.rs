//! `"auth.oauth_consents"`: what users let apps have.

use serde::Deserialize;

use crate::auth::model::json_text;
use crate::auth::oauth_server::client::ClientSettings;
use crate::sql::Statement;
use crate::time::Timestamp;

/// What one app was granted.
#[derive(Deserialize)]
pub struct Grant {
    pub client_id: String,
    #[serde(deserialize_with = "json_text")]
    pub settings: ClientSettings,
    /// Space-separated.
    pub scopes: String,
    pub granted_at: String,
}

/// The scopes that were granted.
#[derive(Deserialize)]
pub struct Scopes {
    pub scopes: String,
}

/// What a user granted, the last first.
pub fn of_user(user_id: &str) -> Statement {
    Statement::new(
        r#"SELECT s.client_id, c.settings, s.scopes, s.granted_at
FROM "auth.oauth_consents" AS s
JOIN "auth.oauth_clients" AS c ON c.id = s.client_id
WHERE s.user_id = ?1
ORDER BY s.granted_at DESC, s.client_id"#,
    )
    .bind(user_id)
}

/// What a user granted to the app that an authorization is of.
pub fn for_authorization(user_id: &str, authorization_id: &str) -> Statement {
    Statement::new(
        r#"SELECT s.scopes
FROM "auth.oauth_consents" AS s
WHERE s.user_id = ?1
  AND s.client_id = (
    SELECT a.client_id
    FROM "auth.oauth_authorizations" AS a
    WHERE a.id = ?2
  )"#,
    )
    .bind(user_id)
    .bind(authorization_id)
}

/// Notes what an authorization grants, provided it was approved with that code.
pub fn put(authorization_id: &str, code_hash: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.oauth_consents" (user_id, client_id, scopes, granted_at)
SELECT a.user_id, a.client_id, a.scope, ?3
FROM "auth.oauth_authorizations" AS a
WHERE a.id = ?1
  AND a.code_hash = ?2
ON CONFLICT (user_id, client_id) DO UPDATE
SET scopes = excluded.scopes, granted_at = excluded.granted_at"#,
    )
    .bind(authorization_id)
    .bind(code_hash)
    .bind(now.to_postgres())
}

/// Takes a grant back; gives a row if there was one.
pub fn delete(user_id: &str, client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM \"auth.oauth_consents\"\nWHERE user_id = ?1\n  AND client_id = ?2\nRETURNING client_id",
    )
    .bind(user_id)
    .bind(client_id)
}
