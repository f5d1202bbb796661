//! The storage API.

mod bad_inputs;
mod buckets;
mod direct;
mod downloads;
mod edge;
mod edge_answers;
mod events;
mod faults;
mod fields;
mod folders;
mod forms;
mod images;
mod info;
mod integrity;
mod interleavings;
mod lifecycle;
mod lists;
mod moves_and_copies;
mod operations;
mod policies;
mod read_ahead;
mod removals;
mod resumable;
mod resumable_faults;
mod s3;
mod signed_urls;
mod uploads;

use futures_executor::block_on;
use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

/// An app with a private bucket `files`.
fn app_with_bucket() -> TestApp {
    let app = TestApp::new();
    make_bucket(&app, &json!({"name": "files"}));
    app
}

fn make_bucket(app: &TestApp, body: &Value) {
    let answer = app.service_role().post("/storage/v1/bucket").json(body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// Uploads text as the service role, over what is there.
fn put(app: &TestApp, path: &str, text: &str) {
    let answer = app
        .service_role()
        .put(&format!("/storage/v1/object/{path}"))
        .body(text.to_string())
        .header("content-type", "text/plain")
        .send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// What the service role reads, or `None`.
fn read(app: &TestApp, path: &str) -> Option<String> {
    let answer = app.service_role().get(&format!("/storage/v1/object/authenticated/{path}")).send();
    if answer.status == StatusCode::OK {
        return Some(answer.text());
    }
    assert_refused(&answer, "NoSuchKey", "404");
    assert_eq!(answer.json()["message"], "Object not found", "a row without bytes");
    None
}

/// The convention: HTTP 400, the real status in the body.
fn assert_refused(answer: &Answer, code: &str, status: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    let body = answer.json();
    assert_eq!((&body["code"], &body["statusCode"]), (&json!(code), &json!(status)), "{body}");
    assert!(body["error"].is_string() && body["message"].is_string(), "{body}");
}

/// Lets the day pass that an upload has, and sweeps.
fn sweep(app: &TestApp) {
    app.run_late_work();
    app.clock.advance(25 * 60 * 60);
    block_on(edgeward::storage::sweep(&app.app)).unwrap();
}

/// Every row has its bytes, all bytes have a row, and nothing waits to be deleted.
fn assert_no_orphans(app: &TestApp) {
    let versions = app.database.value(
        "SELECT json_group_array(version) FROM (SELECT version FROM \"storage.objects\" ORDER BY version)",
    );
    let versions: Vec<String> = serde_json::from_str(&versions.unwrap()).unwrap();
    assert_eq!(app.blobs.keys(), versions);
    assert_eq!(app.blobs.open_uploads(), 0);
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.garbage\"").unwrap(), "0");
}
