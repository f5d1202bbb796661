//! `FOR EACH STATEMENT`: once for each statement that writes, however many rows it touches and whoever sends it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{ANN, BOB, assert_clean, project, push, refusal, run};
use crate::app::TestApp;

/// Every statement on `posts` leaves a line; `lines` is open to all.
const NOTED: &str = "
    create table lines (id bigint generated always as identity primary key, line text);
    alter table lines disable row level security;
    create table posts (id int primary key, owner uuid default auth.uid(), title text);
    create policy own on posts using (owner = auth.uid()) with check (owner = auth.uid());
    create function note() returns trigger language plpgsql as $$
    begin
      insert into lines (line) values (tg_name || ' ' || tg_when || ' ' || tg_op || ' ' || tg_level || ' ' || tg_argv[0] || coalesce(new.title, '-'));
      return new;
    end $$;
    create trigger b before insert or update of title or delete on posts for each statement execute function note('x');
    create trigger a after insert or update or delete on posts execute function note('y');
";

fn lines(app: &TestApp) -> Vec<String> {
    let rows = run(app, "select line from lines order by id");
    run(app, "truncate lines");
    assert_clean(app);
    rows.as_array().unwrap().iter().map(|row| row["line"].as_str().unwrap().to_string()).collect()
}

#[test]
fn a_trigger_runs_once_before_and_once_after_each_statement() {
    let app = project(NOTED);
    let ann = app.user(ANN);
    let (before, after) =
        (|op: &str| format!("b BEFORE {op} STATEMENT x-"), |op: &str| format!("a AFTER {op} STATEMENT y-"));
    let both = |op: &str| vec![before(op), after(op)];

    let rows = json!([{"id": 1, "title": "one"}, {"id": 2, "title": "two"}]);
    let answer =
        ann.post("/rest/v1/posts?select=id").json(&rows).header("prefer", "return=representation").send();
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, json!([{"id": 1}, {"id": 2}])));
    assert_eq!(lines(&app), both("INSERT"));

    let answer = ann.post("/rest/v1/posts").json(&json!([])).send();
    assert_eq!((answer.status, answer.text().as_str()), (StatusCode::CREATED, ""));
    assert_eq!(lines(&app), both("INSERT"), "no row is a statement too");

    let answer = ann
        .patch("/rest/v1/posts?id=gt.0")
        .json(&json!({"title": "new"}))
        .header("prefer", "count=exact")
        .send();
    assert_eq!((answer.status, answer.header("content-range")), (StatusCode::NO_CONTENT, Some("0-1/2")));
    assert_eq!(lines(&app), both("UPDATE"));
    ann.patch("/rest/v1/posts?id=eq.1").json(&json!({"owner": ANN})).send();
    assert_eq!(lines(&app), [after("UPDATE")], "UPDATE OF another column");
    ann.patch("/rest/v1/posts?id=eq.1").json(&json!({})).send();
    assert!(lines(&app).is_empty(), "nothing to set is no UPDATE");
    let answer = app.user(BOB).patch("/rest/v1/posts?id=eq.1").json(&json!({"title": "mine"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(lines(&app), both("UPDATE"), "of no row that he may see");

    let upsert = json!([{"id": 1, "title": "again"}, {"id": 3, "title": "three"}]);
    let answer = ann
        .post("/rest/v1/posts?select=id&order=id")
        .json(&upsert)
        .header("prefer", "resolution=merge-duplicates,return=representation")
        .send();
    assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, json!([{"id": 1}, {"id": 3}])));
    assert_eq!(lines(&app), [before("INSERT"), before("UPDATE"), after("UPDATE"), after("INSERT")]);
    ann.post("/rest/v1/posts").json(&upsert).header("prefer", "resolution=ignore-duplicates").send();
    assert_eq!(lines(&app), both("INSERT"));
    let answer = ann.put("/rest/v1/posts?id=eq.1").json(&json!({"id": 1, "title": "put"})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(lines(&app), [before("INSERT"), before("UPDATE"), after("UPDATE"), after("INSERT")]);

    ann.delete("/rest/v1/posts?id=eq.99").send();
    assert_eq!(lines(&app), both("DELETE"));
    run(
        &app,
        "insert into posts (id) values (7), (8); update posts set id = 9 where id = 8; delete from posts; truncate posts",
    );
    assert_eq!(lines(&app), [both("INSERT"), vec![after("UPDATE")], both("DELETE")].concat());
    run(
        &app,
        "insert into posts values (7) on conflict (id) do update set title = excluded.title; with gone as (select 7 as id) delete from posts where id in (select id from gone)",
    );
    assert_eq!(
        lines(&app),
        [vec![before("INSERT"), before("UPDATE"), after("UPDATE"), after("INSERT")], both("DELETE")].concat()
    );
    run(
        &app,
        "alter table posts disable trigger b; insert into posts values (1); alter table posts enable trigger all; drop trigger a on posts; delete from posts",
    );
    assert_eq!(lines(&app), [after("INSERT"), before("DELETE")]);
}

#[test]
fn a_rolled_back_and_a_refused_write_leave_nothing() {
    let app = project(&format!(
        "{NOTED}
         create function guard() returns trigger language plpgsql as $$
         begin
           if auth.role() <> 'service_role' and (select count(*) from posts) > 1 then
             raise exception 'no more of % in %', tg_op, tg_table_name using errcode = '42501', hint = 'ask';
           end if;
           return null;
         end $$;
         create trigger c after insert or delete on posts for each statement execute function guard();"
    ));
    let ann = app.user(ANN);
    let refused = ann.post("/rest/v1/posts").json(&json!([{"id": 1}, {"id": 2}])).send();
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(
        refused.json(),
        json!({"code": "42501", "message": "no more of INSERT in posts", "details": null, "hint": "ask"})
    );
    assert_eq!(run(&app, "select count(*) from posts"), json!([{"count": 0}]));
    assert!(lines(&app).is_empty());
    assert_eq!(ann.post("/rest/v1/posts").json(&json!({"id": 1})).send().status, StatusCode::CREATED);
    assert_eq!(
        app.anon().post("/rest/v1/posts").json(&json!({"id": 2})).send().status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(lines(&app).len(), 2);
    let two = app.service_role().post("/rest/v1/posts").json(&json!([{"id": 2}, {"id": 3}])).send();
    assert_eq!(two.status, StatusCode::CREATED, "{}", two.text());
}

#[test]
fn a_write_that_is_rolled_back_fires_in_vain() {
    let app = TestApp::with_vars(&[("DB_TX_END", "commit-allow-override")]);
    assert_eq!(push(&app, "1", NOTED).status, StatusCode::OK);
    for rows in [json!([{"id": 1}, {"id": 2}]), json!([])] {
        let prefer = "tx=rollback,return=representation";
        let answer =
            app.user(ANN).post("/rest/v1/posts?select=id").json(&rows).header("prefer", prefer).send();
        assert_eq!((answer.status, answer.json()), (StatusCode::CREATED, rows), "{}", answer.text());
        assert!(lines(&app).is_empty());
    }
}

#[test]
fn functions_and_other_triggers_fire_it_too() {
    let app = project(&format!(
        "{NOTED}
         create function twice(n int) returns int language plpgsql security definer as $$
         declare found_rows int; got int;
         begin
           insert into posts (id) values (n), (n + 1);
           get diagnostics found_rows = row_count;
           if n > 100 then
             update posts set title = 'never';
           end if;
           update posts set title = 'x' where id = n returning id into got;
           delete from posts where id = 0;
           if not found then return found_rows * 1000 + got; end if;
           return 0;
         end $$;
         create function added(n int) returns setof posts language sql security definer as $$
           insert into posts (id) values (n) returning *
         $$;
         create table heads (id int primary key);
         alter table heads disable row level security;
         create function follow() returns trigger language plpgsql security definer as $$
         begin insert into posts (id) values (new.id); return new; end $$;
         create trigger follow after insert on heads for each row execute function follow();"
    ));
    let call = app.anon().post("/rest/v1/rpc/twice").json(&json!({"n": 1})).send();
    assert_eq!((call.status, call.json()), (StatusCode::OK, json!(2001)), "{}", call.text());
    let of = |op: &str| [format!("b BEFORE {op} STATEMENT x-"), format!("a AFTER {op} STATEMENT y-")];
    assert_eq!(lines(&app), [of("INSERT"), of("UPDATE"), of("DELETE")].concat());
    let call = app.anon().post("/rest/v1/rpc/added?select=id").json(&json!({"n": 5})).send();
    assert_eq!((call.status, call.json()), (StatusCode::OK, json!([{"id": 5}])), "{}", call.text());
    assert_eq!(lines(&app), of("INSERT"));
    app.anon().post("/rest/v1/heads").json(&json!([{"id": 10}, {"id": 11}])).send();
    assert_eq!(
        lines(&app),
        [of("INSERT"), of("INSERT")].concat(),
        "each row's function has a statement of its own"
    );
}

const AUDITED: &str = "
    create table kinds (id int primary key);
    create table things (id int primary key, name text, price numeric(8,2), tags text[], at timestamptz, ok boolean, raw bytea, weight float8, twice int generated always as (id * 2) stored, kind int references kinds on delete cascade on update cascade);
    create table audit (n bigint generated always as identity primary key, op text, who uuid, was jsonb, is_now jsonb);
    create policy all_things on things using (true) with check (true);
    create policy all_kinds on kinds using (true) with check (true);
    create function audit() returns trigger language plpgsql security definer set search_path = '' as $$
    begin
      if tg_op = 'INSERT' then
        insert into public.audit (op, who, is_now) select tg_op, auth.uid(), to_jsonb(n) from new_rows n;
      elsif tg_op = 'UPDATE' then
        insert into public.audit (op, who, was, is_now)
        select tg_op, auth.uid(), to_jsonb(o), to_jsonb(n) from old_rows o join new_rows n using (id);
      else
        insert into public.audit (op, who, was) select tg_op, auth.uid(), to_jsonb(o) from old_rows as o;
      end if;
      return null;
    end $$;
    create trigger ai after insert on things referencing new table as new_rows for each statement execute function audit();
    create trigger au after update on things referencing new table as new_rows old table old_rows for each statement execute function audit();
    create trigger ad after delete on things referencing old table as old_rows for each statement execute function audit();
";

fn audit(app: &TestApp, columns: &str) -> Value {
    let rows = run(app, &format!("select {columns} from audit order by n"));
    run(app, "delete from audit");
    assert_clean(app);
    rows
}

#[test]
fn transition_tables_have_the_rows_of_the_statement() {
    let app = project(AUDITED);
    let ann = app.user(ANN);
    let things = json!([
        {"id": 1, "name": "ä\"1", "price": "10.50", "tags": ["a", "b,c"], "at": "2024-02-03T04:05:06Z", "ok": true, "raw": "\\x00ff", "weight": 0.1},
        {"id": 2},
    ]);
    let answer = ann.post("/rest/v1/things?columns=id,name,price,tags,at,ok,raw,weight").json(&things).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(
        audit(&app, "op, who, is_now"),
        json!([
            {"op": "INSERT", "who": ANN, "is_now": {"id": 1, "name": "ä\"1", "price": 10.50, "tags": ["a", "b,c"], "at": "2024-02-03T04:05:06+00:00", "ok": true, "raw": "\\x00ff", "weight": 0.1, "twice": 2, "kind": null}},
            {"op": "INSERT", "who": ANN, "is_now": {"id": 2, "name": null, "price": null, "tags": null, "at": null, "ok": null, "raw": null, "weight": null, "twice": 4, "kind": null}},
        ])
    );
    let patch = |target: &str| {
        let answer = ann.patch(target).json(&json!({"name": "new"})).send();
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
        answer.header("content-range").unwrap().to_string()
    };
    assert_eq!(patch("/rest/v1/things?id=gte.1"), "0-1/*", "what triggers write is not counted");
    let names = "op, was ->> 'name' as was, is_now ->> 'name' as now, coalesce(was, is_now) ->> 'id' as id";
    assert_eq!(
        audit(&app, names),
        json!([{"op": "UPDATE", "was": "ä\"1", "now": "new", "id": "1"}, {"op": "UPDATE", "was": null, "now": "new", "id": "2"}])
    );
    patch("/rest/v1/things?id=eq.77");
    assert_eq!(audit(&app, names), json!([]));
    let upsert = json!([{"id": 2, "name": "two"}, {"id": 3, "name": "three"}]);
    ann.post("/rest/v1/things").json(&upsert).header("prefer", "resolution=merge-duplicates").send();
    assert_eq!(
        audit(&app, names),
        json!([{"op": "UPDATE", "was": "new", "now": "two", "id": "2"}, {"op": "INSERT", "was": null, "now": "three", "id": "3"}])
    );
    run(&app, "delete from things where id > 1");
    assert_eq!(
        audit(&app, "op, who, was ->> 'id' as id"),
        json!([{"op": "DELETE", "who": null, "id": "2"}, {"op": "DELETE", "who": null, "id": "3"}])
    );
}

#[test]
fn what_foreign_keys_do_fires_it_as_well() {
    let app = project(&format!(
        "{AUDITED}
         create function said() returns trigger language plpgsql as $$ begin insert into audit (op) values ('statement'); return null; end $$;
         create trigger said after delete on things for each statement execute function said();
         alter table audit disable row level security;
         insert into kinds values (1), (2), (3);
         insert into things (id, kind) values (1, 1), (2, 1), (3, 2);
         delete from audit;"
    ));
    let service = app.service_role();
    service.delete("/rest/v1/kinds?id=lt.3").send();
    assert_eq!(
        audit(&app, "op, was ->> 'id' as id"),
        json!([{"op": "DELETE", "id": "1"}, {"op": "DELETE", "id": "2"}, {"op": "DELETE", "id": "3"}, {"op": "statement", "id": null}])
    );
    service.delete("/rest/v1/kinds?id=eq.3").send();
    assert_eq!(audit(&app, "op"), json!([{"op": "statement"}]), "the key's action ran, and found none");
    service.delete("/rest/v1/kinds?id=eq.3").send();
    assert_eq!(audit(&app, "op"), json!([]), "no row went, so the key did nothing");
    run(
        &app,
        "insert into kinds values (5); insert into things (id, kind) values (9, 5); delete from audit; update kinds set id = 6 where id = 5",
    );
    assert_eq!(audit(&app, "op, is_now ->> 'kind' as kind"), json!([{"op": "UPDATE", "kind": "6"}]));
    run(&app, "update kinds set id = 6 where id = 6");
    assert_eq!(audit(&app, "op"), json!([]));
}

#[test]
fn an_account_that_goes_fires_what_is_on_its_rows() {
    let app = project(
        "create table profiles (id uuid primary key references auth.users on delete cascade);
         create table posts (id int primary key, author uuid references profiles on delete cascade);
         create table log (n bigint generated always as identity primary key, line text);
         create function log() returns trigger language plpgsql security definer as $$
         begin insert into public.log (line) select tg_table_name || ' ' || tg_op || ' ' || count(*) from gone; return null; end $$;
         create trigger log after delete on profiles referencing old table as gone for each statement execute function log();
         create trigger log after delete on posts referencing old table as gone for each statement execute function log();
         create function forget(who uuid) returns void language sql security definer as $$ delete from auth.users where id = who $$;
         create function forget_all() returns void language plpgsql security definer as $$ begin delete from auth.users; end $$;",
    );
    let sign_up = |email: &str| {
        let body = json!({"email": email, "password": "a long password"});
        let answer = app.service_role().post("/auth/v1/admin/users").json(&body).send();
        let id = answer.json()["id"].as_str().unwrap().to_string();
        run(
            &app,
            &format!(
                "insert into profiles values ('{id}'); insert into posts select coalesce(max(id), 0) + 1, '{id}' from posts; insert into posts select coalesce(max(id), 0) + 1, '{id}' from posts"
            ),
        );
        id
    };
    let gone = || {
        let rows = run(&app, "select line from log order by line");
        run(&app, "delete from log");
        assert_clean(&app);
        rows
    };
    let expected = json!([{"line": "posts DELETE 2"}, {"line": "profiles DELETE 1"}]);
    let id = sign_up("a@example.com");
    assert_eq!(
        app.service_role().delete(&format!("/auth/v1/admin/users/{id}")).send().status,
        StatusCode::OK
    );
    assert_eq!(gone(), expected);
    let id = sign_up("b@example.com");
    let answer = app.service_role().post("/rest/v1/rpc/forget").json(&json!({"who": id})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    assert_eq!(gone(), expected);
    let (_, two) = (sign_up("c@example.com"), sign_up("d@example.com"));
    let answer = app.service_role().post("/rest/v1/rpc/forget_all").json(&json!({})).send();
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (StatusCode::BAD_REQUEST, json!("0A000")),
        "{}",
        answer.text()
    );
    assert_eq!(gone(), json!([]));
    run(&app, &format!("delete from auth.users where id = '{two}'"));
    assert_eq!(gone(), expected);
}

#[test]
fn a_materialized_view_is_refreshed_by_its_owner() {
    let app = project(
        "create table votes (id int primary key, poll int);
         create policy vote on votes using (true) with check (true);
         create materialized view results as select poll, count(*) as votes from votes group by poll;
         create unique index on results (poll);
         grant select on results to anon;
         create function refresh() returns trigger language plpgsql security definer as $$
         begin refresh materialized view concurrently public.results; return null; end $$;
         create trigger refresh after insert or update or delete on votes for each statement execute function refresh();",
    );
    let results = || app.anon().get("/rest/v1/results?order=poll").send().json();
    let answer = app
        .anon()
        .post("/rest/v1/votes")
        .json(&json!([{"id": 1, "poll": 1}, {"id": 2, "poll": 1}, {"id": 3, "poll": 2}]))
        .send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(results(), json!([{"poll": 1, "votes": 2}, {"poll": 2, "votes": 1}]));
    app.anon().delete("/rest/v1/votes?poll=eq.1").send();
    assert_eq!(results(), json!([{"poll": 2, "votes": 1}]));
    run(
        &app,
        "create or replace function refresh() returns trigger language plpgsql as $$ begin refresh materialized view results; return null; end $$; insert into votes values (8, 8)",
    );
    let answer = app.anon().post("/rest/v1/votes").json(&json!({"id": 9, "poll": 9})).send();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["message"], "must be owner of materialized view results");
    assert_eq!(results(), json!([{"poll": 2, "votes": 1}, {"poll": 8, "votes": 1}]));
    assert_eq!(run(&app, "select count(*) from votes"), json!([{"count": 2}]));
}

#[test]
fn truncate_has_triggers_of_its_own() {
    let app = project(
        "create table t (id int primary key); create table u (id int primary key);
         create table log (n bigint generated always as identity primary key, line text);
         create function note() returns trigger language plpgsql as $$
         begin
           if (select count(*) from t) > 2 then raise exception 'too many to truncate'; end if;
           insert into log (line) select tg_when || ' ' || tg_op || ' ' || count(*) from t;
           return null;
         end $$;
         create trigger b before truncate or delete on t for each statement execute function note();
         create trigger a after truncate on t execute function note();
         create trigger r after delete on t for each row execute function note();
         insert into t values (1), (2); insert into u values (1);",
    );
    run(&app, "truncate t, u");
    let lines = "select line from log order by n";
    assert_eq!(run(&app, lines), json!([{"line": "BEFORE TRUNCATE 2"}, {"line": "AFTER TRUNCATE 0"}]));
    assert_eq!(run(&app, "select count(*) from u"), json!([{"count": 0}]));
    run(&app, "insert into t values (1), (2), (3)");
    assert_eq!(refusal(&app, "truncate t"), ("P0001".to_string(), "too many to truncate".to_string()));
    run(
        &app,
        "alter table t disable trigger b; truncate t; insert into t values (7); alter table t enable trigger b; delete from t",
    );
    assert_eq!(run(&app, lines).as_array().unwrap().len(), 5, "the rows' own trigger is there again");
    assert_clean(&app);
}

#[test]
fn what_postgres_refuses_and_what_cannot_be_had() {
    let app = project(
        "create table t (id int primary key, n int); create table u (id int primary key, t int references t on delete cascade on update cascade); create view v as select * from t",
    );
    let create = |body: &str, rest: &str| {
        refusal(
            &app,
            &format!(
                "create function f() returns trigger language plpgsql as $$ {body} $$; create trigger x {rest} execute function f()"
            ),
        )
    };
    let nothing = "begin return null; end";
    let writes_t = "begin delete from t; return null; end";
    #[rustfmt::skip]
    let cases = [
        (nothing,  "before insert on t referencing new table as n", "42P17", "transition table name can only be specified for an AFTER trigger"),
        (nothing,  "after insert or update on t referencing new table as n", "0A000", "transition tables cannot be specified for triggers with more than one event"),
        (nothing,  "after update of n on t referencing new table as n", "0A000", "transition tables cannot be specified for triggers with column lists"),
        (nothing,  "after insert on t referencing old table as n", "42P17", "OLD TABLE can only be specified for a DELETE or UPDATE trigger"),
        (nothing,  "after delete on t referencing new table as n", "42P17", "NEW TABLE can only be specified for an INSERT or UPDATE trigger"),
        (nothing,  "after update on t referencing new table as n old table as n", "42P17", "OLD TABLE name and NEW TABLE name cannot be the same"),
        (nothing,  "after update on t referencing new table as n new table as m", "42P17", "NEW TABLE cannot be specified multiple times"),
        (nothing,  "after insert on t referencing new table as n for each row", "0A000", "REFERENCING (transition tables) FOR EACH ROW"),
        (nothing,  "after insert on t for each statement when (new.n > 1)", "42P17", "statement trigger's WHEN condition cannot reference column values"),
        (nothing,  "after insert on auth.users for each statement", "0A000", "FOR EACH STATEMENT on auth.users"),
        (nothing,  "after truncate on t for each row", "0A000", "TRUNCATE FOR EACH ROW triggers are not supported"),
        (nothing,  "after truncate on t referencing old table as o", "42P17", "TRUNCATE triggers with transition tables are not supported"),
        (nothing,  "after insert on v for each statement", "0A000", "a trigger on a view that is not INSTEAD OF"),
        (writes_t, "after delete on t for each statement", "0A000", "runs itself"),
        ("begin insert into u values (1); return null; end", "before delete on u for each statement", "0A000", "on a table that foreign keys write too"),
    ];
    for (body, rest, code, message) in cases {
        let (given, text) = create(body, rest);
        assert_eq!(given, code, "{rest}: {text}");
        assert!(text.contains(message), "{rest}: {text}");
    }
    // What a trigger on one table does to another with a key to a third would be noted twice.
    let (code, text) = refusal(
        &app,
        "create function f() returns trigger language plpgsql as $$ begin return null; end $$;
         create function g() returns trigger language plpgsql as $$ begin delete from t; return null; end $$;
         create function h() returns trigger language plpgsql as $$ begin perform 1; insert into w values (1); return null; end $$;
         create table w (id int);
         create trigger h after delete on u for each statement execute function h();
         create trigger g after insert on w for each row execute function g();",
    );
    assert_eq!(code, "0A000", "{text}");
    let fixed = push(
        &app,
        "9",
        "create function f() returns trigger language plpgsql as $$ begin return null; end $$; create trigger x after insert on t execute function f();",
    );
    assert_eq!(fixed.status, StatusCode::OK, "{}", fixed.text());
}
