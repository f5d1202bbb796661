//! Stage 5: full text search. Random texts of what texts are made of, and random queries of every syntax: the
//! vectors made of them and what is found, by SQL, by a generated column and by the data API.

use serde_json::json;

use crate::app::TestApp;
use crate::chance::Chance;
use crate::expressions::judge;
use crate::ours;
use crate::postgres::Postgres;
use crate::report::{Report, Verdict};

const SCHEMA: &str = "
CREATE TABLE texts (
  id int PRIMARY KEY,
  title text,
  body text,
  words tsvector GENERATED ALWAYS AS (setweight(to_tsvector('english', coalesce(title, '')), 'A') || setweight(to_tsvector('english', coalesce(body, '')), 'B')) STORED
);
CREATE INDEX texts_words ON texts USING gin (words);
ALTER TABLE texts DISABLE ROW LEVEL SECURITY;";

/// What texts are made of.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "the", "a", "cat", "cats", "Running", "runner", "ran", "happiness", "generously", "dying", "skies", "News", "relational", "don't",
    "it's", "I'm", "naïve", "café", "Ünïcode", "日本語", "привет", "up-to-date", "state-of-the-art", "foo-bar-baz", "x-ray", "e-mail",
    "foo_bar", "snake_case_name", "abc123", "123abc", "5th", "42", "3.14", "-7", "-2.5", "+8", "1e5", "1.5e-3", "1.2.3", "10.0.0.1", "2024-01-15",
    "12:30", "user@example.com", "first.last@mail.example.org", "example.com", "www.example.com/path/to/page.html", "http://example.com",
    "https://example.com/a?b=c&d=e#f", "example.com:8080/x", "/usr/local/bin", "~/notes.txt", "./here", "../there", "a/b", "and/or", "file.txt",
    "e.g.", "U.S.A", "end.Next", "<b>bold</b>", "<a href=\"x\">", "&amp;", "&#160;", "<", ">", "C++", "#tag", "@someone", "$5.00", "50%", "(see)",
    "\"quoted\"", "'single'", "back\\slash", "a--b", "--", "...", "x.", "v1.0", "v1.0-beta", "beta-2", "2-beta", "covid-19", "mother-in-law's", "ſ", "①",
    "rock'n'roll", "AT&T", "R&D", "isn’t", "well—known", "über-cool", "co-operate", "re-", "-start", "t-shirt", "word1-word2", "a1b2", "9to5", "1st-class",
];

const SEPARATORS: &[&str] = &[" ", " ", " ", " ", " ", ", ", ". ", "\n", "; ", " - ", "-", "/", ".", ":", ""];

/// Queries of words that may be in the texts.
#[rustfmt::skip]
const QUERIES: &[(&str, &str, &[&str])] = &[
    ("to_tsquery",           "fts",   &["cat", "cats & running", "cat | skies", "!cat", "run:*", "cat <-> ran", "cat <2> ran", "(cat | dog) & !news", "the", "cat & the", "up-to-date", "'running cats'", "cat:A", "cat:AB & ran", "!(cat & ran)", "happi:*B", "cat &", "cat ran", "", "the <-> cat", "cat <-> the <-> ran", "!!cat", "foo_bar", "example.com", "a:*", "'it''s'", "cat | (ran & !skies)"]),
    ("plainto_tsquery",      "plfts", &["cat", "the cats are running", "up-to-date", "the", "", "user@example.com", "cat, dog", "1.5 abc123", "don't"]),
    ("phraseto_tsquery",     "phfts", &["cat ran", "the cat", "cat the ran", "up-to-date", "the", "state of the art", "running cats"]),
    ("websearch_to_tsquery", "wfts",  &["cat", "cats running", "\"cat ran\"", "cat or skies", "cat OR \"the news\"", "-cat", "cat -ran", "cat -\"ran skies\"", "or cat", "cat or", "the", "\"", "cat & dog", "up-to-date", "orchid", "cat:dog", "cat or-ran", "(cat or ran) news", "- cat", "foo_bar", "cat\"ran\"", "--cat"]),
];

pub fn run(postgres: &mut Postgres, seeds: &mut dyn Iterator<Item = u64>, report: &mut Report) {
    for seed in seeds {
        let mut chance = Chance::new(seed);
        let app = TestApp::new();
        postgres.migrate(SCHEMA).unwrap();
        ours::migrate(&app, SCHEMA).unwrap();
        let mut rows = Vec::new();
        for id in 0..12 {
            let title = if chance.percent(10) { "NULL".to_string() } else { quoted(&text(&mut chance, 4)) };
            let body = if chance.percent(5) { "NULL".to_string() } else { quoted(&text(&mut chance, 12)) };
            rows.push(format!("({id}, {title}, {body})"));
        }
        let insert = format!("INSERT INTO texts (id, title, body) VALUES {}", rows.join(", "));
        postgres.run(&json!({"role": "service_role"}), &insert).unwrap();
        ours::query(&app, &insert).unwrap();
        let configuration = *chance.pick(&["english", "simple"]);
        let mut queries = vec![
            format!("SELECT id, to_tsvector('{configuration}', body)::text AS v FROM texts"),
            "SELECT id, words AS v FROM texts".to_string(),
            "SELECT id, strip(words)::text AS v FROM texts".to_string(),
        ];
        for (function, _, texts) in QUERIES {
            let query = quoted(chance.pick::<&str>(texts));
            queries
                .push(format!("SELECT id, words @@ {function}('{configuration}', {query}) AS v FROM texts"));
            let query = quoted(chance.pick::<&str>(texts));
            queries.push(format!("SELECT id, body @@ {function}({query}) AS v FROM texts"));
            let query = quoted(chance.pick::<&str>(texts));
            queries.push(format!("SELECT id, to_tsvector('{configuration}', title) @@ {function}('{configuration}', {query} || '') AS v FROM texts"));
        }
        for (function, _, texts) in QUERIES {
            let query = quoted(chance.pick::<&str>(texts));
            let method = chance.pick(&[0, 0, 1, 2, 8, 16, 32, 33]);
            let weights = chance.pick(&["", "", "'{0.2, 0.3, 0.5, 0.9}', ", "'{-1, 0, 1, 0.25}', "]);
            queries.push(format!(
                "SELECT id, ts_rank(words, {function}('{configuration}', {query})) AS v FROM texts"
            ));
            queries.push(format!("SELECT id, ts_rank({weights}to_tsvector('{configuration}', body), {function}('{configuration}', {query} || ''), {method}) AS v FROM texts"));
            queries.push(format!("SELECT id, ts_rank({weights}strip(words), {function}('{configuration}', {query}), {method}) > 0.05 AS v FROM texts"));
        }
        for query in queries {
            let theirs = postgres.value(&format!("SELECT json_agg(rows ORDER BY id) FROM ({query}) AS rows"));
            let ours = ours::query(&app, &format!("{query} ORDER BY id"));
            report.add(seed, judge(&query, &theirs, &ours));
        }
        for (function, word, texts) in QUERIES {
            for column in ["words", "body"] {
                let text = *chance.pick::<&str>(texts);
                report.add(seed, filter(postgres, &app, column, function, word, configuration, text));
            }
        }
    }
}

fn filter(
    postgres: &mut Postgres,
    app: &TestApp,
    column: &str,
    function: &str,
    word: &str,
    configuration: &str,
    text: &str,
) -> Verdict {
    let vector =
        if column == "body" { format!("to_tsvector('{configuration}', body)") } else { column.to_string() };
    let theirs = postgres.value(&format!(
        "SELECT coalesce(json_agg(json_build_object('id', id) ORDER BY id), '[]') FROM texts WHERE {vector} @@ {function}('{configuration}', {})",
        quoted(text)
    ));
    let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let target = format!("/rest/v1/texts?select=id&order=id&{column}={word}({configuration}).{encoded}");
    judge(&target, &theirs, &ours::outcome(&app.service_role().get(&target).send()))
}

fn text(chance: &mut Chance, most: usize) -> String {
    let mut text = String::new();
    for _ in 0..chance.between(1, most) {
        text.push_str(chance.pick::<&str>(PIECES));
        text.push_str(chance.pick::<&str>(SEPARATORS));
    }
    text
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
