//! Moving and copying objects.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, make_bucket, put, read};
use crate::app::{Answer, TestApp};

fn relocate(app: &TestApp, how: &str, body: &Value) -> Answer {
    app.service_role().post(&format!("/storage/v1/object/{how}")).json(body).send()
}

fn paths(source: &str, destination: &str) -> Value {
    json!({"bucketId": "files", "sourceKey": source, "destinationKey": destination})
}

fn value(app: &TestApp, column: &str, name: &str) -> Option<String> {
    app.database.value(&format!("SELECT {column} FROM \"storage.objects\" WHERE name = '{name}'"))
}

#[test]
fn a_move_touches_no_bytes() {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "other"}));
    put(&app, "files/a", "a");
    let (id, version) = (value(&app, "id", "a"), value(&app, "version", "a"));
    let calls = app.blobs.fault.calls();
    app.clock.advance(60);
    let answer = relocate(&app, "move", &paths("a", "folder/b"));
    assert_eq!(
        (answer.status, answer.json()),
        (StatusCode::OK, json!({"message": "Successfully moved", "Id": id, "Key": "folder/b"}))
    );
    let mut body = paths("folder/b", "c");
    body["destinationBucket"] = json!("other");
    assert_eq!(relocate(&app, "move", &body).status, StatusCode::OK);
    assert_eq!(app.blobs.fault.calls(), calls);
    assert_eq!((read(&app, "files/a"), read(&app, "files/folder/b")), (None, None));
    assert_eq!(read(&app, "other/c").as_deref(), Some("a"));
    assert_eq!((value(&app, "id", "c"), value(&app, "version", "c")), (id, version));
    assert_eq!(value(&app, "updated_at > created_at", "c").unwrap(), "1");
    assert_no_orphans(&app);
}

#[test]
fn a_move_to_where_it_is_changes_and_tells_nothing() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    let target = json!({"events": ["ObjectCreated:*", "ObjectRemoved:*"], "url": "https://hooks.example/x"});
    let answer = app.service_role().put("/admin/v1/storage/event-targets/all").json(&target).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let before = value(&app, "id || updated_at || version", "a");
    app.clock.advance(60);
    let answer = relocate(&app, "move", &paths("a", "a"));
    assert_eq!((answer.status, answer.json()["Id"].clone()), (StatusCode::OK, json!(value(&app, "id", "a"))));
    assert_eq!(value(&app, "id || updated_at || version", "a"), before);
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.events\"").unwrap(), "0");
    assert_refused(&relocate(&app, "move", &paths("absent", "absent")), "NoSuchKey", "404");
    let answer = app.user("ann").post("/storage/v1/object/move").json(&paths("a", "a")).send();
    assert_refused(&answer, "NoSuchKey", "404");
}

#[test]
fn a_copy_has_its_own_bytes_and_the_same_metadata() {
    let app = app_with_bucket();
    let upload = app.service_role().put("/storage/v1/object/files/a").header("content-type", "image/png");
    upload
        .header("cache-control", "max-age=9")
        .header("x-metadata", &STANDARD.encode(r#"{"k":1}"#))
        .body("a")
        .send();
    let answer = relocate(&app, "copy", &paths("a", "b"));
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["Key"], &body["name"]), (&json!("files/b"), &json!("b")));
    assert_eq!(
        (body["Id"].as_str(), body["id"].as_str()),
        (value(&app, "id", "b").as_deref(), value(&app, "id", "b").as_deref())
    );
    assert_eq!(body["user_metadata"], json!({"k": 1}));
    assert_eq!(
        (&body["metadata"]["mimetype"], &body["metadata"]["cacheControl"]),
        (&json!("image/png"), &json!("max-age=9"))
    );
    assert_ne!(value(&app, "version", "a"), value(&app, "version", "b"));
    app.service_role().delete("/storage/v1/object/files/a").send();
    app.run_late_work();
    assert_eq!(read(&app, "files/b").as_deref(), Some("a"));
    assert_no_orphans(&app);
}

#[test]
fn a_copy_may_have_metadata_of_its_own() {
    let app = app_with_bucket();
    let upload = app.service_role().put("/storage/v1/object/files/a").header("content-type", "image/png");
    upload
        .header("cache-control", "max-age=9")
        .header("x-metadata", &STANDARD.encode(r#"{"k":1}"#))
        .body("a")
        .send();
    let mut body = paths("a", "b");
    body["copyMetadata"] = json!(false);
    body["metadata"] = json!({"cacheControl": "max-age=1"});
    let call = app.service_role().post("/storage/v1/object/copy").json(&body);
    let answer = call.header("x-metadata", &STANDARD.encode(r#"{"own":true}"#)).send().json();
    assert_eq!(answer["user_metadata"], json!({"own": true}));
    assert_eq!(
        (&answer["metadata"]["mimetype"], &answer["metadata"]["cacheControl"]),
        (&json!("image/png"), &json!("max-age=1"))
    );
    body["destinationKey"] = json!("c");
    body["metadata"] = json!({"mimetype": "image/webp"});
    let answer = relocate(&app, "copy", &body).json();
    assert_eq!(answer["user_metadata"], Value::Null);
    assert_eq!(
        (&answer["metadata"]["mimetype"], &answer["metadata"]["cacheControl"]),
        (&json!("image/webp"), &json!("max-age=9"))
    );
}

#[test]
fn a_taken_destination_is_a_duplicate_unless_a_copy_upserts() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    put(&app, "files/b", "b");
    assert_refused(&relocate(&app, "move", &paths("a", "b")), "KeyAlreadyExists", "409");
    assert_refused(&relocate(&app, "copy", &paths("a", "b")), "KeyAlreadyExists", "409");
    assert_eq!((read(&app, "files/a").as_deref(), read(&app, "files/b").as_deref()), (Some("a"), Some("b")));
    let call = app.service_role().post("/storage/v1/object/copy").json(&paths("a", "b"));
    assert_eq!(call.header("x-upsert", "true").send().status, StatusCode::OK);
    assert_eq!(read(&app, "files/b").as_deref(), Some("a"));
    app.run_late_work();
    assert_no_orphans(&app);
}

#[test]
fn an_object_moves_and_copies_onto_itself() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    assert_eq!(relocate(&app, "move", &paths("a", "a")).status, StatusCode::OK);
    let call = app.service_role().post("/storage/v1/object/copy").json(&paths("a", "a"));
    assert_eq!(call.header("x-upsert", "true").send().status, StatusCode::OK);
    app.run_late_work();
    assert_eq!(read(&app, "files/a").as_deref(), Some("a"));
    assert_no_orphans(&app);
}

#[test]
fn what_is_not_there_is_neither_moved_nor_copied() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    for how in ["move", "copy"] {
        assert_refused(&relocate(&app, how, &paths("absent", "b")), "NoSuchKey", "404");
        let mut body = paths("a", "b");
        body["destinationBucket"] = json!("absent");
        let answer = relocate(&app, how, &body);
        assert_refused(&answer, "InvalidRequest", "404");
        assert_eq!(answer.json()["message"], "The related resource does not exist");
        assert_refused(&relocate(&app, how, &paths("a", "é")), "InvalidKey", "400");
        assert_refused(
            &relocate(&app, how, &json!({"bucketId": "files", "sourceKey": "a"})),
            "InvalidRequest",
            "400",
        );
        for actor in [app.anon(), app.user("ann")] {
            let answer = actor.post(&format!("/storage/v1/object/{how}")).json(&paths("a", "b")).send();
            assert_refused(&answer, "NoSuchKey", "404");
        }
    }
    app.run_late_work();
    assert_eq!(read(&app, "files/a").as_deref(), Some("a"));
    assert_no_orphans(&app);
}
