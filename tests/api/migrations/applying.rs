//! Migrations that apply, once, all or nothing.

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

const TODOS: &str = "
create table todos (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  title text not null check (char_length(title) between 1 and 200),
  done boolean not null default false,
  created_at timestamptz not null default now()
);
create index on todos (user_id);
create policy \"own\" on todos to authenticated using ((select auth.uid()) = user_id);
";

#[test]
fn a_migration_applies_once() {
    let app = TestApp::new();
    let answer = app.push("20260101000000", TODOS);
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"version": "20260101000000", "name": "test", "applied": true, "changed": false})
    );
    let again = app.push("20260101000000", "create table other (id int)");
    assert_eq!(
        again.json(),
        json!({"version": "20260101000000", "name": "test", "applied": false, "changed": true})
    );
    assert_eq!(app.database.value("SELECT count(*) FROM sqlite_master WHERE name = 'other'").unwrap(), "0");
    let statements = "SELECT json_array_length(statements) FROM \"supabase_migrations.schema_migrations\"";
    assert_eq!(app.database.value(statements).unwrap(), "3");
    assert_eq!(app.database.value("SELECT version FROM \"edgeward.catalog_version\"").unwrap(), "1");
}

#[test]
fn the_catalog_knows_what_postgres_would() {
    let app = TestApp::new();
    app.migrate("1", TODOS);
    let definition = app
        .database
        .value("SELECT definition FROM \"edgeward.catalog\" WHERE kind = 'table' AND name = 'todos'")
        .unwrap();
    let table: serde_json::Value = serde_json::from_str(&definition).unwrap();
    assert_eq!(table["primary_key"]["name"], json!("todos_pkey"));
    assert_eq!(table["foreign_keys"][0]["name"], json!("todos_user_id_fkey"));
    assert_eq!(table["checks"][0]["name"], json!("todos_title_check"));
    assert_eq!(table["columns"][0]["identity"], json!("Always"));
    assert_eq!(table["columns"][1]["default"], json!("auth.uid()"));
    assert_eq!(table["columns"][4]["data_type"], json!("timestamptz"));
    assert_eq!(table["row_security"], json!(true));
    let names = "SELECT group_concat(kind || ':' || name, ' ' ORDER BY rowid) FROM \"edgeward.catalog\"";
    assert_eq!(app.database.value(names).unwrap(), "index:todos_user_id_idx table:todos policy:own on todos");
}

#[test]
fn the_names_are_those_that_postgres_chooses() {
    let app = TestApp::new();
    let long = "a_table_with_a_name_that_is_quite_a_bit_longer_than_usual_names";
    app.migrate(
        "1",
        &format!(
            "create table {long} (first_column_of_the_key int, b int, unique (first_column_of_the_key, b), unique (b), unique (b));
             create table t (a int check (a > 0) check (a < 9), b int, check (a < b), constraint mine check (b > 0));
             create index on t (a, b); create index on t (lower(b::text)); create index on t ((a + b)); create index on t (a, b);"
        ),
    );
    let names = |table: &str, path: &str| {
        let sql = format!(
            "SELECT group_concat(value ->> 'name', ' ') FROM \"edgeward.catalog\", json_each(definition, '$.{path}') WHERE kind = 'table' AND name = '{table}'"
        );
        app.database.value(&sql).unwrap()
    };
    assert_eq!(names("t", "checks"), "t_a_check t_a_check1 t_check mine");
    assert_eq!(
        names(&long[..63], "uniques"),
        "a_table_with_a_name_that_is_quite_first_column_of_the_key_b_key a_table_with_a_name_that_is_quite_a_bit_longer_than_usual_b_key a_table_with_a_name_that_is_quite_a_bit_longer_than_usua_b_key1"
    );
    let indexes =
        "SELECT group_concat(name, ' ' ORDER BY rowid) FROM \"edgeward.catalog\" WHERE kind = 'index'";
    assert_eq!(app.database.value(indexes).unwrap(), "t_a_b_idx t_lower_idx t_expr_idx t_a_b_idx1");
}

#[test]
fn a_failing_statement_changes_nothing_and_is_named() {
    let app = TestApp::new();
    app.migrate("1", "create table kept (id int primary key); insert into kept values (1);");
    let before = everything(&app);
    let rows = [
        (
            "create table a (id int);\n\n-- why\ncreate table b (id nope);",
            "42704",
            4,
            "create table b (id nope)",
        ),
        (
            "create table a (id int);\ninsert into kept values (2);\ninsert into kept values (1);\nselect 1",
            "23505",
            3,
            "insert into kept values (1)",
        ),
        ("create table a (id int);\nselect 'open", "42601", 2, ""),
        (
            "create table a (id int);\ncreate procedure p() language sql as 'select 1';",
            "0A000",
            2,
            "create procedure p() language sql as 'select 1'",
        ),
        ("create table a (id int);\ndrop table kept;\nfrob;", "42601", 3, "frob"),
    ];
    for (sql, code, line, statement) in rows {
        let answer = app.push("2", sql);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{sql}: {}", answer.text());
        let body = answer.json();
        assert_eq!(body["code"], json!(code), "{sql}: {body}");
        assert_eq!(body["line"], json!(line), "{sql}: {body}");
        assert_eq!(body["statement"], json!(statement), "{sql}");
        assert_eq!(everything(&app), before, "{sql}");
    }
    assert_eq!(app.push("2", "create table a (id int)").json()["applied"], json!(true));
}

#[test]
fn a_database_that_fails_leaves_the_migration_to_be_pushed_again() {
    let app = TestApp::new();
    let before = everything(&app);
    for call in 1..=3 {
        app.database.fault.fail_at(call);
        let answer = app.push("1", TODOS);
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "call {call}: {}", answer.text());
        assert_eq!(answer.json()["code"], json!("57P03"));
        assert_eq!(everything(&app), before, "call {call}");
    }
    app.database.fault.mend();
    assert_eq!(app.push("1", TODOS).json()["applied"], json!(true));
}

#[test]
fn a_lost_answer_is_found_applied_by_the_next_push() {
    let app = TestApp::new();
    app.database.lost_answer.fail_at(3);
    assert_eq!(app.push("1", TODOS).status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.push("1", TODOS).json()["applied"], json!(false));
    assert_eq!(app.rows("select count(*) as n from todos"), json!([{"n": 0}]));
}

#[test]
fn another_isolate_sees_the_new_schema_at_once() {
    let app = TestApp::new();
    let other = app.another_isolate();
    app.migrate("1", "create table a (id int); insert into a values (1);");
    assert_eq!(other.rows("select id from a"), json!([{"id": 1}]));
    app.migrate("2", "drop table a; create table a (name text); insert into a values ('x');");
    assert_eq!(other.rows("select name from a"), json!([{"name": "x"}]));
    assert_eq!(other.refusal("select id from a").0, "42703");
    app.migrate("3", "drop table a;");
    assert_eq!(other.refusal("select name from a").0, "42P01");
}

#[test]
fn a_stale_isolate_pushes_onto_the_newest_schema() {
    let app = TestApp::new();
    let other = app.another_isolate();
    other.rows("select 1 as one");
    app.migrate("1", "create table a (id int primary key)");
    other.migrate("2", "create table b (id int references a)");
    assert_eq!(other.push("1", "create table a (id int)").json()["applied"], json!(false));
}

#[test]
fn tables_can_be_altered_and_dropped() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table a (id int primary key, note text, other text); insert into a values (1, 'x', 'y');",
    );
    app.migrate(
        "2",
        "alter table a add column n int default 5, add column if not exists note text;
         alter table a add column b_id int check (b_id > 0);
         alter table a drop column other; alter table a add column flag boolean default false; alter table a drop column flag;
         alter table if exists nope add column x int;",
    );
    assert_eq!(app.rows("select * from a"), json!([{"id": 1, "note": "x", "n": 5, "b_id": null}]));
    assert_eq!(app.refusal("insert into a (id, b_id) values (2, 0)").0, "23514");
    app.migrate("3", "create index i on a (note); create table c (a_id int references a);");
    let rows = [
        ("alter table a drop column id", "2BP01"),
        ("alter table a drop column nope", "42703"),
        ("alter table a add column note text", "42701"),
        ("alter table a add column x text not null", "23502"),
        ("alter table a rename to c", "42P07"),
        ("drop table a", "2BP01"),
        ("drop table nope", "42P01"),
        ("drop index nope", "42704"),
        ("drop type nope", "42704"),
        ("drop table auth.users", "42501"),
        ("drop table storage.objects", "42501"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
    app.migrate("4", "drop index i; drop table c, a; drop table if exists a, c; drop view if exists v; drop index if exists i;");
    assert_eq!(app.database.value("SELECT count(*) FROM \"edgeward.catalog\"").unwrap(), "0");
}

#[test]
fn schemas_and_odd_names_are_kept_apart() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create schema if not exists public; create schema shop; create schema if not exists shop;
         create table shop.items (\"Id\" int primary key, \"a\"\"b\" text, \"select\" text default 'it''s');
         create table items (id int primary key references shop.items (\"Id\"));
         insert into shop.items values (1, 'x'); insert into items values (1);",
    );
    assert_eq!(
        app.rows("select i.id, s.* from items i join shop.items s on s.\"Id\" = i.id"),
        json!([{"id": 1, "Id": 1, "a\"b": "x", "select": "it's"}])
    );
    let rows = [
        ("create table nope.t (id int)", "3F000"),
        ("create table auth.t (id int)", "42501"),
        ("create table edgeward.catalog (id int)", "42501"),
        ("create table \"auth.users\" (id int)", "0A000"),
        ("create table \"edgeward.catalog\" (id int)", "0A000"),
        ("create table \"Items\" (id int)", "0A000"),
        ("create table items (id int)", "42P07"),
        ("create table t (a int, \"A\" int)", "0A000"),
        ("create table t (a int, a int)", "42701"),
        ("create table \"\" (a int)", "42601"),
        ("create table sqlite_x (a int)", "0A000"),
        ("create schema shop", "42P06"),
        ("drop schema shop", "2BP01"),
        ("create table t (id int references nope)", "42P01"),
        ("create table t (id text references items)", "42804"),
        ("create table t (id int references items (nope))", "42703"),
        ("create table t (id int references shop.items (\"a\"\"b\"))", "42830"),
        ("create table t (id int primary key, other int primary key)", "42P16"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
    let hostile = "create table \"t); drop table items; --\" (\"c'); drop table items; --\" text default '''); drop table items; --')";
    app.migrate("2", hostile);
    app.rows("insert into \"t); drop table items; --\" default values");
    assert_eq!(
        app.rows("select * from \"t); drop table items; --\""),
        json!([{"c'); drop table items; --": "'); drop table items; --"}])
    );
    assert_eq!(app.rows("select count(*) as n from items"), json!([{"n": 1}]));
}

#[test]
fn statements_that_change_nothing_here_are_accepted() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "begin;
         set statement_timeout = 0; set client_encoding = 'UTF8'; set search_path = public, extensions;
         select pg_catalog.set_config('search_path', '', false);
         create extension if not exists pgcrypto; create extension if not exists \"uuid-ossp\" with schema extensions;
         create table t (id int);
         alter table t owner to postgres; alter table t enable row level security; alter table t force row level security;
         comment on table t is 'a table'; comment on column t.id is 'a column';
         grant usage on schema public to anon, authenticated; grant all on all tables in schema public to anon, authenticated, service_role;
         grant select (id) on t to anon; grant select, insert on table t to authenticated;
         alter default privileges in schema public grant all on tables to anon, authenticated;
         commit;",
    );
    let rows = [
        "revoke all on schema public from anon",
        "set search_path = shop",
        "rollback",
        "create procedure f() language sql as $$ select 1 $$",
        "create role editor",
        "create temporary sequence s",
        "copy t from stdin",
        "create temporary table x (id int)",
        "create unique index on t using gin (id)",
        "listen x",
        "vacuum",
    ];
    for sql in rows {
        let (code, message) = app.refusal(sql);
        assert!(code == "0A000" || code == "42601", "{sql}: {code} {message}");
    }
    assert_eq!(app.refusal("grant select on t to editor").0, "42704");
}

#[test]
fn the_example_applies_unedited() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/todos/supabase/migrations");
    let app = TestApp::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        app.migrate("20260101000000", &std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    assert_eq!(
        app.rows("select id, public, file_size_limit, allowed_mime_types from storage.buckets"),
        json!([{"id": "avatars", "public": true, "file_size_limit": 1048576, "allowed_mime_types": ["image/png", "image/jpeg", "image/webp"]}])
    );
}

/// All that a migration could have changed.
fn everything(app: &TestApp) -> Vec<Option<String>> {
    [
        "SELECT group_concat(sql, ';') FROM sqlite_master",
        "SELECT group_concat(kind || name || definition, ';') FROM \"edgeward.catalog\"",
        "SELECT version FROM \"edgeward.catalog_version\"",
        "SELECT group_concat(version) FROM \"supabase_migrations.schema_migrations\"",
    ]
    .iter()
    .map(|sql| app.database.value(sql))
    .collect()
}

#[test]
fn a_text_goes_on_in_the_next_line_of_a_function_too() {
    let app = TestApp::new();
    app.rows(
        "create table notes (id int primary key) tablespace pg_default;
         create function told() returns text language plpgsql as $$
         begin
           return 'one, '
             -- and
             'two';
         end $$",
    );
    assert_eq!(app.value("told()"), json!("one, two"));
    assert_eq!(app.refusal("create table others (id int primary key) tablespace fast").0, "0A000");
}
