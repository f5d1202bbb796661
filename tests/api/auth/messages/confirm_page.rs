//! Links that survive mail scanners: a page with a button before the link is used.

use super::*;

#[test]
fn a_link_is_used_by_its_button_and_not_by_a_scanner() {
    let app = confirming_with(&[("MAILER_CONFIRM_PAGE", "true")]);
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    let link = mail(&app, "ann@example.com").link();
    for _ in 0..3 {
        let page = app.nobody().get(&link).send();
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<form method=\"post\" action=\"\"><button>"));
        assert!(
            page.header("content-security-policy")
                .unwrap()
                .ends_with("form-action 'self' http://127.0.0.1:3000")
        );
        assert!(!page.text().contains("token"), "nothing of the request is in the page");
    }
    let press =
        || app.nobody().post(&link).header("content-type", "application/x-www-form-urlencoded").send();
    let pressed = press();
    assert_eq!(pressed.status, 303, "{}", pressed.text());
    assert!(in_fragment(pressed.header("location").unwrap(), "access_token").is_some());
    assert!(in_fragment(press().header("location").unwrap(), "access_token").is_none());
}

#[test]
fn where_it_is_not_asked_for_a_link_is_used_at_once() {
    let app = confirming();
    assert_eq!(sign_up(&app, "ann@example.com").status, 200);
    assert!(in_fragment(&follow(&app, &mail(&app, "ann@example.com").link()), "access_token").is_some());
}
