//! Privileges that a dump sets for what is to come, and on schemas.

use serde_json::json;

use crate::app::TestApp;

/// The codes that anon, and then the service key, get from a function and a table that are made now.
fn codes(app: &TestApp, schema: &str, name: &str) -> [serde_json::Value; 4] {
    app.rows(&format!(
        "create function {schema}.{name}() returns int language sql as $$ select 1 $$;
         create table {schema}.of_{name} (id int primary key)"
    ));
    let ask = |actor: crate::app::Actor<'_>, path: &str| {
        let answer = actor.get(path).header("accept-profile", schema).send();
        if answer.status.is_success() { json!(null) } else { answer.json()["code"].clone() }
    };
    let (rpc, rows) = (format!("/rest/v1/rpc/{name}"), format!("/rest/v1/of_{name}"));
    [
        ask(app.anon(), &rpc),
        ask(app.service_role(), &rpc),
        ask(app.anon(), &rows),
        ask(app.service_role(), &rows),
    ]
}

#[test]
fn default_privileges_hold_for_what_is_made_after_them() {
    let app = TestApp::with_vars(&[("EXPOSED_SCHEMAS", "public,api")]);
    let refused = json!("42501");
    let none = json!(null);
    app.rows("create schema api");
    assert_eq!(codes(&app, "public", "first"), [none.clone(), none.clone(), none.clone(), none.clone()]);
    // What a schema takes away is what it gave: everybody still has it as PUBLIC.
    app.rows("alter default privileges in schema public revoke execute on functions from public, anon");
    assert_eq!(codes(&app, "public", "second"), [none.clone(), none.clone(), none.clone(), none.clone()]);
    app.rows("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC");
    assert_eq!(codes(&app, "public", "third"), [refused.clone(), none.clone(), none.clone(), none.clone()]);
    assert_eq!(codes(&app, "api", "fourth"), [refused.clone(), refused.clone(), none.clone(), none.clone()]);
    // Those of others' objects are not the project's.
    app.rows(
        "ALTER DEFAULT PRIVILEGES FOR ROLE \"supabase_admin\" IN SCHEMA \"public\" REVOKE ALL ON TABLES FROM \"anon\";
         ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public REVOKE ALL ON SEQUENCES FROM anon;
         alter default privileges for role postgres in schema api grant all on routines to service_role;
         alter default privileges in schema api revoke all on tables from public, anon cascade;
         alter default privileges in schema public revoke truncate, references on tables from anon, authenticated",
    );
    assert_eq!(codes(&app, "api", "fifth"), [refused.clone(), none.clone(), refused.clone(), none.clone()]);
    assert_eq!(codes(&app, "public", "sixth"), [refused.clone(), none.clone(), none.clone(), none.clone()]);
    // A view and the rows of a query are tables too, and what was there stays as it was.
    app.rows(
        "create view api.shown with (security_invoker = true) as select * from api.of_fourth;
         create table api.copied as select 1 as id",
    );
    for (relation, code) in [("shown", &refused), ("copied", &refused), ("of_fourth", &none)] {
        let answer = app.anon().get(&format!("/rest/v1/{relation}")).header("accept-profile", "api").send();
        let told = if answer.status.is_success() { json!(null) } else { answer.json()["code"].clone() };
        assert_eq!(told, *code, "{relation}: {}", answer.text());
    }
    app.rows(
        "alter default privileges grant execute on functions to public;
         alter default privileges in schema api grant select, insert on tables to anon",
    );
    assert_eq!(codes(&app, "api", "seventh"), [none.clone(), none.clone(), none.clone(), none]);
    for (sql, code) in [
        ("alter default privileges in schema nowhere revoke all on tables from anon", "3F000"),
        ("alter default privileges revoke all on tables from nobody", "42704"),
        ("alter default privileges revoke all on everything from anon", "42601"),
        ("alter default privileges revoke all on tables from anon quietly", "42601"),
    ] {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
}

#[test]
fn a_revoke_on_a_schema_is_taken_where_nobody_loses_anything() {
    let app = TestApp::new();
    app.rows(
        "create schema private;
         revoke all on schema public from public;
         REVOKE CREATE ON SCHEMA public FROM PUBLIC, anon;
         revoke all on schema private from public;
         revoke create on schema private from authenticated",
    );
    for (sql, code) in [
        ("revoke usage on schema public from anon", "0A000"),
        ("revoke all on schema private from public, authenticated", "0A000"),
        ("revoke all on schema nowhere from public", "3F000"),
    ] {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
}
