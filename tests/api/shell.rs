//! What happens around every request.

use http::{Method, StatusCode};
use serde_json::json;

use crate::app::TestApp;

#[test]
fn health_answers_anyone() {
    let app = TestApp::new();
    let answer = app.nobody().get("/health").send();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["healthy"], json!(true));
    assert!(answer.header("x-request-id").is_some());
}

#[test]
fn demo_secrets_serve_loopback_hosts_only() {
    let app = TestApp::new();
    for host in ["127.0.0.1:54321", "localhost", "[::1]:54321", "127.9.9.9"] {
        assert_eq!(app.nobody().get("/health").host(host).send().status, StatusCode::OK, "{host}");
    }
    for host in ["example.com", "127.0.0.1.example.com", "localhost.example.com", "10.0.0.1", ""] {
        let answer = app.nobody().get("/health").host(host).send();
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{host}");
    }
}

#[test]
fn unknown_paths_answer_in_the_dialect_of_their_api() {
    let app = TestApp::new();
    let rows = [
        ("/auth/v1/nope", "msg", json!("404 page not found")),
        ("/rest/v1/a/b/c", "code", json!("PGRST125")),
        ("/storage/v1/nope", "statusCode", json!("404")),
        ("/admin/v1/nope", "code", json!("PGRST125")),
    ];
    for (path, key, expected) in rows {
        let answer = app.nobody().get(path).send();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json()[key], expected, "{path}");
    }
}

#[test]
fn preflights_are_answered_for_any_origin() {
    let app = TestApp::new();
    let answer = app
        .nobody()
        .call(Method::OPTIONS, "/rest/v1/todos")
        .header("origin", "https://app.example.com")
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "apikey,x-custom")
        .send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("apikey,x-custom"));
}

#[test]
fn a_request_leaves_one_log_line_without_its_secrets() {
    let app = TestApp::new();
    app.anon().get("/health?apikey=secret").send();
    let lines = app.log.0.borrow();
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains("secret") && !lines[0].contains("Bearer"), "{}", lines[0]);
}
