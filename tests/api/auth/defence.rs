//! Captchas, password rules, leaked passwords, and waiting after too many wrong ones.

use serde_json::{Value, json};

use super::{PASSWORD, assert_error, refresh, sign_in, signed_up, text};
use crate::app::{Answer, TestApp, at_once};

fn post(app: &TestApp, path: &str, body: &Value) -> Answer {
    app.anon().post(&format!("/auth/v1{path}")).json(body).send()
}

fn sign_up_with(app: &TestApp, password: &str) -> Answer {
    post(app, "/signup", &json!({"email": "ann@example.com", "password": password}))
}

const VERIFY: &str = "https://challenges.cloudflare.com/turnstile/v0/siteverify";

fn guarded() -> TestApp {
    TestApp::with_vars(&[
        ("SECURITY_CAPTCHA_ENABLED", "true"),
        ("SECURITY_CAPTCHA_PROVIDER", "turnstile"),
        ("SECURITY_CAPTCHA_SECRET", "site secret"),
    ])
}

#[test]
fn a_captcha_is_asked_for_where_upstream_asks() {
    let app = guarded();
    let email = "ann@example.com";
    let rows = [
        ("/signup", json!({"email": email, "password": PASSWORD})),
        ("/token?grant_type=password", json!({"email": email, "password": PASSWORD})),
        ("/otp", json!({"email": email})),
        ("/magiclink", json!({"email": email})),
        ("/recover", json!({"email": email})),
        ("/resend", json!({"type": "signup", "email": email})),
    ];
    for (path, body) in &rows {
        let message = "captcha protection: request disallowed (no captcha_token found)";
        assert_error(&post(&app, path, body), 400, "captcha_failed", message);
        app.http_client.prepare(
            VERIFY,
            200,
            r#"{"success":false,"error-codes":["invalid-input-response","x"]}"#,
        );
        let mut solved = body.clone();
        solved["gotrue_meta_security"] = json!({"captcha_token": "solved"});
        let message = "captcha protection: request disallowed (invalid-input-response, x)";
        assert_error(&post(&app, path, &solved), 400, "captcha_failed", message);
        app.http_client.prepare(VERIFY, 200, r#"{"success":true}"#);
        assert_eq!(post(&app, path, &solved).status, 200, "{path}");
        app.clock.advance(60);
    }
    let sent = app.http_client.requests_to(VERIFY).last().unwrap().body.clone();
    assert_eq!(sent, "remoteip=203.0.113.7&response=solved&secret=site+secret");
    app.http_client.prepare(VERIFY, 502, "oops");
    let body = json!({"email": email, "password": PASSWORD, "gotrue_meta_security": {"captcha_token": "x"}});
    let answer = post(&app, "/signup", &body);
    assert_error(&answer, 500, "unexpected_failure", "captcha verification process failed");
}

#[test]
fn an_administrator_and_a_refresh_need_none() {
    let app = guarded();
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let answer = app.service_role().post("/auth/v1/signup").json(&body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(refresh(&app, text(&answer.json(), "refresh_token")).status, 200);
    assert!(app.http_client.requests.borrow().is_empty());
}

#[test]
fn a_password_needs_a_character_of_each_set() {
    let sets = "abcdefghijklmnopqrstuvwxyz:ABCDEFGHIJKLMNOPQRSTUVWXYZ:0123456789";
    let app = TestApp::with_vars(&[("PASSWORD_REQUIRED_CHARACTERS", sets), ("PASSWORD_MIN_LENGTH", "8")]);
    let answer = sign_up_with(&app, "abc");
    let message = "Password should be at least 8 characters. Password should contain at least one character of each: abcdefghijklmnopqrstuvwxyz, ABC";
    assert_error(&answer, 422, "weak_password", message);
    assert_eq!(answer.json()["weak_password"]["reasons"], json!(["length", "characters"]));
    assert_eq!(sign_up_with(&app, "Abcdefg1").status, 200);
}

const RANGE: &str = "https://api.pwnedpasswords.com/range/";

#[test]
fn a_leaked_password_is_refused_and_looked_up_once() {
    let app = TestApp::with_vars(&[("PASSWORD_HIBP_ENABLED", "true")]);
    // SHA-1 of "password1": E38AD 214943DAAD1D64C102FAEC29DE4AFE9DA3D.
    let range = "214943DAAD1D64C102FAEC29DE4AFE9DA3D:2427158\r\n0000000000000000000000000000000000A:0\r\n";
    app.http_client.prepare(RANGE, 200, range);
    for _ in 0..2 {
        let answer = sign_up_with(&app, "password1");
        assert_error(&answer, 422, "weak_password", "Password is known to be weak and easy to guess");
        assert_eq!(answer.json()["weak_password"]["reasons"], json!(["pwned"]));
    }
    let requests = app.http_client.requests_to(RANGE);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url, "https://api.pwnedpasswords.com/range/E38AD");
    app.http_client.prepare(RANGE, 200, "0000000000000000000000000000000000A:5");
    assert_eq!(sign_up_with(&app, PASSWORD).status, 200);
}

#[test]
fn a_password_that_cannot_be_looked_up_is_let_through_unless_asked_otherwise() {
    let app = TestApp::with_vars(&[("PASSWORD_HIBP_ENABLED", "true")]);
    app.http_client.prepare_silence(RANGE);
    assert_eq!(sign_up_with(&app, PASSWORD).status, 200);
    assert!(app.log.0.borrow().iter().any(|line| line.contains("could not be looked up")));
    let app = TestApp::with_vars(&[("PASSWORD_HIBP_ENABLED", "true"), ("PASSWORD_HIBP_FAIL_CLOSED", "true")]);
    app.http_client.prepare(RANGE, 503, "");
    assert_error(
        &sign_up_with(&app, PASSWORD),
        500,
        "unexpected_failure",
        "Unable to perform password strength check",
    );
}

#[test]
fn a_leaked_password_still_signs_in_with_a_warning() {
    let app = TestApp::with_vars(&[("PASSWORD_HIBP_ENABLED", "true")]);
    app.http_client.prepare(RANGE, 200, "");
    assert_eq!(sign_up_with(&app, "password1").status, 200);
    let later = app.another_isolate();
    later.http_client.prepare(RANGE, 200, "214943DAAD1D64C102FAEC29DE4AFE9DA3D:1");
    let answer = sign_in(&later, "ann@example.com", "password1");
    assert_eq!(answer.json()["weak_password"]["reasons"], json!(["pwned"]), "{}", answer.text());
}

#[test]
fn a_new_password_needs_the_current_one_where_asked_for() {
    let app = TestApp::with_vars(&[("SECURITY_UPDATE_PASSWORD_REQUIRE_CURRENT_PASSWORD", "true")]);
    let session = signed_up(&app, "ann@example.com");
    let change =
        |body: Value| app.with_token(text(&session, "access_token")).put("/auth/v1/user").json(&body).send();
    let refused = change(json!({"password": "another horse"}));
    assert_error(
        &refused,
        400,
        "current_password_required",
        "Current password required when setting new password.",
    );
    let refused = change(json!({"password": "another horse", "current_password": "wrong"}));
    assert_error(&refused, 400, "current_password_invalid", "");
    assert_eq!(change(json!({"password": "another horse", "current_password": PASSWORD})).status, 200);
}

#[test]
fn ten_wrong_passwords_make_the_next_wait_for_somebody_and_for_nobody_alike() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    for email in ["ann@example.com", "nobody@example.com"] {
        for _ in 0..10 {
            assert_error(
                &sign_in(&app, email, "wrong"),
                400,
                "invalid_credentials",
                "Invalid login credentials",
            );
        }
        let waiting = sign_in(&app, email, PASSWORD);
        assert_error(
            &waiting,
            429,
            "over_request_rate_limit",
            "Too many wrong passwords; try again after 30 seconds",
        );
    }
    app.clock.advance(30);
    assert_error(&sign_in(&app, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
    assert_error(
        &sign_in(&app, "ANN@example.com", PASSWORD),
        429,
        "over_request_rate_limit",
        "after 60 seconds",
    );
    app.clock.advance(60);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    assert_error(&sign_in(&app, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
    let count = app.database.value(r#"SELECT max(failures) FROM "auth.sign_in_failures" WHERE failures < 5"#);
    assert_eq!(count.as_deref(), Some("1"), "a right one starts over");
    let off = TestApp::with_vars(&[("SIGN_IN_LOCKOUT", "false")]);
    signed_up(&off, "ann@example.com");
    for _ in 0..12 {
        assert_error(&sign_in(&off, "ann@example.com", "wrong"), 400, "invalid_credentials", "");
    }
    assert_eq!(sign_in(&off, "ann@example.com", PASSWORD).status, 200);
}

#[test]
fn guesses_side_by_side_do_not_get_past_the_count() {
    let app = TestApp::new();
    signed_up(&app, "ann@example.com");
    app.database.take_turns();
    let guess = |password: &str| {
        let body = json!({"email": "ann@example.com", "password": password});
        app.anon().post("/auth/v1/token?grant_type=password").json(&body)
    };
    let mut calls: Vec<_> = (0..20).map(|n| guess(&format!("wrong {n}"))).collect();
    calls.push(guess(PASSWORD));
    let answers = at_once(calls, 0);
    let right = answers.last().unwrap();
    assert_error(right, 409, "conflict", "");
    assert!(answers[..20].iter().all(|answer| answer.status == 400));
}

#[test]
fn whoever_has_a_whole_line_of_addresses_is_one_client() {
    let app = TestApp::new();
    let key = |address: &str| {
        app.anon()
            .post("/auth/v1/recover")
            .address(address)
            .json(&json!({"email": "ann@example.com"}))
            .send();
        app.limits.asked.borrow().iter().rev().find(|(key, ..)| key.starts_with("Recover")).unwrap().0.clone()
    };
    let first = key("2001:db8:1:2::1");
    assert_eq!(first, key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    assert_ne!(first, key("2001:db8:1:3::1"));
    assert_eq!(key("203.0.113.7"), "Recover:203.0.113.7");
    assert_ne!(key("::ffff:203.0.113.7"), key("::ffff:203.0.113.8"));
}

#[test]
fn whoever_took_a_session_cannot_guess_its_owners_password() {
    let app = TestApp::new();
    let session = signed_up(&app, "ann@example.com");
    let actor = || app.with_token(text(&session, "access_token"));
    let change = |current: &str| {
        let body = json!({"password": "battery staple", "current_password": current});
        actor().put("/auth/v1/user").json(&body).send()
    };
    for _ in 0..9 {
        assert_error(&change("wrong"), 400, "current_password_invalid", "");
    }
    let erase = |password: &str| actor().delete("/auth/v1/user").json(&json!({"password": password})).send();
    assert_error(&erase("wrong"), 400, "current_password_invalid", "");
    for answer in [change(PASSWORD), erase(PASSWORD), sign_in(&app, "ann@example.com", PASSWORD)] {
        assert_error(&answer, 429, "over_request_rate_limit", "try again after 30 seconds");
    }
    app.clock.advance(30);
    assert_eq!(change(PASSWORD).status, 200);
}
