//! Functions are kept as they were created, changed, granted and dropped.

use serde_json::json;

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
        "create function f8() returns bigint begin atomic select case when true then count(*) else 2 end from people; end",
        "create function f9() returns void language sql as $$ select count(*) from people $$",
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

const TEAMS: &str = "
create table teams (id int primary key, name text);
create table members (team_id int references teams, user_id uuid, role text, primary key (team_id, user_id));
insert into teams values (1, 'Red'), (2, 'Blue');
insert into members values (1, '00000000-0000-0000-0000-00000000000a', 'owner'), (2, '00000000-0000-0000-0000-00000000000a', 'guest'),
  (2, '00000000-0000-0000-0000-00000000000b', 'owner');
create function add(a int, b int default 10) returns int language sql immutable as 'select a + b';
create function add(a text, b text) returns text language sql immutable as $$ select a || '+' || b $$;
create function twice(int) returns bigint language sql immutable strict as 'select $1 * 2';
create function team_name(team int) returns text language sql stable as 'select name from teams where id = team order by id';
create function team_ids(who uuid) returns setof int language sql stable as 'select team_id from members where user_id = who order by 1';
create function owned(min_id int = 0) returns table (id int, label text) language sql stable as $$ select t.id, t.name from teams t join members m on m.team_id = t.id where m.role = 'owner' and t.id > owned.min_id $$;
create function team(team_id int) returns teams language sql stable as $$ select * from teams where teams.id = $1 $$;
create function label(t teams) returns text language sql stable as $$ select t.id || ':' || ($1).name $$;
create function joined(variadic parts text[]) returns text language sql immutable as $$ select array_to_string(parts, '-') $$;
";

#[test]
fn functions_are_called_in_expressions_and_in_from() {
    let app = TestApp::new();
    app.migrate(
        "1",
        &TEAMS.replace("array_to_string(parts, '-')", "parts[1] || '-' || cardinality(parts)::text"),
    );
    #[rustfmt::skip]
    let rows = [
        ("add(1, 2)", json!(3)),
        ("add(1)", json!(11)),
        ("add(b => 1, a => 2)", json!(3)),
        ("add('x', 'y')", json!("x+y")),
        ("add(add(1, 1), (select count(*)::int from teams))", json!(4)),
        ("twice(21)", json!(42)),
        ("twice(null)", json!(null)),
        ("public.twice(length('abc'))", json!(6)),
        ("team_name(2)", json!("Blue")),
        ("team_name(9)", json!(null)),
        ("coalesce(team_name(team => 9), 'none')", json!("none")),
        ("joined('a', 'b', 'c')", json!("a-3")),
        ("(select string_agg(label(t), ',' order by t.id) from teams t)", json!("1:Red,2:Blue")),
        ("(select string_agg(label(teams.*), ',' order by id) from teams)", json!("1:Red,2:Blue")),
        ("(select string_agg(t.label, ',' order by t.id) from teams t)", json!("1:Red,2:Blue")),
        ("(select sum(add(id, length(name))) from teams)", json!(10)),
        ("(select count(*) from teams where id in (select team_ids('00000000-0000-0000-0000-00000000000a')))", json!(2)),
        ("(select count(*) from teams where id = any (array(select team_ids('00000000-0000-0000-0000-00000000000b'))))", json!(1)),
        ("(select string_agg(x::text, ',') from team_ids('00000000-0000-0000-0000-00000000000a') as x)", json!("1,2")),
        ("(select string_agg(label, ',' order by id) from owned())", json!("Red,Blue")),
        ("(select string_agg(o.label, ',') from owned(add(0, 1)) o where o.id > 0)", json!("Blue")),
        ("(select name from team(2))", json!("Blue")),
        ("(select count(*) from team(9))", json!(1)),
        ("(select t.name from teams t order by team_name(t.id) limit 1)", json!("Blue")),
    ];
    for (expression, expected) in rows {
        assert_eq!(app.value(expression), expected, "{expression}");
    }
    #[rustfmt::skip]
    let refused = [
        ("select add(1, 2, 3)", "42883", "function add(integer, integer, integer) does not exist"),
        ("select add(true, 2)", "42883", "function add(boolean, integer) does not exist"),
        ("select add(c => 1)", "42883", "function add(c => integer) does not exist"),
        ("select add(a => 1, 2)", "42601", "positional argument cannot follow named argument"),
        ("select nobody(1)", "42883", "function nobody(integer) does not exist"),
        ("select * from nobody(1)", "42883", "nobody"),
        ("select 1 + team_ids(null)", "0A000", "set-returning"),
        ("select team(1)", "0A000", "row"),
    ];
    for (sql, code, message) in refused {
        let (got, text) = app.refusal(sql);
        assert_eq!((got.as_str(), text.contains(message)), (code, true), "{sql}: {got} {text}");
    }
}

#[test]
fn bodies_that_cannot_be_compiled_are_refused_at_their_line() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    #[rustfmt::skip]
    let rows = [
        ("returns int language sql as 'select nothing from people'", "42703", "column \"nothing\" does not exist"),
        ("returns int language sql as 'select id from nobody'", "42P01", "relation \"nobody\" does not exist"),
        ("returns int language sql as $$ select 'x'::text $$", "42P13", "return type mismatch in function declared to return integer"),
        ("returns int language sql as 'select 1, 2'", "42P13", "return type mismatch"),
        ("returns people language sql as 'select id from people'", "42P13", "return type mismatch"),
        ("returns table (a int) language sql as 'select id, name from people'", "42P13", "return type mismatch"),
        ("returns int language sql as ''", "42P13", "no statement"),
        ("returns int language sql as 'select f()'", "54001", "stack depth"),
        ("returns int language sql set search_path = '' as 'select 1 from people'", "42P01", "relation \"people\" does not exist"),
        ("returns int language sql as $$ select pg_sleep(1) $$", "0A000", "pg_sleep"),
    ];
    for (clauses, code, message) in rows {
        let sql = format!("select 1;\ncreate function f() {clauses};");
        let answer = app.run(&sql);
        let body = answer.json();
        assert_eq!(body["code"], code, "{clauses}: {}", answer.text());
        assert!(body["message"].as_str().unwrap().contains(message), "{clauses}: {}", answer.text());
        assert!(answer.text().contains("line 2") || body["line"] == 2, "{}", answer.text());
    }
    // As dumps have it: functions before the tables, compiled at the file's end.
    let dump = "set check_function_bodies = false;
      create function later() returns text language sql as 'select name from afterwards';
      create table afterwards (name text);";
    assert_eq!(app.run(dump).status, 200);
    let (code, _) = app.refusal("set check_function_bodies = off; create function never() returns text language sql as 'select name from missing'");
    assert_eq!(code, "42P01");
}

#[test]
fn what_uses_a_function_keeps_it() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create function one() returns int language sql volatile as 'select 1';
         create function is_small(a int) returns boolean language sql immutable as 'select a < 10';
         create table t (id int, b int default one(), small boolean generated always as (is_small(id)) stored, check (is_small(b)));
         create function is_there(a int) returns boolean language sql stable as 'select exists (select 1 from t where id = a)';
         create table s (id int);",
    );
    assert_eq!(app.run("create policy there on t using (is_there(id) and is_small(b))").status, 200);
    assert_eq!(app.run("create index on t (id) where is_small(id)").status, 200);
    assert_eq!(
        app.rows("insert into t (id) values (3) returning *"),
        json!([{"id": 3, "b": 1, "small": true}])
    );
    assert_eq!(
        app.run("create or replace function one() returns int language sql as 'select 2'").status,
        200
    );
    assert_eq!(app.rows("insert into t (id) values (4) returning b"), json!([{"b": 2}]));
    #[rustfmt::skip]
    let refused = [
        ("drop function one()", "2BP01", "default value for column b of table t"),
        ("drop function is_there", "2BP01", "policy there on table t"),
        ("drop function is_small", "2BP01", "table t"),
        ("alter function is_there(int) rename to exists_there", "0A000", "policy there on table t"),
        ("create or replace function is_small(a int) returns boolean language sql immutable as 'select a < 11'", "0A000", "another body"),
        ("alter table s add check (is_there(id))", "42P17", "IMMUTABLE"),
        ("create index on s (is_there(id))", "42P17", "IMMUTABLE"),
    ];
    for (sql, code, message) in refused {
        let (got, text) = app.refusal(sql);
        assert_eq!((got.as_str(), text.contains(message)), (code, true), "{sql}: {got} {text}");
    }
    // A body's columns are its own affair, as in Postgres: what goes is noticed when it is called.
    assert_eq!(app.run("alter table t rename column b to c").status, 200);
    assert_eq!(app.run("drop function is_there cascade").status, 200);
    assert_eq!(app.run("drop function one() cascade").status, 200);
    assert_eq!(app.rows("insert into t (id) values (5) returning c"), json!([{"c": null}]));
    let policies = "SELECT count(*) FROM \"edgeward.catalog\" WHERE kind = 'policy'";
    assert_eq!(app.database.value(policies).unwrap(), "0");
}

#[test]
fn functions_that_call_one_another_many_times_over_are_refused_at_once() {
    let app = TestApp::new();
    let bodies = [
        "language sql immutable as $$ select f(n) + f(n + 1) $$",
        "language plpgsql as $$ begin if f(n) > 3 then return f(n + 1); end if; return f(n); end $$",
    ];
    for (index, body) in bodies.iter().enumerate() {
        let name = |level: usize| format!("f{index}_{level}");
        app.rows(&format!(
            "create function {}(n int) returns int language sql immutable as $$ select n + 1 $$",
            name(0)
        ));
        let mut highest = 0;
        for level in 1..=14 {
            let body = body.replace("f(n", &format!("{}(n", name(level - 1)));
            let answer = app.run(&format!("create function {}(n int) returns int {body}", name(level)));
            if answer.status == 200 {
                highest = level;
            } else {
                assert_eq!(answer.json()["code"], "54001");
                break;
            }
        }
        assert!(highest > 3, "{highest}");
        let called = app.run(&format!("select {}(1)", name(highest)));
        assert!(called.status == 200 || called.json()["code"] == "54001", "{}", called.text());
    }
}
