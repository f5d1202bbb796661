//! Uploads from web pages, by a signed policy.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgeward::crypto::{hex, hmac_sha256};
use http::Method;
use serde_json::{Value, json};

use super::super::read;
use super::{KEY, ask, assert_error, assert_ok, element, s3_app};
use crate::app::{Answer, TestApp};

/// Posts a form with a policy of these conditions, and these fields besides those that sign it.
fn post(app: &TestApp, expiration: &str, conditions: &Value, fields: &[(&str, &str)], file: &str) -> Answer {
    let ask = ask(app, Method::POST, "/files");
    let policy = STANDARD.encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
    let signature = hex(&hmac_sha256(&ask.signing_key(), policy.as_bytes()));
    let (credential, date) = (format!("{KEY}/{}", ask.scope()), ask.date());
    let own = [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &date),
        ("X-Amz-Signature", &signature),
        ("policy", &policy),
    ];
    let mut body = String::new();
    for (name, value) in own.iter().chain(fields) {
        body += &format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body += &format!(
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"page.txt\"\r\n\r\n{file}\r\n--x--\r\n"
    );
    app.nobody()
        .post("/storage/v1/s3/files")
        .header("content-type", "multipart/form-data; boundary=x")
        .body(body)
        .send()
}

/// Uploads a file by a form.
pub fn post_file(app: &TestApp, key: &str, file: &str) -> Answer {
    post(app, LATER, &json!([{"bucket": "files"}, {"key": key}]), &[("key", key)], file)
}

const LATER: &str = "2099-01-01T00:00:00Z";

#[test]
fn a_form_uploads_what_its_policy_allows() {
    let app = s3_app();
    let conditions = json!([{"bucket": "files"}, ["starts-with", "$key", "up/"], ["eq", "$Content-Type", "text/css"], ["content-length-range", 2, 6], ["starts-with", "$x-amz-meta-a", ""], {"success_action_status": "201"}]);
    let fields = [
        ("key", "up/${filename}"),
        ("Content-Type", "text/css"),
        ("x-amz-meta-a", "1"),
        ("success_action_status", "201"),
    ];
    let answer = post(&app, LATER, &conditions, &fields, "hello");
    assert_eq!((answer.status.as_u16(), element(&answer, "Key").as_deref()), (201, Some("up/page.txt")));
    let got = ask(&app, Method::GET, "/files/up/page.txt").send();
    assert_eq!(
        (got.text().as_str(), got.header("content-type"), got.header("x-amz-meta-a")),
        ("hello", Some("text/css"), Some("1"))
    );

    let with = |name: &str, value: &str| {
        let mut fields: Vec<(&str, &str)> =
            fields.iter().copied().filter(|(other, _)| *other != name).collect();
        fields.push((name, value));
        fields.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect::<Vec<_>>()
    };
    for (name, value, reason) in [
        ("key", "down/a", "\"key\" does not start with \"up/\""),
        ("Content-Type", "text/html", "\"content-type\" does not match"),
        ("x-amz-acl", "public-read", "field \"x-amz-acl\" is not covered by the policy"),
        ("success_action_status", "200", "\"success_action_status\" does not match"),
    ] {
        let fields = with(name, value);
        let fields: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let refused = post(&app, LATER, &conditions, &fields, "hello");
        assert_error(&refused, 403, "AccessDenied");
        let message = element(&refused, "Message").unwrap().replace("&quot;", "\"");
        assert_eq!(message, format!("Policy condition failed: {reason}"));
    }
    for file in ["1", ""] {
        assert_error(&post(&app, LATER, &conditions, &fields, file), 403, "AccessDenied");
    }
    assert_error(&post(&app, LATER, &conditions, &fields, "too long"), 413, "EntityTooLarge");
    assert_error(&post(&app, "2020-01-01T00:00:00Z", &conditions, &fields, "hello"), 400, "ExpiredToken");
    assert_error(&post(&app, "soon", &conditions, &fields, "hello"), 400, "InvalidSignature");
    let mut twice = fields.to_vec();
    twice.push(("Key", "up/other"));
    assert_error(&post(&app, LATER, &conditions, &twice, "hello"), 400, "InvalidSignature");
    let mut forged = fields.to_vec();
    forged.insert(0, ("X-Amz-Signature", "0"));
    assert_error(&post(&app, LATER, &conditions, &forged, "hello"), 400, "InvalidSignature");
    super::super::sweep(&app);
    super::super::assert_no_orphans(&app);
    assert_eq!(app.blobs.keys().len(), 1);
}

#[test]
fn a_form_leads_where_its_policy_says() {
    let app = s3_app();
    let conditions = json!([{"bucket": "files"}, {"key": "a"}, {"success_action_redirect": "https://app.example.com/done?x=1"}]);
    let fields = [("key", "a"), ("success_action_redirect", "https://app.example.com/done?x=1")];
    let answer = post(&app, LATER, &conditions, &fields, "hello");
    assert_eq!(answer.status.as_u16(), 303);
    assert!(
        answer
            .header("location")
            .unwrap()
            .starts_with("https://app.example.com/done?x=1&bucket=files&key=a&etag=%22")
    );
    assert_eq!(read(&app, "files/a").as_deref(), Some("hello"));
    let conditions = json!([{"bucket": "files"}, {"key": "b"}]);
    assert_ok(&post(&app, LATER, &conditions, &[("key", "b")], "hello"));
    assert_error(
        &post(
            &app,
            LATER,
            &conditions,
            &[("key", "b"), ("success_action_redirect", "https://evil.example.com")],
            "x",
        ),
        403,
        "AccessDenied",
    );
}
