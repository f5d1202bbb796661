//! `POST /signup` where addresses have to be confirmed.

use super::*;

#[test]
fn a_sign_up_sends_a_mail_whose_link_and_code_confirm_and_sign_in() {
    for by_code in [true, false] {
        let app = confirming();
        let user = sign_up(&app, "ann@example.com").json();
        assert_eq!(user["confirmation_sent_at"], json!("2027-01-15T08:00:00Z"));
        let mail = mail(&app, "ann@example.com");
        assert_eq!(mail.subject, "Confirm your address");
        app.clock.advance(30);
        let session = if by_code {
            let answer = verify_code(&app, "signup", " ANN@example.com", &mail.code());
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        } else {
            let url = follow(&app, &mail.link());
            assert!(url.starts_with("http://127.0.0.1:3000#access_token="), "{url}");
            assert_eq!(in_fragment(&url, "type").as_deref(), Some("signup"));
            assert_eq!(in_fragment(&url, "token_type").as_deref(), Some("bearer"));
            assert_eq!(in_fragment(&url, "expires_in").as_deref(), Some("3600"));
            let answer = refresh(&app, &in_fragment(&url, "refresh_token").unwrap());
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.json()
        };
        let user = get_user(&app, &session).json();
        assert_eq!(user["email_confirmed_at"], json!("2027-01-15T08:00:30Z"));
        assert_eq!(user["last_sign_in_at"], json!("2027-01-15T08:00:30Z"));
        assert_eq!(user["user_metadata"]["email_verified"], json!(true));
        assert_eq!(user["identities"][0]["identity_data"]["email_verified"], json!(true));
        assert_eq!(claims(&session)["amr"][0]["method"], json!("otp"));
        assert_eq!(claims(&session)["aal"], json!("aal1"));
        assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 200);
    }
}

#[test]
fn a_second_sign_up_sends_the_mail_again_but_not_at_once() {
    let app = confirming();
    sign_up(&app, "ann@example.com");
    let first = mail(&app, "ann@example.com");
    app.clock.advance(59);
    assert_error(
        &sign_up(&app, "ann@example.com"),
        429,
        "over_email_send_rate_limit",
        "For security purposes, you can only request this after 1 seconds.",
    );
    app.clock.advance(1);
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    assert_eq!(mails(&app, "ann@example.com").len(), 2);
    let expired = verify_code(&app, "signup", "ann@example.com", &first.code());
    assert_error(&expired, 403, "otp_expired", "Token has expired or is invalid");
    let second = mail(&app, "ann@example.com");
    assert_eq!(verify_code(&app, "signup", "ann@example.com", &second.code()).status, 200);
}

#[test]
fn resending_sends_a_new_mail_to_who_waits_for_one() {
    let app = confirming();
    sign_up(&app, "ann@example.com");
    account(&app, "bob@example.com");
    app.clock.advance(60);
    let resend = |email: &str| post(&app, "/resend", &json!({"type": "signup", "email": email}));
    for email in ["ann@example.com", "bob@example.com", "nobody@example.com"] {
        let answer = resend(email);
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})), "{email}");
    }
    assert_eq!(mail_count(&app), "2");
    assert_error(&resend("ann@example.com"), 429, "over_email_send_rate_limit", "after 60 seconds");
    let rows = [
        (json!({"email": "ann@example.com"}), "validation_failed", "Missing one of these types"),
        (json!({"type": "recovery", "email": "a@b.c"}), "validation_failed", "Missing one of these types"),
        (json!({"type": "signup"}), "validation_failed", "Type provided requires an email address"),
        (json!({"type": "sms"}), "validation_failed", "Type provided requires a phone number"),
        (
            json!({"type": "sms", "phone": "+491511234567"}),
            "phone_provider_disabled",
            "Phone logins are disabled",
        ),
        (
            json!({"type": "signup", "email": "a@b.c", "phone": "1"}),
            "validation_failed",
            "Only an email address",
        ),
        (json!({"type": "signup", "email": "nonsense"}), "validation_failed", "Unable to validate email"),
    ];
    for (body, code, message) in rows {
        assert_error(&post(&app, "/resend", &body), 400, code, message);
    }
}

#[test]
fn what_a_mail_says_can_be_set() {
    let app = confirming_with(&[
        ("MAILER_SUBJECTS_CONFIRMATION", "Hi {{ .Data.name }}"),
        (
            "MAILER_TEMPLATES_CONFIRMATION",
            "<p>{{ .Data.name }} {{ .Email }} {{ .Token }} {{ .SiteURL }}</p><a href=\"{{ .SiteURL }}/confirm?token_hash={{ .TokenHash }}\">x</a>",
        ),
        ("MAILER_OTP_LENGTH", "8"),
    ]);
    let body =
        json!({"email": "ann@example.com", "password": PASSWORD, "data": {"name": "<b>Ann\r\nBcc: x@y.z"}});
    assert_eq!(post(&app, "/signup", &body).status, 200);
    let mail = mail(&app, "ann@example.com");
    assert_eq!(mail.subject, "Hi <b>Ann  Bcc: x@y.z", "one line");
    assert!(mail.text.starts_with("<b>Ann\nBcc: x@y.z ann@example.com"), "{}", mail.text);
    let html = app.database.value(r#"SELECT html FROM "auth.mailbox""#).unwrap();
    assert!(html.contains("&lt;b&gt;Ann"), "{html}");
    assert_eq!(mail.code().len(), 8);
    let token = mail.text.split("token_hash=").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(verify_hash(&app, "signup", token).status, 200);
}
