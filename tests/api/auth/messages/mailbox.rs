//! The mailbox: Mailpit's read API and the page.

use super::*;

fn three_mails() -> TestApp {
    let app = confirming();
    for name in ["ann", "bob", "cat"] {
        assert_eq!(sign_up(&app, &format!("{name}@example.com")).status, 200);
        app.clock.advance(1);
    }
    app
}

#[test]
fn mails_are_listed_found_and_read_as_mailpit_does() {
    let app = three_mails();
    let recipients = |target: &str| -> Vec<String> {
        let list = app.nobody().get(target).send().json();
        assert_eq!(list["count"], json!(list["messages"].as_array().unwrap().len()));
        let of = |mail: &Value| text(&mail["To"][0], "Address")[..3].to_string();
        list["messages"].as_array().unwrap().iter().map(of).collect()
    };
    assert_eq!(recipients("/api/v1/messages"), ["cat", "bob", "ann"]);
    assert_eq!(recipients("/api/v1/messages?limit=1&start=1"), ["bob"]);
    assert_eq!(recipients("/api/v1/search?query=to:%22ann@example.com%22"), ["ann"]);
    assert_eq!(recipients("/api/v1/search?query=bob@example"), ["bob"]);
    assert_eq!(recipients("/api/v1/search?query=subject:%22confirm+your%22+to:cat"), ["cat"]);
    assert_eq!(recipients("/api/v1/search?query=to:nobody").len(), 0);

    let list = app.nobody().get("/api/v1/messages?limit=1").send().json();
    assert_eq!((&list["total"], &list["messages_count"], &list["count"]), (&json!(3), &json!(3), &json!(1)));
    let summary = &list["messages"][0];
    assert_eq!(summary["From"], json!({"Name": "Edgeward", "Address": "noreply@localhost"}));
    assert_eq!(summary["Created"], json!("2027-01-15T08:00:02Z"));
    let mail = app.nobody().get(&format!("/api/v1/message/{}", text(summary, "ID"))).send().json();
    assert_eq!(mail, app.nobody().get("/api/v1/message/latest").send().json());
    assert_eq!(mail["Subject"], json!("Confirm your address"));
    assert!(text(&mail, "HTML").contains("<a href=\"http://127.0.0.1:54321/auth/v1/verify?token="));
    assert!(
        text(&mail, "Text").contains("Confirm this address ( http://127.0.0.1:54321/auth/v1/verify?token=")
    );

    let page = app.nobody().get("/mailbox").send();
    assert_eq!(page.status, 200);
    assert!(page.text().contains("To cat@example.com at 2027-01-15T08:00:02Z"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'"));

    assert_eq!(app.nobody().get("/api/v1/message/nonsense").send().status, 404);
    assert_eq!(app.nobody().delete("/api/v1/messages").send().text(), "ok");
    assert_eq!(recipients("/api/v1/messages").len(), 0);
    assert!(app.nobody().get("/mailbox").send().text().contains("No mail yet."));
}

#[test]
fn only_this_machine_and_administrators_read_it() {
    let app = TestApp::deployed(&[("MAILER_AUTOCONFIRM", "false")]);
    sign_up(&app, "ann@example.com");
    let host = "edgeward.example.com";
    for path in ["/mailbox", "/api/v1/messages", "/api/v1/search?query=ann", "/api/v1/message/latest"] {
        let call = || app.nobody().get(path);
        assert_eq!(call().send().status, 200, "{path}");
        assert_eq!(call().header("origin", "http://localhost:5173").send().status, 200, "{path}");
        assert_eq!(call().header("origin", "https://evil.net").send().status, 403, "{path}");
        assert_eq!(call().host(host).send().status, 403, "{path}");
        assert_eq!(app.anon().get(path).host(host).send().status, 403, "{path}");
        assert_eq!(app.with_token("sb_secret_test").get(path).host(host).send().status, 200, "{path}");
    }
    assert_eq!(app.nobody().delete("/api/v1/messages").host(host).send().status, 403);
    let lines = app.log.0.borrow();
    assert!(
        lines.iter().any(|line| line.contains("no MAIL_PROVIDER is set")),
        "it is said that nothing was sent"
    );
}

#[test]
fn mails_go_after_a_week() {
    let app = three_mails();
    app.clock.advance(7 * 24 * 3600 - 1);
    sign_up(&app, "dan@example.com");
    assert_eq!(mail_count(&app), "2", "cat's and dan's");
}
