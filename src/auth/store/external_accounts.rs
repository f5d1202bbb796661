//! Statements over `"auth.users"` and `"auth.identities"` for accounts of other providers.

use serde_json::{Value, json};

use super::users::SELECT;
use crate::auth::metadata::Metadata;
use crate::auth::model::User;
use crate::auth::pkce::Challenge;
use crate::crypto;
use crate::ports::Random;
use crate::sql::{Statement, Writer, raise};
use crate::time::Timestamp;

/// What [`unchanged`] raises.
pub const MOVED: &str = "AccountMoved";

/// The user whose identity that is.
pub fn by_identity(provider: &str, provider_id: &str) -> Statement {
    Statement::new(format!(
        r#"{SELECT}
WHERE u.id = (
  SELECT i.user_id
  FROM "auth.identities" AS i
  WHERE i.provider = ?1
    AND i.provider_id = ?2
)"#
    ))
    .bind(provider)
    .bind(provider_id)
}

/// The users that have one of the addresses, themselves or by an identity; of many not all, but those who have it themselves.
pub fn by_emails(emails: &[String]) -> Statement {
    Statement::new(format!(
        r#"{SELECT}
WHERE u.deleted_at IS NULL
  AND u.id IN (
    SELECT i.user_id
    FROM "auth.identities" AS i
    WHERE i.email IN (SELECT e.value FROM json_each(?1) AS e)
      AND i.provider <> 'email'
    UNION
    SELECT o.id
    FROM "auth.users" AS o
    WHERE o.email IN (SELECT e.value FROM json_each(?1) AS e)
      AND o.is_sso_user = 0
  )
ORDER BY u.email IN (SELECT e.value FROM json_each(?1) AS e) DESC
LIMIT 5"#
    ))
    .bind(json!(emails).to_string())
}

/// Raises [`MOVED`] unless the user's columns that a decision goes by still are as they were read.
pub fn unchanged(user: &User) -> Statement {
    let moved = raise(&format!("'{MOVED}'"));
    let identities: Vec<&str> = user.identities.iter().map(|identity| identity.id.as_str()).collect();
    Statement::new(format!(
        r#"SELECT CASE WHEN NOT EXISTS (
  SELECT 1
  FROM "auth.users" AS u
  WHERE u.id = ?1
    AND u.deleted_at IS NULL
    AND u.email IS ?2
    AND u.email_confirmed_at IS ?3
    AND u.phone IS ?4
    AND u.encrypted_password IS ?5
    AND u.banned_until IS ?6
    AND u.raw_app_meta_data = ?7
    AND u.raw_user_meta_data = ?8
    AND (
      SELECT json_group_array(i.id ORDER BY i.created_at)
      FROM "auth.identities" AS i
      WHERE i.user_id = u.id
    ) = ?9
) THEN {moved} END"#
    ))
    .bind(&user.id)
    .bind(user.email.as_deref())
    .bind(user.email_confirmed_at.as_deref())
    .bind(user.phone.as_deref())
    .bind(user.encrypted_password.as_deref())
    .bind(user.banned_until.as_deref())
    .bind(&user.raw_app_meta_data)
    .bind(&user.raw_user_meta_data)
    .bind(json!(identities).to_string())
}

/// Writes what a provider's account changes of a user; [`unchanged`] goes before it.
pub fn replace(user: &User, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.users"
SET email = ?2,
  email_confirmed_at = ?3,
  phone = ?4,
  phone_confirmed_at = ?5,
  encrypted_password = ?6,
  raw_app_meta_data = ?7,
  raw_user_meta_data = ?8,
  is_anonymous = CAST(?9 AS INTEGER),
  last_sign_in_at = ?10,
  updated_at = ?11
WHERE id = ?1"#,
    )
    .bind(&user.id)
    .bind(user.email.as_deref())
    .bind(user.email_confirmed_at.as_deref())
    .bind(user.phone.as_deref())
    .bind(user.phone_confirmed_at.as_deref())
    .bind(user.encrypted_password.as_deref())
    .bind(&user.raw_app_meta_data)
    .bind(&user.raw_user_meta_data)
    .bind(user.is_anonymous.to_string())
    .bind(user.last_sign_in_at.as_deref())
    .bind(now.to_postgres())
}

/// Adds the identity of a provider's account; one that is somebody's already is a unique violation.
pub fn insert_identity(
    random: &dyn Random,
    user_id: &str,
    provider: &str,
    provider_id: &str,
    data: &Metadata,
    now: Timestamp,
) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.identities" (
  id, user_id, provider, provider_id, identity_data, last_sign_in_at, created_at, updated_at
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?6)"#,
    )
    .bind(crypto::random_uuid(random).to_string())
    .bind(user_id)
    .bind(provider)
    .bind(provider_id)
    .bind(Value::Object(data.clone()).to_string())
    .bind(now.to_postgres())
}

/// Notes a sign-in with an identity, and what the provider says today.
pub fn update_identity(provider: &str, provider_id: &str, data: &Metadata, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.identities"
SET identity_data = ?3, last_sign_in_at = ?4, updated_at = ?4
WHERE provider = ?1
  AND provider_id = ?2"#,
    )
    .bind(provider)
    .bind(provider_id)
    .bind(Value::Object(data.clone()).to_string())
    .bind(now.to_postgres())
}

/// Removes all of a user's identities but that one.
pub fn delete_other_identities(user_id: &str, provider: &str, provider_id: &str) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.identities"
WHERE user_id = ?1
  AND NOT (provider = ?2 AND provider_id = ?3)"#,
    )
    .bind(user_id)
    .bind(provider)
    .bind(provider_id)
}

/// Removes one of a user's identities.
pub fn delete_identity(user_id: &str, id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.identities\"\nWHERE user_id = ?1\n  AND id = ?2")
        .bind(user_id)
        .bind(id)
}

/// Adds a code to exchange for a session, with the provider's tokens; gives its id if the user is neither
/// banned nor deleted by now.
pub fn insert_code(
    id: &str,
    user_id: &str,
    challenge: &Challenge,
    (access_token, refresh_token): (&str, &str),
    now: Timestamp,
    expires_at: Timestamp,
) -> Statement {
    let mut writer = Writer::default();
    let now = writer.bind(now.to_postgres());
    let given = |token: &str| Some(token.to_string()).filter(|token| !token.is_empty());
    let values = [
        writer.bind(id),
        "u.id".to_string(),
        "'oauth'".to_string(),
        writer.bind(challenge.text.as_str()),
        writer.bind(challenge.method),
        now.clone(),
        writer.bind(expires_at.to_postgres()),
        writer.bind(given(access_token)),
        writer.bind(given(refresh_token)),
    ];
    let user_id = writer.bind(user_id);
    writer.push(&format!(
        r#"INSERT INTO "auth.flow_state" (
  id, user_id, authentication_method, code_challenge, code_challenge_method, created_at, expires_at,
  provider_access_token, provider_refresh_token
)
SELECT {}
FROM "auth.users" AS u
WHERE u.id = {user_id}
  AND u.deleted_at IS NULL
  AND (u.banned_until IS NULL OR u.banned_until <= {now})
RETURNING id"#,
        values.join(", ")
    ));
    writer.finish()
}
