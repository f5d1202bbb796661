//! Resumable uploads by TUS 1.0, as tus-js-client and Uppy send them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::json;

use super::{app_with_bucket, assert_no_orphans, make_bucket, put, read, sweep};
use crate::app::{Actor, Answer, Call, TestApp};
use crate::double::Pieces;

pub const MIB: usize = 1024 * 1024;
const PATH: &str = "/storage/v1/upload/resumable";

/// Bytes that are nowhere the same for long.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// `Upload-Metadata` of an object.
pub fn metadata(bucket: &str, name: &str, more: &[(&str, &str)]) -> String {
    let own = [("bucketName", bucket), ("objectName", name), ("contentType", "text/plain")];
    let pairs = own.iter().chain(more).map(|(key, value)| format!("{key} {}", STANDARD.encode(value)));
    pairs.collect::<Vec<_>>().join(",")
}

pub fn tus<'a>(actor: &Actor<'a>, method: Method, target: &str) -> Call<'a> {
    actor.call(method, target).header("tus-resumable", "1.0.0")
}

pub fn creation<'a>(actor: &Actor<'a>, name: &str, length: usize) -> Call<'a> {
    tus(actor, Method::POST, PATH)
        .header("upload-length", &length.to_string())
        .header("upload-metadata", &metadata("files", name, &[("cacheControl", "60")]))
}

/// Begins an upload; gives its path.
pub fn create(actor: &Actor<'_>, name: &str, length: usize) -> String {
    path_of(&creation(actor, name, length).send())
}

pub fn path_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let location = answer.header("location").unwrap();
    location.strip_prefix("http://127.0.0.1:54321").unwrap().to_string()
}

pub fn patch<'a>(actor: &Actor<'a>, upload: &str, offset: usize) -> Call<'a> {
    tus(actor, Method::PATCH, upload)
        .header("upload-offset", &offset.to_string())
        .header("content-type", "application/offset+octet-stream")
}

/// The offset that HEAD tells.
pub fn offset(actor: &Actor<'_>, upload: &str) -> usize {
    let answer = tus(actor, Method::HEAD, upload).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.header("upload-offset").unwrap().parse().unwrap()
}

fn large_app() -> TestApp {
    let app = TestApp::with_vars(&[("FILE_SIZE_LIMIT", "104857600")]);
    make_bucket(&app, &json!({"name": "files"}));
    app
}

fn whole(app: &TestApp, name: &str) -> Vec<u8> {
    let answer = app.service_role().get(&format!("/storage/v1/object/files/{name}")).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.body
}

fn assert_failed(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status.as_u16(), answer.text().trim_end()), (status, text));
    assert_eq!(answer.header("tus-resumable"), Some("1.0.0"));
}

#[test]
fn chunks_of_any_size_make_the_object() {
    let app = large_app();
    let actor = app.service_role();
    let whole_file = bytes(20 * MIB + 12_345);
    for (name, chunk) in [
        ("six", 6 * MIB),
        ("odd", 5 * MIB + 7),
        ("large", 17 * MIB + 1),
        ("one", 30 * MIB),
        ("small", MIB + 1),
    ] {
        let upload = create(&actor, name, whole_file.len());
        let mut at = 0;
        while at < whole_file.len() {
            assert_eq!(offset(&actor, &upload), at);
            assert_eq!(read(&app, &format!("files/{name}")), None, "nothing is to be seen before the end");
            let end = (at + chunk).min(whole_file.len());
            let answer = patch(&actor, &upload, at).stream(Pieces::of(&whole_file[at..end], 300_001)).send();
            assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
            assert_eq!(answer.header("upload-offset"), Some(end.to_string().as_str()));
            assert_eq!(answer.header("tus-complete").is_some(), end == whole_file.len());
            assert_eq!(answer.header("upload-expires").is_some(), end < whole_file.len());
            at = end;
        }
        assert!(whole(&app, name) == whole_file, "{name}");
        assert_eq!(offset(&actor, &upload), whole_file.len());
    }
    sweep(&app);
    assert_no_orphans(&app);
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.upload_parts\"").unwrap(), "0");
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.uploads\"").unwrap(), "0");
}

#[test]
fn the_object_is_as_an_upload_would_have_made_it() {
    let app = app_with_bucket();
    let user = app.user("00000000-0000-4000-8000-000000000001");
    app.migrate("1", "CREATE POLICY all_of_files ON storage.objects FOR ALL TO authenticated USING (bucket_id = 'files') WITH CHECK (bucket_id = 'files')");
    let header = metadata("files", "a.txt", &[("cacheControl", "60"), ("metadata", r#"{"a":1}"#)]);
    let answer =
        tus(&user, Method::POST, PATH).header("upload-length", "5").header("upload-metadata", &header).send();
    let upload = path_of(&answer);
    assert!(answer.header("upload-expires").unwrap().ends_with("GMT"));
    let head = tus(&user, Method::HEAD, &upload).send();
    assert_eq!(head.header("upload-metadata"), Some(header.as_str()));
    assert_eq!((head.header("upload-length"), head.header("cache-control")), (Some("5"), Some("no-store")));
    assert_eq!(patch(&user, &upload, 0).body("hello").send().status, StatusCode::NO_CONTENT);

    let info = user.get("/storage/v1/object/info/files/a.txt").send().json();
    assert_eq!(
        (&info["content_type"], &info["cache_control"], &info["size"]),
        (&json!("text/plain"), &json!("max-age=60"), &json!(5))
    );
    assert_eq!(info["metadata"], json!({"a": 1}));
    let owner = app.database.value("SELECT owner_id FROM \"storage.objects\"");
    assert_eq!(owner.as_deref(), Some("00000000-0000-4000-8000-000000000001"));
}

#[test]
fn the_first_bytes_may_come_with_the_creation() {
    let app = app_with_bucket();
    let actor = app.service_role();
    let with_bytes = |name: &str, length: usize, text: &'static str| {
        creation(&actor, name, length)
            .header("content-type", "application/offset+octet-stream")
            .body(text)
            .send()
    };
    let answer = with_bytes("whole", 5, "hello");
    assert_eq!((answer.status, answer.header("upload-offset")), (StatusCode::CREATED, Some("5")));
    assert_eq!(answer.header("tus-complete"), Some("1"));
    assert_eq!(read(&app, "files/whole").as_deref(), Some("hello"));

    let answer = with_bytes("half", 10, "hello");
    assert_eq!(answer.header("upload-offset"), Some("5"));
    assert_eq!(patch(&actor, &path_of(&answer), 5).body("world").send().status, StatusCode::NO_CONTENT);
    assert_eq!(read(&app, "files/half").as_deref(), Some("helloworld"));

    assert_eq!(creation(&actor, "empty", 0).send().status, StatusCode::CREATED);
    assert_eq!(read(&app, "files/empty").as_deref(), Some(""));
}

#[test]
fn the_length_may_come_later() {
    let app = large_app();
    let actor = app.service_role();
    let file = bytes(7 * MIB);
    for (name, length) in [("large", file.len()), ("small", 10), ("exact", 6 * MIB), ("empty", 0)] {
        let answer = tus(&actor, Method::POST, PATH)
            .header("upload-defer-length", "1")
            .header("upload-metadata", &metadata("files", name, &[]))
            .send();
        let upload = path_of(&answer);
        let head = tus(&actor, Method::HEAD, &upload).send();
        assert_eq!((head.header("upload-defer-length"), head.header("upload-length")), (Some("1"), None));
        assert_eq!(
            patch(&actor, &upload, 0).body(file[..length].to_vec()).send().status,
            StatusCode::NO_CONTENT
        );
        let end = patch(&actor, &upload, length).header("upload-length", &length.to_string()).send();
        assert_eq!(end.header("tus-complete"), Some("1"), "{}", end.text());
        assert!(whole(&app, name) == file[..length], "{name}");
    }
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn a_body_that_breaks_off_keeps_what_has_arrived() {
    let app = large_app();
    let actor = app.service_role();
    let file = bytes(15 * MIB);
    let upload = create(&actor, "file", file.len());
    let mut at = 0;
    for broken_at in [10, 2 * MIB, 9 * MIB + 5, 13 * MIB] {
        let piece =
            Pieces::of(&file[at..broken_at], 100_000).with_length((file.len() - at) as u64).then_break();
        assert_eq!(patch(&actor, &upload, at).stream(piece).send().status, StatusCode::BAD_REQUEST);
        at = offset(&actor, &upload);
        assert_eq!(at, broken_at);
    }
    assert_eq!(patch(&actor, &upload, at).body(file[at..].to_vec()).send().status, StatusCode::NO_CONTENT);
    assert!(whole(&app, "file") == file);
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn wrong_offsets_and_lengths_change_nothing() {
    let app = app_with_bucket();
    let actor = app.service_role();
    let upload = create(&actor, "file", 10);
    assert_failed(&patch(&actor, &upload, 5).body("hello").send(), 409, "Upload-Offset conflict");
    assert_failed(&patch(&actor, &upload, 0).body("more than ten").send(), 413, "upload's size exceeded");
    let unsized_body = Pieces::of(b"more than ten", 4);
    assert_failed(&patch(&actor, &upload, 0).stream(unsized_body).send(), 413, "upload's size exceeded");
    assert_eq!(offset(&actor, &upload), 0);
    patch(&actor, &upload, 0).body("hello").send();
    assert_failed(&patch(&actor, &upload, 0).body("hello").send(), 409, "Upload-Offset conflict");
    patch(&actor, &upload, 5).body("world").send();
    let late = patch(&actor, &upload, 10).header("x-upsert", "true").body("").send();
    assert_failed(&late, 409, "Upload-Offset conflict");
    assert_eq!(read(&app, "files/file").as_deref(), Some("helloworld"));
}

#[test]
fn the_protocols_headers_are_asked_for() {
    let app = app_with_bucket();
    let actor = app.service_role();
    let upload = create(&actor, "file", 10);
    let metadata = metadata("files", "a", &[]);
    let post = || tus(&actor, Method::POST, PATH);
    let rows = [
        (actor.post(PATH), 412, "Tus-Resumable Required"),
        (actor.post(PATH).header("tus-resumable", "0.2.2"), 400, "Invalid tus-resumable"),
        (
            post().header("upload-metadata", &metadata),
            400,
            "Upload-Length or Upload-Defer-Length header required",
        ),
        (
            post().header("upload-length", "1").header("upload-defer-length", "1"),
            400,
            "Upload-Length or Upload-Defer-Length header required",
        ),
        (post().header("upload-length", "-1"), 400, "Invalid upload-length"),
        (post().header("upload-length", "1e3"), 400, "Invalid upload-length"),
        (post().header("upload-length", "1"), 400, "Metadata header is required"),
        (
            post().header("upload-length", "1").header("upload-metadata", "a !"),
            400,
            "Invalid upload-metadata",
        ),
        (
            post().header("upload-length", "1").header("upload-concat", "partial"),
            501,
            "Concatenation extension is not (yet) supported. Disable parallel uploads in the tus client.",
        ),
        (
            tus(&actor, Method::PATCH, &upload).header("content-type", "application/offset+octet-stream"),
            403,
            "Upload-Offset header required",
        ),
        (
            tus(&actor, Method::PATCH, &upload).header("upload-offset", "0"),
            403,
            "Content-Type header required",
        ),
        (patch(&actor, &upload, 0).header("upload-length", "x"), 400, "Invalid upload-length"),
        (
            tus(&actor, Method::PATCH, &upload)
                .header("upload-offset", "0")
                .header("content-type", "text/plain"),
            400,
            "Invalid content-type",
        ),
        (patch(&actor, &format!("{PATH}/nonsense"), 0), 404, "The file for this url was not found"),
        (patch(&actor, &format!("{PATH}/ZmlsZXMvYS9i"), 0), 404, "The file for this url was not found"),
        (tus(&actor, Method::HEAD, &format!("{PATH}/ZmlsZXMvYS9i")), 404, ""),
    ];
    for (call, status, text) in rows {
        let answer = call.send();
        if !text.is_empty() {
            assert_failed(&answer, status, text);
        }
        assert_eq!(answer.status.as_u16(), status);
    }
    let options = actor.call(Method::OPTIONS, PATH).send();
    assert_eq!(options.status, StatusCode::NO_CONTENT);
    assert_eq!(options.header("tus-version"), Some("1.0.0"));
    assert_eq!(options.header("tus-max-size"), Some("52428800"));
    assert!(options.header("tus-extension").unwrap().contains("creation-with-upload"));
}

#[test]
fn names_and_limits_are_those_of_any_upload() {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "images", "file_size_limit": 1000, "allowed_mime_types": ["image/*"]}));
    let actor = app.service_role();
    let begin = |bucket: &str, name: &str, kind: &str, length: &str| {
        let pairs = [("bucketName", bucket), ("objectName", name), ("contentType", kind)];
        let header = pairs.map(|(key, value)| format!("{key} {}", STANDARD.encode(value))).join(",");
        tus(&actor, Method::POST, PATH)
            .header("upload-length", length)
            .header("upload-metadata", &header)
            .send()
    };
    let long = "x".repeat(1025);
    let rows = [
        ("images", "a.png", "image/png", "1001", 413, "Maximum size exceeded"),
        ("images", "a.png", "image/png", "99999999999", 413, "Maximum size exceeded"),
        ("images", "a.txt", "text/plain", "10", 415, "mime type text/plain is not supported"),
        ("nowhere", "a.png", "image/png", "10", 404, "Bucket not found"),
        ("", "a.png", "image/png", "10", 400, "Bucket name invalid"),
        ("a/b", "a.png", "image/png", "10", 400, "Bucket name invalid"),
        ("images", "", "image/png", "10", 400, "Invalid key:"),
        ("images", "a\nb", "image/png", "10", 400, "Invalid key: a\nb"),
        ("images", &long, "image/png", "10", 400, &format!("Invalid key: {long}")),
    ];
    for (bucket, name, kind, length, status, text) in rows {
        assert_failed(&begin(bucket, name, kind, length), status, text);
    }
    // Without a type it is bytes, which the bucket does not take either.
    assert_failed(
        &begin("images", "a", "", "10"),
        415,
        "mime type application/octet-stream is not supported",
    );
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.uploads\"").unwrap(), "0");
    assert_eq!(app.blobs.open_uploads(), 0);
    // The limit of a length that was not known is the bucket's too.
    let header = metadata("images", "b.png", &[])
        .replace(&STANDARD.encode("text/plain"), &STANDARD.encode("image/png"));
    let begun = tus(&actor, Method::POST, PATH)
        .header("upload-defer-length", "1")
        .header("upload-metadata", &header)
        .send();
    let upload = path_of(&begun);
    assert_failed(&patch(&actor, &upload, 0).body(vec![0; 1001]).send(), 413, "Maximum size exceeded");
    assert_failed(
        &patch(&actor, &upload, 0).header("upload-length", "1001").send(),
        413,
        "Maximum size exceeded",
    );
    assert_eq!(offset(&actor, &upload), 0);
}

#[test]
fn an_object_is_replaced_with_upsert_only() {
    let app = app_with_bucket();
    put(&app, "files/file", "old");
    let actor = app.service_role();
    assert_failed(&creation(&actor, "file", 3).send(), 409, "The resource already exists");
    let upload = path_of(&creation(&actor, "file", 3).header("x-upsert", "true").send());
    assert_eq!(read(&app, "files/file").as_deref(), Some("old"));
    assert_failed(&patch(&actor, &upload, 0).body("new").send(), 409, "The resource already exists");
    assert_eq!(
        patch(&actor, &upload, 0).header("x-upsert", "true").body("new").send().status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(read(&app, "files/file").as_deref(), Some("new"));
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn policies_are_asked_at_every_step() {
    let app = app_with_bucket();
    app.migrate("1", "CREATE POLICY own ON storage.objects FOR INSERT TO authenticated WITH CHECK (bucket_id = 'files' AND (storage.foldername(name))[1] = auth.uid()::text)");
    let (ann, bob) = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b");
    let (ann, bob) = ((ann, app.user(ann)), (bob, app.user(bob)));
    const DENIED: &str = "new row violates row-level security policy";
    assert_failed(&creation(&bob.1, &format!("{}/file", ann.0), 5).send(), 403, DENIED);
    let upload = create(&ann.1, &format!("{}/file", ann.0), 5);
    assert_failed(&patch(&bob.1, &upload, 0).body("hello").send(), 403, DENIED);
    assert_failed(&tus(&bob.1, Method::DELETE, &upload).send(), 403, DENIED);
    let stranger = patch(&app.nobody(), &upload, 0).body("hello").send();
    assert_eq!(stranger.json()["message"], "Invalid Compact JWS");
    patch(&ann.1, &upload, 0).body("he").send();
    // Allowed when it began, not any more when it ends.
    app.migrate("2", "DROP POLICY own ON storage.objects");
    assert_failed(&patch(&ann.1, &upload, 2).body("llo").send(), 403, DENIED);
    assert_eq!(read(&app, &format!("files/{}/file", ann.0)), None);
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn a_signed_url_uploads_without_a_token() {
    let app = app_with_bucket();
    let signed = app.service_role().post("/storage/v1/object/upload/sign/files/file").send().json();
    let token = signed["token"].as_str().unwrap();
    let path = format!("{PATH}/sign");
    let nobody = app.nobody();
    let begin = |name: &str, token: &str| {
        tus(&nobody, Method::POST, &path)
            .header("upload-length", "5")
            .header("upload-metadata", &metadata("files", name, &[]))
            .header("x-signature", token)
            .send()
    };
    assert_failed(&begin("other", token), 400, "Invalid signature");
    assert_failed(&begin("file", "nonsense"), 400, "Invalid Compact JWS");
    assert_failed(&begin("file", ""), 400, "Missing x-signature header");
    let download = app.service_role().post("/storage/v1/object/upload/sign/files/file").send();
    assert_eq!(download.status, StatusCode::OK);
    let upload = path_of(&begin("file", token));
    assert!(upload.starts_with(&path));
    assert_failed(&patch(&nobody, &upload, 0).body("hello").send(), 400, "Missing x-signature header");
    assert_eq!(tus(&nobody, Method::HEAD, &upload).send().status, StatusCode::BAD_REQUEST);
    let head = tus(&nobody, Method::HEAD, &upload).header("x-signature", token).send();
    assert_eq!(head.header("upload-offset"), Some("0"));
    let answer = patch(&nobody, &upload, 0).header("x-signature", token).body("hello").send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(read(&app, "files/file").as_deref(), Some("hello"));
}

#[test]
fn a_terminated_upload_is_gone_with_its_bytes() {
    let app = large_app();
    let actor = app.service_role();
    let upload = create(&actor, "file", 20 * MIB);
    patch(&actor, &upload, 0).body(bytes(8 * MIB)).send();
    assert_eq!(app.blobs.open_uploads(), 1);
    assert_eq!(tus(&actor, Method::DELETE, &upload).send().status, StatusCode::NO_CONTENT);
    assert_eq!(tus(&actor, Method::HEAD, &upload).send().status, StatusCode::NOT_FOUND);
    assert_failed(
        &patch(&actor, &upload, 8 * MIB).body("x").send(),
        404,
        "The file for this url was not found",
    );
    sweep(&app);
    assert_no_orphans(&app);

    let upload = create(&actor, "done", 5);
    patch(&actor, &upload, 0).body("hello").send();
    let end = tus(&actor, Method::DELETE, &upload).header("x-upsert", "true").send();
    assert_failed(&end, 400, "Cannot terminate an already completed upload");
    assert_eq!(read(&app, "files/done").as_deref(), Some("hello"));
}

#[test]
fn an_upload_expires() {
    let app = large_app();
    let actor = app.service_role();
    let upload = create(&actor, "file", 20 * MIB);
    patch(&actor, &upload, 0).body(bytes(8 * MIB)).send();
    app.clock.advance(24 * 60 * 60 + 1);
    assert_eq!(tus(&actor, Method::HEAD, &upload).send().status, StatusCode::GONE);
    assert_failed(
        &patch(&actor, &upload, 8 * MIB).body("x").send(),
        410,
        "The file for this url no longer exists",
    );
    sweep(&app);
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
}

#[test]
fn one_request_at_a_time_writes() {
    let app = large_app();
    let actor = app.service_role();
    let file = bytes(20 * MIB);
    let upload = create(&actor, "file", file.len());
    // Somebody holds it.
    let held = "UPDATE \"storage.uploads\" SET lock = 'another', locked_until = '2999-01-01T00:00:00+00:00'";
    app.database.execute(held);
    assert_failed(&patch(&actor, &upload, 0).body("x").send(), 423, "The resource is locked");
    assert_failed(&tus(&actor, Method::DELETE, &upload).send(), 423, "The resource is locked");
    // Their lease ran out: the next one takes over, and they can write nothing any more.
    app.database.execute("UPDATE \"storage.uploads\" SET locked_until = '2000-01-01T00:00:00+00:00'");
    assert_eq!(
        patch(&actor, &upload, 0).body(file[..6 * MIB].to_vec()).send().status,
        StatusCode::NO_CONTENT
    );
    let stolen =
        "UPDATE \"storage.uploads\" SET lock = 'another', locked_until = '2000-01-01T00:00:00+00:00'";
    app.database.interrupt_at(2, stolen);
    assert_failed(
        &patch(&actor, &upload, 6 * MIB).body(file[6 * MIB..13 * MIB].to_vec()).send(),
        423,
        "The resource is locked",
    );
    assert_eq!(offset(&actor, &upload), 6 * MIB);
    assert_eq!(
        patch(&actor, &upload, 6 * MIB).body(file[6 * MIB..].to_vec()).send().status,
        StatusCode::NO_CONTENT
    );
    assert!(whole(&app, "file") == file);
}

#[test]
fn the_method_may_come_in_a_header() {
    let app = app_with_bucket();
    let actor = app.service_role();
    let upload = create(&actor, "file", 5);
    let overridden =
        |method: &str| tus(&actor, Method::POST, &upload).header("x-http-method-override", method);
    let answer = overridden("PATCH")
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .body("hello")
        .send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(read(&app, "files/file").as_deref(), Some("hello"));
    assert_eq!(overridden("GET").send().status, StatusCode::NOT_FOUND);
    let upload = create(&actor, "other", 5);
    let answer = tus(&actor, Method::POST, &upload).header("x-http-method-override", "DELETE").send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}
