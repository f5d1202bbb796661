//! `POST /logout`.

use serde_json::Value;

use super::{assert_error, get_user, refresh, session_id, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

fn log_out(app: &TestApp, session: &Value, query: &str) -> Answer {
    app.with_token(text(session, "access_token")).post(&format!("/auth/v1/logout{query}")).send()
}

#[test]
fn each_scope_ends_its_sessions_and_no_others() {
    // (query, caller's session lives, the user's other one lives)
    let rows = [
        ("", false, false),
        ("?scope=global", false, false),
        ("?scope=local", false, true),
        ("?scope=others", true, false),
    ];
    for (query, own_lives, other_lives) in rows {
        let app = TestApp::new();
        let bob = signed_up(&app, "bob@example.com");
        let own = signed_up(&app, "ann@example.com");
        let other = signed_in(&app, "ann@example.com");
        let answer = log_out(&app, &own, query);
        assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0), "{query}");
        for (session, lives) in [(&own, own_lives), (&other, other_lives), (&bob, true)] {
            for isolate in [&app, &app.another_isolate()] {
                let answer = get_user(isolate, session);
                if lives {
                    assert_eq!(answer.status, 200, "{query}");
                } else {
                    assert_error(
                        &answer,
                        403,
                        "session_not_found",
                        "Session from session_id claim in JWT does not exist",
                    );
                }
            }
            assert_eq!(refresh(&app, text(session, "refresh_token")).status.is_success(), lives, "{query}");
        }
    }
}

#[test]
fn a_revoked_session_is_refused_by_the_edge_and_without_it() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    log_out(&app, &session, "");
    assert!(app.key_value.value(&format!("session:{}", session_id(&session))).is_some());

    for isolate in [&app, &app.another_isolate()] {
        let batches = app.database.fault.calls();
        let answer = isolate.with_token(text(&session, "access_token")).get("/storage/v1/bucket").send();
        assert_eq!(answer.json()["message"], "The session has ended");
        assert_eq!(app.database.fault.calls(), batches, "the edge knows without asking the database");
    }

    let isolate = app.another_isolate();
    isolate.key_value.fault.fail_always();
    assert_error(&get_user(&isolate, &session), 403, "session_not_found", "does not exist");
}

#[test]
fn the_auth_api_asks_the_database_and_not_the_edge() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    get_user(&app, &session);
    assert_eq!(app.key_value.fault.calls(), 0);
}

#[test]
fn an_unknown_scope_is_refused_and_ends_nothing() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    assert_error(
        &log_out(&app, &session, "?scope=everyone"),
        400,
        "validation_failed",
        "Unsupported logout scope \"everyone\"",
    );
    assert_eq!(get_user(&app, &session).status, 200);
}

#[test]
fn a_second_sign_out_finds_no_session() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    log_out(&app, &session, "");
    assert_error(&log_out(&app, &session, ""), 403, "session_not_found", "does not exist");
}

#[test]
fn a_token_without_a_session_ends_none_of_its_own_and_can_end_all() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let ann = app.user(text(&session["user"], "id"));
    assert_eq!(ann.post("/auth/v1/logout?scope=local").send().status, 204);
    assert_eq!(get_user(&app, &session).status, 200);
    assert_eq!(ann.post("/auth/v1/logout?scope=global").send().status, 204);
    assert_eq!(get_user(&app, &session).status, 403);
}

#[test]
fn keys_cannot_sign_out() {
    let app = TestApp::new();
    assert_error(&app.anon().post("/auth/v1/logout").send(), 403, "bad_jwt", "missing sub claim");
    assert_error(&app.nobody().post("/auth/v1/logout").send(), 401, "no_authorization", "valid Bearer token");
}
