//! `"auth.sessions"`.

use serde::Deserialize;

use super::users;
use crate::auth::session::{Client, Session};
use crate::ports::DbError;
use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

const COLUMNS: &str = "s.id, s.user_id, s.aal, s.amr, s.refresh_token_hmac_key, s.refresh_token_counter, s.refresh_token_floor, s.refreshed_at, s.created_at, s.oauth_client_id, s.scopes";

/// A session that ended or whose user's standing changed, as the edge has to hear of it.
#[derive(Deserialize)]
pub struct SessionKey {
    pub id: String,
}

impl SessionKey {
    /// A session's key.
    pub fn of(session: &Session) -> Self {
        Self { id: session.id.clone() }
    }
}

/// The session with that id.
pub fn by_id(id: &str) -> Statement {
    Statement::new(format!("SELECT {COLUMNS}\nFROM \"auth.sessions\" AS s\nWHERE s.id = ?1")).bind(id)
}

/// Reads a session that stands beside its user.
pub fn beside(json: &str) -> Result<Session, DbError> {
    serde_json::from_str(json).map_err(|error| DbError::Other(format!("a session did not decode: {error}")))
}

/// The user with that id, soft-deleted or not, and before it the user's session of the other, if there is
/// one, for [`beside`]: every request of the auth API's users begins with this question, so it is one statement.
pub fn with_user(id: &str, user_id: &str) -> Statement {
    Statement::new(format!(
        r#"SELECT (
  SELECT json_object(
    'id', s.id, 'user_id', s.user_id, 'aal', s.aal, 'amr', s.amr, 'refresh_token_hmac_key', s.refresh_token_hmac_key,
    'refresh_token_counter', s.refresh_token_counter, 'refresh_token_floor', s.refresh_token_floor,
    'refreshed_at', s.refreshed_at, 'created_at', s.created_at, 'oauth_client_id', s.oauth_client_id, 'scopes', s.scopes
  )
  FROM "auth.sessions" AS s
  WHERE s.id = ?2
    AND s.user_id = u.id
) AS session, u.*
FROM (
{}
WHERE u.id = ?1
) AS u"#,
        users::SELECT
    ))
    .bind(user_id)
    .bind(id)
}

/// The keys of all sessions of a user.
pub fn keys_of(user_id: &str) -> Statement {
    Statement::new("SELECT id\nFROM \"auth.sessions\"\nWHERE user_id = ?1").bind(user_id)
}

/// The keys of an app's sessions that may still have access tokens: those refreshed or begun since. Of very many the latest,
/// no more than one invocation may tell KV about.
pub fn keys_of_client(client_id: &str, since: Timestamp) -> Statement {
    Statement::new(
        r#"SELECT id
FROM "auth.sessions"
WHERE oauth_client_id = ?1
  AND updated_at > ?2
ORDER BY updated_at DESC
LIMIT 900"#,
    )
    .bind(client_id)
    .bind(since.to_postgres())
}

/// A user's sessions as they see them, the last used first.
pub fn seen_of(user_id: &str) -> Statement {
    Statement::new(
        r#"SELECT id, created_at, updated_at, refreshed_at, user_agent, ip, country, aal, amr
FROM "auth.sessions"
WHERE user_id = ?1
ORDER BY updated_at DESC, created_at DESC, id"#,
    )
    .bind(user_id)
}

/// Adds the session, provided its user still has that password hash and is neither banned nor
/// deleted by now; gives its id if so.
pub fn insert(session: &Session, encrypted_password: &str, client: &Client, now: Timestamp) -> Statement {
    insert_if(session, client, now, |writer| {
        let encrypted_password = writer.bind(encrypted_password);
        format!("u.encrypted_password = {encrypted_password}")
    })
}

/// Adds the session, provided the condition on its user `u` holds, who is neither banned nor deleted
/// by now; gives its id if so.
pub fn insert_if(
    session: &Session,
    client: &Client,
    now: Timestamp,
    condition: impl FnOnce(&mut Writer) -> String,
) -> Statement {
    let mut writer = Writer::default();
    let user_id = writer.bind(&session.user_id);
    let now = writer.bind(now.to_postgres());
    let values = [
        writer.bind(&session.id),
        "u.id".to_string(),
        writer.bind(&session.aal),
        writer.bind(serde_json::json!(session.amr).to_string()),
        writer.bind(client.user_agent.as_deref()),
        writer.bind(client.ip.as_deref()),
        writer.bind(&session.refresh_token_hmac_key),
        format!("CAST({} AS INTEGER)", writer.bind(session.refresh_token_counter.to_string())),
        now.clone(),
        now.clone(),
        writer.bind(client.country.as_deref()),
        writer.bind(session.oauth_client_id.as_deref()),
        writer.bind(session.scopes.as_deref()),
    ];
    let condition = condition(&mut writer);
    writer.push(&format!(
        r#"INSERT INTO "auth.sessions" (
  id, user_id, aal, amr, user_agent, ip, refresh_token_hmac_key, refresh_token_counter, created_at, updated_at, country,
  oauth_client_id, scopes
)
SELECT {}
FROM "auth.users" AS u
WHERE u.id = {user_id}
  AND u.deleted_at IS NULL
  AND (u.banned_until IS NULL OR u.banned_until <= {now})
  AND {condition}
RETURNING id"#,
        values.join(", ")
    ));
    writer.finish()
}

/// Moves the counter from the session's to `next`, provided no other refresh did; gives the id if so.
pub fn rotate(session: &Session, next: u64, client: &Client, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.sessions"
SET refresh_token_counter = CAST(?3 AS INTEGER),
  refreshed_at = ?4,
  updated_at = ?4,
  user_agent = ?5,
  ip = ?6,
  country = ?7
WHERE id = ?1
  AND refresh_token_counter = CAST(?2 AS INTEGER)
RETURNING id"#,
    )
    .bind(&session.id)
    .bind(session.refresh_token_counter.to_string())
    .bind(next.to_string())
    .bind(now.to_postgres())
    .bind(client.user_agent.as_deref())
    .bind(client.ip.as_deref())
    .bind(client.country.as_deref())
}

/// Makes the row what the session is after its user showed the factor.
pub fn raise(session: &Session, factor_id: &str) -> Statement {
    Statement::new(
        r#"UPDATE "auth.sessions"
SET aal = ?2,
  amr = ?3,
  refresh_token_counter = CAST(?4 AS INTEGER),
  refresh_token_floor = CAST(?5 AS INTEGER),
  refreshed_at = ?6,
  updated_at = ?6,
  factor_id = ?7
WHERE id = ?1"#,
    )
    .bind(&session.id)
    .bind(&session.aal)
    .bind(serde_json::json!(session.amr).to_string())
    .bind(session.refresh_token_counter.to_string())
    .bind(session.refresh_token_floor.to_string())
    .bind(session.refreshed_at.as_deref())
    .bind(factor_id)
}

/// Takes aal2 from the sessions that a factor raised, provided the factor is gone by now.
pub fn lower(user_id: &str, factor_id: &str, method: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"UPDATE "auth.sessions"
SET aal = 'aal1',
  factor_id = NULL,
  updated_at = ?4,
  amr = (
    SELECT json_group_array(json(a.value) ORDER BY a.key)
    FROM json_each("auth.sessions".amr) AS a
    WHERE json_extract(a.value, '$.method') <> ?3
  )
WHERE user_id = ?1
  AND factor_id = ?2
  AND NOT EXISTS (
    SELECT 1
    FROM "auth.mfa_factors" AS f
    WHERE f.user_id = ?1
      AND f.id = ?2
  )"#,
    )
    .bind(user_id)
    .bind(factor_id)
    .bind(method)
    .bind(now.to_postgres())
}

/// Ends a user's sessions below aal2; gives their keys.
pub fn end_aal1(user_id: &str) -> Statement {
    Statement::new("DELETE FROM \"auth.sessions\"\nWHERE user_id = ?1\n  AND aal < 'aal2'\nRETURNING id")
        .bind(user_id)
}

/// Ends a user's sessions of an app; gives their keys.
pub fn end_of_client(user_id: &str, client_id: &str) -> Statement {
    Statement::new(
        "DELETE FROM \"auth.sessions\"\nWHERE user_id = ?1\n  AND oauth_client_id = ?2\nRETURNING id",
    )
    .bind(user_id)
    .bind(client_id)
}

/// Which of a user's sessions end.
#[derive(Clone, Copy)]
pub enum Ending<'a> {
    /// That one.
    One(&'a str),
    /// All but that one.
    Others(&'a str),
    /// All.
    All,
}

/// Ends sessions of a user; gives their keys. With `if_password`, only if that is the user's password
/// hash by now: for the batch that changes it.
pub fn end(user_id: &str, ending: Ending<'_>, if_password: Option<&str>) -> Statement {
    let (condition, session_id) = match ending {
        Ending::One(id) => ("id = ?2", Some(id)),
        Ending::Others(id) => ("id <> ?2", Some(id)),
        Ending::All => ("?2 IS NULL", None),
    };
    Statement::new(format!(
        r#"DELETE FROM "auth.sessions"
WHERE user_id = ?1
  AND {condition}
  AND (
    ?3 IS NULL
    OR EXISTS (
      SELECT 1
      FROM "auth.users" AS u
      WHERE u.id = ?1
        AND u.encrypted_password = ?3
    )
  )
RETURNING id"#
    ))
    .bind(user_id)
    .bind(session_id)
    .bind(if_password)
}

/// The most rows one sweep removes: a batch has to end in time, and the next one goes on.
const SWEPT_AT_ONCE: u32 = 1000;

/// Removes sessions that began before `begun` or were last refreshed before `used`; a limit that is
/// `None` removes nothing.
pub fn sweep(begun: Option<Timestamp>, used: Option<Timestamp>) -> Statement {
    Statement::new(format!(
        r#"DELETE FROM "auth.sessions"
WHERE id IN (
  SELECT s.id
  FROM "auth.sessions" AS s
  WHERE s.created_at < ?1
    OR coalesce(s.refreshed_at, s.created_at) < ?2
  LIMIT {SWEPT_AT_ONCE}
)"#
    ))
    .bind(begun.map(Timestamp::to_postgres))
    .bind(used.map(Timestamp::to_postgres))
}
