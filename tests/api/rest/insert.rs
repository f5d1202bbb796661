//! New rows.

use http::StatusCode;
use serde_json::json;

use super::schema::project;
use super::{ANN, assert_error, rows, with_people, with_todos};

const REPRESENTATION: &str = "return=representation";

#[test]
fn one_row_and_what_it_gives_back() {
    let app = with_todos();
    let ann = app.user(ANN);
    let minimal = ann.post("/rest/v1/todos").json(&json!({"title": "a"})).send();
    assert_eq!((minimal.status, minimal.text().as_str()), (StatusCode::CREATED, ""));
    assert_eq!(minimal.header("content-type"), None);
    let located = ann
        .post("/rest/v1/todos")
        .json(&json!({"title": "b"}))
        .header("prefer", "return=headers-only")
        .send();
    assert_eq!(located.status, StatusCode::CREATED);
    assert_eq!(located.header("location"), Some("/todos?id=eq.6"));
    assert_eq!(located.header("preference-applied"), Some("return=headers-only"));
    let row = ann
        .post("/rest/v1/todos?select=id,title,done,user_id,profiles(name)")
        .json(&json!({"title": "c"}))
        .header("prefer", "return=representation, count=exact")
        .send();
    assert_eq!(row.status, StatusCode::CREATED);
    assert_eq!(row.header("content-range"), Some("*/1"));
    let expected =
        json!([{"id": 7, "title": "c", "done": false, "user_id": ANN, "profiles": {"name": "Ann"}}]);
    assert_eq!(row.json(), expected, "DEFAULT auth.uid() is the caller");
    let single = ann
        .post("/rest/v1/todos?select=id")
        .json(&json!({"title": "d"}))
        .header("prefer", REPRESENTATION)
        .header("accept", "application/vnd.pgrst.object+json")
        .send();
    assert_eq!((single.status, single.json()), (StatusCode::CREATED, json!({"id": 8})));
}

#[test]
fn many_rows_in_the_bodys_order() {
    let app = project();
    let body: Vec<_> = (0..1500).map(|id| json!({"id": 1500 - id, "name": format!("n{id}")})).collect();
    let answer = app
        .anon()
        .post("/rest/v1/people?select=id")
        .json(&json!(body))
        .header("prefer", REPRESENTATION)
        .send();
    assert_eq!(answer.status, StatusCode::CREATED);
    let ids: Vec<_> =
        answer.json().as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (0..1500).map(|id| 1500 - id).collect::<Vec<i64>>());
}

#[test]
fn rows_hold_what_was_sent_whatever_its_characters() {
    let app = project();
    let names = [
        "plain",
        "don't",
        "say \"so\"",
        "two\nlines",
        "back\\slash",
        "ü 🌱",
        "'",
        "",
        "[]",
        "null",
        "\u{7f}",
        "$[0]",
    ];
    let body: Vec<_> = names.iter().enumerate().map(|(id, name)| json!({"id": id, "name": name})).collect();
    let answer = app.anon().post("/rest/v1/people").json(&json!(body)).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(rows(&app.anon(), "people?select=id,name&order=id"), json!(body));
}

#[test]
fn a_body_larger_than_a_parameter_is_split() {
    let app = project();
    let text = "x".repeat(400_000);
    let body: Vec<_> = (0..6).map(|id| json!({"id": id, "name": text})).collect();
    let answer = app
        .anon()
        .post("/rest/v1/people?select=id")
        .json(&json!(body))
        .header("prefer", REPRESENTATION)
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json().as_array().unwrap().len(), 6);
    assert_eq!(rows(&app.anon(), "people?select=count"), json!([{"count": 6}]));
}

#[test]
fn every_type_comes_back_as_it_was_sent() {
    let app = project();
    let body = r#"{"flag":true,"small":"-5","big":9223372036854775807,"exact":12345678901234567890.10,"price":10.505,"ratio":0.1,
        "label":"é\n","code":"abc  ","key":"00000000-0000-4000-8000-00000000000A","at":"2026-01-02 05:04:05+02","local":"2026-01-02",
        "day":"2026-01-02","span":"1 day","raw":{"b": 1},"doc":{"bb":1,"a":[true,null]},"bytes":"\\xDEAD","numbers":[1,2],
        "words":"{a,\"b c\"}","mood":"happy","select":null}"#;
    let answer = app.anon().post("/rest/v1/things").body(body).header("prefer", REPRESENTATION).send();
    let expected = concat!(
        r#"[{"id":1,"flag":true,"small":-5,"big":9223372036854775807,"exact":12345678901234567890.10,"price":10.51,"ratio":0.1,"#,
        r#""label":"é\n","code":"abc  ","key":"00000000-0000-4000-8000-00000000000a","at":"2026-01-02T03:04:05+00:00","#,
        r#""local":"2026-01-02T00:00:00","day":"2026-01-02","span":"1 day","raw":{"b":1},"doc":{"a":[true,null],"bb":1},"#,
        r#""bytes":"\\xdead","numbers":[1,2],"words":["a","b c"],"mood":"happy","select":null}]"#,
    );
    assert_eq!(answer.text(), expected);
}

#[test]
fn missing_keys_are_null_or_the_default() {
    let app = with_todos();
    let ann = app.user(ANN);
    let path = "/rest/v1/todos?columns=title,done,priority&select=title,done,priority";
    let body = json!([{"title": "a"}, {"title": "b", "done": true, "priority": 3}]);
    let default =
        ann.post(path).json(&body).header("prefer", "missing=default, return=representation").send();
    assert_eq!(default.header("preference-applied"), Some("missing=default, return=representation"));
    assert_eq!(
        default.json(),
        json!([{"title": "a", "done": false, "priority": null}, {"title": "b", "done": true, "priority": 3}])
    );
    let null = ann.post(path).json(&json!([{"title": "c"}])).send();
    assert_error(
        &null,
        StatusCode::BAD_REQUEST,
        "23502",
        "null value in column \"done\" of relation \"todos\" violates not-null constraint",
    );
    let owner = ann
        .post("/rest/v1/todos?columns=title,user_id&select=user_id")
        .json(&json!([{"title": "d"}]))
        .header("prefer", "missing=default, return=representation")
        .send();
    assert_eq!(owner.json(), json!([{"user_id": ANN}]));
    let ignored = ann
        .post("/rest/v1/todos?columns=title&select=title,done")
        .json(&json!([{"title": "e", "done": true, "nope": 1}]))
        .header("prefer", REPRESENTATION)
        .send();
    assert_eq!(ignored.json(), json!([{"title": "e", "done": false}]), "columns= leaves out other keys");
}

#[test]
fn bodies_of_nothing() {
    let app = project();
    let post = |body: &str| {
        let answer = app
            .anon()
            .post("/rest/v1/things?select=id")
            .body(body.to_string())
            .header("prefer", REPRESENTATION)
            .send();
        (answer.status, answer.text())
    };
    assert_eq!(post("[]"), (StatusCode::CREATED, "[]".into()));
    assert_eq!(post("{}"), (StatusCode::CREATED, "[{\"id\":1}]".into()));
    assert_eq!(post("[{},{}]"), (StatusCode::CREATED, "[{\"id\":2},{\"id\":3}]".into()));
    assert_eq!(app.database.value("SELECT count(*) FROM things").as_deref(), Some("3"));
}

#[test]
fn a_form_is_a_row() {
    let app = project();
    let answer = app
        .anon()
        .post("/rest/v1/people")
        .body("id=7&name=a+b")
        .header("content-type", "application/x-www-form-urlencoded")
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(rows(&app.anon(), "people?select=id,name"), json!([{"id": 7, "name": "a b"}]));
}

#[test]
fn rows_the_table_does_not_take() {
    let app = with_people();
    app.database.execute("INSERT INTO secrets (id, name) VALUES (1, 'taken')");
    let post = |target: &str, body: serde_json::Value| {
        app.service_role().post(&format!("/rest/v1/{target}")).json(&body).send()
    };
    let bad = StatusCode::BAD_REQUEST;
    let duplicate = post("secrets", json!({"id": 1, "name": "x"}));
    assert_error(
        &duplicate,
        StatusCode::CONFLICT,
        "23505",
        "duplicate key value violates unique constraint \"secrets_pkey\"",
    );
    assert_eq!(duplicate.json()["details"], json!("Key (id)=(1) already exists."));
    assert_error(
        &post("secrets", json!([{"id": 2, "name": "x"}, {"id": 3, "name": "taken"}])),
        StatusCode::CONFLICT,
        "23505",
        "duplicate key value violates unique constraint \"secrets_name_key\"",
    );
    assert_eq!(app.database.value("SELECT count(*) FROM secrets").as_deref(), Some("1"), "nothing half done");
    assert_error(
        &post("secrets", json!({"id": 4})),
        bad,
        "23502",
        "null value in column \"name\" of relation \"secrets\" violates not-null constraint",
    );
    let orphan = post("passports", json!({"number": "P9", "person_id": 99}));
    assert_error(
        &orphan,
        StatusCode::CONFLICT,
        "23503",
        "insert or update on table \"passports\" violates foreign key constraint \"passports_person_id_fkey\"",
    );
    assert_eq!(orphan.json()["details"], json!("Key (person_id)=(99) is not present in table \"people\"."));
    assert_error(
        &post("todos", json!({"title": "", "user_id": ANN})),
        bad,
        "23514",
        "new row for relation \"todos\" violates check constraint \"todos_title_check\"",
    );
    assert_error(
        &post("people", json!({"id": "x"})),
        bad,
        "22P02",
        "invalid input syntax for type integer: \"x\"",
    );
    assert_error(
        &post("people", json!({"id": 1.5})),
        bad,
        "22P02",
        "invalid input syntax for type integer: \"1.5\"",
    );
    assert_error(
        &post("people", json!({"id": 9, "nope": 1})),
        bad,
        "PGRST204",
        "Could not find the 'nope' column of 'people' in the schema cache",
    );
    assert_error(
        &post("people?columns=id,nope", json!({"id": 9})),
        bad,
        "PGRST204",
        "Could not find the 'nope' column of 'people' in the schema cache",
    );
    assert_error(
        &post("people", json!([{"id": 8}, {"id": 9, "age": 1}])),
        bad,
        "PGRST102",
        "All object keys must match",
    );
    let broken = app.anon().post("/rest/v1/people").body("{\"id\":").send();
    assert_error(&broken, bad, "PGRST102", "Empty or invalid json");
    let other = app.anon().post("/rest/v1/people").body("x").header("content-type", "image/png").send();
    assert_error(&other, bad, "PGRST102", "Content-Type not acceptable: image/png");
}

#[test]
fn columns_that_only_the_database_writes() {
    let app = project();
    let post = |body: serde_json::Value| {
        app.anon().post("/rest/v1/accounts").json(&body).header("prefer", REPRESENTATION).send()
    };
    assert_eq!(post(json!({"price": 4})).json(), json!([{"id": 1, "price": 4, "double": 8}]));
    let bad = StatusCode::BAD_REQUEST;
    let identity = post(json!({"id": 7, "price": 4}));
    assert_error(&identity, bad, "428C9", "cannot insert a non-DEFAULT value into column \"id\"");
    assert_eq!(
        identity.json()["details"],
        json!("Column \"id\" is an identity column defined as GENERATED ALWAYS.")
    );
    let generated = post(json!({"double": 7, "price": 4}));
    assert_error(&generated, bad, "428C9", "cannot insert a non-DEFAULT value into column \"double\"");
    let update = app.anon().patch("/rest/v1/accounts?id=eq.1").json(&json!({"double": 1})).send();
    assert_error(&update, bad, "428C9", "column \"double\" can only be updated to DEFAULT");
}

#[test]
fn a_singular_insert_of_several_rows_inserts_none() {
    let app = project();
    let answer = app
        .anon()
        .post("/rest/v1/people")
        .json(&json!([{"id": 1}, {"id": 2}]))
        .header("prefer", REPRESENTATION)
        .header("accept", "application/vnd.pgrst.object+json")
        .send();
    assert_error(
        &answer,
        StatusCode::NOT_ACCEPTABLE,
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
    );
    assert_eq!(app.database.value("SELECT count(*) FROM people").as_deref(), Some("0"));
}
