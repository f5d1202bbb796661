//! Ranges through the data API: in, out, filtered, kept apart.

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

fn with_bookings() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create extension if not exists btree_gist with schema extensions;
         create table bookings (
           id bigint generated always as identity primary key,
           room int not null,
           during tstzrange not null,
           cancelled boolean not null default false,
           constraint no_overlap exclude using gist (room with =, during with &&) where (not cancelled)
         );
         alter table bookings disable row level security;",
    );
    app
}

#[test]
fn bookings_of_one_room_never_overlap() {
    let app = with_bookings();
    let book = |room: i64, during: &str, cancelled: bool| {
        let row = json!({"room": room, "during": during, "cancelled": cancelled});
        let answer = app.service_role().post("/rest/v1/bookings").json(&row).send();
        (answer.status, answer.text())
    };
    let conflict = "conflicting key value violates exclusion constraint \\\"no_overlap\\\"";
    assert_eq!(book(1, "[2024-01-01 10:00+00,2024-01-01 12:00+00)", false).0, StatusCode::CREATED);
    assert_eq!(book(1, "[2024-01-01 12:00+00,2024-01-01 13:00+00)", false).0, StatusCode::CREATED);
    assert_eq!(book(2, "[2024-01-01 11:00+00,2024-01-01 13:00+00)", false).0, StatusCode::CREATED);
    let (status, text) = book(1, "[2024-01-01 13:30+02,2024-01-01 14:30+02)", false);
    assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
    assert!(text.contains("\"23P01\"") && text.contains(conflict), "{text}");
    assert_eq!(book(1, "[2024-01-01 11:00+00,2024-01-01 11:30+00)", true).0, StatusCode::CREATED);
    let change = json!({"cancelled": false});
    let answer = app.service_role().patch("/rest/v1/bookings?cancelled=is.true").json(&change).send();
    assert_eq!(answer.json()["code"], json!("23P01"));
    let many = json!([
        {"room": 3, "during": "[2024-01-01,2024-01-02)"},
        {"room": 3, "during": "[2024-01-01 23:00,2024-01-03)"},
    ]);
    assert_eq!(
        app.service_role().post("/rest/v1/bookings").json(&many).send().json()["code"],
        json!("23P01")
    );
    let rows = app.service_role().get("/rest/v1/bookings?select=id&room=eq.3").send();
    assert_eq!(rows.json(), json!([]));
}

#[test]
fn ranges_go_out_as_postgres_prints_them_and_are_filtered() {
    let app = with_bookings();
    let rows = json!([
        {"room": 1, "during": "[2024-01-01,2024-01-02)"},
        {"room": 1, "during": "[\"2024-01-02 10:00:00.5+02\",)"},
        {"room": 2, "during": "empty"},
    ]);
    let answer = app
        .service_role()
        .post("/rest/v1/bookings?select=during")
        .header("prefer", "return=representation")
        .json(&rows)
        .send();
    assert_eq!(
        answer.json(),
        json!([
            {"during": "[\"2024-01-01 00:00:00+00\",\"2024-01-02 00:00:00+00\")"},
            {"during": "[\"2024-01-02 08:00:00.5+00\",)"},
            {"during": "empty"},
        ])
    );
    #[rustfmt::skip]
    let cases = [
        ("ov.[2024-01-01 12:00,2024-01-05)",  json!([1, 2])),
        ("cs.[2024-01-01 12:00,2024-01-01 13:00)", json!([1])),
        ("cd.[2024-01-01,)",                  json!([1, 2, 3])),
        ("sl.[2024-01-02,)",                  json!([1])),
        ("sr.(,2024-01-02)",                  json!([2])),
        ("nxr.(,2024-01-02]",                 json!([1])),
        ("nxl.[2024-01-02,)",                 json!([2])),
        ("adj.[2024-01-02,2024-01-03)",       json!([1])),
        ("eq.empty",                          json!([3])),
    ];
    for (filter, ids) in cases {
        let target = format!("/rest/v1/bookings?select=id&order=id&during={}", filter.replace(' ', "%20"));
        let rows = app.service_role().get(&target).send().json();
        let found: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(json!(found), ids, "{filter}");
    }
    let ordered = app.service_role().get("/rest/v1/bookings?select=id&order=during.desc").send();
    assert_eq!(ordered.json(), json!([{"id": 2}, {"id": 1}, {"id": 3}]));
    #[rustfmt::skip]
    let wrong = [
        ("during=ov.[2024-01-02,2024-01-01)", "22000"),
        ("during=ov.2024-01-01",              "22P02"),
        ("during=ov.[soon,)",                 "22007"),
        ("room=sl.5",                         "42883"),
        ("room=ov.[1,2)",                     "42883"),
    ];
    for (filter, code) in wrong {
        let answer = app.service_role().get(&format!("/rest/v1/bookings?{filter}")).send();
        assert_eq!(answer.json()["code"], json!(code), "{filter}");
    }
}
