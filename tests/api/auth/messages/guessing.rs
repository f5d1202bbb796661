//! Guessing at codes by mail and text message, over many of them.

use super::*;
use crate::app::at_once;

const EMAIL: &str = "ann@example.com";

/// A fresh code for the address, and five wrong ones that spend it.
fn spend_a_code(app: &TestApp) {
    app.clock.advance(60);
    assert_eq!(post(app, "/otp", &json!({"email": EMAIL})).status, 200);
    let code = mail(app, EMAIL).code();
    for _ in 0..5 {
        let refused = verify_code(app, "email", EMAIL, &wrong(&code));
        assert_error(&refused, 403, "otp_expired", "Token has expired or is invalid");
    }
}

fn failures(app: &TestApp) -> Option<String> {
    app.database.value(r#"SELECT max(failures) FROM "auth.sign_in_failures""#)
}

#[test]
fn ten_wrong_codes_make_the_next_wait_whichever_code_they_were_tried_on() {
    let app = confirming();
    account(&app, EMAIL);
    spend_a_code(&app);
    spend_a_code(&app);
    app.clock.advance(60);
    // The wait since the tenth has passed, so the eleventh is judged; after it nothing is for a minute.
    post(&app, "/otp", &json!({"email": EMAIL}));
    let fresh = mail(&app, EMAIL);
    assert_error(&verify_code(&app, "email", EMAIL, &wrong(&fresh.code())), 403, "otp_expired", "");
    for name in ["email", "magiclink", "recovery", "email_change"] {
        let waiting = verify_code(&app, name, "ANN@example.com", &fresh.code());
        let message = "Too many wrong codes; try again after 60 seconds";
        assert_error(&waiting, 429, "over_request_rate_limit", message);
    }
    assert_eq!(sign_in(&app, EMAIL, PASSWORD).status, 200, "passwords are counted by themselves");
    app.clock.advance(60);
    assert_eq!(verify_code(&app, "email", EMAIL, &fresh.code()).status, 200);
    assert_eq!(failures(&app), None, "a right one starts over");
}

#[test]
fn a_link_goes_on_working_while_codes_wait() {
    let app = confirming();
    account(&app, EMAIL);
    spend_a_code(&app);
    spend_a_code(&app);
    let waiting = verify_code(&app, "email", EMAIL, &mail(&app, EMAIL).code());
    assert_error(&waiting, 429, "over_request_rate_limit", "after 30 seconds");
    assert!(in_fragment(&follow(&app, &mail(&app, EMAIL).link()), "access_token").is_some());
}

#[test]
fn waiting_tells_nothing_of_who_has_an_account() {
    let app = confirming_with(&[("EXTERNAL_PHONE_ENABLED", "true")]);
    account(&app, EMAIL);
    let rows = [
        json!({"type": "email", "email": EMAIL, "token": "000000"}),
        json!({"type": "email", "email": "nobody@example.com", "token": "000000"}),
        json!({"type": "sms", "phone": "15550001111", "token": "000000"}),
    ];
    for body in rows {
        for _ in 0..10 {
            assert_error(&post(&app, "/verify", &body), 403, "otp_expired", "");
        }
        let waiting = post(&app, "/verify", &body);
        assert_error(&waiting, 429, "over_request_rate_limit", "Too many wrong codes");
    }
    let off = confirming_with(&[("SIGN_IN_LOCKOUT", "false")]);
    for _ in 0..12 {
        assert_error(&verify_code(&off, "email", EMAIL, "000000"), 403, "otp_expired", "");
    }
}

#[test]
fn a_signed_in_thief_guesses_no_nonce_either() {
    let app = confirming_with(&[("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", "true")]);
    account(&app, EMAIL);
    let session = signed_in(&app, EMAIL);
    app.clock.advance(24 * 3600 + 1);
    let session = refresh(&app, text(&session, "refresh_token")).json();
    let actor = || app.with_token(text(&session, "access_token"));
    let set_password = |nonce: &str| {
        let change = json!({"password": "battery staple", "nonce": nonce});
        actor().put("/auth/v1/user").json(&change).send()
    };
    for _ in 0..2 {
        app.clock.advance(60);
        assert_eq!(actor().get("/auth/v1/reauthenticate").send().status, 200);
        let code = mail(&app, EMAIL).code();
        for _ in 0..5 {
            assert_error(&set_password(&wrong(&code)), 422, "reauthentication_not_valid", "");
        }
    }
    let waiting = set_password("000000");
    assert_error(
        &waiting,
        429,
        "over_request_rate_limit",
        "Too many wrong codes; try again after 30 seconds",
    );
    app.clock.advance(60);
    actor().get("/auth/v1/reauthenticate").send();
    assert_eq!(set_password(&mail(&app, EMAIL).code()).status, 200);
    assert_eq!(failures(&app), None, "a right one starts over");
}

#[test]
fn codes_tried_side_by_side_do_not_get_past_the_count() {
    let app = confirming();
    account(&app, EMAIL);
    post(&app, "/otp", &json!({"email": EMAIL}));
    let code = mail(&app, EMAIL).code();
    app.database.take_turns();
    let guess = |code: &str| {
        let body = json!({"type": "email", "email": EMAIL, "token": code});
        app.anon().post("/auth/v1/verify").json(&body)
    };
    let mut calls: Vec<_> = (0..20).map(|_| guess(&wrong(&code))).collect();
    calls.push(guess(&code));
    let answers = at_once(calls, 0);
    let right = answers.last().unwrap();
    assert!([403, 429].contains(&right.status.as_u16()), "{} {}", right.status, right.text());
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.sessions""#).as_deref(), Some("0"));
}
