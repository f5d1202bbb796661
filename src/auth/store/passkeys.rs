//! `"auth.webauthn_credentials"` and `"auth.webauthn_challenges"`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::factors::MAY_ENROL;
use crate::auth::model::{json_text, object, time, wire_time};
use crate::auth::webauthn::Credential;
use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

/// A passkey.
#[derive(Deserialize)]
pub struct Passkey {
    pub id: String,
    pub user_id: String,
    pub credential_id: String,
    #[serde(deserialize_with = "json_text")]
    pub public_key: Value,
    pub aaguid: String,
    pub sign_count: u32,
    #[serde(deserialize_with = "json_text")]
    pub transports: Vec<String>,
    /// 0 or 1.
    pub backup_eligible: u8,
    /// 0 or 1.
    pub backed_up: u8,
    /// Empty when it has none.
    pub friendly_name: String,
    pub created_at: String,
    pub last_used_at: Option<String>,
}

impl Passkey {
    /// Its credential.
    pub fn credential(&self) -> Credential {
        Credential {
            credential_id: self.credential_id.clone(),
            public_key: self.public_key.clone(),
            aaguid: self.aaguid.clone(),
            sign_count: self.sign_count,
            transports: self.transports.clone(),
            backup_eligible: self.backup_eligible != 0,
            backed_up: self.backed_up != 0,
        }
    }
}

impl Passkey {
    /// The JSON of supabase-js' `PasskeyListItem`.
    pub fn to_json(&self) -> Value {
        let name = Some(&self.friendly_name).filter(|name| !name.is_empty());
        object([
            ("id", Some(json!(self.id))),
            ("friendly_name", name.map(|name| json!(name))),
            ("created_at", Some(wire_time(&self.created_at))),
            ("last_used_at", time(&self.last_used_at)),
        ])
    }
}

/// A question that waits for its answer.
#[derive(Deserialize)]
pub struct Pending {
    /// base64url.
    pub challenge: String,
    pub expires_at: String,
}

const SELECT: &str = r#"SELECT
  c.id, c.user_id, c.credential_id, c.public_key, c.aaguid, c.sign_count, c.transports, c.backup_eligible,
  c.backed_up, c.friendly_name, c.created_at, c.last_used_at
FROM "auth.webauthn_credentials" AS c"#;

/// A user's passkeys, the oldest first.
pub fn of_user(user_id: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE c.user_id = ?1\nORDER BY c.created_at, c.id")).bind(user_id)
}

/// A user's passkey with that id.
pub fn by_id(user_id: &str, id: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE c.user_id = ?1\n  AND c.id = ?2")).bind(user_id).bind(id)
}

/// A user's passkey with that credential.
pub fn by_credential(user_id: &str, credential_id: &str) -> Statement {
    Statement::new(format!("{SELECT}\nWHERE c.credential_id = ?2\n  AND c.user_id = ?1"))
        .bind(user_id)
        .bind(credential_id)
}

/// Adds a passkey, provided the session still may (it lives, and shows aal2 if there is a verified factor)
/// and there are not `most` yet; gives its id if so. A credential that is somebody's is a unique violation.
pub fn insert(
    id: &str,
    (user_id, session_id): (&str, &str),
    credential: &Credential,
    friendly_name: &str,
    most: u64,
    now: Timestamp,
) -> Statement {
    let flag = |flag: bool| if flag { "1" } else { "0" };
    Statement::new(format!(
        r#"INSERT INTO "auth.webauthn_credentials" (
  id, user_id, credential_id, public_key, aaguid, sign_count, transports, backup_eligible, backed_up,
  friendly_name, created_at, updated_at
)
SELECT ?1, s.user_id, ?4, ?5, ?6, CAST(?7 AS INTEGER), ?8, CAST(?9 AS INTEGER), CAST(?10 AS INTEGER), ?11, ?12, ?12
FROM "auth.sessions" AS s
WHERE s.id = ?3
  AND s.user_id = ?2
  AND {MAY_ENROL}
  AND (
    SELECT count(*)
    FROM "auth.webauthn_credentials" AS c
    WHERE c.user_id = ?2
  ) < CAST(?13 AS INTEGER)
RETURNING id"#
    ))
    .bind(id)
    .bind(user_id)
    .bind(session_id)
    .bind(&credential.credential_id)
    .bind(credential.public_key.to_string())
    .bind(&credential.aaguid)
    .bind(credential.sign_count.to_string())
    .bind(json!(credential.transports).to_string())
    .bind(flag(credential.backup_eligible))
    .bind(flag(credential.backed_up))
    .bind(friendly_name)
    .bind(now.to_postgres())
    .bind(most.to_string())
}

/// Notes that a passkey signed, provided no other answer of it was taken since; gives its id if so.
pub fn used(passkey: &Passkey, after: &Credential, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.webauthn_credentials"
SET sign_count = CAST(?4 AS INTEGER),
  backed_up = CAST(?5 AS INTEGER),
  last_used_at = ?6,
  updated_at = ?6
WHERE user_id = ?1
  AND id = ?2
  AND sign_count = CAST(?3 AS INTEGER)
RETURNING id"#,
    )
    .bind(&passkey.user_id)
    .bind(&passkey.id)
    .bind(passkey.sign_count.to_string())
    .bind(after.sign_count.to_string())
    .bind(if after.backed_up { "1" } else { "0" })
    .bind(now.to_postgres())
}

/// Whether [`used`] happened just before, as a condition.
pub fn was_used(passkey: &Passkey, after: &Credential, now: Timestamp, writer: &mut Writer) -> String {
    let (user_id, id) = (writer.bind(&passkey.user_id), writer.bind(&passkey.id));
    let (count, now) = (writer.bind(after.sign_count.to_string()), writer.bind(now.to_postgres()));
    format!(
        r#"EXISTS (
    SELECT 1
    FROM "auth.webauthn_credentials" AS c
    WHERE c.user_id = {user_id}
      AND c.id = {id}
      AND c.sign_count = CAST({count} AS INTEGER)
      AND c.last_used_at = {now}
  )"#
    )
}

/// Gives a passkey another name; gives its id if it is there.
pub fn rename(user_id: &str, id: &str, friendly_name: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.webauthn_credentials"
SET friendly_name = ?3, updated_at = ?4
WHERE user_id = ?1
  AND id = ?2
RETURNING id"#,
    )
    .bind(user_id)
    .bind(id)
    .bind(friendly_name)
    .bind(now.to_postgres())
}

/// Removes a passkey; gives its id if it was there.
pub fn delete(user_id: &str, id: &str) -> Statement {
    Statement::new(
        "DELETE FROM \"auth.webauthn_credentials\"\nWHERE user_id = ?1\n  AND id = ?2\nRETURNING id",
    )
    .bind(user_id)
    .bind(id)
}

/// Removes all passkeys of a user.
pub fn delete_all(user_id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.webauthn_credentials\"\nWHERE user_id = ?1").bind(user_id)
}

/// Adds a question of a type, to a user or to whoever comes.
pub fn ask(
    id: &str,
    user_id: Option<&str>,
    challenge_type: &str,
    challenge: &str,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.webauthn_challenges" (id, user_id, challenge_type, challenge, expires_at)
VALUES (?1, ?2, ?3, ?4, ?5)"#,
    )
    .bind(id)
    .bind(user_id)
    .bind(challenge_type)
    .bind(challenge)
    .bind(expires_at.to_postgres())
}

/// Uses a question up, and gives it if it was there.
pub fn take(id: &str, user_id: Option<&str>, challenge_type: &str) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.webauthn_challenges"
WHERE id = ?1
  AND user_id IS ?2
  AND challenge_type = ?3
RETURNING challenge, expires_at"#,
    )
    .bind(id)
    .bind(user_id)
    .bind(challenge_type)
}

/// Removes questions that expired.
pub fn sweep(now: Timestamp) -> Statement {
    Statement::new("DELETE FROM \"auth.webauthn_challenges\"\nWHERE expires_at <= ?1").bind(now.to_postgres())
}
