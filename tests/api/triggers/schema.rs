//! Triggers through changes of the schema: they stay, follow names, and run for nothing but writes.

use http::StatusCode;
use serde_json::json;

use super::{project, push, query, refusal, run};

const LOGGED: &str = "
    create table t (id int primary key, n int);
    create table log (id bigint generated always as identity primary key, line text);
    create function note() returns trigger language plpgsql as $$
    begin insert into log (line) values (tg_op || ' ' || tg_table_name || ' ' || coalesce(new.n, old.n)); return null; end $$;
    create trigger note after insert or update or delete on t for each row when (pg_catalog.lower('A') = 'a') execute function note();
    insert into t values (1, 1);
";

fn lines(app: &crate::app::TestApp) -> serde_json::Value {
    run(app, "select string_agg(line, ', ' order by id) as lines from log")[0]["lines"].clone()
}

#[test]
fn a_rebuilt_table_keeps_its_triggers_and_does_not_run_them() {
    let app = project(LOGGED);
    for (version, sql) in [
        ("2", "alter table t alter column n type bigint;"),
        ("3", "alter table t add constraint positive check (n > 0);"),
        (
            "4",
            "alter table t add column at timestamptz not null default now(); alter table t drop column at;",
        ),
        ("5", "alter table t rename to things; alter table things rename column id to key;"),
    ] {
        let answer = push(&app, version, sql);
        assert_eq!(answer.status, StatusCode::OK, "{sql}: {}", answer.text());
    }
    assert_eq!(lines(&app), json!("INSERT t 1"));
    run(&app, "update things set n = 2; delete from things");
    assert_eq!(lines(&app), json!("INSERT t 1, UPDATE things 2, DELETE things 2"));
}

#[test]
fn triggers_are_switched_renamed_replaced_and_dropped() {
    let app = project(LOGGED);
    run(&app, "alter table t disable trigger note; insert into t values (2, 2);");
    assert_eq!(lines(&app), json!("INSERT t 1"));
    run(
        &app,
        "alter table t enable trigger all; alter trigger note on t rename to noted; insert into t values (3, 3);",
    );
    assert_eq!(lines(&app), json!("INSERT t 1, INSERT t 3"));
    run(
        &app,
        "create or replace function note() returns trigger language plpgsql as $$ begin insert into log (line) values ('x'); return null; end $$;
         insert into t values (4, 4);",
    );
    assert_eq!(lines(&app), json!("INSERT t 1, INSERT t 3, x"));
    assert_eq!(
        refusal(&app, "create trigger noted after insert on t for each row execute function note()").0,
        "42710"
    );
    assert_eq!(refusal(&app, "drop function note()").0, "2BP01");
    assert_eq!(refusal(&app, "drop trigger note on t").0, "42704");
    run(
        &app,
        "drop trigger if exists note on t; create or replace trigger noted after delete on t for each row execute function note();",
    );
    run(&app, "insert into t values (5, 5); delete from t where id = 5");
    assert_eq!(lines(&app), json!("INSERT t 1, INSERT t 3, x, x"));
    run(&app, "drop function note() cascade; insert into t values (6, 6)");
    assert_eq!(lines(&app), json!("INSERT t 1, INSERT t 3, x, x"));
    assert_eq!(
        app.database
            .value("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE 'edgeward.%'")
            .as_deref(),
        Some("0")
    );
}

#[test]
fn a_table_takes_its_triggers_along_and_a_column_holds_on_to_them() {
    let app = project(
        "create table t (id int primary key, a int, b int);
         create function f() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger f before update of a on t for each row when (new.b > 0) execute function f();",
    );
    assert_eq!(refusal(&app, "alter table t drop column a").0, "2BP01");
    assert_eq!(refusal(&app, "alter table t drop column b").0, "2BP01");
    run(&app, "alter table t rename column b to c");
    assert_eq!(refusal(&app, "alter table t drop column c").0, "2BP01");
    run(
        &app,
        "alter table t drop column c cascade; drop table t; create table t (id int); drop function f();",
    );
}

#[test]
fn a_migration_that_fails_changes_no_trigger() {
    let app = project(LOGGED);
    let answer = push(&app, "2", "drop trigger note on t; create table t (id int);");
    assert_ne!(answer.status, StatusCode::OK);
    run(&app, "insert into t values (2, 2)");
    assert_eq!(lines(&app), json!("INSERT t 1, INSERT t 2"));
    assert_eq!(query(&app, "delete from t; select fail").json()["code"], json!("42703"));
    assert_eq!(lines(&app), json!("INSERT t 1, INSERT t 2"));
}

#[test]
fn policies_that_a_function_meets_follow_their_changes() {
    let app = project(
        "create table t (id int primary key);
         alter table t disable row level security;
         create table log (id int);
         create function f() returns trigger language plpgsql as $$ begin insert into log values (new.id); return new; end $$;
         create trigger f after insert on t for each row execute function f();",
    );
    let insert = |id: i32| app.anon().post("/rest/v1/t").json(&json!({"id": id})).send().status;
    assert_eq!(insert(1), StatusCode::UNAUTHORIZED, "no policy lets anyone write the log");
    run(&app, "create policy all_in on log for insert with check (id > 1)");
    assert_eq!(insert(1), StatusCode::UNAUTHORIZED);
    assert_eq!(insert(2), StatusCode::CREATED);
    run(&app, "drop policy all_in on log");
    assert_eq!(insert(3), StatusCode::UNAUTHORIZED);
    run(&app, "alter table log disable row level security");
    assert_eq!(insert(3), StatusCode::CREATED);
}
