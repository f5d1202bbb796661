//! `POST /otp` and `/magiclink`.

use super::*;

#[test]
fn an_account_signs_in_by_link_or_code_once() {
    for path in ["/otp", "/magiclink"] {
        let app = confirming();
        account(&app, "ann@example.com");
        let answer = post(&app, path, &json!({"email": "Ann@example.com"}));
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})), "{path}");
        let mail = mail(&app, "ann@example.com");
        assert_eq!(mail.subject, "Your link to sign in");
        let answer = verify_code(&app, "magiclink", "ann@example.com", &mail.code());
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(get_user(&app, &answer.json()).status, 200);
        for again in [
            verify_code(&app, "magiclink", "ann@example.com", &mail.code()),
            verify_hash(&app, "magiclink", &mail.token()),
        ] {
            assert_error(&again, 403, "otp_expired", "expired");
        }
    }
}

#[test]
fn somebody_new_gets_an_account_once_the_address_is_confirmed() {
    for autoconfirm in ["true", "false"] {
        let app = TestApp::with_vars(&[("MAILER_AUTOCONFIRM", autoconfirm)]);
        let body = json!({"email": "ann@example.com", "data": {"name": "Ann"}});
        assert_eq!(post(&app, "/otp", &body).status, 200);
        let subject = if autoconfirm == "true" { "Your link to sign in" } else { "Confirm your address" };
        assert_eq!(mail(&app, "ann@example.com").subject, subject);
        let answer = verify_code(&app, "email", "ann@example.com", &mail(&app, "ann@example.com").code());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let user = answer.json()["user"].clone();
        assert_eq!(user["user_metadata"]["name"], json!("Ann"));
        assert_eq!(user["user_metadata"]["email_verified"], json!(true));
        // As upstream: a link to sign in confirms the account's address and leaves the identity alone.
        let is_sign_up = autoconfirm == "false";
        assert_eq!(user["identities"][0]["identity_data"]["email_verified"], json!(is_sign_up));
        assert_error(&sign_in(&app, "ann@example.com", ""), 400, "invalid_credentials", "");
        app.clock.advance(60);
        signed_in_by_mail(&app, "ann@example.com");
    }
}

#[test]
fn nobody_new_gets_in_where_that_is_not_wanted() {
    let app = confirming();
    let body = json!({"email": "ann@example.com", "create_user": false});
    assert_error(&post(&app, "/otp", &body), 422, "otp_disabled", "Signups not allowed for otp");
    let app = confirming_with(&[("DISABLE_SIGNUP", "true")]);
    account(&app, "bob@example.com");
    let refused = post(&app, "/otp", &json!({"email": "ann@example.com"}));
    assert_error(&refused, 422, "signup_disabled", "Signups not allowed");
    assert_eq!(mail_count(&app), "0");
    signed_in_by_mail(&app, "bob@example.com");
    let app = confirming_with(&[("EXTERNAL_EMAIL_MAGIC_LINK_ENABLED", "false")]);
    for path in ["/otp", "/magiclink"] {
        let refused = post(&app, path, &json!({"email": "ann@example.com"}));
        assert_error(&refused, 422, "email_provider_disabled", "Login with magic link is disabled");
    }
    assert_eq!(post(&app, "/recover", &json!({"email": "ann@example.com"})).status, 200);
    let app = confirming_with(&[("EXTERNAL_EMAIL_ENABLED", "false")]);
    for (path, status) in [("/otp", 422), ("/magiclink", 422), ("/recover", 400)] {
        let refused = post(&app, path, &json!({"email": "ann@example.com"}));
        assert_error(&refused, status, "email_provider_disabled", "Email logins are disabled");
    }
}

#[test]
fn what_is_no_request_is_refused_with_its_reason() {
    let app = confirming();
    let rows = [
        (json!({}), "validation_failed", "One of email or phone must be set"),
        (
            json!({"email": "a@b.c", "phone": "1"}),
            "validation_failed",
            "Only an email address or phone number",
        ),
        (
            json!({"email": "a@b.c", "channel": "sms"}),
            "validation_failed",
            "Channel should only be specified",
        ),
        (json!({"phone": "+491511234567"}), "phone_provider_disabled", "Unsupported phone provider"),
        (json!({"email": "nonsense"}), "validation_failed", "Unable to validate email address"),
        (json!({"email": "a@b.c", "code_challenge": "x"}), "validation_failed", "PKCE flow requires"),
        (json!({"email": 5}), "bad_json", "Could not parse"),
    ];
    for (body, code, message) in rows {
        assert_error(&post(&app, "/otp", &body), 400, code, message);
    }
    assert_eq!(mail_count(&app), "0");
    assert_eq!(app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(), Some("0"));
}
