//! Which statements of real projects' migrations Edgeward refuses, and why.
//!
//!   MIGRATIONS=DIR cargo test --test differential -- survey
//!       DIR has one folder per project, with its migrations as `*.sql` files, applied in the order of their names
//!   SURVEY_LIST=FILE    also writes every refusal there: project, file, line, code, message and the statement's beginning,
//!                       with tabs between
//!   SURVEY_ONLY=NAME    the projects whose names contain that
//!
//! Each file goes through `/admin/v1/migrations` as it is. The statement that is refused is struck out and the file is
//! sent again, so that one refusal does not hide the next. What PostgreSQL refuses itself, in a database that has what a
//! hosted project has (`hosted.sql`), is struck out before and not counted.
//!
//! Made-up rows are put into every table of both, and what anon and two users read and may change of each is compared
//! (`usage`): in a project that did not apply whole, only whether ours fails.
//!
//! Without MIGRATIONS the projects are those of `tests/fixtures/schemas`, of which nothing may be refused or
//! read otherwise.

mod outcome;
mod project;
mod rows;
mod usage;

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::fixtures::PLATFORM;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict};
use outcome::Survey;
use project::Project;

/// What else a hosted project has.
const HOSTED: &str = include_str!("hosted.sql");

/// Applies all projects, whatever the seeds.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    let seed = seeds.next().unwrap_or_default();
    let asked = std::env::var_os("MIGRATIONS").map(PathBuf::from);
    let projects = match &asked {
        Some(folder) => Project::all(folder, ""),
        None => Project::all(&fixtures(), "migrations"),
    };
    each(postgres, &["DROP DATABASE IF EXISTS hosted", "CREATE DATABASE hosted TEMPLATE postgres"]);
    postgres.enter("hosted");
    // Stages before this one left theirs.
    postgres.migrate(PLATFORM).unwrap();
    postgres.client.batch_execute(HOSTED).unwrap();
    let mut survey = Survey::default();
    for project in projects {
        postgres.enter("postgres");
        each(
            postgres,
            &["DROP DATABASE IF EXISTS survey WITH (FORCE)", "CREATE DATABASE survey TEMPLATE hosted"],
        );
        postgres.enter("survey");
        let (applied, verdicts) = project.apply(postgres);
        verdicts.into_iter().for_each(|verdict| report.add(seed, verdict));
        survey.add(applied);
    }
    postgres.enter("postgres");
    each(postgres, &["DROP DATABASE IF EXISTS survey WITH (FORCE)", "DROP DATABASE hosted WITH (FORCE)"]);
    for refusal in survey.refusals() {
        let what = format!("{}: {} {}", refusal.place(), refusal.code, refusal.message);
        // Nobody promised that every project applies, but a panic or a 500 is a defect.
        report.add(
            seed,
            match asked.is_none() || refusal.is_defect() {
                true => Verdict::Disagreed(what),
                false => Verdict::Refused(refusal.reason()),
            },
        );
    }
    report.agreed += survey.taken();
    if asked.is_some() {
        println!("{survey}");
    }
    if let Some(path) = std::env::var_os("SURVEY_LIST") {
        let mut file = std::fs::File::create(path).unwrap();
        survey.refusals().for_each(|refusal| writeln!(file, "{}", refusal.row()).unwrap());
    }
}

/// Runs statements that take no transaction around them.
fn each(postgres: &mut Postgres, statements: &[&str]) {
    statements.iter().for_each(|statement| postgres.client.batch_execute(statement).unwrap());
}

fn fixtures() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schemas")).to_path_buf()
}
