//! The arrows between the parts, and the few rules no compiler checks, each with its reason.
//!
//! The whole rule book is data: rows below. A change to it changes `ARCHITECTURE.md` in the same commit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};

/// A part of `src/`, and the parts it may name as `crate::…`. Everything else is an arrow too many.
#[rustfmt::skip]
const ARROWS: &[(&str, &[&str])] = &[
    ("sql",          &[]),
    ("time",         &[]),
    ("config",       &["time"]),
    ("ports",        &["sql", "time"]),
    ("crypto",       &["ports"]),
    ("jwt",          &["crypto", "ports", "time"]),
    ("caller",       &["jwt"]),
    ("token_bucket", &["time"]),
    ("documents",    &["ports", "time"]),
    ("edge_session", &["ports", "time"]),
    ("line_archive", &["crypto", "ports", "time"]),
    ("text_search",  &["ports", "sql"]),
    ("schema",       &["sql", "ports", "crypto", "text_search", "time"]),
    ("dialect",      &["sql", "schema", "text_search"]),
    ("policy",       &["sql", "schema", "dialect", "caller"]),
    ("recent_versions", &[]),
    ("app",          &["config", "crypto", "ports", "documents", "http", "jwt", "edge_session", "line_archive", "recent_versions", "schema", "text_search", "time"]),
    ("http",         &["app", "caller", "config", "crypto", "edge_session", "jwt", "ports", "time"]),
    ("admin",        &["app", "caller", "dialect", "http", "policy", "ports", "schema", "sql", "time"]),
    ("rest",         &["app", "caller", "config", "crypto", "dialect", "http", "policy", "ports", "schema", "sql", "text_search", "time"]),
    ("auth",         &["app", "caller", "config", "crypto", "edge_session", "http", "jwt", "ports", "sql", "time"]),
    ("storage",      &["app", "caller", "config", "crypto", "dialect", "http", "jwt", "policy", "ports", "recent_versions", "schema", "sql", "time"]),
    ("schedule",     &["app", "auth", "storage", "text_search"]),
    ("routes",       &["admin", "app", "auth", "caller", "http", "rest", "storage"]),
    ("platform",     &["app", "config", "crypto", "http", "ports", "routes", "schedule", "sql", "time", "token_bucket"]),
];

/// Inside a part: files whose path starts with the first may not contain the second.
#[rustfmt::skip]
const INSIDE: &[(&str, &[&str], &str)] = &[
    ("rest/request", &["crate::schema", "crate::policy", "crate::dialect"], "a request is parsed without knowing the schema"),
    ("rest/plan",    &["\"SELECT ", "\"INSERT ", "\"UPDATE ", "\"DELETE ", "crate::sql"], "a plan knows no SQL text"),
    ("sql/",         &["async fn", ".await", "crate::ports"], "SQL as values runs nothing"),
    ("dialect/",     &["async fn", ".await", "crate::ports"], "the translator is pure"),
    ("policy/",      &["async fn", ".await", "crate::ports"], "policies are compiled, not run"),
];

/// Crates that only the platform may name: a native build has none of them.
const PLATFORM_CRATES: &[&str] = &["worker::", "wasm_bindgen", "js_sys", "web_sys"];

/// Where SQL text may stand.
const SQL_PLACES: &[&str] =
    &["rest/query", "policy/", "dialect/", "schema/store.rs", "/store/", "/store.rs", "sql/"];

/// What SQL text starts with in a string literal.
const SQL_STARTS: &[&str] =
    &["\"SELECT ", "\"INSERT INTO", "\"UPDATE ", "\"DELETE FROM", "\"CREATE ", "\"WITH "];

/// Files of a feature that may know requests and responses.
const HTTP_PLACES: &[&str] = &["/api/", "/api.rs", "/error.rs", "/response.rs"];

const FEATURES: &[&str] = &["admin", "auth", "rest", "storage"];

/// A file holds one idea; past this many lines it holds two.
const LONGEST_FILE: usize = 600;

struct Source {
    /// Below `src/`, with `/`.
    path: String,
    text: String,
}

impl Source {
    fn part(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The code without its comments, which may name what they like, and without its tests.
    fn code(&self) -> String {
        let code = self.text.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            path: path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"),
            text: fs::read_to_string(&path).unwrap(),
        })
        .collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, files) } else { files.push(path) }
    }
}

fn violations(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .flat_map(|source| [arrows(source), inside(source), places(source), form(source)].concat())
        .collect()
}

fn arrows(source: &Source) -> Vec<String> {
    if source.path == "lib.rs" {
        return Vec::new();
    }
    let part = source.part();
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == part) else {
        return vec![format!("{}: the part `{part}` has no row in ARROWS", source.path)];
    };
    named_parts(&source.code())
        .into_iter()
        .filter(|target| target != part && !allowed.contains(&target.as_str()))
        .map(|target| format!("{}: `{part}` may not know `{target}`", source.path))
        .collect()
}

/// `crate::a::…` and `use crate::{a, b::c}` → `a`, `b`.
fn named_parts(code: &str) -> Vec<String> {
    let mut parts = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || character == '_') {
            continue;
        }
        let rest = &code[at + "crate::".len()..];
        let group = rest.strip_prefix('{').map(|group| group.split("};").next().unwrap());
        let names: Vec<&str> = group.map_or_else(|| vec![rest], |group| split_group(group));
        parts.extend(
            names
                .into_iter()
                .map(first_name)
                .filter(|name| name.chars().all(|c| c.is_lowercase() || c == '_')),
        );
    }
    parts.sort();
    parts.dedup();
    parts.retain(|name| !name.is_empty());
    parts
}

fn split_group(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut items) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                items.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&group[start..]);
    items
}

fn first_name(text: &str) -> String {
    text.trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect()
}

fn inside(source: &Source) -> Vec<String> {
    let rows = INSIDE.iter().filter(|(place, _, _)| source.path.starts_with(place));
    rows.flat_map(|(_, forbidden, reason)| {
        let found = forbidden.iter().filter(|text| source.code().contains(**text));
        found.map(|text| format!("{}: has `{text}`, but {reason}", source.path)).collect::<Vec<_>>()
    })
    .collect()
}

fn places(source: &Source) -> Vec<String> {
    let (path, code, part) = (&source.path, &source.code(), source.part());
    let mut found = Vec::new();
    if part != "platform" {
        for name in PLATFORM_CRATES.iter().filter(|name| names(code, name)) {
            found.push(format!("{path}: only platform/ may name `{name}`"));
        }
    }
    if !SQL_PLACES.iter().any(|place| path.contains(place)) {
        for start in SQL_STARTS.iter().filter(|start| code.contains(**start)) {
            found.push(format!("{path}: SQL text ({start}…) belongs in a store"));
        }
    }
    let may_know_http = HTTP_PLACES.iter().any(|place| path.contains(place));
    if FEATURES.contains(&part) && !may_know_http && named_parts(code).iter().any(|name| name == "http") {
        found.push(format!("{path}: only a feature's api knows requests and responses"));
    }
    found
}

fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || "_:\"`".contains(character))
    })
}

fn form(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !source.text.starts_with("//!") {
        found.push(format!("{}: does not open with what it is (`//!`)", source.path));
    }
    let lines = source.text.lines().count();
    if lines > LONGEST_FILE {
        found.push(format!("{}: {lines} lines; is it still one idea?", source.path));
    }
    let banned = ["utils", "helpers", "common", "manager"];
    if banned.iter().any(|name| source.path.split(['/', '.']).any(|piece| piece == *name)) {
        found.push(format!("{}: a name that says nothing", source.path));
    }
    found
}

#[test]
fn the_tree_keeps_its_rules() {
    let found = violations(&sources());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_binding_is_named_in_the_configuration_and_in_one_file() {
    let bindings =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/platform/bindings.rs")).unwrap();
    let configuration =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("wrangler.toml")).unwrap();
    for line in bindings.lines().filter(|line| line.contains("pub const")) {
        let name = line.split('"').nth(1).unwrap();
        assert!(configuration.contains(&format!("\"{name}\"")), "wrangler.toml has no binding {name}");
    }
}

/// Each rule catches what it is for.
#[test]
fn a_broken_rule_is_found() {
    let rows = [
        ("auth/session.rs", "//! x\nuse crate::rest::Plan;", "`auth` may not know `rest`"),
        ("schema/table.rs", "//! x\nuse crate::{sql, policy::using};", "`schema` may not know `policy`"),
        ("sql/writer.rs", "//! x\nfn f() { crate::http::serve(); }", "`sql` may not know `http`"),
        ("newpart/a.rs", "//! x", "no row in ARROWS"),
        ("rest/request/select.rs", "//! x\nuse crate::schema::Table;", "without knowing the schema"),
        ("rest/plan/read.rs", "//! x\nconst Q: &str = \"SELECT 1\";", "knows no SQL text"),
        ("policy/predicate.rs", "//! x\nasync fn f() {}", "compiled, not run"),
        ("http/serve.rs", "//! x\nuse web_sys::Request;", "only platform/"),
        ("auth/session.rs", "//! x\nlet s = \"INSERT INTO t\";", "belongs in a store"),
        ("storage/upload.rs", "//! x\nuse crate::http::Response;", "only a feature's api"),
        ("auth/session.rs", "use std::rc::Rc;", "does not open"),
        ("auth/utils.rs", "//! x", "says nothing"),
    ];
    for (path, text, expected) in rows {
        let found = violations(&[Source { path: path.into(), text: text.into() }]);
        assert!(found.iter().any(|violation| violation.contains(expected)), "{path}: {found:?}");
    }
}
