//! What is wrong is refused at every door with its own error, and nothing of it is stored: no row, no bytes, no upload begun.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::json;

use super::resumable::{create, metadata, offset, patch, tus};
use super::s3::multipart::{begin, complete, part};
use super::s3::{KEY, SECRET, ask, assert_error, element, encode};
use super::{assert_no_orphans, assert_refused, make_bucket, put, sweep};
use crate::app::{Answer, Call, TestApp};
use crate::double::Pieces;

const TUS: &str = "/storage/v1/upload/resumable";
const FORM: &str = "multipart/form-data; boundary=x";

/// A bucket `files` of texts, with one in it.
fn app() -> TestApp {
    let app = TestApp::with_vars(&[
        ("S3_PROTOCOL_ACCESS_KEY_ID", KEY),
        ("S3_PROTOCOL_ACCESS_KEY_SECRET", SECRET),
        ("STORAGE_S3_REGION", "local"),
        ("R2_ENDPOINT", "https://account.r2.cloudflarestorage.com"),
        ("R2_ACCESS_KEY_ID", "r2-key"),
        ("R2_SECRET_ACCESS_KEY", "r2-secret-of-the-account"),
    ]);
    make_bucket(&app, &json!({"name": "files", "allowed_mime_types": ["text/*"]}));
    put(&app, "files/kept", "kept");
    app.run_late_work();
    app
}

/// Everything that storage keeps, before the sweep tidies up.
fn stored(app: &TestApp) -> (Vec<String>, Vec<String>, usize, Vec<String>) {
    app.run_late_work();
    let rows = "SELECT name || version || metadata FROM \"storage.objects\" ORDER BY name";
    let uploads = "SELECT name FROM \"storage.uploads\" ORDER BY name";
    (app.database.values(rows), app.blobs.keys(), app.blobs.open_uploads(), app.database.values(uploads))
}

/// A form whose file has this type.
fn form(file_type: &str, file: &str) -> String {
    format!(
        "--x\r\nContent-Disposition: form-data; name=\"\"; filename=\"f\"\r\nContent-Type: {file_type}\r\n\r\n{file}\r\n--x--\r\n"
    )
}

/// An upload of this name and type by every door there is, each refused with its error: the code and status of the REST API,
/// S3's status and code, and TUS' status.
fn refused_everywhere(
    app: &TestApp,
    name: &str,
    kind: &str,
    rest: (&str, &str),
    s3: (u16, &str),
    resumable: u16,
) {
    let actor = app.service_role();
    let path = encode(name, "/");
    let object = format!("/storage/v1/object/files/{path}");
    let before = stored(app);
    let typed = |call: Call<'_>| call.header("content-type", kind).body("text").send();
    let formed = |call: Call<'_>| call.header("content-type", FORM).body(form(kind, "text")).send();
    let direct = actor.post(&format!("/storage/v1/upload/direct/files/{path}"));
    let answers = [
        ("POST", typed(actor.post(&object))),
        ("PUT", typed(actor.put(&object))),
        ("a form", formed(actor.post(&object))),
        ("directly to R2", direct.json(&json!({"size": 4, "contentType": kind})).send()),
    ];
    for (door, answer) in &answers {
        println!("{door}: {}", answer.text());
        assert_refused(answer, rest.0, rest.1);
    }
    let header = metadata("files", name, &[]).replace(&STANDARD.encode("text/plain"), &STANDARD.encode(kind));
    let begun =
        tus(&actor, Method::POST, TUS).header("upload-length", "4").header("upload-metadata", &header).send();
    assert_eq!(begun.status.as_u16(), resumable, "TUS: {}", begun.text());
    let object = format!("/files/{path}");
    let put = ask(app, Method::PUT, &object).header("content-type", kind).body("text").send();
    assert_error(&put, s3.0, s3.1);
    let parts = ask(app, Method::POST, &format!("{object}?uploads")).header("content-type", kind).send();
    assert_error(&parts, s3.0, s3.1);
    assert_eq!(stored(app), before);
    sweep(app);
    assert_no_orphans(app);
}

#[test]
fn names_that_climb_or_hide_are_refused() {
    let app = app();
    let long = "k".repeat(1025);
    for name in [
        "../../etc/passwd",
        "a/../b",
        "..",
        "a\u{0}b",
        "a\nb",
        "a\r\nb",
        "a\u{1b}[0m",
        "a\u{7f}",
        "a\\b",
        &long,
    ] {
        refused_everywhere(&app, name, "text/plain", ("InvalidKey", "400"), (400, "InvalidKey"), 400);
        let before = stored(&app);
        for how in ["move", "copy"] {
            let body = json!({"bucketId": "files", "sourceKey": "kept", "destinationKey": name});
            let answer = app.service_role().post(&format!("/storage/v1/object/{how}")).json(&body).send();
            assert_refused(&answer, "InvalidKey", "400");
        }
        let copy = ask(&app, Method::PUT, &format!("/files/{}", encode(name, "/")))
            .header("x-amz-copy-source", "files/kept");
        assert_error(&copy.send(), 400, "InvalidKey");
        let sign = format!("/storage/v1/object/upload/sign/files/{}", encode(name, "/"));
        assert_refused(&app.service_role().post(&sign).json(&json!({})).send(), "InvalidKey", "400");
        assert_eq!(stored(&app), before);
    }
}

#[test]
fn a_name_of_1024_bytes_is_one_and_of_1025_is_none() {
    let app = app();
    let name = "k".repeat(1024);
    put(&app, &format!("files/{name}"), "text");
    assert_eq!(super::read(&app, &format!("files/{name}")).as_deref(), Some("text"));
    assert_eq!(ask(&app, Method::GET, &format!("/files/{name}")).send().text(), "text");
    refused_everywhere(
        &app,
        &format!("{name}k"),
        "text/plain",
        ("InvalidKey", "400"),
        (400, "InvalidKey"),
        400,
    );
}

#[test]
fn types_that_the_bucket_does_not_allow_are_refused() {
    let app = app();
    for kind in ["image/png", "application/octet-stream", "texts/plain"] {
        refused_everywhere(&app, "new", kind, ("InvalidMimeType", "415"), (415, "InvalidMimeType"), 415);
        // Nor does what is there become one.
        refused_everywhere(&app, "kept", kind, ("InvalidMimeType", "415"), (415, "InvalidMimeType"), 415);
    }
}

#[test]
fn a_length_that_lies_stores_nothing() {
    let app = app();
    let actor = app.service_role();
    let before = stored(&app);
    let lying = || Pieces::of(b"half", 2).with_length(8);
    let broken = || Pieces::of(b"half", 2).with_length(8).then_break();
    for body in [lying, broken] {
        for name in ["new", "kept"] {
            let call =
                actor.put(&format!("/storage/v1/object/files/{name}")).header("content-type", "text/plain");
            assert_refused(&call.stream(body()).send(), "InvalidRequest", "400");
            let (headers, _) = ask(&app, Method::PUT, &format!("/files/{name}"))
                .payload("UNSIGNED-PAYLOAD")
                .header("content-type", "text/plain")
                .signed();
            let call = app.nobody().put(&format!("/storage/v1/s3/files/{name}")).stream(body());
            let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
            assert_error(&call.send(), 400, "IncompleteBody");
        }
    }
    // More than is said cannot come in a body of that length; what a chunked payload says of itself can.
    let framed = ask(&app, Method::PUT, "/files/new")
        .header("content-type", "text/plain")
        .header("x-amz-decoded-content-length", "3")
        .payload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .body("4\r\nhalf\r\n0\r\n\r\n");
    assert_error(&framed.send(), 400, "IncompleteBody");
    assert_eq!(stored(&app), before);

    // An upload of several requests never takes more than it was begun for, and is none before it has all.
    let upload = create(&actor, "new", 4);
    let answer = patch(&actor, &upload, 0).body("too much").send();
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let end = offset(&actor, &upload);
    assert!(end == 0, "{end} bytes are kept");
    assert_eq!(stored(&app).0, before.0);
    sweep(&app);
    assert_no_orphans(&app);
    assert_eq!(stored(&app), before);
}

#[test]
fn forms_and_uploads_that_are_cut_off_store_nothing() {
    let app = app();
    let actor = app.service_role();
    let before = stored(&app);
    let text = form("text/plain", "a file of several words");
    for end in [0, 10, 60, text.len() - 30, text.len() - 9] {
        for broken in [false, true] {
            let pieces = Pieces::of(&text.as_bytes()[..end], 7);
            let pieces = if broken { pieces.then_break() } else { pieces };
            let call = actor.post("/storage/v1/object/files/new").header("content-type", FORM);
            let answer = call.stream(pieces).send();
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{end}: {}", answer.text());
        }
    }
    assert_eq!(stored(&app), before);

    // Parts that never all came, and a list of parts that are others.
    let id = begin_text(&app, "new");
    assert!(part(&app, "new", &id, 1, b"one").status.is_success());
    assert_error(&complete(&app, "new", &id, &[(1, b"one"), (2, b"two")]), 400, "InvalidPart");
    assert_error(&complete(&app, "new", &id, &[(1, b"other")]), 400, "InvalidPart");
    let cut =
        ask(&app, Method::POST, &format!("/files/new?uploadId={id}")).body("<CompleteMultipartUpload><Part>");
    assert_error(&cut.send(), 400, "MalformedXML");
    assert_eq!(stored(&app).0, before.0);
    app.clock.advance(7 * 24 * 60 * 60);
    sweep(&app);
    assert_no_orphans(&app);
    assert_eq!(stored(&app), before);
}

/// [`begin`] with a type that the bucket takes.
fn begin_text(app: &TestApp, key: &str) -> String {
    let id = begin(app, key);
    assert!(!id.is_empty());
    id
}

#[test]
fn a_signed_url_that_is_over_or_for_something_else_stores_nothing() {
    let app = app();
    put(&app, "files/other", "other");
    let actor = app.service_role();
    let sign = |target: &str, body: serde_json::Value| -> String {
        let answer =
            actor.post(&format!("/storage/v1{target}")).header("x-upsert", "true").json(&body).send();
        let body = answer.json();
        let url = body["url"].as_str().or(body["signedURL"].as_str()).unwrap();
        url.split_once("token=").unwrap().1.to_string()
    };
    let upload = sign("/object/upload/sign/files/kept", json!({}));
    let download = sign("/object/sign/files/kept", json!({"expiresIn": 60}));
    let before = stored(&app);
    let send = |name: &str, token: &str| -> Answer {
        let target = format!("/storage/v1/object/upload/sign/files/{name}?token={token}");
        app.nobody().put(&target).header("content-type", "text/plain").body("new").send()
    };
    let resume = |name: &str, token: &str| -> Answer {
        tus(&app.nobody(), Method::POST, &format!("{TUS}/sign"))
            .header("upload-length", "3")
            .header("upload-metadata", &metadata("files", name, &[]))
            .header("x-signature", token)
            .send()
    };
    for (name, token) in [("kept", &download), ("other", &upload), ("new", &upload), ("kept/below", &upload)]
    {
        assert_refused(&send(name, token), "InvalidSignature", "400");
        assert!(resume(name, token).status.is_client_error(), "{name}");
    }
    for target in ["sign/files/other", "sign/files/kept"] {
        let answer = app.nobody().get(&format!("/storage/v1/object/{target}?token={upload}")).send();
        assert_refused(&answer, "InvalidSignature", "400");
    }
    app.clock.advance(7201);
    assert_refused(&send("kept", &upload), "InvalidJWT", "400");
    assert!(resume("kept", &upload).status.is_client_error());
    assert_eq!(stored(&app), before);

    let put = ask(&app, Method::PUT, "/files/kept").body("new");
    let url = put.presigned(60);
    let elsewhere = ask(&app, Method::PUT, "/files/other").body("new");
    assert_error(&elsewhere.by_url(&url).send(), 403, "SignatureDoesNotMatch");
    app.clock.advance(61);
    assert_error(&put.by_url(&url).send(), 400, "ExpiredToken");
    assert_eq!(stored(&app), before);
    assert_eq!(
        element(&ask(&app, Method::GET, "/files/absent").send(), "Code").as_deref(),
        Some("NoSuchKey")
    );
}
