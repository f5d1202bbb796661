//! `...rel(…)`: an embed's keys in its origin.

use serde_json::json;

use super::{ANN, rows, with_people, with_todos};

#[test]
fn a_to_one_spread_lifts_its_keys() {
    let app = with_todos();
    let cases = [
        ("todos?select=id,...profiles(name)&id=eq.1", json!([{"id": 1, "name": "Ann"}])),
        ("todos?select=...profiles(owner:name,bio)&id=eq.1", json!([{"owner": "Ann", "bio": null}])),
        (
            "comments?select=id,...todos(title,priority,meta->a,...profiles(name))&id=eq.1",
            json!([{"id": 1, "title": "milk", "priority": 1.50, "a": {"b": [1, 2]}, "name": "Ann"}]),
        ),
        (
            "comments?select=id,...todos(tags(name))&id=eq.1",
            json!([{"id": 1, "tags": [{"name": "red"}, {"name": "blue"}]}]),
        ),
        ("todos?select=id,...profiles!inner(name)&profiles.name=eq.Bob", json!([])),
        ("todos?select=id,...profiles(name)&profiles.name=eq.Bob&id=eq.1", json!([{"id": 1, "name": null}])),
        ("comments?select=id,...todos()&id=eq.1", json!([{"id": 1}])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.user(ANN), target), expected, "{target}");
    }
    let people = with_people();
    let expected = json!([{"name": "Eve", "number": "P1"}, {"name": "Adam", "number": null}]);
    assert_eq!(rows(&people.anon(), "people?select=name,...passports(number)&id=lt.3&order=id"), expected);
}

#[test]
fn a_to_many_spread_makes_arrays_that_share_an_order() {
    let app = with_todos();
    let cases = [
        (
            "todos?select=id,...comments(comment:id,text:body)&order=id&comments.order=id.desc",
            json!([{"id": 1, "comment": [2, 1], "text": ["yes", "soon"]}, {"id": 2, "comment": [], "text": []}]),
        ),
        (
            "todos?select=title,...tags(name)&order=id",
            json!([{"title": "milk", "name": ["red", "blue"]}, {"title": "bread", "name": ["blue"]}]),
        ),
        (
            "todos?select=title,...tags(name)&tags.name=eq.red&id=eq.1",
            json!([{"title": "milk", "name": ["red"]}]),
        ),
        (
            "profiles?select=name,...todos(title,done,meta,...comments(body))&todos.order=id",
            json!([
                {"name": "Ann", "title": ["milk", "bread"], "done": [false, true],
                 "meta": [{"a": {"b": [1, 2]}, "s": "x", "n": 7}, null], "body": [["soon", "yes"], []]},
                {"name": "Bob", "title": [], "done": [], "meta": [], "body": []},
            ]),
        ),
        (
            "todos?select=...comments(body,...profiles!comments_author_id_fkey(name))&id=eq.1&comments.order=id",
            json!([{"body": ["soon", "yes"], "name": ["Ann", "Bob"]}]),
        ),
        (
            "todos?select=title,...comments(body)&comments.limit=1&comments.order=id&id=eq.1",
            json!([{"title": "milk", "body": ["soon"]}]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.user(ANN), target), expected, "{target}");
    }
}

#[test]
fn what_was_written_is_spread_too_and_policies_hold() {
    let app = with_todos();
    let written = app
        .user(ANN)
        .patch("/rest/v1/todos?id=eq.1&select=title,...profiles(name),...comments(body)")
        .header("prefer", "return=representation")
        .json(&json!({"title": "oat milk"}))
        .send();
    assert_eq!(written.json(), json!([{"title": "oat milk", "name": "Ann", "body": ["soon", "yes"]}]));
    let visible = app.anon().get("/rest/v1/tags?select=name,...todos(title)&order=id").send();
    assert_eq!(visible.json(), json!([{"name": "red", "title": []}, {"name": "blue", "title": []}]));
}
