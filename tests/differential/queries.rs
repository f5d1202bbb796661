//! Stage 4: the queries of `queries.sql`, written by hand, one after the other on both sides.

use crate::app::TestApp;
use crate::expressions::judge;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict};

/// A schema, then a line `-- queries`, then statements that end in `;` at a line's end.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/queries.sql");

/// Runs them all, whatever the seeds: `DIFFERENTIAL_ONLY=queries:17` runs the one of line 17.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    let file = std::fs::read_to_string(FILE).unwrap();
    let (schema, queries) = file.split_once("-- queries\n").unwrap();
    let only = std::env::var_os("DIFFERENTIAL_ONLY").and_then(|_| seeds.next());
    let app = TestApp::new();
    postgres.migrate(schema).unwrap();
    ours::migrate(&app, schema).unwrap();
    let mut line = schema.lines().count() as u64 + 2;
    for query in queries.split(";\n") {
        let at = line + query.lines().take_while(|text| is_empty(text)).count() as u64;
        line += query.lines().count() as u64;
        let sql: Vec<&str> = query.lines().filter(|text| !is_empty(text)).collect();
        let sql = sql.join("\n");
        if sql.is_empty() || only.is_some_and(|only| only != at) {
            continue;
        }
        let writes = ["insert", "update", "delete"].iter().any(|word| sql.to_lowercase().starts_with(word));
        let theirs = match writes {
            true => postgres.value(&format!("WITH q AS ({sql}) SELECT json_agg(row_to_json(q)) FROM q")),
            false => postgres.value(&format!("SELECT json_agg(row_to_json(q)) FROM ({sql}) AS q")),
        };
        let ours = ours::query(&app, &sql);
        let shown = |rows: String| match rows.as_str() {
            "" | "null" => "[]".to_string(),
            // The rows of a write have no order.
            _ if writes => sorted(&rows),
            _ => rows,
        };
        let verdict = match judge(&sql, &theirs.map(shown), &ours.map(shown)) {
            Verdict::Refused(reason) => Verdict::Refused(format!("{reason}: line {at}")),
            verdict => verdict,
        };
        report.add(at, verdict);
    }
}

fn is_empty(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with("--")
}

fn sorted(rows: &str) -> String {
    let mut rows: Vec<serde_json::Value> = serde_json::from_str(rows).unwrap();
    rows.iter_mut().for_each(serde_json::Value::sort_all_objects);
    rows.sort_by_key(ToString::to_string);
    serde_json::Value::from(rows).to_string()
}
