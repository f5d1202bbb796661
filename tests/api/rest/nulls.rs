//! `nulls=stripped`: answers without keys whose value is null.

use http::StatusCode;
use serde_json::json;

use super::{ANN, with_todos};

#[test]
fn null_members_are_left_out_at_any_depth() {
    let app = with_todos();
    let array = "application/vnd.pgrst.array+json;nulls=stripped";
    let object = "application/vnd.pgrst.object+json;nulls=stripped";
    let cases = [
        (
            array,
            "todos?select=id,due,meta,labels&order=id.desc",
            json!([
                {"id": 2, "labels": ["shop"]},
                {"id": 1, "due": "2026-01-02", "meta": {"a": {"b": [1, 2]}, "n": 7, "s": "x"}, "labels": ["home", "shop"]},
            ]),
        ),
        (
            array,
            "todos?select=id,x:meta->gone,profiles(name,bio)&id=eq.1",
            json!([{"id": 1, "profiles": {"name": "Ann"}}]),
        ),
        (object, "todos?select=id,due&id=eq.2", json!({"id": 2})),
    ];
    for (accept, target, expected) in cases {
        let answer = app.user(ANN).get(&format!("/rest/v1/{target}")).header("accept", accept).send();
        assert_eq!(answer.status, StatusCode::OK, "{target}");
        assert_eq!(answer.json(), expected, "{target}");
        assert_eq!(answer.header("content-type"), Some(format!("{accept}; charset=utf-8").as_str()));
    }
    let two = app.user(ANN).get("/rest/v1/todos?select=id").header("accept", object).send();
    assert_eq!(two.json()["code"], json!("PGRST116"));
    let written = app
        .user(ANN)
        .patch("/rest/v1/todos?id=eq.2&select=id,due")
        .header("accept", object)
        .header("prefer", "return=representation")
        .json(&json!({"title": "rolls"}))
        .send();
    assert_eq!(written.json(), json!({"id": 2}));
}
