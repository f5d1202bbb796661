//! `/sessions`: seeing where one is signed in, and ending it there.

use serde_json::{Value, json};

use super::authenticator::verified;
use super::{PASSWORD, assert_error, get_user, refresh, session_id, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn sessions(app: &TestApp, session: &Value) -> Vec<Value> {
    let answer = app.with_token(text(session, "access_token")).get("/auth/v1/sessions").send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["sessions"].as_array().unwrap().clone()
}

fn end(app: &TestApp, session: &Value, id: &str) -> Answer {
    app.with_token(text(session, "access_token")).delete(&format!("/auth/v1/sessions/{id}")).send()
}

#[test]
fn a_user_sees_where_they_are_signed_in() {
    let app = TestApp::new();
    signed_up(&app, "bob@example.com");
    let first = signed_up(&app, "ann@example.com");
    app.clock.advance(60);
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let second = app
        .anon()
        .post("/auth/v1/token?grant_type=password")
        .header("user-agent", "Firefox on a tram")
        .header("cf-ipcountry", "DE")
        .address("198.51.100.1")
        .json(&body)
        .send()
        .json();

    let listed = sessions(&app, &first);
    assert_eq!(
        listed[0],
        json!({
            "id": session_id(&second), "current": false,
            "created_at": "2027-01-15T08:01:00Z", "updated_at": "2027-01-15T08:01:00Z", "refreshed_at": null,
            "user_agent": "Firefox on a tram", "ip": "198.51.100.1", "country": "DE", "aal": "aal1",
            "amr": [{"method": "password", "timestamp": app.app.now().seconds()}],
        })
    );
    assert_eq!((&listed[1]["id"], &listed[1]["current"]), (&json!(session_id(&first)), &json!(true)));
    assert_eq!((&listed[1]["user_agent"], &listed[1]["country"]), (&Value::Null, &Value::Null));
    assert_eq!(listed.len(), 2, "bob's is not among them");

    app.clock.advance(60);
    let refresh = json!({"refresh_token": first["refresh_token"]});
    app.anon()
        .post("/auth/v1/token?grant_type=refresh_token")
        .header("user-agent", "Safari")
        .header("cf-ipcountry", "XX")
        .json(&refresh)
        .send();
    let listed = sessions(&app, &second);
    assert_eq!(listed[0]["id"], json!(session_id(&first)), "the last used is the first");
    assert_eq!(listed[0]["refreshed_at"], json!("2027-01-15T08:02:00Z"));
    assert_eq!((&listed[0]["user_agent"], &listed[0]["country"]), (&json!("Safari"), &Value::Null));
    assert_eq!(listed[1]["current"], json!(true));
    let keys =
        app.database.value(r#"SELECT group_concat(refresh_token_hmac_key) FROM "auth.sessions""#).unwrap();
    assert!(keys.split(',').all(|key| !json!(listed).to_string().contains(key)));
}

#[test]
fn one_session_ends_and_the_others_live() {
    let app = TestApp::new();
    let bob = signed_up(&app, "bob@example.com");
    let own = signed_up(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    let answer = end(&app, &own, &session_id(&other));
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    for isolate in [&app, &app.another_isolate()] {
        assert_error(&get_user(isolate, &other), 403, "session_not_found", "does not exist");
        assert_eq!(get_user(isolate, &own).status, 200);
    }
    assert_eq!(refresh(&app, text(&other, "refresh_token")).status, 400);

    for (id, code, message) in [
        (session_id(&other), "session_not_found", "Session not found"),
        (session_id(&bob), "session_not_found", "Session not found"),
        (NOBODY.to_string(), "session_not_found", "Session not found"),
        ("nonsense".to_string(), "validation_failed", "session_id must be an UUID"),
    ] {
        assert_error(&end(&app, &own, &id), 404, code, message);
    }
    assert_eq!(get_user(&app, &bob).status, 200);
    assert_eq!(end(&app, &own, &session_id(&own)).status, 204, "one's own, too");
    assert_eq!(get_user(&app, &own).status, 403);
}

#[test]
fn a_session_shows_its_second_factor() {
    let app = TestApp::new();
    let (_, raised) = verified(&app, &signed_up(&app, "ann@example.com"), "Phone");
    let listed = sessions(&app, &raised);
    assert_eq!((&listed[0]["aal"], &listed[0]["amr"][0]["method"]), (&json!("aal2"), &json!("totp")));
}

#[test]
fn sessions_are_for_users() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    assert_error(
        &app.nobody().get("/auth/v1/sessions").send(),
        401,
        "no_authorization",
        "valid Bearer token",
    );
    assert_error(&app.service_role().get("/auth/v1/sessions").send(), 403, "bad_jwt", "missing sub claim");
    // Without a session of one's own, none is the current one.
    let listed = app.user(text(&session["user"], "id")).get("/auth/v1/sessions").send().json();
    assert_eq!(listed["sessions"][0]["current"], json!(false));
}

#[test]
fn an_end_that_fails_can_be_tried_again() {
    for step in [1, 2] {
        let app = TestApp::new();
        let own = signed_up(&app, "ann@example.com");
        let other = signed_in(&app, "ann@example.com");
        app.database.fault.fail_at(step);
        assert_error(&end(&app, &own, &session_id(&other)), 500, "unexpected_failure", "");
        assert_eq!(get_user(&app, &other).status, 200);
        assert_eq!(end(&app, &own, &session_id(&other)).status, 204);
    }
}
