//! Events of objects: written with the change, delivered after it, at least once.

use futures_executor::block_on;
use hmac::{Hmac, Mac};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{app_with_bucket, assert_refused, make_bucket, put, read, sweep};
use crate::app::{Answer, TestApp};

fn set_target(app: &TestApp, id: &str, body: &Value) -> Answer {
    app.service_role().put(&format!("/admin/v1/storage/event-targets/{id}")).json(body).send()
}

fn app_with_queue() -> TestApp {
    let app = app_with_bucket();
    let answer = set_target(&app, "all", &json!({"events": ["ObjectCreated:*", "ObjectRemoved:*"]}));
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    app
}

/// Types and names of what the queue has been sent.
fn told(app: &TestApp) -> Vec<String> {
    app.run_late_work();
    let messages = app.event_queue.messages.take();
    let said = |message: &Value| {
        let event = &message["event"];
        format!("{} {}", event["type"].as_str().unwrap(), event["payload"]["name"].as_str().unwrap())
    };
    messages.iter().map(said).collect()
}

fn waiting(app: &TestApp) -> String {
    app.database.value("SELECT count(*) FROM \"storage.events\"").unwrap()
}

#[test]
fn every_change_of_an_object_is_told() {
    let app = app_with_queue();
    put(&app, "files/a", "one");
    assert_eq!(told(&app), ["ObjectCreated:Put a"]);
    put(&app, "files/a", "two");
    assert_eq!(told(&app), ["ObjectCreated:Put a"]);
    let body = json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "b/c"});
    app.service_role().post("/storage/v1/object/copy").json(&body).send();
    assert_eq!(told(&app), ["ObjectCreated:Copy b/c"]);
    let body = json!({"bucketId": "files", "sourceKey": "a", "destinationKey": "d"});
    app.service_role().post("/storage/v1/object/move").json(&body).send();
    assert_eq!(told(&app), ["ObjectRemoved:Move a", "ObjectCreated:Move d"]);
    app.service_role().delete("/storage/v1/object/files/d").send();
    assert_eq!(told(&app), ["ObjectRemoved:Delete d"]);
    put(&app, "files/b/e", "e");
    told(&app);
    app.service_role().delete("/storage/v1/object/files").json(&json!({"folder": "b"})).send();
    assert_eq!(told(&app), ["ObjectRemoved:Delete b/c", "ObjectRemoved:Delete b/e"]);
    put(&app, "files/f", "f");
    told(&app);
    app.service_role().post("/storage/v1/bucket/files/empty").send();
    assert_eq!(told(&app), ["ObjectRemoved:Delete f"]);
    assert_eq!(waiting(&app), "0");
}

#[test]
fn an_event_says_what_was_stored_when_it_can_be_read() {
    let app = app_with_queue();
    put(&app, "files/a", "hello");
    app.run_late_work();
    let message = app.event_queue.messages.borrow()[0].clone();
    assert_eq!(message["type"], "Webhook");
    let event = &message["event"];
    assert_eq!(event["id"].as_str().unwrap().len(), 32);
    assert_eq!((&event["type"], &event["$version"]), (&json!("ObjectCreated:Put"), &json!("v1")));
    // 2027-01-15T08:00:00Z
    assert_eq!(event["applyTime"], json!(1_800_000_000_000_u64));
    let payload = &event["payload"];
    assert_eq!((&payload["bucketId"], &payload["metadata"]["size"]), (&json!("files"), &json!(5)));
    let version = app.database.value("SELECT version FROM \"storage.objects\"").unwrap();
    assert_eq!(payload["version"], version.as_str());
    assert_eq!(app.blobs.keys(), [version]);
}

#[test]
fn targets_are_told_what_they_asked_for() {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "other"}));
    set_target(&app, "files", &json!({"events": ["ObjectCreated:Put"], "bucket": "files", "prefix": "in/"}));
    set_target(&app, "gone", &json!({"events": ["ObjectRemoved:*"], "bucket": "other"}));
    for path in ["files/in/a", "files/out/a", "other/in/a"] {
        put(&app, path, "x");
    }
    assert_eq!(told(&app), ["ObjectCreated:Put in/a"]);
    app.service_role().delete("/storage/v1/object/files/in/a").send();
    app.service_role().delete("/storage/v1/object/other/in/a").send();
    assert_eq!(told(&app), ["ObjectRemoved:Delete in/a"]);
}

#[test]
fn a_webhook_is_signed_as_standard_webhooks_are() {
    let app = app_with_bucket();
    let target =
        set_target(&app, "hook", &json!({"events": ["ObjectCreated:*"], "url": "https://hooks.example/x"}));
    let secret = target.json()["secret"].as_str().unwrap().to_string();
    put(&app, "files/a", "x");
    app.run_late_work();
    let request = app.http_client.requests.borrow()[0].clone();
    assert_eq!(request.url, "https://hooks.example/x");
    let header = |name: &str| request.headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    let signed = format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), request.body);
    let key = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, &secret["whsec_".len()..])
        .unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(signed.as_bytes());
    let expected =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, mac.finalize().into_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{expected}"));
    assert_eq!(waiting(&app), "0");
}

#[test]
fn an_event_that_nobody_took_is_told_again_with_pauses() {
    let app = app_with_queue();
    app.event_queue.fault.fail_always();
    put(&app, "files/a", "x");
    assert!(told(&app).is_empty());
    assert_eq!(waiting(&app), "1");
    let deliver = || block_on(edgeward::storage::deliver_events(&app.app)).unwrap();
    app.event_queue.fault.mend();
    assert_eq!(deliver(), 0, "not before a minute is over");
    app.clock.advance(61);
    assert_eq!(deliver(), 1);
    assert_eq!(told(&app), ["ObjectCreated:Put a"]);
    assert_eq!(deliver(), 0);
}

#[test]
fn an_event_is_given_up_after_days() {
    let app = app_with_queue();
    app.event_queue.fault.fail_always();
    put(&app, "files/a", "x");
    app.run_late_work();
    for _ in 0..20 {
        app.clock.advance(25 * 60 * 60);
        block_on(edgeward::storage::deliver_events(&app.app)).unwrap();
    }
    assert_eq!(app.event_queue.fault.calls(), 12);
    assert_eq!(waiting(&app), "1");
    assert_eq!(block_on(edgeward::storage::give_up_events(&app.app)).unwrap(), 1);
    assert_eq!(waiting(&app), "0");
}

#[test]
fn a_change_that_fails_tells_nothing_and_one_that_stopped_half_way_is_told() {
    let app = app_with_queue();
    put(&app, "files/a", "x");
    told(&app);
    let answer = app.service_role().post("/storage/v1/object/files/a").body("y").send();
    assert_refused(&answer, "KeyAlreadyExists", "409");
    app.database.fault.fail_at(2);
    app.service_role().post("/storage/v1/object/files/new").body("y").send();
    app.database.fault.mend();
    assert!(told(&app).is_empty());
    // The isolate dies after the batch: the schedule delivers.
    put(&app, "files/b", "y");
    drop(app.late_work.take());
    assert_eq!(waiting(&app), "1");
    app.clock.advance(61);
    block_on(edgeward::storage::deliver_events(&app.app)).unwrap();
    assert_eq!(told(&app), ["ObjectCreated:Put b"]);
}

#[test]
fn deliveries_that_stop_anywhere_lose_nothing() {
    for call in 1..=6 {
        for (name, place) in [("D1 fails", false), ("its answer is lost", true)] {
            let app = app_with_queue();
            for index in 0..3 {
                put(&app, &format!("files/{index}"), "x");
            }
            drop(app.late_work.take());
            let fault = if place { &app.database.lost_answer } else { &app.database.fault };
            fault.fail_at(call);
            let _ = block_on(edgeward::storage::deliver_events(&app.app));
            fault.mend();
            app.clock.advance(300);
            block_on(edgeward::storage::deliver_events(&app.app)).unwrap();
            let mut all = told(&app);
            all.sort();
            all.dedup();
            assert_eq!(all.len(), 3, "{name} at call {call}");
        }
    }
}

#[test]
fn targets_are_set_listed_and_removed_by_the_owner() {
    let app = app_with_queue();
    let url = "https://hooks.example/x";
    #[rustfmt::skip]
    let rows = [
        (json!({"url": url}),                                              "InvalidRequest"),
        (json!({"events": [], "url": url}),                                "InvalidRequest"),
        (json!({"events": ["ObjectMelted"], "url": url}),                  "InvalidRequest"),
        (json!({"events": ["ObjectCreated:*"], "url": "http://hooks.example/"}), "InvalidRequest"),
        (json!({"events": ["ObjectCreated:*"], "url": "ftp://x"}),         "InvalidRequest"),
        (json!({"events": ["ObjectCreated:*"], "url": url, "bucket": "absent"}), "InvalidRequest"),
    ];
    for (body, code) in rows {
        let answer = set_target(&app, "bad", &body);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{body}"
        );
    }
    for url in ["https://hooks.example", "http://127.0.0.1:8000/x", "http://localhost/x"] {
        assert_eq!(
            set_target(&app, "good", &json!({"events": ["ObjectCreated:*"], "url": url})).status,
            StatusCode::OK
        );
    }
    let list = app.service_role().get("/admin/v1/storage/event-targets").send().json();
    let ids: Vec<&str> =
        list["targets"].as_array().unwrap().iter().map(|target| target["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["all", "good"]);
    let answer = app.user("ann").get("/admin/v1/storage/event-targets").send();
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    put(&app, "files/a", "x");
    drop(app.late_work.take());
    for (status, code) in [(StatusCode::OK, Value::Null), (StatusCode::NOT_FOUND, json!("NotFound"))] {
        let answer = app.service_role().delete("/admin/v1/storage/event-targets/all").send();
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code));
    }
    assert_eq!(waiting(&app), "1", "the other target's");
    let unbound = TestApp::new().without_optional_bindings();
    let answer = set_target(&unbound, "queue", &json!({"events": ["ObjectCreated:*"]}));
    assert_refused(&answer, "FeatureNotEnabled", "409");
}

#[test]
fn an_upload_writes_three_rows_and_one_more_for_who_wants_to_know() {
    let app = app_with_bucket();
    let written = |path: &str| {
        let before = app.database.rows_written();
        put(&app, path, "x");
        app.database.rows_written() - before
    };
    assert_eq!(written("files/new"), 3, "the note of the version comes and goes, and the row");
    assert_eq!(written("files/new"), 3, "the note becomes the old version's, and the row");
    set_target(&app, "all", &json!({"events": ["ObjectCreated:*"]}));
    assert_eq!(written("files/new"), 4);
    assert_eq!(written("files/other"), 4);
    sweep(&app);
    assert_eq!(read(&app, "files/new").as_deref(), Some("x"));
}
