//! Who asks for a mail learns nothing of whether anybody has the address.

use super::*;

#[test]
fn a_known_and_an_unknown_address_are_answered_alike() {
    let app = confirming();
    account(&app, "ann@example.com");
    let rows = [
        ("/recover", json!({})),
        ("/resend", json!({"type": "signup"})),
        ("/resend", json!({"type": "email_change"})),
    ];
    for (path, body) in rows {
        let ask = |email: &str| {
            let mut body = body.clone();
            body["email"] = json!(email);
            let answer = post(&app, path, &body);
            (answer.status, answer.text())
        };
        assert_eq!(ask("ann@example.com"), ask("nobody@example.com"), "{path}");
    }
}

#[test]
fn an_unknown_address_has_to_wait_as_a_known_one_does() {
    let app = confirming();
    account(&app, "ann@example.com");
    let ask = |email: &str| post(&app, "/recover", &json!({"email": email}));
    assert_eq!(ask("ann@example.com").status, 200);
    let known = ask("ann@example.com");
    assert_eq!(ask("nobody@example.com").status, 200);
    let asked = app.limits.asked.borrow().last().cloned().unwrap();
    assert!(asked.0.starts_with("nobody:recovery_token:"), "{}", asked.0);
    assert!(!asked.0.contains("nobody@example.com"), "{}", asked.0);
    assert_eq!((asked.1, asked.2), (60, 1), "one a minute");
    app.limits.refuse("nobody:", 60);
    let unknown = ask("nobody@example.com");
    assert_eq!((known.status, known.text()), (unknown.status, unknown.text()));
    // So has who signs up for an address that is taken.
    let taken = sign_up(&app, "ann@example.com");
    assert_error(&taken, 429, "over_email_send_rate_limit", "after 60 seconds.");
}

#[test]
fn a_taken_address_looks_new_to_who_signs_up() {
    let app = confirming();
    account(&app, "ann@example.com");
    let fake = sign_up(&app, "ann@example.com").json();
    let real = sign_up(&app, "bob@example.com").json();
    let members = |user: &Value| user.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&fake), members(&real));
    assert_eq!(mail_count(&app), "1", "nobody is told of the attempt but bob");
}
