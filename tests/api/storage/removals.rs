//! Removing objects.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, put, read};

#[test]
fn one_object_is_removed_with_its_bytes() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    put(&app, "files/b", "b");
    let answer = app.service_role().delete("/storage/v1/object/files/a").send();
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"message": "Successfully deleted"})));
    assert_eq!((read(&app, "files/a"), read(&app, "files/b").as_deref()), (None, Some("b")));
    app.run_late_work();
    assert_no_orphans(&app);
    assert_eq!(app.blobs.keys().len(), 1);
    assert_refused(&app.service_role().delete("/storage/v1/object/files/a").send(), "NoSuchKey", "404");
    assert_refused(&app.service_role().delete("/storage/v1/object/absent/a").send(), "NoSuchKey", "404");
}

#[test]
fn many_objects_are_removed_by_exact_name() {
    let app = app_with_bucket();
    for name in ["a", "a/b", "a_b", "axb"] {
        put(&app, &format!("files/{name}"), name);
    }
    let body = json!({"prefixes": ["a", "a_b", "absent", "a"]});
    let answer = app.service_role().delete("/storage/v1/object/files").json(&body).send();
    let mut removed: Vec<Value> = answer.json().as_array().unwrap().clone();
    removed.sort_by_key(|row| row["name"].to_string());
    assert_eq!(removed.iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "a_b"]);
    let keys: Vec<&String> = removed[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "name",
            "bucket_id",
            "owner",
            "owner_id",
            "version",
            "id",
            "updated_at",
            "created_at",
            "last_accessed_at",
            "metadata",
            "user_metadata"
        ]
    );
    assert_eq!(removed[0]["metadata"]["size"], 1);
    app.run_late_work();
    assert_no_orphans(&app);
    assert_eq!(app.blobs.keys().len(), 2);
    let again = app.service_role().delete("/storage/v1/object/files").json(&body).send();
    assert_eq!((again.status, again.json()), (StatusCode::OK, json!([])));
}

#[test]
fn a_thousand_names_are_one_statement() {
    let app = app_with_bucket();
    put(&app, "files/n7", "x");
    let names: Vec<String> = (0..1000).map(|number| format!("n{number}")).collect();
    let calls = app.database.fault.calls();
    let answer =
        app.service_role().delete("/storage/v1/object/files").json(&json!({"prefixes": names})).send();
    assert_eq!(answer.json().as_array().unwrap().len(), 1);
    assert_eq!(app.database.fault.calls() - calls, 1);
}

#[test]
fn bad_removals_are_refused() {
    let app = app_with_bucket();
    for body in [
        json!({}),
        json!({"prefixes": []}),
        json!({"prefixes": {"a": 1}}),
        json!({"prefixes": [["a", "b"]]}),
        json!([]),
    ] {
        let answer = app.service_role().delete("/storage/v1/object/files").json(&body).send();
        assert_refused(&answer, "InvalidRequest", "400");
    }
}

#[test]
fn without_policies_nothing_is_removed() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    for actor in [app.anon(), app.user("ann")] {
        let answer = actor.delete("/storage/v1/object/files/a").send();
        assert_refused(&answer, "AccessDenied", "403");
        assert_eq!(answer.json()["message"], "Access denied");
        let answer = actor.delete("/storage/v1/object/files").json(&json!({"prefixes": ["a"]})).send();
        assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!([])));
    }
    app.run_late_work();
    assert_eq!(read(&app, "files/a").as_deref(), Some("a"));
    assert_no_orphans(&app);
}
