//! S3 at the root of a host of its own, path-style and with the bucket in the host's name.

use http::{Method, StatusCode};

use super::super::make_bucket;
use super::{Ask, KEY, SECRET, ask, assert_error, assert_ok, element, elements};
use crate::app::TestApp;

fn app() -> TestApp {
    let app = TestApp::deployed(&[
        ("S3_PROTOCOL_ACCESS_KEY_ID", KEY),
        ("S3_PROTOCOL_ACCESS_KEY_SECRET", SECRET),
        ("STORAGE_S3_REGION", "local"),
        ("S3_HOST", "S3.example.com"),
    ]);
    make_bucket(&app, &serde_json::json!({"name": "files"}));
    app
}

/// A request to a host, whose path is all there is.
fn at<'a>(app: &'a TestApp, host: &str, method: Method, target: &str) -> Ask<'a> {
    Ask { host: host.into(), root: "", ..ask(app, method, target) }
}

#[test]
fn both_styles_reach_the_same_objects() {
    let app = app();
    let (own, bucket) = ("s3.example.com", "files.s3.example.com");
    assert_ok(&at(&app, own, Method::PUT, "/files/dir/a%20b.txt").body("one").send());
    assert_ok(&at(&app, bucket, Method::PUT, "/storage/v1/object").body("two").send());
    for (host, target, text) in [
        (bucket, "/dir/a%20b.txt", "one"),
        (own, "/files/dir/a%20b.txt", "one"),
        (own, "/files/storage/v1/object", "two"),
        ("FILES.S3.Example.com", "/storage/v1/object", "two"),
    ] {
        let answer = at(&app, host, Method::GET, target).send();
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, text), "{host}{target}");
    }
    let listed = at(&app, bucket, Method::GET, "/?list-type=2").send();
    assert_eq!(elements(&listed, "Key"), ["dir/a b.txt", "storage/v1/object"]);
    assert_eq!(elements(&at(&app, own, Method::GET, "/").send(), "Name"), ["files"]);
    assert_eq!(at(&app, bucket, Method::HEAD, "/").send().status, StatusCode::OK);
    // The same requests where S3 has always been.
    assert_ok(
        &Ask { host: "app.example.com".into(), ..ask(&app, Method::GET, "/files/dir/a%20b.txt") }.send(),
    );
    assert_ok(&at(&app, bucket, Method::DELETE, "/dir/a%20b.txt").send());
    assert_error(&at(&app, own, Method::GET, "/files/dir/a%20b.txt").send(), 404, "NoSuchKey");
}

#[test]
fn a_presigned_url_leads_to_the_host_it_is_signed_for() {
    let app = app();
    let put = at(&app, "files.s3.example.com", Method::PUT, "/a").body("text");
    assert_ok(&put.by_url(&put.presigned(60)).send());
    let get = at(&app, "files.s3.example.com", Method::GET, "/a");
    let url = get.presigned(60);
    assert_eq!(get.by_url(&url).send().text(), "text");
    let elsewhere = at(&app, "s3.example.com", Method::GET, "/files/a");
    assert_error(&elsewhere.by_url(&url).send(), 403, "SignatureDoesNotMatch");
}

#[test]
fn parts_become_an_object_there_too() {
    let app = app();
    let (host, part) = ("files.s3.example.com", b"the only part");
    let begun = at(&app, host, Method::POST, "/a?uploads").send();
    let id = element(&begun, "UploadId").unwrap();
    assert_ok(&at(&app, host, Method::PUT, &format!("/a?partNumber=1&uploadId={id}")).body(*part).send());
    let done = at(&app, host, Method::POST, &format!("/a?uploadId={id}")).send();
    assert_eq!(element(&done, "Location").as_deref(), Some("http://files.s3.example.com/a"));
    assert_eq!(at(&app, host, Method::GET, "/a").send().body, part);
}

#[test]
fn nothing_else_is_at_that_host_and_s3_at_no_other_root() {
    let app = app();
    for host in ["s3.example.com", "files.s3.example.com"] {
        let answer = app.service_role().get("/rest/v1/").host(host).send();
        assert_error(&answer, 403, "AccessDenied");
    }
    for host in
        ["app.example.com", "s3.example.com.evil.example", "evils3.example.com", "s3.example.com:8080"]
    {
        let answer = at(&app, host, Method::GET, "/files/a").send();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{host}");
        assert_ne!(answer.header("content-type"), Some("application/xml"), "{host}");
    }
}
