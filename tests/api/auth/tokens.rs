//! Bearer tokens that are no good, or good for something else.

use serde_json::{Value, json};

use super::{assert_error, signed_up, text};
use crate::app::{Answer, TestApp};

fn user_with(app: &TestApp, token: &str) -> Answer {
    app.with_token(token).get("/auth/v1/user").send()
}

fn with_header(token: &str, header: &str) -> String {
    let rest = token.split_once('.').unwrap().1;
    format!("{}.{rest}", edgeward::crypto::base64url(header.as_bytes()))
}

#[test]
fn forged_altered_and_foreign_tokens_are_refused() {
    let app = TestApp::new();
    let token = text(&signed_up(&app, "ann@example.com"), "access_token").to_string();
    let claims: Value = super::claims(&json!({"access_token": token}));
    let forged = edgeward::jwt::sign(&claims, b"a secret of the forger's own, long enough").unwrap();
    let signature = token.rsplit_once('.').unwrap().1;
    let mut admin = claims;
    admin["role"] = json!("service_role");
    let payload = edgeward::crypto::base64url(admin.to_string().as_bytes());
    let altered = format!("{}.{payload}.{signature}", token.split('.').next().unwrap());
    let rows = [
        (forged, "signature is invalid"),
        (altered, "signature is invalid"),
        (with_header(&token, r#"{"alg":"none","typ":"JWT"}"#), "signing method is invalid"),
        (with_header(&token, r#"{"alg":"RS256","typ":"JWT"}"#), "signing method is invalid"),
        (with_header(&token, r#"{"alg":"HS512","typ":"JWT"}"#), "signing method is invalid"),
        ("nonsense".to_string(), "malformed"),
        (format!("{token}.x"), "malformed"),
    ];
    for (token, message) in rows {
        let answer = user_with(&app, &token);
        assert_error(&answer, 403, "bad_jwt", "invalid JWT: unable to parse or verify signature");
        assert!(answer.text().contains(message), "{}", answer.text());
        assert!(!answer.text().contains("ann@example.com"));
    }
    assert_eq!(user_with(&app, &token).status, 200);
}

#[test]
fn an_expired_token_is_refused_even_where_it_was_good_before() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    assert_eq!(user_with(&app, text(&session, "access_token")).status, 200);
    app.clock.advance(3600 + 31);
    let answer = user_with(&app, text(&session, "access_token"));
    assert_error(&answer, 403, "bad_jwt", "token is expired");
}

#[test]
fn a_token_must_name_a_user_and_session_that_exist() {
    let app = TestApp::new();
    let ann = signed_up(&app, "ann@example.com");
    let bob = signed_up(&app, "bob@example.com");
    let (ann_id, nobody) = (text(&ann["user"], "id"), "00000000-0000-4000-8000-000000000000");
    let role = "authenticated";
    let rows = [
        (json!({"role": role}), 403, "bad_jwt", "invalid claim: missing sub claim"),
        (json!({"role": role, "sub": ""}), 403, "bad_jwt", "invalid claim: missing sub claim"),
        (json!({"role": role, "sub": "ann"}), 400, "bad_jwt", "sub claim must be a UUID"),
        (
            json!({"role": role, "sub": nobody}),
            403,
            "user_not_found",
            "User from sub claim in JWT does not exist",
        ),
        (
            json!({"role": role, "sub": ann_id, "session_id": "x"}),
            403,
            "bad_jwt",
            "session_id claim must be a UUID",
        ),
        (
            json!({"role": role, "sub": ann_id, "session_id": nobody}),
            403,
            "session_not_found",
            "Session from session_id claim in JWT does not exist",
        ),
        (
            json!({"role": role, "sub": ann_id, "session_id": super::session_id(&bob)}),
            403,
            "session_not_found",
            "does not exist",
        ),
    ];
    for (claims, status, code, message) in rows {
        assert_error(&user_with(&app, &app.token(&claims)), status, code, message);
    }
    let without_session = app.token(&json!({"role": role, "sub": ann_id}));
    assert_eq!(user_with(&app, &without_session).json()["email"], json!("ann@example.com"));
}

#[test]
fn keys_speak_for_no_user() {
    let app = TestApp::new();
    for actor in [
        app.anon(),
        app.service_role(),
        app.with_token("sb_secret_test"),
        app.with_token("sb_publishable_test"),
    ] {
        assert_error(&actor.get("/auth/v1/user").send(), 403, "bad_jwt", "invalid claim: missing sub claim");
    }
    let with_key_only = app.nobody().get("/auth/v1/user").header("apikey", "sb_publishable_test").send();
    assert_error(&with_key_only, 401, "no_authorization", "This endpoint requires a valid Bearer token");
}

#[test]
fn errors_come_in_the_format_the_client_asks_for() {
    let app = TestApp::new();
    let call = || app.anon().get("/auth/v1/user");
    let newer = call().header("x-supabase-api-version", "2024-01-01").send();
    assert_eq!(newer.json(), json!({"code": "bad_jwt", "message": "invalid claim: missing sub claim"}));
    assert_eq!(newer.header("x-supabase-api-version"), Some("2024-01-01"));
    for older in [call(), call().header("x-supabase-api-version", "2023-01-01")] {
        let body = older.send().json();
        assert_eq!(
            body,
            json!({"code": 403, "error_code": "bad_jwt", "msg": "invalid claim: missing sub claim"})
        );
    }
}

#[test]
fn a_banned_or_deleted_users_token_stops_working_at_once_everywhere() {
    let rows = [
        (Some(json!({"ban_duration": "24h"})), "user_banned", "User is banned"),
        (None, "user_not_found", "User from sub claim in JWT does not exist"),
    ];
    for (change, code, message) in rows {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
        let answer = match change {
            Some(change) => app.service_role().put(&path).json(&change).send(),
            None => app.service_role().delete(&path).send(),
        };
        assert_eq!(answer.status, 200, "{}", answer.text());
        for isolate in [&app, &app.another_isolate()] {
            assert_error(&user_with(isolate, text(&session, "access_token")), 403, code, message);
            let answer = isolate.with_token(text(&session, "access_token")).get("/storage/v1/bucket").send();
            assert_eq!(
                answer.json()["message"],
                json!("The session has ended"),
                "the edge refuses elsewhere"
            );
        }
    }
}

#[test]
fn a_lifted_ban_gives_the_sessions_back() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    app.service_role().put(&path).json(&json!({"ban_duration": "24h"})).send();
    assert_eq!(user_with(&app, text(&session, "access_token")).status, 403);
    let answer = app.service_role().put(&path).json(&json!({"ban_duration": "none"})).send();
    assert!(answer.json().get("banned_until").is_none(), "{}", answer.text());
    for isolate in [&app, &app.another_isolate()] {
        assert_eq!(user_with(isolate, text(&session, "access_token")).status, 200);
        let answer = isolate.with_token(text(&session, "access_token")).get("/storage/v1/bucket").send();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn what_the_edge_knows_of_a_ban_does_not_outlive_it() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    let key = format!("session:{}", super::session_id(&session));
    // A record that is kept longer than any token lives says nothing more; KV keeps none under a minute.
    let rows = [("10m", 600), ("24h", 3690), ("1s", 60)];
    for (duration, seconds) in rows {
        app.service_role().put(&path).json(&json!({"ban_duration": duration})).send();
        assert_eq!(app.key_value.seconds(&key), Some(seconds), "{duration}");
    }
    app.service_role().put(&path).json(&json!({"ban_duration": "none"})).send();
    assert_eq!(app.key_value.value(&key), None, "a session that lives has no record");
}
