//! Changed rows.

use http::StatusCode;
use serde_json::json;

use super::{ANN, assert_error, rows, with_people, with_todos};

#[test]
fn updates_give_back_what_was_asked() {
    let app = with_people();
    let patch = |target: &str, body: serde_json::Value, prefer: &str| {
        app.anon().patch(&format!("/rest/v1/{target}")).json(&body).header("prefer", prefer).send()
    };
    let minimal = patch("people?id=eq.1", json!({"age": 41}), "");
    assert_eq!((minimal.status, minimal.text().as_str()), (StatusCode::NO_CONTENT, ""));
    let full =
        patch("people?age=gt.40&select=id,age", json!({"age": 1}), "return=representation,count=exact");
    assert_eq!(full.status, StatusCode::OK);
    assert_eq!(full.json(), json!([{"id": 1, "age": 1}, {"id": 2, "age": 1}]));
    assert_eq!(full.header("content-range"), Some("0-1/2"));
    assert_eq!(full.header("preference-applied"), Some("return=representation, count=exact"));
    let none = patch("people?id=eq.99", json!({"age": 1}), "return=representation,count=exact");
    assert_eq!((none.status, none.json()), (StatusCode::OK, json!([])));
    assert_eq!(none.header("content-range"), Some("*/0"));
    let nothing = patch("people?id=eq.1", json!({}), "return=representation");
    assert_eq!((nothing.status, nothing.json()), (StatusCode::OK, json!([])));
    let null = patch(
        "people?id=eq.1&select=age,manager:manager_id(name)",
        json!({"age": null}),
        "return=representation",
    );
    assert_eq!(null.json(), json!([{"age": null, "manager": null}]));
}

#[test]
fn values_are_checked_as_in_an_insert() {
    let app = with_todos();
    let patch = |body: serde_json::Value| app.user(ANN).patch("/rest/v1/todos?id=eq.1").json(&body).send();
    let bad = StatusCode::BAD_REQUEST;
    assert_error(
        &patch(json!({"nope": 1})),
        bad,
        "PGRST204",
        "Could not find the 'nope' column of 'todos' in the schema cache",
    );
    assert_error(
        &patch(json!({"due": "soon"})),
        bad,
        "22007",
        "invalid input syntax for type date: \"soon\"",
    );
    assert_error(
        &patch(json!({"title": ""})),
        bad,
        "23514",
        "new row for relation \"todos\" violates check constraint \"todos_title_check\"",
    );
    let duplicate = patch(json!({"title": "bread"}));
    assert_error(
        &duplicate,
        StatusCode::CONFLICT,
        "23505",
        "duplicate key value violates unique constraint \"todos_user_id_title_key\"",
    );
}

#[test]
fn without_a_filter_nothing_is_changed() {
    let app = with_people();
    let update = app.anon().patch("/rest/v1/people").json(&json!({"age": 1})).send();
    assert_error(&update, StatusCode::BAD_REQUEST, "21000", "UPDATE requires a WHERE clause");
    let delete = app.anon().delete("/rest/v1/people").send();
    assert_error(&delete, StatusCode::BAD_REQUEST, "21000", "DELETE requires a WHERE clause");
    assert_eq!(rows(&app.anon(), "people?select=count&age=eq.1"), json!([{"count": 0}]));
}

#[test]
fn a_singular_write_of_other_than_one_row_is_undone() {
    let app = with_people();
    let cases = [
        (http::Method::PATCH, "id=gt.0", 4),
        (http::Method::PATCH, "id=eq.99", 0),
        (http::Method::DELETE, "id=in.(2,3)", 2),
        (http::Method::DELETE, "id=eq.99", 0),
    ];
    for (method, filter, count) in cases {
        let answer = app
            .anon()
            .call(method, &format!("/rest/v1/people?{filter}"))
            .json(&json!({"age": 1}))
            .header("prefer", "return=representation")
            .header("accept", "application/vnd.pgrst.object+json")
            .send();
        let message = "Cannot coerce the result to a single JSON object";
        assert_error(&answer, StatusCode::NOT_ACCEPTABLE, "PGRST116", message);
        assert_eq!(answer.json()["details"], json!(format!("The result contains {count} rows")));
    }
    assert_eq!(rows(&app.anon(), "people?select=count&or=(age.neq.1,age.is.null)"), json!([{"count": 4}]));
}

#[test]
fn more_rows_than_max_affected_are_undone() {
    let app = with_people();
    let patch = |limit: u32, handling: &str| {
        app.anon()
            .patch("/rest/v1/people?id=in.(1,2,3)")
            .json(&json!({"age": 7}))
            .header("prefer", &format!("handling={handling},max-affected={limit}"))
            .send()
    };
    let over = patch(2, "strict");
    assert_error(
        &over,
        StatusCode::BAD_REQUEST,
        "PGRST124",
        "Query result exceeds max-affected preference constraint",
    );
    assert_eq!(over.json()["details"], json!("The query affects 3 rows"));
    assert_eq!(rows(&app.anon(), "people?select=count&age=eq.7"), json!([{"count": 0}]));
    let within = patch(3, "strict");
    assert_eq!(within.status, StatusCode::NO_CONTENT);
    assert_eq!(within.header("preference-applied"), Some("handling=strict, max-affected=3"));
    assert_eq!(patch(1, "lenient").status, StatusCode::NO_CONTENT, "only strict handling obeys it");
}

#[test]
fn written_rows_come_in_the_order_asked_for() {
    let app = with_people();
    app.migrate("20260102000000", "ALTER TABLE people ADD COLUMN note text");
    let cases: [(&str, &[u32]); 4] = [
        ("age.desc", &[4, 2, 1, 3]),
        ("age", &[3, 1, 2, 4]),
        ("name.desc.nullslast", &[1, 3, 2, 4]),
        ("boss(name).nullsfirst,name.desc.nullslast", &[1, 4, 3, 2]),
    ];
    for (order, ids) in cases {
        let answer = app
            .anon()
            .patch(&format!("/rest/v1/people?id=gt.0&select=id,boss:manager_id(name)&order={order}"))
            .json(&json!({"note": "x"}))
            .header("prefer", "return=representation")
            .send();
        let found: Vec<_> = answer.json().as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(json!(found), json!(ids), "{order}");
    }
}
