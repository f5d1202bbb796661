//! Reading by POST, for queries too long for a URL; and what an answer cost.

use http::StatusCode;
use serde_json::json;

use super::schema::install;
use super::{ANN, add_todos, assert_error, with_todos};
use crate::app::TestApp;

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn a_form_may_hold_the_query() {
    let app = with_todos();
    let ids: Vec<String> = (1..=20_000).map(|id| id.to_string()).collect();
    let answer = app
        .user(ANN)
        .post("/rest/v1/todos?select=id")
        .header("x-http-method-override", "GET")
        .header("content-type", FORM)
        .header("prefer", "count=exact")
        .body(format!("id=in.({})&order=id.desc&limit=1", ids.join(",")))
        .send();
    assert_eq!((answer.status, answer.json()), (StatusCode::PARTIAL_CONTENT, json!([{"id": 2}])));
    assert_eq!((answer.header("content-range"), answer.header("content-location")), (Some("0-0/2"), None));
    let plain = app.user(ANN).post("/rest/v1/todos").header("content-type", FORM).body("title=tea").send();
    assert_eq!(plain.status, StatusCode::CREATED, "a form without the header is a row");
    let bad =
        app.user(ANN).post("/rest/v1/todos").header("x-http-method-override", "GET").body("id=eq").send();
    assert_eq!(bad.json()["code"], json!("PGRST100"));
    let bytes =
        app.user(ANN).post("/rest/v1/todos").header("x-http-method-override", "GET").body(vec![0xFF]).send();
    assert_error(&bytes, StatusCode::BAD_REQUEST, "PGRST102", "Empty or invalid json");
}

#[test]
fn answers_say_what_they_cost_where_that_is_wanted() {
    let app = TestApp::with_vars(&[("SERVER_TIMING_ENABLED", "true")]);
    install(&app);
    add_todos(&app);
    let read = app.user(ANN).get("/rest/v1/todos").send();
    let cost = read.header("x-edgeward-cost").unwrap();
    assert!(cost.starts_with("rows_read=") && cost.contains("usd_per_million="), "{cost}");
    assert!(read.header("server-timing").unwrap().starts_with("transaction;dur="));
    let quiet = with_todos();
    assert_eq!(quiet.user(ANN).get("/rest/v1/todos").send().header("x-edgeward-cost"), None);
}
