//! `"auth.flow_state"`: codes to exchange with a PKCE verifier.

use serde::Deserialize;

use super::one_time_tokens::Standing;
use crate::auth::model::User;
use crate::auth::pkce::Challenge;
use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

/// A code that was handed out.
#[derive(Deserialize)]
pub struct FlowState {
    pub user_id: String,
    /// An `amr` method.
    pub authentication_method: String,
    pub code_challenge: String,
    pub code_challenge_method: String,
    pub expires_at: String,
    /// Of the provider that vouched for the user, if one did.
    pub provider_access_token: Option<String>,
    pub provider_refresh_token: Option<String>,
}

/// Adds a code for the user of the token, provided the token stands; gives its id if so.
pub fn insert(
    id: &str,
    method: &str,
    challenge: &Challenge,
    expires_at: Timestamp,
    token: &Standing<'_>,
    if_email: Option<&str>,
) -> Statement {
    let mut writer = Writer::default();
    let condition = token.condition(&mut writer);
    let values = [
        writer.bind(id),
        writer.bind(token.user_id),
        writer.bind(method),
        writer.bind(challenge.text.as_str()),
        writer.bind(challenge.method),
        writer.bind(token.now.to_postgres()),
        writer.bind(expires_at.to_postgres()),
    ];
    let user_id = writer.bind(token.user_id);
    writer.push(&format!(
        r#"INSERT INTO "auth.flow_state" (
  id, user_id, authentication_method, code_challenge, code_challenge_method, created_at, expires_at
)
SELECT {}
FROM "auth.users" AS u
WHERE u.id = {user_id}
  AND {condition}"#,
        values.join(", ")
    ));
    if let Some(email) = if_email {
        let email = writer.bind(email);
        writer.push(&format!("\n  AND u.email = {email}"));
    }
    writer.push("\nRETURNING id");
    writer.finish()
}

/// The code of that id, expired or not.
pub fn by_id(id: &str) -> Statement {
    Statement::new(
        r#"SELECT f.user_id, f.authentication_method, f.code_challenge, f.code_challenge_method, f.expires_at,
  f.provider_access_token, f.provider_refresh_token
FROM "auth.flow_state" AS f
WHERE f.id = ?1"#,
    )
    .bind(id)
}

/// Whether the code is still there, as a condition.
pub fn stands(id: &str, writer: &mut Writer) -> String {
    let id = writer.bind(id);
    format!("EXISTS (\n    SELECT 1\n    FROM \"auth.flow_state\" AS f\n    WHERE f.id = {id}\n  )")
}

/// Uses the code; gives its id if it was there.
pub fn consume(id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.flow_state\"\nWHERE id = ?1\nRETURNING id").bind(id)
}

/// Removes the codes of a user whose password hash is by now as given.
pub fn clear(after: &User) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.flow_state"
WHERE user_id = ?1
  AND EXISTS (
    SELECT 1
    FROM "auth.users" AS u
    WHERE u.id = ?1
      AND u.encrypted_password = ?2
  )"#,
    )
    .bind(&after.id)
    .bind(after.encrypted_password.as_deref())
}

/// Removes codes that expired.
pub fn sweep(now: Timestamp) -> Statement {
    Statement::new("DELETE FROM \"auth.flow_state\"\nWHERE expires_at <= ?1").bind(now.to_postgres())
}
