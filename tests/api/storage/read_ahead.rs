//! Bytes that are asked for while the database is: saved turns, and nothing that it does not allow.

use http::StatusCode;
use serde_json::json;

use super::{app_with_bucket, assert_refused, make_bucket, put};
use crate::app::{Answer, TestApp};

const OBJECT: &str = "/storage/v1/object/authenticated/files/a";

/// An app whose isolate has read `files/a` once. From then on stores answer in turns.
fn app_that_has_read() -> TestApp {
    let app = app_with_bucket();
    put(&app, "files/a", "0123456789");
    app.run_late_work();
    app.database.take_turns();
    assert_eq!(reads_of(&app, || get(&app, OBJECT)).1, 1);
    app
}

fn get(app: &TestApp, path: &str) -> Answer {
    app.service_role().get(path).send()
}

/// What is answered, and how often R2 was asked for it.
fn reads_of(app: &TestApp, asked: impl FnOnce() -> Answer) -> (Answer, u32) {
    let before = app.blobs.fault.calls();
    let answer = asked();
    (answer, app.blobs.fault.calls() - before)
}

#[test]
fn bytes_are_asked_for_while_the_database_is() {
    let app = app_that_has_read();
    let (answer, reads) = reads_of(&app, || get(&app, OBJECT));
    assert_eq!((answer.text().as_str(), reads), ("0123456789", 1));
    // The database fails, and R2 was asked before that was known; from then on nothing is guessed.
    for expected in [1, 0] {
        app.database.fault.fail_at(1);
        let (answer, reads) = reads_of(&app, || get(&app, OBJECT));
        assert_eq!((answer.status, reads), (StatusCode::TOO_MANY_REQUESTS, expected));
        assert!(!answer.text().contains("0123"));
    }
    let elsewhere = app.another_isolate();
    elsewhere.database.fault.fail_at(1);
    assert_eq!(reads_of(&elsewhere, || get(&elsewhere, OBJECT)).1, 0, "another isolate has read nothing");
}

#[test]
fn the_database_decides_what_is_read() {
    let change = |app: &TestApp, body| {
        let answer = app.service_role().post("/storage/v1/object/move").json(&body).send();
        assert_eq!(answer.status, StatusCode::OK);
    };
    let app = app_that_has_read();
    put(&app, "files/a", "newer");
    let (answer, reads) = reads_of(&app, || get(&app, OBJECT));
    assert_eq!((answer.text().as_str(), reads), ("newer", 2), "one read too many, once");
    assert_eq!(reads_of(&app, || get(&app, OBJECT)).1, 1);

    change(&app, json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "b"}));
    let (answer, reads) = reads_of(&app, || get(&app, OBJECT));
    assert_refused(&answer, "NoSuchKey", "404");
    assert_eq!(reads, 1);
    assert_eq!(get(&app, "/storage/v1/object/authenticated/files/b").text(), "newer");

    put(&app, "files/a", "another");
    assert_eq!(get(&app, OBJECT).text(), "another");
    assert_eq!(app.service_role().delete("/storage/v1/object/files/a").send().status, StatusCode::OK);
    app.run_late_work();
    for reads in [1, 0] {
        let (answer, asked) = reads_of(&app, || get(&app, OBJECT));
        assert_refused(&answer, "NoSuchKey", "404");
        assert_eq!(asked, reads);
    }
}

#[test]
fn a_bucket_that_opens_or_closes_is_what_it_is_now() {
    let app = app_that_has_read();
    let public = "/storage/v1/object/public/files/a";
    let set_public = |is_public: bool| {
        let body = json!({"public": is_public});
        assert_eq!(
            app.service_role().put("/storage/v1/bucket/files").json(&body).send().status,
            StatusCode::OK
        );
    };
    assert_refused(&app.nobody().get(public).send(), "NoSuchBucket", "404");
    get(&app, OBJECT);
    set_public(true);
    // It was not asked which copies at the edge count, so none does, and none is made.
    for status in ["BYPASS", "MISS", "HIT"] {
        let answer = app.nobody().get(public).send();
        assert_eq!((answer.text().as_str(), answer.header("cf-cache-status")), ("0123456789", Some(status)));
    }
    set_public(false);
    let (answer, reads) = reads_of(&app, || app.nobody().get(public).send());
    assert_refused(&answer, "NoSuchBucket", "404");
    assert_eq!(reads, 0);

    // Too large for the edge, so asked for ahead also in a public bucket.
    make_bucket(&app, &json!({"name": "open", "public": true}));
    put(&app, "open/large", &"x".repeat(16 * 1024 * 1024 + 1));
    let large = "/storage/v1/object/public/open/large";
    assert_eq!(app.nobody().get(large).send().status, StatusCode::OK);
    let body = json!({"public": false});
    app.service_role().put("/storage/v1/bucket/open").json(&body).send();
    for expected in [1, 0] {
        let (answer, reads) = reads_of(&app, || app.nobody().get(large).send());
        assert_refused(&answer, "NoSuchBucket", "404");
        assert_eq!(reads, expected);
    }
}

#[test]
fn whoever_may_not_read_gets_nothing_and_costs_at_most_one_read() {
    const ANN: &str = "4d56e902-f0a0-4662-8448-a4d9e643c142";
    const BOB: &str = "317eadce-631a-4429-a0bb-f19a7a517b4a";
    let app = app_with_bucket();
    let policy = "CREATE POLICY own ON storage.objects TO authenticated USING (owner_id = auth.uid()::text)";
    app.migrate("20260101000000", policy);
    assert_eq!(app.user(ANN).post("/storage/v1/object/files/a").body("hers").send().status, StatusCode::OK);
    app.database.take_turns();
    app.blobs.take_turns();
    for _ in 0..2 {
        let (answer, reads) = reads_of(&app, || app.user(ANN).get(OBJECT).send());
        assert_eq!((answer.text().as_str(), reads), ("hers", 1));
    }
    app.run_late_work();
    for expected in [1, 0] {
        let (answer, reads) = reads_of(&app, || app.user(BOB).get(OBJECT).send());
        assert_refused(&answer, "NoSuchKey", "404");
        assert_eq!(reads, expected);
        // R2 had not answered: what it gives is let go after the response.
        assert_eq!(app.late_work.take().len() as u32, expected);
    }
    assert_eq!(app.user(ANN).get(OBJECT).send().text(), "hers");
}

#[test]
fn ranges_are_asked_for_as_they_will_be_and_conditions_wait_for_the_row() {
    let app = app_that_has_read();
    let call = |name: &str, value: &str| {
        reads_of(&app, || app.service_role().get(OBJECT).header(name, value).send())
    };
    let (answer, reads) = call("range", "bytes=-3");
    assert_eq!((answer.status, answer.text().as_str(), reads), (StatusCode::PARTIAL_CONTENT, "789", 1));
    let (answer, reads) = call("range", "bytes=10-");
    assert_eq!((answer.status, reads), (StatusCode::RANGE_NOT_SATISFIABLE, 0));
    // The same range of another size is another part.
    put(&app, "files/a", "abcdef");
    let (answer, reads) = call("range", "bytes=-3");
    assert_eq!((answer.text().as_str(), reads), ("def", 2));

    let tag = get(&app, OBJECT).header("etag").unwrap().to_string();
    let (answer, reads) = call("if-none-match", &tag);
    assert_eq!((answer.status, reads), (StatusCode::NOT_MODIFIED, 0));
    let conditions = [
        ("if-none-match", "\"x\""),
        ("if-modified-since", "Wed, 31 Dec 2025 23:59:59 GMT"),
        ("if-range", tag.as_str()),
        ("if-match", tag.as_str()),
        ("if-unmodified-since", "Fri, 01 Jan 2027 00:00:00 GMT"),
    ];
    for (name, value) in conditions {
        assert_eq!(get(&app, OBJECT).status, StatusCode::OK);
        app.database.fault.fail_at(1);
        assert_eq!(call(name, value).1, 0, "{name}");
    }
}

#[test]
fn a_read_that_fails_ahead_is_made_again() {
    let app = app_that_has_read();
    app.blobs.fault.fail_at(1);
    let (answer, reads) = reads_of(&app, || get(&app, OBJECT));
    assert_eq!((answer.text().as_str(), reads), ("0123456789", 2));
}
