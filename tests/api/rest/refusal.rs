//! What is not there, not allowed or not done, each with PostgREST's code.

use http::{Method, StatusCode};
use serde_json::json;

use super::{ANN, assert_error, with_todos};

#[test]
fn relations_and_columns_that_are_not_there() {
    let app = with_todos();
    let get = |target: &str| app.user(ANN).get(&format!("/rest/v1/{target}")).send();
    let missing = get("todo");
    assert_error(
        &missing,
        StatusCode::NOT_FOUND,
        "PGRST205",
        "Could not find the table 'public.todo' in the schema cache",
    );
    assert_eq!(missing.json()["hint"], json!("Perhaps you meant the table 'public.todos'"));
    assert_eq!(missing.header("proxy-status"), Some("PostgREST; error=PGRST205"));
    let unnamed = get("todos?select=titel");
    assert_error(&unnamed, StatusCode::BAD_REQUEST, "42703", "column todos.titel does not exist");
    assert_eq!(unnamed.json()["hint"], json!("Perhaps you meant to reference the column \"todos.title\"."));
    for target in ["todos?nope=eq.1", "todos?order=nope", "todos?or=(nope.eq.1)", "todos?select=nope->a"] {
        assert_error(&get(target), StatusCode::BAD_REQUEST, "42703", "column todos.nope does not exist");
    }
    // The system's own tables are in schemas that are not exposed.
    for target in ["auth.users", "edgeward.catalog", "users", "sqlite_master", "objects"] {
        assert_eq!(get(target).status, StatusCode::NOT_FOUND, "{target}");
    }
    assert_error(
        &get("profiles?select=users(*)"),
        StatusCode::BAD_REQUEST,
        "PGRST200",
        "Could not find a relationship between 'profiles' and 'users' in the schema cache",
    );
}

#[test]
fn queries_that_do_not_parse() {
    let app = with_todos();
    let cases = [
        ("todos?select=id,,title", "\"failed to parse select parameter (id,,title)\" (line 1, column 4)"),
        ("todos?id=foo.1", "\"failed to parse filter (foo.1)\" (line 1, column 1)"),
        ("todos?id=1", "\"failed to parse filter (1)\" (line 1, column 1)"),
        ("todos?order=id.up", "\"failed to parse order (id.up)\" (line 1, column 3)"),
        ("todos?or=()", "\"failed to parse logic tree (())\" (line 1, column 4)"),
    ];
    for (target, message) in cases {
        let answer = app.user(ANN).get(&format!("/rest/v1/{target}")).send();
        assert_error(&answer, StatusCode::BAD_REQUEST, "PGRST100", message);
        assert!(answer.json()["details"].as_str().unwrap().starts_with("unexpected "));
    }
}

#[test]
fn headers_that_ask_for_what_is_not_there() {
    let app = with_todos();
    let get = |name: &str, value: &str| app.user(ANN).get("/rest/v1/todos").header(name, value).send();
    let schema = get("accept-profile", "auth");
    assert_error(&schema, StatusCode::NOT_ACCEPTABLE, "PGRST106", "Invalid schema: auth");
    assert_eq!(schema.json()["hint"], json!("Only the following schemas are exposed: public"));
    let named = get("accept-profile", "public");
    assert_eq!(named.header("content-profile"), Some("public"));
    assert_error(
        &get("accept", "text/html"),
        StatusCode::NOT_ACCEPTABLE,
        "PGRST107",
        "None of these media types are available: text/html",
    );
    let strict = get("prefer", "handling=strict, foo=bar, count=exact");
    assert_error(
        &strict,
        StatusCode::BAD_REQUEST,
        "PGRST122",
        "Invalid preferences given with handling=strict",
    );
    assert_eq!(strict.json()["details"], json!("Invalid preferences: foo=bar"));
    assert_eq!(get("prefer", "foo=bar").header("preference-applied"), None);
}

#[test]
fn features_that_are_not_done_say_so() {
    let app = with_todos();
    let cases = [
        ("todos?select=priority.sum()", "PGRST123"),
        ("todos?select=count()", "PGRST123"),
        ("todos?select=id,...comments(id,id)", "PGRST127"),
        ("todos?select=id,...comments(count)", "PGRST127"),
        ("todos?title=match.^(ab)%2B", "PGRST127"),
        ("todos?title=fts(german).cat", "0A000"),
        ("todos?meta=cs.[[[[[[[1]]]]]]]", "PGRST127"),
        ("todos?order=meta", "PGRST127"),
        ("todos?select=title::nope", "42704"),
    ];
    for (target, code) in cases {
        let answer = app.user(ANN).get(&format!("/rest/v1/{target}")).send();
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!(code)),
            "{target}"
        );
    }
    let message = "Could not find the function public.add(a, b) in the schema cache";
    let function = app.user(ANN).post("/rest/v1/rpc/add").json(&json!({"a": 1, "b": 2})).send();
    assert_error(&function, StatusCode::NOT_FOUND, "PGRST202", message);
    let message = "Could not find the function public.now without parameters in the schema cache";
    assert_error(&app.user(ANN).get("/rest/v1/rpc/now").send(), StatusCode::NOT_FOUND, "PGRST202", message);
}

#[test]
fn methods() {
    let app = with_todos();
    let trace = app.user(ANN).call(Method::TRACE, "/rest/v1/todos").send();
    assert_error(&trace, StatusCode::METHOD_NOT_ALLOWED, "PGRST117", "Unsupported HTTP method: TRACE");
    let options = app.user(ANN).call(Method::OPTIONS, "/rest/v1/todos").send();
    assert_eq!(options.status, StatusCode::OK);
    assert_eq!(options.header("allow"), Some("OPTIONS,GET,HEAD,POST,PUT,PATCH,DELETE"));
}
