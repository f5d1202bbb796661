//! Signed URLs: made by who may, good for one object, one action and a while.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, put, read};
use crate::app::{Answer, TestApp};

fn sign(app: &TestApp, path: &str, seconds: i64) -> String {
    let call = app.service_role().post(&format!("/storage/v1/object/sign/{path}"));
    let answer = call.json(&json!({"expiresIn": seconds})).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["signedURL"].as_str().unwrap().to_string()
}

fn sign_upload(app: &TestApp, path: &str, upsert: &str) -> (String, String) {
    let call = app.service_role().post(&format!("/storage/v1/object/upload/sign/{path}"));
    let answer = call.header("x-upsert", upsert).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let text = |name: &str| answer.json()[name].as_str().unwrap().to_string();
    (text("url"), text("token"))
}

fn get(app: &TestApp, url: &str) -> Answer {
    app.nobody().get(&format!("/storage/v1{url}")).send()
}

fn put_signed(app: &TestApp, url: &str) -> Answer {
    app.nobody().put(&format!("/storage/v1{url}")).body("signed").send()
}

fn message(answer: &Answer) -> Value {
    answer.json()["message"].clone()
}

#[test]
fn a_signed_url_reads_until_it_expires() {
    let app = app_with_bucket();
    put(&app, "files/my%20folder/a.txt", "a");
    let url = sign(&app, "files/my%20folder/a.txt", 60);
    assert!(url.starts_with("/object/sign/files/my folder/a.txt?token="), "{url}");
    let url = url.replace(' ', "%20");
    let answer = get(&app, &url);
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::OK, "a"));
    assert_eq!(answer.header("expires"), Some("Fri, 15 Jan 2027 08:01:00 GMT"));
    assert_eq!(answer.header("cache-control"), Some("private"));
    let part =
        app.nobody().get(&format!("/storage/v1{url}&download=x.txt")).header("range", "bytes=0-0").send();
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert!(part.header("content-disposition").unwrap().contains("filename=x.txt"));
    app.clock.advance(60);
    assert_eq!(get(&app, &url).status, StatusCode::OK);
    app.clock.advance(1);
    let answer = get(&app, &url);
    assert_refused(&answer, "InvalidJWT", "400");
    assert_eq!(message(&answer), "\"exp\" claim timestamp check failed");
}

#[test]
fn a_token_is_for_its_object_and_its_action() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    put(&app, "files/b", "b");
    let download = sign(&app, "files/a", 60);
    let token = download.split_once("token=").unwrap().1.to_string();
    let answer = get(&app, &format!("/object/sign/files/b?token={token}"));
    assert_refused(&answer, "InvalidSignature", "400");
    assert_eq!(message(&answer), "Invalid signature");
    let answer = put_signed(&app, &format!("/object/upload/sign/files/a?token={token}"));
    assert_refused(&answer, "InvalidSignature", "400");
    assert_eq!(message(&answer), "Token is not scoped for upload");

    let (_, token) = sign_upload(&app, "files/a", "true");
    let answer = get(&app, &format!("/object/sign/files/a?token={token}"));
    assert_refused(&answer, "InvalidSignature", "400");
    assert_eq!(message(&answer), "Token is not scoped for download");
    assert_refused(
        &put_signed(&app, &format!("/object/upload/sign/files/b?token={token}")),
        "InvalidSignature",
        "400",
    );
    assert_eq!((read(&app, "files/a").as_deref(), read(&app, "files/b").as_deref()), (Some("a"), Some("b")));
    // Neither is an access token.
    assert_refused(&app.with_token(&token).get("/storage/v1/object/files/a").send(), "NoSuchKey", "404");
}

#[test]
fn forged_and_foreign_tokens_are_refused() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    let claims = json!({"url": "files/a", "scope": "download", "iat": 0, "exp": 9_999_999_999_i64});
    let forged = edgeward::jwt::sign(&claims, b"another secret").unwrap();
    let good = app.token(&claims);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    for token in [forged.as_str(), &unsigned, "nonsense", ""] {
        assert_refused(&get(&app, &format!("/object/sign/files/a?token={token}")), "InvalidJWT", "400");
    }
    assert_refused(&get(&app, "/object/sign/files/a"), "InvalidRequest", "400");
    // Good signatures of other claims: a user's access token, also with claims of a hook's, a token without an end.
    for claims in [
        json!({"role": "authenticated", "sub": "ann", "exp": 9_999_999_999_i64}),
        json!({"role": "service_role"}),
        json!({"role": "authenticated", "sub": "ann", "url": "files/a", "iat": 0, "exp": 9_999_999_999_i64}),
        json!({"url": "files/a", "scope": "read", "iat": 0, "exp": 9_999_999_999_i64}),
        json!({"url": "files/a", "scope": "download"}),
    ] {
        let answer = get(&app, &format!("/object/sign/files/a?token={}", app.token(&claims)));
        assert_refused(&answer, "InvalidSignature", "400");
    }
    assert_eq!(get(&app, &format!("/object/sign/files/a?token={good}")).status, StatusCode::OK);
}

#[test]
fn links_from_before_there_were_scopes_do_what_they_did() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    let token = |upsert: Option<bool>| {
        let mut claims = json!({"url": "files/a", "iat": 0, "exp": 9_999_999_999_i64});
        if let Some(upsert) = upsert {
            claims["upsert"] = json!(upsert);
        }
        app.token(&claims)
    };
    assert_eq!(get(&app, &format!("/object/sign/files/a?token={}", token(None))).text(), "a");
    let path = format!("/object/upload/sign/files/a?token={}", token(Some(true)));
    assert_eq!(put_signed(&app, &path).status, StatusCode::OK);
    let refused = [
        get(&app, &format!("/object/sign/files/a?token={}", token(Some(false)))),
        put_signed(&app, &format!("/object/upload/sign/files/a?token={}", token(None))),
        get(&app, &format!("/object/sign/files/b?token={}", token(None))),
    ];
    for answer in &refused {
        assert_refused(answer, "InvalidSignature", "400");
    }
}

#[test]
fn several_urls_are_signed_at_once() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    let call = app.service_role().post("/storage/v1/object/sign/files");
    let answer = call.json(&json!({"expiresIn": 60, "paths": ["a", "absent", "é"]})).send().json();
    assert_eq!(answer[0]["path"], "a");
    assert_eq!(answer[0]["error"], Value::Null);
    assert_eq!(get(&app, answer[0]["signedURL"].as_str().unwrap()).text(), "a");
    for (index, path) in [(1, "absent"), (2, "é")] {
        assert_eq!(
            answer[index],
            json!({"error": "Either the object does not exist or you do not have access to it", "path": path, "signedURL": null})
        );
    }
}

#[test]
fn bad_requests_to_sign_are_refused() {
    let app = app_with_bucket();
    put(&app, "files/a", "a");
    let rows = [
        ("files/a", json!({}), "InvalidRequest", "400"),
        ("files/a", json!({"expiresIn": 0}), "InvalidRequest", "400"),
        ("files/a", json!({"expiresIn": "soon"}), "InvalidRequest", "400"),
        ("files/a", json!({"expiresIn": 60, "transform": {"width": "wide"}}), "InvalidRequest", "400"),
        ("files/a", json!({"expiresIn": i64::MAX}), "InvalidParameter", "400"),
        ("files", json!({"expiresIn": i64::MAX, "paths": ["a"]}), "InvalidParameter", "400"),
        ("files/absent", json!({"expiresIn": 60}), "NoSuchKey", "404"),
        ("absent/a", json!({"expiresIn": 60}), "NoSuchKey", "404"),
        ("files", json!({"expiresIn": 60}), "InvalidRequest", "400"),
        ("files", json!({"expiresIn": 60, "paths": []}), "InvalidRequest", "400"),
        ("files", json!({"expiresIn": 60, "paths": vec!["a"; 1001]}), "InvalidRequest", "400"),
    ];
    for (path, body, code, status) in rows {
        let answer = app.service_role().post(&format!("/storage/v1/object/sign/{path}")).json(&body).send();
        assert_refused(&answer, code, status);
    }
    for actor in [app.anon(), app.user("ann")] {
        let answer = actor.post("/storage/v1/object/sign/files/a").json(&json!({"expiresIn": 60})).send();
        assert_refused(&answer, "NoSuchKey", "404");
        let answer = actor.post("/storage/v1/object/upload/sign/files/new").send();
        assert_refused(&answer, "AccessDenied", "403");
    }
}

#[test]
fn a_signed_upload_has_its_owner_and_its_upsert() {
    let app = app_with_bucket();
    let token = app.token(&json!({"role": "service_role", "sub": "ann"}));
    let answer = app.with_token(&token).post("/storage/v1/object/upload/sign/files/a").send().json();
    let url = answer["url"].as_str().unwrap();
    assert!(url.starts_with("/object/upload/sign/files/a?token="));
    let stored = put_signed(&app, url);
    assert_eq!((stored.status, stored.json()), (StatusCode::OK, json!({"Key": "files/a"})));
    assert_eq!(app.database.value("SELECT owner_id FROM \"storage.objects\"").unwrap(), "ann");
    assert_eq!(read(&app, "files/a").as_deref(), Some("signed"));
    assert_refused(&put_signed(&app, url), "KeyAlreadyExists", "409");

    let call = app.service_role().post("/storage/v1/object/upload/sign/files/a");
    assert_refused(&call.send(), "KeyAlreadyExists", "409");
    put(&app, "files/a", "again");
    let (url, _) = sign_upload(&app, "files/a", "true");
    assert_eq!(put_signed(&app, &url).status, StatusCode::OK);
    assert_eq!(read(&app, "files/a").as_deref(), Some("signed"));
    app.clock.advance(2 * 60 * 60 + 1);
    assert_refused(&put_signed(&app, &url), "InvalidJWT", "400");
    app.run_late_work();
    assert_no_orphans(&app);
}
