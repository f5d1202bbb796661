//! `"auth.one_time_tokens"`.

use serde::Deserialize;
use serde_json::json;

use crate::auth::contact::Contact;
use crate::auth::lockout::Judged;
use crate::auth::model::User;
use crate::auth::one_time_token::{OneTimeToken, TokenType};
use crate::sql::{Statement, Writer, raise};
use crate::time::Timestamp;

/// How many wrong codes a token bears. A link has nothing to guess and bears any number.
const MOST_ATTEMPTS: u32 = 5;

/// A row that waits to be used.
#[derive(Clone, Deserialize)]
pub struct Pending {
    pub user_id: String,
    pub token_type: String,
    pub token_hash: String,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub attempts: u32,
}

impl Pending {
    /// Whether it still bears a wrong code.
    pub fn can_be_guessed(&self) -> bool {
        self.attempts < MOST_ATTEMPTS
    }
}

/// The tokens of these users that have not expired.
pub fn of_users(user_ids: &[&str], now: Timestamp) -> Statement {
    Statement::new(
        r#"SELECT t.user_id, t.token_type, t.token_hash, t.code_challenge, t.code_challenge_method, t.attempts
FROM "auth.one_time_tokens" AS t
WHERE t.user_id IN (SELECT value FROM json_each(?1))
  AND t.expires_at > ?2"#,
    )
    .bind(json!(user_ids).to_string())
    .bind(now.to_postgres())
}

/// Stores a token in place of the account's last one of its type, provided the account is as it was
/// `before`: of that address and number, and sent the last one then. Goes before what changes the account.
pub fn put(token: &OneTimeToken, before: &User, now: Timestamp, expires_at: Timestamp) -> Statement {
    let column = token.token_type.sent_at();
    let challenge = token.challenge.as_ref();
    Statement::new(format!(
        r#"INSERT INTO "auth.one_time_tokens" (
  user_id, token_type, token_hash, relates_to, code_challenge, code_challenge_method, created_at, expires_at
)
SELECT u.id, ?2, ?3, ?4, ?5, ?6, ?7, ?8
FROM "auth.users" AS u
WHERE u.id = ?1
  AND u.{column} IS ?9
  AND u.email IS ?10
  AND u.phone IS ?11
ON CONFLICT (user_id, token_type) DO UPDATE
SET token_hash = excluded.token_hash,
  relates_to = excluded.relates_to,
  attempts = 0,
  code_challenge = excluded.code_challenge,
  code_challenge_method = excluded.code_challenge_method,
  created_at = excluded.created_at,
  expires_at = excluded.expires_at"#
    ))
    .bind(&token.user_id)
    .bind(token.token_type.name())
    .bind(&token.hash)
    .bind(&token.contact)
    .bind(challenge.map(|challenge| challenge.text.as_str()))
    .bind(challenge.map(|challenge| challenge.method))
    .bind(now.to_postgres())
    .bind(expires_at.to_postgres())
    .bind(token.token_type.last_sent(before))
    .bind(before.email.as_deref())
    .bind(before.phone.as_deref())
}

/// Takes a token back that was not sent after all.
pub fn take_back(token: &OneTimeToken) -> Statement {
    Statement::new(
        "DELETE FROM \"auth.one_time_tokens\"\nWHERE user_id = ?1\n  AND token_type = ?2\n  AND token_hash = ?3",
    )
    .bind(&token.user_id)
    .bind(token.token_type.name())
    .bind(&token.hash)
}

/// Notes a wrong code for that address. The right one is counted by nobody: it is gone.
pub fn count_attempt(user_ids: &[&str], types: &[TokenType], contact: &str) -> Statement {
    let types: Vec<&str> = types.iter().map(|of| of.name()).collect();
    Statement::new(
        r#"UPDATE "auth.one_time_tokens"
SET attempts = attempts + 1
WHERE user_id IN (SELECT value FROM json_each(?1))
  AND token_type IN (SELECT value FROM json_each(?2))
  AND relates_to = ?3"#,
    )
    .bind(json!(user_ids).to_string())
    .bind(json!(types).to_string())
    .bind(contact)
}

/// A token that the guarded statements of one batch rely on.
pub struct Standing<'a> {
    pub user_id: &'a str,
    pub token_type: TokenType,
    pub hash: &'a str,
    /// What a typed in code was judged by: wrong ones that come in between may spend it.
    pub judged: Option<&'a Judged>,
    pub now: Timestamp,
}

impl Standing<'_> {
    /// Whether the token is still there and good, as a condition.
    pub fn condition(&self, writer: &mut Writer) -> String {
        let user_id = writer.bind(self.user_id);
        let token_type = writer.bind(self.token_type.name());
        let hash = writer.bind(self.hash);
        let now = writer.bind(self.now.to_postgres());
        let (attempts, judged) = match self.judged {
            None => (String::new(), String::new()),
            Some(judged) => (
                format!("\n      AND t.attempts < {MOST_ATTEMPTS}"),
                format!("\n  AND {}", judged.condition(writer)),
            ),
        };
        format!(
            r#"EXISTS (
    SELECT 1
    FROM "auth.one_time_tokens" AS t
    WHERE t.user_id = {user_id}
      AND t.token_type = {token_type}
      AND t.token_hash = {hash}
      AND t.expires_at > {now}{attempts}
  ){judged}"#
        )
    }

    /// Forgets the wrong codes that came before a right one. Goes last: the other statements ask for their count.
    pub fn forget(&self) -> Option<Statement> {
        self.judged.and_then(Judged::forget)
    }

    /// Raises, and so undoes the batch, unless the token stands and nobody has agreed yet to the
    /// change of the user's address. Goes first.
    pub fn is_first_to_agree(&self, user: &User) -> Statement {
        let mut writer = Writer::default();
        let condition = self.condition(&mut writer);
        let id = writer.bind(&user.id);
        let email_change = writer.bind(user.email_change.as_deref());
        let otherwise = raise("'the account changed'");
        writer.push(&format!(
            r#"SELECT CASE
  WHEN {condition} AND EXISTS (
    SELECT 1
    FROM "auth.users" AS u
    WHERE u.id = {id}
      AND u.email_change IS {email_change}
      AND u.email_change_confirm_status = 0
  ) THEN 1
  ELSE {otherwise}
END AS stands"#
        ));
        writer.finish()
    }

    /// Uses the token, and with it all others of the account; gives a row if it stood. With
    /// `if_contact`, only if that is the account's by now.
    pub fn consume(&self, if_contact: Option<Contact<'_>>) -> Statement {
        self.delete("", if_contact)
    }

    /// Uses this token alone; gives a row if it stood.
    pub fn consume_alone(&self) -> Statement {
        self.delete(&format!("\n  AND token_type = '{}'", self.token_type.name()), None)
    }

    fn delete(&self, which: &str, if_contact: Option<Contact<'_>>) -> Statement {
        let mut writer = Writer::default();
        let user_id = writer.bind(self.user_id);
        let condition = self.condition(&mut writer);
        writer.push(&format!(
            "DELETE FROM \"auth.one_time_tokens\"\nWHERE user_id = {user_id}{which}\n  AND {condition}"
        ));
        if let Some(contact) = if_contact {
            let (column, value) = (contact.provider(), writer.bind(contact.value()));
            writer.push(&format!(
                "\n  AND EXISTS (\n    SELECT 1\n    FROM \"auth.users\" AS u\n    WHERE u.id = {user_id}\n      AND u.{column} = {value}\n  )"
            ));
        }
        writer.push("\nRETURNING token_type");
        writer.finish()
    }
}

/// Forgets the tokens of an account whose address, number and password are by now as given, but for
/// those of that instant.
pub fn clear(after: &User, but_of: Option<&str>) -> Statement {
    Statement::new(
        r#"DELETE FROM "auth.one_time_tokens"
WHERE user_id = ?1
  AND created_at IS NOT ?5
  AND EXISTS (
    SELECT 1
    FROM "auth.users" AS u
    WHERE u.id = ?1
      AND u.email IS ?2
      AND u.phone IS ?3
      AND u.encrypted_password IS ?4
  )"#,
    )
    .bind(&after.id)
    .bind(after.email.as_deref())
    .bind(after.phone.as_deref())
    .bind(after.encrypted_password.as_deref())
    .bind(but_of)
}

/// Removes tokens that expired.
pub fn sweep(now: Timestamp) -> Statement {
    Statement::new("DELETE FROM \"auth.one_time_tokens\"\nWHERE expires_at <= ?1").bind(now.to_postgres())
}
