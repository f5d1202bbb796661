//! `POST /rest/v1/batch`: several requests, all or nothing.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB, assert_error, with_todos};
use crate::app::{Answer, TestApp};

fn send(app: &TestApp, requests: Value) -> Answer {
    app.user(ANN).post("/rest/v1/batch").json(&json!({"requests": requests})).send()
}

fn titles(app: &TestApp) -> String {
    app.database.value("SELECT group_concat(title, ',' ORDER BY id) FROM todos").unwrap()
}

#[test]
fn requests_run_in_their_order_as_one_database_batch() {
    let app = with_todos();
    let wants = json!({"Prefer": "return=representation,count=exact"});
    app.user(ANN).get("/rest/v1/todos").send();
    let before = app.database.fault.calls();
    let answer = send(
        &app,
        json!([
            {"method": "POST", "path": "/todos?select=id,title", "headers": wants, "body": {"title": "tea"}},
            {"method": "patch", "path": "todos?id=eq.5&select=title", "headers": wants, "body": {"title": "green tea"}},
            {"method": "GET", "path": "/todos?select=title&order=id&limit=2&offset=1", "headers": {"prefer": "count=exact"}},
            {"method": "DELETE", "path": "/todo_tags?todo_id=eq.1"},
            {"method": "GET", "path": "/todos?select=title&id=eq.5", "headers": {"Accept": "application/vnd.pgrst.object+json"}},
            {"method": "GET", "path": "/todos?select=title&id=eq.5", "headers": {"Accept": "text/csv"}},
            {"method": "GET", "path": "/todos?id=eq.99", "headers": {"Accept": "application/vnd.pgrst.object+json"}},
            {"method": "POST", "path": "/todos", "headers": {"Prefer": "return=representation"}, "body": []},
            {"method": "HEAD", "path": "/todos", "headers": {"Prefer": "count=exact"}},
        ]),
    );
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(app.database.fault.calls() - before, 1, "one batch");
    let body = answer.json();
    let got: Vec<_> = body.as_array().unwrap().iter().map(|one| (&one["status"], &one["body"])).collect();
    let expected = [
        (json!(201), json!([{"id": 5, "title": "tea"}])),
        (json!(200), json!([{"title": "green tea"}])),
        (json!(206), json!([{"title": "bread"}, {"title": "green tea"}])),
        (json!(204), Value::Null),
        (json!(200), json!({"title": "green tea"})),
        (json!(200), json!("title\n\"green tea\"")),
        (json!(406), body[6]["body"].clone()),
        (json!(201), json!([])),
        (json!(200), Value::Null),
    ];
    assert_eq!(got, expected.iter().map(|(status, body)| (status, body)).collect::<Vec<_>>());
    assert_eq!(body[2]["headers"]["content-range"], json!("1-2/3"));
    assert_eq!(body[6]["body"]["code"], json!("PGRST116"));
    assert_eq!(titles(&app), "milk,bread,secret,plan,green tea");
}

#[test]
fn one_that_fails_undoes_all() {
    let app = with_todos();
    let before = titles(&app);
    let good = json!({"method": "POST", "path": "/todos", "body": {"title": "tea"}});
    let one_row = json!({"Accept": "application/vnd.pgrst.object+json", "Prefer": "return=representation"});
    #[rustfmt::skip]
    let rows = [
        (json!({"method": "POST", "path": "/todos", "body": {"title": "x", "user_id": BOB}}), 403, "42501", None),
        (json!({"method": "POST", "path": "/comments", "body": {"todo_id": 99, "body": "x"}}), 403, "42501", None),
        (json!({"method": "POST", "path": "/todos", "body": {"title": "milk"}}), 409, "23505", None),
        (json!({"method": "PATCH", "path": "/todos?id=gt.0", "headers": one_row, "body": {"done": true}}), 406, "PGRST116", None),
        (json!({"method": "POST", "path": "/profiles", "body": {"id": ANN, "name": "Ann"}}), 409, "23505", Some("1")),
        (json!({"method": "GET", "path": "/nope"}), 404, "PGRST205", Some("1")),
        (json!({"method": "GET", "path": "/todos?id=eq"}), 400, "PGRST100", Some("1")),
        (json!({"method": "POST", "path": "/todos", "body": {"nope": 1}}), 400, "PGRST204", Some("1")),
        (json!({"method": "POST", "path": "/todos"}), 400, "PGRST102", Some("1")),
        (json!({"method": "OPTIONS", "path": "/todos"}), 400, "PGRST127", Some("1")),
        (json!({"method": "GET", "path": "/rpc/f"}), 404, "PGRST202", Some("1")),
        (json!({"method": "GET", "path": "/"}), 400, "PGRST127", Some("1")),
        (json!({"method": "GET", "path": "/todos", "headers": {"a b": "c"}}), 400, "PGRST127", Some("1")),
    ];
    for (bad, status, code, place) in rows {
        let answer = send(&app, json!([good, bad]));
        assert_eq!(answer.status.as_u16(), status, "{bad}: {}", answer.text());
        assert_eq!(answer.json()["code"], json!(code), "{bad}");
        assert_eq!(answer.header("x-edgeward-request"), place, "{bad}");
        assert_eq!(titles(&app), before, "{bad}");
    }
}

#[test]
fn bodies_that_are_no_batch_are_refused() {
    let app = with_todos();
    for body in
        ["", "[]", "{}", "{\"requests\":1}", "{\"requests\":[{\"method\":\"GET\"}]}", "{\"requests\":[7]}"]
    {
        let answer = app.user(ANN).post("/rest/v1/batch").body(body.to_string()).send();
        assert_error(&answer, StatusCode::BAD_REQUEST, "PGRST102", "Empty or invalid json");
    }
    assert_eq!(send(&app, json!([])).json(), json!([]));
    let many = vec![json!({"method": "GET", "path": "/todos"}); 101];
    assert_eq!(send(&app, json!(many)).json()["code"], json!("PGRST127"));
}

#[test]
fn a_migration_in_between_is_noticed() {
    let app = with_todos();
    app.user(ANN).get("/rest/v1/todos").send();
    let other = app.another_isolate();
    other.migrate("2", "ALTER TABLE tags ADD COLUMN colour text; CREATE TABLE fresh (id int primary key);");
    let answer = send(
        &app,
        json!([{"method": "GET", "path": "/tags?select=colour&limit=1"}, {"method": "GET", "path": "/fresh"}]),
    );
    assert_eq!(answer.json()[0]["body"], json!([{"colour": null}]), "{}", answer.text());
}

#[test]
fn a_table_of_that_name_is_a_table() {
    let app = with_todos();
    app.migrate(
        "2",
        "CREATE TABLE batch (id int primary key); ALTER TABLE batch DISABLE ROW LEVEL SECURITY;",
    );
    let call = app.anon().post("/rest/v1/batch").header("prefer", "return=representation");
    assert_eq!(call.json(&json!({"id": 7})).send().json(), json!([{"id": 7}]));
    assert_eq!(app.anon().get("/rest/v1/batch").send().json(), json!([{"id": 7}]));
}
