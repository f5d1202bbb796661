//! Stage 4: ranges. Random ranges of every type, read, printed, compared with each other and with elements,
//! put in order, made from bounds, and kept apart by an exclusion constraint.

use serde_json::json;

use crate::app::TestApp;
use crate::chance::Chance;
use crate::expressions::judge;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict};

/// Range types, their element types, and elements in order.
#[rustfmt::skip]
const TYPES: &[(&str, &str, &[&str])] = &[
    ("int4range", "int",         &["-2147483648", "-7", "0", "1", "2", "3", "10", "2147483647"]),
    ("int8range", "bigint",      &["-9223372036854775808", "-7", "0", "1", "2", "3", "10", "5000000000"]),
    ("numrange",  "numeric",     &["-7.5", "0", "1", "1.0", "1.5", "2", "10"]),
    ("tsrange",   "timestamp",   &["2023-12-31 23:59:59.5", "2024-01-01", "2024-01-01 10:00", "2024-01-02", "2025-01-01", "infinity"]),
    ("tstzrange", "timestamptz", &["-infinity", "2023-12-31 23:59:59.5+00", "2024-01-01", "2024-01-01 10:00+02", "2024-01-02", "2025-01-01"]),
    ("daterange", "date",        &["2023-12-31", "2024-01-01", "2024-02-28", "2024-02-29", "2025-01-01", "infinity"]),
];

const OPERATORS: &[&str] =
    &["&&", "@>", "<@", "<<", ">>", "&<", "&>", "-|-", "=", "<>", "<", "<=", ">", ">="];

pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let (name, element, values) = *chance.pick(TYPES);
        let app = TestApp::new();
        let schema = format!(
            "CREATE TABLE ranges (id int PRIMARY KEY, a {name}, b {name}, low {element}, high {element});
             CREATE TABLE apart (id int PRIMARY KEY, room text, during {name}, EXCLUDE USING gist (during WITH &&));
             ALTER TABLE ranges DISABLE ROW LEVEL SECURITY;
             ALTER TABLE apart DISABLE ROW LEVEL SECURITY;"
        );
        postgres.migrate(&schema).unwrap();
        ours::migrate(&app, &schema).unwrap();
        for id in 0..10 {
            let sql = format!(
                "INSERT INTO ranges VALUES ({id}, {}, {}, {}, {})",
                literal(&mut chance, values),
                literal(&mut chance, values),
                quoted(chance.pick::<&str>(values)),
                quoted(chance.pick::<&str>(values)),
            );
            both(postgres, &app, &sql, seed, report);
            let sql = format!("INSERT INTO apart VALUES ({id}, 'a', {})", literal(&mut chance, values));
            both(postgres, &app, &sql, seed, report);
        }
        let flags = *chance.pick(&["[)", "(]", "[]", "()"]);
        let mut queries = vec![
            "SELECT id, a AS v, lower(a) AS l, upper(a) AS u, isempty(a) AS e, lower_inc(a) AS li, upper_inc(a) AS ui, lower_inf(a) AS lf, upper_inf(a) AS uf FROM ranges".to_string(),
            "SELECT id, a AS v FROM ranges ORDER BY a, id".to_string(),
            "SELECT id, a::text AS v FROM ranges".to_string(),
            "SELECT id, a @> low AS v, high <@ b AS w FROM ranges".to_string(),
            format!("SELECT id, {name}(low, high, '{flags}') AS v FROM ranges WHERE low <= high"),
            format!("SELECT id, {name}(low, high) AS v FROM ranges"),
            format!("SELECT id, {name}(low, NULL, '{flags}') AS v FROM ranges"),
            format!("SELECT id, a && {} AS v FROM ranges", literal(&mut chance, values)),
            "SELECT id, during AS v FROM apart".to_string(),
        ];
        queries
            .extend(OPERATORS.iter().map(|operator| format!("SELECT id, a {operator} b AS v FROM ranges")));
        for query in queries {
            let theirs = postgres.value(&format!(
                "SELECT coalesce(json_agg(row_to_json(rows)), '[]') FROM ({query}{}) AS rows",
                if query.contains("ORDER BY") { "" } else { " ORDER BY id" }
            ));
            let theirs = if theirs.is_err() {
                postgres.value(&format!("SELECT json_agg(rows) FROM ({query}) AS rows"))
            } else {
                theirs
            };
            let ours = ours::query(&app, &query);
            report.add(seed, judge(&query, &theirs, &ours));
        }
        filters(postgres, &app, &mut chance, values, seed, report);
    }
}

/// The data API's words for the operators.
fn filters(
    postgres: &mut Postgres,
    app: &TestApp,
    chance: &mut Chance,
    values: &[&str],
    seed: u64,
    report: &mut Report,
) {
    for (word, operator) in [
        ("ov", "&&"),
        ("cs", "@>"),
        ("cd", "<@"),
        ("sl", "<<"),
        ("sr", ">>"),
        ("nxr", "&<"),
        ("nxl", "&>"),
        ("adj", "-|-"),
        ("eq", "="),
    ] {
        let text = range(chance, values);
        let theirs = postgres.value(&format!(
            "SELECT coalesce(json_agg(json_build_object('id', id) ORDER BY id), '[]') FROM ranges WHERE a {operator} {}",
            quoted(&text)
        ));
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer =
            app.service_role().get(&format!("/rest/v1/ranges?select=id&order=id&a={word}.{encoded}")).send();
        report.add(seed, judge(&format!("a={word}.{text}"), &theirs, &ours::outcome(&answer)));
    }
}

fn both(postgres: &mut Postgres, app: &TestApp, sql: &str, seed: u64, report: &mut Report) {
    let theirs = postgres.run(&json!({"role": "service_role"}), sql).map(|_| "[]".to_string());
    let ours = ours::query(app, sql).map(|_| "[]".to_string());
    let verdict = judge(sql, &theirs, &ours);
    if verdict != Verdict::Agreed {
        report.add(seed, verdict);
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn literal(chance: &mut Chance, values: &[&str]) -> String {
    if chance.percent(5) { "NULL".to_string() } else { quoted(&range(chance, values)) }
}

/// Mostly a range that is one.
fn range(chance: &mut Chance, values: &[&str]) -> String {
    if chance.percent(5) {
        return "empty".to_string();
    }
    let (one, other) = (chance.below(values.len()), chance.below(values.len()));
    let (low, high) = if chance.percent(95) { (one.min(other), one.max(other)) } else { (one, other) };
    let bound = |chance: &mut Chance, index: usize| {
        if chance.percent(10) { String::new() } else { format!("{:?}", values[index]) }
    };
    let (low, high) = (bound(chance, low), bound(chance, high));
    format!("{}{low},{high}{}", chance.pick(&["[", "("]), chance.pick(&["]", ")"]))
}
