//! Answers that the edge gives without asking: what is kept, that every way of writing takes it away everywhere, and what happens when
//! the edge cannot be told.

use edgeward::ports::{Blobs, Body};
use edgeward::schedule;
use futures_executor::block_on;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::resumable::{MIB, bytes, creation, patch, path_of};
use super::s3::{KEY, SECRET, ask, assert_ok, forms, multipart};
use super::{assert_no_orphans, assert_refused, make_bucket, sweep};
use crate::app::{Answer, TestApp};

const API: &str = "https://api.cloudflare.com/client/v4/zones/abc123/purge_cache";
const A: &str = "http://127.0.0.1:54321/storage/v1/object/public/files/dir/a";
const B: &str = "http://127.0.0.1:54321/storage/v1/object/public/files/b";
const DAY: i64 = 24 * 60 * 60;

const VARS: [(&str, &str); 10] = [
    ("EDGE_CACHE_ORIGIN", "http://127.0.0.1:54321"),
    ("EDGE_CACHE_ZONE_ID", "abc123"),
    ("EDGE_CACHE_PURGE_TOKEN", "purge-token"),
    ("S3_PROTOCOL_ACCESS_KEY_ID", KEY),
    ("S3_PROTOCOL_ACCESS_KEY_SECRET", SECRET),
    ("STORAGE_S3_REGION", "local"),
    ("FILE_SIZE_LIMIT", "104857600"),
    ("R2_ENDPOINT", "https://account.r2.cloudflarestorage.com"),
    ("R2_ACCESS_KEY_ID", "r2-key"),
    ("R2_SECRET_ACCESS_KEY", "the-secret-of-the-account"),
];

/// A public bucket with two objects, which are answered by the edge in two data centres.
fn warm_app() -> TestApp {
    let app = TestApp::with_vars(&VARS);
    make_bucket(&app, &json!({"name": "files", "public": true}));
    make_bucket(&app, &json!({"name": "other", "public": true}));
    put(&app, "files/dir/a", "hello");
    put(&app, "files/b", "other");
    app.run_late_work();
    for place in [1, 0] {
        app.edge_cache.go_to(place);
        for path in ["files/dir/a", "files/b"] {
            assert_eq!(status(&get(&app, path)), Some("MISS"), "{path} in {place}");
            assert_eq!(status(&get(&app, path)), Some("HIT"), "{path} in {place}");
        }
    }
    app
}

fn put(app: &TestApp, path: &str, text: &str) {
    let call = app.service_role().put(&format!("/storage/v1/object/{path}")).body(text.to_string());
    let answer = call.header("content-type", "text/plain").header("cache-control", "max-age=3600").send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

fn get(app: &TestApp, path: &str) -> Answer {
    let answer = app.nobody().get(&format!("/storage/v1/object/public/{path}")).send();
    app.run_late_work();
    answer
}

fn status(answer: &Answer) -> Option<&str> {
    answer.header("cf-cache-status")
}

/// What somebody in a data centre reads, and what the database says, whom a query makes us ask.
fn seen_and_true(app: &TestApp, place: usize, path: &str) -> [(StatusCode, Vec<u8>); 2] {
    app.edge_cache.go_to(place);
    [path.to_string(), format!("{path}?fresh")].map(|target| {
        let answer = app.nobody().get(&format!("/storage/v1/object/public/{target}")).send();
        (answer.status, answer.body)
    })
}

fn noted(app: &TestApp) -> String {
    app.database.value("SELECT count(*) FROM \"storage.edge_changes\"").unwrap()
}

fn post(app: &TestApp, path: &str, body: &Value) {
    let answer = app.service_role().post(&format!("/storage/v1/{path}")).json(body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

fn remove(app: &TestApp, path: &str, body: &Value) {
    let answer = app.service_role().delete(&format!("/storage/v1/{path}")).json(body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

fn upload_by_url(app: &TestApp) {
    let call =
        app.service_role().post("/storage/v1/object/upload/sign/files/dir/a").header("x-upsert", "true");
    let url = call.send().json()["url"].as_str().unwrap().to_string();
    assert_ok(&app.nobody().put(&format!("/storage/v1{url}")).body("by URL").send());
}

fn upload_resumable(app: &TestApp, length: usize) {
    let actor = app.service_role();
    let upload = path_of(&creation(&actor, "dir/a", length).header("x-upsert", "true").send());
    assert_ok(&patch(&actor, &upload, 0).header("x-upsert", "true").body(bytes(length)).send());
}

fn upload_in_parts(app: &TestApp) {
    let id = multipart::begin(app, "dir/a");
    assert_ok(&multipart::part(app, "dir/a", &id, 1, b"in parts"));
    assert_ok(&multipart::complete(app, "dir/a", &id, &[(1, b"in parts")]));
}

fn upload_past_the_worker(app: &TestApp) {
    let body = json!({"size": 5, "contentType": "text/plain"});
    let call = app.service_role().post("/storage/v1/upload/direct/files/dir/a").header("x-upsert", "true");
    let begun = call.json(&body).send().json();
    let key = begun["url"].as_str().unwrap().split(['/', '?']).nth(4).unwrap().to_string();
    block_on(app.blobs.put(&key, Body::from("past "), 5)).unwrap();
    let target =
        begun["finish"].as_str().unwrap().strip_prefix("http://127.0.0.1:54321").unwrap().to_string();
    assert_ok(&app.service_role().put(&target).header("x-upsert", "true").send());
}

fn obey_rule(app: &TestApp, rule: &Value) {
    assert_ok(&app.service_role().put("/admin/v1/storage/lifecycle-rules/r").json(rule).send());
    app.clock.advance(31 * DAY);
    block_on(schedule::run(app.app.clone()));
}

fn lose_bytes(app: &TestApp) {
    let version = app.database.value("SELECT version FROM \"storage.objects\" WHERE name = 'dir/a'").unwrap();
    block_on(app.blobs.delete(&[version])).unwrap();
    let answer = app.service_role().post("/admin/v1/storage/check").json(&json!({"repair": ["rows"]})).send();
    assert_eq!(answer.json()["repaired"], 1, "{}", answer.text());
}

/// As `npm run db:push` writes.
fn by_sql(app: &TestApp, sql: &str) {
    app.migrate("20270101000000", sql);
}

fn set_bucket(app: &TestApp, body: &Value) {
    assert_ok(&app.service_role().put("/storage/v1/bucket/files").json(body).send());
}

type Write = fn(&TestApp);

/// Every way to change or remove what a public URL shows, and whether the object beside it may stay.
#[rustfmt::skip]
const WRITES: &[(&str, Write, bool)] = &[
    ("PUT",                  |app| put(app, "files/dir/a", "newer"),                                                              true),
    ("POST with x-upsert",   |app| assert_ok(&app.service_role().post("/storage/v1/object/files/dir/a").header("x-upsert", "true").body("newer").send()), true),
    ("a signed upload URL",  upload_by_url,                                                                                      true),
    ("a move",               |app| post(app, "object/move", &json!({"bucketId": "files", "sourceKey": "dir/a", "destinationKey": "c"})), true),
    ("a move elsewhere",     |app| post(app, "object/move", &json!({"bucketId": "files", "sourceKey": "dir/a", "destinationBucket": "other", "destinationKey": "c"})), true),
    ("DELETE of one",        |app| remove(app, "object/files/dir/a", &json!({})),                                                 true),
    ("DELETE of many",       |app| remove(app, "object/files", &json!({"prefixes": ["dir/a", "none"]})),                          true),
    ("DELETE of a folder",   |app| remove(app, "object/files", &json!({"folder": "dir"})),                                        true),
    ("TUS, small",           |app| upload_resumable(app, 10),                                                                    true),
    ("TUS, in parts",        |app| upload_resumable(app, 9 * MIB),                                                                true),
    ("S3 PutObject",         |app| assert_ok(&ask(app, Method::PUT, "/files/dir/a").body("newer").send()),                        true),
    ("S3 CopyObject",        |app| assert_ok(&ask(app, Method::PUT, "/files/dir/a").header("x-amz-copy-source", "files/b").send()), true),
    ("S3 metadata",          |app| assert_ok(&ask(app, Method::PUT, "/files/dir/a").header("x-amz-copy-source", "files/dir/a").header("x-amz-metadata-directive", "REPLACE").header("content-type", "text/css").send()), true),
    ("S3 DeleteObject",      |app| assert_ok(&ask(app, Method::DELETE, "/files/dir/a").send()),                                   true),
    ("S3 DeleteObjects",     |app| assert_ok(&ask(app, Method::POST, "/files?delete").body("<Delete><Object><Key>dir/a</Key></Object></Delete>").send()), true),
    ("S3 parts",             upload_in_parts,                                                                                    true),
    ("an S3 form",           |app| assert_ok(&forms::post_file(app, "dir/a", "newer")),                                           true),
    ("direct to R2",         upload_past_the_worker,                                                                             true),
    ("a rule that expires",  |app| obey_rule(app, &json!({"bucket": "files", "prefix": "dir/", "expire_days": 30})),              true),
    ("a rule that archives", |app| obey_rule(app, &json!({"bucket": "files", "prefix": "dir/", "infrequent_access_days": 30})),   true),
    ("storage:check",        lose_bytes,                                                                                         true),
    ("SQL: a row goes",      |app| by_sql(app, "DELETE FROM storage.objects WHERE name = 'dir/a'"),                               true),
    ("SQL: a row changes",   |app| by_sql(app, "UPDATE storage.objects SET metadata = metadata || '{\"mimetype\": \"text/css\"}' WHERE name = 'dir/a'"), true),
    ("SQL: a private bucket", |app| by_sql(app, "UPDATE storage.buckets SET public = false WHERE id = 'files'"),                  false),
    ("a private bucket",     |app| set_bucket(app, &json!({"public": false})),                                                   false),
    ("a bucket emptied",     |app| post(app, "bucket/files/empty", &json!({})),                                                   false),
    ("a bucket deleted",     |app| { post(app, "bucket/files/empty", &json!({})); remove(app, "bucket/files", &json!({})) },      false),
    ("a purge of an object", |app| remove(app, "cdn/files/dir/a", &json!({})),                                                    true),
    ("a purge of a bucket",  |app| remove(app, "cdn/files", &json!({})),                                                          false),
    ("a purge of all",       |app| remove(app, "cdn", &json!({})),                                                                false),
];

#[test]
fn every_write_takes_the_answer_away_everywhere_before_it_is_answered() {
    for (name, write, others_stay) in WRITES {
        let app = warm_app();
        write(&app);
        // Nothing has run after the response yet.
        let left = app.edge_cache.answered_urls();
        assert!(!left.iter().any(|url| url == A), "{name}: {left:?}");
        assert_eq!(
            left.iter().filter(|url| *url == B).count(),
            if *others_stay { 2 } else { 0 },
            "{name}: {left:?}"
        );
        for place in [0, 1] {
            for path in ["files/dir/a", "files/b"] {
                let [seen, truth] = seen_and_true(&app, place, path);
                assert_eq!(seen, truth, "{name}: {path} in {place}");
            }
        }
        app.run_late_work();
        assert_eq!(noted(&app), "0", "{name}: all that was noted was told");
    }
}

#[test]
fn a_hit_asks_nobody_and_is_the_same_answer() {
    let app = TestApp::with_vars(&VARS);
    make_bucket(&app, &json!({"name": "files", "public": true}));
    put(&app, "files/dir/a", "hello");
    app.run_late_work();
    let first = get(&app, "files/dir/a");
    let (asked, read) = (app.database.fault.calls(), app.blobs.fault.calls());
    let second = get(&app, "files/dir/a");
    assert_eq!((app.database.fault.calls(), app.blobs.fault.calls()), (asked, read));
    assert_eq!((first.text(), status(&first)), ("hello".into(), Some("MISS")));
    assert_eq!((second.text(), status(&second)), ("hello".into(), Some("HIT")));
    for name in ["etag", "content-type", "cache-control", "last-modified", "accept-ranges", "x-robots-tag"] {
        assert_eq!(first.header(name), second.header(name), "{name}");
    }
    assert_eq!(second.header("access-control-allow-origin"), Some("*"), "pages may read it");
    assert!(first.header("cache-tag").is_none(), "the client is not told");
    assert_eq!(noted(&app), "0");
}

#[test]
fn only_what_may_be_is_kept() {
    let app = TestApp::with_vars(&VARS);
    make_bucket(&app, &json!({"name": "files", "public": true}));
    make_bucket(&app, &json!({"name": "closed"}));
    let upload = |path: &str, control: Option<&str>, body: &str| {
        let call = app.service_role().put(&format!("/storage/v1/object/{path}")).body(body.to_string());
        assert_ok(&match control {
            Some(control) => call.header("cache-control", control).send(),
            None => call.send(),
        });
    };
    #[rustfmt::skip]
    let not_kept = [
        ("files/none",     None),
        ("files/no-cache", Some("no-cache")),
        ("files/no-store", Some("max-age=60, no-store")),
        ("files/private",  Some("Private, max-age=60")),
        ("files/zero",     Some("max-age=0")),
        ("files/odd",      Some("max-age=soon")),
        ("files/shared",   Some("max-age=60, s-maxage=0")),
        ("closed/a",       Some("max-age=60")),
    ];
    for (path, control) in not_kept {
        upload(path, control, "text");
        for _ in 0..2 {
            get(&app, path);
            app.service_role().get(&format!("/storage/v1/object/authenticated/{path}")).send();
            app.service_role().get(&format!("/storage/v1/object/{path}")).send();
            app.run_late_work();
        }
    }
    upload("files/large", Some("max-age=60"), &"x".repeat(16 * MIB + 1));
    upload("files/empty", Some("max-age=60"), "");
    upload("files/a b", Some("max-age=60"), "text");
    let url =
        app.service_role().post("/storage/v1/object/sign/files/a%20b").json(&json!({"expiresIn": 60})).send();
    let url = format!("/storage/v1{}", url.json()["signedURL"].as_str().unwrap());
    for target in [
        "/storage/v1/object/public/files/large",
        "/storage/v1/object/public/files/empty",
        "/storage/v1/object/public/files/%61%20b",
        "/storage/v1/object/public/files/a%20b?download",
        "/storage/v1/object/public/files/a%20b?v=1",
        "/storage/v1/object/files/a%20b",
        "/storage/v1/object/public/files/missing",
        &url,
    ] {
        app.nobody().get(target).send();
        app.nobody().call(Method::HEAD, target).send();
        app.nobody().get(target).header("range", "bytes=0-1").send();
        app.run_late_work();
    }
    app.nobody().get("/storage/v1/object/public/files/a%20b").host("localhost:54321").send();
    app.run_late_work();
    assert!(app.edge_cache.answered_urls().is_empty(), "{:?}", app.edge_cache.answered_urls());
    assert_eq!(status(&get(&app, "files/a%20b")), Some("MISS"));
    assert_eq!(status(&get(&app, "files/a%20b")), Some("HIT"));
}

#[test]
fn who_wants_it_kept_for_years_gets_a_day() {
    let app = TestApp::with_vars(&VARS);
    make_bucket(&app, &json!({"name": "files", "public": true}));
    let call = app.service_role().put("/storage/v1/object/files/a").body("text");
    assert_ok(&call.header("cache-control", "max-age=31536000, immutable").send());
    assert_eq!(get(&app, "files/a").header("cache-control"), Some("max-age=31536000, immutable"));
    assert_eq!(
        get(&app, "files/a").header("cache-control"),
        Some("max-age=31536000, immutable, s-maxage=86400")
    );
}

#[test]
fn the_purge_api_is_called_as_documented() {
    let app = warm_app();
    put(&app, "files/dir/a", "newer");
    let requests = app.http_client.requests_to(API);
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].method, Method::POST);
    let header = |name: &str| requests[0].headers.iter().find(|(key, _)| *key == name).unwrap().1.clone();
    assert_eq!(
        (header("authorization"), header("content-type")),
        ("Bearer purge-token".into(), "application/json".into())
    );
    let body: Value = serde_json::from_str(&requests[0].body).unwrap();
    assert_eq!(body["tags"].as_array().unwrap().len(), 1, "{body}");
}

#[test]
fn new_objects_and_those_that_nobody_viewed_of_a_bucket_cost_no_purge() {
    let app = warm_app();
    put(&app, "files/new", "text");
    put(&app, "other/a", "text");
    put(&app, "other/a", "newer");
    assert_eq!(app.http_client.requests_to(API).len(), 0);
    assert_eq!(noted(&app), "0");
}

#[test]
fn many_changes_of_a_bucket_are_told_as_the_bucket() {
    let app = warm_app();
    for number in 0..30 {
        put(&app, &format!("files/many/{number}"), "text");
    }
    remove(&app, "object/files", &json!({"folder": "many"}));
    assert_eq!(app.http_client.requests_to(API).len(), 1);
    assert!(app.edge_cache.answered_urls().is_empty(), "the bucket's other answers go along");
}

/// Fails the purge API in one of its ways.
fn fail(app: &TestApp, way: usize, times: usize) {
    for _ in 0..times {
        match way {
            0 => app.http_client.prepare(API, 500, r#"{"success":false}"#),
            1 => app.http_client.prepare(
                API,
                429,
                r#"{"success":false,"errors":[{"message":"rate limited"}]}"#,
            ),
            2 => app.http_client.prepare(
                API,
                200,
                r#"{"success":false,"errors":[{"message":"no such zone"}]}"#,
            ),
            3 => app.http_client.prepare(API, 200, "not JSON"),
            _ => app.http_client.prepare_silence(API),
        }
    }
}

#[test]
fn a_purge_that_fails_at_first_is_tried_again_before_the_answer() {
    for way in 0..5 {
        let app = warm_app();
        fail(&app, way, 2);
        put(&app, "files/dir/a", "newer");
        assert!(!app.edge_cache.answered_urls().contains(&A.to_string()), "way {way}");
        assert_eq!(app.http_client.requests_to(API).len(), 3, "way {way}");
        assert!(app.http_client.paused.get() >= 1000, "way {way}");
    }
}

#[test]
fn a_write_stands_when_the_edge_cannot_be_told_and_it_is_told_later() {
    for way in 0..5 {
        let app = warm_app();
        fail(&app, way, 3);
        // The write is done, so its answer is a success; here it is true at once, elsewhere soon.
        put(&app, "files/dir/a", "newer");
        let [seen, truth] = seen_and_true(&app, 0, "files/dir/a");
        assert_eq!(seen, truth, "way {way}: in the data centre of the write");
        assert_eq!(seen_and_true(&app, 1, "files/dir/a")[0].1, b"hello", "way {way}");
        assert!(
            app.log.0.borrow().iter().any(|line| line.contains("the edge may answer with what has changed"))
        );
        // After the response.
        app.run_late_work();
        let [seen, truth] = seen_and_true(&app, 1, "files/dir/a");
        assert_eq!(seen, truth, "way {way}");
        assert_eq!(noted(&app), "0", "way {way}");
    }
}

#[test]
fn what_could_not_be_told_is_told_by_the_next_write_or_by_the_schedule() {
    for by_schedule in [false, true] {
        let app = warm_app();
        fail(&app, 0, 5);
        put(&app, "files/dir/a", "newer");
        app.run_late_work();
        assert_eq!((noted(&app).as_str(), app.http_client.requests_to(API).len()), ("1", 5));
        // Not before its time: a purge API that is down must not slow every request.
        put(&app, "other/x", "text");
        assert_eq!(app.http_client.requests_to(API).len(), 5);
        app.clock.advance(61);
        match by_schedule {
            true => block_on(schedule::run(app.app.clone())),
            false => put(&app, "other/x", "text"),
        }
        app.run_late_work();
        let [seen, truth] = seen_and_true(&app, 1, "files/dir/a");
        assert_eq!(seen, truth);
        assert_eq!(noted(&app), "0");
    }
}

#[test]
fn a_worker_that_ends_before_it_told_the_edge_leaves_a_note() {
    let app = warm_app();
    app.http_client.fault.killing().fail_at(1);
    let answer = app.service_role().put("/storage/v1/object/files/dir/a").body("newer").send();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    app.http_client.fault.mend();
    assert_eq!(noted(&app), "1");
    put(&app, "other/x", "text");
    let [seen, truth] = seen_and_true(&app, 1, "files/dir/a");
    assert_eq!((&seen, seen.1.as_slice()), (&truth, b"newer".as_slice()));
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn a_purge_asked_for_says_when_it_failed() {
    let app = warm_app();
    fail(&app, 0, 3);
    let answer = app.service_role().delete("/storage/v1/cdn/files/dir/a").send();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
    app.run_late_work();
    assert!(!app.edge_cache.answered_urls().contains(&A.to_string()), "it was made up for");
}

#[test]
fn an_answer_that_is_kept_after_its_object_changed_goes_at_once() {
    let changes: [Write; 4] = [
        |app| put(app, "files/dir/a", "newer"),
        |app| remove(app, "object/files/dir/a", &json!({})),
        |app| set_bucket(app, &json!({"public": false})),
        |app| {
            app.database.execute(
                "UPDATE \"storage.objects\" SET metadata = json_set(metadata, '$.mimetype', 'text/css')",
            )
        },
    ];
    for change in changes {
        let app = TestApp::with_vars(&VARS);
        make_bucket(&app, &json!({"name": "files", "public": true}));
        put(&app, "files/dir/a", "hello");
        app.run_late_work();
        // Read and sent; not kept yet when the change is told.
        let answer = app.nobody().get("/storage/v1/object/public/files/dir/a").send();
        assert_eq!(answer.text(), "hello");
        change(&app);
        app.run_late_work();
        assert!(app.edge_cache.answered_urls().is_empty());
    }
}

#[test]
fn an_answer_is_not_left_when_the_second_look_fails() {
    let app = TestApp::with_vars(&VARS);
    make_bucket(&app, &json!({"name": "files", "public": true}));
    put(&app, "files/dir/a", "hello");
    app.run_late_work();
    app.nobody().get("/storage/v1/object/public/files/dir/a").send();
    app.database.fault.fail_at(1);
    app.run_late_work();
    assert!(app.edge_cache.answered_urls().is_empty());
}

#[test]
fn without_the_setting_nothing_is_kept_noted_or_told() {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "files", "public": true}));
    for text in ["old", "new"] {
        put(&app, "files/a", text);
        get(&app, "files/a");
        get(&app, "files/a");
    }
    block_on(schedule::run(app.app.clone()));
    assert!(app.edge_cache.answered_urls().is_empty());
    assert_eq!(noted(&app), "0");
    assert!(app.http_client.requests.borrow().is_empty());
}

#[test]
fn a_deployment_that_takes_the_setting_back_purges_all_when_it_has_it_again() {
    let app = warm_app();
    fail(&app, 0, 5);
    put(&app, "files/dir/a", "newer");
    app.run_late_work();
    let mut without = TestApp::new().another_isolate();
    without.app = std::rc::Rc::new(edgeward::app::App::new(
        without.app.config.clone(),
        crate::app::ports_of(&app),
        edgeward::routes::router().unwrap(),
    ));
    block_on(schedule::run(without.app.clone()));
    block_on(schedule::run(without.app.clone()));
    assert_eq!((noted(&app).as_str(), app.http_client.requests_to(API).len()), ("1", 5));
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.edge_buckets\""), Some("0".into()));
    put(&app, "other/x", "text");
    assert!(app.edge_cache.answered_urls().is_empty());
}

#[test]
fn a_reset_of_the_project_leaves_the_notes_of_changes_on() {
    let app = warm_app();
    assert_ok(&app.service_role().post("/admin/v1/reset").json(&json!({})).send());
    make_bucket(&app, &json!({"name": "files", "public": true}));
    put(&app, "files/dir/a", "hello");
    assert!(app.edge_cache.answered_urls().is_empty());
    get(&app, "files/dir/a");
    put(&app, "files/dir/a", "newer");
    assert_eq!(get(&app, "files/dir/a").text(), "newer");
}

#[test]
fn half_of_the_setting_is_refused() {
    use edgeward::config::Config;
    let secret = ("JWT_SECRET", "a secret of this deployment, known to nobody");
    let rows: [&[(&str, &str)]; 6] = [
        &VARS[..1],
        &VARS[..2],
        &VARS[1..3],
        &[("EDGE_CACHE_ORIGIN", "api.example.com"), VARS[1], VARS[2]],
        &[("EDGE_CACHE_ORIGIN", "https://api.example.com/"), VARS[1], VARS[2]],
        &[("EDGE_CACHE_ORIGIN", "https://API.example.com"), VARS[1], VARS[2]],
    ];
    for vars in rows {
        let lookup = |name: &str| {
            let all = vars.iter().chain([&secret]);
            all.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
        };
        let mistakes = Config::from_vars(&lookup).unwrap_err();
        assert!(mistakes[0].starts_with("EDGE_CACHE_ORIGIN"), "{mistakes:?}");
    }
}

#[test]
fn private_objects_stay_private() {
    let app = warm_app();
    set_bucket(&app, &json!({"public": false}));
    for place in [0, 1] {
        app.edge_cache.go_to(place);
        assert_refused(&get(&app, "files/dir/a"), "NoSuchBucket", "404");
    }
    set_bucket(&app, &json!({"public": true}));
    assert_eq!(status(&get(&app, "files/dir/a")), Some("MISS"));
    assert_eq!(status(&get(&app, "files/dir/a")), Some("HIT"));
}
