//! Which rows: every operator, negation, trees, quoting, and values that are data and nothing else.

use http::StatusCode;
use serde_json::json;

use super::schema::project;
use super::{ANN, assert_error, column, rows, with_people, with_todos};

#[test]
fn operators_on_columns() {
    let app = with_people();
    // Eve 40, Adam 42, Cain 12, and one with neither name nor age.
    let cases: &[(&str, &[u32])] = &[
        ("age=eq.42", &[2]),
        ("age=neq.42", &[1, 3]),
        ("age=not.eq.42", &[1, 3]),
        ("age=gt.40", &[2]),
        ("age=gte.40", &[1, 2]),
        ("age=lt.40", &[3]),
        ("age=lte.40", &[1, 3]),
        ("age=in.(12,40)", &[1, 3]),
        ("age=not.in.(12,40)", &[2]),
        ("age=in.()", &[]),
        ("age=not.in.()", &[1, 2, 3, 4]),
        ("name=in.(Eve,\"Adam\")", &[1, 2]),
        ("age=is.null", &[4]),
        ("age=not.is.null", &[1, 2, 3]),
        ("age=is.not_null", &[1, 2, 3]),
        ("age=isdistinct.42", &[1, 3, 4]),
        ("age=not.isdistinct.42", &[2]),
        ("age=eq(any).{12,42}", &[2, 3]),
        ("age=gt(all).{12,40}", &[2]),
        ("name=like(any).{E*,*n}", &[1, 3]),
        ("name=eq.Adam&age=eq.42", &[2]),
        ("name=eq.Adam&age=eq.40", &[]),
        ("or=(name.eq.Adam,age.lt.40)", &[2, 3]),
        ("and=(age.gt.10,or(name.eq.Eve,name.eq.Cain))", &[1, 3]),
        ("not.or=(name.eq.Adam,name.eq.Eve)", &[3]),
        ("or=(not.and(age.gte.40,name.eq.Eve),age.is.null)", &[2, 3, 4]),
        ("or=(name.in.(Eve,Adam),age.is.null)", &[1, 2, 4]),
    ];
    for (filter, ids) in cases {
        let found = column(&app.anon(), &format!("people?select=id&order=id&{filter}"), "id");
        assert_eq!(found, ids.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{filter}");
    }
}

#[test]
fn like_is_postgres_like() {
    let app = project();
    let long = "x".repeat(60);
    let names =
        ["apple", "Apple", "a%b", "a_b", "a*b", "[x]", "", "Ärger", "banana", &format!("{long}-mid-{long}")];
    for (id, name) in names.iter().enumerate() {
        app.database.execute(&format!("INSERT INTO people (id, name) VALUES ({id}, '{name}')"));
    }
    app.database.execute("INSERT INTO people (id, name) VALUES (99, NULL)");
    let cases: Vec<(String, &[u32])> = vec![
        ("like.apple".into(), &[0]),
        ("like.app*".into(), &[0]),
        ("like.*ple".into(), &[0, 1]),
        ("like.*pp*".into(), &[0, 1]),
        ("like.a*e".into(), &[0]),
        ("like._pple".into(), &[0, 1]),
        ("like.*".into(), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("like.".into(), &[6]),
        ("like.a\\%25b".into(), &[2]),
        ("like.a\\_b".into(), &[3]),
        ("like.a%25b".into(), &[2, 3, 4]),
        ("like.[x]".into(), &[5]),
        ("like.[*".into(), &[5]),
        ("like.b*n*n*".into(), &[8]),
        ("like.b*nan*nan*".into(), &[]),
        ("not.like.*a*".into(), &[1, 5, 6, 7, 9]),
        ("ilike.APPLE".into(), &[0, 1]),
        ("ilike.aPP*".into(), &[0, 1]),
        ("ilike.ärg*".into(), &[7]),
        (format!("like.{long}*"), &[9]),
        (format!("like.*{long}"), &[9]),
        (format!("like.{long}-*-{long}"), &[9]),
        (format!("like.*{long}*id*{long}*"), &[9]),
        (format!("like.{long}x*-{long}"), &[]),
        (format!("ilike.*{}*ID*", long.to_uppercase()), &[9]),
    ];
    for (filter, ids) in cases {
        let found = column(&app.anon(), &format!("people?select=id&order=id&name={filter}"), "id");
        assert_eq!(found, ids.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{filter}");
    }
    let answer = app.anon().get(&format!("/rest/v1/people?name=like._{long}")).send();
    assert_error(&answer, StatusCode::BAD_REQUEST, "PGRST127", "Feature not implemented");
    let answer = app.anon().get("/rest/v1/people?name=like.a%5C").send();
    assert_error(
        &answer,
        StatusCode::BAD_REQUEST,
        "22025",
        "LIKE pattern must not end with escape character",
    );
}

#[test]
fn values_are_read_by_their_columns_type() {
    let app = project();
    app.database.execute(
        r#"INSERT INTO things (id, flag, big, exact, ratio, key, at, day, doc, bytes, numbers, words, mood) VALUES
             (1, 1, 9007199254740993, '1.50', 0.1, '00000000-0000-4000-8000-00000000000a', '2026-01-02T03:04:05+00:00',
              '2026-01-02', '{"a":1,"n":10,"s":"x"}', x'00ff', '[1,2]', '["a","b c"]', 'sad'),
             (2, 0, 9007199254740992, '10', 9e999, '00000000-0000-4000-8000-00000000000b', '2026-06-01T00:00:00+00:00',
              '2026-06-01', '{"a":2,"n":9,"s":"y"}', x'01', '[2,3]', '[]', 'happy');"#,
    );
    let cases: &[(&str, &[u32])] = &[
        ("flag=eq.true", &[1]),
        ("flag=eq.f", &[2]),
        ("flag=is.true", &[1]),
        ("flag=not.is.true", &[2]),
        ("flag=is.unknown", &[]),
        ("big=eq.9007199254740993", &[1]),
        ("big=in.(9007199254740992)", &[2]),
        ("exact=eq.1.5", &[1]),
        ("exact=gt.2", &[2]),
        ("exact=in.(1.500,7)", &[1]),
        ("ratio=eq.0.1", &[1]),
        ("ratio=eq.Infinity", &[2]),
        ("ratio=lt.Infinity", &[1]),
        ("key=eq.00000000-0000-4000-8000-00000000000A", &[1]),
        ("at=eq.2026-01-02T05:04:05%2B02", &[1]),
        ("at=gt.2026-02-01", &[2]),
        ("day=lte.2026-01-02", &[1]),
        ("doc->>s=eq.x", &[1]),
        ("doc->a=eq.2", &[2]),
        ("doc->n=gt.9", &[1]),
        ("doc->>n=gt.9", &[]),
        ("doc->s=eq.\"y\"", &[2]),
        ("doc->>s=in.(x,z)", &[1]),
        ("doc->>s=like.*x", &[1]),
        ("doc->>gone=is.null", &[1, 2]),
        ("doc=eq.{\"s\": \"x\", \"a\": 1, \"n\": 10}", &[1]),
        ("bytes=eq.\\x00ff", &[1]),
        ("numbers=eq.{1,2}", &[1]),
        ("numbers=cs.{2}", &[1, 2]),
        ("numbers=cs.{1,2}", &[1]),
        ("numbers=cd.{1,2,5}", &[1]),
        ("numbers=ov.{3,4}", &[2]),
        ("words=cs.{\"b c\"}", &[1]),
        ("words=cd.{a}", &[2]),
        ("words=ov.{a}", &[1]),
        ("words=not.cs.{a}", &[2]),
        ("mood=eq.sad", &[1]),
        ("mood=gt.sad", &[2]),
        ("mood=lt.happy", &[1]),
    ];
    for (filter, ids) in cases {
        let found = column(&app.anon(), &format!("things?select=id&order=id&{filter}"), "id");
        assert_eq!(found, ids.iter().map(|id| json!(id)).collect::<Vec<_>>(), "{filter}");
    }
}

#[test]
fn values_that_are_none_of_their_type() {
    let app = project();
    let cases = [
        ("people?id=eq.x", "22P02", "invalid input syntax for type integer: \"x\""),
        ("people?id=in.(1,x)", "22P02", "invalid input syntax for type integer: \"x\""),
        ("people?id=eq.99999999999", "22003", "value \"99999999999\" is out of range for type integer"),
        ("people?age=eq.null", "22P02", "invalid input syntax for type integer: \"null\""),
        ("things?key=eq.1", "22P02", "invalid input syntax for type uuid: \"1\""),
        ("things?flag=eq.maybe", "22P02", "invalid input syntax for type boolean: \"maybe\""),
        ("things?mood=eq.angry", "22P02", "invalid input value for enum mood: \"angry\""),
        ("things?numbers=cs.1", "22P02", "malformed array literal: \"1\""),
        ("things?doc->a=eq.x", "22P02", "invalid input syntax for type json"),
        ("people?id=is.true", "42804", "argument of IS TRUE must be type boolean, not type integer"),
    ];
    for (target, code, message) in cases {
        let answer = app.anon().get(&format!("/rest/v1/{target}")).send();
        assert_error(&answer, StatusCode::BAD_REQUEST, code, message);
    }
    for target in ["people?id=like.1", "people?name=cs.{a}", "things?raw=eq.1"] {
        let answer = app.anon().get(&format!("/rest/v1/{target}")).send();
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{target}");
        assert_eq!(answer.json()["code"], json!("42883"), "{target}");
    }
}

#[test]
fn sql_in_a_value_is_data() {
    let app = with_todos();
    let evil =
        ["' OR '1'='1", "\"; DROP TABLE todos; --", "x') OR 1=1 --", "?1", "%27%20OR%201=1", "\\", "a\"b"];
    for text in evil {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for filter in [
            format!("title=eq.{encoded}"),
            format!("title=in.(\"{encoded}\")"),
            format!("title=ilike.{encoded}*"),
            format!("meta->>{encoded}=eq.1"),
            format!("or=(title.eq.\"{encoded}\")"),
            format!("labels=cs.{{{encoded}}}"),
        ] {
            let answer = app.user(ANN).get(&format!("/rest/v1/todos?select=id&{filter}")).send();
            assert!(answer.status.as_u16() < 500, "{filter}: {}", answer.text());
            if answer.status == StatusCode::OK {
                assert_eq!(answer.json(), json!([]), "{filter}");
            }
        }
    }
    for (key, value) in [("title", "'; DELETE FROM todos; --"), ("meta", "{\"a\":\"'\"}")] {
        let answer = app
            .user(ANN)
            .patch("/rest/v1/todos?id=eq.1")
            .json(&json!({key: value}))
            .header("prefer", "return=representation")
            .send();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
    assert_eq!(
        rows(&app.user(ANN), "todos?select=title&id=eq.1"),
        json!([{"title": "'; DELETE FROM todos; --"}])
    );
    assert_eq!(app.database.value("SELECT count(*) FROM todos").as_deref(), Some("4"));
}

#[test]
fn more_values_than_d1_has_parameters() {
    let app = with_people();
    let filters: Vec<String> = (0..150).map(|age| format!("age.eq.{}", age + 1000)).collect();
    let target = format!("people?select=id&or=(name.eq.Eve,{})", filters.join(","));
    assert_eq!(rows(&app.anon(), &target), json!([{"id": 1}]));
    let ids: Vec<String> = (0..2000).map(|id| id.to_string()).collect();
    assert_eq!(
        rows(&app.anon(), &format!("people?select=id&id=in.({})", ids.join(","))).as_array().unwrap().len(),
        4
    );
}
