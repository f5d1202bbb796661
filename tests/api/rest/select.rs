//! What `select` gives: columns, aliases, casts, JSON paths, and each type in Postgres' JSON.

use serde_json::json;

use super::schema::project;
use super::{ANN, rows, with_todos};

#[test]
fn columns_aliases_casts_and_json_paths() {
    let app = with_todos();
    let cases = [
        ("todos?select=id,title&id=eq.1", json!([{"id": 1, "title": "milk"}])),
        ("todos?select=n:id,title&id=eq.1", json!([{"n": 1, "title": "milk"}])),
        ("todos?select=\"id\"&id=eq.1", json!([{"id": 1}])),
        (
            "todos?select=id::text,done::text,priority::text&id=eq.1",
            json!([{"id": "1", "done": "false", "priority": "1.50"}]),
        ),
        ("todos?select=meta->a->b->0&id=eq.1", json!([{"b": 1}])),
        ("todos?select=meta->a->b->-1&id=eq.1", json!([{"b": 2}])),
        ("todos?select=meta->>n,x:meta->>a&id=eq.1", json!([{"n": "7", "x": "{\"b\":[1,2]}"}])),
        ("todos?select=meta->nope,meta->>gone&id=eq.1", json!([{"nope": null, "gone": null}])),
        ("todos?select=title->>x&id=eq.1", json!([{"x": null}])),
        ("todos?select=labels->0&id=eq.1", json!([{"labels": "home"}])),
        ("todos?select=id,id&id=eq.1", json!([{"id": 1}])),
        (
            "todos?select=&id=eq.2",
            json!([{
                "id": 2, "user_id": ANN, "title": "bread", "done": true, "priority": 10, "meta": null,
                "labels": ["shop"], "due": null,
            }]),
        ),
        ("todos?select=count", json!([{"count": 2}])),
    ];
    for (target, expected) in cases {
        assert_eq!(rows(&app.user(ANN), target), expected, "{target}");
    }
}

#[test]
fn every_type_goes_out_as_postgres_prints_it() {
    let app = project();
    app.database.execute(
        r#"INSERT INTO things VALUES (1, 1, -5, 9223372036854775807, '12345678901234567890.10', '10.50', 0.30000000000000004,
             'a"b', 'abc', '00000000-0000-4000-8000-00000000000a', '2026-01-02T03:04:05.12+00:00', '2026-01-02T03:04:05',
             '2026-01-02', '1 day', '{"b":1, "a":[]}', '{"a":1.50}', x'dead', '[1,2]', '["x",null]', 'ok', 's'),
           (2, NULL, NULL, NULL, 'NaN', NULL, 9e999, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);"#,
    );
    let answer = app.anon().get("/rest/v1/things?order=id").send();
    let expected = concat!(
        r#"[{"id":1,"flag":true,"small":-5,"big":9223372036854775807,"exact":12345678901234567890.10,"price":10.50,"#,
        r#""ratio":0.30000000000000004,"label":"a\"b","code":"abc","key":"00000000-0000-4000-8000-00000000000a","#,
        r#""at":"2026-01-02T03:04:05.12+00:00","local":"2026-01-02T03:04:05","day":"2026-01-02","span":"1 day","#,
        r#""raw":{"b":1,"a":[]},"doc":{"a":1.50},"bytes":"\\xdead","numbers":[1,2],"words":["x",null],"mood":"ok","select":"s"},"#,
        r#"{"id":2,"flag":null,"small":null,"big":null,"exact":"NaN","price":null,"ratio":"Infinity","label":null,"code":null,"#,
        r#""key":null,"at":null,"local":null,"day":null,"span":null,"raw":null,"doc":null,"bytes":null,"numbers":null,"#,
        r#""words":null,"mood":null,"select":null}]"#,
    );
    assert_eq!(answer.text(), expected);
}

#[test]
fn floats_have_the_fewest_digits_that_read_back() {
    let app = project();
    let cases = ["0.1", "5", "123456789.12345679", "1e+20", "-2.5e-07", "1.7976931348623157e+308"];
    for (id, text) in cases.iter().enumerate() {
        app.database.execute(&format!("INSERT INTO things (id, ratio) VALUES ({id}, {text})"));
    }
    let answer = app.anon().get("/rest/v1/things?select=ratio&order=id").send().text();
    let expected: Vec<String> = cases.iter().map(|text| format!("{{\"ratio\":{text}}}")).collect();
    assert_eq!(answer, format!("[{}]", expected.join(",")));
}

#[test]
fn names_with_spaces_work() {
    let app = project();
    let answer = app.anon().post("/rest/v1/no%20key").json(&json!({"a b": "x"})).send();
    assert_eq!(answer.status, http::StatusCode::CREATED, "{}", answer.text());
    assert_eq!(rows(&app.anon(), "no%20key?select=%22a%20b%22&%22a%20b%22=eq.x"), json!([{"a b": "x"}]));
}

#[test]
fn one_row_comes_as_an_object() {
    let app = with_todos();
    let single = "application/vnd.pgrst.object+json";
    let one = app.user(ANN).get("/rest/v1/todos?select=id&id=eq.1").header("accept", single).send();
    assert_eq!(one.json(), json!({"id": 1}));
    assert_eq!(one.header("content-type"), Some("application/vnd.pgrst.object+json; charset=utf-8"));
    for (target, rows) in [("todos?id=eq.99", 0), ("todos", 2)] {
        let answer = app.user(ANN).get(&format!("/rest/v1/{target}")).header("accept", single).send();
        assert_eq!(answer.status, http::StatusCode::NOT_ACCEPTABLE);
        assert_eq!(
            answer.json(),
            json!({
                "code": "PGRST116", "details": format!("The result contains {rows} rows"), "hint": null,
                "message": "Cannot coerce the result to a single JSON object",
            })
        );
    }
}
