//! Functions in policies: a definer's body sees every row, an invoker's only the caller's.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB, assert_error, column, rows};
use crate::app::TestApp;

const SCHEMA: &str = "
create schema private;
create table orgs (id int primary key, name text);
create table members (org_id int references orgs, user_id uuid, role text, primary key (org_id, user_id));
create table projects (id int primary key, org_id int references orgs, name text);
insert into orgs values (1, 'Red'), (2, 'Blue');
insert into members values (1, 'ANN', 'owner'), (1, 'BOB', 'member'), (2, 'BOB', 'owner');
insert into projects values (1, 1, 'one'), (2, 2, 'two');

create function is_member(org int) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.members m where m.org_id = org and m.user_id = (select auth.uid()))
$$;
create or replace function private.org_ids() returns setof int language sql stable security definer set search_path = public as $$
  select org_id from members where user_id = auth.uid()
$$;
create function private.has_role(org_id int, wanted text default 'owner') returns boolean language sql stable security definer as $$
  select exists (select 1 from members where members.org_id = has_role.org_id and user_id = auth.uid() and role = $2)
$$;
create policy read on orgs for select using (id in (select private.org_ids()));
create policy read on members for select to authenticated using (is_member(org_id));
create policy read on projects for select using (public.is_member(org_id));
create policy write on projects for insert to authenticated with check (private.has_role(org_id));
create policy change on projects for update using (private.has_role(org_id, wanted => 'owner'));
create policy remove on projects for delete using ((select private.has_role(org_id, 'owner')));
";

fn app() -> TestApp {
    let app = TestApp::new();
    app.migrate("1", &SCHEMA.replace("ANN", ANN).replace("BOB", BOB));
    app
}

#[test]
fn a_definer_function_decides_without_the_policies_of_what_it_reads() {
    let app = app();
    let (ann, bob) = (app.user(ANN), app.user(BOB));
    assert_eq!(column(&ann, "orgs?select=id", "id"), [json!(1)]);
    assert_eq!(column(&bob, "orgs?select=id&order=id", "id"), [json!(1), json!(2)]);
    assert_eq!(rows(&ann, "members?select=role&order=role"), json!([{"role": "member"}, {"role": "owner"}]));
    assert_eq!(rows(&app.anon(), "orgs"), json!([]));
    assert_eq!(rows(&app.anon(), "projects"), json!([]));
    assert_eq!(
        rows(&ann, "orgs?select=name,projects(name),members(user_id)"),
        json!([{"name": "Red", "projects": [{"name": "one"}], "members": [{"user_id": ANN}, {"user_id": BOB}]}])
    );
    let insert = |id: i32, org: i32| json!({"id": id, "org_id": org, "name": "new"});
    assert_eq!(ann.post("/rest/v1/projects").json(&insert(3, 1)).send().status, StatusCode::CREATED);
    let denied = "new row violates row-level security policy for table \"projects\"";
    for (actor, org) in [(&ann, 2), (&bob, 1)] {
        let answer = actor.post("/rest/v1/projects").json(&insert(4, org)).send();
        assert_error(&answer, StatusCode::FORBIDDEN, "42501", denied);
    }
    bob.patch("/rest/v1/projects?id=gt.0").json(&json!({"name": "bobs"})).send();
    bob.delete("/rest/v1/projects?id=eq.1").send();
    assert_eq!(
        rows(&app.service_role(), "projects?select=id,name&order=id"),
        json!([{"id": 1, "name": "one"}, {"id": 2, "name": "bobs"}, {"id": 3, "name": "new"}])
    );
}

#[test]
fn an_invoker_function_sees_what_its_caller_sees() {
    let app = app();
    app.migrate(
        "2",
        "create function member_count(org int) returns bigint language sql stable as 'select count(*) from members where org_id = org';
         create table seats (id int primary key, org_id int);
         insert into seats values (1, 1), (2, 2);
         create policy busy on seats for select using (member_count(org_id) > 0);",
    );
    assert_eq!(column(&app.user(ANN), "seats?select=id", "id"), [json!(1)]);
    assert_eq!(column(&app.user(BOB), "seats?select=id", "id"), [json!(1), json!(2)]);
    assert_eq!(rows(&app.anon(), "seats"), json!([]));
}

#[test]
fn a_function_that_leads_back_to_its_own_policy_ends_in_an_error() {
    let app = app();
    app.migrate(
        "2",
        "create table loops (id int primary key, up int);
         create function loops_up(of int) returns boolean language sql stable as 'select exists (select 1 from loops where id = of)';
         create policy around on loops for select using (loops_up(up));",
    );
    let answer = app.user(ANN).get("/rest/v1/loops").send();
    assert_error(&answer, StatusCode::INTERNAL_SERVER_ERROR, "54001", "stack depth limit exceeded");
}

#[test]
fn who_may_not_execute_a_function_may_not_use_its_policy() {
    let app = app();
    app.migrate("2", "revoke execute on function is_member(int) from public, anon, authenticated");
    let answer = app.user(ANN).get("/rest/v1/projects").send();
    assert_error(&answer, StatusCode::FORBIDDEN, "42501", "permission denied for function is_member");
    let answer = app.anon().get("/rest/v1/projects").send();
    assert_error(&answer, StatusCode::UNAUTHORIZED, "42501", "permission denied for function is_member");
    app.migrate("3", "grant execute on function is_member(int) to authenticated");
    assert_eq!(column(&app.user(ANN), "projects?select=id", "id"), [json!(1)]);
    // A definer's own calls are its owner's.
    app.migrate(
        "4",
        "revoke execute on function is_member(int) from authenticated;
         create function may(org int) returns boolean language sql stable security definer as 'select is_member(org)';
         drop policy read on projects; create policy read on projects for select using (may(org_id))",
    );
    assert_eq!(column(&app.user(ANN), "projects?select=id", "id"), [json!(1)]);
}

#[test]
fn a_new_body_decides_from_the_next_request_on() {
    let app = app();
    assert_eq!(column(&app.user(ANN), "projects?select=id", "id"), [json!(1)]);
    app.migrate("2", "create or replace function is_member(org int) returns boolean language sql stable security definer as 'select false'");
    assert_eq!(rows(&app.user(ANN), "projects"), json!([]));
}

#[test]
fn a_default_may_call_a_function_of_the_caller() {
    let app = app();
    app.migrate(
        "2",
        "create function me() returns uuid language sql stable as 'select auth.uid()';
         create function role_now() returns text language sql stable security definer as 'select current_user || ''/'' || auth.role()';
         create table notes (id int primary key, owner uuid default me(), made_by text default role_now());
         create policy own on notes using (owner = me());",
    );
    let answer = app
        .user(ANN)
        .post("/rest/v1/notes")
        .header("prefer", "return=representation")
        .json(&json!({"id": 1}))
        .send();
    assert_eq!(answer.json(), json!([{"id": 1, "owner": ANN, "made_by": "postgres/authenticated"}]));
}

#[test]
fn an_upsert_asks_functions_that_look_into_other_tables() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table teams (id int primary key, owner uuid);
         create table members (id int primary key, owner uuid);
         create table notes (id int primary key, owner uuid, rank int not null default 0);
         create function owner_of(p_id int) returns uuid language sql stable as $$ select s.owner from teams s where s.id = p_id $$;
         create function is_member(p_id int) returns boolean language sql stable as $$ select exists (select 1 from members as s where s.id = p_id) $$;
         create policy one on teams to authenticated using (is_member(2) is true);
         create policy two on notes using (is_member(3));
         create policy three on notes for select to authenticated using (owner_of(id) = auth.uid());",
    );
    let row = json!([{"id": 1, "rank": 2}]);
    let answer = app
        .user("00000000-0000-4000-8000-00000000000a")
        .post("/rest/v1/notes?on_conflict=id")
        .header("prefer", "resolution=merge-duplicates,return=representation")
        .json(&row)
        .send();
    assert_eq!(answer.json()["code"], "42501", "{}", answer.text());
}

#[test]
fn a_volatile_function_sees_what_its_own_statement_wrote() {
    let app = TestApp::new();
    let schema = |volatility: &str| {
        format!(
            "create or replace function seats() returns bigint language sql {volatility} security definer as 'select count(*) from guests where seated'"
        )
    };
    app.migrate(
        "1",
        &format!(
            "create table guests (id int primary key, seated boolean not null default true, note text);
             {};
             create policy few on guests for insert to authenticated with check (seats() < 2);
             create policy all_of_them on guests for select using (true);
             create policy move on guests for update using (seats() > 0);
             create policy leave on guests for delete using (seats() > 1);",
            schema("")
        ),
    );
    let user = app.user(ANN);
    let add = |ids: &[i32]| {
        let rows: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        user.post("/rest/v1/guests").json(&json!(rows)).send()
    };
    assert_eq!(add(&[1, 2, 3]).json()["code"], "42501");
    assert_eq!(rows(&user, "guests"), json!([]));
    assert_eq!(add(&[1, 2]).status, StatusCode::CREATED);
    // Nothing the function looks at: any number of rows.
    assert_eq!(
        user.patch("/rest/v1/guests?id=gt.0").json(&json!({"note": "x"})).send().status,
        StatusCode::NO_CONTENT
    );
    let stands = json!({"seated": false});
    let several = user.patch("/rest/v1/guests?id=gt.0").json(&stands).send();
    assert_eq!(several.json()["code"], "0A000", "{}", several.text());
    assert_eq!(user.delete("/rest/v1/guests?id=gt.0").send().json()["code"], "0A000");
    assert_eq!(user.delete("/rest/v1/guests?id=eq.2").send().status, StatusCode::NO_CONTENT);
    assert_eq!(user.patch("/rest/v1/guests?id=eq.1").json(&stands).send().status, StatusCode::NO_CONTENT);
    app.migrate("2", &format!("{}; delete from guests", schema("stable")));
    assert_eq!(add(&[1, 2, 3]).status, StatusCode::CREATED);
}
