//! Lifecycle rules: objects that expire, and bytes that move to Infrequent Access.

use futures_executor::block_on;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::resumable::{MIB, create, tus};
use super::s3::multipart::{begin, complete, part};
use super::s3::{assert_error, assert_ok, s3_app};
use super::{app_with_bucket, assert_no_orphans, make_bucket, put, read, sweep};
use crate::app::{Answer, TestApp};

const DAY: i64 = 24 * 60 * 60;

fn set_rule(app: &TestApp, id: &str, body: &Value) -> Answer {
    app.service_role().put(&format!("/admin/v1/storage/lifecycle-rules/{id}")).json(body).send()
}

fn obey(app: &TestApp) -> usize {
    block_on(edgeward::storage::obey_lifecycle_rules(&app.app)).unwrap()
}

#[test]
fn objects_expire_by_the_days_since_they_were_written() {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "other"}));
    for path in ["files/tmp/old", "files/tmp/renewed", "files/kept", "other/tmp/old"] {
        put(&app, path, "x");
    }
    assert_eq!(
        set_rule(&app, "r", &json!({"bucket": "files", "prefix": "tmp/", "expire_days": 7})).status,
        StatusCode::OK
    );
    app.clock.advance(7 * DAY - 10);
    put(&app, "files/tmp/renewed", "y");
    assert_eq!(obey(&app), 0);
    app.clock.advance(20);
    assert_eq!(obey(&app), 1);
    let present = ["files/tmp/old", "files/tmp/renewed", "files/kept", "other/tmp/old"]
        .map(|path| read(&app, path).is_some());
    assert_eq!(present, [false, true, true, true]);
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn many_objects_expire_in_steps_and_their_removal_is_told() {
    let app = app_with_bucket();
    let body = json!({"events": ["ObjectRemoved:*"]});
    app.service_role().put("/admin/v1/storage/event-targets/all").json(&body).send();
    app.database.execute(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1203)
         INSERT INTO \"storage.objects\" (bucket_id, name, updated_at) SELECT 'files', n, '2020-01-01T00:00:00+00:00' FROM number",
    );
    set_rule(&app, "r", &json!({"bucket": "files", "expire_days": 1}));
    assert_eq!(obey(&app), 1203);
    let told = app.event_queue.messages.borrow();
    assert_eq!(told.len(), 1203);
    assert!(told.iter().all(|message| message["event"]["type"] == "ObjectRemoved:Expire"));
}

#[test]
fn old_bytes_move_to_infrequent_access_and_read_the_same() {
    let app = app_with_bucket();
    put(&app, "files/old", "old");
    app.clock.advance(31 * DAY);
    put(&app, "files/new", "new");
    let etag = |path: &str| {
        app.service_role()
            .get(&format!("/storage/v1/object/{path}"))
            .send()
            .header("etag")
            .unwrap()
            .to_string()
    };
    let before = etag("files/old");
    set_rule(&app, "r", &json!({"bucket": "files", "infrequent_access_days": 30}));
    assert_eq!(obey(&app), 1);
    assert_eq!(obey(&app), 0, "once is enough");
    let version = app.database.value("SELECT version FROM \"storage.objects\" WHERE name = 'old'").unwrap();
    assert_eq!(*app.blobs.archived.borrow(), [version]);
    assert_eq!((read(&app, "files/old").as_deref(), etag("files/old")), (Some("old"), before));
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn an_archiving_that_stops_anywhere_loses_nothing() {
    for place in 0..4 {
        for call in 1..=6 {
            let app = app_with_bucket();
            put(&app, "files/old", "old");
            app.run_late_work();
            app.clock.advance(31 * DAY);
            set_rule(&app, "r", &json!({"bucket": "files", "infrequent_access_days": 30}));
            let fault =
                [&app.database.fault, &app.database.lost_answer, &app.blobs.fault, &app.blobs.lost_answer]
                    [place];
            fault.fail_at(call);
            let _ = block_on(edgeward::storage::obey_lifecycle_rules(&app.app));
            fault.mend();
            assert_eq!(read(&app, "files/old").as_deref(), Some("old"), "place {place} call {call}");
            sweep(&app);
            assert_eq!(read(&app, "files/old").as_deref(), Some("old"), "place {place} call {call}");
            assert_no_orphans(&app);
        }
    }
}

#[test]
fn a_writer_in_between_wins_over_the_archive() {
    let app = app_with_bucket();
    put(&app, "files/old", "old");
    app.run_late_work();
    app.clock.advance(31 * DAY);
    set_rule(&app, "r", &json!({"bucket": "files", "infrequent_access_days": 30}));
    // Between the copy of the bytes and the row: somebody removes the object.
    app.database.interrupt_at(4, "DELETE FROM \"storage.objects\"");
    assert_eq!(obey(&app), 0);
    assert_eq!(read(&app, "files/old"), None);
}

#[test]
fn uploads_that_nobody_finishes_are_given_up() {
    let app = s3_app();
    let begun = |key: &str| {
        let id = begin(&app, key);
        assert_ok(&part(&app, key, &id, 1, b"text"));
        id
    };
    let (old, other) = (begun("tmp/old"), begun("other"));
    let resumable = create(&app.service_role(), "tmp/resumable", 9 * MIB);
    app.clock.advance(DAY - 100);
    let young = begun("tmp/young");
    let rule = json!({"bucket": "files", "prefix": "tmp/", "abort_uploads_days": 1});
    assert_eq!(set_rule(&app, "r", &rule).json()["abort_uploads_days"], 1);
    assert_eq!(obey(&app), 0);
    // TUS' own day ends a little later.
    app.clock.advance(50);
    app.database.execute(
        "UPDATE \"storage.uploads\" SET created_at = '2020-01-01T00:00:00+00:00' WHERE name IN ('tmp/old', 'tmp/resumable')",
    );
    assert_eq!(obey(&app), 2);
    assert_eq!(obey(&app), 0);
    assert_error(&complete(&app, "tmp/old", &old, &[(1, b"text")]), 404, "NoSuchUpload");
    let head = tus(&app.service_role(), Method::HEAD, &resumable).send();
    assert!(head.status.is_client_error());
    for (key, id) in [("other", &other), ("tmp/young", &young)] {
        assert_ok(&complete(&app, key, id, &[(1, b"text")]));
    }
    assert_eq!(app.blobs.open_uploads(), 0, "R2 has dropped the parts");
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn rules_are_set_listed_and_removed_by_the_owner() {
    let app = app_with_bucket();
    for body in [
        json!({"bucket": "files"}),
        json!({"expire_days": 1}),
        json!({"bucket": "files", "expire_days": 0}),
        json!({"bucket": "files", "expire_days": 1e9}),
        json!({"bucket": "files", "expire_days": "one"}),
        json!({"bucket": "absent", "expire_days": 1}),
        json!({"bucket": "files", "abort_uploads_days": 0}),
    ] {
        assert_eq!(set_rule(&app, "bad", &body).status, StatusCode::BAD_REQUEST, "{body}");
    }
    let rule = json!({"bucket": "files", "prefix": "", "expire_days": 3, "infrequent_access_days": null});
    assert_eq!(set_rule(&app, "r", &rule).json()["id"], "r");
    let list = app.service_role().get("/admin/v1/storage/lifecycle-rules").send().json();
    assert_eq!(list["rules"][0]["expire_days"], 3);
    assert_eq!(app.anon().get("/admin/v1/storage/lifecycle-rules").send().status, StatusCode::FORBIDDEN);
    for status in [StatusCode::OK, StatusCode::NOT_FOUND] {
        assert_eq!(app.service_role().delete("/admin/v1/storage/lifecycle-rules/r").send().status, status);
    }
    set_rule(&app, "r", &rule);
    assert_eq!(app.service_role().delete("/storage/v1/bucket/files").send().status, StatusCode::OK);
    assert_eq!(
        app.service_role().get("/admin/v1/storage/lifecycle-rules").send().json(),
        json!({"rules": []})
    );
}
