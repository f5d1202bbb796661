//! `"auth.users"`.

use super::one_time_tokens::Standing;
use crate::auth::model::User;
use crate::auth::one_time_token::{OneTimeToken, TokenType};
use crate::crypto;
use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

/// A user with its identities and its factors, each as one JSON text. Few users have factors, and to look is cheaper than to
/// gather none.
pub(super) const SELECT: &str = r#"SELECT
  u.id, coalesce(u.aud, '') AS aud, coalesce(u.role, '') AS role, u.email, u.encrypted_password,
  u.email_confirmed_at, u.invited_at, u.confirmation_sent_at, u.recovery_sent_at, u.email_change,
  u.email_change_sent_at, u.email_change_confirm_status, u.reauthentication_sent_at, u.phone, u.phone_confirmed_at,
  u.phone_change, u.phone_change_sent_at, u.confirmed_at, u.last_sign_in_at,
  u.raw_app_meta_data, u.raw_user_meta_data, u.banned_until, u.is_anonymous,
  u.created_at, u.updated_at, u.deleted_at,
  (
    SELECT json_group_array(
      json_object(
        'id', i.id, 'user_id', i.user_id, 'provider', i.provider, 'provider_id', i.provider_id,
        'identity_data', json(i.identity_data), 'email', i.email, 'last_sign_in_at', i.last_sign_in_at,
        'created_at', i.created_at, 'updated_at', i.updated_at
      )
      ORDER BY i.created_at
    )
    FROM "auth.identities" AS i
    WHERE i.user_id = u.id
  ) AS identities,
  CASE
    WHEN NOT EXISTS (SELECT 1 FROM "auth.mfa_factors" AS f WHERE f.user_id = u.id)
      AND NOT EXISTS (SELECT 1 FROM "auth.mfa_recovery_codes" AS f WHERE f.user_id = u.id) THEN '[]'
    ELSE (
      SELECT json_group_array(
        json_object(
          'id', f.id, 'friendly_name', f.friendly_name, 'factor_type', f.factor_type, 'status', f.status,
          'phone', f.phone, 'last_challenged_at', f.last_challenged_at,
          'created_at', f.created_at, 'updated_at', f.updated_at
        )
        ORDER BY f.created_at
      )
      FROM (
        SELECT id, friendly_name, factor_type, status, phone, last_challenged_at, created_at, updated_at
        FROM "auth.mfa_factors"
        WHERE user_id = u.id
        UNION ALL
        SELECT factor_id, friendly_name, 'recovery_code', 'verified', NULL, NULL, created_at, updated_at
        FROM "auth.mfa_recovery_codes"
        WHERE user_id = u.id
      ) AS f
    )
  END AS factors
FROM "auth.users" AS u"#;

/// The user with that id, soft-deleted or not.
pub fn by_id(id: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE u.id = ?1")).bind(id)
}

/// The user of a code for a PKCE verifier.
pub fn by_flow_state(flow_state_id: &str) -> Statement {
    Statement::new(format!(
        "{SELECT}\nWHERE u.id = (\n  SELECT f.user_id\n  FROM \"auth.flow_state\" AS f\n  WHERE f.id = ?1\n)"
    ))
    .bind(flow_state_id)
}

/// The user who was asked by an authorization of an app.
pub fn by_authorization(authorization_id: &str) -> Statement {
    Statement::new(format!(
        "{SELECT}\nWHERE u.id = (\n  SELECT a.user_id\n  FROM \"auth.oauth_authorizations\" AS a\n  WHERE a.id = ?1\n)"
    ))
    .bind(authorization_id)
}

/// The user with that address, in lower case.
pub fn by_email(email: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE u.email = ?1\n  AND u.is_sso_user = 0")).bind(email)
}

/// The user with that number.
pub fn by_phone(phone: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE u.phone = ?1")).bind(phone)
}

/// The users that are to have the number; the latest change first, and not all of many.
pub fn by_phone_change(phone: &str) -> Statement {
    Statement::new(format!(
        "{SELECT}\nWHERE u.phone_change = ?1\nORDER BY u.phone_change_sent_at DESC\nLIMIT 20"
    ))
    .bind(phone)
}

/// The user of the session with that id.
pub fn by_session(session_id: &str) -> Statement {
    Statement::new(format!(
        "{SELECT}\nWHERE u.id = (\n  SELECT s.user_id\n  FROM \"auth.sessions\" AS s\n  WHERE s.id = ?1\n)"
    ))
    .bind(session_id)
}

/// Which users an administrator lists.
pub struct Page {
    /// From 1.
    pub number: u64,
    /// At least 1.
    pub size: u64,
    /// Oldest first; newest first otherwise.
    pub ascending: bool,
    /// Part of an address or of `user_metadata.full_name`, any case.
    pub filter: Option<String>,
}

const FILTER: &str = r#"WHERE (
  ?1 IS NULL
  OR instr(u.email, lower(?1)) > 0
  OR instr(lower(json_extract(u.raw_user_meta_data, '$.full_name')), lower(?1)) > 0
)"#;

/// How many users the page's filter lets through, as `total`.
pub fn count(page: &Page) -> Statement {
    Statement::new(format!("SELECT count(*) AS total\nFROM \"auth.users\" AS u\n{FILTER}"))
        .bind(page.filter.clone())
}

/// The users of a page.
pub fn list(page: &Page) -> Statement {
    let order = if page.ascending { "ASC" } else { "DESC" };
    let offset = page.number.saturating_sub(1).saturating_mul(page.size);
    Statement::new(format!(
        "{SELECT}\n{FILTER}\nORDER BY u.created_at {order}, u.rowid {order}\nLIMIT CAST(?2 AS INTEGER)\nOFFSET CAST(?3 AS INTEGER)"
    ))
    .bind(page.filter.clone())
    .bind(page.size.to_string())
    .bind(offset.to_string())
}

/// Adds the user; an address, number or id that is taken is a unique violation.
pub fn insert(user: &User) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.users" (
  id, aud, role, email, encrypted_password, email_confirmed_at, phone, phone_confirmed_at, last_sign_in_at,
  raw_app_meta_data, raw_user_meta_data, banned_until, created_at, updated_at, invited_at, confirmation_sent_at,
  is_anonymous
)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"#,
    )
    .bind(&user.id)
    .bind(&user.aud)
    .bind(&user.role)
    .bind(user.email.as_deref())
    .bind(user.encrypted_password.as_deref())
    .bind(user.email_confirmed_at.as_deref())
    .bind(user.phone.as_deref())
    .bind(user.phone_confirmed_at.as_deref())
    .bind(user.last_sign_in_at.as_deref())
    .bind(&user.raw_app_meta_data)
    .bind(&user.raw_user_meta_data)
    .bind(user.banned_until.as_deref())
    .bind(&user.created_at)
    .bind(&user.updated_at)
    .bind(user.invited_at.as_deref())
    .bind(user.confirmation_sent_at.as_deref())
    .bind(user.is_anonymous != 0)
}

/// Notes a sign-in with the password of hash `before`, and the hash it has from now on.
pub fn signed_in(id: &str, now: Timestamp, before: &str, after: &str) -> Statement {
    Statement::new(
        r#"UPDATE "auth.users"
SET last_sign_in_at = ?3, updated_at = ?3, encrypted_password = ?4
WHERE id = ?1
  AND encrypted_password = ?2"#,
    )
    .bind(id)
    .bind(before)
    .bind(now.to_postgres())
    .bind(after)
}

/// Writes what differs between `before` and `after`, provided it still is as it was `before`; gives
/// the id if so. A column that does not differ is left out, and so are its index entries.
pub fn replace(before: &User, after: &User, now: Timestamp) -> Statement {
    replace_for(before, after, now, None)
}

/// The same, provided a one-time token stands.
pub fn replace_for(before: &User, after: &User, now: Timestamp, token: Option<&Standing<'_>>) -> Statement {
    let mut writer = Writer::default();
    let updated_at = writer.bind(now.to_postgres());
    writer.push(&format!("UPDATE \"auth.users\"\nSET updated_at = {updated_at}"));
    let changes = || columns(before).into_iter().zip(columns(after)).filter(|(old, new)| old != new);
    for (_, (name, value)) in changes() {
        let value = writer.bind(value);
        writer.push(&format!(", {name} = {value}"));
    }
    let id = writer.bind(&before.id);
    writer.push(&format!("\nWHERE id = {id}"));
    for ((name, value), _) in changes() {
        let value = writer.bind(value);
        writer.push(&format!("\n  AND {name} IS {value}"));
    }
    if let Some(token) = token {
        let condition = token.condition(&mut writer);
        writer.push(&format!("\n  AND {condition}"));
    }
    writer.push("\nRETURNING id");
    writer.finish()
}

/// Notes the sign-in of a user who showed no password.
pub fn signed_in_without_password(user_id: &str, now: Timestamp) -> Statement {
    Statement::new("UPDATE \"auth.users\"\nSET last_sign_in_at = ?2, updated_at = ?2\nWHERE id = ?1")
        .bind(user_id)
        .bind(now.to_postgres())
}

/// Confirms the address of a token's user and notes the sign-in, provided the token stands.
pub fn verified(token: &Standing<'_>) -> Statement {
    confirmed(token, |now| {
        format!(
            r#"email_confirmed_at = coalesce(email_confirmed_at, {now}),
  raw_user_meta_data = CASE
    WHEN email_confirmed_at IS NULL THEN json_set(raw_user_meta_data, '$.email_verified', json('true'))
    ELSE raw_user_meta_data
  END"#
        )
    })
}

/// The same of the number; when it was proved last, as upstream.
pub fn phone_verified(token: &Standing<'_>) -> Statement {
    confirmed(token, |now| format!("phone_confirmed_at = {now},\n  is_anonymous = 0"))
}

fn confirmed(token: &Standing<'_>, changes: impl FnOnce(&str) -> String) -> Statement {
    let mut writer = Writer::default();
    let user_id = writer.bind(token.user_id);
    let now = writer.bind(token.now.to_postgres());
    let condition = token.condition(&mut writer);
    let changes = changes(&now);
    writer.push(&format!(
        r#"UPDATE "auth.users"
SET {changes},
  last_sign_in_at = {now},
  updated_at = {now}
WHERE id = {user_id}
  AND deleted_at IS NULL
  AND (banned_until IS NULL OR banned_until <= {now})
  AND {condition}"#
    ));
    writer.finish()
}

/// Notes that the mail of a token that was just stored goes out now; gives the id if it was stored,
/// and if the last one still was sent at `before`.
pub fn sent(token: &OneTimeToken, before: Option<&str>, now: Timestamp) -> Statement {
    let column = token.token_type.sent_at();
    Statement::new(format!(
        r#"UPDATE "auth.users"
SET {column} = ?3
WHERE id = ?1
  AND {column} IS ?2
  AND EXISTS (
    SELECT 1
    FROM "auth.one_time_tokens" AS t
    WHERE t.user_id = ?1
      AND t.token_hash = ?4
  )
RETURNING id"#
    ))
    .bind(&token.user_id)
    .bind(before)
    .bind(now.to_postgres())
    .bind(&token.hash)
}

/// Takes [`sent`] back: the mail did not go out.
pub fn not_sent(id: &str, token_type: TokenType, before: Option<&str>, now: Timestamp) -> Statement {
    let column = token_type.sent_at();
    Statement::new(format!("UPDATE \"auth.users\"\nSET {column} = ?2\nWHERE id = ?1\n  AND {column} IS ?3"))
        .bind(id)
        .bind(before)
        .bind(now.to_postgres())
}

/// Removes an account that nobody was told of: the mail with its token did not go out.
pub fn forget(token: &OneTimeToken) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.users"
WHERE id = ?1
  AND confirmed_at IS NULL
  AND last_sign_in_at IS NULL
  AND EXISTS (
    SELECT 1
    FROM "auth.one_time_tokens" AS t
    WHERE t.user_id = ?1
      AND t.token_hash = ?2
  )"#,
    )
    .bind(&token.user_id)
    .bind(&token.hash)
}

/// The users that have the address, or are to have it; the latest change first, and not all of many.
pub fn by_contact(email: &str) -> Statement {
    Statement::new(format!(
        "{SELECT}\nWHERE (u.email = ?1 AND u.is_sso_user = 0)\n  OR u.email_change = ?1\nORDER BY u.email_change_sent_at DESC\nLIMIT 20"
    ))
    .bind(email)
}

/// The columns that a change of the account may touch.
#[rustfmt::skip]
fn columns(user: &User) -> [(&'static str, Option<&str>); 19] {
    let flag = |flag: u8| Some(if flag == 0 { "0" } else { "1" });
    [
        ("invited_at",                  user.invited_at.as_deref()),
        ("confirmation_sent_at",        user.confirmation_sent_at.as_deref()),
        ("email_change",                user.email_change.as_deref()),
        ("email_change_sent_at",        user.email_change_sent_at.as_deref()),
        ("email_change_confirm_status", flag(user.email_change_confirm_status)),
        ("is_anonymous",                flag(user.is_anonymous)),
        ("aud",                         Some(&user.aud)),
        ("role",                        Some(&user.role)),
        ("email",                       user.email.as_deref()),
        ("encrypted_password",          user.encrypted_password.as_deref()),
        ("email_confirmed_at",          user.email_confirmed_at.as_deref()),
        ("phone",                       user.phone.as_deref()),
        ("phone_confirmed_at",          user.phone_confirmed_at.as_deref()),
        ("phone_change",                user.phone_change.as_deref()),
        ("phone_change_sent_at",        user.phone_change_sent_at.as_deref()),
        ("raw_app_meta_data",           Some(&user.raw_app_meta_data)),
        ("raw_user_meta_data",          Some(&user.raw_user_meta_data)),
        ("banned_until",                user.banned_until.as_deref()),
        ("deleted_at",                  user.deleted_at.as_deref()),
    ]
}

/// Keeps the row for what refers to it and makes everything that identified the person unreadable.
pub fn soft_delete(user: &User, now: Timestamp) -> Statement {
    let obscured = |contact: &Option<String>| {
        contact
            .as_ref()
            .map(|contact| crypto::hex(&crypto::sha256(format!("{}{contact}", user.id).as_bytes())))
    };
    Statement::new(
        r#"UPDATE "auth.users"
SET email = ?2,
  email_change = NULL,
  phone = ?3,
  phone_change = NULL,
  encrypted_password = NULL,
  raw_app_meta_data = '{}',
  raw_user_meta_data = '{}',
  updated_at = ?4,
  deleted_at = ?4
WHERE id = ?1
  AND deleted_at IS NULL"#,
    )
    .bind(&user.id)
    .bind(obscured(&user.email))
    .bind(obscured(&user.phone))
    .bind(now.to_postgres())
}

/// Removes the user with its identities and sessions.
pub fn delete(id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.users\"\nWHERE id = ?1\nRETURNING id").bind(id)
}
