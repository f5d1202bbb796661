//! `"auth.audit_log_entries"`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::model::json_text;
use crate::sql::Statement;
use crate::time::Timestamp;

/// One act.
#[derive(Deserialize)]
pub struct Entry {
    pub id: String,
    #[serde(deserialize_with = "json_text")]
    pub payload: Value,
    pub created_at: String,
    pub ip_address: String,
}

/// Which entries an administrator lists.
pub struct Wanted {
    /// From 1.
    pub page: u64,
    /// At least 1.
    pub size: u64,
    /// Members of the payload, one of which has the text in it, in any case.
    pub filter: Option<(&'static [&'static str], String)>,
}

/// Adds an entry.
pub fn insert(id: &str, payload: &Value, ip: &str, now: Timestamp) -> Statement {
    Statement::new(
        r#"INSERT INTO "auth.audit_log_entries" (id, payload, created_at, ip_address)
VALUES (?1, ?2, ?3, ?4)"#,
    )
    .bind(id)
    .bind(payload.to_string())
    .bind(now.to_postgres())
    .bind(ip)
}

const FILTER: &str = r#"WHERE ?1 IS NULL
  OR EXISTS (
    SELECT 1
    FROM json_each(?1) AS member
    WHERE instr(lower(json_extract(e.payload, '$.' || member.value)), lower(?2)) > 0
  )"#;

fn asking(wanted: &Wanted, text: String) -> Statement {
    let (members, value) = match &wanted.filter {
        Some((members, value)) => (Some(json!(members).to_string()), Some(value.clone())),
        None => (None, None),
    };
    Statement::new(text).bind(members).bind(value)
}

/// A page of entries, the newest first.
pub fn list(wanted: &Wanted) -> Statement {
    let offset = wanted.page.saturating_sub(1).saturating_mul(wanted.size);
    asking(
        wanted,
        format!(
            "SELECT e.id, e.payload, e.created_at, e.ip_address\nFROM \"auth.audit_log_entries\" AS e\n{FILTER}\nORDER BY e.created_at DESC, e.id DESC\nLIMIT CAST(?3 AS INTEGER)\nOFFSET CAST(?4 AS INTEGER)"
        ),
    )
    .bind(wanted.size.to_string())
    .bind(offset.to_string())
}

/// How many there are, as `total`.
pub fn count(wanted: &Wanted) -> Statement {
    asking(wanted, format!("SELECT count(*) AS total\nFROM \"auth.audit_log_entries\" AS e\n{FILTER}"))
}
