//! What is known of an object.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use serde_json::json;

use super::{app_with_bucket, assert_refused, make_bucket, put};

#[test]
fn info_tells_the_row() {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "avatars", "public": true}));
    let upload =
        app.service_role().put("/storage/v1/object/avatars/a/b.txt").header("content-type", "text/plain");
    upload.header("x-metadata", &STANDARD.encode(r#"{"k":"v"}"#)).body("hello").send();
    let value =
        |column: &str| app.database.value(&format!("SELECT {column} FROM \"storage.objects\"")).unwrap();
    let expected = json!({
        "id": value("id"), "name": "a/b.txt", "version": value("version"), "bucket_id": "avatars", "size": 5,
        "content_type": "text/plain", "cache_control": "no-cache", "etag": value("metadata ->> 'eTag'"),
        "metadata": {"k": "v"},
        "last_modified": "2027-01-15T08:00:00.000Z", "created_at": "2027-01-15T08:00:00.000Z",
    });
    for path in ["info/avatars/a/b.txt", "info/authenticated/avatars/a/b.txt", "info/public/avatars/a/b.txt"]
    {
        let answer = app.service_role().get(&format!("/storage/v1/object/{path}")).send();
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, expected.clone()), "{path}");
    }
}

#[test]
fn an_object_without_user_metadata_has_an_empty_one() {
    let app = app_with_bucket();
    put(&app, "files/a", "x");
    let answer = app.service_role().get("/storage/v1/object/info/files/a").send();
    assert_eq!(answer.json()["metadata"], json!({}));
}

#[test]
fn info_follows_the_doors() {
    let app = app_with_bucket();
    put(&app, "files/a", "x");
    assert_refused(&app.nobody().get("/storage/v1/object/info/public/files/a").send(), "NoSuchBucket", "404");
    assert_refused(&app.nobody().get("/storage/v1/object/info/files/a").send(), "AccessDenied", "403");
    assert_refused(&app.user("ann").get("/storage/v1/object/info/files/a").send(), "NoSuchKey", "404");
    assert_refused(
        &app.service_role().get("/storage/v1/object/info/files/absent").send(),
        "NoSuchKey",
        "404",
    );
    assert_refused(&app.service_role().get("/storage/v1/object/info/absent/a").send(), "NoSuchBucket", "404");
}
