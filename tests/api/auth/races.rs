//! Fifty requests at once for what only one may have.

use serde_json::{Value, json};

use super::{PASSWORD, get_user, refresh, signed_up, text};
use crate::app::{Answer, TestApp, at_once};

const MANY: usize = 50;

/// The same request so often at once, one batch of each after the other's.
fn race(app: &TestApp, path: &str, body: &Value) -> Vec<Answer> {
    app.database.take_turns();
    let calls = (0..MANY).map(|_| app.anon().post(&format!("/auth/v1{path}")).json(body)).collect();
    at_once(calls, 0)
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

fn rows(app: &TestApp, table: &str) -> String {
    app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#)).unwrap()
}

#[test]
fn fifty_refreshes_of_one_token_give_one_next_token_and_lose_no_session() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let body = json!({"refresh_token": session["refresh_token"]});
    let answers = race(&app, "/token?grant_type=refresh_token", &body);
    assert_eq!(count(&answers, 200), MANY);
    let mut next: Vec<String> =
        answers.iter().map(|answer| text(&answer.json(), "refresh_token").to_string()).collect();
    next.sort();
    next.dedup();
    assert_eq!(next.len(), 1, "all got the same");
    assert_eq!(refresh(&app, &next[0]).status, 200);
    assert_eq!(get_user(&app, &answers[0].json()).status, 200);
    assert_eq!(rows(&app, "sessions"), "1");
}

#[test]
fn fifty_verifies_of_one_code_give_one_session() {
    let app = TestApp::with_vars(&[
        ("MAILER_AUTOCONFIRM", "false"),
        ("EXTERNAL_PHONE_ENABLED", "true"),
        ("SMS_TEST_OTP", "15550001111:123456"),
    ]);
    let sign_up = json!({"phone": "15550001111", "password": PASSWORD});
    assert_eq!(app.anon().post("/auth/v1/signup").json(&sign_up).send().status, 200);
    let body = json!({"type": "sms", "phone": "15550001111", "token": "123456"});
    let answers = race(&app, "/verify", &body);
    assert_eq!((count(&answers, 200), count(&answers, 403)), (1, MANY - 1));
    assert_eq!(rows(&app, "sessions"), "1");
    assert_eq!(rows(&app, "one_time_tokens"), "0");
}

#[test]
fn fifty_ways_to_use_one_mail_give_one_session() {
    let app = TestApp::with_vars(&[("MAILER_AUTOCONFIRM", "false")]);
    let sign_up = json!({"email": "ann@example.com", "password": PASSWORD});
    assert_eq!(app.anon().post("/auth/v1/signup").json(&sign_up).send().status, 200);
    let html = app.database.value(r#"SELECT html FROM "auth.mailbox""#).unwrap();
    let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    let code = html.split(|character: char| !character.is_ascii_alphanumeric()).find(is_code).unwrap();
    let link = html.split("token=").nth(1).unwrap().split('&').next().unwrap();
    app.database.take_turns();
    // Code and link are one: who types in the one while the other is followed gets one session.
    let by_code = json!({"type": "signup", "email": "ann@example.com", "token": code});
    let by_link = json!({"type": "signup", "token_hash": link});
    let body = |turn: usize| if turn.is_multiple_of(2) { &by_code } else { &by_link };
    let calls = (0..MANY).map(|turn| app.anon().post("/auth/v1/verify").json(body(turn))).collect();
    let answers = at_once(calls, 0);
    assert_eq!((count(&answers, 200), count(&answers, 403)), (1, MANY - 1));
    assert_eq!((rows(&app, "sessions"), rows(&app, "one_time_tokens")), ("1".into(), "0".into()));
}

#[test]
fn fifty_sign_ups_of_one_address_make_one_account() {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let app = TestApp::new();
    let answers = race(&app, "/signup", &body);
    assert_eq!((count(&answers, 200), count(&answers, 422)), (1, MANY - 1));
    assert_eq!(
        (rows(&app, "users"), rows(&app, "identities"), rows(&app, "sessions")),
        ("1".into(), "1".into(), "1".into())
    );
    let app = TestApp::with_vars(&[("MAILER_AUTOCONFIRM", "false")]);
    let answers = race(&app, "/signup", &body);
    assert_eq!((count(&answers, 200), count(&answers, 429)), (1, MANY - 1));
    assert_eq!((rows(&app, "users"), rows(&app, "mailbox")), ("1".into(), "1".into()), "one mail");
}

#[test]
fn fifty_codes_asked_for_at_once_send_one_message() {
    let app = TestApp::with_vars(&[("EXTERNAL_PHONE_ENABLED", "true")]);
    let body = json!({"phone": "15550001111", "phone_confirm": true});
    assert_eq!(app.service_role().post("/auth/v1/admin/users").json(&body).send().status, 200);
    let answers = race(&app, "/otp", &json!({"phone": "15550001111"}));
    assert_eq!((count(&answers, 200), count(&answers, 429)), (1, MANY - 1));
    assert_eq!(rows(&app, "mailbox"), "1");
}
