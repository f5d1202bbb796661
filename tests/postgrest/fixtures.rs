//! Loads the specs' fixtures through our migrations.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::specs::Fixture;

/// A statement that was refused.
#[derive(Deserialize, Serialize)]
pub struct Refusal {
    pub place: String,
    pub code: String,
    pub message: String,
    /// What it would have made.
    pub name: Option<String>,
    pub sql: String,
}

/// Applies all statements that can be: those that are refused do not hide others.
///
/// That takes minutes, so POSTGREST_FIXTURES may name a folder that keeps what came of it, for when only the data API changed.
pub fn load(app: &TestApp, fixtures: &[Fixture]) -> Vec<Refusal> {
    let kept = std::env::var_os("POSTGREST_FIXTURES").map(PathBuf::from);
    let files = kept.as_ref().map(|folder| (folder.join("fixtures.sqlite"), folder.join("refusals.json")));
    if let Some((database, refusals)) = &files
        && let Ok(refusals) = std::fs::read(refusals)
    {
        app.database.open(database);
        return serde_json::from_slice(&refusals).unwrap();
    }
    let mut loading = Loading { app, version: 20_000_000_000_000, refusals: Vec::new() };
    loading.apply(fixtures);
    if let Some((database, refusals)) = &files {
        std::fs::create_dir_all(kept.as_deref().unwrap()).unwrap();
        app.database.execute(&format!("VACUUM INTO '{}'", database.display()));
        std::fs::write(refusals, serde_json::to_vec(&loading.refusals).unwrap()).unwrap();
    }
    loading.refusals
}

struct Loading<'a> {
    app: &'a TestApp,
    version: u64,
    refusals: Vec<Refusal>,
}

impl Loading<'_> {
    /// Many at once, and half of them if one is refused.
    fn apply(&mut self, fixtures: &[Fixture]) {
        if fixtures.len() > 64 {
            let (first, rest) = fixtures.split_at(64);
            self.apply(first);
            return self.apply(rest);
        }
        let Some(refused) = self.send(fixtures) else { return };
        match fixtures {
            [] => {}
            [one] => self.refusals.push(Refusal {
                place: format!("{}:{}", one.file, one.line),
                code: refused["code"].as_str().unwrap_or("500").to_string(),
                message: refused["message"].as_str().unwrap_or_default().to_string(),
                name: made_by(&one.sql),
                sql: one.sql.clone(),
            }),
            several => {
                let (first, second) = several.split_at(several.len() / 2);
                self.apply(first);
                self.apply(second);
            }
        }
    }

    fn send(&mut self, fixtures: &[Fixture]) -> Option<Value> {
        let script: String = fixtures.iter().map(|fixture| format!("{};\n", fixture.sql)).collect();
        self.version += 1;
        let body = json!({"version": self.version.to_string(), "name": "fixtures", "sql": script});
        let answer = self.app.service_role().post("/admin/v1/migrations").json(&body).send();
        if answer.status.is_success() {
            return None;
        }
        Some(serde_json::from_slice(&answer.body).unwrap_or_else(|_| json!({"message": answer.text()})))
    }
}

/// Kinds of things that statements make.
const KINDS: &[&str] = &[
    "table",
    "view",
    "function",
    "type",
    "domain",
    "aggregate",
    "sequence",
    "trigger",
    "into",
    "cast",
    "only",
];

/// The bare name of what a statement makes or fills.
fn made_by(sql: &str) -> Option<String> {
    let words: Vec<&str> = sql.split_whitespace().take(12).collect();
    let kind = words.iter().position(|word| KINDS.contains(&word.to_ascii_lowercase().as_str()))?;
    let skipped: BTreeSet<&str> = ["if", "not", "exists", "only", "table"].into();
    let name = words[kind + 1..].iter().find(|word| !skipped.contains(word.to_ascii_lowercase().as_str()))?;
    let name = name.split('(').next()?;
    let bare = name.rsplit('.').next()?.trim_matches(|c| c == '"' || c == ';');
    (!bare.is_empty()).then(|| bare.to_string())
}
