//! The schema moves while isolates remember the old one.

use http::StatusCode;
use serde_json::json;

use super::schema::{catalog, change};
use super::{ANN, rows, with_todos};

#[test]
fn a_dropped_policy_counts_from_the_next_request_on() {
    let app = with_todos();
    let isolate = app.another_isolate();
    assert_eq!(rows(&isolate.user(ANN), "todos?select=id"), json!([{"id": 1}, {"id": 2}]));
    let before = catalog(&app);
    let mut after = before.clone();
    after.tables["todos"].policies.clear();
    change(&app, &before, &after);
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
    let before = catalog(&app);
    let mut after = before.clone();
    app.database.execute("ALTER TABLE people ADD COLUMN size TEXT; CREATE TABLE boats (id INTEGER PRIMARY KEY, name TEXT) STRICT");
    let mut size = after.tables["people"].columns[1].clone();
    size.name = "size".into();
    after.tables["people"].columns.push(size);
    let mut boats = after.tables["people"].clone();
    boats.name = "boats".into();
    boats.columns.retain(|column| ["id", "name"].contains(&column.name.as_str()));
    boats.foreign_keys.clear();
    after.tables.insert("boats".into(), boats);
    change(&app, &before, &after);
    assert_eq!(rows(&isolate.anon(), "boats"), json!([]));
    let other = app.another_isolate();
    assert_eq!(rows(&other.anon(), "people?select=size"), json!([]));
    assert_eq!(isolate.anon().get("/rest/v1/nowhere").send().status, StatusCode::NOT_FOUND);
}
