//! The edge's cache: what is kept, that it is never stale, and that nothing private is in it.

use http::StatusCode;
use serde_json::json;

use super::{assert_refused, make_bucket, put, read};
use crate::app::{Answer, TestApp};

fn app_with_public_object() -> TestApp {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "open", "public": true}));
    put(&app, "open/a", "hello");
    app.run_late_work();
    app
}

fn get(app: &TestApp, path: &str) -> Answer {
    let answer = app.nobody().get(&format!("/storage/v1/object/public/{path}")).send();
    app.run_late_work();
    answer
}

fn status(answer: &Answer) -> Option<&str> {
    answer.header("cf-cache-status")
}

fn image() -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0, 0, 0, 20, 0, 0, 0, 10, 8, 6]].concat()
}

#[test]
fn a_public_object_comes_from_the_cache_the_second_time() {
    let app = app_with_public_object();
    let first = get(&app, "open/a");
    assert_eq!((first.text().as_str(), status(&first)), ("hello", Some("MISS")));
    let reads = app.blobs.fault.calls();
    let second = get(&app, "open/a");
    assert_eq!((second.text().as_str(), status(&second)), ("hello", Some("HIT")));
    for name in ["etag", "content-type", "cache-control", "last-modified", "accept-ranges"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    let part = app.nobody().get("/storage/v1/object/public/open/a").header("range", "bytes=1-2").send();
    assert_eq!((part.text().as_str(), status(&part)), ("el", Some("HIT")));
    assert_eq!(part.header("content-range"), Some("bytes 1-2/5"));
    assert_eq!(app.blobs.fault.calls(), reads, "R2 was not asked");
}

#[test]
fn a_part_and_a_large_object_are_not_kept() {
    let app = app_with_public_object();
    let part = app.nobody().get("/storage/v1/object/public/open/a").header("range", "bytes=1-2").send();
    assert_eq!((part.text().as_str(), status(&part)), ("el", Some("BYPASS")));
    put(&app, "open/large", &"x".repeat(16 * 1024 * 1024 + 1));
    put(&app, "open/empty", "");
    assert_eq!(status(&get(&app, "open/large")), Some("BYPASS"));
    assert_eq!(status(&get(&app, "open/empty")), Some("BYPASS"));
    assert!(app.edge_cache.keys().is_empty());
}

#[test]
fn no_change_leaves_a_stale_copy_in_sight() {
    let app = app_with_public_object();
    let warm = || {
        get(&app, "open/a");
        assert_eq!(status(&get(&app, "open/a")), Some("HIT"));
    };
    warm();
    put(&app, "open/a", "newer");
    let answer = get(&app, "open/a");
    assert_eq!((answer.text().as_str(), status(&answer)), ("newer", Some("MISS")));

    warm();
    let body = json!({"bucketId": "open", "sourceKey": "a", "destinationKey": "b"});
    app.service_role().post("/storage/v1/object/move").json(&body).send();
    assert_refused(&get(&app, "open/a"), "NoSuchKey", "404");
    // The same bytes under another name.
    assert_eq!(status(&get(&app, "open/b")), Some("HIT"));

    app.service_role().delete("/storage/v1/object/open/b").send();
    assert_refused(&get(&app, "open/b"), "NoSuchKey", "404");

    put(&app, "open/a", "again");
    warm();
    let answer = app.service_role().put("/storage/v1/bucket/open").json(&json!({"public": false})).send();
    assert_eq!(answer.status, StatusCode::OK);
    assert_refused(&get(&app, "open/a"), "NoSuchBucket", "404");
}

#[test]
fn nothing_private_is_ever_kept() {
    let app = app_with_public_object();
    make_bucket(&app, &json!({"name": "closed"}));
    put(&app, "closed/secret", "secret");
    app.service_role().put("/storage/v1/object/closed/secret.png").body(image()).send();
    let signed = |path: &str, body: serde_json::Value| {
        let answer = app.service_role().post(&format!("/storage/v1/object/sign/{path}")).json(&body).send();
        format!("/storage/v1{}", answer.json()["signedURL"].as_str().unwrap())
    };
    let targets = [
        "/storage/v1/object/authenticated/closed/secret".to_string(),
        "/storage/v1/object/closed/secret".to_string(),
        "/storage/v1/render/image/authenticated/closed/secret.png?width=5".to_string(),
        signed("closed/secret", json!({"expiresIn": 60})),
        signed("closed/secret.png", json!({"expiresIn": 60, "transform": {"width": 5}})),
    ];
    for target in targets.iter().chain(&targets) {
        let answer = app.service_role().get(target).send();
        app.run_late_work();
        assert_eq!((answer.status, status(&answer)), (StatusCode::OK, Some("BYPASS")), "{target}");
        let control = answer.header("cache-control").unwrap();
        assert!(control.starts_with("private"), "{target}: {control}");
        assert!(!control.contains("public") && !control.contains("s-maxage"), "{target}: {control}");
    }
    assert!(app.edge_cache.keys().is_empty(), "{:?}", app.edge_cache.keys());
}

#[test]
fn a_rendered_image_is_kept_by_version_and_form() {
    let app = app_with_public_object();
    app.service_role().put("/storage/v1/object/open/a.png").body(image()).send();
    let get = |query: &str, accept: &str| {
        let call = app.nobody().get(&format!("/storage/v1/render/image/public/open/a.png?{query}"));
        let answer = call.header("accept", accept).send();
        app.run_late_work();
        (
            answer.text(),
            status(&answer).unwrap().to_string(),
            answer.header("content-type").unwrap().to_string(),
        )
    };
    let (text, kept, mime_type) = get("width=10", "*/*");
    assert_eq!((kept.as_str(), mime_type.as_str()), ("MISS", "image/png"));
    assert_eq!(get("width=10", "*/*"), (text.clone(), "HIT".into(), "image/png".into()));
    assert_eq!(get("width=10&download=x", "*/*").1, "HIT");
    assert_eq!(get("width=10", "image/webp").1, "MISS");
    assert_eq!(get("width=10", "image/webp").2, "image/webp");
    assert_eq!(get("width=11", "*/*").1, "MISS");
    app.service_role().put("/storage/v1/object/open/a.png").body(image()).send();
    assert_eq!(get("width=10", "*/*").1, "MISS");
    assert_eq!(app.images.made.borrow().len(), 4);
}

#[test]
fn a_purge_holds_for_what_it_names() {
    let app = app_with_public_object();
    put(&app, "open/b", "other");
    app.service_role().put("/storage/v1/object/open/a.png").body(image()).send();
    let image_status = || {
        let answer = app.nobody().get("/storage/v1/render/image/public/open/a.png?width=5").send();
        app.run_late_work();
        status(&answer).unwrap().to_string()
    };
    let warm = || {
        for _ in 0..2 {
            get(&app, "open/a");
            get(&app, "open/b");
            get(&app, "open/a.png");
            image_status();
        }
    };
    #[rustfmt::skip]
    let rows = [
        // purged,                        a,      b,      a.png,  image of a.png
        ("/open/a",                       "MISS", "HIT",  "HIT",  "HIT"),
        ("/open/a.png?transformations=true", "HIT", "HIT", "HIT", "MISS"),
        ("/open/a.png",                   "HIT",  "HIT",  "MISS", "MISS"),
        ("/open?transformations=true",    "HIT",  "HIT",  "HIT",  "MISS"),
        ("/open",                         "MISS", "MISS", "MISS", "MISS"),
        ("/elsewhere",                    "HIT",  "HIT",  "HIT",  "HIT"),
        ("/open/gone",                    "HIT",  "HIT",  "HIT",  "HIT"),
        ("?transformations=true",         "HIT",  "HIT",  "HIT",  "MISS"),
        ("",                              "MISS", "MISS", "MISS", "MISS"),
        ("/",                             "MISS", "MISS", "MISS", "MISS"),
    ];
    for (target, a, b, png, rendered) in rows {
        warm();
        app.clock.advance(1);
        let answer = app.service_role().delete(&format!("/storage/v1/cdn{target}")).send();
        assert_eq!(answer.json(), json!({"message": "success", "statusCode": "200"}));
        let found =
            ["open/a", "open/b", "open/a.png"].map(|path| status(&get(&app, path)).unwrap().to_string());
        assert_eq!(found, [a, b, png].map(String::from), "{target}");
        assert_eq!(image_status(), rendered, "{target}");
    }
}

#[test]
fn only_the_service_role_purges() {
    let app = app_with_public_object();
    for target in ["", "/open", "/open/a"] {
        let answer = app.user("ann").delete(&format!("/storage/v1/cdn{target}")).send();
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert_eq!(answer.json()["code"], "AccessDenied");
    }
    let answer = app.service_role().delete("/storage/v1/cdn/open?transformations=perhaps").send();
    assert_refused(&answer, "InvalidRequest", "400");
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.cache_purges\"").unwrap(), "0");
}

#[test]
fn an_old_purge_is_forgotten_after_what_it_purged() {
    let app = app_with_public_object();
    app.service_role().delete("/storage/v1/cdn/open").send();
    app.clock.advance(30 * 24 * 60 * 60);
    futures_executor::block_on(edgeward::storage::forget_old_purges(&app.app)).unwrap();
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.cache_purges\"").unwrap(), "1");
    app.clock.advance(2 * 24 * 60 * 60);
    futures_executor::block_on(edgeward::storage::forget_old_purges(&app.app)).unwrap();
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.cache_purges\"").unwrap(), "0");
    assert_eq!(read(&app, "open/a").as_deref(), Some("hello"));
}
