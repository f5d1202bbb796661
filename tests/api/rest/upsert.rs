//! Rows that are inserted or, where they are there already, updated.

use http::StatusCode;
use serde_json::json;

use super::{ANN, assert_error, rows, with_people, with_todos};
use crate::app::{Answer, TestApp};

fn upsert(app: &TestApp, target: &str, body: serde_json::Value, prefer: &str) -> Answer {
    app.anon().post(&format!("/rest/v1/{target}")).json(&body).header("prefer", prefer).send()
}

#[test]
fn merging_updates_what_is_there() {
    let app = with_people();
    let both = upsert(
        &app,
        "people?select=id,name,age",
        json!([{"id": 9, "name": "Abel"}, {"id": 1, "name": "Eva"}, {"id": 8, "name": "Noah"}]),
        "resolution=merge-duplicates,return=representation,count=exact",
    );
    assert_eq!(both.status, StatusCode::CREATED, "{}", both.text());
    let in_the_bodys_order = json!([
        {"id": 9, "name": "Abel", "age": null},
        {"id": 1, "name": "Eva", "age": 40},
        {"id": 8, "name": "Noah", "age": null},
    ]);
    assert_eq!(both.json(), in_the_bodys_order);
    assert_eq!(both.header("content-range"), Some("*/3"));
    let preferences = "resolution=merge-duplicates, return=representation, count=exact";
    assert_eq!(both.header("preference-applied"), Some(preferences));
    let old = upsert(&app, "people", json!({"id": 9, "name": "Seth"}), "resolution=merge-duplicates");
    assert_eq!((old.status, old.text().as_str()), (StatusCode::OK, ""), "no new row");
    let new = upsert(&app, "people", json!({"id": 10, "name": "Enos"}), "resolution=merge-duplicates");
    assert_eq!(new.status, StatusCode::CREATED);
    assert_eq!(
        rows(&app.anon(), "people?select=name&id=in.(9,10)&order=id"),
        json!([{"name": "Seth"}, {"name": "Enos"}])
    );
}

#[test]
fn ignoring_leaves_what_is_there() {
    let app = with_people();
    let answer = upsert(
        &app,
        "people?select=id",
        json!([{"id": 1, "name": "Eva"}, {"id": 9, "name": "Abel"}]),
        "resolution=ignore-duplicates,return=representation",
    );
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, json!([{"id": 9}])));
    assert_eq!(rows(&app.anon(), "people?select=name&id=eq.1"), json!([{"name": "Eve"}]));
}

#[test]
fn another_key_than_the_primary() {
    let app = with_todos();
    let ann = app.user(ANN);
    let merge = |target: &str, body: serde_json::Value| {
        ann.post(&format!("/rest/v1/{target}"))
            .json(&body)
            .header("prefer", "resolution=merge-duplicates,return=representation")
            .send()
    };
    let answer = merge(
        "todos?on_conflict=user_id,title&select=id,done",
        json!({"user_id": ANN, "title": "milk", "done": true}),
    );
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([{"id": 1, "done": true}])));
    let bad = StatusCode::BAD_REQUEST;
    assert_error(
        &merge("todos?on_conflict=title", json!({"title": "x"})),
        bad,
        "42P10",
        "there is no unique or exclusion constraint matching the ON CONFLICT specification",
    );
    assert_error(
        &merge("todos?on_conflict=nope", json!({"title": "x"})),
        bad,
        "42703",
        "column \"nope\" does not exist",
    );
    let without_key = merge("todos?select=title", json!({"title": "new"}));
    assert_eq!((without_key.status, without_key.json()), (StatusCode::CREATED, json!([{"title": "new"}])));
}

#[test]
fn a_row_cannot_be_merged_twice() {
    let app = with_people();
    let body = json!([{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]);
    let answer = upsert(&app, "people", body, "resolution=merge-duplicates");
    assert_error(
        &answer,
        StatusCode::INTERNAL_SERVER_ERROR,
        "21000",
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
    );
}

#[test]
fn put_writes_the_row_it_names() {
    let app = with_people();
    let put = |target: &str, body: serde_json::Value| {
        app.anon()
            .put(&format!("/rest/v1/{target}"))
            .json(&body)
            .header("prefer", "return=representation")
            .send()
    };
    let new = put("people?id=eq.20&select=id,name", json!({"id": 20, "name": "x"}));
    assert_eq!((new.status, new.json()), (StatusCode::CREATED, json!([{"id": 20, "name": "x"}])));
    let old = put("people?id=eq.20&select=id,name", json!({"id": 20, "name": "y"}));
    assert_eq!((old.status, old.json()), (StatusCode::OK, json!([{"id": 20, "name": "y"}])));
    let message = "Filters must include all and only primary key columns with 'eq' operators";
    for target in ["people", "people?id=gt.1", "people?id=eq.1&name=eq.x", "people?or=(id.eq.1)"] {
        assert_error(&put(target, json!({"id": 1})), StatusCode::METHOD_NOT_ALLOWED, "PGRST105", message);
    }
    assert_error(
        &put("people?id=eq.1", json!({"id": 2})),
        StatusCode::BAD_REQUEST,
        "PGRST115",
        "Payload values do not match URL in primary key column(s)",
    );
    assert_error(
        &put("people?id=eq.1&limit=1", json!({"id": 1})),
        StatusCode::BAD_REQUEST,
        "PGRST114",
        "limit/offset querystring parameters are not allowed for PUT",
    );
}
