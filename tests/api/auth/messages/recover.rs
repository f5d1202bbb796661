//! `POST /recover`.

use super::*;

#[test]
fn a_forgotten_password_is_replaced() {
    let app = confirming();
    account(&app, "ann@example.com");
    let other = signed_in(&app, "ann@example.com");
    let answer = post(&app, "/recover", &json!({"email": "ann@example.com"}));
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    let mail = mail(&app, "ann@example.com");
    assert_eq!(mail.subject, "Choose a new password");
    let url = follow(&app, &mail.link());
    assert_eq!(in_fragment(&url, "type").as_deref(), Some("recovery"));
    let token = in_fragment(&url, "access_token").unwrap();
    let change = json!({"password": "battery staple"});
    let answer = app.with_token(&token).put("/auth/v1/user").json(&change).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(sign_in(&app, "ann@example.com", "battery staple").status, 200);
    assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 400);
    assert_eq!(get_user(&app, &other).status, 403, "whoever had the old password is out");
}

#[test]
fn a_mail_is_not_sent_twice_within_a_minute() {
    let app = confirming_with(&[("SMTP_MAX_FREQUENCY", "90")]);
    account(&app, "ann@example.com");
    let recover = || post(&app, "/recover", &json!({"email": "ann@example.com"}));
    assert_eq!(recover().status, 200);
    app.clock.advance(30);
    assert_error(&recover(), 429, "over_email_send_rate_limit", "after 60 seconds.");
    let otp = post(&app, "/otp", &json!({"email": "ann@example.com"}));
    assert_error(&otp, 429, "over_email_send_rate_limit", "after 60 seconds.");
    app.clock.advance(60);
    assert_eq!(recover().status, 200);
    assert_eq!(mail_count(&app), "2");
    let app = confirming_with(&[("SMTP_MAX_FREQUENCY", "0")]);
    account(&app, "ann@example.com");
    for _ in 0..3 {
        assert_eq!(post(&app, "/recover", &json!({"email": "ann@example.com"})).status, 200);
    }
}

#[test]
fn of_two_requests_at_once_one_sends_a_mail() {
    let app = confirming();
    account(&app, "ann@example.com");
    app.database.interrupt_at(2, r#"UPDATE "auth.users" SET recovery_sent_at = '2027-01-15T08:00:00+00:00'"#);
    let answer = post(&app, "/recover", &json!({"email": "ann@example.com"}));
    assert_error(&answer, 429, "over_email_send_rate_limit", "after 60 seconds.");
    assert_eq!(mail_count(&app), "0");
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.one_time_tokens""#).as_deref(), Some("0"));
}

#[test]
fn what_is_no_address_is_refused() {
    let app = confirming();
    let rows = [
        (json!({}), "Password recovery requires an email"),
        (json!({"email": "nonsense"}), "Unable to validate email address"),
        (json!({"email": "a@b.c", "code_challenge_method": "s256"}), "PKCE flow requires"),
    ];
    for (body, message) in rows {
        assert_error(&post(&app, "/recover", &body), 400, "validation_failed", message);
    }
}
