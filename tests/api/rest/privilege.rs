//! `GRANT` and `REVOKE`: what a role may do with a table at all, before any policy is asked.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, rows};
use crate::app::{Actor, TestApp};

const SCHEMA: &str = "
create table posts (id int primary key, title text, owner uuid default auth.uid());
create table notes (id int primary key, post_id int references posts, body text);
create table members (post_id int, member uuid);
create policy everyone on posts using (true);
create policy those on notes using (exists (select 1 from members m where m.post_id = notes.post_id));
create policy mine on members using (member = auth.uid());
insert into posts (id, title) values (1, 'one'); insert into notes values (1, 1, 'x');
";

fn with(grants: &str) -> TestApp {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app.migrate("2", &format!("{grants} insert into members values (1, '{ANN}');"));
    app
}

/// Every way of asking, by name.
fn ask(actor: &Actor<'_>, way: &str) -> crate::app::Answer {
    let one = json!({"id": 2, "title": "two"});
    let posts = "/rest/v1/posts";
    match way {
        "read" => actor.get(posts).send(),
        "head" => actor.call(http::Method::HEAD, posts).send(),
        "count" => actor.get("/rest/v1/posts?select=count").send(),
        "embed" => actor.get("/rest/v1/notes?select=id,posts(id)").send(),
        "inner" => actor.get("/rest/v1/notes?select=id,posts!inner()").send(),
        "insert" => actor.post(posts).json(&one).send(),
        "insert and read" => actor.post(posts).header("prefer", "return=representation").json(&one).send(),
        "upsert" => actor.post(posts).header("prefer", "resolution=merge-duplicates").json(&one).send(),
        "ignore" => actor.post(posts).header("prefer", "resolution=ignore-duplicates").json(&one).send(),
        "update" => actor.patch("/rest/v1/posts?id=eq.1").json(&json!({"title": "new"})).send(),
        "delete" => actor.delete("/rest/v1/posts?id=eq.9").send(),
        other => panic!("{other}"),
    }
}

const WAYS: &[&str] = &[
    "read",
    "head",
    "count",
    "embed",
    "inner",
    "insert",
    "insert and read",
    "upsert",
    "ignore",
    "update",
    "delete",
];

#[test]
fn each_privilege_opens_the_ways_that_need_it_and_no_other() {
    #[rustfmt::skip]
    let rows: &[(&str, &[&str])] = &[
        ("",                                                                                  WAYS),
        ("revoke all on posts from authenticated;",                                           &[]),
        ("revoke all privileges on table public.posts from anon, authenticated;",             &[]),
        ("revoke all on all tables in schema public from authenticated; grant select on notes, members to authenticated;", &[]),
        ("revoke all on posts from authenticated; grant select on posts to authenticated;",   &["read", "head", "count", "embed", "inner"]),
        ("revoke all on posts from authenticated; grant insert on posts to authenticated;",   &["insert"]),
        ("revoke select on posts from authenticated;",                                        &["insert"]),
        ("revoke insert on posts from authenticated;",                                        &["read", "head", "count", "embed", "inner", "update", "delete"]),
        ("revoke update on posts from authenticated;",                                        &["read", "head", "count", "embed", "inner", "insert", "insert and read", "ignore", "delete"]),
        ("revoke delete, truncate on posts from authenticated;",                              &["read", "head", "count", "embed", "inner", "insert", "insert and read", "upsert", "ignore", "update"]),
        ("revoke all on posts from authenticated; grant all on posts to public;",             WAYS),
        ("revoke all on posts from public; revoke all on posts from anon;",                   WAYS),
        ("revoke all on posts from authenticated; grant all on all tables in schema public to authenticated;", WAYS),
        ("revoke update on posts from authenticated; grant update (title) on posts to authenticated;", &["read", "head", "count", "embed", "inner", "insert", "insert and read", "ignore", "update", "delete"]),
        ("revoke insert on posts from authenticated; grant insert (id) on posts to authenticated;", &["read", "head", "count", "embed", "inner", "update", "delete"]),
        ("revoke insert on posts from authenticated; grant insert (id, title) on posts to authenticated;", WAYS),
        ("revoke update (title) on posts from authenticated;",                                WAYS),
    ];
    for (grants, open) in rows {
        let app = with(grants);
        for way in WAYS {
            app.database.execute("DELETE FROM posts WHERE id = 2; UPDATE posts SET title = 'one'");
            let answer = ask(&app.user(ANN), way);
            if open.contains(way) {
                assert!(answer.status.is_success(), "{grants} {way}: {}", answer.text());
                continue;
            }
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{grants} {way}: {}", answer.text());
            if *way != "head" {
                let refusal = json!({"code": "42501", "details": null, "hint": null, "message": "permission denied for table posts"});
                assert_eq!(answer.json(), refusal, "{grants} {way}");
            }
            let posts = "SELECT group_concat(id || title) FROM posts";
            assert_eq!(app.database.value(posts).unwrap(), "1one", "{grants} {way}");
        }
    }
}

#[test]
fn each_role_has_its_own() {
    let app = with("revoke all on posts from anon; revoke all on notes from service_role;");
    assert_eq!(ask(&app.anon(), "read").status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&app.nobody(), "read").json()["code"], json!("42501"));
    assert_eq!(rows(&app.user(ANN), "posts?select=id"), json!([{"id": 1}]));
    assert_eq!(rows(&app.service_role(), "posts?select=id"), json!([{"id": 1}]));
    assert_eq!(
        ask(&app.service_role(), "embed").json()["message"],
        json!("permission denied for table notes")
    );
}

#[test]
fn a_policy_looks_only_where_its_caller_may() {
    let app = with("");
    assert_eq!(rows(&app.user(ANN), "notes?select=id"), json!([{"id": 1}]));
    app.migrate("3", "revoke select on members from authenticated;");
    let denied = app.user(ANN).get("/rest/v1/notes?select=id").send();
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    assert_eq!(denied.json()["message"], json!("permission denied for table members"));
}

#[test]
fn another_isolate_refuses_at_once_and_tables_made_anew_stay_closed() {
    let app = with("");
    let other = app.another_isolate();
    assert_eq!(rows(&other.user(ANN), "posts?select=id"), json!([{"id": 1}]));
    app.migrate(
        "3",
        "revoke update on posts from authenticated; grant update (title) on posts to authenticated;",
    );
    app.migrate("4", "alter table posts rename title to name; alter table posts add check (id < 9); alter table posts rename to articles;");
    let update = |body: Value| other.user(ANN).patch("/rest/v1/articles?id=eq.1").json(&body).send().status;
    assert_eq!(update(json!({"name": "new"})), StatusCode::NO_CONTENT);
    assert_eq!(update(json!({"name": "new", "id": 3})), StatusCode::FORBIDDEN);
    app.migrate("5", "alter table articles drop name; alter table articles add name text;");
    assert_eq!(update(json!({"name": "other"})), StatusCode::FORBIDDEN);
}

#[test]
fn grants_that_cannot_be_kept_are_refused() {
    let app = with("");
    let rows = [
        ("grant select on nope to anon", "42P01"),
        ("grant update (nope) on posts to anon", "42703"),
        ("revoke update (nope) on posts from anon", "42703"),
        ("grant select on posts to editor", "42704"),
        ("revoke select on posts from editor", "42704"),
        ("revoke all on posts from anon; grant select (id) on posts to anon", "0A000"),
        ("revoke all on auth.users from anon", "42501"),
        ("revoke all on schema public from anon", "0A000"),
    ];
    for (sql, code) in rows {
        let answer = app.service_role().post("/admin/v1/query").json(&json!({"sql": sql})).send();
        assert_eq!(answer.json()["code"], json!(code), "{sql}: {}", answer.text());
    }
}
