//! `GET /rest/v1/`: the OpenAPI description, and plans instead of rows.

use http::{Method, StatusCode};
use serde_json::json;

use super::schema::install;
use super::{ANN, assert_error, with_todos};
use crate::app::TestApp;

fn open() -> TestApp {
    let app = TestApp::with_vars(&[("OPENAPI_MODE", "follow-privileges"), ("DB_PLAN_ENABLED", "true")]);
    install(&app);
    app
}

#[test]
fn the_description_has_what_generators_read() {
    let app = with_todos();
    let answer = app.service_role().get("/rest/v1/").header("accept", "application/openapi+json").send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/openapi+json; charset=utf-8"));
    let body = answer.json();
    assert_eq!(
        (&body["swagger"], &body["host"], &body["basePath"]),
        (&json!("2.0"), &json!("127.0.0.1:54321"), &json!("/rest/v1/"))
    );
    assert_eq!(
        body["definitions"]["todos"],
        json!({
            "required": ["id", "user_id", "title", "done"],
            "type": "object",
            "properties": {
                "id": {"type": "integer", "format": "int64", "description": "Note:\nThis is a Primary Key.<pk/>"},
                "user_id": {"type": "string", "format": "uuid", "default": "auth.uid()",
                            "description": "Note:\nThis is a Foreign Key to `profiles.id`.<fk table='profiles' column='id'/>"},
                "title": {"type": "string", "format": "text"},
                "done": {"type": "boolean", "format": "boolean", "default": false},
                "priority": {"type": "number", "format": "numeric"},
                "meta": {"format": "jsonb"},
                "labels": {"type": "array", "items": {"type": "string"}, "format": "text[]"},
                "due": {"type": "string", "format": "date"},
            },
        })
    );
    let things = &body["definitions"]["things"]["properties"];
    assert_eq!(
        things["mood"],
        json!({"type": "string", "format": "public.mood", "enum": ["sad", "ok", "happy"]})
    );
    assert_eq!(things["code"]["maxLength"], json!(5));
    let todos = &body["paths"]["/todos"];
    for method in ["get", "post", "patch", "delete"] {
        for parameter in todos[method]["parameters"].as_array().unwrap() {
            let name = parameter["$ref"].as_str().unwrap().strip_prefix("#/parameters/").unwrap();
            assert!(body["parameters"].get(name).is_some(), "{method} {name}");
        }
    }
    assert!(body["paths"]["/"]["get"].is_object());
}

#[test]
fn the_description_has_views_and_functions() {
    let app = with_todos();
    app.migrate(
        "2",
        "CREATE VIEW names AS SELECT id, name FROM people;
         CREATE FUNCTION double(a int, b text DEFAULT 'x') RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a * 2';
         CREATE FUNCTION hidden(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
         REVOKE EXECUTE ON FUNCTION hidden(int) FROM PUBLIC, anon, authenticated, service_role;",
    );
    let body = app.service_role().get("/rest/v1/").send().json();
    assert_eq!(
        body["definitions"]["names"]["properties"]["name"],
        json!({"type": "string", "format": "text"})
    );
    let double = &body["paths"]["/rpc/double"];
    let schema = json!({
        "type": "object", "required": ["a"],
        "properties": {"a": {"format": "int32", "type": "integer"}, "b": {"format": "text", "type": "string"}},
    });
    assert_eq!(double["post"]["parameters"][0]["schema"], schema);
    assert_eq!(
        double["get"]["parameters"][1],
        json!({"name": "b", "in": "query", "required": false, "type": "string"})
    );
    assert!(body["paths"].get("/rpc/hidden").is_none());
}

#[test]
fn the_description_is_for_the_back_end_unless_said_otherwise() {
    let closed = with_todos();
    let answer = closed.anon().get("/rest/v1/").send();
    assert_error(&answer, StatusCode::UNAUTHORIZED, "42501", "Access to schema is forbidden");
    assert_eq!(closed.user(ANN).get("/rest/v1").send().status, StatusCode::FORBIDDEN);
    let app = open();
    app.migrate("2", "REVOKE SELECT ON secrets FROM anon; REVOKE INSERT, UPDATE ON tags FROM anon;");
    let body = app.anon().get("/rest/v1/").send().json();
    assert!(body["definitions"].get("secrets").is_none());
    let methods: Vec<&String> = body["paths"]["/tags"].as_object().unwrap().keys().collect();
    assert_eq!(methods, ["get", "delete"]);
    assert!(app.user(ANN).get("/rest/v1/").send().json()["definitions"].get("secrets").is_some());
    let head = app.anon().call(Method::HEAD, "/rest/v1/").send();
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
    let csv = app.anon().get("/rest/v1/").header("accept", "text/csv").send();
    assert_error(
        &csv,
        StatusCode::NOT_ACCEPTABLE,
        "PGRST107",
        "None of these media types are available: text/csv",
    );
    let disabled = TestApp::with_vars(&[("OPENAPI_MODE", "disabled")]);
    let answer = disabled.service_role().get("/rest/v1/").send();
    assert_error(&answer, StatusCode::NOT_FOUND, "PGRST126", "Root endpoint metadata is disabled");
}

#[test]
fn plans_say_how_rows_are_found() {
    let app = open();
    let plan = |target: &str, accept: &str| app.user(ANN).get(target).header("accept", accept).send();
    let text = plan(
        "/rest/v1/todos?id=eq.1",
        "application/vnd.pgrst.plan+text; for=\"application/json\"; options=analyze;",
    );
    assert_eq!(text.status, StatusCode::OK, "{}", text.text());
    assert_eq!(
        text.header("content-type"),
        Some("application/vnd.pgrst.plan+text; for=\"application/json\"; charset=utf-8")
    );
    assert!(text.text().starts_with("Aggregate  (cost=unknown)\n"), "{}", text.text());
    assert!(text.text().contains("SEARCH t1 USING INTEGER PRIMARY KEY"), "{}", text.text());
    let json = plan("/rest/v1/todos?select=comments(id)", "application/vnd.pgrst.plan+json").json();
    assert_eq!(json[0]["Plan"]["Node Type"], json!("Aggregate"));
    assert!(json[0]["Plan"]["Plans"].as_array().unwrap().len() > 1, "{json}");
    let write = app
        .user(ANN)
        .delete("/rest/v1/todos?id=eq.1")
        .header("accept", "application/vnd.pgrst.plan+text")
        .send();
    assert_eq!(write.status, StatusCode::OK);
    let closed = with_todos();
    let refused =
        closed.user(ANN).get("/rest/v1/todos").header("accept", "application/vnd.pgrst.plan+json").send();
    assert_eq!(refused.json()["code"], json!("PGRST107"));
}
