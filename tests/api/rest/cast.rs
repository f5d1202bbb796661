//! `select=column::type`: as SQL's CAST.

use serde_json::{Value, json};

use crate::app::TestApp;

#[test]
fn columns_are_cast_as_postgres_casts_them() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table things (id int primary key, b bool, n numeric(10,2), f float8, t text, d date, ts timestamptz, j jsonb, a int[], u uuid, big bigint);
         alter table things disable row level security;
         insert into things values (1, true, 12.50, 2.5, '42', '2024-02-03', '2024-02-03 04:05:06.7+00', '{\"a\": [1, 2], \"s\": \"7\"}', '{1,2}', '00000000-0000-4000-8000-00000000000a', 70000);",
    );
    let get = |what: &str| app.anon().get(&format!("/rest/v1/things?select=x:{what}")).send();
    #[rustfmt::skip]
    let rows: &[(&str, Value)] = &[
        ("t::int",          json!(42)),
        ("t::numeric",      json!(42)),
        ("t::float8",       json!(42)),
        ("n::int",          json!(13)),
        ("n::text",         json!("12.50")),
        ("f::int",          json!(2)),
        ("id::float8",      json!(1)),
        ("b::int",          json!(1)),
        ("b::text",         json!("true")),
        ("id::bool",        json!(true)),
        ("ts::date",        json!("2024-02-03")),
        ("ts::timestamp",   json!("2024-02-03T04:05:06.7")),
        ("d::timestamp",    json!("2024-02-03T00:00:00")),
        ("a::text",         json!("{1,2}")),
        ("j::text",         json!("{\"a\": [1, 2], \"s\": \"7\"}")),
        ("j->>s::int",      json!(7)),
        ("u::text",         json!("00000000-0000-4000-8000-00000000000a")),
    ];
    for (what, expected) in rows {
        let answer = get(what);
        assert_eq!(answer.json(), json!([{"x": expected}]), "{what}");
    }
    let code = |what: &str| get(what).json()["code"].clone();
    assert_eq!(code("big::int2"), json!("22003"));
    assert_eq!(code("u::int"), json!("0A000"), "where Postgres has 42846");
    assert_eq!(code("t::nope"), json!("42704"));
    app.database.execute("UPDATE things SET t = 'x'");
    assert_eq!(code("t::int"), json!("22P02"));
}
