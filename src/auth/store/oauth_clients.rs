//! `"auth.oauth_clients"`.

use serde::Deserialize;

use super::users::Page;
use crate::auth::model::json_text;
use crate::auth::oauth_server::client::ClientSettings;
use crate::sql::Statement;
use crate::time::Timestamp;

/// A row.
#[derive(Deserialize)]
pub struct OAuthClient {
    pub id: String,
    /// base64url of the secret's SHA-256; `None` for a public client.
    pub client_secret_hash: Option<String>,
    #[serde(deserialize_with = "json_text")]
    pub settings: ClientSettings,
    pub created_at: String,
    pub updated_at: String,
}

const SELECT: &str = r#"SELECT c.id, c.client_secret_hash, c.settings, c.created_at, c.updated_at
FROM "auth.oauth_clients" AS c"#;

/// The client of that id.
pub fn by_id(id: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE c.id = ?1")).bind(id)
}

/// The client that an authorization is of.
pub fn of_authorization(authorization_id: &str) -> Statement {
    Statement::new(format!(
        r#"{SELECT}
WHERE c.id = (
  SELECT a.client_id
  FROM "auth.oauth_authorizations" AS a
  WHERE a.id = ?1
)"#
    ))
    .bind(authorization_id)
}

/// A page of clients, or all; the newest first.
pub fn list(page: Option<&Page>) -> Statement {
    let (size, before) = page.map_or((-1, 0), |page| {
        (signed(page.size), signed(page.number.saturating_sub(1).saturating_mul(page.size)))
    });
    Statement::new(format!(
        "{SELECT}\nORDER BY c.created_at DESC, c.id\nLIMIT CAST(?1 AS INTEGER) OFFSET CAST(?2 AS INTEGER)"
    ))
    .bind(size)
    .bind(before)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How many clients there are, as `total`.
pub fn count() -> Statement {
    Statement::new("SELECT count(*) AS total\nFROM \"auth.oauth_clients\"")
}

/// Adds one.
pub fn insert(client: &OAuthClient) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.oauth_clients" (id, client_secret_hash, settings, created_at, updated_at)
VALUES (?1, ?2, ?3, ?4, ?5)"#,
    )
    .bind(&client.id)
    .bind(client.client_secret_hash.as_deref())
    .bind(serde_json::json!(client.settings).to_string())
    .bind(&client.created_at)
    .bind(&client.updated_at)
}

/// Replaces secret and settings; gives the id if the row still was as it was read.
pub fn update(client: &OAuthClient, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.oauth_clients"
SET client_secret_hash = ?2, settings = ?3, updated_at = ?4
WHERE id = ?1
  AND updated_at = ?5
RETURNING id"#,
    )
    .bind(&client.id)
    .bind(client.client_secret_hash.as_deref())
    .bind(serde_json::json!(client.settings).to_string())
    .bind(now.to_postgres())
    .bind(&client.updated_at)
}

/// Removes one with its sessions, authorizations and consents; gives its id if it was there.
pub fn delete(id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.oauth_clients\"\nWHERE id = ?1\nRETURNING id").bind(id)
}
