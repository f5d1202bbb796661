//! Functions are kept as they were created, changed, granted and dropped.

use crate::app::TestApp;

const SCHEMA: &str = "
create type mood as enum ('sad', 'happy');
create table people (id bigint generated always as identity primary key, name text, mood mood);
create schema private;
";

#[test]
fn the_usual_forms_of_create_function_are_read() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    let rows = [
        "create function f1() returns int language sql as $$ select 1 $$",
        "create or replace function public.f2(a int, b text default 'x', c numeric(10,2) = 1.5) returns text as $body$ select $2 $body$ language 'sql' immutable strict parallel safe",
        "CREATE FUNCTION \"F3\"(IN a int, OUT b int, OUT c text) LANGUAGE SQL STABLE AS 'select a, ''it''''s'''",
        "create function f4(p people) returns setof people rows 1 language sql stable security definer set search_path = '' as $$ select * from public.people $$",
        "create function f5(double precision, timestamp with time zone, int[]) returns table (id bigint, name text) cost 10 language sql as $$ select id, name from people $$",
        "create function private.f6(variadic names text[]) returns setof text language sql set search_path to public, private set statement_timeout = '1s' as $$ select name from people $$",
        "create function f7(a people.id%type) returns people.mood%type return (select mood from people where id = a)",
        "create function f8() returns bigint begin atomic select case when true then 1 else 2 end; select count(*) from people; end",
        "create function f9() returns void language sql as $$ update people set name = 'x'; delete from people $$",
        "create function f10(a mood) returns record language sql as $$ select 1 $$",
    ];
    for (index, sql) in rows.iter().enumerate() {
        let answer = app.run(sql);
        assert_eq!(answer.status, if index == 9 { 400 } else { 200 }, "{sql}: {}", answer.text());
    }
    let kept =
        "SELECT group_concat(name, ' ' ORDER BY name) FROM \"edgeward.catalog\" WHERE kind = 'function'";
    assert_eq!(
        app.database.value(kept).unwrap(),
        "F3(int4) f1() f2(int4,text,numeric) f4(people) f5(float8,timestamptz,int4[]) f7(int8) f8() f9() private.f6(text[])"
    );
}

#[test]
fn functions_that_postgres_refuses_are_refused() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app.run("create function f(a int, b text default 'x') returns int language sql as 'select 1'");
    #[rustfmt::skip]
    let rows = [
        ("create function f(a int, b text) returns int language sql as 'select 1'", "42723", "already exists with same argument types"),
        ("create or replace function f(a int, b text default 'x') returns text language sql as $$select 'a'$$", "42P13", "cannot change return type"),
        ("create or replace function f(c int, b text default 'x') returns int language sql as 'select 1'", "42P13", "cannot change name of input parameter \"a\""),
        ("create function g(a int default 1, b int) returns int language sql as 'select 1'", "42P13", "must also have defaults"),
        ("create function g(a int, a int) returns int language sql as 'select 1'", "42P13", "used more than once"),
        ("create function g() language sql as 'select 1'", "42P13", "result type must be specified"),
        ("create function g() returns int language sql", "42P13", "no function body"),
        ("create function g() returns int language sql as $$ select 1 +* 2 $$", "42601", "function g()"),
        ("create function g() returns trigger language sql as 'select 1'", "42P13", "cannot return type trigger"),
        ("create function g() returns int language plv8 as 'return 1'", "0A000", "LANGUAGE plv8"),
        ("create function g(a nothing) returns int language sql as 'select 1'", "42704", "nothing"),
        ("create function auth.g() returns int language sql as 'select 1'", "42501", "schema auth"),
        ("create function nowhere.g() returns int language sql as 'select 1'", "3F000", "nowhere"),
        ("drop function g", "42883", "could not find a function named \"g\""),
        ("drop function f(text)", "42883", "function f(text) does not exist"),
        ("alter function g() owner to postgres", "42883", "function g() does not exist"),
        ("grant execute on function f(int, text) to nobody", "42704", "role \"nobody\""),
    ];
    for (sql, code, message) in rows {
        let (got, text) = app.refusal(sql);
        assert_eq!((got.as_str(), text.contains(message)), (code, true), "{sql}: {got} {text}");
    }
}

#[test]
fn functions_are_altered_granted_and_dropped() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    let sql = "
      create function f(a int) returns int language sql as 'select 1';
      create function f(a text) returns int language sql as 'select 2';
      alter function f(int) owner to postgres;
      alter function f(a int) rename to g;
      alter function g(integer) security definer set search_path = '';
      revoke all on function f from public, anon;
      grant execute on function f(text) to authenticated;
      revoke execute on all functions in schema private from public;
      comment on function f(text) is 'two';
      create function private.h() returns int language sql as 'select 1';
      drop function if exists private.h(), nothing(int), private.nothing;
      drop function g(int) cascade;";
    let answer = app.run(sql);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let of = |what: &str| {
        let sql = format!("SELECT group_concat({what}) FROM \"edgeward.catalog\" WHERE kind = 'function'");
        app.database.value(&sql).unwrap()
    };
    assert_eq!(of("name"), "f(text)");
    assert_eq!(of("definition ->> 'executors'"), r#"["service_role","authenticated"]"#);
    let (code, _) =
        app.refusal("create function f(a int) returns int language sql as 'select 1'; drop function f");
    assert_eq!(code, "42725");
}
