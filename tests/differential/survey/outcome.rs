//! What came of the projects, grouped by reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use edgeward::dialect::Source;

use super::project::Answer;

/// One statement, or file, that ours refused and PostgreSQL took.
#[derive(Clone)]
pub struct Refusal {
    pub project: String,
    pub file: String,
    pub line: u64,
    pub code: String,
    pub message: String,
    pub statement: String,
    /// Whether it names what an earlier refusal would have made.
    pub follows: bool,
}

/// What came of one project.
pub struct Applied {
    pub name: String,
    pub taken: usize,
    pub refusals: Vec<Refusal>,
    /// What PostgreSQL refused, which is not counted: file, line and why.
    pub struck: Vec<String>,
    pub seconds: f64,
}

/// What came of all.
#[derive(Default)]
pub struct Survey {
    projects: Vec<Applied>,
}

/// The codes of what is missing.
const MISSING: &[&str] = &["42P01", "42703", "42883", "42704", "3F000", "42P02"];

impl Applied {
    pub fn of(name: &str) -> Self {
        Self { name: name.to_string(), taken: 0, refusals: Vec::new(), struck: Vec::new(), seconds: 0.0 }
    }

    pub fn refused(&mut self, project: &str, file: &str, answer: Answer, source: Option<&Source>) {
        let mut refusal = Refusal::new(project, file, answer, source);
        let missing = MISSING.contains(&refusal.code.as_str());
        refusal.follows = missing && self.refusals.iter().any(|earlier| refusal.names_what(earlier));
        self.refusals.push(refusal);
    }

    pub fn refused_by_postgres(&mut self, file: &str, line: u64, why: &str) {
        self.struck.push(format!("{}/{file}:{line}: {why}", self.name));
    }
}

impl Refusal {
    /// Whether a name in the message stands in an earlier refused statement.
    fn names_what(&self, earlier: &Self) -> bool {
        let lower = earlier.statement.to_lowercase();
        let words: BTreeSet<&str> =
            lower.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
        let message = self.message.rsplit(": ").next().unwrap_or_default().to_lowercase();
        let told = message.replace("does not exist", "");
        let mut names = told
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .filter(|name| name.len() > 2 && !COMMON.contains(name));
        names.any(|name| words.contains(name))
    }

    /// Its place, for people.
    pub fn place(&self) -> String {
        format!("{}/{}:{}", self.project, self.file, self.line)
    }

    /// A panic or a failure of ours.
    pub fn is_defect(&self) -> bool {
        ["panic", "500", "XX000"].contains(&self.code.as_str())
    }

    /// The first words of the statement.
    fn kind(&self) -> String {
        let words: Vec<String> = self
            .statement
            .split_whitespace()
            .take_while(|word| word.chars().all(|letter| letter.is_alphabetic()))
            .take(2)
            .map(str::to_uppercase)
            .collect();
        if words.is_empty() { "a file".to_string() } else { words.join(" ") }
    }

    /// The kind of statement, the code and the message without its names and numbers.
    pub fn reason(&self) -> String {
        if self.follows {
            return "what an earlier refusal would have made".to_string();
        }
        let mut reason = String::new();
        let mut quoted = false;
        let message = self.message.trim_start_matches("function ");
        // A body's refusal is told after the function's signature.
        let message = match message.split_once("): ") {
            Some((_, inner)) if message.len() < self.message.len() => inner,
            _ => self.message.as_str(),
        };
        for letter in message.chars() {
            if letter == '"' {
                quoted = !quoted;
                reason.push_str(if quoted { "\"…" } else { "\"" });
            } else if !quoted && letter.is_ascii_digit() {
                if !reason.ends_with('0') {
                    reason.push('0');
                }
            } else if !quoted {
                reason.push(letter);
            }
        }
        let reason: String = reason.chars().take(110).collect();
        format!("{} {} {reason}", self.kind(), self.code)
    }

    /// Everything, with tabs between.
    pub fn row(&self) -> String {
        let beginning: String = self.statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let beginning: String = beginning.chars().take(300).collect();
        let follows = if self.follows { "follows" } else { "" };
        [
            self.project.as_str(),
            &self.file,
            &self.line.to_string(),
            follows,
            &self.code,
            &self.message,
            &beginning,
        ]
        .join("\t")
    }
}

/// Words of messages that are no names.
const COMMON: &[&str] = &[
    "relation", "column", "function", "type", "table", "schema", "policy", "trigger", "text", "uuid",
    "unknown", "integer", "boolean", "jsonb", "public", "auth", "the", "not", "for", "line",
];

impl Survey {
    pub fn add(&mut self, project: Applied) {
        eprintln!(
            "{}: {} taken, {} refused, {} not taken by PostgreSQL either, {:.1} s",
            project.name,
            project.taken,
            project.refusals.len(),
            project.struck.len(),
            project.seconds
        );
        self.projects.push(project);
    }

    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.projects.iter().flat_map(|project| &project.refusals)
    }

    /// Statements that ours took.
    pub fn taken(&self) -> usize {
        self.projects.iter().map(|project| project.taken).sum()
    }
}

impl fmt::Display for Survey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.projects.iter().filter(|project| project.refusals.is_empty()).count();
        let refused = self.refusals().count();
        let struck: usize = self.projects.iter().map(|project| project.struck.len()).sum();
        writeln!(out, "projects wholly applied: {whole} of {}", self.projects.len())?;
        writeln!(out, "statements applied: {} of {}", self.taken(), self.taken() + refused)?;
        writeln!(out, "not counted, for PostgreSQL refuses them here too: {struck}")?;
        let mut reasons: BTreeMap<String, Vec<&Refusal>> = BTreeMap::new();
        for refusal in self.refusals() {
            reasons.entry(refusal.reason()).or_default().push(refusal);
        }
        let projects = |refusals: &[&Refusal]| {
            refusals.iter().map(|refusal| refusal.project.as_str()).collect::<BTreeSet<_>>().len()
        };
        let mut reasons: Vec<_> = reasons.into_iter().collect();
        reasons.sort_by_key(|(_, refusals)| std::cmp::Reverse((projects(refusals), refusals.len())));
        for (reason, refusals) in reasons {
            writeln!(out, "\n{:>3} projects {:>4} times  {reason}", projects(&refusals), refusals.len())?;
            if let Some(example) = refusals.first() {
                let beginning: String = example.statement.chars().take(160).collect();
                writeln!(out, "      {}\n      {}", example.place(), example.message)?;
                writeln!(out, "      {}", beginning.split_whitespace().collect::<Vec<_>>().join(" "))?;
            }
        }
        let mut struck: Vec<&String> = self.projects.iter().flat_map(|project| &project.struck).collect();
        struck.truncate(if std::env::var_os("DIFFERENTIAL_REASONS").is_some() { usize::MAX } else { 0 });
        struck.iter().try_for_each(|what| writeln!(out, "postgres: {what}"))
    }
}
