//! Functions in plpgsql that only read, in queries and policies.

use serde_json::json;

use super::{ANN, BOB, project, refusal, run};

#[test]
fn a_policy_asks_a_function_in_plpgsql() {
    let app = project(&format!(
        "create table members (team int, who uuid, role text);
         create table docs (id int primary key, team int);
         insert into members values (1, '{ANN}', 'admin'), (1, '{BOB}', 'guest');
         insert into docs values (1, 1), (2, 2);
         create function role_in(t int) returns text language plpgsql stable security definer as $$
         declare r text;
         begin
           select role into r from members where team = t and who = auth.uid();
           if not found then
             return 'none';
           end if;
           return r;
         end $$;
         create policy admins on docs using (role_in(team) = 'admin');",
    ));
    let seen = |user: &str| app.user(user).get("/rest/v1/docs?select=id").send().json();
    assert_eq!((seen(ANN), seen(BOB)), (json!([{"id": 1}]), json!([])));
}

#[test]
fn functions_compute() {
    let app = project(
        "create function grade(points int) returns text language plpgsql immutable as $$
         declare
           n int := points;
           result text;
         begin
           if n is null then raise exception 'no points' using errcode = 'null_value_not_allowed'; end if;
           n := n + 1;
           case when n > 90 then result := 'A'; when n > 50 then result := 'B'; else result := 'C'; end case;
           case points when 0, 1 then return 'Z'; else null; end case;
           return result || n;
         end $$;
         create function word(n int) returns text language plpgsql as $$ begin case n when 1 then return 'one'; end case; return '?'; end $$;
         create function nothing(n int) returns int language plpgsql as $$ begin if n > 0 then return n; end if; end $$;
         create function some(n int) returns setof int language plpgsql as $$
         begin
           return query select 1;
           if n > 1 then return query select 2; return next 3; end if;
           return;
         end $$;",
    );
    let rows = run(
        &app,
        "select grade(95) as a, grade(60) as b, grade(3) as c, grade(1) as z, word(1) as w, nothing(4) as n",
    );
    assert_eq!(rows, json!([{"a": "A96", "b": "B61", "c": "C4", "z": "Z", "w": "one", "n": 4}]));
    assert_eq!(refusal(&app, "select grade(null::int)"), ("22004".into(), "no points".into()));
    assert_eq!(refusal(&app, "select word(2)").0, "20000");
    assert_eq!(refusal(&app, "select nothing(0)").0, "2F005");
    assert_eq!(
        run(&app, "select some from some(2) order by 1"),
        json!([{"some": 1}, {"some": 2}, {"some": 3}])
    );
    assert_eq!(run(&app, "select some from some(1)"), json!([{"some": 1}]));
}

#[test]
fn a_name_of_both_a_variable_and_a_column_is_ambiguous() {
    let app = project(
        "create table t (id int, n int);
         create function f(n int) returns int language plpgsql as $$ begin return (select max(id) from t where n = 1); end $$;",
    );
    assert_eq!(refusal(&app, "select f(1)").0, "42702");
}

#[test]
fn a_call_in_a_query_keeps_its_names_apart() {
    let app = project(
        "create table t (id int, n int);
         insert into t values (1, 10), (2, 20), (3, 30);
         create function below(of int) returns int language plpgsql as $$
         declare c int; d int;
         begin
           select count(*) into c from t where t.id < of;
           d := c + (select coalesce(sum(t.n), 0) from t where t.id < of and t.id >= c);
           return d;
         end $$;
         create function twice(of int) returns int language plpgsql as $$
         declare a int; b int;
         begin
           a := (select max(t.id) from t where t.id <= of);
           b := below(a) + (select count(*) from t where t.id <> a and t.n > below(a));
           return b + below(of);
         end $$;",
    );
    assert_eq!(
        run(&app, "select id, below(x.id) as b, twice(id) as t from t x order by id"),
        json!([{"id": 1, "b": 0, "t": 2}, {"id": 2, "b": 11, "t": 23}, {"id": 3, "b": 22, "t": 44}])
    );
}

#[test]
fn moddatetime_sets_its_column_on_an_update() {
    let app = project(
        "create extension if not exists moddatetime with schema extensions;
         create table notes (id int primary key, body text, changed_at timestamptz default '2000-01-01', size int);
         create trigger notes_changed before update on notes for each row execute procedure extensions.moddatetime (changed_at);
         insert into notes (id, body) values (1, 'a'), (2, 'b');",
    );
    run(&app, "update notes set body = 'c' where id = 1");
    assert_eq!(
        run(&app, "select id, changed_at > '2001-01-01' as moved from notes order by id"),
        json!([{"id": 1, "moved": true}, {"id": 2, "moved": false}])
    );
    let wrong = |arguments: &str| {
        let sql = format!(
            "create trigger other before update on notes for each row execute function moddatetime({arguments})"
        );
        refusal(&app, &sql).0
    };
    assert_eq!(wrong("size"), "09000");
    assert_eq!(wrong("nothing"), "09000");
    assert_eq!(refusal(&app, "drop extension moddatetime").0, "2BP01");
    run(&app, "drop extension moddatetime cascade");
    assert_eq!(wrong("changed_at"), "42883");
    assert_eq!(
        run(&app, "update notes set changed_at = '1999-01-01' returning id"),
        json!([{"id": 1}, {"id": 2}])
    );
}

#[test]
fn a_loop_draws_anew_for_every_row() {
    let app = project(
        "create table people (id int primary key, code text unique);
         create function new_code() returns text language plpgsql volatile as $$
         declare
           letters text := 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
           v_code text;
         begin
           loop
             v_code := '';
             for i in 1..8 loop
               v_code := v_code || substr(letters, floor(random() * length(letters))::int + 1, 1);
             end loop;
             exit when not exists (select 1 from people p where p.code = v_code);
           end loop;
           return v_code;
         end $$;
         create function given_code() returns trigger language plpgsql as $$
         begin
           new.code := coalesce(new.code, new_code());
           return new;
         end $$;
         create trigger given_code before insert on people for each row execute function given_code();
         insert into people (id) values (1);
         insert into people (id) values (2);
         insert into people (id) values (3);
         insert into people (id) values (4);",
    );
    let rows = run(
        &app,
        "select count(distinct code) as n, min(length(code)) as l, max(length(code)) as m from people",
    );
    assert_eq!(rows, json!([{"n": 4, "l": 8, "m": 8}]));
    let rows = run(&app, "select count(distinct c) as n from (select new_code() as c from people) as t");
    assert_eq!(rows, json!([{"n": 4}]));
    let rows = run(
        &app,
        "select max(c) <> min(c) as differ from (select distinct unnest(string_to_array(new_code() || new_code() || new_code(), null)) as c) as t",
    );
    assert_eq!(rows, json!([{"differ": true}]));
    let people = json!([{"id": 11, "code": "a"}, {"id": 12, "code": "b"}]);
    app.migrate("2", "create table drawn (id int primary key, code text default new_code(), n int default floor(random() * 1000000)::int, k uuid default gen_random_uuid());");
    app.service_role().post("/rest/v1/people").json(&people).send();
    app.service_role().post("/rest/v1/drawn").json(&json!([{"id": 1}, {"id": 2}, {"id": 3}])).send();
    let rows = run(
        &app,
        "select count(distinct code) as c, count(distinct n) as n, count(distinct k) as k from drawn",
    );
    assert_eq!(rows, json!([{"c": 3, "n": 3, "k": 3}]));
    let rows = run(
        &app,
        "select count(distinct floor(random() * 1000000)::int) as n, count(distinct (random() * 100000)::int || 'x') as t from drawn",
    );
    assert_eq!(rows, json!([{"n": 3, "t": 3}]));
    let code = app.service_role().post("/rest/v1/rpc/new_code").json(&json!({})).send().json();
    assert_eq!(code.as_str().map(str::len), Some(8));
}
