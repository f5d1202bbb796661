//! Mails that tell what changed.

use super::*;
use crate::auth::authenticator;

const ALL: &[(&str, &str)] = &[
    ("MAILER_NOTIFICATIONS_PASSWORD_CHANGED_ENABLED", "true"),
    ("MAILER_NOTIFICATIONS_EMAIL_CHANGED_ENABLED", "true"),
    ("MAILER_NOTIFICATIONS_PHONE_CHANGED_ENABLED", "true"),
    ("MAILER_NOTIFICATIONS_IDENTITY_LINKED_ENABLED", "true"),
    ("MAILER_NOTIFICATIONS_MFA_FACTOR_ENROLLED_ENABLED", "true"),
    ("MAILER_NOTIFICATIONS_MFA_FACTOR_UNENROLLED_ENABLED", "true"),
    ("MAILER_SECURE_EMAIL_CHANGE_ENABLED", "false"),
    ("EXTERNAL_PHONE_ENABLED", "true"),
    ("MAILER_TEMPLATES_EMAIL_CHANGED_NOTIFICATION", "{{ .OldEmail }} became {{ .Email }}"),
];

fn put(app: &TestApp, session: &Value, body: &Value) -> Value {
    let answer = app.with_token(text(session, "access_token")).put("/auth/v1/user").json(body).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn subjects(app: &TestApp, to: &str) -> Vec<String> {
    mails(app, to).into_iter().map(|mail| mail.subject).collect()
}

#[test]
fn people_hear_what_changed_about_their_account() {
    let app = confirming_with(ALL);
    account(&app, "ann@example.com");
    let session = signed_in(&app, "ann@example.com");
    put(&app, &session, &json!({"password": "another horse"}));
    assert_eq!(subjects(&app, "ann@example.com"), ["Your password was changed"]);

    put(&app, &session, &json!({"phone": "15551234567"}));
    let code = mail(&app, "15551234567").code();
    let body = json!({"type": "phone_change", "phone": "15551234567", "token": code});
    assert_eq!(post(&app, "/verify", &body).status, 200);
    assert_eq!(subjects(&app, "ann@example.com")[0], "Another way to sign in");

    let (authenticator, raised) = authenticator::verified(&app, &session, "mine");
    assert_eq!(subjects(&app, "ann@example.com")[0], "A second factor was added");
    let path = format!("/auth/v1/factors/{}", authenticator.factor_id);
    assert_eq!(app.with_token(text(&raised, "access_token")).delete(&path).send().status, 200);
    assert_eq!(subjects(&app, "ann@example.com")[0], "A second factor was removed");

    put(&app, &raised, &json!({"email": "anna@example.com"}));
    let code = mail(&app, "anna@example.com").code();
    assert_eq!(verify_code(&app, "email_change", "anna@example.com", &code).status, 200);
    let notice = mail(&app, "ann@example.com");
    assert_eq!(
        (notice.subject.as_str(), notice.text.as_str()),
        ("Your address was changed", "ann@example.com became anna@example.com")
    );
}

#[test]
fn a_notice_that_does_not_go_out_stops_nothing_and_none_goes_unasked() {
    let app = confirming_with(
        &[ALL, &[("MAIL_PROVIDER", "resend"), ("MAIL_API_KEY", "k"), ("MAIL_FROM", "a@b.c")]].concat(),
    );
    account(&app, "ann@example.com");
    let session = signed_in(&app, "ann@example.com");
    app.http_client.status.set(500);
    put(&app, &session, &json!({"password": "another horse"}));
    assert!(app.log.0.borrow().iter().any(|line| line.contains("password_changed_notification")));
    let quiet = confirming();
    account(&quiet, "ann@example.com");
    let session = signed_in(&quiet, "ann@example.com");
    put(&quiet, &session, &json!({"password": "another horse"}));
    assert_eq!(mail_count(&quiet), "0");
}
