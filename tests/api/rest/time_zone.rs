//! `Prefer: timezone=…`: moments read and shown in a zone, as PostgreSQL does when it is the session's.

use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const MIGRATION: &str = "
  CREATE TABLE events (
    id int PRIMARY KEY,
    at timestamptz,
    day date,
    plain timestamp,
    note text,
    moments timestamptz[]
  );
  CREATE TABLE stays (id int PRIMARY KEY, during tstzrange);
  ALTER TABLE stays DISABLE ROW LEVEL SECURITY;
  CREATE TABLE visits (id int PRIMARY KEY, event_id int REFERENCES events (id), seen timestamptz NOT NULL);
  ALTER TABLE events DISABLE ROW LEVEL SECURITY;
  ALTER TABLE visits DISABLE ROW LEVEL SECURITY;
  CREATE FUNCTION since(moment timestamptz) RETURNS SETOF events LANGUAGE sql STABLE AS $$
    SELECT * FROM events WHERE at >= moment ORDER BY at
  $$;";

fn app() -> TestApp {
    let app = TestApp::with_vars(&[("DB_AGGREGATES_ENABLED", "true")]);
    app.migrate("1", MIGRATION);
    app
}

fn get(app: &TestApp, prefer: &str, target: &str) -> Answer {
    app.anon().get(&format!("/rest/v1/{target}")).header("prefer", prefer).send()
}

fn add(app: &TestApp, zone: &str, body: Value) -> Value {
    let prefer = format!("timezone={zone},return=representation");
    app.anon().post("/rest/v1/events").header("prefer", &prefer).json(&body).send().json()
}

#[test]
fn moments_are_shown_in_the_zone() {
    let app = app();
    #[rustfmt::skip]
    let rows = [
        ("2026-01-02T03:04:05.12Z", "America/New_York", "2026-01-01T22:04:05.12-05:00"),
        ("2026-07-02T03:04:05Z",    "America/New_York", "2026-07-01T23:04:05-04:00"),
        ("2026-03-29T00:59:59Z",    "Europe/Berlin",    "2026-03-29T01:59:59+01:00"),
        ("2026-03-29T01:00:00Z",    "Europe/Berlin",    "2026-03-29T03:00:00+02:00"),
        ("2026-01-02T03:04:05Z",    "Asia/Kolkata",     "2026-01-02T08:34:05+05:30"),
        ("1880-01-01T00:00:00Z",    "Europe/Amsterdam", "1880-01-01T00:17:30+00:17:30"),
        ("infinity",                "Europe/Berlin",    "infinity"),
        ("2026-01-02T03:04:05Z",    "UTC",              "2026-01-02T03:04:05+00:00"),
    ];
    for (index, (stored, zone, shown)) in rows.iter().enumerate() {
        let answer = add(&app, "UTC", json!({"id": index, "at": stored}));
        assert_eq!(answer[0]["id"], index, "{answer}");
        let answer = get(&app, &format!("timezone={zone}"), &format!("events?select=at&id=eq.{index}"));
        assert_eq!(answer.json(), json!([{"at": shown}]), "{zone}");
        assert_eq!(answer.header("preference-applied"), Some(format!("timezone={zone}").as_str()));
    }
    app.anon()
        .post("/rest/v1/visits")
        .json(&json!({"id": 1, "event_id": 1, "seen": "2026-01-01T00:00:00Z"}))
        .send();
    let of = |target: &str| get(&app, "timezone=Asia/Kolkata,count=exact", target).json();
    assert_eq!(
        of("events?select=id,visits(seen)&id=eq.1"),
        json!([{"id": 1, "visits": [{"seen": "2026-01-01T05:30:00+05:30"}]}])
    );
    assert_eq!(
        of("visits?select=seen.max(),id.count()"),
        json!([{"max": "2026-01-01T05:30:00+05:30", "count": 1}])
    );
    assert_eq!(
        of("events?select=a:at::text,b:at::date&id=eq.2"),
        json!([{"a": "2026-03-29 06:29:59+05:30", "b": "2026-03-29"}])
    );
    assert_eq!(of("rpc/since?moment=2026-07-02T08:34:05&select=at")[0]["at"], "2026-07-02T08:34:05+05:30");
    let csv = app
        .anon()
        .get("/rest/v1/visits?select=seen")
        .header("prefer", "timezone=Europe/Berlin")
        .header("accept", "text/csv");
    assert_eq!(csv.send().text(), "seen\n\"2026-01-01 01:00:00+01\"");
}

#[test]
fn moments_without_an_offset_are_the_zones() {
    let app = app();
    // In spring an hour is skipped and read as before; in autumn one comes twice and is read as the later.
    #[rustfmt::skip]
    let rows = [
        ("2026-01-02 03:04:05",       "2026-01-02T02:04:05+00:00"),
        ("2026-07-02",                "2026-07-01T22:00:00+00:00"),
        ("2026-07-02 00:00:00+00",    "2026-07-02T00:00:00+00:00"),
        ("2026-03-29 02:30:00",       "2026-03-29T01:30:00+00:00"),
        ("2026-10-25 02:30:00",       "2026-10-25T01:30:00+00:00"),
        ("2026-10-25 01:59:59.5",     "2026-10-24T23:59:59.5+00:00"),
        ("epoch",                     "1970-01-01T00:00:00+00:00"),
    ];
    for (index, (written, stored)) in rows.iter().enumerate() {
        add(
            &app,
            "Europe/Berlin",
            json!({"id": index, "at": written, "plain": "2026-01-01 10:00", "day": "2026-01-01"}),
        );
        let answer = get(&app, "", &format!("events?select=at,plain,day&id=eq.{index}")).json();
        assert_eq!(
            answer,
            json!([{"at": stored, "plain": "2026-01-01T10:00:00", "day": "2026-01-01"}]),
            "{written}"
        );
    }
    let ids = |filter: &str| {
        get(&app, "timezone=Europe/Berlin", &format!("events?select=id&order=id&{filter}")).json()
    };
    assert_eq!(ids("at=eq.2026-07-02"), json!([{"id": 1}]));
    assert_eq!(ids("at=in.(2026-07-02,2026-01-02T03:04:05)"), json!([{"id": 0}, {"id": 1}]));
    let refused = app
        .anon()
        .post("/rest/v1/events")
        .header("prefer", "timezone=Europe/Berlin")
        .json(&json!({"id": 99, "at": "noon"}));
    assert_eq!(refused.send().json()["code"], "22007");
}

#[test]
fn a_zone_that_is_not_there_is_ignored_or_refused() {
    let app = app();
    add(
        &app,
        "",
        json!({"id": 1, "at": "2026-01-01T00:00:00Z", "note": "\u{1}zone:j2026-01-01T00:00:00+00:00 no", "moments": ["2026-01-01T00:00:00Z", null, "infinity"]}),
    );
    for zone in ["Mars/Phobos", "europe/berlin", ""] {
        let answer = get(&app, &format!("timezone={zone}"), "events?select=at");
        assert_eq!(answer.json(), json!([{"at": "2026-01-01T00:00:00+00:00"}]), "{zone}");
        assert_eq!(answer.header("preference-applied"), None, "{zone}");
        let refused = get(&app, &format!("handling=strict,timezone={zone}"), "events?select=at").json();
        assert_eq!(
            (&refused["code"], &refused["details"]),
            (&json!("PGRST122"), &json!(format!("Invalid preferences: timezone={zone}")))
        );
    }
    let note = get(&app, "timezone=Europe/Berlin", "events?select=note,day").json();
    assert_eq!(note[0]["day"], Value::Null);
    assert_eq!(note[0]["note"], "\u{1}zone:j2026-01-01T00:00:00+00:00 no");
    let list = get(&app, "timezone=Europe/Berlin", "events?select=moments").json();
    assert_eq!(list, json!([{"moments": ["2026-01-01T01:00:00+01:00", null, "infinity"]}]));
    for target in [
        "stays",
        "stays?during=cs.2026-01-01",
        "events?moments=cs.{2026-01-01}",
        "events?select=at::date,count()",
        "events?select=at::time",
    ] {
        assert_eq!(get(&app, "timezone=Europe/Berlin", target).json()["code"], "PGRST127", "{target}");
    }
}
