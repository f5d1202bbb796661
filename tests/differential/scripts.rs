//! The scripts of `scripts.sql`, written by hand: statements that change a schema and its rows, one after the other on
//! both sides, each with the same rows or the same error, its message too.

use serde_json::json;

use crate::app::TestApp;
use crate::expressions::judge;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict};

/// Scripts begin at a line `-- script: NAME`; statements end in `;` at a line's end.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/scripts.sql");

/// Runs them all, whatever the seeds: `DIFFERENTIAL_ONLY=scripts:3` runs the third.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    let file = std::fs::read_to_string(FILE).unwrap();
    let only = std::env::var_os("DIFFERENTIAL_ONLY").and_then(|_| seeds.next());
    for (index, script) in file.split("-- script: ").skip(1).enumerate() {
        let number = index as u64 + 1;
        if only.is_some_and(|only| only != number) {
            continue;
        }
        let (name, statements) = script.split_once('\n').unwrap();
        let app = TestApp::new();
        postgres.migrate("").unwrap();
        for (place, statement) in statements.split(";\n").enumerate() {
            let lines: Vec<&str> = statement.lines().filter(|line| !line.starts_with("--")).collect();
            let sql = lines.join("\n").trim().to_string();
            if !sql.is_empty() {
                report.add(number, compared(postgres, &app, &format!("{name}: {sql}"), &sql, place));
            }
        }
    }
}

fn compared(postgres: &mut Postgres, app: &TestApp, what: &str, sql: &str, place: usize) -> Verdict {
    let lower = sql.to_lowercase();
    let (theirs, ours) = if lower.starts_with("select") {
        let theirs = postgres.value(&format!("SELECT json_agg(row_to_json(q)) FROM ({sql}) AS q"));
        (theirs, ours::query(app, sql))
    } else if lower.contains("\nreturning") || lower.contains(" returning ") {
        let theirs = postgres.value(&format!("WITH q AS ({sql}) SELECT json_agg(row_to_json(q)) FROM q"));
        (theirs, ours::query(app, sql))
    } else {
        let body = json!({"version": format!("2026{place:010}"), "name": "script", "sql": sql});
        let ours = ours::outcome(&app.service_role().post("/admin/v1/migrations").json(&body).send());
        (postgres.execute(sql).map(|()| "[]".to_string()), ours.map(|_| "[]".to_string()))
    };
    let rows = |rows: String| if rows == "null" { "[]".to_string() } else { rows };
    let (theirs, ours) = (theirs.map(rows), ours.map(rows));
    match (&theirs, &ours) {
        (Err(one), Err(other)) if one.code == other.code && one.message != other.message => {
            Verdict::Disagreed(format!(
                "other message\n  {what}\n  postgres: {}\n  ours:     {}",
                one.message, other.message
            ))
        }
        // A script goes on from what its statements did: one that is refused must be so on both sides.
        (Ok(_), Err(failure)) => Verdict::Disagreed(format!(
            "{} for value\n  {what}\n  postgres: done\n  ours:     {}",
            failure.code, failure.message
        )),
        _ => judge(what, &theirs, &ours),
    }
}
