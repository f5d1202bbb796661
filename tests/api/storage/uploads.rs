//! Uploading raw bodies: what is stored, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, make_bucket, put, read, sweep};
use crate::app::TestApp;
use crate::double::Pieces;

#[test]
fn an_upload_is_stored_with_its_metadata() {
    let app = app_with_bucket();
    let answer = app
        .service_role()
        .post("/storage/v1/object/files/folder/a%20b.txt")
        .header("content-type", "text/plain;charset=UTF-8")
        .header("cache-control", "max-age=3600")
        .header("x-metadata", &STANDARD.encode(r#"{"a":[1]}"#))
        .header("x-robots-tag", "noindex")
        .body("hello")
        .send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["Key"], "files/folder/a b.txt");
    assert_eq!(app.database.value("SELECT id FROM \"storage.objects\"").unwrap(), body["Id"]);
    assert_eq!(app.database.value("SELECT user_metadata FROM \"storage.objects\"").unwrap(), r#"{"a":[1]}"#);
    let metadata: Value =
        serde_json::from_str(&app.database.value("SELECT metadata FROM \"storage.objects\"").unwrap())
            .unwrap();
    let tag = metadata["eTag"].as_str().unwrap();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34, "{tag}");
    assert_eq!(
        metadata,
        json!({"eTag": tag, "size": 5, "mimetype": "text/plain;charset=UTF-8", "cacheControl": "max-age=3600",
            "lastModified": "2026-01-01T00:00:00.000Z", "contentLength": 5, "httpStatusCode": 200,
            "xRobotsTag": "noindex"})
    );
    assert_eq!(read(&app, "files/folder/a%20b.txt").as_deref(), Some("hello"));
    assert_no_orphans(&app);
}

#[test]
fn a_taken_name_needs_upsert() {
    let app = app_with_bucket();
    put(&app, "files/a", "one");
    let id = app.database.value("SELECT id FROM \"storage.objects\"");
    let again = |upsert: &str| {
        let call = app.service_role().post("/storage/v1/object/files/a").header("x-upsert", upsert);
        call.body("two").send()
    };
    for upsert in ["false", "TRUE", "1", ""] {
        assert_refused(&again(upsert), "KeyAlreadyExists", "409");
        assert_eq!(read(&app, "files/a").as_deref(), Some("one"));
    }
    app.clock.advance(60);
    assert_eq!(again("true").status, StatusCode::OK);
    assert_eq!(read(&app, "files/a").as_deref(), Some("two"));
    assert_eq!(app.database.value("SELECT id FROM \"storage.objects\""), id);
    assert_eq!(
        app.database.value("SELECT updated_at > created_at FROM \"storage.objects\"").unwrap(),
        "1",
        "a replaced object keeps its birth"
    );
    assert_eq!(app.blobs.keys().len(), 2, "the old bytes wait for the time after the response");
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn an_upload_costs_two_batches_and_leaves_little_to_write() {
    let app = app_with_bucket();
    put(&app, "files/warm", "");
    let calls = app.database.fault.calls();
    put(&app, "files/a", "a");
    assert_eq!(app.database.fault.calls() - calls, 2);
    app.run_late_work();
    assert_eq!(app.database.fault.calls() - calls, 2, "nothing to collect for a new object");
}

#[test]
fn the_owner_is_the_caller() {
    let app = app_with_bucket();
    let uuid = "4d56e902-f0a0-4662-8448-a4d9e643c142";
    for (sub, owner) in [(uuid, Some(uuid)), ("someone", None)] {
        let token = app.token(&json!({"role": "service_role", "sub": sub}));
        let answer = app.with_token(&token).put("/storage/v1/object/files/a").body("x").send();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(app.database.value("SELECT owner_id FROM \"storage.objects\"").unwrap(), sub);
        if let Some(owner) = owner {
            assert_eq!(app.database.value("SELECT owner FROM \"storage.objects\"").unwrap(), owner);
        }
    }
}

#[test]
fn names_are_checked_and_never_paths() {
    let app = app_with_bucket();
    for name in ["%C3%A9", "a%00b", "a%0Ab", "a%23b", "a%5Bb", "a%5Cb", "a%7Eb", "%3Cscript%3E"] {
        let answer = app.service_role().post(&format!("/storage/v1/object/files/{name}")).body("x").send();
        assert_refused(&answer, "InvalidKey", "400");
    }
    let long = "x".repeat(1025);
    let answer = app.service_role().post(&format!("/storage/v1/object/files/{long}")).body("x").send();
    assert_refused(&answer, "InvalidKey", "400");
    for name in ["..%2F..%2Fetc%2Fpasswd", "%2e%2e/x", "a/%2E./b"] {
        let answer = app.service_role().post(&format!("/storage/v1/object/files/{name}")).body("x").send();
        assert_refused(&answer, "InvalidKey", "400");
    }
    assert!(app.blobs.keys().is_empty());
    // Whatever else a name is, the store's key is a uuid.
    for name in ["a%2F%2Fb", "a...b", "'; DROP TABLE x; --"] {
        let answer = app.service_role().post(&format!("/storage/v1/object/files/{name}")).body("x").send();
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.text());
    }
    assert!(app.blobs.keys().len() == 3 && app.blobs.keys().iter().all(|key| key.len() == 36));
}

#[test]
fn the_bucket_must_be_there() {
    let app = TestApp::new();
    let answer = app.service_role().post("/storage/v1/object/absent/a").body("x").send();
    assert_refused(&answer, "NoSuchBucket", "404");
    assert!(app.blobs.keys().is_empty());
    assert_no_orphans(&app);
}

#[test]
fn sizes_are_limited_by_header_and_by_stream() {
    let app = TestApp::with_vars(&[("FILE_SIZE_LIMIT", "10")]);
    make_bucket(&app, &json!({"name": "wide"}));
    make_bucket(&app, &json!({"name": "narrow", "file_size_limit": 4}));
    let send = |bucket: &str, pieces: Pieces| {
        app.service_role().put(&format!("/storage/v1/object/{bucket}/a")).stream(pieces).send()
    };
    let known = |length: usize| Pieces::of(&vec![b'x'; length], 3).with_length(length as u64);
    let unknown = |length: usize| Pieces::of(&vec![b'x'; length], 3);
    for (bucket, length, fits) in [
        ("wide", 10, true),
        ("wide", 11, false),
        ("narrow", 4, true),
        ("narrow", 5, false),
        ("narrow", 0, true),
    ] {
        for pieces in [known(length), unknown(length)] {
            let answer = send(bucket, pieces);
            if fits {
                assert_eq!(answer.status, StatusCode::OK, "{bucket} {length}");
                assert_eq!(read(&app, &format!("{bucket}/a")).unwrap().len(), length);
            } else {
                assert_refused(&answer, "EntityTooLarge", "413");
                assert_eq!(answer.json()["message"], "The object exceeded the maximum allowed size");
            }
        }
    }
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn what_is_too_large_by_header_never_reaches_the_store() {
    let app = TestApp::with_vars(&[("FILE_SIZE_LIMIT", "10")]);
    make_bucket(&app, &json!({"name": "narrow", "file_size_limit": 4}));
    let calls = app.blobs.fault.calls();
    for length in [5, 11] {
        let pieces = Pieces::of(b"", 1).with_length(length);
        let answer = app.service_role().put("/storage/v1/object/narrow/a").stream(pieces).send();
        assert_refused(&answer, "EntityTooLarge", "413");
    }
    assert_eq!(app.blobs.fault.calls(), calls);
    assert_no_orphans(&app);
}

#[test]
fn types_are_limited_by_the_bucket() {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "images", "allowed_mime_types": ["image/*", "application/pdf"]}));
    make_bucket(&app, &json!({"name": "anything", "allowed_mime_types": []}));
    let send = |bucket: &str, mime_type: &str| {
        let call = app.service_role().put(&format!("/storage/v1/object/{bucket}/a"));
        call.header("content-type", mime_type).body("x").send()
    };
    for mime_type in ["image/png", "image/svg+xml", "application/pdf"] {
        assert_eq!(send("images", mime_type).status, StatusCode::OK, "{mime_type}");
    }
    for mime_type in
        ["text/plain", "application/json", "nonsense", "imag/png", "image", "application/pdf;charset=x"]
    {
        let answer = send("images", mime_type);
        assert_refused(&answer, "InvalidMimeType", "415");
        assert_eq!(answer.json()["message"], format!("mime type {mime_type} is not supported"));
        assert_eq!(send("anything", mime_type).status, StatusCode::OK, "{mime_type}");
    }
    let answer = app.service_role().put("/storage/v1/object/images/a").body("x").send();
    assert_eq!(answer.json()["message"], "mime type application/octet-stream is not supported");
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn a_placeholder_of_an_empty_folder_is_empty_and_of_any_type() {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "images", "allowed_mime_types": ["image/*"]}));
    let send = |text: &str| {
        let path = "/storage/v1/object/images/folder/.emptyFolderPlaceholder";
        app.service_role().put(path).header("content-type", "text/plain").body(text.to_string()).send()
    };
    assert_eq!(send("").status, StatusCode::OK);
    assert_refused(&send("x"), "EntityTooLarge", "413");
}

#[test]
fn a_body_that_breaks_off_leaves_what_was_there() {
    let app = app_with_bucket();
    put(&app, "files/a", "whole");
    for pieces in [Pieces::of(b"half", 2).then_break(), Pieces::of(b"half", 2).with_length(8).then_break()] {
        let answer = app.service_role().put("/storage/v1/object/files/a").stream(pieces).send();
        assert_refused(&answer, "InvalidRequest", "400");
        assert_eq!(read(&app, "files/a").as_deref(), Some("whole"));
    }
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn bad_headers_are_refused_or_ignored_as_upstream() {
    let app = app_with_bucket();
    let call = || app.service_role().put("/storage/v1/object/files/a").body("x");
    let answer = call().header("x-robots-tag", "please-index").send();
    assert_refused(&answer, "InvalidRequest", "400");
    assert_eq!(answer.json()["error"], "invalid_x_robots_tag");
    for metadata in ["not base64!", &STANDARD.encode("[1]"), &STANDARD.encode("{")] {
        assert_eq!(call().header("x-metadata", metadata).send().status, StatusCode::OK);
        assert_eq!(
            app.database.value("SELECT user_metadata FROM \"storage.objects\"").as_deref(),
            Some("{}")
        );
    }
}

#[test]
fn of_two_uploads_at_once_one_wins_whole() {
    for (upsert, status) in [("false", StatusCode::BAD_REQUEST), ("true", StatusCode::OK)] {
        let app = app_with_bucket();
        let database = app.database.clone();
        let other = move || {
            database.execute(
                "INSERT INTO \"storage.objects\" (bucket_id, name, version) VALUES ('files', 'a', 'theirs')",
            );
        };
        let pieces = Pieces::of(b"mine", 2).then_run(other);
        let call = app.service_role().post("/storage/v1/object/files/a").header("x-upsert", upsert);
        let answer = call.stream(pieces).send();
        assert_eq!(answer.status, status, "{}", answer.text());
        app.run_late_work();
        if upsert == "true" {
            assert_eq!(read(&app, "files/a").as_deref(), Some("mine"));
            assert_no_orphans(&app);
        } else {
            assert_refused(&answer, "KeyAlreadyExists", "409");
            assert_eq!(app.database.value("SELECT version FROM \"storage.objects\"").unwrap(), "theirs");
            assert!(app.blobs.keys().is_empty());
        }
    }
}

#[test]
fn an_upload_given_up_by_the_sweep_gets_no_row() {
    let app = app_with_bucket();
    put(&app, "files/a", "old");
    let database = app.database.clone();
    // What the sweep does a day later, before it deletes the bytes.
    let give_up = move || database.execute("UPDATE \"storage.garbage\" SET upload_expires_at = NULL");
    let pieces = Pieces::of(b"slow", 2).then_run(give_up);
    let answer = app.service_role().put("/storage/v1/object/files/a").stream(pieces).send();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["message"], "Internal server error");
    assert_eq!(read(&app, "files/a").as_deref(), Some("old"));
    sweep(&app);
    assert_no_orphans(&app);
}
