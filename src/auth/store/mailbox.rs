//! `"auth.mailbox"`: mails that no provider carries.

use serde::Deserialize;

use crate::auth::mail::Message;
use crate::sql::Statement;
use crate::time::Timestamp;

/// How long a mail is kept.
const KEPT_SECONDS: i64 = 7 * 24 * 3600;

/// A kept mail.
#[derive(Deserialize)]
pub struct Kept {
    pub id: String,
    pub sender: String,
    pub recipient: String,
    pub subject: String,
    pub html: String,
    pub created_at: String,
}

/// Keeps a mail and forgets old ones.
pub fn keep(id: &str, message: &Message, now: Timestamp) -> Vec<Statement> {
    let insert = Statement::new(
        r#"INSERT INTO "auth.mailbox" (id, sender, recipient, subject, html, created_at)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)"#,
    )
    .bind(id)
    .bind(&message.from)
    .bind(&message.to)
    .bind(&message.subject)
    .bind(&message.html)
    .bind(now.to_postgres());
    let forget = Statement::new("DELETE FROM \"auth.mailbox\"\nWHERE created_at < ?1")
        .bind(now.plus_seconds(-KEPT_SECONDS).to_postgres());
    vec![insert, forget]
}

/// Which kept mails are asked for; `None` asks nothing.
#[derive(Default)]
pub struct Wanted {
    pub to: Option<String>,
    pub from: Option<String>,
    pub subject: Option<String>,
    /// Somewhere in subject, addresses or body.
    pub words: Option<String>,
    pub start: u64,
    pub limit: u64,
}

const CONDITIONS: &str = r#"WHERE (?1 IS NULL OR instr(lower(m.recipient), lower(?1)) > 0)
  AND (?2 IS NULL OR instr(lower(m.sender), lower(?2)) > 0)
  AND (?3 IS NULL OR instr(lower(m.subject), lower(?3)) > 0)
  AND (?4 IS NULL OR instr(lower(m.subject || ' ' || m.recipient || ' ' || m.sender || ' ' || m.html), lower(?4)) > 0)"#;

/// The wanted mails, newest first.
pub fn list(wanted: &Wanted) -> Statement {
    asking(
        wanted,
        format!(
            "SELECT m.id, m.sender, m.recipient, m.subject, m.html, m.created_at\nFROM \"auth.mailbox\" AS m\n{CONDITIONS}\nORDER BY m.created_at DESC, m.rowid DESC\nLIMIT CAST(?5 AS INTEGER)\nOFFSET CAST(?6 AS INTEGER)"
        ),
    )
    .bind(wanted.limit.to_string())
    .bind(wanted.start.to_string())
}

/// How many mails are wanted, as `wanted`, and how many there are, as `total`.
pub fn count(wanted: &Wanted) -> Statement {
    asking(
        wanted,
        format!(
            "SELECT\n  count(*) AS wanted,\n  (SELECT count(*) FROM \"auth.mailbox\") AS total\nFROM \"auth.mailbox\" AS m\n{CONDITIONS}"
        ),
    )
}

fn asking(wanted: &Wanted, text: String) -> Statement {
    Statement::new(text)
        .bind(wanted.to.clone())
        .bind(wanted.from.clone())
        .bind(wanted.subject.clone())
        .bind(wanted.words.clone())
}

/// One mail.
pub fn by_id(id: &str) -> Statement {
    Statement::new(
        "SELECT m.id, m.sender, m.recipient, m.subject, m.html, m.created_at\nFROM \"auth.mailbox\" AS m\nWHERE m.id = ?1",
    )
    .bind(id)
}

/// Forgets all mails.
pub fn clear() -> Statement {
    Statement::new("DELETE FROM \"auth.mailbox\"")
}
