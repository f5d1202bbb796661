//! The schema moves while isolates remember the old one.

use http::StatusCode;
use serde_json::json;

use super::{ANN, rows, with_todos};

#[test]
fn a_dropped_policy_counts_from_the_next_request_on() {
    let app = with_todos();
    let isolate = app.another_isolate();
    assert_eq!(rows(&isolate.user(ANN), "todos?select=id"), json!([{"id": 1}, {"id": 2}]));
    app.migrate("20260102000000", "DROP POLICY \"own\" ON todos");
    let insert = isolate.user(ANN).post("/rest/v1/todos").json(&json!({"title": "late"})).send();
    assert_eq!(insert.status, StatusCode::FORBIDDEN, "{}", insert.text());
    let other = app.another_isolate();
    assert_eq!(rows(&other.user(ANN), "todos?select=id"), json!([]));
    assert_eq!(rows(&isolate.user(ANN), "todos?select=id"), json!([]));
    assert_eq!(app.database.value("SELECT count(*) FROM todos").as_deref(), Some("4"));
}

#[test]
fn a_new_column_and_a_new_table_are_found_by_an_old_isolate() {
    let app = with_todos();
    let isolate = app.another_isolate();
    rows(&isolate.user(ANN), "todos?select=id");
    app.migrate(
        "20260102000000",
        "ALTER TABLE people ADD COLUMN size text;
         CREATE TABLE boats (id integer PRIMARY KEY);
         ALTER TABLE boats DISABLE ROW LEVEL SECURITY;",
    );
    assert_eq!(rows(&isolate.anon(), "boats"), json!([]));
    let other = app.another_isolate();
    assert_eq!(rows(&other.anon(), "people?select=size"), json!([]));
    assert_eq!(isolate.anon().get("/rest/v1/nowhere").send().status, StatusCode::NOT_FOUND);
}
