//! `GET` and `POST /verify`: what a code or link is good for, and what not.

use super::*;

const EXPIRED: &str = "Token has expired or is invalid";

fn waiting(app: &TestApp) -> Mail {
    account(app, "ann@example.com");
    assert_eq!(post(app, "/otp", &json!({"email": "ann@example.com"})).status, 200);
    mail(app, "ann@example.com")
}

#[test]
fn a_code_is_spent_by_five_wrong_guesses_and_a_link_by_none() {
    let app = confirming();
    let mail = waiting(&app);
    for _ in 0..5 {
        let answer = verify_code(&app, "email", "ann@example.com", &wrong(&mail.code()));
        assert_error(&answer, 403, "otp_expired", EXPIRED);
    }
    let answer = verify_code(&app, "email", "ann@example.com", &mail.code());
    assert_error(&answer, 403, "otp_expired", EXPIRED);
    assert_eq!(verify_hash(&app, "magiclink", &mail.token()).status, 200);
}

#[test]
fn four_wrong_guesses_are_forgiven_and_a_new_code_forgives_all() {
    let app = confirming();
    let first = waiting(&app);
    for _ in 0..4 {
        verify_code(&app, "magiclink", "ann@example.com", &wrong(&first.code()));
    }
    assert_eq!(verify_code(&app, "magiclink", "ann@example.com", &first.code()).status, 200);
    app.clock.advance(60);
    post(&app, "/otp", &json!({"email": "ann@example.com"}));
    for _ in 0..5 {
        verify_code(&app, "magiclink", "ann@example.com", &wrong(&mail(&app, "ann@example.com").code()));
    }
    app.clock.advance(60);
    signed_in_by_mail(&app, "ann@example.com");
}

#[test]
fn a_code_or_link_expires() {
    for (setting, lives) in [("3600", 3599), ("120", 119)] {
        let app = confirming_with(&[("MAILER_OTP_EXP", setting)]);
        let mail = waiting(&app);
        app.clock.advance(lives + 1);
        assert_error(
            &verify_code(&app, "email", "ann@example.com", &mail.code()),
            403,
            "otp_expired",
            EXPIRED,
        );
        let url = follow(&app, &mail.link());
        assert_eq!(in_fragment(&url, "error").as_deref(), Some("access_denied"));
        assert_eq!(in_fragment(&url, "error_code").as_deref(), Some("otp_expired"));
        let description = in_fragment(&url, "error_description");
        assert_eq!(description.as_deref(), Some("Email link is invalid or has expired"));
        assert_eq!(in_query(&url, "error"), None);
        signed_in_by_mail(&app, "ann@example.com");
    }
}

#[test]
fn a_code_is_good_for_its_own_kind_address_and_account_only() {
    let app = confirming();
    let mail = waiting(&app);
    account(&app, "bob@example.com");
    let rows = [
        ("signup", "ann@example.com"),
        ("invite", "ann@example.com"),
        ("email_change", "ann@example.com"),
        ("email", "bob@example.com"),
        ("email", "nobody@example.com"),
    ];
    for (name, email) in rows {
        assert_error(&verify_code(&app, name, email, &mail.code()), 403, "otp_expired", EXPIRED);
    }
    for name in ["signup", "email_change"] {
        let answer = verify_hash(&app, name, &mail.token());
        assert_error(&answer, 403, "otp_expired", "Email link is invalid or has expired");
    }
    assert_eq!(verify_code(&app, "recovery", "ann@example.com", &mail.code()).status, 200, "as upstream");
}

#[test]
fn what_is_no_proof_is_refused_with_its_reason() {
    let app = confirming();
    let hash = "0".repeat(64);
    let rows = [
        (
            json!({"token": "1", "email": "a@b.c"}),
            400,
            "validation_failed",
            "Verify requires a verification type",
        ),
        (
            json!({"type": "email", "email": "a@b.c"}),
            400,
            "validation_failed",
            "either a token or a token hash",
        ),
        (
            json!({"type": "email", "token": "1", "token_hash": hash}),
            400,
            "validation_failed",
            "either a token",
        ),
        (json!({"type": "email", "token": "1"}), 400, "validation_failed", "Only an email address or phone"),
        (
            json!({"type": "email", "token": "1", "email": "a@b.c", "phone": "1"}),
            400,
            "validation_failed",
            "Only an email address or phone",
        ),
        (
            json!({"type": "email", "token_hash": hash, "email": "a@b.c"}),
            400,
            "validation_failed",
            "Only the token_hash and type",
        ),
        (
            json!({"type": "email", "token": "1", "email": "nonsense"}),
            422,
            "validation_failed",
            "Invalid email format",
        ),
        (
            json!({"type": "sms", "token": "1", "phone": "nonsense"}),
            400,
            "validation_failed",
            "Invalid phone number",
        ),
        (json!({"type": "sms", "token": "123456", "phone": "+491511234567"}), 403, "otp_expired", EXPIRED),
        (
            json!({"type": "phone_change", "token": "123456", "phone": "+491511234567"}),
            403,
            "otp_expired",
            EXPIRED,
        ),
        (
            json!({"type": "nonsense", "token_hash": hash}),
            400,
            "validation_failed",
            "Invalid email verification type",
        ),
        (json!({"type": "email", "token_hash": "short"}), 403, "otp_expired", "Email link is invalid"),
        (json!({"type": "email", "token_hash": hash}), 403, "otp_expired", "Email link is invalid"),
        (json!({"type": "email", "token": "123456", "email": "a@b.c"}), 403, "otp_expired", EXPIRED),
        (json!({"type": "email", "token": "' OR 1=1", "email": "a@b.c"}), 403, "otp_expired", EXPIRED),
    ];
    for (body, status, code, message) in rows {
        assert_error(&post(&app, "/verify", &body), status, code, message);
    }
    for (query, message) in [("?token=x", "verification type"), ("?type=email", "a token or a token hash")] {
        let answer = app.nobody().get(&format!("/auth/v1/verify{query}")).send();
        assert_error(&answer, 400, "validation_failed", message);
    }
}

#[test]
fn a_head_request_of_a_mail_scanner_uses_nothing() {
    let app = confirming();
    let mail = waiting(&app);
    let answer = app.nobody().call(http::Method::HEAD, &mail.link()).send();
    assert_eq!((answer.status.as_u16(), answer.header("location")), (200, None));
    assert!(in_fragment(&follow(&app, &mail.link()), "access_token").is_some());
}

#[test]
fn of_two_uses_at_once_one_succeeds() {
    let app = confirming();
    let mail = waiting(&app);
    // Another request uses it between this one's reading and its batch.
    app.database.interrupt_at(3, r#"DELETE FROM "auth.one_time_tokens""#);
    let loser = verify_code(&app, "email", "ann@example.com", &mail.code());
    assert_error(&loser, 403, "otp_expired", EXPIRED);
    let sessions = app.database.value(r#"SELECT count(*) FROM "auth.sessions""#);
    assert_eq!(sessions.as_deref(), Some("0"), "the loser has no session");
}

#[test]
fn guesses_that_came_in_between_count() {
    let app = confirming();
    let mail = waiting(&app);
    app.database.interrupt_at(3, r#"UPDATE "auth.one_time_tokens" SET attempts = 5"#);
    let answer = verify_code(&app, "email", "ann@example.com", &mail.code());
    assert_error(&answer, 403, "otp_expired", EXPIRED);
}

#[test]
fn a_banned_or_deleted_user_is_not_let_in() {
    let app = confirming();
    let mail = waiting(&app);
    let ann = app.database.value(r#"SELECT id FROM "auth.users""#).unwrap();
    let path = format!("/auth/v1/admin/users/{ann}");
    app.service_role().put(&path).json(&json!({"ban_duration": "1h"})).send();
    let banned = verify_code(&app, "email", "ann@example.com", &mail.code());
    assert_error(&banned, 403, "user_banned", "User is banned");
    let url = follow(&app, &mail.link());
    assert_eq!(in_fragment(&url, "error_code").as_deref(), Some("user_banned"));
    app.service_role().put(&path).json(&json!({"ban_duration": "none"})).send();
    app.service_role().delete(&path).json(&json!({"should_soft_delete": true})).send();
    assert_error(&verify_hash(&app, "magiclink", &mail.token()), 403, "otp_expired", "Email link is invalid");
}

#[test]
fn codes_do_not_outlive_the_password_or_address_they_were_sent_for() {
    for change in [json!({"password": "battery staple"}), json!({"email": "anna@example.com"})] {
        let app = confirming();
        let mail = waiting(&app);
        let ann = app.database.value(r#"SELECT id FROM "auth.users""#).unwrap();
        let answer = app.service_role().put(&format!("/auth/v1/admin/users/{ann}")).json(&change).send();
        assert_eq!(answer.status, 200);
        assert_error(
            &verify_hash(&app, "magiclink", &mail.token()),
            403,
            "otp_expired",
            "Email link is invalid",
        );
    }
}

#[test]
fn a_copy_of_the_database_opens_nothing() {
    let app = confirming();
    let mail = waiting(&app);
    let stored = app.database.value(r#"SELECT token_hash FROM "auth.one_time_tokens""#).unwrap();
    let ann = app.database.value(r#"SELECT replace(id, '-', '') FROM "auth.users""#).unwrap();
    for token in [stored.clone(), format!("{ann}{}", &stored[..32])] {
        assert_error(&verify_hash(&app, "magiclink", &token), 403, "otp_expired", "Email link is invalid");
    }
    for secret in [mail.code(), mail.token()] {
        assert!(!stored.contains(&secret));
    }
}

#[test]
fn verifying_writes_four_rows() {
    let app = confirming();
    sign_up(&app, "ann@example.com");
    let code = mail(&app, "ann@example.com").code();
    let before = app.database.rows_written();
    assert_eq!(verify_code(&app, "signup", "ann@example.com", &code).status, 200);
    assert_eq!(app.database.rows_written() - before, 4, "user, identity, session, token");
    app.clock.advance(60);
    post(&app, "/otp", &json!({"email": "ann@example.com"}));
    let code = mail(&app, "ann@example.com").code();
    let before = app.database.rows_written();
    assert_eq!(verify_code(&app, "magiclink", "ann@example.com", &code).status, 200);
    assert_eq!(app.database.rows_written() - before, 3, "user, session, token");
}
