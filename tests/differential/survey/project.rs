//! One project: its files, applied on both sides.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use edgeward::dialect::{Source, statements};
use postgres::Client;
use serde_json::{Value, json};

use super::outcome::{Applied, Refusal};
use super::usage;
use crate::app::TestApp;
use crate::postgres::Postgres;
use crate::report::Verdict;

/// A project's name, and the names and texts of its files.
pub struct Project {
    name: String,
    files: Vec<(String, String)>,
}

/// A session's beginning, as the Supabase CLI has it. A statement that takes longer is as good as refused.
const SESSION: &[&str] = &[
    "ROLLBACK",
    "DISCARD ALL",
    "SET search_path = \"$user\", public, extensions",
    "SET statement_timeout = '20s'",
];

/// Statements about the transaction: each statement has one of its own here.
const TRANSACTION: &[&str] =
    &["begin", "commit", "end", "rollback", "start", "savepoint", "release", "abort"];

/// Extensions of hosted projects that a plain PostgreSQL comes without: they count as taken.
const EXTENSIONS: &[&str] = &[
    "pg_cron",
    "pg_net",
    "vector",
    "pgjwt",
    "pgsodium",
    "supabase_vault",
    "pg_graphql",
    "pgmq",
    "http",
    "pg_jsonschema",
    "hypopg",
    "index_advisor",
    "plpgsql_check",
    "wrappers",
];

impl Project {
    /// The projects in a folder, whose files are in that folder of each.
    pub fn all(folder: &Path, migrations: &str) -> Vec<Self> {
        let only = std::env::var("SURVEY_ONLY").unwrap_or_default();
        let projects = entries(folder).into_iter().filter(|name| name.contains(&only));
        projects.map(|name| Self::load(&folder.join(&name).join(migrations), name)).collect()
    }

    fn load(folder: &Path, name: String) -> Self {
        let names = entries(folder).into_iter().filter(|name| name.ends_with(".sql"));
        let read = |name: String| {
            let text = std::fs::read(folder.join(&name)).unwrap();
            (name, String::from_utf8_lossy(&text).trim_start_matches('\u{feff}').to_string())
        };
        Self { name, files: names.map(read).collect() }
    }

    /// Applies its files in both, in order.
    pub fn apply(self, postgres: &mut Postgres) -> (Applied, Vec<Verdict>) {
        let started = Instant::now();
        let app = TestApp::with_vars(&[("DB_TX_END", "commit-allow-override")]);
        let mut applied = Applied::of(&self.name);
        for (index, (name, text)) in self.files.iter().enumerate() {
            super::each(postgres, SESSION);
            let Ok(sources) = statements(text) else {
                // Where PostgreSQL finds no statements either, there is nothing to compare.
                if postgres.client.batch_execute(text).is_ok() {
                    let answer = migrate(&app, index, text);
                    applied.refused(&self.name, name, answer.unwrap_err(), None);
                }
                continue;
            };
            let mut file = File::new(&self.name, name, text, sources);
            file.strike_what_postgres_refuses(&mut postgres.client, &mut applied);
            file.apply(&app, index, &mut applied);
        }
        super::each(postgres, SESSION);
        let mut verdicts = usage::compare(&self.name, &app, postgres);
        if !applied.refusals.is_empty() {
            // What a refused statement would have made is missing, so that only a failure of ours tells something.
            verdicts.retain(|verdict| matches!(verdict, Verdict::Disagreed(what) if is_failure(what)));
        }
        applied.seconds = started.elapsed().as_secs_f64();
        (applied, verdicts)
    }
}

/// A file on its way: what is struck out is blank, so that lines stay.
struct File<'a> {
    project: &'a str,
    name: &'a str,
    text: String,
    sources: Vec<Source>,
    /// Where each statement begins, and whether it was struck out.
    places: Vec<(usize, bool)>,
}

/// Why ours refused a file, and the line it named.
pub struct Answer {
    pub code: String,
    pub message: String,
    pub line: Option<u64>,
}

impl<'a> File<'a> {
    fn new(project: &'a str, name: &'a str, text: &str, sources: Vec<Source>) -> Self {
        let mut end = 0;
        let mut places = Vec::new();
        for source in &sources {
            let start = end + text[end..].find(&source.text).unwrap();
            end = start + source.text.len();
            places.push((start, false));
        }
        Self { project, name, text: text.to_string(), sources, places }
    }

    fn strike(&mut self, index: usize) {
        let (start, struck) = &mut self.places[index];
        let end = *start + self.sources[index].text.len();
        let blank: String =
            self.text[*start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        self.text.replace_range(*start..end, &blank);
        *struck = true;
    }

    fn strike_what_postgres_refuses(&mut self, client: &mut Client, applied: &mut Applied) {
        for index in 0..self.sources.len() {
            let text = self.sources[index].text.clone();
            let word = text.split(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default();
            if TRANSACTION.contains(&word.to_lowercase().as_str()) || makes_hosted_extension(&text) {
                continue;
            }
            if let Err(error) = client.batch_execute(&text) {
                applied.refused_by_postgres(self.name, self.sources[index].line, &error.to_string());
                self.strike(index);
            }
        }
    }

    fn apply(&mut self, app: &TestApp, number: usize, applied: &mut Applied) {
        loop {
            let Err(answer) = migrate(app, number, &self.text) else {
                applied.taken += self.places.iter().filter(|(_, struck)| !struck).count();
                return;
            };
            let at_fault = answer.line.and_then(|line| {
                (0..self.sources.len())
                    .find(|index| self.sources[*index].line == line && !self.places[*index].1)
            });
            let Some(index) = at_fault else {
                return self.apply_one_by_one(app, number, answer, applied);
            };
            let source = self.sources[index].clone();
            applied.refused(self.project, self.name, answer, Some(&source));
            self.strike(index);
        }
    }

    /// Where no statement was named, each is sent alone.
    fn apply_one_by_one(&mut self, app: &TestApp, number: usize, answer: Answer, applied: &mut Applied) {
        let mut found = false;
        for index in 0..self.sources.len() {
            if self.places[index].1 {
                continue;
            }
            let source = self.sources[index].clone();
            match migrate(app, 100_000 + number * 1_000 + index, &source.text) {
                Ok(()) => applied.taken += 1,
                Err(answer) => {
                    found = true;
                    applied.refused(self.project, self.name, answer, Some(&source));
                }
            }
        }
        if !found {
            applied.refused(self.project, self.name, answer, None);
        }
    }
}

fn makes_hosted_extension(statement: &str) -> bool {
    let lower = statement.to_lowercase();
    let mut words = lower.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
    lower.starts_with("create extension") && words.any(|word| EXTENSIONS.contains(&word))
}

/// Our answer to a file; a panic is an answer of its own.
fn migrate(app: &TestApp, number: usize, sql: &str) -> Result<(), Answer> {
    let body = json!({"version": format!("{number:014}"), "name": "survey", "sql": sql});
    let send = || app.service_role().post("/admin/v1/migrations").json(&body).send();
    let Ok(answer) = catch_unwind(AssertUnwindSafe(send)) else {
        return Err(Answer { code: "panic".to_string(), message: "a panic".to_string(), line: None });
    };
    if answer.status.is_success() {
        return Ok(());
    }
    let body: Value = serde_json::from_str(&answer.text()).unwrap_or(Value::Null);
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_string();
    let code = if text("code").is_empty() { answer.status.as_u16().to_string() } else { text("code") };
    Err(Answer { code, message: text("message"), line: body["line"].as_u64() })
}

/// Whether ours failed, rather than answered otherwise.
fn is_failure(what: &str) -> bool {
    ["ours     Err(Failure { code: \"XX000\"", "ours     Err(Failure { code: \"500\""]
        .iter()
        .any(|of| what.contains(of))
}

impl Refusal {
    /// Of a file, or of one of its statements.
    pub fn new(project: &str, file: &str, answer: Answer, source: Option<&Source>) -> Self {
        Self {
            project: project.to_string(),
            file: file.to_string(),
            line: source.map_or_else(|| answer.line.unwrap_or_default(), |source| source.line),
            code: answer.code,
            message: answer.message,
            statement: source.map(|source| source.text.clone()).unwrap_or_default(),
            follows: false,
        }
    }
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_string()).collect();
    names.sort();
    names
}
