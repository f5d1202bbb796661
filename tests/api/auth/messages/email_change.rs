//! Changing an address: both mailboxes agree.

use super::*;

fn ann(app: &TestApp) -> Value {
    account(app, "ann@example.com");
    signed_in(app, "ann@example.com")
}

fn change(app: &TestApp, session: &Value, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).put("/auth/v1/user").json(body).send()
}

fn ask(app: &TestApp, session: &Value) -> Value {
    let answer = change(app, session, &json!({"email": "Anna@example.com"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

const HALF_WAY: &str = "Confirmation link accepted. Please proceed to confirm link sent to the other email";

#[test]
fn an_address_changes_once_both_mailboxes_agree_in_either_order() {
    let both = ["ann@example.com", "anna@example.com"];
    for (first, second) in [(both[0], both[1]), (both[1], both[0])] {
        for by_code in [true, false] {
            let app = confirming();
            let session = ann(&app);
            let user = ask(&app, &session);
            assert_eq!(user["email"], json!("ann@example.com"));
            assert_eq!(user["new_email"], json!("anna@example.com"));
            assert_eq!(user["email_change_sent_at"], json!("2027-01-15T08:00:00Z"));

            let (one, other) = (mail(&app, first), mail(&app, second));
            if by_code {
                let answer = verify_code(&app, "email_change", first, &one.code());
                assert_eq!(
                    (answer.status.as_u16(), answer.json()),
                    (200, json!({"msg": HALF_WAY, "code": "200"}))
                );
            } else {
                let url = follow(&app, &one.link());
                assert_eq!(in_fragment(&url, "message").as_deref(), Some(HALF_WAY));
            }
            assert_eq!(get_user(&app, &session).json()["email"], json!("ann@example.com"));
            let again = verify_hash(&app, "email_change", &one.token());
            assert_error(&again, 403, "otp_expired", "Email link is invalid");

            let answer = verify_code(&app, "email_change", second, &other.code());
            assert_eq!(answer.status, 200, "{}", answer.text());
            let user = get_user(&app, &answer.json()).json();
            assert_eq!(user["email"], json!("anna@example.com"));
            assert!(user.get("new_email").is_none());
            assert_eq!(user["user_metadata"]["email_verified"], json!(true));
            assert_eq!(user["identities"].as_array().unwrap().len(), 1);
            assert_eq!(user["identities"][0]["email"], json!("anna@example.com"));
            assert_eq!(user["identities"][0]["identity_data"]["email_verified"], json!(true));
            assert_eq!(get_user(&app, &session).status, 200, "the old session lives");
            assert_eq!(sign_in(&app, "ann@example.com", PASSWORD).status, 400);
            assert_eq!(sign_in(&app, "anna@example.com", PASSWORD).status, 200);
        }
    }
}

#[test]
fn the_new_mailbox_is_enough_where_the_settings_say_so() {
    let app = confirming_with(&[("MAILER_SECURE_EMAIL_CHANGE_ENABLED", "false")]);
    let session = ann(&app);
    ask(&app, &session);
    assert_eq!(mail_count(&app), "1");
    let code = mail(&app, "anna@example.com").code();
    assert_eq!(verify_code(&app, "email_change", "anna@example.com", &code).status, 200);
    assert_eq!(get_user(&app, &session).json()["email"], json!("anna@example.com"));
}

#[test]
fn with_auto_confirm_one_mailbox_is_enough_but_it_is_asked() {
    let app = TestApp::new();
    let session = super::super::signed_up(&app, "ann@example.com");
    ask(&app, &session);
    assert_eq!(get_user(&app, &session).json()["email"], json!("ann@example.com"));
    let code = mail(&app, "anna@example.com").code();
    assert_eq!(verify_code(&app, "email_change", "anna@example.com", &code).status, 200);
    assert_eq!(get_user(&app, &session).json()["email"], json!("anna@example.com"));
}

#[test]
fn a_change_to_another_address_voids_the_first() {
    let app = confirming();
    let session = ann(&app);
    ask(&app, &session);
    let (old, new) = (mail(&app, "ann@example.com"), mail(&app, "anna@example.com"));
    assert_error(
        &change(&app, &session, &json!({"email": "third@example.com"})),
        429,
        "over_email_send_rate_limit",
        "after 60 seconds",
    );
    assert_eq!(verify_hash(&app, "email_change", &old.token()).status, 200, "half-way");
    app.clock.advance(60);
    assert_eq!(change(&app, &session, &json!({"email": "third@example.com"})).status, 200);
    for token in [old.token(), new.token()] {
        assert_error(&verify_hash(&app, "email_change", &token), 403, "otp_expired", "");
    }
    let third = verify_hash(&app, "email_change", &mail(&app, "third@example.com").token());
    assert_eq!(third.json()["msg"], json!(HALF_WAY), "the old mailbox has to agree anew");
}

#[test]
fn the_mails_can_be_sent_again() {
    let app = confirming();
    let session = ann(&app);
    ask(&app, &session);
    app.clock.advance(60);
    let again = post(&app, "/resend", &json!({"type": "email_change", "email": "ann@example.com"}));
    assert_eq!(again.status, 200);
    assert_eq!(mail_count(&app), "4");
    for email in ["ann@example.com", "anna@example.com"] {
        assert_eq!(verify_code(&app, "email_change", email, &mail(&app, email).code()).status, 200);
    }
    assert_eq!(get_user(&app, &session).json()["email"], json!("anna@example.com"));
}

#[test]
fn an_address_that_somebody_took_meanwhile_is_not_given_twice() {
    let app = confirming();
    let session = ann(&app);
    ask(&app, &session);
    account(&app, "anna@example.com");
    let (old, new) = (mail(&app, "ann@example.com"), mail(&app, "anna@example.com"));
    assert_eq!(verify_hash(&app, "email_change", &old.token()).status, 200);
    for _ in 0..2 {
        let answer = verify_hash(&app, "email_change", &new.token());
        assert_error(&answer, 422, "email_exists", "already been registered");
    }
    assert_eq!(get_user(&app, &session).json()["email"], json!("ann@example.com"));
}

#[test]
fn two_confirmations_at_once_count_as_two() {
    let app = confirming();
    let session = ann(&app);
    ask(&app, &session);
    let (old, new) = (mail(&app, "ann@example.com"), mail(&app, "anna@example.com"));
    // The other mailbox's confirmation lands between this one's reading and its batch.
    app.database.interrupt_at(
        3,
        r#"UPDATE "auth.users" SET email_change_confirm_status = 1;
DELETE FROM "auth.one_time_tokens" WHERE token_type = 'email_change_token_new'"#,
    );
    let answer = verify_hash(&app, "email_change", &old.token());
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["access_token"].is_string(), "{}", answer.text());
    assert_eq!(get_user(&app, &session).json()["email"], json!("anna@example.com"));
    assert_error(&verify_hash(&app, "email_change", &new.token()), 403, "otp_expired", "");
}

#[test]
fn other_changes_of_the_same_request_take_effect_at_once() {
    let app = confirming();
    let session = ann(&app);
    let answer = change(&app, &session, &json!({"email": "anna@example.com", "data": {"a": 1}}));
    assert_eq!(answer.json()["user_metadata"]["a"], json!(1));
    assert_eq!(answer.json()["new_email"], json!("anna@example.com"));
}

#[test]
fn a_change_whose_mail_or_database_fails_has_not_begun_and_can_be_tried_again() {
    for step in 1..=5 {
        let app = confirming();
        let session = ann(&app);
        let before = get_user(&app, &session).json();
        app.database.fault.fail_at(step);
        let answer = change(&app, &session, &json!({"email": "anna@example.com", "data": {"a": 1}}));
        assert_error(&answer, 500, "unexpected_failure", "");
        app.database.fault.mend();
        let after = get_user(&app, &session).json();
        for member in ["email", "new_email", "email_change_sent_at", "user_metadata"] {
            assert_eq!(after.get(member), before.get(member), "{member} after step {step}");
        }
        ask(&app, &session);
        for email in ["ann@example.com", "anna@example.com"] {
            assert_eq!(verify_code(&app, "email_change", email, &mail(&app, email).code()).status, 200);
        }
    }
}

#[test]
fn a_new_password_voids_an_old_change_and_not_the_one_it_came_with() {
    let app = confirming();
    let session = ann(&app);
    ask(&app, &session);
    let old = mail(&app, "anna@example.com");
    app.clock.advance(60);
    let body = json!({"email": "third@example.com", "password": "battery staple"});
    let answer = change(&app, &session, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_error(&verify_hash(&app, "email_change", &old.token()), 403, "otp_expired", "");
    for email in ["ann@example.com", "third@example.com"] {
        assert_eq!(
            verify_code(&app, "email_change", email, &mail(&app, email).code()).status,
            200,
            "{email}"
        );
    }
    assert_eq!(sign_in(&app, "third@example.com", "battery staple").status, 200);
}
