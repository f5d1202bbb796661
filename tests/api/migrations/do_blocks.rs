//! `DO` blocks: guards around statements, and rows written by them.

use serde_json::json;

use crate::app::TestApp;

fn project() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type mood as enum ('sad', 'happy');
         create table teams (id int primary key, name text);
         create table people (id int primary key, team_id int, name text not null);
         create policy \"see\" on people for select using (true);",
    );
    app
}

#[test]
fn what_is_there_already_is_caught() {
    let app = project();
    app.migrate(
        "2",
        "DO $$ BEGIN
           CREATE TYPE \"public\".\"mood\" AS ENUM('sad', 'happy');
         EXCEPTION
           WHEN duplicate_object THEN null;
         END $$;
         DO $$ BEGIN
           CREATE TYPE size AS ENUM ('s', 'l');
         EXCEPTION WHEN duplicate_object THEN null;
         END $$;
         DO $$ BEGIN
           ALTER TABLE people ADD CONSTRAINT people_team_fk FOREIGN KEY (team_id) REFERENCES public.teams(id) ON DELETE cascade ON UPDATE no action;
         EXCEPTION WHEN duplicate_object THEN null;
         END $$;
         DO $$ BEGIN
           ALTER TABLE people ADD CONSTRAINT people_team_fk FOREIGN KEY (team_id) REFERENCES public.teams(id);
         EXCEPTION WHEN duplicate_object THEN null; WHEN others THEN raise exception 'not this';
         END $$;
         DO LANGUAGE plpgsql $body$ BEGIN
           CREATE TABLE extra (id int);
           ALTER TABLE people ADD COLUMN name text;
         EXCEPTION WHEN undefined_table OR duplicate_column THEN
           CREATE TABLE other (id int);
         END $body$;",
    );
    assert_eq!(app.value("'l'::size"), json!("l"));
    assert_eq!(app.rows("select count(*) as n from other"), json!([{"n": 0}]));
    // What a block did before it failed is undone.
    assert_eq!(app.refusal("select * from extra").0, "42P01");
    assert_eq!(app.refusal("insert into people (id, team_id, name) values (1, 9, 'a')").0, "23503");
    assert_eq!(
        app.refusal(
            "do $$ begin create table teams (id int); exception when duplicate_object then null; end $$"
        )
        .0,
        "42P07"
    );
    // What is not supported here is not caught: it might work in Postgres.
    assert_eq!(
        app.refusal("do $$ begin create table t (a money); exception when others then null; end $$").0,
        "0A000"
    );
}

#[test]
fn conditions_over_postgres_own_tables_are_decided() {
    let app = project();
    #[rustfmt::skip]
    let rows = [
        ("select 1 from pg_type where typname = 'mood'",                                                               true),
        ("select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace where t.typname = 'mood' and n.nspname = 'public'", true),
        ("select 1 from pg_catalog.pg_type where typname = 'mood' and typtype = 'd'",                                  false),
        ("select from information_schema.columns where table_schema = 'public' and table_name = 'people' and column_name = 'name'", true),
        ("select 1 from information_schema.columns where table_name = 'people' and column_name in ('age', 'size')",    false),
        ("select 1 from pg_policies where schemaname = 'public' and tablename = 'people' and policyname = 'see'",      true),
        ("select 1 from pg_policies where policyname = 'other'",                                                       false),
        ("select 1 from pg_constraint where conname = 'people_pkey' and conrelid = 'public.people'::regclass",         true),
        ("select 1 from pg_constraint where conname = 'people_pkey' and conrelid = 'teams'::regclass",                 false),
        ("select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relname = 'teams' and n.nspname = current_schema()", true),
        ("select 1 from pg_trigger where tgname = 'x' and not tgisinternal = 'true'",                                  false),
        ("select 1 from pg_roles where rolname = 'anon'",                                                              true),
        ("select 1 from pg_enum e join pg_type t on t.oid = e.enumtypid where t.typname = 'mood' and e.enumlabel = 'happy'", true),
    ];
    for (query, expected) in rows {
        let sql = format!(
            "do $$ begin if not exists ({query}) then create table made (id int); else raise notice 'it is there: %', 1; end if; end $$"
        );
        app.rows(&sql);
        let made = app.run("select * from made").status == 200;
        assert_eq!(made, !expected, "{query}");
        app.rows("drop table if exists made");
    }
    app.rows(
        "do $$ begin
           if (select count(*) from pg_policies where tablename = 'people') = 1 and to_regclass('public.nothing') is null then
             execute 'create table made (id int)';
           elsif true then
             raise exception 'never';
           end if;
         end $$",
    );
    assert_eq!(app.rows("select count(*) as n from made"), json!([{"n": 0}]));
    assert_eq!(
        app.refusal(
            "do $$ begin if exists (select 1 from people) then create table x (id int); end if; end $$"
        )
        .0,
        "0A000"
    );
    assert_eq!(app.refusal("do $$ begin if exists (select 1 from pg_stat_activity) then create table x (id int); end if; end $$").0, "0A000");
    assert_eq!(app.refusal("do $$ begin raise exception 'stop here'; end $$").1, "stop here");
    assert_eq!(app.refusal("do $$ begin create table x (id int)").0, "42601");
}

#[test]
fn rows_are_written_as_by_a_function() {
    let app = project();
    app.rows(
        "do $$
         declare
           team int := 7;
           how_many int;
         begin
           insert into teams values (team, 'red');
           insert into people select n, team, 'p' || n from generate_series(1, 3) as n;
           select count(*) into how_many from people;
           if how_many <> 3 then
             raise exception 'there are %', how_many;
           end if;
           update teams set name = name || how_many;
         end $$",
    );
    assert_eq!(app.rows("select * from teams"), json!([{"id": 7, "name": "red3"}]));
    app.rows("do $$ begin if exists (select 1 from people where id = 3) then delete from people where id = 3; end if; end $$");
    assert_eq!(app.rows("select count(*) as n from people"), json!([{"n": 2}]));
    let left = app.database.value("SELECT count(*) FROM \"edgeward.frame\"");
    assert_eq!(left.as_deref(), Some("0"));
}

#[test]
fn a_block_does_it_for_each() {
    let app = project();
    app.migrate(
        "2",
        "do $$
         declare
           t text;
           p record;
         begin
           for t in select table_name from information_schema.tables where table_schema = 'public' order by 1 loop
             execute format('create policy %I on %I for select to authenticated using (id > %s)', t || '_read', t, 1);
           end loop;
           for p in (select * from pg_policies where policyname like '%\\_read') loop
             if p.tablename = 'teams' then
               execute 'drop policy ' || quote_ident(p.policyname) || ' on public.' || p.tablename;
             end if;
           end loop;
         end $$;
         insert into people values (1, 1, 'ann'), (2, 1, 'bob');
         insert into teams values (2, 'red');
         drop policy \"see\" on people;",
    );
    let seen = |table: &str| {
        app.user("7c9e6679-7425-40de-944b-e07fc1f90ae7")
            .get(&format!("/rest/v1/{table}?select=id"))
            .send()
            .json()
    };
    assert_eq!((seen("people"), seen("teams")), (json!([{"id": 2}]), json!([])));
}

#[test]
fn what_a_block_cannot_decide_is_refused() {
    let app = project();
    #[rustfmt::skip]
    let rows = [
        ("declare n text := 'a'; begin create table t (id int); insert into people values (1, 1, n); end",  "0A000", "the variable n in a statement"),
        ("declare n text; begin select name into n from people; execute n; end",                            "0A000", "what is in people"),
        ("declare n text; begin select conname into n from pg_constraint; execute n; end",                  "0A000", "which of several rows"),
        ("declare n text; begin select conname into n from pg_constraint limit 1; execute n; end",          "0A000", "LIMIT without ORDER BY"),
        ("declare n uuid := gen_random_uuid(); begin execute format('select %L', n); end",                  "0A000", "gen_random_uuid()"),
        ("begin execute 'select $1' using 1; end",                                                          "0A000", "EXECUTE … INTO or USING"),
        ("begin for i in 1..100000 loop execute 'select 1'; end loop; end",                                 "54000", "too often"),
        ("begin for i in 1..null loop execute 'select 1'; end loop; end",                                   "22004", "cannot be null"),
        ("begin for t in select tablename from pg_tables loop execute t; end loop; end",                    "42601", "\"t\" is not a known variable"),
        ("begin execute format('drop table %I'); end",                                                      "22023", "too few arguments for format()"),
        ("begin execute 'drop table ' || null; end",                                                        "22004", "query string argument of EXECUTE is null"),
        ("declare policyname text; begin for policyname in select policyname from pg_policies loop execute policyname; end loop; end", "42702", "ambiguous"),
        ("begin while true loop execute 'x'; end loop; end",                                                "0A000", "EXECUTE (dynamic SQL)"),
    ];
    for (body, code, why) in rows {
        let (got, message) = app.refusal(&format!("do $$ {body} $$"));
        assert_eq!(got, code, "{body}: {message}");
        assert!(message.contains(why), "{body}: {message}");
    }
}

#[test]
fn loops_whose_rounds_are_known_write_whatever_they_say() {
    let app = TestApp::new();
    app.rows(
        "create table orders (id int generated always as identity primary key, name text not null);
         create table items (order_id int references orders (id), place int, word text);
         create table told (line text)",
    );
    app.rows(
        "do $$
         declare made int; word text; total int := 0; person record; uid uuid;
         begin
           for i in 1..2 loop
             insert into orders (name) values ('order ' || i) returning id into made;
             for place in reverse 3..1 by 2 loop
               insert into items (order_id, place) values (made, place * i);
               total := total + place;
             end loop;
           end loop;
           foreach word in array array['x', 'y']::text[] loop
             update items set word = concat(items.word, 'x') where place = 3;
             insert into told values (word || total);
           end loop;
           for person in
             select * from (values ('ann@example.com', 'anns-password', 1), ('bob@example.com', 'bobs-password', null)) as p (email, word, n)
           loop
             insert into auth.users (id, email, encrypted_password, email_confirmed_at, aud, role)
             values (gen_random_uuid(), person.email, crypt(person.word, gen_salt('bf', 4)), now(), 'authenticated', 'authenticated')
             returning id into uid;
             insert into auth.identities (user_id, provider, provider_id, identity_data)
             values (uid, 'email', uid::text, jsonb_build_object('sub', uid, 'email', person.email, 'n', person.n));
           end loop;
           for i in 2..1 loop
             insert into told values ('never');
             insert into told values ('never');
           end loop;
           if not found then insert into told values ('none'); end if;
         end $$",
    );
    assert_eq!(
        app.rows("select o.name, i.place, i.word from items i join orders o on o.id = i.order_id order by o.name, i.place"),
        json!([
            {"name": "order 1", "place": 1, "word": null},
            {"name": "order 1", "place": 3, "word": "xx"},
            {"name": "order 2", "place": 2, "word": null},
            {"name": "order 2", "place": 6, "word": null},
        ])
    );
    assert_eq!(
        app.rows("select line from told order by line"),
        json!([{"line": "none"}, {"line": "x8"}, {"line": "y8"}])
    );
    for name in ["ann", "bob"] {
        let body = json!({"email": format!("{name}@example.com"), "password": format!("{name}s-password")});
        let answer = app.anon().post("/auth/v1/token?grant_type=password").json(&body).send();
        assert_eq!(answer.status, http::StatusCode::OK, "{}", answer.text());
        let n = if name == "ann" { json!(1) } else { json!(null) };
        assert_eq!(answer.json()["user"]["identities"][0]["identity_data"]["n"], n);
    }
    app.rows(
        "create function three(stop int) returns int language plpgsql security definer as $$
         declare made int;
         begin
           for i in 1..3 loop
             insert into orders (name) values ('three ' || i) returning id into made;
             insert into items (order_id, place) values (made, i);
             if i = stop then return i; end if;
           end loop;
           return 0;
         end $$;
         create function many(n int) returns void language plpgsql security definer as $$
         begin
           for i in 1..n loop
             insert into told values ('many');
             update told set line = 'more';
           end loop;
         end $$;
         create function until() returns void language plpgsql security definer as $$
         begin
           for i in 1..3 loop
             insert into told values ('many');
             exit when i = 2;
           end loop;
         end $$",
    );
    for (stop, expected, orders) in [(2, 2, 2), (5, 0, 3)] {
        let answer = app.service_role().post("/rest/v1/rpc/three").json(&json!({"stop": stop})).send();
        assert_eq!(answer.json(), json!(expected), "{}", answer.text());
        assert_eq!(
            app.rows("with gone as (delete from items where order_id in (select id from orders where name like 'three%') returning place) select count(*) from gone"),
            json!([{"count": orders}])
        );
    }
    for (name, body) in [("many", json!({"n": 2})), ("until", json!({}))] {
        let answer = app.service_role().post(&format!("/rest/v1/rpc/{name}")).json(&body).send();
        assert_eq!(answer.json()["code"], json!("0A000"), "{}", answer.text());
    }
}
