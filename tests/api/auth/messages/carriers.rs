//! Mails that a provider carries.

use super::*;

const RESEND: &[(&str, &str)] =
    &[("MAIL_PROVIDER", "resend"), ("MAIL_API_KEY", "re_secret"), ("MAIL_FROM", "Todos <hello@example.com>")];

#[test]
fn a_provider_is_asked_and_the_mailbox_stays_empty() {
    let app = confirming_with(RESEND);
    assert_eq!(sign_up(&app, "ann@example.org").status, 200);
    assert_eq!(mail_count(&app), "0");
    let requests = app.http_client.requests.borrow();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].url, "https://api.resend.com/emails");
    assert!(requests[0].headers.contains(&("authorization", "Bearer re_secret".to_string())));
    let body: Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!(
        (&body["from"], &body["to"]),
        (&json!("Todos <hello@example.com>"), &json!(["ann@example.org"]))
    );
    assert!(text(&body, "html").contains("/auth/v1/verify?token="));
}

#[test]
fn a_mail_that_does_not_go_out_leaves_nothing_and_can_be_tried_again() {
    for broken in ["refusal", "silence"] {
        let app = confirming_with(RESEND);
        let bob = account(&app, "bob@example.com");
        let fail = || match broken {
            "refusal" => app.http_client.status.set(422),
            _ => app.http_client.fault.fail_always(),
        };
        let mend = || {
            app.http_client.status.set(200);
            app.http_client.fault.mend();
        };
        let attempts: [(&str, Value); 4] = [
            ("/signup", json!({"email": "ann@example.com", "password": PASSWORD})),
            ("/otp", json!({"email": "cat@example.com"})),
            ("/otp", json!({"email": "bob@example.com"})),
            ("/recover", json!({"email": "bob@example.com"})),
        ];
        for (path, body) in attempts {
            fail();
            let answer = post(&app, path, &body);
            assert_error(&answer, 500, "unexpected_failure", "check server logs");
            assert!(!answer.text().contains("on purpose"), "{}", answer.text());
            let count = |table: &str| app.database.value(&format!(r#"SELECT count(*) FROM "auth.{table}""#));
            assert_eq!(count("one_time_tokens").as_deref(), Some("0"), "{path}");
            let strangers =
                app.database.value(r#"SELECT count(*) FROM "auth.users" WHERE confirmed_at IS NULL"#);
            assert_eq!(strangers.as_deref(), Some("0"), "{path} {body}");
            let user = app.service_role().get(&format!("/auth/v1/admin/users/{}", text(&bob, "id"))).send();
            assert_eq!(user.json(), bob, "{path}");
            mend();
            assert_eq!(post(&app, path, &body).status, 200, "{path} at once");
            app.database.execute(
                r#"DELETE FROM "auth.users" WHERE confirmed_at IS NULL;
UPDATE "auth.users" SET recovery_sent_at = NULL;
DELETE FROM "auth.one_time_tokens""#,
            );
        }
        let line = app.log.0.borrow().iter().find(|line| line.contains("on purpose")).cloned();
        assert!(line.is_some(), "the cause is logged");
        assert!(!app.log.0.borrow().iter().any(|line| line.contains("re_secret")));
    }
}

#[test]
fn a_binding_of_the_worker_carries_mails_too() {
    let app = confirming_with(&[
        ("MAIL_PROVIDER", "cloudflare"),
        ("MAIL_FROM", "Todos <hello@example.com>"),
        ("MAILER_SUBJECTS_CONFIRMATION", "Hi {{ .Email }}"),
    ]);
    assert_eq!(sign_up(&app, "ann@example.org").status, 200);
    assert_eq!(mail_count(&app), "0");
    assert!(app.http_client.requests.borrow().is_empty());
    let mail = app.mailer.mails.borrow()[0].clone();
    assert_eq!(
        (&mail["name"], &mail["from"], &mail["to"], &mail["subject"]),
        (
            &json!("Todos"),
            &json!("hello@example.com"),
            &json!("ann@example.org"),
            &json!("Hi ann@example.org")
        )
    );
    assert!(text(&mail, "html").contains("/auth/v1/verify?token=") && !text(&mail, "text").contains("<a"));
    app.limits.refuse("mails", 100);
    app.clock.advance(60);
    let refused = post(&app, "/recover", &json!({"email": "ann@example.org"}));
    assert_error(&refused, 429, "over_email_send_rate_limit", "email rate limit exceeded");
}

#[test]
fn mails_are_in_the_language_of_their_reader() {
    let vars = [
        ("MAILER_LANGUAGES", "de, pt-BR"),
        ("MAILER_SUBJECTS_CONFIRMATION_DE", "Adresse bestätigen"),
        ("MAILER_TEMPLATES_CONFIRMATION_DE", "<p>Ihr Code: {{ .Token }}</p>"),
        ("MAILER_SUBJECTS_CONFIRMATION_PT_BR", "Confirme seu e-mail"),
        ("MAILER_SUBJECTS_RECOVERY_FR", "Jamais"),
    ];
    let rows: [(Value, &str, &str); 8] = [
        (json!({}), "", "Confirm your address"),
        (json!({}), "fr, de-AT;q=0.8, en;q=0.1", "Adresse bestätigen"),
        (json!({}), "pt-BR", "Confirme seu e-mail"),
        (json!({}), "pt", "Confirm your address"),
        (json!({}), "en;q=0.9, *;q=0.1", "Confirm your address"),
        (json!({"language": "de"}), "pt-BR", "Adresse bestätigen"),
        (json!({"locale": "pt_BR"}), "de", "Confirme seu e-mail"),
        (json!({"locale": {"x": 1}}), "de", "Adresse bestätigen"),
    ];
    for (data, header, subject) in rows {
        let app = confirming_with(&vars);
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "data": data});
        let answer = app.anon().post("/auth/v1/signup").header("accept-language", header).json(&body).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let mail = mail(&app, "ann@example.com");
        assert_eq!(mail.subject, subject, "{data} {header}");
        assert_eq!(mail.text.starts_with("Ihr Code"), subject.starts_with("Adresse"), "{}", mail.text);
        assert_eq!(mail.code().len(), 6);
    }
}

#[test]
fn all_accounts_together_have_so_many_mails_an_hour() {
    let app = confirming_with(RESEND);
    account(&app, "bob@example.com");
    app.limits.refuse("mails", 100);
    let answer = post(&app, "/recover", &json!({"email": "bob@example.com"}));
    assert_error(&answer, 429, "over_email_send_rate_limit", "email rate limit exceeded");
    assert!(app.http_client.requests.borrow().is_empty());
    let app = confirming();
    app.limits.refuse("mails", 100);
    assert_eq!(sign_up(&app, "ann@example.com").status, 200, "the mailbox is not limited");
}

#[test]
fn a_carrier_that_is_half_set_up_is_said_at_the_start() {
    use edgeward::config::{Config, DEMO_JWT_SECRET};
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[("MAIL_PROVIDER", "pigeon")], "MAIL_PROVIDER must be one of resend, postmark, sendgrid, mailgun"),
        (
            &[("MAIL_PROVIDER", "ses"), ("MAIL_API_KEY", "k")],
            "MAIL_ACCESS_KEY_ID and MAIL_REGION are not both set",
        ),
        (&[("MAIL_PROVIDER", "resend"), ("MAIL_FROM", "a@b.c")], "MAIL_API_KEY is not set"),
        (&[("MAIL_PROVIDER", "resend"), ("MAIL_API_KEY", "k")], "MAIL_FROM is not set"),
        (
            &[("MAIL_PROVIDER", "mailgun"), ("MAIL_API_KEY", "k"), ("MAIL_FROM", "a@b.c")],
            "MAIL_DOMAIN is not set",
        ),
        (
            &[("MAILER_TEMPLATES_INVITE", "{{ if .X }}")],
            "MAILER_TEMPLATES_INVITE: {{ if .X }} is no variable",
        ),
        (&[("MAIL_PROVIDER", "cloudflare")], "MAIL_FROM is not set"),
        (
            &[("MAILER_LANGUAGES", "de"), ("MAILER_SUBJECTS_INVITE_DE", "{{ .X }}")],
            "MAILER_SUBJECTS_INVITE_DE: {{ .X }} is no variable",
        ),
        (&[("MAILER_OTP_LENGTH", "5")], "MAILER_OTP_LENGTH must be from 6 to 10"),
    ];
    for (vars, expected) in rows {
        let lookup = |name: &str| match name {
            "JWT_SECRET" => Some(DEMO_JWT_SECRET.to_string()),
            name => vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_string()),
        };
        let mistakes = Config::from_vars(&lookup).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains(expected), "{mistakes:?}");
    }
}
