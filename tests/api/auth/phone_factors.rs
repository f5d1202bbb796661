//! Phones as second factors.

use serde_json::{Value, json};

use super::authenticator::enroll;
use super::{assert_error, claims, signed_up, text};
use crate::app::{Answer, TestApp};

const PHONE: &str = "+49 151 1234567";

fn phones() -> TestApp {
    phones_with(&[])
}

fn phones_with(vars: &[(&str, &str)]) -> TestApp {
    let on = [("MFA_PHONE_ENROLL_ENABLED", "true"), ("MFA_PHONE_VERIFY_ENABLED", "true")];
    TestApp::with_vars(&[&on, vars].concat())
}

fn enrolled(app: &TestApp, session: &Value) -> String {
    let answer =
        enroll(app, session, &json!({"factor_type": "phone", "friendly_name": "mine", "phone": PHONE}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let factor = answer.json();
    assert_eq!((&factor["type"], &factor["phone"]), (&json!("phone"), &json!(PHONE)));
    text(&factor, "id").to_string()
}

fn challenge(app: &TestApp, session: &Value, factor: &str, body: &Value) -> Answer {
    let path = format!("/auth/v1/factors/{factor}/challenge");
    app.with_token(text(session, "access_token")).post(&path).json(body).send()
}

fn verify(app: &TestApp, session: &Value, factor: &str, challenge: &Value, code: &str) -> Answer {
    let path = format!("/auth/v1/factors/{factor}/verify");
    let body = json!({"challenge_id": challenge["id"], "code": code});
    app.with_token(text(session, "access_token")).post(&path).json(&body).send()
}

fn last_code(app: &TestApp) -> String {
    let html =
        app.database.value(r#"SELECT html FROM "auth.mailbox" ORDER BY created_at DESC, rowid DESC LIMIT 1"#);
    html.unwrap().chars().filter(char::is_ascii_digit).collect()
}

#[test]
fn a_code_sent_to_the_phone_raises_the_session_once() {
    let app = phones();
    let session = signed_up(&app, "ann@example.com");
    let factor = enrolled(&app, &session);
    let answer = challenge(&app, &session, &factor, &json!({"channel": "sms"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = answer.json();
    assert_eq!(asked["type"], json!("phone"));
    let code = last_code(&app);
    let wrong: String = code.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect();
    assert_error(
        &verify(&app, &session, &factor, &asked, &wrong),
        422,
        "mfa_verification_failed",
        "Invalid MFA Phone code entered",
    );
    let answer = verify(&app, &session, &factor, &asked, &code);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let raised = answer.json();
    assert_eq!(claims(&raised)["aal"], json!("aal2"));
    assert_eq!(claims(&raised)["amr"][0]["method"], json!("mfa/phone"));
    assert_eq!(raised["user"]["factors"][0]["status"], json!("verified"));
    assert_eq!(raised["user"]["factors"][0]["phone"], json!("491511234567"));
    assert_error(&verify(&app, &raised, &factor, &asked, &code), 422, "mfa_ip_address_mismatch", "");
    let again =
        enroll(&app, &raised, &json!({"factor_type": "phone", "friendly_name": "two", "phone": PHONE}));
    assert_error(&again, 422, "mfa_verified_factor_exists", "A verified phone factor already exists");
}

#[test]
fn a_challenges_code_is_that_challenges_alone_and_not_sent_too_often() {
    let app = phones_with(&[("MFA_PHONE_MAX_FREQUENCY", "5s"), ("MFA_PHONE_TEMPLATE", "Todos: {{ .Code }}")]);
    let session = signed_up(&app, "ann@example.com");
    let factor = enrolled(&app, &session);
    let first = challenge(&app, &session, &factor, &json!({})).json();
    let code = last_code(&app);
    assert_error(
        &challenge(&app, &session, &factor, &json!({})),
        429,
        "over_sms_send_rate_limit",
        "after 5 seconds",
    );
    app.clock.advance(5);
    let second = challenge(&app, &session, &factor, &json!({})).json();
    assert_error(&verify(&app, &session, &factor, &second, &code), 422, "mfa_verification_failed", "");
    assert_eq!(verify(&app, &session, &factor, &first, &code).status, 200);
}

#[test]
fn a_code_that_does_not_go_out_leaves_no_challenge() {
    let app = phones_with(&[
        ("SMS_PROVIDER", "textlocal"),
        ("SMS_TEXTLOCAL_API_KEY", "k"),
        ("SMS_TEXTLOCAL_SENDER", "s"),
    ]);
    let session = signed_up(&app, "ann@example.com");
    let factor = enrolled(&app, &session);
    assert_error(&challenge(&app, &session, &factor, &json!({})), 500, "unexpected_failure", "");
    let count = app.database.value(r#"SELECT count(*) FROM "auth.mfa_challenges""#);
    assert_eq!(count.as_deref(), Some("0"));
    app.http_client.prepare("https://api.textlocal.in/send", 200, r#"{"status":"success"}"#);
    assert_eq!(challenge(&app, &session, &factor, &json!({})).status, 200, "at once");
}

#[test]
fn what_is_no_request_is_refused_with_its_reason() {
    let app = phones();
    let session = signed_up(&app, "ann@example.com");
    let rows = [
        (json!({"factor_type": "phone"}), "Phone number required to enroll Phone factor"),
        (json!({"factor_type": "phone", "phone": "x"}), "Invalid phone number format (E.164 required)"),
    ];
    for (body, message) in rows {
        assert_error(&enroll(&app, &session, &body), 400, "validation_failed", message);
    }
    let factor = enrolled(&app, &session);
    let asked = challenge(&app, &session, &factor, &json!({"channel": "pigeon"}));
    assert_error(&asked, 400, "validation_failed", "Invalid channel");
    let off = TestApp::with_vars(&[("MFA_PHONE_ENROLL_ENABLED", "true")]);
    let session = signed_up(&off, "ann@example.com");
    let factor = enrolled(&off, &session);
    let asked = challenge(&off, &session, &factor, &json!({}));
    assert_error(&asked, 422, "mfa_phone_verify_not_enabled", "MFA verification is disabled for Phone");
}

#[test]
fn an_administrator_moves_a_factor_to_another_phone() {
    let app = phones();
    let session = signed_up(&app, "ann@example.com");
    let factor = enrolled(&app, &session);
    let other = json!({"factor_type": "phone", "friendly_name": "other", "phone": "1555000111"});
    assert_eq!(enroll(&app, &session, &other).status, 200);
    let path = format!("/auth/v1/admin/users/{}/factors/{factor}", text(&session["user"], "id"));
    let change = |body: Value| app.service_role().put(&path).json(&body).send();
    let moved = change(json!({"phone": "+49 160 7654321"})).json();
    assert_eq!((&moved["phone"], &moved["friendly_name"]), (&json!("491607654321"), &json!("mine")));
    assert_eq!(change(json!({})).json(), moved);
    assert_error(&change(json!({"phone": "nonsense"})), 400, "validation_failed", "E.164");
    let taken = change(json!({"phone": "1555000111", "friendly_name": "new"}));
    assert_error(&taken, 422, "mfa_verified_factor_exists", "");
    assert_eq!(change(json!({})).json(), moved);
    assert_eq!(challenge(&app, &session, &factor, &json!({})).status, 200);
    let sent = app.database.value(r#"SELECT recipient FROM "auth.mailbox" ORDER BY rowid DESC LIMIT 1"#);
    assert_eq!(sent.as_deref(), Some("+491607654321"));
}
