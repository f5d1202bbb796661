//! Reading objects: who may, headers, ranges, conditions.

use http::{Method, StatusCode};
use serde_json::json;

use super::{app_with_bucket, assert_refused, make_bucket, put};
use crate::app::TestApp;

/// A private bucket `files` and a public one `avatars`, with `a.txt` in both.
fn app_with_files() -> TestApp {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "avatars", "public": true}));
    put(&app, "files/a.txt", "0123456789");
    put(&app, "avatars/a.txt", "0123456789");
    app
}

#[test]
fn a_download_has_its_headers() {
    let app = app_with_files();
    let answer = app.service_role().get("/storage/v1/object/files/a.txt").send();
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "0123456789"));
    for (name, value) in [
        ("content-type", "text/plain"),
        ("accept-ranges", "bytes"),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ("x-robots-tag", "none"),
        ("cache-control", "private, no-cache"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert!(answer.header("etag").unwrap().starts_with('"'));
    assert_eq!(answer.header("content-disposition"), None);
}

#[test]
fn a_public_bucket_is_read_without_a_token_and_a_private_one_is_not_there() {
    let app = app_with_files();
    for path in ["object/public/avatars/a.txt", "object/avatars/a.txt"] {
        let answer = app.nobody().get(&format!("/storage/v1/{path}")).send();
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "0123456789"), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
    }
    for path in ["object/public/files/a.txt", "object/files/a.txt", "object/public/absent/a.txt"] {
        let answer = app.nobody().get(&format!("/storage/v1/{path}")).send();
        assert_refused(&answer, "NoSuchBucket", "404");
        assert_eq!(answer.json()["message"], "Bucket not found");
    }
    let answer = app.nobody().get("/storage/v1/object/public/avatars/absent").send();
    assert_refused(&answer, "NoSuchKey", "404");
    assert_eq!(answer.json()["message"], "Object not found");
    // The service role may read all, but not through the public door.
    let answer = app.service_role().get("/storage/v1/object/public/files/a.txt").send();
    assert_refused(&answer, "NoSuchBucket", "404");
}

#[test]
fn a_bad_token_is_none_where_none_is_needed() {
    let app = app_with_files();
    let bad = app.with_token("nonsense");
    assert_eq!(bad.get("/storage/v1/object/avatars/a.txt").send().status, StatusCode::OK);
    assert_refused(&bad.get("/storage/v1/object/files/a.txt").send(), "NoSuchBucket", "404");
    assert_refused(&bad.get("/storage/v1/object/authenticated/avatars/a.txt").send(), "AccessDenied", "403");
    let forged = edgeward::jwt::sign(&json!({"role": "service_role"}), b"another secret").unwrap();
    let answer = app.with_token(&forged).get("/storage/v1/object/files/a.txt").send();
    assert_refused(&answer, "NoSuchBucket", "404");
}

#[test]
fn without_policies_a_user_reads_public_buckets_only() {
    let app = app_with_files();
    for actor in [app.anon(), app.user("ann")] {
        for path in ["object/avatars/a.txt", "object/authenticated/avatars/a.txt"] {
            assert_eq!(actor.get(&format!("/storage/v1/{path}")).send().status, StatusCode::OK, "{path}");
        }
        for path in ["object/files/a.txt", "object/authenticated/files/a.txt", "object/files/absent"] {
            assert_refused(&actor.get(&format!("/storage/v1/{path}")).send(), "NoSuchKey", "404");
        }
    }
}

#[test]
fn a_private_answer_is_never_for_shared_caches() {
    let app = app_with_files();
    let upload = app.service_role().put("/storage/v1/object/files/c");
    upload.header("cache-control", "public, max-age=60, s-maxage=600").body("x").send();
    let answer = app.service_role().get("/storage/v1/object/files/c").send();
    assert_eq!(answer.header("cache-control"), Some("private, max-age=60"));
    let upload = app.service_role().put("/storage/v1/object/avatars/c");
    upload.header("cache-control", "public, max-age=60").body("x").send();
    let answer = app.nobody().get("/storage/v1/object/public/avatars/c").send();
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
}

#[test]
fn pages_are_served_as_text_and_pictures_with_scripts_in_a_sandbox() {
    let app = app_with_files();
    for (mime_type, served, policy) in [
        ("text/html", "text/plain", Some("sandbox")),
        ("text/html; charset=utf-8", "text/plain", Some("sandbox")),
        ("image/svg+xml", "image/svg+xml", Some("sandbox")),
        ("application/pdf", "application/pdf", None),
    ] {
        let upload = app.service_role().put("/storage/v1/object/avatars/p").header("content-type", mime_type);
        upload.body("<script>").send();
        let answer = app.nobody().get("/storage/v1/object/public/avatars/p").send();
        assert_eq!(answer.header("content-type"), Some(served));
        assert_eq!(answer.header("content-security-policy"), policy, "{mime_type}");
    }
}

#[test]
fn ranges_are_served_in_part() {
    let app = app_with_files();
    let get = |range: &str| {
        app.nobody().get("/storage/v1/object/public/avatars/a.txt").header("range", range).send()
    };
    for (range, text, content_range) in [
        ("bytes=0-3", "0123", "bytes 0-3/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let answer = get(range);
        assert_eq!((answer.status, answer.text().as_str()), (StatusCode::PARTIAL_CONTENT, text), "{range}");
        assert_eq!(answer.header("content-range"), Some(content_range));
    }
    for range in ["bytes=3-1", "bytes=a-", "items=0-1", "bytes=0-1,4-5"] {
        let answer = get(range);
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 10), "{range}");
    }
    for range in ["bytes=10-", "bytes=-0"] {
        let answer = get(range);
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(answer.json()["code"], "InvalidRange");
        assert_eq!(answer.header("content-range"), Some("bytes */10"));
    }
    let changed = app.nobody().get("/storage/v1/object/public/avatars/a.txt");
    let answer = changed.header("range", "bytes=0-3").header("if-range", "\"another\"").send();
    assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 10));
}

#[test]
fn what_the_reader_has_is_not_sent_again() {
    let app = app_with_files();
    let get = |name: &str, value: &str| {
        let calls = app.blobs.fault.calls();
        let call = app.service_role().get("/storage/v1/object/authenticated/avatars/a.txt");
        // Not from the edge's cache.
        app.edge_cache.clear();
        let answer = call.header(name, value).send();
        (answer.status, answer.body.len(), app.blobs.fault.calls() - calls)
    };
    let tag = app.nobody().get("/storage/v1/object/public/avatars/a.txt").send();
    let tag = tag.header("etag").unwrap();
    let (unchanged, sent) = ((StatusCode::NOT_MODIFIED, 0, 0), (StatusCode::OK, 10, 1));
    assert_eq!(get("if-none-match", tag), unchanged);
    assert_eq!(get("if-none-match", &format!("\"x\", W/{tag}")), unchanged);
    assert_eq!(get("if-none-match", "\"x\""), sent);
    assert_eq!(get("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT"), unchanged);
    assert_eq!(get("if-modified-since", "Wed, 31 Dec 2025 23:59:59 GMT"), sent);
    assert_eq!(get("if-modified-since", "yesterday"), sent);
}

#[test]
fn a_download_can_ask_for_a_name() {
    let app = app_with_files();
    for (query, disposition) in [
        ("?download=", "attachment;"),
        ("?download", "attachment;"),
        (
            "?download=a%20b%22%0D%0A.txt",
            "attachment; filename=a%20b%22%0D%0A.txt; filename*=UTF-8''a%20b%22%0D%0A.txt",
        ),
        ("?download=%C3%A9.txt&cacheNonce=1", "attachment; filename=%C3%A9.txt; filename*=UTF-8''%C3%A9.txt"),
    ] {
        let answer = app.nobody().get(&format!("/storage/v1/object/public/avatars/a.txt{query}")).send();
        assert_eq!(answer.header("content-disposition"), Some(disposition), "{query}");
    }
}

#[test]
fn head_answers_from_the_row_alone() {
    let app = app_with_files();
    let calls = app.blobs.fault.calls();
    for path in [
        "object/avatars/a.txt",
        "object/public/avatars/a.txt",
        "object/authenticated/avatars/a.txt",
        "object/info/avatars/a.txt",
    ] {
        let answer = app.service_role().call(Method::HEAD, &format!("/storage/v1/{path}")).send();
        assert_eq!((answer.status, answer.body.len()), (StatusCode::OK, 0), "{path}");
        assert_eq!(answer.header("content-length"), Some("10"), "{path}");
        assert_eq!(answer.header("content-type"), Some("text/plain"), "{path}");
    }
    assert_eq!(app.blobs.fault.calls(), calls);
    for path in ["object/avatars/absent", "object/files/a.txt"] {
        let answer = app.anon().call(Method::HEAD, &format!("/storage/v1/{path}")).send();
        assert_eq!((answer.status, answer.body.len()), (StatusCode::BAD_REQUEST, 0), "{path}");
    }
}

#[test]
fn a_read_costs_one_batch() {
    let app = app_with_files();
    let reads = [
        ("GET", "object/files/a.txt", json!({})),
        ("GET", "object/public/avatars/a.txt", json!({})),
        ("HEAD", "object/files/a.txt", json!({})),
        ("GET", "object/info/files/a.txt", json!({})),
        ("POST", "object/list/files", json!({"prefix": ""})),
        ("POST", "object/list-v2/files", json!({})),
        ("POST", "object/sign/files/a.txt", json!({"expiresIn": 60})),
        ("POST", "object/sign/files", json!({"expiresIn": 60, "paths": ["a.txt"]})),
        ("GET", "bucket", json!({})),
        ("GET", "bucket/files", json!({})),
    ];
    for (method, path, body) in reads {
        let calls = app.database.fault.calls();
        let call = app.service_role().call(method.parse().unwrap(), &format!("/storage/v1/{path}"));
        assert_eq!(call.json(&body).send().status, StatusCode::OK, "{path}");
        assert_eq!(app.database.fault.calls() - calls, 1, "{method} {path}");
    }
}

#[test]
fn a_row_without_bytes_says_so_and_is_not_cached() {
    let app = app_with_files();
    app.database.execute(
        "INSERT INTO \"storage.objects\" (bucket_id, name, version) VALUES ('avatars', 'seeded', NULL), ('avatars', 'lost', 'v')",
    );
    for name in ["seeded", "lost"] {
        let answer = app.nobody().get(&format!("/storage/v1/object/public/avatars/{name}")).send();
        assert_refused(&answer, "NoSuchKey", "404");
        assert_eq!(answer.json()["message"], "The resource was not found");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
