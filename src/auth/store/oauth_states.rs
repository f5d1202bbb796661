//! `"auth.oauth_states"`: sign-ins that went off to a provider.

use serde::Deserialize;

use crate::auth::pkce::Challenge;
use crate::sql::Statement;
use crate::time::Timestamp;

/// A sign-in under way.
#[derive(Deserialize)]
pub struct OAuthState {
    pub provider: String,
    /// Where the browser goes in the end; already allowed.
    pub redirect_to: String,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    /// Ours, towards the provider.
    pub code_verifier: Option<String>,
    /// Whose account gets the identity, if it is no sign-in.
    pub linking_user_id: Option<String>,
    /// The hash of the invitation's token by which they get it, if they did not ask for it signed in.
    pub invitation: Option<String>,
    pub used_at: Option<String>,
    pub expires_at: String,
}

impl OAuthState {
    /// What the browser will have to match, if it wants a code rather than tokens.
    pub fn challenge(&self) -> Option<Challenge> {
        let method = self.code_challenge_method.as_deref().and_then(Challenge::method)?;
        Some(Challenge { text: self.code_challenge.clone()?, method })
    }
}

/// Adds one.
pub fn insert(id: &str, state: &OAuthState) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.oauth_states" (
  id, provider, redirect_to, code_challenge, code_challenge_method, code_verifier, linking_user_id, invitation, expires_at
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"#,
    )
    .bind(id)
    .bind(&state.provider)
    .bind(&state.redirect_to)
    .bind(state.code_challenge.as_deref())
    .bind(state.code_challenge_method.as_deref())
    .bind(state.code_verifier.as_deref())
    .bind(state.linking_user_id.as_deref())
    .bind(state.invitation.as_deref())
    .bind(&state.expires_at)
}

/// The one of that id, used or not.
pub fn by_id(id: &str) -> Statement {
    Statement::new(
        r#"SELECT s.provider, s.redirect_to, s.code_challenge, s.code_challenge_method, s.code_verifier,
  s.linking_user_id, s.invitation, s.used_at, s.expires_at
FROM "auth.oauth_states" AS s
WHERE s.id = ?1"#,
    )
    .bind(id)
}

/// Uses it; gives its id if nobody did before and it has not expired.
pub fn claim(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.oauth_states"
SET used_at = ?2, code_verifier = NULL
WHERE id = ?1
  AND used_at IS NULL
  AND expires_at > ?2
RETURNING id"#,
    )
    .bind(id)
    .bind(now.to_postgres())
}

/// Removes those that expired.
pub fn sweep(now: Timestamp) -> Statement {
    Statement::new("DELETE FROM \"auth.oauth_states\"\nWHERE expires_at <= ?1").bind(now.to_postgres())
}
