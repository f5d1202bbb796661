//! Distinct rows, conditions on groups, groups in the order of an aggregate, and aggregates of spread rows.

use http::StatusCode;
use serde_json::json;

use super::schema::install;
use super::{assert_error, rows, with_people};
use crate::app::TestApp;

fn with_things() -> TestApp {
    let app = TestApp::with_vars(&[("DB_AGGREGATES_ENABLED", "true")]);
    install(&app);
    app.database.execute(
        "INSERT INTO people (id, name, age, manager_id) VALUES
           (1, 'Eve', 40, NULL), (2, 'Adam', 42, 1), (3, 'Cain', 12, 1), (4, NULL, NULL, 2);
         INSERT INTO passports (number, person_id) VALUES ('P1', 1), ('P2', 2), ('P3', 3);
         INSERT INTO things (id, label, price, exact, mood) VALUES
           (1, 'a', '10.50', '1.0', 'happy'), (2, 'a', '2.25', '1.00', 'sad'), (3, 'b', '100.00', NULL, 'ok'),
           (4, 'c', NULL, NULL, 'ok');",
    );
    app
}

#[test]
fn groups_are_chosen_and_ordered_by_their_aggregates() {
    let app = with_things();
    let label = |label: &str| json!({"label": label});
    let cases = [
        (
            "things?select=label,price.sum()&order=price.sum().desc.nullslast,label",
            json!([{"label": "b", "sum": 100.00}, {"label": "a", "sum": 12.75}, {"label": "c", "sum": null}]),
        ),
        ("things?select=label&order=count().desc,label.desc", json!([label("a"), label("c"), label("b")])),
        ("things?select=label&count()=gt.1", json!([label("a")])),
        ("things?select=label&price.sum()=gte.12.75&price.sum()=not.eq.100", json!([label("a")])),
        ("things?select=label&mood.count()=eq.1&order=label", json!([label("b"), label("c")])),
        ("things?select=label&price.max()=lt.20&id=gt.0", json!([label("a")])),
        ("things?select=count()&count()=gt.9", json!([])),
        ("things?select=n:count()&count()=gt.3", json!([{"n": 4}])),
        (
            "people?select=name,people(manager_id,count())&people.id.count()=gt.1&id=lte.2&order=name",
            json!([{"name": "Adam", "people": []}, {"name": "Eve", "people": [{"manager_id": 1, "count": 2}]}]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
    let counted = app.anon().get("/rest/v1/things?select=label&count()=gte.1&limit=2&order=label");
    let counted = counted.header("prefer", "count=exact").send();
    assert_eq!(
        (counted.status, counted.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, Some("0-1/3"))
    );
}

#[test]
fn equal_rows_come_once() {
    let app = with_things();
    let cases = [
        (
            "things?select=label&distinct=true&order=label.desc",
            json!([{"label": "c"}, {"label": "b"}, {"label": "a"}]),
        ),
        (
            "things?select=label,mood&distinct=true&id=gte.3&order=label",
            json!([{"label": "b", "mood": "ok"}, {"label": "c", "mood": "ok"}]),
        ),
        ("things?select=mood&distinct=true&order=mood&limit=2", json!([{"mood": "sad"}, {"mood": "ok"}])),
        (
            "passports?select=boss:people(manager_id)&distinct=true&person_id=gt.1",
            json!([{"boss": {"manager_id": 1}}]),
        ),
        ("things?select=id&distinct=true&order=id", json!([{"id": 1}, {"id": 2}, {"id": 3}, {"id": 4}])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
    assert_eq!(
        rows(&app.anon(), "things?select=exact&distinct=true&id=lt.3").as_array().unwrap().len(),
        1,
        "1.0 is 1.00"
    );
    let counted = app.anon().get("/rest/v1/things?select=label&distinct=true&limit=1&order=label");
    let counted = counted.header("prefer", "count=exact").send();
    assert_eq!(
        (counted.status, counted.header("content-range")),
        (StatusCode::PARTIAL_CONTENT, Some("0-0/3"))
    );
    let order = app.anon().get("/rest/v1/things?select=label&distinct=true&order=id").send();
    let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
    assert_error(&order, StatusCode::BAD_REQUEST, "42P10", message);
    let column = app.anon().get("/rest/v1/things?distinct=eq.true").send();
    assert_error(&column, StatusCode::BAD_REQUEST, "42703", "column things.distinct does not exist");
    let closed = with_people();
    assert_eq!(
        rows(&closed.anon(), "people?select=manager_id&distinct=true&id=lt.4").as_array().unwrap().len(),
        2
    );
}

#[test]
fn aggregates_of_to_one_spreads_are_their_origins() {
    let app = with_things();
    let cases = [
        ("passports?select=...people(age.sum())", json!([{"sum": 94}])),
        (
            "passports?select=count(),...people(manager_id,total:age.sum())&order=number.max()",
            json!([{"count": 1, "manager_id": null, "total": 40}, {"count": 2, "manager_id": 1, "total": 54}]),
        ),
        ("people?select=...manager_id(...manager_id(top:age.max()))", json!([{"top": 40}])),
        (
            "people?select=id,passports(...people(age.min()))&id=in.(1,4)&order=id",
            json!([{"id": 1, "passports": {"min": 40}}, {"id": 4, "passports": {"min": null}}]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
    let get = |target: &str| app.anon().get(&format!("/rest/v1/{target}")).send();
    for target in [
        "people?select=...people(age.sum())",
        "people?select=...people!manager_id(age.sum())",
        "passports?select=...people(count())",
        "passports?select=...people(id)&people.id.sum()=gt.1",
        "things?select=label&price.sum()=in.(1,2)",
        "things?select=label&price.sum()=is.null",
        "passports?select=number,people(id)&order=count(),people(age)",
    ] {
        assert_eq!(get(target).json()["code"], json!("PGRST127"), "{target}");
    }
    #[rustfmt::skip]
    let rows = [
        ("things?select=label&price.sum()=gt.x",      "22P02"),
        ("things?select=label&nope.sum()=gt.1",       "42703"),
        ("things?select=label&label.sum()=gt.1",      "42883"),
        ("things?select=label&price.median()=gt.1",   "PGRST100"),
        ("things?select=label&order=price.median()",  "PGRST100"),
        ("things?select=label&nope.price.sum()=gt.1", "PGRST108"),
        ("things?select=label&order=price&count()=gt.1", "42803"),
    ];
    for (target, code) in rows {
        assert_eq!(get(target).json()["code"], json!(code), "{target}");
    }
    let closed = with_people();
    for target in ["people?select=name&age.sum()=gt.1", "people?select=name&order=count()"] {
        let answer = closed.anon().get(&format!("/rest/v1/{target}")).send();
        assert_error(
            &answer,
            StatusCode::BAD_REQUEST,
            "PGRST123",
            "Use of aggregate functions is not allowed",
        );
    }
}
