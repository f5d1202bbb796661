//! Which part of the rows, and how many there are in all.

use http::{Method, StatusCode};
use serde_json::json;

use super::schema::{install, project};
use super::{assert_error, with_people};
use crate::app::TestApp;

#[test]
fn limit_offset_range_and_count() {
    let app = with_people();
    // target, Range, count → status, Content-Range, ids
    let cases = [
        ("people?select=id", None, false, 200, "0-3/*", json!([1, 2, 3, 4])),
        ("people?select=id", None, true, 200, "0-3/4", json!([1, 2, 3, 4])),
        ("people?select=id&limit=2", None, true, 206, "0-1/4", json!([1, 2])),
        ("people?select=id&limit=2&offset=1", None, true, 206, "1-2/4", json!([2, 3])),
        ("people?select=id&limit=2&offset=1", None, false, 200, "1-2/*", json!([2, 3])),
        ("people?select=id", Some("1-2"), true, 206, "1-2/4", json!([2, 3])),
        ("people?select=id&offset=2", Some("0-2"), true, 206, "2-2/4", json!([3])),
        ("people?select=id&limit=0", None, false, 200, "*/*", json!([])),
        ("people?select=id&limit=x&offset=-3", None, false, 200, "0-3/*", json!([1, 2, 3, 4])),
        ("people?select=id&offset=4", None, true, 206, "*/4", json!([])),
        ("people?select=id&id=eq.99", None, true, 200, "*/0", json!([])),
        ("people?select=id&offset=9", None, false, 200, "*/*", json!([])),
    ];
    for (target, range, count, status, content_range, ids) in cases {
        let mut call = app.anon().get(&format!("/rest/v1/{target}"));
        if let Some(range) = range {
            call = call.header("range", range);
        }
        if count {
            call = call.header("prefer", "count=exact");
        }
        let answer = call.send();
        assert_eq!(answer.status.as_u16(), status, "{target} {range:?}: {}", answer.text());
        assert_eq!(answer.header("content-range"), Some(content_range), "{target} {range:?}");
        let found: Vec<_> = answer.json().as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(json!(found), ids, "{target} {range:?}");
        assert_eq!(answer.header("preference-applied"), count.then_some("count=exact"));
    }
}

#[test]
fn windows_that_cannot_be() {
    let app = with_people();
    let message = "Requested range not satisfiable";
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let beyond = app.anon().get("/rest/v1/people?offset=9").header("prefer", "count=exact").send();
    assert_error(&beyond, status, "PGRST103", message);
    assert_eq!(beyond.json()["details"], json!("An offset of 9 was requested, but there are only 4 rows."));
    assert_eq!(beyond.header("content-range"), Some("*/4"));
    assert_error(&app.anon().get("/rest/v1/people?limit=-1").send(), status, "PGRST103", message);
    assert_error(
        &app.anon().get("/rest/v1/people").header("range", "5-2").send(),
        status,
        "PGRST103",
        message,
    );
}

#[test]
fn head_has_the_headers_and_no_body() {
    let app = with_people();
    let answer = app
        .anon()
        .call(Method::HEAD, "/rest/v1/people?select=*,passports(*)")
        .header("prefer", "count=exact")
        .send();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-range"), Some("0-3/4"));
    assert!(answer.body.is_empty());
}

#[test]
fn the_most_rows_are_the_deployments_choice_at_every_level() {
    let app = TestApp::with_vars(&[("MAX_ROWS", "2")]);
    install(&app);
    app.database.execute("INSERT INTO people (id, manager_id) VALUES (1, NULL), (2, 1), (3, 1), (4, 1);");
    let answer = app.anon().get("/rest/v1/people?select=id,people(id)&order=id&limit=100").send();
    assert_eq!(answer.json(), json!([{"id": 1, "people": [{"id": 2}, {"id": 3}]}, {"id": 2, "people": []}]));
    let answer = app
        .anon()
        .patch("/rest/v1/people?id=gt.0")
        .json(&json!({"age": 1}))
        .header("prefer", "count=exact")
        .send();
    assert_eq!(answer.header("content-range"), Some("0-3/4"), "writes have no such limit");
}

#[test]
fn a_read_says_where_its_answer_lives_and_what_it_depends_on() {
    let app = with_people();
    let cases = [
        ("people", "/people"),
        ("people?select=*&id=in.(1,2)&age=gt.1", "/people?age=gt.1&id=in.%281%2C2%29&select=%2A"),
        ("no%20key?select=%22a%20b%22", "/no%20key?select=%22a%20b%22"),
    ];
    for (target, location) in cases {
        let answer = app.anon().get(&format!("/rest/v1/{target}")).send();
        assert_eq!(answer.header("content-location"), Some(location), "{target}");
        assert_eq!(answer.header("vary"), Some("Accept, Prefer, Range"), "{target}");
    }
    let written = app.anon().post("/rest/v1/people").json(&json!({"id": 9})).send();
    assert_eq!(written.header("content-location"), None);
}

#[test]
fn one_batch_for_each_request() {
    let app = project();
    app.anon().get("/rest/v1/people").send();
    let many: Vec<_> = (1000..2000).map(|id| json!({"id": id, "name": "x"})).collect();
    let requests: [(Method, &str, Option<serde_json::Value>); 10] = [
        (Method::POST, "people", Some(json!(many))),
        (Method::GET, "people?id=eq.1000", None),
        (Method::GET, "people?order=id&limit=100", None),
        (Method::GET, "people?select=name,people(name)&people.order=id&order=id&limit=50", None),
        (Method::GET, "people?select=*,passports(*),people(*)", None),
        (Method::HEAD, "people", None),
        (Method::POST, "people", Some(json!([{"id": 1}, {"id": 2}]))),
        (
            Method::POST,
            "people?on_conflict=id",
            Some(json!([{"id": 1, "name": "x"}, {"id": 3, "name": "y"}])),
        ),
        (Method::PATCH, "people?id=eq.1", Some(json!({"name": "z"}))),
        (Method::DELETE, "people?id=eq.1", None),
    ];
    for (method, target, body) in requests {
        let before = app.database.fault.calls();
        let mut call = app
            .anon()
            .call(method.clone(), &format!("/rest/v1/{target}"))
            .header("prefer", "count=exact,return=representation,resolution=merge-duplicates");
        if let Some(body) = &body {
            call = call.json(body);
        }
        let answer = call.send();
        assert!(answer.status.is_success(), "{method} {target}: {}", answer.text());
        assert_eq!(app.database.fault.calls() - before, 1, "{method} {target}");
    }
}

/// Rows are read as one text while that fits in what a value may hold, 2 MB, and one by one beyond.
#[test]
fn rows_longer_together_than_a_value_may_be_all_come() {
    let app = TestApp::new();
    app.migrate("20260101000000", "CREATE TABLE pages (id int PRIMARY KEY, body text NOT NULL);");
    let body = "x".repeat(100_000);
    let service = app.service_role();
    for first in [0, 10, 20] {
        let rows: Vec<_> = (first..first + 10).map(|id| json!({ "id": id, "body": body })).collect();
        assert_eq!(service.post("/rest/v1/pages").json(&json!(rows)).send().status, StatusCode::CREATED);
    }
    let answer = service.get("/rest/v1/pages?order=id").header("prefer", "count=exact").send();
    assert_eq!((answer.status, answer.header("content-range")), (StatusCode::OK, Some("0-29/30")));
    let rows = answer.json();
    assert_eq!(rows.as_array().unwrap().len(), 30);
    assert_eq!((&rows[29]["id"], rows[29]["body"].as_str()), (&json!(29), Some(body.as_str())));
}
