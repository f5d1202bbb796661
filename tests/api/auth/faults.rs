//! A store that fails at any step leaves nothing half done, is no "wrong password", and a retry works.

use serde_json::{Value, json};

use super::{PASSWORD, assert_error, get_user, refresh, sign_in, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

fn sign_up(app: &TestApp) -> Answer {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    app.anon().post("/auth/v1/signup").json(&body).send()
}

#[track_caller]
fn assert_unexpected(app: &TestApp, answer: &Answer) {
    assert_error(answer, 500, "unexpected_failure", "Unexpected failure, please check server logs");
    assert!(!answer.text().contains("on purpose"), "the cause is not shown: {}", answer.text());
    assert_eq!(
        answer.json()["error_id"].as_str(),
        answer.header("x-request-id"),
        "it can be found in the log"
    );
    let line = app.log.0.borrow().last().unwrap().clone();
    assert!(line.contains("on purpose"), "the cause is logged: {line}");
}

fn counts(app: &TestApp) -> [String; 3] {
    ["auth.users", "auth.identities", "auth.sessions"]
        .map(|table| app.database.value(&format!(r#"SELECT count(*) FROM "{table}""#)).unwrap())
}

#[test]
fn a_sign_up_happens_whole_or_not_at_all() {
    for autoconfirm in ["true", "false"] {
        let app = TestApp::with_vars(&[("MAILER_AUTOCONFIRM", autoconfirm)]);
        app.database.fault.fail_at(1);
        assert_unexpected(&app, &sign_up(&app));
        assert_eq!(counts(&app), ["0", "0", "0"]);
        if autoconfirm == "true" {
            assert_eq!(app.database.fault.calls(), 1, "there is no further step to fail at");
        }
        assert_eq!(sign_up(&app).status, 200);
    }
}

#[test]
fn a_sign_up_whose_answer_is_lost_can_be_signed_in_to() {
    let app = TestApp::new();
    app.database.lost_answer.fail_at(1);
    assert_unexpected(&app, &sign_up(&app));
    assert_eq!(counts(&app), ["1", "1", "1"]);
    assert_error(&sign_up(&app), 422, "user_already_exists", "");
    assert_eq!(get_user(&app, &signed_in(&app, "ann@example.com")).status, 200);
}

#[test]
fn a_repeated_sign_up_that_fails_gives_nobody_away() {
    let app = TestApp::with_vars(&[("MAILER_AUTOCONFIRM", "false")]);
    sign_up(&app);
    app.clock.advance(60);
    for step in [2, 3, 4] {
        app.database.fault.fail_at(step);
        assert_unexpected(&app, &sign_up(&app));
    }
    assert_eq!(sign_up(&app).status, 200);
}

#[test]
fn a_sign_in_happens_whole_or_not_at_all() {
    for step in [1, 2] {
        let app = TestApp::new();
        signed_up(&app, "ann@example.com");
        let before = counts(&app);
        app.database.fault.fail_at(step);
        assert_unexpected(&app, &sign_in(&app, "ann@example.com", PASSWORD));
        assert_eq!(counts(&app), before, "step {step}");
        assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    }
}

#[test]
fn a_refresh_that_fails_or_whose_answer_is_lost_can_be_tried_again() {
    for (step, lost) in [(1, false), (2, false), (2, true)] {
        let app = TestApp::new();
        let session = signed_up(&app, "ann@example.com");
        let token = text(&session, "refresh_token");
        let fault = if lost { &app.database.lost_answer } else { &app.database.fault };
        fault.fail_at(step);
        assert_unexpected(&app, &refresh(&app, token));
        // Long after the reuse interval.
        app.clock.advance(3000);
        let again = refresh(&app, token);
        assert_eq!(again.status, 200, "step {step}, lost {lost}: {}", again.text());
        assert_eq!(get_user(&app, &again.json()).status, 200);
        assert_eq!(refresh(&app, text(&again.json(), "refresh_token")).status, 200);
    }
}

#[test]
fn a_sign_out_or_change_that_fails_changes_nothing_and_can_be_tried_again() {
    type Act = fn(&TestApp, &Value) -> Answer;
    let acts: [(Act, u16); 3] = [
        (|app, session| app.with_token(text(session, "access_token")).post("/auth/v1/logout").send(), 204),
        (
            |app, session| {
                let change = json!({"password": "battery staple", "data": {"a": 1}});
                app.with_token(text(session, "access_token")).put("/auth/v1/user").json(&change).send()
            },
            200,
        ),
        (
            |app, session| {
                let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
                app.service_role().delete(&path).json(&json!({"should_soft_delete": true})).send()
            },
            200,
        ),
    ];
    for (act, success) in acts {
        for step in [1, 2] {
            let app = TestApp::new();
            let session = signed_up(&app, "ann@example.com");
            let other = signed_in(&app, "ann@example.com");
            let before = get_user(&app, &session).json();
            app.database.fault.fail_at(step);
            assert_unexpected(&app, &act(&app, &session));
            assert_eq!(get_user(&app, &session).json(), before);
            assert_eq!(get_user(&app, &other).json(), before);
            assert_eq!(act(&app, &session).status, success);
            assert_eq!(get_user(&app, &other).status, 403);
        }
    }
}

#[test]
fn a_silent_edge_stops_neither_sign_in_nor_sign_out_and_is_logged() {
    let app = TestApp::new();
    app.key_value.fault.fail_always();
    let session = signed_up(&app, "ann@example.com");
    assert_eq!(get_user(&app, &session).status, 200);
    assert_eq!(signed_in(&app, "ann@example.com")["token_type"], json!("bearer"));
    let logged = |of: &str| {
        app.log.0.borrow().iter().any(|line| line.contains("KV did not take") && line.contains(of))
    };

    let ann = app.with_token(text(&session, "access_token"));
    assert_eq!(ann.post("/auth/v1/logout").send().status, 204);
    assert!(logged("\"revoked\":true"));
    for isolate in [&app, &app.another_isolate()] {
        assert_error(&get_user(isolate, &session), 403, "session_not_found", "");
    }
    assert_eq!(refresh(&app, text(&session, "refresh_token")).status, 400);
}

#[test]
fn a_hasher_that_fails_is_no_wrong_password() {
    let app = TestApp::new();
    app.hasher.fault.fail_at(1);
    assert_unexpected(&app, &sign_up(&app));
    assert_eq!(counts(&app), ["0", "0", "0"]);
    assert_eq!(sign_up(&app).status, 200);
    for email in ["ann@example.com", "nobody@example.com"] {
        app.hasher.fault.fail_at(1);
        assert_unexpected(&app, &sign_in(&app, email, PASSWORD));
    }
    let session = signed_in(&app, "ann@example.com");
    for step in [1, 2] {
        app.hasher.fault.fail_at(step);
        let ann = app.with_token(text(&session, "access_token"));
        let answer = ann.put("/auth/v1/user").json(&json!({"password": "battery staple"})).send();
        assert_unexpected(&app, &answer);
    }
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}
