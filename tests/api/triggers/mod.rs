//! Triggers: what a project's functions do when its rows change, whichever way they change.

mod accounts;
mod after;
mod before;
mod functions;
mod instead;
mod schema;
mod statement;

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const ANN: &str = "00000000-0000-4000-8000-00000000000a";
const BOB: &str = "00000000-0000-4000-8000-00000000000b";

/// A project of one migration, whose tables everyone may write unless it says otherwise.
fn project(sql: &str) -> TestApp {
    let app = TestApp::new();
    let answer = push(&app, "1", sql);
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    app
}

fn push(app: &TestApp, version: &str, sql: &str) -> Answer {
    let body = json!({"version": version, "name": "test", "sql": sql});
    app.service_role().post("/admin/v1/migrations").json(&body).send()
}

fn query(app: &TestApp, sql: &str) -> Answer {
    app.service_role().post("/admin/v1/query").json(&json!({"sql": sql})).send()
}

/// The rows of SQL that must succeed.
fn run(app: &TestApp, sql: &str) -> Value {
    let answer = query(app, sql);
    assert_eq!(answer.status, StatusCode::OK, "{sql}: {}", answer.text());
    answer.json()["rows"].clone()
}

/// Code and message of SQL that must be refused.
fn refusal(app: &TestApp, sql: &str) -> (String, String) {
    let answer = query(app, sql);
    assert_ne!(answer.status, StatusCode::OK, "{sql}: {}", answer.text());
    let body = answer.json();
    (body["code"].as_str().unwrap().to_string(), body["message"].as_str().unwrap().to_string())
}

/// That nothing of a batch is left in the tables that only live within one.
fn assert_clean(app: &TestApp) {
    for table in ["edgeward.caller", "edgeward.frame", "edgeward.rows"] {
        let left = app.database.value(&format!("SELECT count(*) FROM \"{table}\""));
        assert_eq!(left.as_deref(), Some("0"), "{table}");
    }
}
