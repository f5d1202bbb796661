//! `cs` and `cd` on jsonb.

use http::StatusCode;
use serde_json::Value;

use super::schema::project;
use super::{assert_error, column};

#[test]
fn jsonb_contains_and_is_contained_as_in_postgres() {
    let app = project();
    let documents = [
        r#"{"a":1,"b":{"c":[1,2,{"d":"x"}]},"q\"k":null}"#,
        r#"["foo","bar",["baz",1],{"a":1,"b":2}]"#,
        r#""bar""#,
        "null",
        "{}",
        "[]",
        r#"{"a":1.0}"#,
        r#"{"a":"1"}"#,
        r#"{"a":true,"b":null}"#,
    ];
    for (id, document) in documents.iter().enumerate() {
        let body = format!("{{\"id\":{id},\"doc\":{document}}}");
        let answer =
            app.anon().post("/rest/v1/things").header("content-type", "application/json").body(body).send();
        assert!(answer.status.is_success(), "{}", answer.text());
    }
    // Stored as JSON's null by way of SQL, for over the API a null is NULL.
    app.database.execute("UPDATE things SET doc = 'null' WHERE id = 3");
    app.database.execute("INSERT INTO things (id, doc) VALUES (99, NULL)");
    let ids = |filter: &str| -> Vec<i64> {
        let (key, value) = filter.split_once('=').unwrap();
        let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let found: Vec<Value> =
            column(&app.anon(), &format!("things?select=id&order=id&{key}={value}"), "id");
        found.iter().map(|id| id.as_i64().unwrap()).collect()
    };
    let cases: [(&str, &[i64]); 26] = [
        (r#"doc=cs.{}"#, &[0, 4, 6, 7, 8]),
        (r#"doc=cs.[]"#, &[1, 5]),
        (r#"doc=cs.{"a":1}"#, &[0, 6]),
        (r#"doc=cs.{"a":"1"}"#, &[7]),
        (r#"doc=cs.{"a":true}"#, &[8]),
        (r#"doc=cs.{"b":null}"#, &[8]),
        (r#"doc=cs.{"q\"k":null}"#, &[0]),
        (r#"doc=cs.{"b":{"c":[{"d":"x"},1]}}"#, &[0]),
        (r#"doc=cs.{"b":{"c":[{"d":"y"}]}}"#, &[]),
        (r#"doc=cs.{"b":{}}"#, &[0]),
        (r#"doc=cs.["bar","bar"]"#, &[1]),
        (r#"doc=cs."bar""#, &[1, 2]),
        (r#"doc=cs.["baz"]"#, &[]),
        (r#"doc=cs.[["baz"]]"#, &[1]),
        (r#"doc=cs.[{"b":2}]"#, &[1]),
        (r#"doc=cs.null"#, &[3]),
        (r#"doc=not.cs.{}"#, &[1, 2, 3, 5]),
        (r#"doc=cd.{"a":1,"z":9}"#, &[4, 6]),
        (r#"doc=cd.{}"#, &[4]),
        (r#"doc=cd.["bar","x"]"#, &[2, 5]),
        (r#"doc=cd."bar""#, &[2]),
        (r#"doc=cd.["foo","bar",["baz",1,2],{"a":1,"b":2,"c":3}]"#, &[1, 2, 5]),
        (r#"doc=cd.["foo","bar",["baz"],{"a":1,"b":2,"c":3}]"#, &[2, 5]),
        (r#"doc->b->c=cs.[2]"#, &[0]),
        (r#"doc->b=cd.{"c":[1,2,{"d":"x","e":1}]}"#, &[0]),
        (r#"doc=not.cd.{}"#, &[0, 1, 2, 3, 5, 6, 7, 8]),
    ];
    for (filter, expected) in cases {
        assert_eq!(ids(filter), expected, "{filter}");
    }
    for filter in [r#"doc=cs.{"a":{"b":{"c":{"d":{"e":1}}}}}"#, r#"doc=cd.{"z":{"b":[{"c":1}]}}"#] {
        ids(filter);
    }
}

#[test]
fn what_cannot_be_contained_is_refused() {
    let app = project();
    let get = |filter: &str| app.anon().get(&format!("/rest/v1/things?{filter}")).send();
    assert_error(&get("doc=cs.{a"), StatusCode::BAD_REQUEST, "22P02", "invalid input syntax for type json");
    let wide: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let wide = get(&format!("doc=cs.[{}]", wide.join(",")));
    assert_error(&wide, StatusCode::BAD_REQUEST, "PGRST127", "Feature not implemented");
    let json = get("raw=cs.{}");
    assert_error(&json, StatusCode::NOT_FOUND, "42883", "operator does not exist: json @> unknown");
}
