//! Removed rows.

use http::StatusCode;
use serde_json::json;

use super::{assert_error, rows, with_people};

#[test]
fn deletes_give_back_what_was_asked() {
    let app = with_people();
    let delete = |target: &str, prefer: &str| {
        app.anon().delete(&format!("/rest/v1/{target}")).header("prefer", prefer).send()
    };
    let minimal = delete("people?id=eq.4", "");
    assert_eq!((minimal.status, minimal.text().as_str()), (StatusCode::NO_CONTENT, ""));
    let full = delete(
        "people?id=in.(2,3)&select=name,manager:manager_id(name)",
        "return=representation,count=exact",
    );
    assert_eq!(full.status, StatusCode::OK);
    assert_eq!(
        full.json(),
        json!([{"name": "Adam", "manager": {"name": "Eve"}}, {"name": "Cain", "manager": {"name": "Eve"}}])
    );
    assert_eq!(full.header("content-range"), Some("*/2"));
    assert_eq!(rows(&app.anon(), "people?select=id"), json!([{"id": 1}]));
}

#[test]
fn a_row_that_others_point_to_stays() {
    let app = with_people();
    let answer = app.anon().delete("/rest/v1/people?id=eq.1").send();
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.json()["code"], json!("23503"));
    assert_eq!(rows(&app.anon(), "people?select=count"), json!([{"count": 4}]));
    app.anon().delete("/rest/v1/people?id=in.(2,3)").send();
    let todo = super::with_todos();
    let answer = todo.service_role().delete("/rest/v1/tags?id=eq.1").send();
    assert_error(
        &answer,
        StatusCode::CONFLICT,
        "23503",
        "update or delete on table \"tags\" violates foreign key constraint \"todo_tags_tag_id_fkey\" on table \"todo_tags\"",
    );
}
