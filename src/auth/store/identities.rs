//! `"auth.identities"`.

use serde_json::json;

use super::one_time_tokens::Standing;
use crate::auth::contact::Contact;
use crate::auth::metadata::Metadata;
use crate::crypto;
use crate::ports::Random;
use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

/// Adds the identity of a contact, or updates the one the user has of that provider; its
/// `provider_id` is the user's own id. Does nothing unless the account has that contact by now, so
/// that it can follow a guarded change in one batch.
pub fn put(
    random: &dyn Random,
    user_id: &str,
    contact: Contact<'_>,
    data: &Metadata,
    now: Timestamp,
) -> Statement {
    let provider = contact.provider();
    Statement::new(format!(
        r#"INSERT INTO "auth.identities" (
  id, user_id, provider, provider_id, identity_data, last_sign_in_at, created_at, updated_at
)
SELECT ?1, u.id, '{provider}', u.id, ?4, ?5, ?5, ?5
FROM "auth.users" AS u
WHERE u.id = ?2
  AND u.{provider} = ?3
ON CONFLICT (provider, provider_id) DO UPDATE
SET identity_data = json_patch(identity_data, excluded.identity_data), updated_at = excluded.updated_at"#
    ))
    .bind(crypto::random_uuid(random).to_string())
    .bind(user_id)
    .bind(contact.value())
    .bind(json!(data).to_string())
    .bind(now.to_postgres())
}

/// Notes that the address of a user's email identity is confirmed, provided the token stands.
pub fn verified(email: &str, token: &Standing<'_>) -> Statement {
    let mut writer = Writer::default();
    let user_id = writer.bind(token.user_id);
    let email = writer.bind(email);
    let now = writer.bind(token.now.to_postgres());
    let condition = token.condition(&mut writer);
    writer.push(&format!(
        r#"UPDATE "auth.identities"
SET identity_data = json_set(identity_data, '$.email_verified', json('true')), updated_at = {now}
WHERE user_id = {user_id}
  AND email = {email}
  AND json_extract(identity_data, '$.email_verified') IS NOT 1
  AND {condition}"#
    ));
    writer.finish()
}

/// Makes the identities of a soft-deleted user unreadable and their provider's ids free.
pub fn obscure(user_id: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.identities"
SET provider_id = 'deleted:' || id, identity_data = '{}', updated_at = ?2
WHERE user_id = ?1"#,
    )
    .bind(user_id)
    .bind(now.to_postgres())
}
