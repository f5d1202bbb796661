//! Every type goes in and comes out as Postgres prints it, and refuses what it cannot hold.

use serde_json::json;

use crate::app::TestApp;

#[test]
fn every_type_comes_out_as_it_went_in() {
    let app = TestApp::new();
    app.migrate("1", "create type mood as enum ('sad', 'so-so', 'it''s ok');");
    #[rustfmt::skip]
    let rows = [
        ("boolean",           "'yes'",                                     json!(true)),
        ("bool",              "false",                                     json!(false)),
        ("smallint",          "-32768",                                    json!(-32768)),
        ("int",               "'2147483647'",                              json!(2_147_483_647)),
        ("bigint",            "9223372036854775807",                       json!(9_223_372_036_854_775_807_i64)),
        ("bigint",            "-9223372036854775808",                      json!(i64::MIN)),
        ("real",              "1.5",                                       json!(1.5)),
        ("double precision",  "0.1",                                       json!(0.1)),
        ("double precision",  "'0.30000000000000004'",                     json!(0.300_000_000_000_000_04)),
        ("text",              "'a ''b'' \\ \"c\" é 😀'",                    json!("a 'b' \\ \"c\" é 😀")),
        ("text",              "E'a\\nb'",                                  json!("a\nb")),
        ("text",              "$$it's$$",                                  json!("it's")),
        ("varchar(3)",        "'abc'",                                     json!("abc")),
        ("varchar",           "'abc'",                                     json!("abc")),
        ("char(3)",           "'a'",                                       json!("a  ")),
        ("citext",            "'Abc'",                                     json!("Abc")),
        ("uuid",              "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'",    json!("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("timestamptz",       "'2026-01-02 03:04:05.120+02'",              json!("2026-01-02T01:04:05.12+00:00")),
        ("timestamptz",       "timestamptz '2026-01-02'",                  json!("2026-01-02T00:00:00+00:00")),
        ("timestamp",         "'2026-01-02 03:04:05.123456'",              json!("2026-01-02T03:04:05.123456")),
        ("date",              "'2026-01-02'",                              json!("2026-01-02")),
        ("time",              "'03:04'",                                   json!("03:04:00")),
        ("interval",          "'1 day 2 hours'",                           json!("1 day 02:00:00")),
        ("json",              "'{\"b\": 1, \"a\": [true, null]}'",         json!({"b": 1, "a": [true, null]})),
        ("jsonb",             "'{\"bb\": 1, \"a\": 2, \"a\": 3}'",         json!({"a": 3, "bb": 1})),
        ("jsonb",             "'null'",                                    json!(null)),
        ("bytea",             "'\\xDEADbeef'",                             json!("\\xdeadbeef")),
        ("text[]",            "'{a,\"b c\",NULL}'",                        json!(["a", "b c", null])),
        ("text[]",            "array['a', 'b']",                           json!(["a", "b"])),
        ("text[]",            "array[]::text[]",                           json!([])),
        ("int[]",             "array[1, 2]",                               json!([1, 2])),
        ("uuid[]",            "array['A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11']::uuid[]", json!(["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"])),
        ("mood",              "'it''s ok'",                                json!("it's ok")),
        ("mood[]",            "'{sad,so-so}'",                             json!(["sad", "so-so"])),
        ("text",              "null",                                      json!(null)),
    ];
    for (index, (data_type, literal, expected)) in rows.into_iter().enumerate() {
        let sql = format!(
            "create table t{index} (v {data_type}, d {data_type} default {literal});
             insert into t{index} (v) values ({literal});
             select v, d from t{index}"
        );
        assert_eq!(app.rows(&sql), json!([{"v": expected, "d": expected}]), "{data_type} {literal}");
    }
}

#[test]
fn numerics_keep_their_digits() {
    let app = TestApp::new();
    let sql =
        "create table t (a numeric(10,2) default 1.5, b numeric default '123456789012345678901234567890.10');
               insert into t default values;";
    app.migrate("1", sql);
    let answer = app.run("select a, b, a > 1 as more, a = 1.50 as same from t");
    assert_eq!(
        answer.text(),
        r#"{"rows":[{"a":1.50,"b":123456789012345678901234567890.10,"more":true,"same":true}]}"#
    );
}

#[test]
fn what_a_type_cannot_hold_is_refused() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type mood as enum ('sad', 'ok');
         create table t (b bool, s smallint, i int, l bigint, v varchar(3), c citext, u uuid, m mood, z timestamptz, j jsonb, a text[], n text not null default 'x');",
    );
    #[rustfmt::skip]
    let rows = [
        ("b", "'perhaps'",      "22P02", "invalid input syntax for type boolean: \"perhaps\""),
        ("b", "1",              "42804", "column \"b\" is of type boolean but expression is of type integer"),
        ("s", "32768",          "22003", "smallint out of range"),
        ("i", "2147483648",     "22003", "integer out of range"),
        ("i", "i2 from (select 2147483647 + 1 as i2) x", "22003", "integer out of range"),
        ("i", "'x'",            "22P02", "invalid input syntax for type integer: \"x\""),
        ("l", "9223372036854775807 + 1", "22003", "bigint out of range"),
        ("v", "'abcd'",         "22001", "value too long for type character varying(3)"),
        ("v", "'ab' || 'cd'",   "22001", "value too long for type character varying(3)"),
        ("c", "'É'",            "0A000", "citext outside ASCII is not supported"),
        ("u", "'nope'",         "22P02", "invalid input syntax for type uuid: \"nope\""),
        ("u", "('no' || 'pe')::uuid", "22P02", "invalid input syntax for type uuid: \"nope\""),
        ("m", "'glad'",         "22P02", "invalid input value for enum mood: \"glad\""),
        ("m", "('gl' || 'ad')::mood", "22P02", "invalid input value for enum mood: \"glad\""),
        ("z", "'yesterdayish'", "22007", "invalid input syntax for type timestamp with time zone: \"yesterdayish\""),
        ("j", "'{'",            "22P02", "invalid input syntax for type json"),
        ("a", "'{a'",           "22P02", "malformed array literal: \"{a\""),
        ("u", "'x'::text",      "42804", "column \"u\" is of type uuid but expression is of type text"),
        ("n", "null",           "23502", "null value in column \"n\" of relation \"t\" violates not-null constraint"),
    ];
    for (column, value, code, message) in rows {
        let refusal = app.refusal(&format!("insert into t ({column}) select {value}"));
        assert_eq!((refusal.0.as_str(), refusal.1.as_str()), (code, message), "{column} {value}");
    }
    assert_eq!(app.rows("select count(*) as n from t"), json!([{"n": 0}]));
    for unknown in
        ["money", "tsquery", "int4multirange", "vector(3)", "geometry(PointZ)", "timestamptz(0)", "bit(3)"]
    {
        assert_eq!(app.refusal(&format!("create table x (a {unknown})")).0, "0A000", "{unknown}");
    }
    assert_eq!(
        app.refusal("create table x (a moood)"),
        ("42704".into(), "type \"moood\" does not exist".into())
    );
}

#[test]
fn citext_is_unique_whatever_its_case() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create extension citext; create table t (name citext unique); insert into t values ('Ann');",
    );
    assert_eq!(app.rows("select name from t where name = 'aNN'"), json!([{"name": "Ann"}]));
    assert_eq!(
        app.refusal("insert into t values ('ANN')"),
        ("23505".into(), "duplicate key value violates unique constraint \"t_name_key\"".into())
    );
}

#[test]
fn identity_columns_and_serials_number_their_rows() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table a (id bigint generated always as identity primary key, v text);
         create table b (id serial primary key, v text);
         create table c (id int generated by default as identity, v text, primary key (id));
         create table d (id int primary key, v text);",
    );
    assert_eq!(
        app.rows("insert into a (v) values ('x'), ('y') returning id, v"),
        json!([{"id": 1, "v": "x"}, {"id": 2, "v": "y"}])
    );
    assert_eq!(app.rows("insert into b values (default, 'x') returning *"), json!([{"id": 1, "v": "x"}]));
    assert_eq!(app.rows("insert into c values (7, 'x') returning id"), json!([{"id": 7}]));
    assert_eq!(app.refusal("insert into a (id) values (9)").0, "428C9");
    assert_eq!(app.refusal("update a set id = 9").0, "428C9");
    assert_eq!(
        app.refusal("insert into d (v) values ('x')"),
        ("23502".into(), "null value in column \"id\" of relation \"d\" violates not-null constraint".into())
    );
    assert_eq!(app.refusal("insert into b (id) values (2147483648)").0, "22003");
    assert_eq!(app.refusal("create table x (a text generated always as identity primary key)").0, "22023");
}

#[test]
fn generated_columns_and_defaults_are_computed() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (
           id uuid primary key default gen_random_uuid(),
           a int not null default 2, b int default 3,
           product int generated always as (a * b) stored,
           made timestamptz default timezone('utc', now()), day date default current_date,
           later timestamptz default now() + interval '1 month', flags jsonb not null default '{}'::jsonb);
         insert into t (a) values (5);",
    );
    assert_eq!(
        app.rows("select a, b, product, flags from t"),
        json!([{"a": 5, "b": 3, "product": 15, "flags": {}}])
    );
    assert_eq!(
        app.rows("select count(*) as n from t where made <= now() and later > now() and day = made::date"),
        json!([{"n": 1}])
    );
    assert_eq!(app.refusal("insert into t (product) values (1)").0, "428C9");
    let rows = [
        ("create table x (a text default 1 + 1)", "ok"),
        ("create table x2 (a uuid default 'x')", "22P02"),
        ("create table x3 (a int default 'x'::text)", "42804"),
        ("create table x4 (a int, b int default a)", "42703"),
        ("create table x5 (a int default (select 1 from t))", "0A000"),
        ("create table x6 (a timestamptz generated always as (now()) stored)", "42P17"),
        ("create table x7 (a int check (a > (select count(*) from t)))", "0A000"),
        ("create table x8 (a uuid check (a = auth.uid()))", "42P17"),
        ("create table x9 (a int check (a))", "42804"),
        ("create table x10 (a int check (nope > 1))", "42703"),
    ];
    for (sql, code) in rows {
        let answer = app.run(sql);
        let found = answer.json()["code"].as_str().unwrap_or("ok").to_string();
        assert_eq!(found, code, "{sql}: {}", answer.text());
    }
}

#[test]
fn types_and_their_values_are_renamed() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type state as enum ('new', 'open', 'done');
         create table tasks (id int primary key, state state not null default 'new', past state[] default '{}', other state default 'done'::public.state);
         insert into tasks (id, past) values (1, '{new,done}');
         insert into tasks (id, state, past) values (2, 'done', null);
         create function is_open(s state, all_of state[] default null) returns boolean language sql immutable as $$ select s = 'open' $$;",
    );
    app.migrate("2", "alter type state rename value 'new' to 'fresh'");
    assert_eq!(
        app.rows("select id, state, past from tasks order by id"),
        json!([{"id": 1, "state": "fresh", "past": ["fresh", "done"]}, {"id": 2, "state": "done", "past": null}])
    );
    assert_eq!(
        app.rows("insert into tasks (id) values (3) returning state, other"),
        json!([{"state": "fresh", "other": "done"}])
    );
    assert_eq!(app.refusal("insert into tasks (id, state) values (4, 'new')").0, "22P02");
    assert_eq!(app.refusal("alter type state rename value 'new' to 'x'").0, "22023");
    assert_eq!(app.refusal("alter type state rename value 'open' to 'done'").0, "42710");
    app.migrate("3", "alter type state rename to task_state");
    assert_eq!(app.value("is_open('open')"), json!(true));
    assert_eq!(app.value("'fresh'::task_state"), json!("fresh"));
    assert_eq!(app.rows("insert into tasks (id) values (5) returning other"), json!([{"other": "done"}]));
    assert_eq!(app.refusal("select 'fresh'::state").0, "42704");
    assert_eq!(app.refusal("drop type task_state").0, "2BP01");
    app.rows("alter table tasks drop column state, drop column past, drop column other");
    assert_eq!(
        app.refusal("drop type task_state").1,
        "cannot drop type task_state because other objects depend on it: function is_open(task_state,task_state[])"
    );
    app.rows(
        "alter table tasks add column state task_state; create policy fresh on tasks using (state = 'fresh')",
    );
    assert_eq!(app.refusal("alter type task_state rename value 'fresh' to 'young'").0, "0A000");
    assert_eq!(app.refusal("alter type task_state rename to tasks").0, "42710");
}
