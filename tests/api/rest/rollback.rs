//! `Prefer: tx=rollback`: the answer as if, and nothing done.

use http::StatusCode;
use serde_json::json;

use super::schema::install;
use super::{ANN, BOB, add_todos, assert_error};
use crate::app::{Call, TestApp};

const ROLLBACK: &str = "tx=rollback,return=representation";

fn app(transaction_end: &str) -> TestApp {
    let app = TestApp::with_vars(&[("DB_TX_END", transaction_end)]);
    install(&app);
    add_todos(&app);
    app
}

fn everything(app: &TestApp) -> String {
    let of = |table: &str, columns: &str| {
        app.database.value(&format!("SELECT group_concat({columns}, ',') FROM {table}")).unwrap_or_default()
    };
    format!(
        "{}|{}|{}",
        of("todos", "id || title || done"),
        of("tags", "id || name"),
        of("sqlite_master", "name")
    )
}

#[test]
fn writes_answer_as_if_and_do_nothing() {
    let app = app("commit-allow-override");
    app.database.execute("INSERT INTO things (id, label) VALUES (1, 'x')");
    let before = everything(&app);
    let ann = app.user(ANN);
    let todo = |id: i32, title: &str| json!({"id": id, "title": title});
    let post = |body: serde_json::Value| ann.post("/rest/v1/todos?select=id,title").json(&body);
    let cases: Vec<(Call<'_>, &str, StatusCode, serde_json::Value)> = vec![
        (post(json!({"title": "tea"})), "", StatusCode::CREATED, json!([todo(5, "tea")])),
        (
            post(json!([{"title": "tea"}, {"title": "cake"}])),
            "",
            StatusCode::CREATED,
            json!([todo(6, "tea"), todo(7, "cake")]),
        ),
        (
            post(json!([{"id": 2, "title": "tea"}])),
            "resolution=merge-duplicates,",
            StatusCode::OK,
            json!([todo(2, "tea")]),
        ),
        (
            post(json!([{"id": 2, "title": "tea"}, {"id": 9, "title": "rye"}])),
            "resolution=ignore-duplicates,",
            StatusCode::CREATED,
            json!([todo(9, "rye")]),
        ),
        (
            ann.patch("/rest/v1/todos?id=lte.2&select=id,title,comments(id)&order=id.desc")
                .json(&json!({"done": true})),
            "",
            StatusCode::OK,
            json!([{"id": 2, "title": "bread", "comments": []},
                   {"id": 1, "title": "milk", "comments": [{"id": 1}, {"id": 2}]}]),
        ),
        (
            ann.patch("/rest/v1/things?id=eq.1&select=id,label").json(&json!({"id": 77})),
            "",
            StatusCode::OK,
            json!([{"id": 77, "label": "x"}]),
        ),
        (
            ann.delete("/rest/v1/todo_tags?todo_id=eq.1&select=tag_id&order=tag_id.desc"),
            "",
            StatusCode::OK,
            json!([{"tag_id": 2}, {"tag_id": 1}]),
        ),
    ];
    for (call, preference, status, body) in cases {
        let answer = call.header("prefer", &format!("{preference}{ROLLBACK},count=exact")).send();
        assert_eq!((answer.status, answer.json()), (status, body), "{}", answer.text());
        assert!(answer.header("preference-applied").unwrap().contains("count=exact, tx=rollback"));
        assert_eq!(everything(&app), before);
    }
}

#[test]
fn bodies_and_headers_are_those_of_a_commit() {
    let app = app("commit-allow-override");
    let ann = app.user(ANN);
    let single = ann
        .post("/rest/v1/todos?select=title")
        .json(&json!({"title": "it's \"quoted\" ä"}))
        .header("accept", "application/vnd.pgrst.object+json")
        .header("prefer", ROLLBACK)
        .send();
    assert_eq!(single.json(), json!({"title": "it's \"quoted\" ä"}));
    let headers = ann
        .post("/rest/v1/todos")
        .json(&json!({"title": "x"}))
        .header("prefer", "tx=rollback,return=headers-only")
        .send();
    assert_eq!((headers.status, headers.header("location")), (StatusCode::CREATED, Some("/todos?id=eq.6")));
    let minimal = ann
        .patch("/rest/v1/todos?id=eq.1")
        .json(&json!({"title": "x"}))
        .header("prefer", "tx=rollback,count=exact")
        .send();
    assert_eq!((minimal.status, minimal.header("content-range")), (StatusCode::NO_CONTENT, Some("0-0/1")));
    let none = ann.patch("/rest/v1/todos?id=eq.1").json(&json!({})).header("prefer", ROLLBACK).send();
    assert_eq!((none.status, none.json()), (StatusCode::OK, json!([])));
}

#[test]
fn what_would_fail_fails_all_the_same() {
    let app = app("commit-allow-override");
    let ann = app.user(ANN);
    let foreign = ann
        .post("/rest/v1/todos")
        .json(&json!({"title": "x", "user_id": BOB}))
        .header("prefer", ROLLBACK)
        .send();
    assert_error(
        &foreign,
        StatusCode::FORBIDDEN,
        "42501",
        "new row violates row-level security policy for table \"todos\"",
    );
    let twice = ann.post("/rest/v1/todos").json(&json!({"title": "milk"})).header("prefer", ROLLBACK).send();
    assert_eq!(twice.status, StatusCode::CONFLICT);
    let many = ann
        .patch("/rest/v1/todos?id=lte.2")
        .json(&json!({"done": true}))
        .header("prefer", "tx=rollback,handling=strict,max-affected=1")
        .send();
    assert_error(
        &many,
        StatusCode::BAD_REQUEST,
        "PGRST124",
        "Query result exceeds max-affected preference constraint",
    );
}

#[test]
fn the_deployment_decides_who_may_choose() {
    let insert = |app: &TestApp, preference: &str| {
        let call = app.user(ANN).post("/rest/v1/todos").json(&json!({"title": "tea"}));
        let answer = call.header("prefer", preference).send();
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        app.database.value("SELECT count(*) FROM todos WHERE title = 'tea'").unwrap() == "1"
    };
    let rows = [
        ("commit", "tx=rollback", true),
        ("commit-allow-override", "", true),
        ("rollback", "tx=commit", false),
        ("rollback-allow-override", "", false),
        ("rollback-allow-override", "tx=commit", true),
    ];
    for (end, preference, stays) in rows {
        assert_eq!(insert(&app(end), preference), stays, "{end} {preference}");
    }
}

#[test]
fn the_numbers_of_what_was_rolled_back_are_not_given_again() {
    let app = app("commit-allow-override");
    app.migrate(
        "2",
        "CREATE TABLE channels (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, slug text);
         CREATE TABLE tickets (code text PRIMARY KEY, number serial);
         ALTER TABLE channels DISABLE ROW LEVEL SECURITY;
         ALTER TABLE tickets DISABLE ROW LEVEL SECURITY;",
    );
    let insert = |table: &str, prefer: &str, body: serde_json::Value| {
        let prefer = format!("{prefer},return=representation");
        let target = format!("/rest/v1/{table}");
        app.anon().post(&target).header("prefer", &prefer).json(&body).send().json()
    };
    let slug = |slug: &str| json!({"slug": slug});
    let row = |id: u32, slug: Option<&str>| json!({"id": id, "slug": slug});
    // The first insert ever is rolled back.
    assert_eq!(insert("channels", "tx=rollback", json!([slug("a")])), json!([row(1, Some("a"))]));
    assert_eq!(
        insert("channels", "", json!([slug("a"), slug("b")])),
        json!([row(2, Some("a")), row(3, Some("b"))])
    );
    // With defaults each row takes a number, and one that brings its own does not use it: as PostgREST asks for it.
    let mixed = json!([{"id": 100}, {"slug": "c"}]);
    let expected = json!([row(100, None), row(5, Some("c"))]);
    assert_eq!(insert("channels?columns=id,slug", "tx=rollback,missing=default", mixed), expected);
    let upserted = json!([{"id": 2}, {"slug": "c"}]);
    let prefer = "tx=rollback,missing=default,resolution=merge-duplicates";
    assert_eq!(
        insert("channels?columns=id,slug", prefer, upserted),
        json!([row(2, None), row(7, Some("c"))])
    );
    // Numbers that the body brings take none.
    insert("channels", "tx=rollback", json!({"id": 50}));
    assert_eq!(insert("channels", "", slug("d")), json!([row(8, Some("d"))]));

    let ticket = |code: &str| json!({"code": code});
    insert("tickets", "tx=rollback", json!([ticket("a"), ticket("b")]));
    assert_eq!(insert("tickets", "", ticket("a")), json!([{"code": "a", "number": 3}]));
}
