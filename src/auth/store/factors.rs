//! `"auth.mfa_factors"` and `"auth.mfa_challenges"`.

use serde::Deserialize;
use serde_json::json;

use crate::auth::factor::{Challenge, FactorState};
use crate::auth::model::json_text;
use crate::auth::webauthn::Credential;
use crate::sql::{Statement, raise};
use crate::time::Timestamp;

/// What [`unchanged`] raises.
pub const MOVED: &str = "FactorMoved";

/// What a new factor is.
pub struct NewFactor<'a> {
    pub id: &'a str,
    pub user_id: &'a str,
    /// The session that enrols it.
    pub session_id: &'a str,
    pub friendly_name: &'a str,
    /// `totp` or `phone`.
    pub factor_type: &'a str,
    /// Base32, of an authenticator app.
    pub secret: Option<&'a str>,
    /// A phone's number.
    pub phone: Option<&'a str>,
}

/// Whether the session `s` of the user `?2` may enrol another factor or passkey: it shows aal2 if there is a verified one.
pub const MAY_ENROL: &str = r#"(
    s.aal = 'aal2'
    OR NOT EXISTS (
      SELECT 1
      FROM "auth.mfa_factors" AS f
      WHERE f.user_id = ?2
        AND f.status = 'verified'
    )
  )"#;

/// Adds an unverified factor, provided the session still may: it lives, shows aal2 if the user
/// has a verified factor, and neither the name is taken nor `most` reached. Gives its id if so.
pub fn insert(factor: &NewFactor<'_>, most: u64, now: Timestamp) -> Statement {
    Statement::new(format!(
        r#"INSERT INTO "auth.mfa_factors" (
  id, user_id, friendly_name, factor_type, status, secret, phone, created_at, updated_at
)
SELECT ?1, s.user_id, ?4, ?8, 'unverified', ?5, ?9, ?6, ?6
FROM "auth.sessions" AS s
WHERE s.id = ?3
  AND s.user_id = ?2
  AND {MAY_ENROL}
  AND NOT EXISTS (
    SELECT 1
    FROM "auth.mfa_factors" AS f
    WHERE f.user_id = ?2
      AND f.friendly_name = ?4
  )
  AND (
    SELECT count(*)
    FROM "auth.mfa_factors" AS f
    WHERE f.user_id = ?2
  ) < CAST(?7 AS INTEGER)
RETURNING id"#
    ))
    .bind(factor.id)
    .bind(factor.user_id)
    .bind(factor.session_id)
    .bind(factor.friendly_name)
    .bind(factor.secret)
    .bind(now.to_postgres())
    .bind(most.to_string())
    .bind(factor.factor_type)
    .bind(factor.phone)
}

/// Removes those of a user's factors that are not verified by now; `ids` is a JSON array.
pub fn delete_abandoned(user_id: &str, ids: String) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.mfa_factors"
WHERE user_id = ?1
  AND status = 'unverified'
  AND id IN (SELECT value FROM json_each(?2))"#,
    )
    .bind(user_id)
    .bind(ids)
}

/// The state of a user's factor.
pub fn state(user_id: &str, id: &str) -> Statement {
    Statement::new(
        r#"SELECT secret, last_used_step, failed_attempts, last_failed_at
FROM "auth.mfa_factors"
WHERE user_id = ?1
  AND id = ?2"#,
    )
    .bind(user_id)
    .bind(id)
}

/// A challenge of a user's factor.
pub fn challenge(user_id: &str, factor_id: &str, id: &str) -> Statement {
    Statement::new(
        r#"SELECT id, created_at, verified_at, ip_address, code_hash
FROM "auth.mfa_challenges"
WHERE user_id = ?1
  AND factor_id = ?2
  AND id = ?3"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(id)
}

/// Notes that the factor is challenged, provided it is still there; gives its id if so.
pub fn challenged(user_id: &str, id: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET last_challenged_at = ?3
WHERE user_id = ?1
  AND id = ?2
RETURNING id"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(now.to_postgres())
}

/// The same, provided it was last challenged at `before`: of many requests at once, one sends a code.
pub fn challenged_after(user_id: &str, id: &str, before: Option<&str>, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET last_challenged_at = ?3
WHERE user_id = ?1
  AND id = ?2
  AND last_challenged_at IS ?4
RETURNING id"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(now.to_postgres())
    .bind(before)
}

/// Takes [`challenged_after`] back with its challenge: the code did not go out.
pub fn not_challenged(
    user_id: &str,
    factor_id: &str,
    challenge_id: &str,
    before: Option<&str>,
) -> Vec<Statement> {
    let restore = Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET last_challenged_at = ?4
WHERE user_id = ?1
  AND id = ?2
  AND EXISTS (
    SELECT 1
    FROM "auth.mfa_challenges" AS c
    WHERE c.user_id = ?1
      AND c.factor_id = ?2
      AND c.id = ?3
  )"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(challenge_id)
    .bind(before);
    let forget = Statement::new(
        "DELETE FROM \"auth.mfa_challenges\"\nWHERE user_id = ?1\n  AND factor_id = ?2\n  AND id = ?3",
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(challenge_id);
    vec![restore, forget]
}

/// Adds a challenge, provided its factor is still there.
pub fn insert_challenge(user_id: &str, factor_id: &str, challenge: &Challenge) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.mfa_challenges" (id, user_id, factor_id, created_at, ip_address, code_hash)
SELECT ?1, f.user_id, f.id, ?4, ?5, ?6
FROM "auth.mfa_factors" AS f
WHERE f.user_id = ?2
  AND f.id = ?3"#,
    )
    .bind(&challenge.id)
    .bind(user_id)
    .bind(factor_id)
    .bind(&challenge.created_at)
    .bind(&challenge.ip_address)
    .bind(challenge.code_hash.as_deref())
}

/// Forgets the factor's challenges from before `since`.
pub fn delete_challenges(user_id: &str, factor_id: &str, since: Timestamp) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.mfa_challenges"
WHERE user_id = ?1
  AND factor_id = ?2
  AND created_at < ?3"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(since.to_postgres())
}

/// What a right code was judged by.
pub struct Judged<'a> {
    pub user_id: &'a str,
    pub factor_id: &'a str,
    pub challenge_id: &'a str,
    pub session_id: &'a str,
    /// The counter of the session's refresh token.
    pub refresh_token_counter: u64,
    pub state: &'a FactorState,
}

/// Raises [`MOVED`] unless everything still is as it was judged, so that the rest of the batch happens
/// once: no code was tried since, the challenge is open, and the session neither ended nor refreshed.
pub fn unchanged(judged: &Judged<'_>) -> Statement {
    let moved = raise(&format!("'{MOVED}'"));
    Statement::new(format!(
        r#"SELECT CASE WHEN NOT EXISTS (
  SELECT 1
  FROM "auth.mfa_factors" AS f
  JOIN "auth.mfa_challenges" AS c ON c.user_id = f.user_id AND c.factor_id = f.id
  JOIN "auth.sessions" AS s ON s.user_id = f.user_id
  WHERE f.user_id = ?1
    AND f.id = ?2
    AND f.failed_attempts = CAST(?3 AS INTEGER)
    AND f.last_used_step IS CAST(?4 AS INTEGER)
    AND c.id = ?5
    AND c.verified_at IS NULL
    AND s.id = ?6
    AND s.refresh_token_counter = CAST(?7 AS INTEGER)
) THEN {moved} END"#
    ))
    .bind(judged.user_id)
    .bind(judged.factor_id)
    .bind(i64::from(judged.state.failed_attempts))
    .bind(judged.state.last_used_step)
    .bind(judged.challenge_id)
    .bind(judged.session_id)
    .bind(judged.refresh_token_counter.to_string())
}

/// Makes the factor verified and spends the step of the code that was right, if it had one.
pub fn accept(user_id: &str, id: &str, step: Option<i64>, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET status = 'verified',
  last_used_step = coalesce(CAST(?3 AS INTEGER), last_used_step),
  failed_attempts = 0,
  last_failed_at = NULL,
  updated_at = CASE status WHEN 'verified' THEN updated_at ELSE ?4 END
WHERE user_id = ?1
  AND id = ?2"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(step)
    .bind(now.to_postgres())
}

/// Closes the challenge that was answered.
pub fn close_challenge(user_id: &str, factor_id: &str, id: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_challenges"
SET verified_at = ?4
WHERE user_id = ?1
  AND factor_id = ?2
  AND id = ?3"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(id)
    .bind(now.to_postgres())
}

/// Removes the user's unverified factors of a type, which the verified one replaces.
pub fn delete_unverified(user_id: &str, factor_type: &str) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.mfa_factors"
WHERE user_id = ?1
  AND factor_type = ?2
  AND status = 'unverified'"#,
    )
    .bind(user_id)
    .bind(factor_type)
}

/// Counts a wrong code, provided no other was counted since; gives the factor's id if so.
pub fn count_failure(user_id: &str, id: &str, failed_attempts: u32, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET failed_attempts = failed_attempts + 1,
  last_failed_at = ?4
WHERE user_id = ?1
  AND id = ?2
  AND failed_attempts = CAST(?3 AS INTEGER)
RETURNING id"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(i64::from(failed_attempts))
    .bind(now.to_postgres())
}

/// Removes a factor, provided it is unverified or the session shows aal2; gives its id if so.
pub fn delete_own(user_id: &str, id: &str, session_id: &str) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.mfa_factors"
WHERE user_id = ?1
  AND id = ?2
  AND (
    status = 'unverified'
    OR EXISTS (
      SELECT 1
      FROM "auth.sessions" AS s
      WHERE s.id = ?3
        AND s.user_id = ?1
        AND s.aal = 'aal2'
    )
  )
RETURNING id"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(session_id)
}

/// Removes a factor; gives its id if it was there.
pub fn delete(user_id: &str, id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.mfa_factors\"\nWHERE user_id = ?1\n  AND id = ?2\nRETURNING id")
        .bind(user_id)
        .bind(id)
}

/// Removes all factors of a user.
pub fn delete_all(user_id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.mfa_factors\"\nWHERE user_id = ?1").bind(user_id)
}

/// Gives a factor another name, unless another one of the user has it, and another number; gives its id if so.
pub fn change(
    user_id: &str,
    id: &str,
    friendly_name: Option<&str>,
    phone: Option<&str>,
    now: Timestamp,
) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET friendly_name = coalesce(?3, friendly_name), updated_at = ?4, phone = coalesce(?5, phone)
WHERE user_id = ?1
  AND id = ?2
  AND NOT EXISTS (
    SELECT 1
    FROM "auth.mfa_factors" AS other
    WHERE other.user_id = ?1
      AND other.id <> ?2
      AND other.friendly_name = ?3
  )
RETURNING id"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(friendly_name)
    .bind(now.to_postgres())
    .bind(phone)
}

/// The credential of a user's second factor, as JSON.
#[derive(Deserialize)]
pub struct FactorCredential {
    pub id: String,
    #[serde(deserialize_with = "json_text")]
    pub credential: Credential,
}

/// The credentials of a user's second factors.
pub fn factor_credentials(user_id: &str) -> Statement {
    Statement::new(
        r#"SELECT id, web_authn_credential AS credential
FROM "auth.mfa_factors"
WHERE user_id = ?1
  AND web_authn_credential IS NOT NULL"#,
    )
    .bind(user_id)
}

/// Keeps a factor's credential.
pub fn keep_factor_credential(user_id: &str, factor_id: &str, credential: &Credential) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_factors"
SET web_authn_credential = ?3
WHERE user_id = ?1
  AND id = ?2"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(json!(credential).to_string())
}

/// What an authenticator was asked, base64url.
#[derive(Deserialize)]
pub struct FactorChallenge {
    pub web_authn_challenge: Option<String>,
}

/// Keeps what a challenge asks of an authenticator.
pub fn keep_factor_challenge(user_id: &str, factor_id: &str, id: &str, challenge: &str) -> Statement {
    Statement::new(
        r#"UPDATE "auth.mfa_challenges"
SET web_authn_challenge = ?4
WHERE user_id = ?1
  AND factor_id = ?2
  AND id = ?3"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(id)
    .bind(challenge)
}

/// What a challenge asks of an authenticator.
pub fn factor_challenge(user_id: &str, factor_id: &str, id: &str) -> Statement {
    Statement::new(
        r#"SELECT web_authn_challenge
FROM "auth.mfa_challenges"
WHERE user_id = ?1
  AND factor_id = ?2
  AND id = ?3"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(id)
}
