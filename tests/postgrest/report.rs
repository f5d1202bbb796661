//! What came of the specs, file by file, and what differs.

use std::collections::{BTreeMap, BTreeSet};

use crate::accepted;
use crate::fixtures::Refusal;
use crate::specs::{Case, Step};
use crate::world::{Outcome, Played};

#[derive(Default)]
struct Count {
    passed: usize,
    accepted: usize,
    fixture: usize,
    setting: usize,
    unreadable: usize,
    differs: usize,
}

pub struct Report {
    refusals: Vec<String>,
    missing: BTreeMap<String, String>,
    counts: BTreeMap<String, Count>,
    reasons: BTreeMap<String, usize>,
    used: BTreeSet<usize>,
    unreadable: Vec<String>,
    differing: Vec<String>,
}

impl Report {
    pub fn new(refusals: &[Refusal]) -> Self {
        let line = |refusal: &Refusal| {
            let beginning: String =
                refusal.sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(110).collect();
            format!("{} {} {} | {beginning}", refusal.place, refusal.code, refusal.message)
        };
        let named = |refusal: &Refusal| Some((refusal.name.clone()?, refusal.place.clone()));
        Self {
            refusals: refusals.iter().map(line).collect(),
            missing: refusals.iter().filter_map(named).collect(),
            counts: BTreeMap::new(),
            reasons: BTreeMap::new(),
            used: BTreeSet::new(),
            unreadable: Vec::new(),
            differing: Vec::new(),
        }
    }

    pub fn add(&mut self, case: &Case, played: Played) {
        for missed in &case.unreadable {
            self.unreadable.push(format!("{}:{} {}: {}", case.file, missed.line, case.name, missed.why));
            self.count(case).unreadable += 1;
        }
        let outcomes = match played {
            Played::Outcomes(outcomes) => outcomes,
            Played::NoSetting(why) => {
                self.count(case).setting += case.steps.len();
                *self.reasons.entry(format!("(setting) {why}")).or_default() += case.steps.len();
                return;
            }
        };
        for (step, outcome) in case.steps.iter().zip(outcomes) {
            if step.expects_something() {
                self.add_step(case, step, &outcome);
            }
        }
    }

    fn add_step(&mut self, case: &Case, step: &Step, outcome: &Outcome) {
        if outcome.findings.is_empty() {
            self.count(case).passed += 1;
            return;
        }
        if let Some(name) = self.missing_name(step) {
            *self.reasons.entry(format!("(fixture) {name}: {}", self.missing[&name])).or_default() += 1;
            self.count(case).fixture += 1;
            return;
        }
        if let Some((row, reason)) = accepted::reason(case, step, &outcome.findings) {
            self.used.insert(row);
            *self.reasons.entry(reason.to_string()).or_default() += 1;
            self.count(case).accepted += 1;
            return;
        }
        self.count(case).differs += 1;
        let mut text = format!("\n[{}:{}] {}\n  {}", case.file, step.line, case.name, step.title());
        for finding in &outcome.findings {
            text.push_str(&format!(
                "\n  {:?}\n    expected: {}\n    answered: {}",
                finding.kind,
                beginning(&finding.expected),
                beginning(&finding.answered)
            ));
        }
        self.differing.push(text);
    }

    /// The fixture a request needs that was refused.
    fn missing_name(&self, step: &Step) -> Option<String> {
        // Headers and bodies name formats and columns.
        let words = step.path.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
        words.map(str::to_string).find(|word| self.missing.contains_key(word))
    }

    fn count(&mut self, case: &Case) -> &mut Count {
        self.counts.entry(case.file.clone()).or_default()
    }

    /// Prints everything; 1 if something differs without a reason.
    pub fn print(&self) -> i32 {
        println!("Fixtures that were refused: {}", self.refusals.len());
        self.refusals.iter().for_each(|line| println!("  {line}"));
        println!("\nUnreadable: {}", self.unreadable.len());
        self.unreadable.iter().for_each(|line| println!("  {line}"));
        println!("\nReasons:");
        self.reasons.iter().for_each(|(reason, count)| println!("  {count:5} {reason}"));
        println!("\nDiffering:");
        self.differing.iter().for_each(|text| println!("{text}"));
        println!("\n{:38} passed accepted fixture setting unreadable differs", "file");
        let mut all = Count::default();
        for (file, count) in &self.counts {
            row(file, count);
            all.passed += count.passed;
            all.accepted += count.accepted;
            all.fixture += count.fixture;
            all.setting += count.setting;
            all.unreadable += count.unreadable;
            all.differs += count.differs;
        }
        row("all", &all);
        let unused = if self.counts.len() > 40 { accepted::unused(&self.used) } else { Vec::new() };
        unused.iter().for_each(|row| println!("no difference needs {row}"));
        i32::from(all.differs > 0 || !unused.is_empty())
    }
}

fn beginning(text: &str) -> String {
    text.chars().take(600).collect()
}

fn row(file: &str, count: &Count) {
    println!(
        "{file:38} {:6} {:8} {:7} {:7} {:10} {:7}",
        count.passed, count.accepted, count.fixture, count.setting, count.unreadable, count.differs
    );
}
