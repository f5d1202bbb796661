//! Where links lead.

use super::*;

#[test]
fn a_link_leads_where_the_request_asked_if_that_is_allowed() {
    let app = confirming_with(&[
        ("SITE_URL", "https://example.com"),
        ("URI_ALLOW_LIST", "myapp://callback, https://*.example.org/**"),
        ("SMTP_MAX_FREQUENCY", "0"),
    ]);
    account(&app, "ann@example.com");
    let rows = [
        (Some("https://example.com/welcome?a=1&b=2#c"), None, "https://example.com/welcome?a=1&b=2"),
        (Some("myapp://callback"), None, "myapp://callback"),
        (Some("https://evil.net/"), None, "https://example.com"),
        (Some("nonsense"), None, "https://example.com"),
        (None, Some("https://www.example.org/in"), "https://www.example.org/in"),
        (None, Some("https://evil.net/"), "https://example.com"),
        (None, None, "https://example.com"),
    ];
    for (asked, referrer, leads_to) in rows {
        let query = asked.map_or_else(String::new, |asked| {
            let query =
                form_urlencoded::Serializer::new(String::new()).append_pair("redirect_to", asked).finish();
            format!("?{query}")
        });
        let mut call = app.anon().post(&format!("/auth/v1/otp{query}"));
        if let Some(referrer) = referrer {
            call = call.header("referer", referrer);
        }
        assert_eq!(call.json(&json!({"email": "ann@example.com"})).send().status, 200);
        let url = follow(&app, &mail(&app, "ann@example.com").link());
        assert!(url.starts_with(&format!("{leads_to}#access_token=")), "{asked:?} {url}");
    }
}

#[test]
fn a_link_cannot_be_bent_to_lead_elsewhere() {
    let app = confirming();
    account(&app, "ann@example.com");
    post(&app, "/otp", &json!({"email": "ann@example.com"}));
    let link = mail(&app, "ann@example.com").link();
    let bent =
        link.replace("redirect_to=http%3A%2F%2F127.0.0.1%3A3000", "redirect_to=https%3A%2F%2Fevil.net");
    assert_ne!(bent, link);
    assert!(follow(&app, &bent).starts_with("http://127.0.0.1:3000#access_token="));
}
