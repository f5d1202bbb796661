//! Stage 1: random expressions over a table of awkward values, as queries of the owner.

use crate::app::TestApp;
use crate::chance::Chance;
use crate::grammar::{LITERALS, PRODUCTIONS};
use crate::json::Json;
use crate::ours;
use crate::postgres::{Failure, Outcome, Postgres};
use crate::report::{Report, Verdict, is_refusal};
use crate::tree::{Grammar, KINDS, Kind, Tree, shrink};

/// A row for each kind of trouble: ordinary, negative and odd, all NULL, extreme.
const FACTS: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE facts (
  id int PRIMARY KEY, b boolean, i int, g bigint, n numeric, f double precision, t text, u uuid,
  s timestamptz, m timestamp, d date, j jsonb, ts text[], xs int[], e mood
);
ALTER TABLE facts DISABLE ROW LEVEL SECURITY;
INSERT INTO facts (id, b, i, g, n, f, t, u, s, m, d, j, ts, xs, e) VALUES
  (1, true, 3, 3000000000, 1.50, 0.5, 'abc', '00000000-0000-4000-8000-00000000000a', '2024-02-29 12:34:56.789+00', '2024-02-29 12:34:56.789', '2024-02-29', '{\"a\": 1, \"b\": {\"c\": [1, 2, \"x\"]}, \"role\": \"admin\"}', '{a,b}', '{1,2,3}', 'ok'),
  (2, false, -7, -5, -2.25, -0.25, 'a,b,,c', '00000000-0000-4000-8000-00000000000b', '1999-12-31 23:59:59+00', '2000-01-01 00:00:00', '1999-12-31', '[1, \"two\", null, true, 2.50]', '{\"c d\",NULL}', '{7,NULL}', 'sad'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, true, 0, 0, 0, 0, '', 'ffffffff-ffff-4fff-8fff-ffffffffffff', '2024-01-31 00:00:00+00', '2024-01-31 23:59:59.999999', '2024-01-31', '{\"a\": null, \"ok\": true, \"n\": -1.5}', '{}', '{}', 'happy'),
  (5, false, 2147483647, 9223372036854775807, 12345678901234567890.123, 1e10, 'It''s ÜBER 100%', '00000000-0000-4000-8000-00000000000a', '2024-12-30 01:02:03.000004+00', '2021-01-03 05:06:07.1', '2021-01-03', '\"s\"', '{x,a/b,\"\"}', '{-1}', 'ok');";

#[rustfmt::skip]
const COLUMNS: &[(Kind, &str)] = &[
    (Kind::Bool, "b"), (Kind::Int, "i"), (Kind::Int, "id"), (Kind::Big, "g"), (Kind::Numeric, "n"), (Kind::Float, "f"), (Kind::Text, "t"),
    (Kind::Uuid, "u"), (Kind::Stamp, "s"), (Kind::Moment, "m"), (Kind::Date, "d"), (Kind::Jsonb, "j"), (Kind::Texts, "ts"), (Kind::Ints, "xs"), (Kind::Mood, "e"),
];

/// Tries so many expressions.
pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    let app = TestApp::new();
    postgres.migrate(FACTS).unwrap();
    ours::migrate(&app, FACTS).unwrap();
    let grammar = Grammar {
        productions: PRODUCTIONS,
        columns: COLUMNS.iter().map(|(kind, name)| (*kind, format!("facts.{name}"))).collect(),
        literals: LITERALS,
    };
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let kind = chance.pick(KINDS).0;
        let depth = chance.between(1, 3);
        let tree = grammar.grow(&mut chance, kind, depth);
        let verdict = compare(postgres, &app, &tree);
        if let Verdict::Disagreed(what) = &verdict {
            let small = shrink(
                tree,
                |tree| matches!(compare(postgres, &app, tree), Verdict::Disagreed(of) if class(&of) == class(what)),
            );
            report.add(seed, compare(postgres, &app, &small));
        } else {
            report.add(seed, verdict);
        }
    }
}

/// The first line of a disagreement says what sort it is.
fn class(what: &str) -> &str {
    what.lines().next().unwrap_or_default()
}

fn compare(postgres: &mut Postgres, app: &TestApp, tree: &Tree) -> Verdict {
    let sql = format!("SELECT id, {} AS v FROM facts ORDER BY facts.id", tree.sql());
    let theirs = postgres.value(&format!("SELECT json_agg(row_to_json(q)) FROM ({sql}) AS q"));
    let ours = ours::query(app, &sql);
    if theirs.is_err() && ours.is_ok() {
        // An error even over no rows is of a constant, which Postgres weighs whether it is needed or not.
        let over_nothing =
            format!("SELECT count(q.v) FROM (SELECT {} AS v FROM facts WHERE id < 0) AS q", tree.sql());
        if postgres.value(&over_nothing).is_err() {
            return Verdict::Agreed;
        }
        if fails_where_null(postgres, tree, &theirs, &ours) {
            return Verdict::Agreed;
        }
    }
    judge(&tree.sql(), &theirs, &ours)
}

/// Whether Postgres fails with an error of data in just those rows in which our value is NULL, and has our value in
/// all others: where an operand is NULL SQLite does not weigh the other, which Postgres does.
fn fails_where_null(postgres: &mut Postgres, tree: &Tree, theirs: &Outcome, ours: &Outcome) -> bool {
    let (Err(failure), Ok(rows)) = (theirs, ours) else { return false };
    let Json::List(rows) = Json::parse(rows) else { return false };
    is_of_data(failure)
        && rows.iter().enumerate().all(|(index, row)| {
            let id = index + 1;
            let of_row = format!(
                "SELECT json_agg(row_to_json(q)) FROM (SELECT id, {} AS v FROM facts WHERE id = {id}) AS q",
                tree.sql()
            );
            let ours = Json::List(vec![row.clone()]);
            match postgres.value(&of_row) {
                Ok(theirs) => Json::parse(&theirs).without_spacing() == ours.clone().without_spacing(),
                Err(failure) => is_of_data(&failure) && is_null(&ours.to_string()),
            }
        })
}

/// Compares rows in their order, or errors by their code.
pub fn judge(what: &str, theirs: &Outcome, ours: &Outcome) -> Verdict {
    let shown = |class: &str| {
        let side = |outcome: &Outcome| match outcome {
            Ok(rows) => Json::parse(rows).to_string(),
            Err(failure) => format!("{} {}", failure.code, failure.message),
        };
        Verdict::Disagreed(format!(
            "{class}\n  {what}\n  postgres: {}\n  ours:     {}",
            side(theirs),
            side(ours)
        ))
    };
    match (theirs, ours) {
        (Ok(theirs), Ok(ours))
            if Json::parse(theirs).without_spacing() == Json::parse(ours).without_spacing() =>
        {
            Verdict::Agreed
        }
        (Err(theirs), Err(ours)) if theirs.code == ours.code => Verdict::Agreed,
        // Where an operand is NULL, whether the other is weighed, and which of two errors is met first,
        // is up to the planner.
        (Err(failure), Ok(rows)) | (Ok(rows), Err(failure)) if is_of_data(failure) && is_null(rows) => {
            Verdict::Agreed
        }
        (Err(theirs), Err(ours)) if is_of_data(theirs) && is_of_data(ours) => Verdict::Agreed,
        (_, Err(ours)) if is_refusal(ours) => Verdict::Refused(ours.message.clone()),
        (Ok(_), Ok(_)) => shown("other value"),
        (Err(theirs), Err(ours)) => shown(&format!("{} for {}", ours.code, theirs.code)),
        (Err(theirs), Ok(_)) => shown(&format!("value for {}", theirs.code)),
        (Ok(_), Err(ours)) => shown(&format!("{} for value", ours.code)),
    }
}

fn is_of_data(failure: &Failure) -> bool {
    failure.code.starts_with("22")
}

/// Whether the value is NULL in every row.
fn is_null(rows: &str) -> bool {
    let rows: serde_json::Value = serde_json::from_str(rows).unwrap();
    rows.as_array()
        .is_some_and(|rows| rows.iter().all(|row| row.get("v").is_some_and(serde_json::Value::is_null)))
}
