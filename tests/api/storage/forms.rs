//! Uploading forms, as browsers do.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, make_bucket, read, sweep};
use crate::app::{Answer, TestApp};
use crate::double::Pieces;

const FORM: &str = "multipart/form-data; boundary=----x";

/// What supabase-js sends: fields, then the file under an empty name.
fn form(fields: &[(&str, &str)], file: &str, file_type: &str) -> String {
    let mut text = String::new();
    for (name, value) in fields {
        text += &format!("------x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    text += "------x\r\nContent-Disposition: form-data; name=\"\"; filename=\"blob\"\r\n";
    text + &format!("Content-Type: {file_type}\r\n\r\n{file}\r\n------x--\r\n")
}

fn send(app: &TestApp, path: &str, pieces: Pieces) -> Answer {
    let call = app.service_role().put(&format!("/storage/v1/object/{path}"));
    call.header("content-type", FORM).stream(pieces).send()
}

fn metadata(app: &TestApp) -> Value {
    serde_json::from_str(&app.database.value("SELECT metadata FROM \"storage.objects\"").unwrap()).unwrap()
}

#[test]
fn a_form_is_its_file_whatever_its_pieces() {
    let app = app_with_bucket();
    let file = "--\r\n------y\r\n".repeat(50);
    let text = form(&[("cacheControl", "60"), ("metadata", r#"{"a":1}"#)], &file, "image/png");
    for size in [1, 7, 64, text.len()] {
        let answer = send(&app, "files/a.png", Pieces::of(text.as_bytes(), size));
        assert_eq!(answer.status, StatusCode::OK, "{size}: {}", answer.text());
        assert_eq!(answer.json()["Key"], "files/a.png");
        assert_eq!(read(&app, "files/a.png").unwrap(), file, "{size}");
        let metadata = metadata(&app);
        assert_eq!(metadata["size"], file.len());
        assert_eq!(
            (&metadata["mimetype"], &metadata["cacheControl"]),
            (&json!("image/png"), &json!("max-age=60"))
        );
        assert_eq!(
            app.database.value("SELECT user_metadata FROM \"storage.objects\"").unwrap(),
            r#"{"a":1}"#
        );
    }
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn a_body_in_one_piece_is_a_form_too() {
    let app = app_with_bucket();
    let text = form(&[], "x", "text/plain");
    let call = app.service_role().put("/storage/v1/object/files/a").header("content-type", FORM);
    assert_eq!(call.body(text).send().status, StatusCode::OK);
    assert_eq!(read(&app, "files/a").as_deref(), Some("x"));
}

/// Fields; what becomes of them: cache control, type, user metadata.
type Row = (&'static [(&'static str, &'static str)], &'static str, &'static str, Option<&'static str>);

#[test]
fn fields_have_their_rules() {
    let app = app_with_bucket();
    let rows: &[Row] = &[
        (&[], "no-cache", "text/plain", Some("{}")),
        (&[("cacheControl", "60")], "max-age=60", "text/plain", Some("{}")),
        (&[("cacheControl", "60, immutable")], "max-age=60, immutable", "text/plain", Some("{}")),
        (&[("cacheControl", "60\u{e9}")], "no-cache", "text/plain", Some("{}")),
        (&[("contentType", "image/webp")], "no-cache", "image/webp", Some("{}")),
        (&[("userMetadata", r#"{"b":2}"#)], "no-cache", "text/plain", Some(r#"{"b":2}"#)),
        (&[("metadata", r#"{"a":1}"#), ("userMetadata", "{}")], "no-cache", "text/plain", Some(r#"{"a":1}"#)),
        (&[("metadata", "no json")], "no-cache", "text/plain", Some("{}")),
    ];
    for (fields, cache_control, mime_type, user_metadata) in rows {
        let text = form(fields, "x", "text/plain");
        assert_eq!(send(&app, "files/a", Pieces::of(text.as_bytes(), 100)).status, StatusCode::OK);
        let metadata = metadata(&app);
        assert_eq!(
            (&metadata["cacheControl"], &metadata["mimetype"]),
            (&json!(cache_control), &json!(mime_type))
        );
        assert_eq!(
            app.database.value("SELECT user_metadata FROM \"storage.objects\"").as_deref(),
            *user_metadata
        );
    }
}

#[test]
fn fields_after_the_file_are_not_seen() {
    let app = app_with_bucket();
    let text = form(&[], "x", "text/plain").replace(
        "------x--",
        "------x\r\nContent-Disposition: form-data; name=\"cacheControl\"\r\n\r\n60\r\n------x--",
    );
    assert_eq!(send(&app, "files/a", Pieces::of(text.as_bytes(), 10)).status, StatusCode::OK);
    assert_eq!(metadata(&app)["cacheControl"], "no-cache");
    assert_eq!(read(&app, "files/a").as_deref(), Some("x"));
}

#[test]
fn limits_apply_to_the_file_and_not_to_its_frame() {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "narrow", "file_size_limit": 4, "allowed_mime_types": ["text/plain"]}));
    let upload = |file: &str, file_type: &str| {
        let text = form(&[("cacheControl", "3600")], file, file_type);
        let pieces = Pieces::of(text.as_bytes(), 9).with_length(text.len() as u64);
        send(&app, "narrow/a", pieces)
    };
    assert_eq!(upload("1234", "text/plain").status, StatusCode::OK);
    assert_refused(&upload("12345", "text/plain"), "EntityTooLarge", "413");
    assert_refused(&upload("1", "image/png"), "InvalidMimeType", "415");
    assert_eq!(read(&app, "narrow/a").as_deref(), Some("1234"));
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn what_is_no_form_with_a_file_is_refused() {
    let app = app_with_bucket();
    let whole = form(&[("cacheControl", "60")], "content", "text/plain");
    let no_file =
        "------x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n------x--\r\n".to_string();
    let many = form(&[("a", "b"); 11], "x", "text/plain");
    let huge = form(&[("metadata", &"x".repeat(1024 * 1024 + 5))], "x", "text/plain");
    let rows = [
        (String::new(), "400"),
        ("no form at all".to_string(), "400"),
        (no_file, "400"),
        (many, "400"),
        (huge, "413"),
        (whole[..20].to_string(), "400"),
        (whole[..whole.len() - 30].to_string(), "400"),
    ];
    for (text, status) in rows {
        let answer = send(&app, "files/a", Pieces::of(text.as_bytes(), 4000));
        assert_eq!(
            (answer.status, &answer.json()["statusCode"]),
            (StatusCode::BAD_REQUEST, &json!(status)),
            "{}",
            answer.text()
        );
    }
    let call =
        app.service_role().put("/storage/v1/object/files/a").header("content-type", "multipart/form-data");
    assert_refused(&call.body(whole.clone()).send(), "InvalidRequest", "400");
    let broken = send(&app, "files/a", Pieces::of(whole.as_bytes(), 10).then_break());
    assert_eq!(broken.status, StatusCode::OK, "what comes after the file does not matter");
    let broken = send(&app, "files/b", Pieces::of(&whole.as_bytes()[..whole.len() - 15], 10).then_break());
    assert_refused(&broken, "InvalidRequest", "400");
    assert_eq!(read(&app, "files/b"), None);
    sweep(&app);
    assert_no_orphans(&app);
}
