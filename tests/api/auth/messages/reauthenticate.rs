//! `GET /reauthenticate`, and the nonce it sends.

use super::*;

const STRICT: &[(&str, &str)] = &[("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", "true")];

fn reauthenticate(app: &TestApp, session: &Value) -> Answer {
    app.with_token(text(session, "access_token")).get("/auth/v1/reauthenticate").send()
}

fn set_password(app: &TestApp, session: &Value, nonce: &str) -> Answer {
    let change = json!({"password": "battery staple", "nonce": nonce});
    app.with_token(text(session, "access_token")).put("/auth/v1/user").json(&change).send()
}

/// A session of more than a day, with a fresh access token.
fn old_session(app: &TestApp) -> Value {
    account(app, "ann@example.com");
    let session = signed_in(app, "ann@example.com");
    app.clock.advance(24 * 3600 + 1);
    refresh(app, text(&session, "refresh_token")).json()
}

#[test]
fn an_old_session_needs_a_code_by_mail_to_set_a_password() {
    let app = confirming_with(STRICT);
    let session = old_session(&app);
    assert_error(
        &set_password(&app, &session, ""),
        400,
        "reauthentication_needed",
        "Password update requires reauthentication",
    );
    let answer = reauthenticate(&app, &session);
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    let mail = mail(&app, "ann@example.com");
    let code = mail.code();
    assert_eq!(mail.subject, format!("{code} is your code"));
    assert!(!mail.text.contains("http"), "{}", mail.text);
    let refused = set_password(&app, &session, &wrong(&code));
    assert_error(&refused, 422, "reauthentication_not_valid", "Nonce has expired or is invalid");
    assert_eq!(set_password(&app, &session, &code).status, 200);
    assert_eq!(sign_in(&app, "ann@example.com", "battery staple").status, 200);
}

#[test]
fn a_code_is_used_up_expires_and_bears_five_guesses() {
    let app = confirming_with(STRICT);
    let session = old_session(&app);
    reauthenticate(&app, &session);
    let code = mail(&app, "ann@example.com").code();
    for _ in 0..5 {
        set_password(&app, &session, &wrong(&code));
    }
    assert_error(&set_password(&app, &session, &code), 422, "reauthentication_not_valid", "Nonce");
    app.clock.advance(60);
    reauthenticate(&app, &session);
    let code = mail(&app, "ann@example.com").code();
    app.clock.advance(3600);
    let session = refresh(&app, text(&session, "refresh_token")).json();
    assert_error(&set_password(&app, &session, &code), 422, "reauthentication_not_valid", "Nonce");
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn a_fresh_session_needs_none() {
    let app = confirming_with(STRICT);
    account(&app, "ann@example.com");
    let session = signed_in(&app, "ann@example.com");
    assert_eq!(set_password(&app, &session, "").status, 200);
}

#[test]
fn a_code_needs_somewhere_to_go() {
    let app = TestApp::with_vars(&[("EXTERNAL_ANONYMOUS_USERS_ENABLED", "true")]);
    let session = post(&app, "/signup", &json!({})).json();
    let answer = reauthenticate(&app, &session);
    assert_error(&answer, 400, "validation_failed", "requires the user to have an email or a phone number");
    assert_error(&app.anon().get("/auth/v1/reauthenticate").send(), 403, "bad_jwt", "missing sub claim");
}
