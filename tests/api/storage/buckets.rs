//! Making, finding, changing, emptying and deleting buckets.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, make_bucket, put, read};
use crate::app::TestApp;

#[test]
fn a_bucket_is_made_found_changed_and_deleted() {
    let app = TestApp::new();
    let service = app.service_role();
    let made = service
        .post("/storage/v1/bucket")
        .json(&json!({"id": "avatars", "name": "avatars", "public": true, "file_size_limit": "1MB",
            "allowed_mime_types": ["image/*"], "type": "STANDARD"}))
        .send();
    assert_eq!((made.status, made.json()), (StatusCode::OK, json!({"name": "avatars"})));

    let found = service.get("/storage/v1/bucket/avatars").send();
    let expected = json!({
        "id": "avatars", "name": "avatars", "owner": "", "public": true, "file_size_limit": 1_000_000,
        "allowed_mime_types": ["image/*"],
        "created_at": "2027-01-15T08:00:00.000Z", "updated_at": "2027-01-15T08:00:00.000Z",
    });
    assert_eq!((found.status, found.json()), (StatusCode::OK, expected));

    app.clock.advance(60);
    let changed = service
        .put("/storage/v1/bucket/avatars")
        .json(&json!({"public": false, "file_size_limit": null, "allowed_mime_types": null}))
        .send();
    assert_eq!(changed.json(), json!({"message": "Successfully updated"}));
    let found = service.get("/storage/v1/bucket/avatars").send().json();
    assert_eq!(
        (&found["public"], &found["file_size_limit"], &found["allowed_mime_types"], &found["updated_at"]),
        (&json!(false), &Value::Null, &Value::Null, &json!("2027-01-15T08:01:00.000Z"))
    );

    let deleted = service.delete("/storage/v1/bucket/avatars").send();
    assert_eq!(deleted.json(), json!({"message": "Successfully deleted"}));
    assert_refused(&service.get("/storage/v1/bucket/avatars").send(), "NoSuchBucket", "404");
    assert_refused(&service.delete("/storage/v1/bucket/avatars").send(), "NoSuchBucket", "404");
    assert_refused(
        &service.put("/storage/v1/bucket/avatars").json(&json!({"public": true})).send(),
        "NoSuchBucket",
        "404",
    );
}

#[test]
fn a_taken_name_is_a_duplicate() {
    let app = app_with_bucket();
    for body in [json!({"name": "files"}), json!({"id": "other", "name": "files"})] {
        let answer = app.service_role().post("/storage/v1/bucket").json(&body).send();
        assert_refused(&answer, "BucketAlreadyExists", "409");
        assert_eq!(answer.json()["error"], "Duplicate");
    }
}

#[test]
fn bad_buckets_are_refused_with_the_reason() {
    let app = TestApp::new();
    let rows = [
        (json!({}), "InvalidRequest", "400", "body must have required property 'name'"),
        (json!([]), "InvalidRequest", "400", "body must be object"),
        (json!({"name": [5, 6]}), "InvalidRequest", "400", "body/name must be string"),
        (json!({"name": "a", "public": "yes"}), "InvalidRequest", "400", "body/public must be boolean"),
        (json!({"name": ""}), "InvalidBucketName", "400", "Bucket name invalid"),
        (json!({"name": "a/b"}), "InvalidBucketName", "400", "Bucket name invalid"),
        (json!({"name": " a"}), "InvalidBucketName", "400", "Bucket name invalid"),
        (json!({"name": "a--table-s3"}), "InvalidBucketName", "400", "Bucket name invalid"),
        (json!({"name": "a", "id": "b/c"}), "InvalidBucketName", "400", "Bucket name invalid"),
        (
            json!({"name": "a'; DROP TABLE \"storage.objects\"; --"}),
            "InvalidBucketName",
            "400",
            "Bucket name invalid",
        ),
        (
            json!({"name": "a", "file_size_limit": "1 MB"}),
            "InvalidRequest",
            "400",
            "Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B",
        ),
        (
            json!({"name": "a", "file_size_limit": "1GB"}),
            "EntityTooLarge",
            "413",
            "The object exceeded the maximum allowed size",
        ),
        (
            json!({"name": "a", "file_size_limit": -1}),
            "InvalidRequest",
            "400",
            "body/file_size_limit must be integer,string,null",
        ),
        (
            json!({"name": "a", "allowed_mime_types": ["image"]}),
            "InvalidMimeType",
            "415",
            "mime type image is not supported",
        ),
        (
            json!({"name": "a", "allowed_mime_types": [{}]}),
            "InvalidRequest",
            "400",
            "body/allowed_mime_types/0 must be string",
        ),
        (
            json!({"name": "a", "type": "ANALYTICS"}),
            "FeatureNotEnabled",
            "409",
            "The feature Iceberg buckets are not enabled for this tenant is not enabled for this resource",
        ),
    ];
    for (body, code, status, message) in rows {
        let answer = app.service_role().post("/storage/v1/bucket").json(&body).send();
        assert_refused(&answer, code, status);
        assert_eq!(answer.json()["message"], message, "{body}");
    }
    let answer = app.service_role().post("/storage/v1/bucket").body("{").send();
    assert_refused(&answer, "InvalidRequest", "400");
    let answer = app.service_role().put("/storage/v1/bucket/files").json(&json!({"name": "x"})).send();
    assert_refused(&answer, "InvalidRequest", "400");
    let answer = app.service_role().put("/storage/v1/bucket/%C3%A9").json(&json!({"public": true})).send();
    assert_refused(&answer, "InvalidBucketName", "400");
}

#[test]
fn buckets_are_listed_sorted_searched_and_paged() {
    let app = TestApp::new();
    for name in ["beta", "Alpha", "gamma_1"] {
        make_bucket(&app, &json!({"name": name}));
    }
    let rows = [
        ("", vec!["beta", "Alpha", "gamma_1"]),
        ("?sortColumn=name&sortOrder=desc", vec!["gamma_1", "beta", "Alpha"]),
        ("?sortColumn=id&limit=1&offset=1", vec!["beta"]),
        ("?search=ALPH", vec!["Alpha"]),
        ("?search=_1", vec!["gamma_1"]),
        ("?search=%25", vec![]),
        ("?search=a&sortColumn=name&limit=2", vec!["Alpha", "beta"]),
    ];
    for (query, expected) in rows {
        let answer = app.service_role().get(&format!("/storage/v1/bucket{query}")).send();
        let list = answer.json();
        let names: Vec<&str> =
            list.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
        assert!(list.as_array().unwrap().iter().all(|row| row["type"] == "STANDARD"));
    }
    for query in ["?limit=0", "?limit=x", "?offset=-1", "?sortColumn=owner", "?sortColumn=id&sortOrder=up"] {
        let answer = app.service_role().get(&format!("/storage/v1/bucket{query}")).send();
        assert_refused(&answer, "InvalidRequest", "400");
    }
}

/// Python clients fail on a field that they do not know.
#[test]
fn old_python_clients_are_not_told_the_type() {
    let app = app_with_bucket();
    for (header, client, has_type) in [
        ("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/138.0.0.0 Safari/537.36", true),
        ("user-agent", "supabase-py/storage3 v0.11.9", false),
        ("user-agent", "supabase-py/storage3 v0.12.0", false),
        ("user-agent", "supabase-py/storage3 v0.12.1", true),
        ("user-agent", "supabase-py/storage3 v0.13.0rc1", true),
        ("user-agent", "supabase-py/storage3 v1.0.0", true),
        ("x-client-info", "supabase-py/2.17.3", false),
        ("x-client-info", "supabase-py/2.17.3; platform=Linux", false),
        ("x-client-info", "supabase-py/2.18.0", true),
        ("x-client-info", "supabase-py/storage3 v0.11.9", true),
        ("x-client-info", "supabase-py/x", true),
        ("x-client-info", "supabase-js-web/2.1.0", true),
    ] {
        let answer = app.service_role().get("/storage/v1/bucket").header(header, client).send();
        assert_eq!(answer.json()[0].get("type").is_some(), has_type, "{header}: {client}");
    }
}

#[test]
fn a_bucket_with_objects_is_emptied_before_it_is_deleted() {
    let app = app_with_bucket();
    put(&app, "files/a.txt", "a");
    put(&app, "files/b/c.txt", "c");
    assert_refused(&app.service_role().delete("/storage/v1/bucket/files").send(), "ResourceNotEmpty", "409");

    let refused = app.user("ann").post("/storage/v1/bucket/files/empty").send();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.json()["message"], "Access denied: Invalid role");
    assert_eq!(read(&app, "files/a.txt").as_deref(), Some("a"));

    let emptied = app.service_role().post("/storage/v1/bucket/files/empty").send();
    assert_eq!(emptied.status, StatusCode::OK);
    assert_eq!(read(&app, "files/a.txt"), None);
    app.run_late_work();
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
    assert_eq!(app.service_role().delete("/storage/v1/bucket/files").send().status, StatusCode::OK);
    assert_refused(&app.service_role().post("/storage/v1/bucket/files/empty").send(), "NoSuchBucket", "404");
}

#[test]
fn every_bucket_route_wants_a_token() {
    let app = app_with_bucket();
    for (method, path) in [
        ("GET", "/storage/v1/bucket"),
        ("POST", "/storage/v1/bucket"),
        ("GET", "/storage/v1/bucket/files"),
        ("PUT", "/storage/v1/bucket/files"),
        ("DELETE", "/storage/v1/bucket/files"),
        ("POST", "/storage/v1/bucket/files/empty"),
    ] {
        let answer = app.nobody().call(method.parse().unwrap(), path).send();
        assert_refused(&answer, "AccessDenied", "403");
        assert_eq!(answer.json()["message"], "Invalid Compact JWS");
        let answer = app.with_token("nonsense").call(method.parse().unwrap(), path).send();
        assert_refused(&answer, "AccessDenied", "403");
        assert_eq!(answer.json()["message"], "Invalid Compact JWS");
    }
}

#[test]
fn without_policies_users_see_and_make_no_buckets() {
    let app = app_with_bucket();
    for actor in [app.anon(), app.user("ann")] {
        assert_eq!(actor.get("/storage/v1/bucket").send().json(), json!([]));
        assert_refused(&actor.get("/storage/v1/bucket/files").send(), "NoSuchBucket", "404");
        let answer = actor.post("/storage/v1/bucket").json(&json!({"name": "mine"})).send();
        assert_refused(&answer, "AccessDenied", "403");
        assert_eq!(answer.json()["message"], "new row violates row-level security policy");
        // The same for a name that is taken: nobody learns of it.
        let answer = actor.post("/storage/v1/bucket").json(&json!({"name": "files"})).send();
        assert_refused(&answer, "AccessDenied", "403");
        let answer = actor.put("/storage/v1/bucket/files").json(&json!({"public": true})).send();
        assert_refused(&answer, "NoSuchBucket", "404");
        assert_refused(&actor.delete("/storage/v1/bucket/files").send(), "NoSuchBucket", "404");
    }
    assert_eq!(app.database.value("SELECT public FROM \"storage.buckets\"").unwrap(), "0");
}
