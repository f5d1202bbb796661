//! The product against a real PostgreSQL: the same schema, rows, callers and statements on both sides,
//! and the same rows, errors and effects asked of them. What we refuse as not supported is counted;
//! what we answer differently is a failure.
//!
//! Not a suite of named tests: cases are random, from a seed, so it has a `main` of its own.
//!
//!   cargo test --test differential [STAGE]
//!   DIFFERENTIAL_CASES=2000     seeds per stage; a bounded number otherwise. A seed of policies is a project
//!                               and the ten to thirty statements made on it, each a case
//!   DIFFERENTIAL_SEED=7         other cases; the same ones every time otherwise
//!   DIFFERENTIAL_ONLY=policies:123    one case again
//!   DIFFERENTIAL_WHOLE=1        as found, not made smaller
//!   DIFFERENTIAL_REASONS=1      also says what was refused and how often
//!   MIGRATIONS=DIR cargo test --test differential -- survey
//!                               which statements of other projects' migrations are refused, and why (`survey`)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// The server takes the time it takes, and so does the run.
#![allow(clippy::disallowed_methods)]
// The doubles and actors are shared with tests/api, which uses more of them.
#![allow(dead_code)]

#[path = "../api/app.rs"]
mod app;
#[path = "../api/double/mod.rs"]
mod double;
#[path = "../fixtures/scenario.rs"]
mod scenario;

mod chance;
mod expressions;
mod fixtures;
mod functions;
mod grammar;
mod json;
mod ours;
mod policies;
mod postgres;
mod queries;
mod ranges;
mod report;
mod requests;
mod scripts;
mod search;
mod statement;
mod survey;
mod tree;
mod triggers;
mod values;
mod views;
mod world;

use std::process::ExitCode;
use std::time::Instant;

use postgres::Postgres;
use report::Report;

type Stage = fn(&mut Postgres, &mut dyn Iterator<Item = u64>, &mut Report);

/// The stages: name, how many cases without being told, what runs them.
#[rustfmt::skip]
const STAGES: &[(&str, u64, Stage)] = &[
    ("expressions", 3_000, expressions::run),
    ("policies",      130, policies::run),
    ("ranges",         60, ranges::run),
    ("search",         40, search::run),
    ("triggers",       60, triggers::run),
    ("values",      1_000, values::run),
    ("queries",         1, queries::run),
    ("scripts",         1, scripts::run),
    ("fixtures",      100, fixtures::run),
    ("views",          60, policies::run_views),
    ("functions",      40, policies::run_functions),
    ("requests",       40, requests::run),
    ("survey",          1, survey::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let only = std::env::var("DIFFERENTIAL_ONLY").ok();
    let only = only.as_deref().map(|only| only.split_once(':').expect("DIFFERENTIAL_ONLY=STAGE:SEED"));
    let chosen = |name: &str| match only {
        Some((stage, _)) => stage == name,
        None => arguments.is_empty() || arguments.iter().any(|argument| name.contains(argument.as_str())),
    };
    let stages: Vec<_> = STAGES.iter().filter(|(name, ..)| chosen(name)).collect();
    if stages.is_empty() {
        return ExitCode::SUCCESS;
    }
    let mut postgres = Postgres::start();
    let base = number("DIFFERENTIAL_SEED").unwrap_or(1);
    println!("against PostgreSQL {}, DIFFERENTIAL_SEED={base}", postgres.version());
    let mut well = true;
    for (name, cases, stage) in stages {
        let started = Instant::now();
        let mut report = Report::default();
        let cases = number("DIFFERENTIAL_CASES").unwrap_or(*cases);
        match only {
            Some((_, seed)) => stage(&mut postgres, &mut std::iter::once(seed.parse().unwrap()), &mut report),
            None => stage(
                &mut postgres,
                &mut (0..cases).map(|index| base.wrapping_mul(1_000_000_000) + index),
                &mut report,
            ),
        }
        well &= report.tell(name, std::env::var_os("DIFFERENTIAL_REASONS").is_some());
        println!("{name}: {:.0} s", started.elapsed().as_secs_f64());
    }
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}
