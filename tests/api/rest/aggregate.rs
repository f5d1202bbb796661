//! `sum()`, `avg()`, `count()`, `max()` and `min()`.

use http::StatusCode;
use serde_json::json;

use super::schema::install;
use super::{assert_error, rows};
use crate::app::TestApp;

fn with_things() -> TestApp {
    let app = TestApp::with_vars(&[("DB_AGGREGATES_ENABLED", "true")]);
    install(&app);
    app.database.execute(
        "INSERT INTO people (id, name, age, manager_id) VALUES
           (1, 'Eve', 40, NULL), (2, 'Adam', 42, 1), (3, 'Cain', 12, 1), (4, NULL, NULL, NULL);
         INSERT INTO things (id, label, small, big, price, ratio, day) VALUES
           (1, 'a', 1, 9223372036854775807, '0.10', 0.5, '2026-01-02'),
           (2, 'a', 2, -1, '0.20', 0.25, '2026-01-01'),
           (3, 'b', NULL, NULL, '-1000000000000.35', NULL, NULL);",
    );
    app
}

#[test]
fn rows_are_aggregated_in_groups_of_what_else_is_selected() {
    let app = with_things();
    let cases = [
        ("people?select=count()", json!([{"count": 4}])),
        ("people?select=count(),n:age.count(),age.sum()", json!([{"count": 4, "n": 3, "sum": 94}])),
        ("people?select=age.max(),age.min(),name.max()&id=lt.3", json!([{"max": "Eve", "min": 40}])),
        ("people?select=a:age.avg()&age=not.is.null&id=gt.1", json!([{"a": 27}])),
        ("people?select=age.sum(),age.max()&id=eq.99", json!([{"sum": null, "max": null}])),
        (
            "people?select=manager_id,count()&order=manager_id",
            json!([{"manager_id": 1, "count": 2}, {"manager_id": null, "count": 2}]),
        ),
        ("people?select=manager_id,count()&order=manager_id&limit=1", json!([{"manager_id": 1, "count": 2}])),
        ("people?select=manager_id,count()&id=eq.99", json!([])),
        ("people?select=name,people(age.sum())&id=eq.1", json!([{"name": "Eve", "people": [{"sum": 54}]}])),
        (
            "people?select=name,people(count(),age.max())&id=eq.4",
            json!([{"name": null, "people": [{"count": 0, "max": null}]}]),
        ),
        (
            "people?select=boss:manager_id(name),count()&id=in.(2,3)",
            json!([{"boss": {"name": "Eve"}, "count": 2}]),
        ),
        ("people?select=...manager_id(name),age.sum()&id=in.(2,3)", json!([{"name": "Eve", "sum": 54}])),
        (
            "things?select=label,small.sum(),ratio.sum(),day.max()&order=label",
            json!([
                {"label": "a", "sum": 0.75, "max": "2026-01-02"}, {"label": "b", "sum": null, "max": null},
            ]),
        ),
        ("people?select=age.sum()::text", json!([{"sum": "94"}])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
}

#[test]
fn numerics_are_summed_to_the_digit() {
    let app = with_things();
    let text = |target: &str| app.anon().get(&format!("/rest/v1/{target}")).send().text();
    let cases = [
        ("things?select=price.sum()&id=lt.3", r#"[{"sum":0.30}]"#),
        ("things?select=price.sum()", r#"[{"sum":-1000000000000.05}]"#),
        ("things?select=price.max(),a:price.min()", r#"[{"max":0.20,"a":-1000000000000.35}]"#),
        ("things?select=price.sum()&id=eq.99", r#"[{"sum":null}]"#),
        ("things?select=big.sum()", r#"[{"sum":9223372036854775806}]"#),
    ];
    for (target, expected) in cases {
        assert_eq!(text(target), expected, "{target}");
    }
    app.database.execute("INSERT INTO things (id, price) VALUES (9, 'NaN')");
    assert_eq!(text("things?select=price.sum(),a:price.min()&id=in.(1,9)"), r#"[{"sum":"NaN","a":0.10}]"#);
    assert_eq!(text("things?select=price.min()&id=eq.9"), r#"[{"min":"NaN"}]"#);
}

#[test]
fn what_cannot_be_aggregated_is_refused() {
    let app = with_things();
    let get = |target: &str| app.anon().get(&format!("/rest/v1/{target}")).send();
    let bad = StatusCode::BAD_REQUEST;
    let missing = get("people?select=name.sum()");
    assert_error(&missing, StatusCode::NOT_FOUND, "42883", "function sum(text) does not exist");
    let message =
        "column \"people.age\" must appear in the GROUP BY clause or be used in an aggregate function";
    assert_error(&get("people?select=name,count()&order=age"), bad, "42803", message);
    for target in [
        "things?select=exact.sum()",
        "things?select=...people(count())",
        "people?select=id,...people(count())",
    ] {
        assert_eq!(get(target).status, bad, "{target}");
    }
    let written = app
        .anon()
        .patch("/rest/v1/people?id=eq.1&select=count()")
        .header("prefer", "return=representation")
        .json(&json!({"age": 1}))
        .send();
    assert_error(&written, bad, "PGRST127", "Feature not implemented");
    let head = app.anon().call(http::Method::HEAD, "/rest/v1/people?select=count()").send();
    assert_eq!(head.header("content-range"), Some("0-0/*"));
    let off = TestApp::new();
    install(&off);
    let refused = off.anon().get("/rest/v1/people?select=age.sum()").send();
    assert_error(&refused, bad, "PGRST123", "Use of aggregate functions is not allowed");
}
