//! Uploads and downloads past the Worker.

use edgeward::crypto::{hex, hmac_sha256, sha256};
use edgeward::ports::{Blobs, Body};
use futures_executor::block_on;
use http::StatusCode;
use serde_json::{Value, json};

use super::{assert_no_orphans, assert_refused, make_bucket, put, read, sweep};
use crate::app::TestApp;

const SECRET: &str = "the-secret-of-the-account";

fn app() -> TestApp {
    let app = TestApp::with_vars(&[
        ("R2_ENDPOINT", "https://account.r2.cloudflarestorage.com"),
        ("R2_ACCESS_KEY_ID", "r2-key"),
        ("R2_SECRET_ACCESS_KEY", SECRET),
    ]);
    make_bucket(&app, &json!({"name": "files", "file_size_limit": 1000, "allowed_mime_types": ["text/*"]}));
    app
}

fn begin(app: &TestApp, name: &str, body: &Value) -> Value {
    let answer =
        app.service_role().post(&format!("/storage/v1/upload/direct/files/{name}")).json(body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// What R2 would make of a request, by the documentation; gives the key.
fn take(url: &str, method: &str, headers: &Value) -> String {
    let (path, query) =
        url.strip_prefix("https://account.r2.cloudflarestorage.com").unwrap().split_once('?').unwrap();
    let (signed, signature) = query.split_once("&X-Amz-Signature=").unwrap();
    let mut pairs: Vec<&str> = signed.split('&').collect();
    pairs.sort();
    let value = |name: &str| {
        pairs
            .iter()
            .find_map(|pair| pair.strip_prefix(&format!("{name}=")))
            .unwrap()
            .replace("%2F", "/")
            .replace("%3B", ";")
    };
    let names = value("X-Amz-SignedHeaders");
    let lines: String = names
        .split(';')
        .map(|name| match name {
            "host" => "host:account.r2.cloudflarestorage.com\n".to_string(),
            name => format!("{name}:{}\n", headers[name].as_str().unwrap()),
        })
        .collect();
    let canonical = format!("{method}\n{path}\n{}\n{lines}\n{names}\nUNSIGNED-PAYLOAD", pairs.join("&"));
    let credential = value("X-Amz-Credential");
    let scope = credential.strip_prefix("r2-key/").unwrap();
    let text =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", value("X-Amz-Date"), hex(&sha256(canonical.as_bytes())));
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| hmac_sha256(&key, part.as_bytes()).to_vec());
    assert_eq!(hex(&hmac_sha256(&key, text.as_bytes())), signature);
    path.strip_prefix("/edgeward/").unwrap().to_string()
}

fn finish<'a>(app: &'a TestApp, begun: &Value) -> crate::app::Call<'a> {
    let target =
        begun["finish"].as_str().unwrap().strip_prefix("http://127.0.0.1:54321").unwrap().to_string();
    app.service_role().put(&target)
}

fn store(app: &TestApp, key: &str, text: &'static str) {
    block_on(app.blobs.put(key, Body::from(text), 1000)).unwrap();
}

#[test]
fn bytes_that_were_put_to_r2_become_an_object() {
    let app = app();
    let begun = begin(
        &app,
        "a.txt",
        &json!({"size": 5, "contentType": "text/plain", "cacheControl": 60, "metadata": {"a": 1}}),
    );
    assert_eq!(
        begun["headers"],
        json!({"content-length": "5", "content-type": "text/plain", "if-none-match": "*"})
    );
    assert_refused(&finish(&app, &begun).send(), "InvalidRequest", "409");
    let key = take(begun["url"].as_str().unwrap(), "PUT", &begun["headers"]);
    assert_eq!(read(&app, "files/a.txt"), None);
    store(&app, &key, "hello");
    for _ in 0..2 {
        assert_eq!(finish(&app, &begun).send().status, StatusCode::OK);
    }
    let info = app.service_role().get("/storage/v1/object/info/files/a.txt").send().json();
    assert_eq!(
        (&info["content_type"], &info["cache_control"], &info["metadata"]),
        (&json!("text/plain"), &json!("max-age=60"), &json!({"a": 1}))
    );
    assert_eq!(read(&app, "files/a.txt").as_deref(), Some("hello"));

    let answer = app
        .service_role()
        .post("/storage/v1/download/direct/files/a.txt")
        .json(&json!({"expiresIn": 60}))
        .send();
    let url = answer.json()["url"].as_str().unwrap().to_string();
    assert_eq!(take(&url, "GET", &Value::Null), key);
    assert!(url.contains("response-content-type=text%2Fplain"));
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn limits_and_policies_hold() {
    let app = app();
    put(&app, "files/taken", "old");
    let ask = |name: &str, body: Value| {
        app.service_role().post(&format!("/storage/v1/upload/direct/files/{name}")).json(&body).send()
    };
    assert_refused(&ask("a", json!({"size": 1001, "contentType": "text/plain"})), "EntityTooLarge", "413");
    assert_refused(&ask("a", json!({"size": 1, "contentType": "image/png"})), "InvalidMimeType", "415");
    assert_refused(&ask("taken", json!({"size": 1, "contentType": "text/plain"})), "KeyAlreadyExists", "409");
    assert_refused(&ask("a", json!({"contentType": "text/plain"})), "InvalidRequest", "400");
    assert_refused(&ask("a", json!({"size": -1})), "InvalidRequest", "400");
    let user = app.user("00000000-0000-4000-8000-00000000000a");
    let denied = user
        .post("/storage/v1/upload/direct/files/a")
        .json(&json!({"size": 1, "contentType": "text/plain"}))
        .send();
    assert_refused(&denied, "AccessDenied", "403");
    assert_refused(
        &user.post("/storage/v1/download/direct/files/taken").json(&json!({"expiresIn": 9})).send(),
        "NoSuchKey",
        "404",
    );
    // More or fewer bytes than announced are no object.
    let begun = begin(&app, "b", &json!({"size": 4, "contentType": "text/plain"}));
    store(&app, &take(begun["url"].as_str().unwrap(), "PUT", &begun["headers"]), "hello");
    assert_refused(&finish(&app, &begun).send(), "InvalidRequest", "409");
    assert_refused(
        &app.service_role().put("/storage/v1/upload/direct/files/b?upload=x").send(),
        "NoSuchUpload",
        "404",
    );
    assert_eq!(read(&app, "files/b"), None);
    app.clock.advance(2 * 24 * 60 * 60);
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn a_finish_that_fails_is_done_again() {
    for (name, place) in super::faults::PLACES {
        for call in 1..=4 {
            let app = app();
            put(&app, "files/a", "old");
            app.run_late_work();
            let answer = app
                .service_role()
                .post("/storage/v1/upload/direct/files/a")
                .header("x-upsert", "true")
                .json(&json!({"size": 5, "contentType": "text/plain"}))
                .send();
            let begun = answer.json();
            store(&app, &take(begun["url"].as_str().unwrap(), "PUT", &begun["headers"]), "hello");
            place(&app).fail_at(call);
            let answer = finish(&app, &begun).header("x-upsert", "true").send();
            drop(app.late_work.take());
            place(&app).mend();
            println!("{name} at call {call}: {}", answer.status);
            let text = read(&app, "files/a").unwrap();
            assert!(text == "hello" || (text == "old" && answer.status != StatusCode::OK));
            assert_eq!(finish(&app, &begun).header("x-upsert", "true").send().status, StatusCode::OK);
            assert_eq!(read(&app, "files/a").as_deref(), Some("hello"));
            app.clock.advance(2 * 24 * 60 * 60);
            sweep(&app);
            assert_no_orphans(&app);
        }
    }
}

#[test]
fn without_the_accounts_keys_the_worker_takes_the_bytes() {
    let app = super::app_with_bucket();
    let begun = begin(&app, "a", &json!({"size": 5, "contentType": "text/plain"}));
    assert_eq!(begun["finish"], Value::Null);
    let path = begun["url"].as_str().unwrap().strip_prefix("http://127.0.0.1:54321").unwrap().to_string();
    let stored = app.nobody().put(&path).header("content-type", "text/plain").body("hello").send();
    assert_eq!(stored.status, StatusCode::OK, "{}", stored.text());
    let answer =
        app.service_role().post("/storage/v1/download/direct/files/a").json(&json!({"expiresIn": 60})).send();
    let url = answer.json()["url"].as_str().unwrap().to_string();
    assert_eq!(app.nobody().get(url.strip_prefix("http://127.0.0.1:54321").unwrap()).send().text(), "hello");
}
