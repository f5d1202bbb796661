//! Hostile SQL: whatever text comes, the translator answers in bounded time, with SQL or an error that says what is
//! wrong; it never panics and never runs out of stack.
//!
//!   cargo test --test hostile_sql                            a bounded run, the same texts every time
//!   HOSTILE_SECONDS=600 HOSTILE_SEED=7 cargo test --release --test hostile_sql -- --nocapture
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
// The texts take the time they take, and that is what is measured.
#![allow(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use edgeward::dialect::{ScriptError, Translation, translate};
use edgeward::schema::Catalog;

/// A Worker's stack is smaller than a thread's, and a debug build's frames are several times an optimised one's.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 512 << 10 };

/// The most that a text may take, however hostile: a debug build is some twenty times slower.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// What texts are made worse with.
#[rustfmt::skip]
const PIECES: &[&str] = &[
    "(", ")", "((((((((((", "))))))))))", "[", "]", "{", "}", ",", ";", ".", "..", ":", "::", ":=", "=", "=>", "->", "->>", "#>", "@>", "<@", "?", "||", "&&", "!", "~", "*", "/", "%", "^", "+", "-", "--", "/*", "*/", "/*/*", "'", "''", "'''", "\"", "\"\"", "$$", "$a$", "$1", "$", "\\", "E'\\'", "e'\\u0000'", "U&'\\0041'", "B'1'", "X'zz'", "\0", "\u{feff}", "\u{202e}", "ä", "日本", "🦀", "\r", "\n", "\t", " ",
    "select", "from", "where", "and", "or", "not", "null", "is", "in", "any", "all", "exists", "case", "when", "then", "else", "end", "cast", "as", "on", "using", "with", "recursive", "union", "order by", "group by", "limit", "values", "insert into", "update", "delete from", "set", "returning", "on conflict", "do", "create", "or replace", "alter", "drop", "table", "view", "function", "trigger", "policy", "index", "type", "enum", "domain", "schema", "extension", "returns", "language", "sql", "plpgsql", "begin", "declare", "if", "loop", "return", "raise exception", "perform", "security definer", "generated always as", "identity", "primary key", "references", "check", "default", "unique", "cascade", "if exists", "if not exists", "to authenticated", "for select", "with check", "grant", "revoke", "comment on", "partition by", "over", "filter", "lateral", "unnest", "array", "row", "interval", "collate",
    "int", "text", "uuid", "numeric(10,2)", "numeric(1000,1000)", "varchar(0)", "varchar(99999999999)", "text[]", "int4range", "timestamptz", "jsonb", "public.", "auth.users", "auth.uid()", "storage.objects", "pg_catalog.", "\"edgeward.catalog\"", "\"auth.users\"", "sqlite_master", "_cf_KV", "\"/new\"", "rowid", "oid", "new", "old", "0", "1", "-1", "1e999", "99999999999999999999999999", "0x1F", "1_000", ".5", "'2024-13-45'", "'{'", "'{}'", "'[1,2'", "'infinity'",
];

/// Reads and worsens the texts that there are.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A text that was fine, made worse a few times.
    fn worsened(&mut self, files: &[Vec<String>]) -> String {
        let file = self.pick(files).clone();
        // The statements before give the names that the last ones use.
        let kept = self.below(file.len() + 1);
        let mut statements: Vec<String> = file[..kept].to_vec();
        for _ in 0..=self.below(3) {
            let other = self.below(files.len());
            let victim = self.pick(&files[other]).clone();
            statements.push(self.worse(victim));
        }
        statements.join(";\n")
    }

    fn worse(&mut self, text: String) -> String {
        let mut words: Vec<String> = words(&text);
        for _ in 0..=self.below(4) {
            let (at, other) = (self.below(words.len()), self.below(words.len()));
            match self.below(8) {
                _ if words.is_empty() => words.push((*self.pick(PIECES)).to_string()),
                0 => drop(words.remove(at)),
                1 => words.insert(at, (*self.pick(PIECES)).to_string()),
                2 => words[at] = (*self.pick(PIECES)).to_string(),
                3 => words.swap(at, other),
                4 => words.insert(at, words[other].clone()),
                5 => words.truncate(at),
                6 => {
                    let times = 1 << self.below(8);
                    words[at] = words[at].repeat(times);
                }
                _ => {
                    let (from, to) = (at.min(other), at.max(other));
                    let depth = self.below(60);
                    words.insert(to, ")".repeat(depth));
                    words.insert(from, "(".repeat(depth));
                }
            }
        }
        words.concat()
    }
}

/// Words, numbers, blanks and single signs; together the text again.
fn words(text: &str) -> Vec<String> {
    let kind =
        |letter: char| if letter.is_alphanumeric() || letter == '_' { 1 } else { u32::from(letter) + 2 };
    let mut words: Vec<String> = Vec::new();
    let mut last = 0;
    for letter in text.chars() {
        if kind(letter) == 1 && last == 1 {
            words.last_mut().unwrap().push(letter);
        } else {
            words.push(letter.to_string());
        }
        last = kind(letter);
    }
    words
}

/// Every migration there is, by its statements.
fn files() -> Vec<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["tests/fixtures", "tests/e2e", "examples"] {
        collect(&root.join(folder), &mut paths);
    }
    paths.sort();
    assert!(!paths.is_empty());
    let texts = paths.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts
        .map(|text| edgeward::dialect::statements(&text).unwrap().into_iter().map(|one| one.text).collect())
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("node_modules") {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            paths.push(path);
        }
    }
}

/// Translates on a stack like a Worker's, and measures.
fn on_a_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).unwrap();
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What came of a text: its SQLSTATE, or `taken`. Panics when it took too long or says nothing.
fn answer(sql: &str) -> &'static str {
    let started = Instant::now();
    let outcome: Result<Translation, ScriptError> =
        translate(&Catalog::default(), sql, edgeward::policy::stored_caller);
    let elapsed = started.elapsed();
    assert!(elapsed < PATIENCE, "{elapsed:?} for {} bytes: {}", sql.len(), beginning(sql));
    match outcome {
        Ok(_) => "taken",
        Err(refused) => {
            assert!(
                !refused.error.message.is_empty() && refused.error.message.len() < 20_000,
                "{}",
                beginning(sql)
            );
            assert_eq!(refused.error.code.len(), 5, "{}", beginning(sql));
            refused.error.code
        }
    }
}

fn beginning(sql: &str) -> String {
    sql.chars().take(3_000).collect()
}

#[test]
fn worsened_migrations_are_answered() {
    let seconds = std::env::var("HOSTILE_SECONDS").ok().map(|text| text.parse::<u64>().unwrap());
    let seed = std::env::var("HOSTILE_SEED").ok().map_or(1, |text| text.parse().unwrap());
    let files = files();
    on_a_small_stack(|| {
        let (mut dice, started) = (Dice(seed), Instant::now());
        let mut answers: BTreeMap<&str, u64> = BTreeMap::new();
        let mut slowest = (Duration::ZERO, String::new());
        for round in 0u64.. {
            let over = match seconds {
                Some(seconds) => started.elapsed() > Duration::from_secs(seconds),
                None => round == 1_500,
            };
            if over {
                break;
            }
            let text = dice.worsened(&files);
            let began = Instant::now();
            let code = std::panic::catch_unwind(|| answer(&text))
                .unwrap_or_else(|_| panic!("HOSTILE_SEED={seed}, round {round}:\n{text}"));
            if began.elapsed() > slowest.0 {
                slowest = (began.elapsed(), text);
            }
            *answers.entry(code).or_default() += 1;
        }
        println!("{answers:?}\nslowest: {:?}, {} bytes", slowest.0, slowest.1.len());
        assert!(answers.len() > 3, "too alike to test much: {answers:?}");
    });
}

#[test]
fn deep_nesting_is_refused_before_the_stack_ends() {
    let deep = |open: &str, middle: &str, close: &str, times: usize| {
        format!("{}{middle}{}", open.repeat(times), close.repeat(times))
    };
    for times in [10, 20, 21, 41, 200, 20_000] {
        let texts = [
            format!("select {}", deep("(", "1", ")", times)),
            format!("select {}", deep("(select ", "1", ")", times)),
            format!("select {}", deep("not ", "true", "", times)),
            format!("select {}", deep("- ", "1", "", times)),
            format!("select {}", deep("case when true then ", "1", " end", times)),
            format!("select {}", deep("coalesce(", "1", ")", times)),
            format!("select {}", deep("array[", "1", "]", times)),
            format!("select {}", deep("cast(", "1", " as int)", times)),
            format!("select 1{}", "::int".repeat(times)),
            format!("select 1{}", " + 1".repeat(times)),
            format!("select 'a'{}", " || 'a'".repeat(times)),
            format!("select true{}", " and true".repeat(times)),
            format!("select '{{}}'::jsonb{}", " -> 'a'".repeat(times)),
            format!("select 1{}", " union all select 1".repeat(times)),
            format!("select * from {}", deep("(select * from ", "(values (1)) as v", ") as t", times)),
            deep("with a as (", "select 1", ") select 1", times),
            format!("select 1 where 1 in {}", deep("(select 1 where 1 in ", "(1)", ")", times)),
            format!("create table t (a int check ({}))", deep("(", "a > 0", ")", times)),
            format!("create table t (a int default {})", deep("(", "1", ")", times)),
            format!(
                "create function f() returns int language sql as $$ select {} $$",
                deep("(", "1", ")", times)
            ),
            format!(
                "create function f() returns void language plpgsql as $$ begin {} end $$",
                deep("if true then ", "null;", " end if;", times)
            ),
            format!(
                "create function f() returns void language plpgsql as $$ begin {} end $$",
                deep("begin ", "null;", " end;", times)
            ),
            format!("create view v as select {} as a", deep("(", "1", ")", times)),
            deep("/*", "", "*/", times),
        ];
        for text in texts {
            let started = Instant::now();
            let code = on_a_small_stack(|| answer(&text));
            assert!(started.elapsed() < PATIENCE, "{times}: {}", beginning(&text));
            assert!(times < 20_000 || code != "taken" || text.starts_with("/*"), "{}", beginning(&text));
        }
    }
}

#[test]
fn a_megabyte_is_answered_in_time() {
    let megabyte = 1 << 20;
    let filled = |piece: &str| piece.repeat(megabyte / piece.len());
    let rows = |row: &str| {
        format!("create table t (id int, body text);\ninsert into t values {}(0, '')", filled(row))
    };
    let texts = [
        filled("select 1;\n"),
        filled("-- a comment\n"),
        filled("/* a comment */ "),
        filled("("),
        filled(";"),
        filled("'"),
        filled("$$"),
        filled("\""),
        filled("a "),
        filled("a."),
        filled("1+"),
        filled("é"),
        filled("\0"),
        rows("(1, 'abc'), "),
        format!("select '{}'", filled("x")),
        format!("create {} x", filled("schema")),
        format!("revoke all on t from {}", filled("anon")),
        format!("create table t (a int); grant all on t to {}", filled("é")),
        format!("select \"{}\"", filled("x")),
        format!("select {}1", filled("1, ")),
        format!("select {}1", filled("1 + ")),
        format!("create table t ({}z int)", (0..80_000).map(|n| format!("c{n} int, ")).collect::<String>()),
    ];
    for text in texts {
        let started = Instant::now();
        let code = on_a_small_stack(|| answer(&text));
        println!("{:>8.0?} {code} {:?}", started.elapsed(), text.chars().take(50).collect::<String>());
    }
}

#[test]
fn hostile_names_stay_names() {
    let names = [
        "\"a\"\"b\"",
        "\"'; drop table t; --\"",
        "\"${x}\"",
        "\"?1\"",
        "\"a\nb\"",
        "\" \"",
        "\"ä日本🦀\"",
        "\"select\"",
        "\"rowid\"",
        "\"a.b\"",
        "\"%s\"",
        "\"\u{202e}\"",
    ];
    for name in names {
        let sql = format!(
            "create table {name} ({name} int primary key, b int references {name} ({name}), constraint {name} check ({name} > 0));
             create index on {name} ({name});
             create policy {name} on {name} using ({name}.{name} = 1);
             insert into {name} ({name}) values (1);
             select {name}.{name} as {name} from {name} as {name};
             alter table {name} rename column {name} to c"
        );
        let code = on_a_small_stack(|| answer(&sql));
        assert!(["taken", "42602", "0A000", "42P07", "42710"].contains(&code), "{name}: {code}");
    }
    let long = format!("create table \"{}\" (a int)", "x".repeat(10_000));
    on_a_small_stack(|| answer(&long));
}
