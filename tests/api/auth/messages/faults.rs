//! A database that fails at any step of a mail's way leaves nothing half done, and a retry works.

use super::*;

#[track_caller]
fn assert_unexpected(answer: &Answer) {
    assert_error(answer, 500, "unexpected_failure", "Unexpected failure, please check server logs");
    assert!(!answer.text().contains("on purpose"));
}

#[test]
fn a_sign_up_whose_mail_is_not_kept_has_not_happened() {
    for step in 1..=2 {
        let app = confirming();
        app.database.fault.fail_at(step);
        assert_unexpected(&sign_up(&app, "ann@example.com"));
        assert_eq!(
            app.database.value(r#"SELECT count(*) FROM "auth.users""#).as_deref(),
            Some("0"),
            "step {step}"
        );
        assert_eq!(sign_up(&app, "ann@example.com").status, 200, "at once");
        let code = mail(&app, "ann@example.com").code();
        assert_eq!(verify_code(&app, "signup", "ann@example.com", &code).status, 200);
    }
}

#[test]
fn a_sign_up_that_cannot_even_be_undone_can_be_repeated_after_a_minute() {
    let carrier = [("MAIL_PROVIDER", "resend"), ("MAIL_API_KEY", "k"), ("MAIL_FROM", "a@b.c")];
    let app = confirming_with(&carrier);
    app.http_client.fault.fail_at(1);
    app.database.fault.fail_at(2);
    assert_unexpected(&sign_up(&app, "ann@example.com"));
    assert!(app.log.0.borrow().iter().any(|line| line.contains("what was stored for it stays")));
    assert_error(&sign_up(&app, "ann@example.com"), 429, "over_email_send_rate_limit", "after 60 seconds");
    app.clock.advance(60);
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    assert_eq!(app.http_client.requests.borrow().len(), 1);
}

#[test]
fn a_request_for_a_mail_that_fails_can_be_repeated_at_once() {
    for (path, steps) in [("/recover", 3), ("/otp", 3), ("/magiclink", 3)] {
        for step in 1..=steps {
            let app = confirming();
            account(&app, "ann@example.com");
            app.database.fault.fail_at(step);
            assert_unexpected(&post(&app, path, &json!({"email": "ann@example.com"})));
            assert_eq!(mail_count(&app), "0");
            let answer = post(&app, path, &json!({"email": "ann@example.com"}));
            assert_eq!(answer.status, 200, "{path} step {step}: {}", answer.text());
            let token = mail(&app, "ann@example.com").token();
            assert_eq!(verify_hash(&app, "magiclink", &token).status, 200);
        }
    }
}

#[test]
fn a_verification_that_fails_uses_nothing() {
    for step in 1..=3 {
        let app = confirming();
        sign_up(&app, "ann@example.com");
        let mail = mail(&app, "ann@example.com");
        app.database.fault.fail_at(step);
        assert_unexpected(&verify_code(&app, "signup", "ann@example.com", &mail.code()));
        app.database.fault.fail_at(step);
        let url = follow(&app, &mail.link());
        assert_eq!(in_fragment(&url, "error").as_deref(), Some("server_error"), "step {step}");
        assert_eq!(in_fragment(&url, "error_code").as_deref(), Some("unexpected_failure"));
        let counts = ["auth.sessions", "auth.flow_state"]
            .map(|table| app.database.value(&format!(r#"SELECT count(*) FROM "{table}""#)).unwrap());
        assert_eq!(counts, ["0", "0"]);
        assert_eq!(verify_code(&app, "signup", "ann@example.com", &mail.code()).status, 200);
    }
}

#[test]
fn a_wrong_guess_that_is_not_counted_is_no_answer() {
    let app = confirming();
    sign_up(&app, "ann@example.com");
    let mail = mail(&app, "ann@example.com");
    app.database.fault.fail_at(3);
    assert_unexpected(&verify_code(&app, "signup", "ann@example.com", &wrong(&mail.code())));
}

#[test]
fn an_invitation_that_fails_can_be_repeated() {
    for step in 1..=2 {
        let app = confirming();
        let invite =
            || app.service_role().post("/auth/v1/invite").json(&json!({"email": "ann@example.com"})).send();
        app.database.fault.fail_at(step);
        assert_unexpected(&invite());
        assert_eq!(invite().status, 200);
        assert_eq!(mail_count(&app), "1");
    }
}
