//! Requests that are none, callers who may not, and files made to hurt.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

#[test]
fn only_the_service_key_may_call() {
    let app = TestApp::new();
    for path in ["/admin/v1/migrations", "/admin/v1/query"] {
        let body = json!({"version": "1", "name": "x", "sql": "select 1"});
        assert_eq!(app.nobody().post(path).json(&body).send().status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(app.anon().post(path).json(&body).send().status, StatusCode::FORBIDDEN, "{path}");
        let user = app.user("d0d3ae55-3a5c-4b5f-9a3b-1c0a3c0f7a11");
        assert_eq!(user.post(path).json(&body).send().status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(app.service_role().post(path).json(&body).send().status, StatusCode::OK, "{path}");
    }
}

#[test]
fn bodies_that_are_no_migration_are_refused() {
    let app = TestApp::new();
    let rows = [
        "",
        "{",
        "[]",
        "{}",
        r#"{"version": "1"}"#,
        r#"{"version": 1, "name": "x", "sql": ""}"#,
        r#"{"version": "", "name": "x", "sql": ""}"#,
        r#"{"version": "1; drop", "name": "x", "sql": ""}"#,
        r#"{"version": "1", "name": "x", "sql": 5}"#,
        "\u{0}",
    ];
    for body in rows {
        let answer = app.service_role().post("/admin/v1/migrations").body(body.as_bytes().to_vec()).send();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.json()["code"], json!("PGRST102"), "{body}");
    }
    let answer = app.service_role().post("/admin/v1/query").body(r#"{"query": "select 1"}"#).send();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = app.service_role().post("/admin/v1/query").body(vec![b'x'; 5 << 20]).send();
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// A debug build is some ten times slower than the Worker.
const LONG: Duration = Duration::from_secs(20);

#[test]
#[allow(clippy::disallowed_methods)] // Real time is what this measures.
fn files_made_to_hurt_end_in_bounded_time() {
    let app = TestApp::new();
    app.migrate("1", "create table t (id int, a text)");
    let mib = 1 << 20;
    let files = [
        format!("select {}", "(".repeat(mib)),
        format!("select {}", "((".repeat(19)),
        format!("select * from {}", "(".repeat(19)),
        format!("select * from {}", "(select * from ".repeat(18)),
        format!("select * from t where {}", "(id in (".repeat(9)),
        format!("select {}1", "case when true then ".repeat(1_000)),
        format!("select {}true", "not ".repeat(mib / 4)),
        format!("select {}1", "- ".repeat(mib / 2)),
        format!("select {}", vec!["1"; mib / 4].join(" + ")),
        format!("select 1 {}", "union select 1 ".repeat(mib / 20)),
        format!("select 1{}", "::int".repeat(mib / 5)),
        format!("select array{}", "[".repeat(mib)),
        format!("select 1 as a{}", ", 1 as a".repeat(mib / 8)),
        format!("select 'a'{}", " || 'a'".repeat(mib / 7)),
        format!("select * from t where id in ({})", vec!["1"; mib / 3].join(", ")),
        format!("create table x (id int{})", ", id int".repeat(mib / 8)),
        format!("select '{}'", "é".repeat(mib / 2)),
        format!("select \"{}\"", "a".repeat(mib)),
        format!("select $${}", "a".repeat(mib)),
        format!("/*{}", "/*".repeat(mib / 2)),
        "select 1;".repeat(mib / 9),
        ";".repeat(mib),
        "\u{feff}select 1".to_string(),
        "select 1 \u{0}".to_string(),
        "\\connect x".to_string(),
        "select '\u{0}'".to_string(),
        "é".repeat(1_000),
        "create policy p on t using (id = 1".to_string(),
    ];
    for file in files {
        let started = Instant::now();
        let answer = app.run(&file);
        let shown: String = file.chars().take(60).collect();
        assert!(started.elapsed() < LONG, "{shown}: {:?}", started.elapsed());
        assert!(
            matches!(answer.status, StatusCode::OK | StatusCode::BAD_REQUEST),
            "{shown}: {}",
            answer.text().chars().take(300).collect::<String>()
        );
        assert!(answer.status == StatusCode::OK || answer.json()["code"].is_string(), "{shown}");
    }
    assert_eq!(app.rows("select count(*) as n from t"), json!([{"n": 0}]));
}
