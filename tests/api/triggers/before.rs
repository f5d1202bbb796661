//! BEFORE triggers: the row is another by the time it is checked, stored and given back.

use http::StatusCode;
use serde_json::json;

use super::{ANN, assert_clean, project, query, refusal, run};

const POSTS: &str = "
    create table posts (
      id bigint generated always as identity primary key,
      title text not null,
      slug text not null unique,
      author uuid,
      words int,
      updated_at timestamptz not null default '2020-01-01T00:00:00Z'
    );
    alter table posts disable row level security;
    create function set_slug() returns trigger language plpgsql as $$
    begin
      if new.slug is null or new.slug = '' then
        new.slug := lower(replace(trim(new.title), ' ', '-'));
      end if;
      return new;
    end $$;
    create trigger posts_slug before insert or update of title on posts
      for each row execute function set_slug();
    create function touch() returns trigger language plpgsql as $$
    begin
      new.updated_at = now();
      return new;
    end; $$;
    create trigger posts_touch before update on posts for each row execute procedure touch();
";

#[test]
fn a_column_that_must_not_be_null_gets_its_value_first_and_comes_back() {
    let app = project(POSTS);
    let answer = app
        .service_role()
        .post("/rest/v1/posts?select=id,slug")
        .header("prefer", "return=representation")
        .json(&json!([{"title": "Hello World"}, {"title": " Second One "}]))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json(), json!([{"id": 1, "slug": "hello-world"}, {"id": 2, "slug": "second-one"}]));
    run(&app, "insert into posts (title, slug) values ('Third One', null), ('x', 'given')");
    let slugs = run(&app, "select slug from posts where id > 2 order by id");
    assert_eq!(slugs, json!([{"slug": "third-one"}, {"slug": "given"}]));
    assert_clean(&app);
}

#[test]
fn updated_at_moves_with_every_update() {
    let app = project(POSTS);
    run(&app, "insert into posts (title, slug) values ('a', 'a'), ('b', 'b')");
    let answer = app
        .service_role()
        .patch("/rest/v1/posts?id=eq.1&select=id,words,updated_at")
        .header("prefer", "return=representation")
        .json(&json!({"words": 7}))
        .send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let row = answer.json()[0].clone();
    assert_eq!((&row["id"], &row["words"]), (&json!(1), &json!(7)));
    assert!(row["updated_at"].as_str().unwrap() > "2020-01-02", "{row}");
    let rows =
        run(&app, "update posts set words = 1 where id = 2 returning updated_at > '2020-01-02' as moved");
    assert_eq!(rows, json!([{"moved": true}]));
}

#[test]
fn an_upsert_goes_through_the_triggers_of_both_its_halves() {
    let app = project(POSTS);
    run(&app, "insert into posts (title, slug) values ('a', 'a')");
    let answer = app
        .service_role()
        .post("/rest/v1/posts?on_conflict=slug&select=id,slug,title,updated_at")
        .header("prefer", "return=representation,resolution=merge-duplicates")
        .json(&json!([{"title": "A", "slug": "a"}, {"title": "New One", "slug": ""}]))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let rows = answer.json();
    assert_eq!((&rows[0]["id"], &rows[0]["title"]), (&json!(1), &json!("A")));
    assert!(rows[0]["updated_at"].as_str().unwrap() > "2020-01-02", "{rows}");
    assert_eq!(rows[1]["slug"], json!("new-one"));
    assert!(rows[1]["updated_at"].as_str().unwrap() < "2020-01-02", "{rows}");
    let rows = run(
        &app,
        "insert into posts (title, slug) values ('B', 'a') on conflict (slug) do update set title = excluded.title \
         returning title, updated_at > '2020-01-02' as moved",
    );
    assert_eq!(rows, json!([{"title": "B", "moved": true}]));
}

#[test]
fn a_policy_is_asked_about_the_row_as_the_trigger_leaves_it() {
    let app = project(
        "create table notes (id int primary key, owner uuid, body text);
         create policy own on notes for all using (owner = auth.uid()) with check (owner = auth.uid());
         create function own() returns trigger language plpgsql as $$
         begin new.owner := auth.uid(); return new; end $$;
         create trigger own before insert or update on notes for each row execute function own();",
    );
    let answer = app
        .user(ANN)
        .post("/rest/v1/notes?select=id,owner")
        .header("prefer", "return=representation")
        .json(&json!({"id": 1, "body": "x", "owner": super::BOB}))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(answer.json(), json!([{"id": 1, "owner": ANN}]));
    let answer = app.user(ANN).patch("/rest/v1/notes?id=eq.1").json(&json!({"owner": super::BOB})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(app.database.value("SELECT owner FROM notes").as_deref(), Some(ANN));
    let answer = app.anon().post("/rest/v1/notes").json(&json!({"id": 2, "owner": ANN})).send();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
}

#[test]
fn variables_branches_and_reads_decide() {
    let app = project(
        "create table plans (name text primary key, price int, seats int);
         insert into plans values ('free', 0, 1), ('team', 10, 5);
         create table orders (id int primary key, plan text, seats int, total int, note text, position int);
         alter table plans disable row level security;
         alter table orders disable row level security;
         create function price() returns trigger language plpgsql as $$
         declare
           p plans%rowtype;
           unit int := 0;
           kind text default 'none';
         begin
           select * into p from plans where name = new.plan;
           if not found then
             raise exception 'no plan %', new.plan using errcode = 'P0002', hint = 'Pick another.', detail = 'Plans: free, team';
           elsif p.price = 0 then
             kind := 'gratis';
             if new.seats > p.seats then
               return null;
             end if;
           else
             unit := p.price;
             kind := 'paid';
           end if;
           new.total := unit * new.seats;
           new.note := kind || ' of ' || p.name;
           select coalesce(max(position), 0) + 1 into new.position from orders;
           return new;
         end $$;
         create trigger price before insert on orders for each row execute function price();",
    );
    let insert = |body: serde_json::Value| {
        app.service_role()
            .post("/rest/v1/orders")
            .header("prefer", "return=representation")
            .json(&body)
            .send()
    };
    let answer =
        insert(json!([{"id": 1, "plan": "team", "seats": 3}, {"id": 2, "plan": "free", "seats": 1}]));
    assert_eq!(
        answer.json(),
        json!([
            {"id": 1, "plan": "team", "seats": 3, "total": 30, "note": "paid of team", "position": 1},
            {"id": 2, "plan": "free", "seats": 1, "total": 0, "note": "gratis of free", "position": 2},
        ]),
        "each row sees those before it"
    );
    assert_eq!(
        insert(json!({"id": 3, "plan": "free", "seats": 9})).json(),
        json!([]),
        "RETURN NULL leaves it out"
    );
    let answer =
        insert(json!([{"id": 4, "plan": "team", "seats": 1}, {"id": 5, "plan": "gone", "seats": 1}]));
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "P0002 is no 400: {}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"code": "P0002", "message": "no plan gone", "hint": "Pick another.", "details": "Plans: free, team"})
    );
    assert_eq!(app.database.value("SELECT count(*) FROM orders").as_deref(), Some("2"), "all or nothing");
    let refused = refusal(&app, "insert into orders (id, plan, seats) values (6, 'team', 1), (7, 'team', 1)");
    assert_eq!(refused.0, "0A000", "{refused:?}");
    run(&app, "insert into orders (id, plan, seats) values (6, 'team', 1)");
    assert_eq!(run(&app, "select position from orders where id = 6"), json!([{"position": 3}]));
}

#[test]
fn a_key_that_is_set_null_goes_through_the_triggers_too() {
    let app = project(
        "create table authors (id int primary key);
         create table posts (id int primary key, author int references authors on delete set null on update cascade,
           updated_at timestamptz default '2020-01-01T00:00:00Z');
         create table log (id bigint generated always as identity primary key, author int, moved boolean);
         create function touch() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$;
         create trigger touch before update on posts for each row execute function touch();
         create function note() returns trigger language plpgsql as $$
         begin insert into log (author, moved) values (new.author, new.updated_at > '2020-01-02'); return null; end $$;
         create trigger note after update on posts for each row execute function note();
         insert into authors values (1), (2);
         insert into posts (id, author) values (1, 1), (2, 1), (3, 2);",
    );
    run(&app, "delete from authors where id = 1");
    assert_eq!(
        run(&app, "select id, author, updated_at > '2020-01-02' as moved from posts order by id"),
        json!([{"id": 1, "author": null, "moved": true}, {"id": 2, "author": null, "moved": true}, {"id": 3, "author": 2, "moved": false}])
    );
    assert_eq!(
        run(&app, "select author, moved from log"),
        json!([{"author": null, "moved": true}, {"author": null, "moved": true}])
    );
    run(&app, "update authors set id = 5 where id = 2");
    assert_eq!(
        run(&app, "select author, updated_at > '2020-01-02' as moved from posts where id = 3"),
        json!([{"author": 5, "moved": true}])
    );
    run(&app, "update posts set author = null where id = 3");
    assert_eq!(run(&app, "select count(*) as n from log"), json!([{"n": 4}]), "once for each row");
}

#[test]
fn a_guard_stops_everything() {
    let app = project(
        "create table members (id int primary key, role text, seats int);
         alter table members disable row level security;
         create function guard() returns trigger language plpgsql as $$
         begin
           if tg_op = 'DELETE' then
             if old.role = 'owner' then raise exception 'owners stay'; end if;
             return old;
           end if;
           if new.role is distinct from old.role and coalesce(auth.role(), '') <> 'service_role' then
             raise exception 'You cannot change role from % to %', old.role, new.role using errcode = '42501';
           end if;
           return new;
         end $$;
         create trigger guard before update or delete on members for each row execute function guard();
         insert into members values (1, 'owner', 1), (2, 'guest', 1);",
    );
    let answer = app.user(ANN).patch("/rest/v1/members?id=eq.2").json(&json!({"role": "owner"})).send();
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert_eq!(answer.json()["message"], json!("You cannot change role from guest to owner"));
    let answer = app.user(ANN).patch("/rest/v1/members?id=eq.2").json(&json!({"seats": 3})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let answer = app.service_role().patch("/rest/v1/members?id=eq.2").json(&json!({"role": "admin"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let answer = app.user(ANN).delete("/rest/v1/members?id=gt.0").send();
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(
        answer.json(),
        json!({"code": "P0001", "message": "owners stay", "details": null, "hint": null})
    );
    assert_eq!(app.database.value("SELECT count(*) FROM members").as_deref(), Some("2"));
    assert_clean(&app);
}

#[test]
fn a_delete_can_become_an_update() {
    let app = project(
        "create table notes (id int primary key, deleted_at timestamptz);
         alter table notes disable row level security;
         create function bury() returns trigger language plpgsql as $$
         begin
           update notes set deleted_at = now() where id = old.id and deleted_at is null;
           if found then return null; end if;
           return old;
         end $$;
         create trigger bury before delete on notes for each row execute function bury();
         insert into notes (id) values (1), (2), (3);",
    );
    let delete = |filter: &str| {
        app.service_role()
            .delete(&format!("/rest/v1/notes?{filter}&select=id"))
            .header("prefer", "return=representation")
            .send()
    };
    assert_eq!(delete("id=lt.3").json(), json!([]), "nothing was deleted");
    assert_eq!(run(&app, "select count(*) as n from notes where deleted_at is not null"), json!([{"n": 2}]));
    assert_eq!(delete("id=eq.1").json(), json!([{"id": 1}]), "the second time it is");
    assert_eq!(run(&app, "select count(*) as n from notes"), json!([{"n": 2}]));
}

#[test]
fn what_cannot_be_done_is_refused_when_it_is_created() {
    let app = project("create table t (id int primary key, n int); create table u (id int, n int);");
    let create = |body: &str, rest: &str| {
        refusal(&app, &format!(
            "create function f() returns trigger language plpgsql as $$ {body} $$; create trigger a {rest} execute function f();"
        )).1
    };
    let cases = [
        (
            "begin new.n := 1; insert into u values (1, new.n); return new; end",
            "before insert on t for each row",
            "both changes the row and writes tables",
        ),
        (
            "begin update t set n = 2 where id = new.id; return null; end",
            "after update on t for each row",
            "runs itself",
        ),
        ("begin return new; end", "instead of insert on t for each row", "INSTEAD OF"),
        ("begin return new.n; end", "before insert on t for each row", "anything but NEW, OLD or NULL"),
        (
            "begin perform pg_notify('a', 'b'); return new; end",
            "after insert on t for each row",
            "function pg_notify",
        ),
        (
            "begin new.n := n; return new; end",
            "before insert on t for each row when (old.n > 0)",
            "cannot reference OLD",
        ),
        (
            "begin new.aud := 'x'; return new; end",
            "before insert on auth.users for each row",
            "changes the rows of auth.users",
        ),
    ];
    for (body, rest, expected) in cases {
        let message = create(body, rest);
        assert!(message.contains(expected), "{body}: {message}");
    }
    let two = |first: &str, second: &str| {
        refusal(
            &app,
            &format!(
                "create function f() returns trigger language plpgsql as $$ begin new.n := 1; return new; end $$;
                 create function g() returns trigger language plpgsql as $$ begin if new.n > 1 then raise exception 'x'; end if; return new; end $$;
                 create trigger {first} execute function f(); create trigger {second} execute function g();"
            ),
        )
        .1
    };
    let message = two("b before update on t for each row", "a before update on t for each row");
    assert!(message.contains("reads n before trigger b changes it"), "{message}");
    let message = two("b before update on t for each row", "c after update of n on t for each row");
    assert!(message.contains("UPDATE OF n, which a BEFORE trigger changes"), "{message}");
    let message = create(
        "begin perform auth.uid(); insert into u values (1, 1); return new; end",
        "after insert on storage.objects for each row",
    );
    assert!(message.contains("asking for the caller in a trigger of storage"), "{message}");
    let answer = query(&app, "create trigger a before insert on t for each row execute function nobody()");
    assert_eq!(answer.json()["code"], json!("42883"));
}

/// Postgres goes row by row and would tell of the key; here all rows are asked first. Nothing is written either way.
#[test]
fn of_several_rows_at_fault_one_is_told_and_none_is_written() {
    let app = project(
        "create table orders (id int primary key, product int);
         create function known() returns trigger language plpgsql as $$
         begin
           if new.product > 3 then raise exception 'no product %', new.product using errcode = 'P0002'; end if;
           new.product := new.product + 0;
           return new;
         end $$;
         create trigger known before insert on orders for each row execute function known();
         insert into orders values (10, 1);",
    );
    let rows = json!([{"id": 10, "product": 2}, {"id": 11, "product": 4}, {"id": 12, "product": 1}]);
    let answer = app.service_role().post("/rest/v1/orders").json(&rows).send();
    assert!(answer.status.is_client_error() || answer.status.is_server_error(), "{}", answer.text());
    assert!(["P0002", "23505"].contains(&answer.json()["code"].as_str().unwrap()), "{}", answer.text());
    assert_eq!(run(&app, "select id, product from orders"), json!([{"id": 10, "product": 1}]));
}
