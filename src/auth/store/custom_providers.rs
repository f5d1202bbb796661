//! `"auth.custom_oauth_providers"`.

use serde::Deserialize;

use crate::auth::model::json_text;
use crate::auth::provider::custom::CustomProvider;
use crate::sql::Statement;
use crate::time::Timestamp;

/// A row.
#[derive(Deserialize)]
pub struct Stored {
    pub client_secret: String,
    #[serde(deserialize_with = "json_text")]
    pub settings: CustomProvider,
    pub created_at: String,
    pub updated_at: String,
}

const SELECT: &str = r#"SELECT p.client_secret, p.settings, p.created_at, p.updated_at
FROM "auth.custom_oauth_providers" AS p"#;

/// The provider of that identifier.
pub fn by_identifier(identifier: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE p.identifier = ?1")).bind(identifier)
}

/// All of a type, or all; the newest first.
pub fn list(provider_type: Option<&str>) -> Statement {
    Statement::new(format!(
        "{SELECT}\nWHERE ?1 IS NULL\n  OR p.settings ->> '$.provider_type' = ?1\nORDER BY p.created_at DESC, p.identifier"
    ))
    .bind(provider_type)
}

/// Adds one, unless there are `most` already (0 is without limit); gives its identifier if so.
pub fn insert(settings: &CustomProvider, client_secret: &str, most: u64, now: Timestamp) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.custom_oauth_providers" (identifier, client_secret, settings, created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?4
WHERE CAST(?5 AS INTEGER) = 0
  OR (
    SELECT count(*)
    FROM "auth.custom_oauth_providers" AS p
  ) < CAST(?5 AS INTEGER)
RETURNING identifier"#,
    )
    .bind(&settings.identifier)
    .bind(client_secret)
    .bind(serde_json::json!(settings).to_string())
    .bind(now.to_postgres())
    .bind(most.to_string())
}

/// Replaces the settings, and the secret if there is a new one; gives the identifier if it still was as
/// it was read.
pub fn update(before: &Stored, after: &CustomProvider, secret: Option<&str>, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.custom_oauth_providers"
SET settings = ?2,
  client_secret = coalesce(?3, client_secret),
  updated_at = ?4
WHERE identifier = ?1
  AND updated_at = ?5
RETURNING identifier"#,
    )
    .bind(&after.identifier)
    .bind(serde_json::json!(after).to_string())
    .bind(secret)
    .bind(now.to_postgres())
    .bind(&before.updated_at)
}

/// Removes one; gives its identifier if it was there.
pub fn delete(identifier: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.custom_oauth_providers\"\nWHERE identifier = ?1\nRETURNING identifier")
        .bind(identifier)
}
