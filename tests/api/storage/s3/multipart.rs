//! Multipart uploads.

use edgeward::crypto::{hex, md5};
use http::{Method, StatusCode};
use serde_json::json;

use super::super::resumable::{MIB, bytes};
use super::super::{assert_no_orphans, make_bucket, read, sweep};
use super::{ask, assert_error, assert_ok, element, elements, put, s3_app};
use crate::app::{Answer, TestApp};

pub fn begin(app: &TestApp, key: &str) -> String {
    let answer = ask(app, Method::POST, &format!("/files/{key}?uploads"))
        .header("content-type", "text/css")
        .header("x-amz-meta-a", "1")
        .send();
    assert_ok(&answer);
    element(&answer, "UploadId").unwrap()
}

pub fn part(app: &TestApp, key: &str, id: &str, number: u32, body: &[u8]) -> Answer {
    ask(app, Method::PUT, &format!("/files/{key}?partNumber={number}&uploadId={id}")).body(body).send()
}

pub fn complete(app: &TestApp, key: &str, id: &str, parts: &[(u32, &[u8])]) -> Answer {
    let list: String = parts
        .iter()
        .map(|(number, body)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>\"{}\"</ETag></Part>", hex(&md5(body)))
        })
        .collect();
    let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
    ask(app, Method::POST, &format!("/files/{key}?uploadId={id}")).body(body).send()
}

fn etag_of(parts: &[&[u8]]) -> String {
    let all: Vec<u8> = parts.iter().flat_map(|part| md5(part)).collect();
    format!("\"{}-{}\"", hex(&md5(&all)), parts.len())
}

#[test]
fn parts_become_an_object() {
    let app = s3_app();
    let file = bytes(13 * MIB);
    let pieces: Vec<&[u8]> = file.chunks(5 * MIB).collect();
    let id = begin(&app, "a");
    // In any order, and one of them twice.
    for number in [3, 1, 2, 1] {
        let piece = pieces[number - 1];
        let answer = part(&app, "a", &id, number as u32, piece);
        assert_eq!(answer.header("etag"), Some(format!("\"{}\"", hex(&md5(piece))).as_str()));
    }
    let listed = ask(&app, Method::GET, &format!("/files/a?uploadId={id}")).send();
    assert_eq!(elements(&listed, "PartNumber"), ["1", "2", "3"]);
    assert_eq!(elements(&listed, "Size")[2], (3 * MIB).to_string());
    let page =
        ask(&app, Method::GET, &format!("/files/a?uploadId={id}&max-parts=1&part-number-marker=1")).send();
    assert_eq!(
        (elements(&page, "PartNumber"), element(&page, "NextPartNumberMarker")),
        (vec!["2".into()], Some("2".into()))
    );
    assert_eq!(read(&app, "files/a"), None);

    let all = [(1, pieces[0]), (2, pieces[1]), (3, pieces[2])];
    for _ in 0..2 {
        // Asked again, because the answer was lost, it says the same.
        let done = complete(&app, "a", &id, &all);
        assert_ok(&done);
        assert_eq!(element(&done, "ETag"), Some(etag_of(&pieces)));
    }
    let got = ask(&app, Method::GET, "/files/a").send();
    assert!(got.body == file);
    assert_eq!(got.header("etag"), Some(etag_of(&pieces).as_str()));
    assert_eq!((got.header("content-type"), got.header("x-amz-meta-a")), (Some("text/css"), Some("1")));
    assert_error(&part(&app, "a", &id, 4, b"x"), 404, "NoSuchUpload");
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn all_parts_are_meant_when_none_is_listed() {
    let app = s3_app();
    let id = begin(&app, "a");
    assert_ok(&part(&app, "a", &id, 7, b"only"));
    assert_ok(&ask(&app, Method::POST, &format!("/files/a?uploadId={id}")).send());
    assert_eq!(read(&app, "files/a").as_deref(), Some("only"));
}

#[test]
fn an_upload_may_be_completed_only_where_no_object_is() {
    let app = s3_app();
    put(&app, "taken", "old");
    let with_part = |key: &str| {
        let id = begin(&app, key);
        assert_ok(&part(&app, key, &id, 1, b"new"));
        id
    };
    let complete_if = |key: &str, id: &str, name: &str, value: &str| {
        ask(&app, Method::POST, &format!("/files/{key}?uploadId={id}")).header(name, value).send()
    };
    let id = with_part("taken");
    assert_error(&complete_if("taken", &id, "if-none-match", "*"), 412, "PreconditionFailed");
    assert_error(&complete_if("taken", &id, "if-match", "\"x\""), 501, "NotImplemented");
    assert_eq!(read(&app, "files/taken").as_deref(), Some("old"));
    // The upload is open still.
    assert_ok(&complete(&app, "taken", &id, &[(1, b"new")]));
    assert_eq!(read(&app, "files/taken").as_deref(), Some("new"));

    let id = with_part("free");
    // The second time the object that is there is the upload's own.
    for time in [1, 2] {
        let completed = complete_if("free", &id, "if-none-match", "*");
        assert_eq!(element(&completed, "ETag"), Some(etag_of(&[b"new"])), "{time}");
    }
}

#[test]
fn what_cannot_be_put_together_is_refused() {
    let app = s3_app();
    let (large, larger) = (bytes(5 * MIB), bytes(6 * MIB));
    let id = begin(&app, "a");
    for (number, body) in [(1, &large[..]), (2, &larger[..]), (3, b"small"), (4, &large[..])] {
        assert_ok(&part(&app, "a", &id, number, body));
    }
    assert_error(&complete(&app, "a", &id, &[(1, &large), (2, &larger)]), 400, "InvalidRequest");
    assert_error(&complete(&app, "a", &id, &[(2, &larger), (1, &large)]), 400, "InvalidPartOrder");
    assert_error(
        &complete(&app, "a", &id, &[(1, &large), (3, b"small"), (4, &large)]),
        400,
        "EntityTooSmall",
    );
    assert_error(&complete(&app, "a", &id, &[(1, b"other")]), 400, "InvalidPart");
    assert_error(&complete(&app, "a", &id, &[(9, &large)]), 400, "InvalidPart");
    assert_error(&complete(&app, "a", "another", &[(1, &large)]), 404, "NoSuchUpload");
    assert_error(&complete(&app, "b", &id, &[(1, &large)]), 404, "NoSuchUpload");
    for body in ["<x/>", "text", "<CompleteMultipartUpload><Part/></CompleteMultipartUpload>"] {
        let answer = ask(&app, Method::POST, &format!("/files/a?uploadId={id}")).body(body).send();
        assert_error(&answer, 400, "MalformedXML");
    }
    for number in ["0", "10001", "x", "-1"] {
        let answer =
            ask(&app, Method::PUT, &format!("/files/a?partNumber={number}&uploadId={id}")).body("x").send();
        assert_error(&answer, 400, "InvalidParameter");
    }
    // A part that is not what was signed is gone, with what stood in its place.
    let wrong = ask(&app, Method::PUT, &format!("/files/a?partNumber=1&uploadId={id}"))
        .body("x")
        .payload(&"0".repeat(64))
        .send();
    assert_error(&wrong, 400, "XAmzContentSHA256Mismatch");
    assert_error(&complete(&app, "a", &id, &[(1, &large), (4, &large)]), 400, "InvalidPart");
    assert_ok(&part(&app, "a", &id, 1, &large));
    assert_ok(&complete(&app, "a", &id, &[(1, &large), (4, &large)]));
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn the_buckets_limits_hold_for_the_sum() {
    let app = s3_app();
    make_bucket(
        &app,
        &json!({"name": "small", "file_size_limit": 6 * MIB, "allowed_mime_types": ["text/*"]}),
    );
    let wrong = ask(&app, Method::POST, "/small/a?uploads").header("content-type", "image/png").send();
    assert_error(&wrong, 415, "InvalidMimeType");
    let answer = ask(&app, Method::POST, "/small/a?uploads").header("content-type", "text/css").send();
    let id = element(&answer, "UploadId").unwrap();
    let part = |number: u32, length: usize| {
        ask(&app, Method::PUT, &format!("/small/a?partNumber={number}&uploadId={id}"))
            .body(vec![0; length])
            .send()
    };
    assert_ok(&part(1, 5 * MIB));
    assert_error(&part(2, MIB + 1), 413, "EntityTooLarge");
    assert_ok(&part(1, 5 * MIB));
    assert_ok(&part(2, MIB));
}

#[test]
fn parts_are_copied_from_other_objects() {
    let app = s3_app();
    let file = bytes(12 * MIB);
    put(&app, "source", file.clone());
    let id = begin(&app, "copy");
    let copy = |number: u32, range: Option<&str>| {
        let ask = ask(&app, Method::PUT, &format!("/files/copy?partNumber={number}&uploadId={id}"))
            .header("x-amz-copy-source", "/files/source");
        match range {
            Some(range) => ask.header("x-amz-copy-source-range", range).send(),
            None => ask.send(),
        }
    };
    let half = 6 * MIB;
    assert_eq!(
        element(&copy(1, Some(&format!("bytes=0-{}", half - 1))), "ETag"),
        Some(format!("\"{}\"", hex(&md5(&file[..half]))))
    );
    assert_ok(&copy(2, Some(&format!("bytes={half}-{}", 2 * half - 1))));
    // A range that is not wholly there is no shorter one.
    let beyond = format!("bytes=0-{}", 2 * half);
    for range in ["bytes=99999999-", "bytes=0-", "bytes=-5", "bytes=5-4", &beyond, "nonsense"] {
        assert_error(&copy(3, Some(range)), 400, "InvalidRange");
    }
    for (condition, value) in [
        ("if-match", "\"x\""),
        ("if-none-match", &format!("\"{}\"", hex(&md5(&file)))),
        ("if-unmodified-since", "Fri, 02 Jan 1970 03:04:05 GMT"),
    ] {
        let changed = ask(&app, Method::PUT, &format!("/files/copy?partNumber=3&uploadId={id}"))
            .header("x-amz-copy-source", "/files/source")
            .header(&format!("x-amz-copy-source-{condition}"), value);
        assert_error(&changed.send(), 412, "PreconditionFailed");
    }
    let parts = ask(&app, Method::GET, &format!("/files/copy?uploadId={id}")).send();
    assert_eq!(elements(&parts, "PartNumber"), ["1", "2"]);
    assert_ok(&complete(&app, "copy", &id, &[(1, &file[..half]), (2, &file[half..])]));
    assert!(ask(&app, Method::GET, "/files/copy").send().body == file);
}

#[test]
fn open_uploads_are_listed_and_given_up() {
    let app = s3_app();
    let ids: Vec<String> = ["a", "b/1", "b/2", "c"].iter().map(|key| begin(&app, key)).collect();
    let list = |query: &str| ask(&app, Method::GET, &format!("/files?uploads{query}")).send();
    let all = list("");
    assert_eq!(
        (elements(&all, "Key"), elements(&all, "UploadId")),
        (vec!["a".into(), "b/1".into(), "b/2".into(), "c".into()], ids.clone())
    );
    let folded = list("&delimiter=/");
    assert_eq!(
        (elements(&folded, "Key"), elements(&folded, "Prefix")),
        (vec!["a".into(), "c".into()], vec![String::new(), "b/".into()])
    );
    let mut seen = Vec::new();
    let mut markers = String::new();
    loop {
        let mut page = ask(&app, Method::GET, "/files?uploads&max-uploads=1&delimiter=/");
        if let Some((key, upload)) = markers.split_once('|') {
            page.query.push(("key-marker".into(), key.into()));
            page.query.push(("upload-id-marker".into(), upload.into()));
        }
        let page = page.send();
        seen.extend(elements(&page, "Key"));
        seen.extend(elements(&page, "Prefix").into_iter().filter(|prefix| !prefix.is_empty()));
        let Some(key) = element(&page, "NextKeyMarker") else { break };
        markers = format!("{key}|{}", element(&page, "NextUploadIdMarker").unwrap());
    }
    assert_eq!(seen, ["a", "b/", "c"]);
    assert_eq!(elements(&list("&prefix=b/"), "Key"), ["b/1", "b/2"]);
    assert_error(&list("&max-uploads=0"), 400, "InvalidParameter");
    let no_parts = ask(&app, Method::GET, &format!("/files/a?uploadId={}&max-parts=0", ids[0])).send();
    assert_error(&no_parts, 400, "InvalidParameter");

    assert_ok(&part(&app, "a", &ids[0], 1, b"text"));
    let abort = || ask(&app, Method::DELETE, &format!("/files/a?uploadId={}", ids[0])).send();
    assert_eq!(abort().status, StatusCode::NO_CONTENT);
    assert_error(&abort(), 404, "NoSuchUpload");
    assert_error(&part(&app, "a", &ids[0], 1, b"text"), 404, "NoSuchUpload");
    assert_eq!(elements(&list(""), "Key").len(), 3);
    app.clock.advance(7 * 24 * 60 * 60);
    sweep(&app);
    assert_no_orphans(&app);
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.uploads\"").unwrap(), "0");
}
