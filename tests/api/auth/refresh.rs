//! `POST /token?grant_type=refresh_token`.

use serde_json::json;

use super::{PASSWORD, assert_error, claims, get_user, refresh, session_id, signed_in, signed_up, text};
use crate::app::{Answer, TestApp};

const NOT_FOUND: &str = "Invalid Refresh Token: Refresh Token Not Found";

#[test]
fn a_refresh_gives_new_tokens_of_the_same_session_and_writes_one_row() {
    let app = TestApp::new();
    let first = signed_up(&app, "ann@example.com");
    app.clock.advance(1800);
    let before = app.database.rows_written();
    let answer = refresh(&app, text(&first, "refresh_token"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(app.database.rows_written() - before, 1);

    let second = answer.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(second["user"], first["user"]);
    assert_eq!(session_id(&second), session_id(&first));
    assert_eq!(claims(&second)["exp"], json!(app.app.now().seconds() + 3600));
    assert_eq!(claims(&second)["amr"], claims(&first)["amr"], "a refresh is no new proof of identity");
    assert_eq!(get_user(&app, &second).status, 200);
    let third = refresh(&app, text(&second, "refresh_token"));
    assert_eq!(third.status, 200);
}

#[test]
fn the_previous_token_answers_the_current_one_at_any_time_and_writes_nothing() {
    let app = TestApp::new();
    let first = signed_up(&app, "ann@example.com");
    let second = refresh(&app, text(&first, "refresh_token")).json();
    for wait in [0, 5, 86_400] {
        app.clock.advance(wait);
        let before = app.database.rows_written();
        let again = refresh(&app, text(&first, "refresh_token"));
        assert_eq!(again.status, 200, "after {wait} s");
        assert_eq!(again.json()["refresh_token"], second["refresh_token"]);
        assert_eq!(app.database.rows_written(), before);
    }
}

#[test]
fn an_older_token_is_forgiven_within_the_reuse_interval_only() {
    let app = TestApp::new();
    let first = signed_up(&app, "ann@example.com");
    let second = refresh(&app, text(&first, "refresh_token")).json();
    let third = refresh(&app, text(&second, "refresh_token")).json();
    app.clock.advance(9);
    let again = refresh(&app, text(&first, "refresh_token"));
    assert_eq!(again.json()["refresh_token"], third["refresh_token"]);
}

#[test]
fn refresh_token_reuse_ends_the_session() {
    let app = TestApp::new();
    let other_session = signed_up(&app, "ann@example.com");
    let first = signed_in(&app, "ann@example.com");
    let second = refresh(&app, text(&first, "refresh_token")).json();
    let third = refresh(&app, text(&second, "refresh_token")).json();
    app.clock.advance(10);
    let answer = refresh(&app, text(&first, "refresh_token"));
    assert_error(&answer, 400, "refresh_token_already_used", "Invalid Refresh Token: Already Used");

    for token in [&first, &second, &third] {
        let answer = refresh(&app, text(token, "refresh_token"));
        assert_error(&answer, 400, "refresh_token_not_found", NOT_FOUND);
    }
    for isolate in [&app, &app.another_isolate()] {
        assert_error(&get_user(isolate, &third), 403, "session_not_found", "does not exist");
        assert_eq!(get_user(isolate, &other_session).status, 200, "the user's other session lives");
    }
    assert!(app.key_value.value(&format!("session:{}", session_id(&first))).is_some(), "the edge knows");
    let lines = app.log.0.borrow();
    assert!(
        lines.iter().any(|line| line.contains("old refresh token") && line.contains(&session_id(&first)))
    );
    assert!(!lines.iter().any(|line| line.contains(text(&first, "refresh_token"))));
}

#[test]
fn without_a_reuse_interval_only_the_previous_token_is_forgiven() {
    let app = TestApp::with_vars(&[("REFRESH_TOKEN_REUSE_INTERVAL", "0")]);
    let first = signed_up(&app, "ann@example.com");
    let second = refresh(&app, text(&first, "refresh_token")).json();
    refresh(&app, text(&second, "refresh_token"));
    let answer = refresh(&app, text(&first, "refresh_token"));
    assert_error(&answer, 400, "refresh_token_already_used", "");
}

#[test]
fn of_two_refreshes_at_once_both_get_the_same_token() {
    let app = TestApp::new();
    let first = signed_up(&app, "ann@example.com");
    // Others move the counter twice between this one's read and its write.
    app.database.interrupt_at(
        2,
        r#"UPDATE "auth.sessions"
SET refresh_token_counter = refresh_token_counter + 2, refreshed_at = '2027-01-15T08:00:00+00:00'"#,
    );
    let loser = refresh(&app, text(&first, "refresh_token"));
    assert_eq!(loser.status, 200, "{}", loser.text());
    assert_eq!(
        app.database.value(r#"SELECT refresh_token_counter FROM "auth.sessions""#).as_deref(),
        Some("2"),
        "the loser moved nothing"
    );
    assert_eq!(refresh(&app, text(&loser.json(), "refresh_token")).status, 200);
}

#[test]
fn a_sign_out_during_the_refresh_wins() {
    let app = TestApp::new();
    let first = signed_up(&app, "ann@example.com");
    app.database.interrupt_at(2, r#"DELETE FROM "auth.sessions""#);
    let answer = refresh(&app, text(&first, "refresh_token"));
    assert_error(&answer, 400, "refresh_token_not_found", NOT_FOUND);
}

#[test]
fn tokens_that_are_none_are_told_from_tokens_that_are_unknown() {
    let app = TestApp::new();
    let token = text(&signed_up(&app, "ann@example.com"), "refresh_token").to_string();
    let id = edgeward_uuid(&app);
    let forged = forge(&id, 0, b"not the session's key");
    let rows = [
        (json!({"refresh_token": ""}), "validation_failed", "Refresh token is not valid"),
        (json!({}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": null}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": "short"}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": "ABCDEFGHIJKL"}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": format!("{token}A")}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": &token[1..]}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": "' OR 1=1 --"}), "validation_failed", "Refresh token is not valid"),
        (json!({"refresh_token": "abcdefghij12"}), "refresh_token_not_found", NOT_FOUND),
        (json!({"refresh_token": forged}), "refresh_token_not_found", NOT_FOUND),
        (json!({"refresh_token": forge(&"0".repeat(32), 0, b"k")}), "refresh_token_not_found", NOT_FOUND),
        (json!({"refresh_token": 5}), "bad_json", "Could not parse"),
    ];
    for (body, code, message) in rows {
        let answer = app.anon().post("/auth/v1/token?grant_type=refresh_token").json(&body).send();
        assert_error(&answer, 400, code, message);
    }
    assert_eq!(refresh(&app, &token).status, 200, "none of these hurt the session");
}

#[test]
fn a_banned_user_gets_no_new_tokens() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    app.service_role().put(&path).json(&json!({"ban_duration": "24h"})).send();
    let answer = refresh(&app, text(&session, "refresh_token"));
    assert_error(&answer, 400, "user_banned", "Invalid Refresh Token: User Banned");
}

#[test]
fn new_tokens_carry_what_changed_since() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let path = format!("/auth/v1/admin/users/{}", text(&session["user"], "id"));
    app.service_role().put(&path).json(&json!({"app_metadata": {"plan": "pro"}})).send();
    let session = refresh(&app, text(&session, "refresh_token")).json();
    assert_eq!(claims(&session)["app_metadata"]["plan"], json!("pro"));
    assert_eq!(claims(&session)["app_metadata"]["provider"], json!("email"));
}

/// The session's id without its dashes, from the database.
fn edgeward_uuid(app: &TestApp) -> String {
    app.database.value(r#"SELECT replace(id, '-', '') FROM "auth.sessions""#).unwrap()
}

/// A token in the right shape under a key of one's own.
fn forge(session_id: &str, counter: u8, key: &[u8]) -> String {
    let mut bytes = vec![0];
    bytes.extend((0..16).map(|index| u8::from_str_radix(&session_id[index * 2..index * 2 + 2], 16).unwrap()));
    bytes.push(counter);
    bytes.extend_from_slice(&edgeward::crypto::hmac_sha256(key, &bytes)[..16]);
    bytes.extend_from_slice(&edgeward::crypto::sha256(&bytes)[..4]);
    edgeward::crypto::base64url(&bytes)
}

#[test]
fn an_answer_names_its_session_in_its_headers() {
    let app = TestApp::new();
    let headers = |answer: &Answer| {
        ["user-id", "session-id", "refresh-token-counter", "refresh-token-reuse", "refresh-token-reuse-cause"]
            .map(|name| answer.header(&format!("sb-auth-{name}")).unwrap_or("-").to_string())
    };
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let signed_up = app.anon().post("/auth/v1/signup").json(&body).send();
    let first = signed_up.json();
    let (user, session) = (text(&first["user"], "id").to_string(), session_id(&first));
    let row = |session: &str, counter: &str, reuse: &str, cause: &str| {
        [user.as_str(), session, counter, reuse, cause].map(str::to_string)
    };
    assert_eq!(headers(&signed_up), row(&session, "0", "-", "-"));
    let by_password = app.anon().post("/auth/v1/token?grant_type=password").json(&body).send();
    assert_eq!(headers(&by_password), row(&session_id(&by_password.json()), "0", "-", "-"));
    let token = text(&first, "refresh_token");
    assert_eq!(headers(&refresh(&app, token)), row(&session, "1", "false", "-"));
    assert_eq!(headers(&refresh(&app, token)), row(&session, "1", "-", "concurrent-refresh,fail-to-save"));
    app.clock.advance(60);
    assert_eq!(headers(&refresh(&app, token)), row(&session, "1", "-", "fail-to-save"));
    assert_eq!(headers(&get_user(&app, &first)), ["-"; 5].map(str::to_string));
}
