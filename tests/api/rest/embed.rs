//! Related rows inside rows.

use http::StatusCode;
use serde_json::json;

use super::{ANN, assert_error, rows, with_people, with_todos};

#[test]
fn embeds_of_every_cardinality() {
    let app = with_todos();
    let cases = [
        ("todos?select=id,profiles(name)&id=eq.1", json!([{"id": 1, "profiles": {"name": "Ann"}}])),
        ("todos?select=id,owner:user_id(name)&id=eq.1", json!([{"id": 1, "owner": {"name": "Ann"}}])),
        (
            "todos?select=id,owner:todos_user_id_fkey(name)&id=eq.1",
            json!([{"id": 1, "owner": {"name": "Ann"}}]),
        ),
        (
            "todos?select=id,comments(body)&order=id",
            json!([
                {"id": 1, "comments": [{"body": "soon"}, {"body": "yes"}]}, {"id": 2, "comments": []},
            ]),
        ),
        (
            "todos?select=id,tags(name)&order=id",
            json!([
                {"id": 1, "tags": [{"name": "red"}, {"name": "blue"}]}, {"id": 2, "tags": [{"name": "blue"}]},
            ]),
        ),
        ("todos?select=id,tags!todo_tags(name)&id=eq.2", json!([{"id": 2, "tags": [{"name": "blue"}]}])),
        (
            "comments?select=id,author:profiles!comments_author_id_fkey(name),reviewer:profiles!reviewer_id(name)&id=eq.2",
            json!([{"id": 2, "author": {"name": "Bob"}, "reviewer": null}]),
        ),
        (
            "profiles?select=name,todos(title,comments(body,author:author_id(name)))&name=eq.Ann",
            json!([{"name": "Ann", "todos": [
                {"title": "milk", "comments": [
                    {"body": "soon", "author": {"name": "Ann"}}, {"body": "yes", "author": {"name": "Bob"}},
                ]},
                {"title": "bread", "comments": []},
            ]}]),
        ),
        (
            "todos?select=id,comments(count)&order=id",
            json!([
                {"id": 1, "comments": [{"count": 2}]}, {"id": 2, "comments": [{"count": 0}]},
            ]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.user(ANN), target), expected, "{target}");
    }
}

#[test]
fn self_relations_and_one_to_one() {
    let app = with_people();
    let cases = [
        (
            "people?select=name,manager:manager_id(name)&id=eq.2",
            json!([{"name": "Adam", "manager": {"name": "Eve"}}]),
        ),
        (
            "people?select=name,people(name)&id=eq.1",
            json!([{"name": "Eve", "people": [{"name": "Adam"}, {"name": "Cain"}]}]),
        ),
        (
            "people?select=name,staff:people!manager_id(name)&id=eq.1",
            json!([{"name": "Eve", "staff": [{"name": "Adam"}, {"name": "Cain"}]}]),
        ),
        (
            "people?select=id,passports(number)&id=lt.3",
            json!([{"id": 1, "passports": {"number": "P1"}}, {"id": 2, "passports": null}]),
        ),
        ("passports?select=number,people(id)", json!([{"number": "P1", "people": {"id": 1}}])),
        ("people?select=id,passports!inner(number)", json!([{"id": 1, "passports": {"number": "P1"}}])),
        ("people?select=id&order=id&manager:manager_id=is.null", json!([])),
    ];
    for (target, expected) in cases.into_iter().take(6) {
        assert_eq!(rows(&app.anon(), target), expected, "{target}");
    }
}

#[test]
fn filters_order_and_windows_reach_into_embeds() {
    let app = with_todos();
    let cases = [
        (
            "todos?select=id,comments(body)&comments.body=eq.yes&order=id",
            json!([
                {"id": 1, "comments": [{"body": "yes"}]}, {"id": 2, "comments": []},
            ]),
        ),
        ("todos?select=id,c:comments!inner(body)&c.body=eq.yes", json!([{"id": 1, "c": [{"body": "yes"}]}])),
        ("todos?select=id,comments!inner(body)&comments.body=eq.no", json!([])),
        ("todos?select=id,comments()&comments=not.is.null", json!([{"id": 1}])),
        ("todos?select=id,comments()&comments=is.null", json!([{"id": 2}])),
        (
            "todos?select=id,comments()&or=(comments.is.null,title.eq.milk)&order=id",
            json!([{"id": 1}, {"id": 2}]),
        ),
        (
            "todos?select=id,comments(id)&comments.order=id.desc&comments.limit=1&id=eq.1",
            json!([{"id": 1, "comments": [{"id": 2}]}]),
        ),
        (
            "todos?select=id,comments(id)&comments.offset=1&id=eq.1",
            json!([{"id": 1, "comments": [{"id": 2}]}]),
        ),
        (
            "todos?select=id,comments(id)&comments.or=(id.eq.1,body.eq.no)&id=eq.1",
            json!([{"id": 1, "comments": [{"id": 1}]}]),
        ),
        (
            "profiles?select=name,todos(id,comments(id))&todos.comments.id=eq.2&todos.id=eq.1&name=eq.Ann",
            json!([{"name": "Ann", "todos": [{"id": 1, "comments": [{"id": 2}]}]}]),
        ),
        (
            "comments?select=id,author:author_id(name)&order=author(name).desc,id",
            json!([
                {"id": 2, "author": {"name": "Bob"}}, {"id": 1, "author": {"name": "Ann"}},
            ]),
        ),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.user(ANN), target), expected, "{target}");
    }
}

#[test]
fn inner_embeds_count_only_what_they_keep() {
    let app = with_todos();
    let answer = app
        .user(ANN)
        .get("/rest/v1/todos?select=id,comments!inner(id)")
        .header("prefer", "count=exact")
        .send();
    assert_eq!(answer.header("content-range"), Some("0-0/1"), "{}", answer.text());
}

#[test]
fn what_cannot_be_embedded_says_why() {
    let app = with_todos();
    let get = |target: &str| app.user(ANN).get(&format!("/rest/v1/{target}")).send();
    assert_error(
        &get("todos?select=secrets(id)"),
        StatusCode::BAD_REQUEST,
        "PGRST200",
        "Could not find a relationship between 'todos' and 'secrets' in the schema cache",
    );
    let ambiguous = get("comments?select=profiles(name)");
    assert_error(
        &ambiguous,
        StatusCode::MULTIPLE_CHOICES,
        "PGRST201",
        "Could not embed because more than one relationship was found for 'comments' and 'profiles'",
    );
    assert_eq!(
        ambiguous.json()["details"],
        json!([
            {"cardinality": "many-to-one", "embedding": "comments with profiles",
             "relationship": "comments_author_id_fkey using comments(author_id) and profiles(id)"},
            {"cardinality": "many-to-one", "embedding": "comments with profiles",
             "relationship": "comments_reviewer_id_fkey using comments(reviewer_id) and profiles(id)"},
        ])
    );
    assert_eq!(
        ambiguous.json()["hint"],
        json!(
            "Try changing 'profiles' to one of the following: 'profiles!comments_author_id_fkey', 'profiles!comments_reviewer_id_fkey'. Find the desired relationship in the 'details' key."
        )
    );
    assert_error(
        &get("todos?select=id&comments.id=eq.1"),
        StatusCode::BAD_REQUEST,
        "PGRST108",
        "'comments' is not an embedded resource in this request",
    );
    assert_error(
        &get("todos?select=id,comments(id)&order=comments(id)"),
        StatusCode::BAD_REQUEST,
        "PGRST118",
        "A related order on 'comments' is not possible",
    );
    assert_error(
        &get("todos?select=comments(id),comments(body)"),
        StatusCode::BAD_REQUEST,
        "42712",
        "table name \"todos_comments_1\" specified more than once",
    );
    assert_error(
        &get("todos?select=comments(nope)"),
        StatusCode::BAD_REQUEST,
        "42703",
        "column comments_1.nope does not exist",
    );
}

#[test]
fn embeds_nest_as_deep_as_sqlite_can_and_then_say_so() {
    let app = with_people();
    for depth in 1..=25 {
        for pair in [["boss:manager_id", "people"], ["people", "boss:manager_id"], ["people", "people"]] {
            let names = (0..depth).map(|level| pair[level % 2]);
            let select = names.rev().fold("id".to_string(), |inner, name| format!("id,{name}({inner})"));
            let answer = app.anon().get(&format!("/rest/v1/people?select={select}")).send();
            match answer.status {
                StatusCode::OK => {}
                StatusCode::BAD_REQUEST if depth > 12 => {}
                status => panic!("{depth} of {pair:?}: {status} {}", answer.text()),
            }
        }
    }
}
