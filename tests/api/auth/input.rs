//! Bodies that are no JSON, too large or hostile.

use http::Method;
use serde_json::json;

use super::{PASSWORD, assert_error, get_user, sign_in, signed_up, text};
use crate::app::TestApp;

#[test]
fn a_body_that_is_no_json_is_said_to_be_none() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let rows = [
        (Method::POST, "/auth/v1/signup"),
        (Method::POST, "/auth/v1/token?grant_type=password"),
        (Method::POST, "/auth/v1/token?grant_type=refresh_token"),
        (Method::PUT, "/auth/v1/user"),
    ];
    for (method, path) in rows {
        for body in ["", "{", "[]", "null", "\"text\"", "email=a@b.c", "\u{0}"] {
            let ann = app.with_token(text(&session, "access_token"));
            let answer = ann.call(method.clone(), path).body(body).send();
            assert_error(&answer, 400, "bad_json", "Could not parse request body as JSON");
        }
    }
}

#[test]
fn a_body_over_the_limit_is_not_read() {
    let app = TestApp::new();
    let body =
        json!({"email": "ann@example.com", "password": PASSWORD, "data": {"a": "x".repeat(1024 * 1024)}});
    let answer = app.anon().post("/auth/v1/signup").json(&body).send();
    assert_error(&answer, 413, "request_entity_too_large", "too large");
    assert_eq!(app.database.fault.calls(), 0);
}

#[test]
fn sql_in_any_value_is_data() {
    let app = TestApp::new();
    let hostile = r#"'); DROP TABLE "auth.users"; --"#;
    signed_up(&app, "o'neil@example.com");
    let body = json!({"email": "ann@example.com", "password": hostile, "data": {hostile: hostile}});
    let session = app.anon().post("/auth/v1/signup").header("user-agent", hostile).json(&body).send().json();
    assert_eq!(session["user"]["user_metadata"][hostile], json!(hostile));
    assert_eq!(sign_in(&app, "ann@example.com", hostile).status, 200);
    assert_eq!(sign_in(&app, "' OR '1'='1", "' OR '1'='1").status, 400);

    let ann = app.with_token(text(&session, "access_token"));
    let change = json!({"data": {"quote": "it's", "json": "\"}", "percent": "%", "unicode": "💥\u{202e}"}});
    let answer = ann.put("/auth/v1/user").json(&change).send();
    for (key, value) in change["data"].as_object().unwrap() {
        assert_eq!(answer.json()["user_metadata"][key], *value);
    }
    assert_eq!(get_user(&app, &session).status, 200);
    let role = json!({"role": hostile});
    let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    assert_eq!(app.service_role().put(&path).json(&role).send().json()["role"], json!(hostile));
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(), Some("2"));
}

#[test]
fn paths_that_do_not_exist_yet_say_so() {
    let app = TestApp::new();
    for path in ["/auth/v1/nonsense", "/auth/v1/otp/x"] {
        let answer = app.anon().post(path).json(&json!({"email": "a@b.c"})).send();
        assert_error(&answer, 404, "not_found", "404");
    }
}
