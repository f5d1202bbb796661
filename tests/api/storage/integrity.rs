//! Checksums of uploads, the check of rows against bytes, and bad input that must leave nothing behind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use edgeward::ports::Blobs;
use futures_executor::block_on;
use http::StatusCode;
use serde_json::{Value, json};

use super::{app_with_bucket, assert_no_orphans, assert_refused, make_bucket, put, read, sweep};
use crate::app::TestApp;
use crate::double::Pieces;

/// Checksums of `123456789`.
#[rustfmt::skip]
const CHECKSUMS: [(&str, &str); 5] = [
    ("content-md5",           "25f9e794323b453885f5181f1b624d0b"),
    ("x-amz-checksum-sha1",   "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
    ("x-amz-checksum-sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ("x-amz-checksum-crc32",  "cbf43926"),
    ("x-amz-checksum-crc32c", "e3069283"),
];

fn base64_of(hex: &str) -> String {
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    STANDARD.encode(bytes)
}

#[test]
fn bytes_that_do_not_match_their_checksum_are_not_stored() {
    let app = app_with_bucket();
    put(&app, "files/a", "old");
    for (header, checksum) in CHECKSUMS {
        let upload = |body: &str| {
            let call = app.service_role().put("/storage/v1/object/files/a").body(body.to_string());
            call.header(header, &base64_of(checksum)).send()
        };
        assert_refused(&upload("123456780"), "InvalidChecksum", "400");
        assert_refused(&upload(""), "InvalidChecksum", "400");
        assert_eq!(read(&app, "files/a").as_deref(), Some("old"), "{header}");
        assert_eq!(upload("123456789").status, StatusCode::OK, "{header}");
        assert_eq!(read(&app, "files/a").as_deref(), Some("123456789"));
        put(&app, "files/a", "old");
        let pieces = app.service_role().put("/storage/v1/object/files/a").stream(Pieces::of(b"123456789", 4));
        assert_eq!(pieces.header(header, &base64_of(checksum)).send().status, StatusCode::OK, "{header}");
        put(&app, "files/a", "old");
        let bad =
            app.service_role().put("/storage/v1/object/files/a").body("x").header(header, "nonsense").send();
        assert_refused(&bad, "InvalidChecksum", "400");
    }
    sweep(&app);
    assert_no_orphans(&app);
}

fn check(app: &TestApp, body: &Value) -> Value {
    let answer = app.service_role().post("/admin/v1/storage/check").json(body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[test]
fn a_check_finds_nothing_where_nothing_is_wrong() {
    let app = app_with_bucket();
    for index in 0..5 {
        put(&app, &format!("files/{index}"), "x");
    }
    sweep(&app);
    let report = check(&app, &json!({}));
    assert_eq!((&report["keys"], &report["rows"], &report["next"]), (&json!(5), &json!(5), &Value::Null));
    for list in ["stray_bytes", "missing_bytes", "wrong_sizes"] {
        assert_eq!(report[list], json!([]), "{list}");
    }
}

/// One stray version, one row without bytes, one with another size, one without a version.
fn damaged() -> (TestApp, String) {
    let app = app_with_bucket();
    for name in ["whole", "stray", "missing", "short"] {
        put(&app, &format!("files/{name}"), "bytes");
    }
    sweep(&app);
    let version = |name: &str| {
        app.database.value(&format!("SELECT version FROM \"storage.objects\" WHERE name = '{name}'")).unwrap()
    };
    let stray = version("stray");
    app.database.execute("DELETE FROM \"storage.objects\" WHERE name = 'stray'");
    block_on(app.blobs.delete(&[version("missing")])).unwrap();
    app.database.execute(
        "UPDATE \"storage.objects\" SET metadata = json_set(metadata, '$.size', 7) WHERE name = 'short';
         INSERT INTO \"storage.objects\" (bucket_id, name) VALUES ('files', 'seeded')",
    );
    (app, stray)
}

#[test]
fn a_check_reports_and_changes_nothing_unless_asked() {
    let (app, stray) = damaged();
    for _ in 0..2 {
        let report = check(&app, &json!({}));
        assert_eq!(report["stray_bytes"], json!([stray]));
        assert_eq!(report["missing_bytes"][0]["name"], "missing");
        assert_eq!(report["wrong_sizes"][0]["name"], "short");
        assert_eq!((&report["rows_without_version"], &report["repaired"]), (&json!(1), &json!(0)));
    }
    assert_eq!(
        app.anon().post("/admin/v1/storage/check").json(&json!({})).send().status,
        StatusCode::FORBIDDEN
    );
    let answer =
        app.service_role().post("/admin/v1/storage/check").json(&json!({"repair": ["everything"]})).send();
    assert_refused(&answer, "InvalidRequest", "400");
}

#[test]
fn a_check_repairs_what_it_is_asked_to() {
    let (app, stray) = damaged();
    assert_eq!(check(&app, &json!({"repair": ["bytes"]}))["repaired"], 1);
    assert!(!app.blobs.keys().contains(&stray));
    assert_eq!(check(&app, &json!({}))["missing_bytes"][0]["name"], "missing");
    assert_eq!(check(&app, &json!({"repair": ["bytes", "rows"]}))["repaired"], 1);
    let report = check(&app, &json!({}));
    assert_eq!((&report["stray_bytes"], &report["missing_bytes"]), (&json!([]), &json!([])));
    assert_eq!(read(&app, "files/whole").as_deref(), Some("bytes"));
}

#[test]
fn what_is_young_or_under_way_is_no_stray() {
    let app = app_with_bucket();
    put(&app, "files/a", "x");
    // The isolate dies between the bytes and the row.
    app.database.fault.fail_at(2);
    app.service_role().post("/storage/v1/object/files/b").body("y").send();
    drop(app.late_work.take());
    app.database.fault.mend();
    assert_eq!(app.blobs.keys().len(), 2);
    assert_eq!(check(&app, &json!({"repair": ["bytes"]}))["repaired"], 0, "the sweep's work");
    sweep(&app);
    assert_no_orphans(&app);
}

#[test]
fn a_large_store_is_checked_page_by_page() {
    let app = app_with_bucket();
    app.database.execute(
        "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 1500)
         INSERT INTO \"storage.objects\" (bucket_id, name, version, metadata)
         SELECT 'files', n, printf('%08d', n), '{\"size\": 1}' FROM number",
    );
    for number in 1..=1500 {
        let (key, body) = (format!("{number:08}"), edgeward::ports::Body::from("x"));
        block_on(app.blobs.put(&key, body, 1)).unwrap();
    }
    let first = check(&app, &json!({}));
    assert_eq!(
        (&first["keys"], &first["rows"], &first["next"]),
        (&json!(1000), &json!(1000), &json!("00001000"))
    );
    let second = check(&app, &json!({"after": "00001000"}));
    assert_eq!((&second["keys"], &second["rows"], &second["next"]), (&json!(500), &json!(500), &Value::Null));
    for report in [first, second] {
        assert_eq!((&report["stray_bytes"], &report["missing_bytes"]), (&json!([]), &json!([])));
    }
}

/// Path, body, headers, and the code and status it is refused with.
type BadUpload<'a> = (&'a str, &'a str, Vec<(&'a str, &'a str)>, &'a str, &'a str);

#[test]
fn bad_input_has_its_error_and_leaves_nothing() {
    let app = app_with_bucket();
    make_bucket(
        &app,
        &json!({"name": "pictures", "allowed_mime_types": ["image/png"], "file_size_limit": 10}),
    );
    let long = "x".repeat(1025);
    let form = "--b\r\ncontent-disposition: form-data; name=\"\"; filename=\"a\"\r\n\r\nhalf of it";
    #[rustfmt::skip]
    let rows: Vec<BadUpload> = vec![
        ("files/a%00b",       "x",  vec![],                                              "InvalidKey",      "400"),
        ("files/a%0Ab",       "x",  vec![],                                              "InvalidKey",      "400"),
        ("files/a%7Fb",       "x",  vec![],                                              "InvalidKey",      "400"),
        ("files/a%5C..%5Cb",  "x",  vec![],                                              "InvalidKey",      "400"),
        (&long,               "x",  vec![],                                              "InvalidKey",      "400"),
        ("pictures/a",        "x",  vec![("content-type", "text/html")],                 "InvalidMimeType", "415"),
        ("pictures/a",        "x",  vec![],                                              "InvalidMimeType", "415"),
        ("pictures/a",        "x",  vec![("content-type", "image/png;x")],               "InvalidMimeType", "415"),
        ("pictures/a",        "more than ten bytes", vec![("content-type", "image/png")], "EntityTooLarge", "413"),
        ("files/a",           form, vec![("content-type", "multipart/form-data; boundary=b")], "InvalidRequest", "400"),
        ("files/a",           "x",  vec![("content-type", "multipart/form-data")],       "InvalidRequest",  "400"),
        ("absent/a",          "x",  vec![],                                              "NoSuchBucket",    "404"),
    ];
    for (path, body, headers, code, status) in rows {
        let path = if path.len() > 1000 { format!("files/{path}") } else { path.to_string() };
        let call = app.service_role().post(&format!("/storage/v1/object/{path}")).body(body.to_string());
        let answer = headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send();
        assert_refused(&answer, code, status);
    }
    // A body that ends before, or goes on after, what was declared.
    for declared in [9, 3] {
        let answer = app
            .service_role()
            .post("/storage/v1/object/files/lying")
            .stream(Pieces::of(b"hello", 2).with_length(declared))
            .send();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    }
    assert_eq!(app.database.value("SELECT count(*) FROM \"storage.objects\"").unwrap(), "0");
    sweep(&app);
    assert_no_orphans(&app);
    assert!(app.blobs.keys().is_empty());
}

#[test]
fn paths_that_climb_lead_nowhere() {
    let app = app_with_bucket();
    make_bucket(&app, &json!({"name": "secret"}));
    put(&app, "secret/a", "secret");
    let climbing = "/storage/v1/object/files/..%2Fsecret%2Fa";
    assert_refused(&app.service_role().put(climbing).body("other").send(), "InvalidKey", "400");
    assert_refused(&app.service_role().get(climbing).send(), "InvalidKey", "400");
    assert_eq!(read(&app, "secret/a").as_deref(), Some("secret"));
    let longest = "x".repeat(1024);
    put(&app, &format!("files/{longest}"), "long");
    assert_eq!(read(&app, &format!("files/{longest}")).as_deref(), Some("long"));
}
