//! Values of another type than a body's field has: converted where upstream's schemas convert them, else refused.

use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, put};

/// storage3, the Python client, sends the seconds as text.
#[test]
fn an_expiry_may_be_written_as_text() {
    let app = app_with_bucket();
    put(&app, "files/a.txt", "a");
    #[rustfmt::skip]
    let rows: &[(Value, Option<&str>)] = &[
        (json!("60"),      None),
        (json!(" 60 "),    None),
        (json!("6e1"),     None),
        (json!(60.0),      None),
        (json!([60]),      None),
        (json!(true),      None),
        (json!("0"),       Some("body/expiresIn must be >= 1")),
        (json!(null),      Some("body/expiresIn must be >= 1")),
        (json!(""),        Some("body/expiresIn must be integer")),
        (json!("1.5"),     Some("body/expiresIn must be integer")),
        (json!(1.5),       Some("body/expiresIn must be integer")),
        (json!("soon"),    Some("body/expiresIn must be integer")),
        (json!([1, 2]),    Some("body/expiresIn must be integer")),
        (json!({"in": 1}), Some("body/expiresIn must be integer")),
    ];
    for (seconds, refusal) in rows {
        let body = json!({"expiresIn": seconds});
        let answer = app.service_role().post("/storage/v1/object/sign/files/a.txt").json(&body).send();
        let message = answer.json()["message"].as_str().map(str::to_string);
        assert_eq!(message.as_deref(), *refusal, "{body}");
    }
}

#[test]
fn a_bucket_is_made_of_values_that_can_be_converted() {
    let app = app_with_bucket();
    let body =
        json!({"name": 7, "public": "true", "file_size_limit": "1000", "allowed_mime_types": "image/png"});
    let made = app.service_role().post("/storage/v1/bucket").json(&body).send();
    assert_eq!((made.status, made.json()), (StatusCode::OK, json!({"name": "7"})));
    let bucket = app.service_role().get("/storage/v1/bucket/7").send().json();
    assert_eq!(bucket["public"], json!(true));
    assert_eq!(bucket["file_size_limit"], json!(1000));
    assert_eq!(bucket["allowed_mime_types"], json!(["image/png"]));
    let listed = app
        .service_role()
        .post("/storage/v1/object/list/7")
        .json(&json!({"prefix": null, "limit": "5"}))
        .send();
    assert_eq!((listed.status, listed.json()), (StatusCode::OK, json!([])));
}
