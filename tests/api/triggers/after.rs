//! AFTER triggers: other tables follow.

use http::StatusCode;
use serde_json::json;

use super::{ANN, BOB, assert_clean, project, push, refusal, run};

const COUNTED: &str = "
    create table posts (id int primary key, author uuid, comments int not null default 0, updated_at timestamptz default '2020-01-01T00:00:00Z');
    create table comments (id int primary key, post int references posts on delete cascade, body text);
    alter table comments disable row level security;
    create policy see on posts for select using (true);
    create policy own on posts for update using (author = auth.uid());
    create function touch() returns trigger language plpgsql as $$ begin new.updated_at = now(); return new; end $$;
    create trigger touch before update on posts for each row execute function touch();
    create function count_comments() returns trigger language plpgsql security definer as $$
    begin
      if (tg_op = 'INSERT') then
        update posts set comments = comments + 1 where id = new.post;
        return new;
      elsif (tg_op = 'DELETE') then
        update posts set comments = greatest(comments - 1, 0) where id = old.post;
        return old;
      end if;
      return null;
    end $$;
    create trigger count_comments after insert or delete on comments for each row execute function count_comments();
    insert into posts (id, author) values (1, '00000000-0000-4000-8000-00000000000a'), (2, null);
";

#[test]
fn a_counter_follows_every_way_of_writing() {
    let app = project(COUNTED);
    let counts = || run(&app, "select comments from posts order by id");
    let rows = json!([{"id": 1, "post": 1}, {"id": 2, "post": 1}, {"id": 3, "post": 2}]);
    let answer = app.user(BOB).post("/rest/v1/comments").json(&rows).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(
        counts(),
        json!([{"comments": 2}, {"comments": 1}]),
        "a definer's function is bound by no policy"
    );
    assert_eq!(
        run(&app, "select bool_and(updated_at > '2020-01-02') as moved from posts"),
        json!([{"moved": true}]),
        "the posts' own trigger ran"
    );
    app.user(BOB).delete("/rest/v1/comments?id=eq.1").send();
    assert_eq!(counts(), json!([{"comments": 1}, {"comments": 1}]));
    run(&app, "insert into comments values (4, 2, 'x')");
    assert_eq!(counts(), json!([{"comments": 1}, {"comments": 2}]));
    run(&app, "delete from posts where id = 2");
    assert_eq!(counts(), json!([{"comments": 1}]), "the cascade's deletes find no post");
    assert_clean(&app);
}

#[test]
fn a_function_of_the_callers_is_bound_by_the_callers_policies() {
    let app = project(&COUNTED.replace("security definer", ""));
    let comment = |id: i32, user: &str| {
        let answer = app.user(user).post("/rest/v1/comments").json(&json!({"id": id, "post": 1})).send();
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        run(&app, "select comments from posts where id = 1")[0]["comments"].clone()
    };
    assert_eq!(comment(1, BOB), json!(0), "Bob may not update Ann's post");
    assert_eq!(comment(2, ANN), json!(1));
    app.service_role().post("/rest/v1/comments").json(&json!({"id": 3, "post": 1})).send();
    assert_eq!(run(&app, "select comments from posts where id = 1"), json!([{"comments": 2}]));
    assert_clean(&app);
}

#[test]
fn an_audit_knows_who_did_what() {
    let app = project(
        "create table items (id int primary key, name text, price numeric, tags text[], ok boolean);
         alter table items disable row level security;
         create table audit (id bigint generated always as identity primary key, op text, tbl text, who uuid, email text, before jsonb, after jsonb);
         create function audit() returns trigger language plpgsql security definer set search_path = '' as $$
         begin
           insert into public.audit (op, tbl, who, before, after)
           values (tg_op, tg_table_name, auth.uid(),
             case when tg_op <> 'INSERT' then to_jsonb(old) end,
             case when tg_op <> 'DELETE' then to_jsonb(new) end);
           return coalesce(new, old);
         end $$;
         create trigger audit after insert or update or delete on items for each row execute function audit();",
    );
    let ann = app.user(ANN);
    ann.post("/rest/v1/items")
        .json(&json!({"id": 1, "name": "a", "price": 1.50, "tags": ["x"], "ok": true}))
        .send();
    ann.patch("/rest/v1/items?id=eq.1").json(&json!({"name": "b"})).send();
    run(&app, "delete from items");
    let first = json!({"id": 1, "name": "a", "price": 1.50, "tags": ["x"], "ok": true});
    let second = json!({"id": 1, "name": "b", "price": 1.50, "tags": ["x"], "ok": true});
    assert_eq!(
        run(&app, "select op, tbl, who, before, after from audit order by id"),
        json!([
            {"op": "INSERT", "tbl": "items", "who": ANN, "before": null, "after": first},
            {"op": "UPDATE", "tbl": "items", "who": ANN, "before": first, "after": second},
            {"op": "DELETE", "tbl": "items", "who": null, "before": second, "after": null},
        ])
    );
    assert_clean(&app);
}

#[test]
fn when_and_update_of_say_which_changes_matter() {
    let app = project(
        "create table orders (id int primary key, status text, note text);
         create table history (id bigint generated always as identity primary key, line text);
         create function note() returns trigger language plpgsql as $$
         begin insert into history (line) values (tg_argv[0] || ': ' || old.status || ' -> ' || new.status); return new; end $$;
         create trigger b_changed after update on orders for each row when (old.status is distinct from new.status) execute function note('changed');
         create trigger a_named after update of status on orders for each row execute function note('named');
         insert into orders values (1, 'new', ''), (2, 'new', '');",
    );
    run(&app, "update orders set note = 'x'");
    run(&app, "update orders set status = 'new' where id = 1");
    run(&app, "update orders set status = 'paid' where id = 2");
    assert_eq!(
        run(&app, "select line from history order by id"),
        json!([{"line": "named: new -> new"}, {"line": "named: new -> paid"}, {"line": "changed: new -> paid"}]),
        "in the order of their names"
    );
}

#[test]
fn what_is_inserted_can_be_used_further() {
    let app = project(
        "create table teams (id uuid primary key default gen_random_uuid(), name text unique);
         create table channels (id bigint generated always as identity primary key, team uuid, name text);
         create table members (team uuid, channel bigint, who text, first boolean);
         create table people (id int primary key, name text);
         create function welcome() returns trigger language plpgsql as $$
         declare
           t uuid;
           c bigint;
           n int;
           r record;
         begin
           insert into teams (name) values (new.name || '''s team') on conflict (name) do nothing returning id into t;
           if t is null then
             select id into strict t from teams where name = new.name || '''s team';
           else
             insert into channels (team, name) values (t, 'general') returning id into c;
           end if;
           insert into members (team, channel, who, first) values (t, c, new.name, c is not null);
           get diagnostics n = row_count;
           update channels set name = name || n where team = t returning * into r;
           if found then
             insert into members (team, channel, who) values (r.team, r.id, r.name);
           end if;
           return new;
         end $$;
         create trigger welcome after insert on people for each row execute function welcome();",
    );
    run(&app, "insert into people values (1, 'Ann'), (2, 'Bob')");
    run(&app, "insert into people values (3, 'Ann')");
    assert_eq!(
        run(
            &app,
            "select t.name, m.channel, m.who, m.first from members m join teams t on t.id = m.team order by m.channel nulls last, m.first nulls last, m.who"
        ),
        json!([
            {"name": "Ann's team", "channel": 1, "who": "Ann", "first": true},
            {"name": "Ann's team", "channel": 1, "who": "general1", "first": null},
            {"name": "Ann's team", "channel": 1, "who": "general11", "first": null},
            {"name": "Bob's team", "channel": 2, "who": "Bob", "first": true},
            {"name": "Bob's team", "channel": 2, "who": "general1", "first": null},
            {"name": "Ann's team", "channel": null, "who": "Ann", "first": false},
        ])
    );
    assert_clean(&app);
}

#[test]
fn a_loop_over_rows_is_one_statement() {
    let app = project(
        "create table followers (who int, of int);
         create table posts (id int primary key, author int);
         create table inbox (who int, post int, line text);
         insert into followers values (1, 9), (2, 9), (3, 8);
         create function fan_out() returns trigger language plpgsql as $$
         declare f record;
         begin
           for f in select who from followers where of = new.author loop
             insert into inbox (who, post, line) values (f.who, new.id, 'post ' || new.id);
           end loop;
           return null;
         end $$;
         create trigger fan_out after insert on posts for each row execute function fan_out();
         insert into posts values (5, 9), (6, 7);",
    );
    assert_eq!(
        run(&app, "select * from inbox order by who"),
        json!([{"who": 1, "post": 5, "line": "post 5"}, {"who": 2, "post": 5, "line": "post 5"}])
    );
}

#[test]
fn stock_is_guarded_and_taken() {
    let app = project(
        "create table products (id int primary key, stock int not null);
         create table orders (id int primary key, product int, quantity int);
         alter table orders disable row level security;
         create function take() returns trigger language plpgsql security definer as $$
         declare s int;
         begin
           select stock into s from products where id = new.product;
           if s is null then raise exception 'no product %', new.product; end if;
           if s < new.quantity then
             raise exception 'Insufficient stock: % left', s using hint = 'Order less.';
           end if;
           update products set stock = stock - new.quantity where id = new.product;
           return new;
         end $$;
         create trigger take before insert on orders for each row execute function take();
         insert into products values (1, 5);",
    );
    let order = |id: i32, quantity: i32| {
        let row = json!({"id": id, "product": 1, "quantity": quantity});
        app.anon().post("/rest/v1/orders").json(&row).send()
    };
    assert_eq!(order(1, 3).status, StatusCode::CREATED);
    let answer = order(2, 3);
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(answer.json()["message"], json!("Insufficient stock: 2 left"));
    assert_eq!(answer.json()["hint"], json!("Order less."));
    let rows = json!([{"id": 3, "product": 1, "quantity": 1}, {"id": 4, "product": 1, "quantity": 2}]);
    assert_eq!(app.anon().post("/rest/v1/orders").json(&rows).send().status, StatusCode::BAD_REQUEST);
    assert_eq!(run(&app, "select stock from products"), json!([{"stock": 2}]), "a failure leaves nothing");
    assert_eq!(order(5, 2).status, StatusCode::CREATED);
    assert_clean(&app);
}

#[test]
fn what_a_function_names_may_come_later_and_go() {
    let app = project(
        "create table t (id int primary key);
         create function f() returns trigger language plpgsql as $$ begin insert into log (id) values (new.id); return new; end $$;
         create trigger f after insert on t for each row execute function f();",
    );
    let (code, message) = refusal(&app, "insert into t values (1)");
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("42P01", "relation \"log\" does not exist (line 1 of the function)")
    );
    assert_eq!(push(&app, "2", "create table log (id int);").status, StatusCode::OK);
    run(&app, "insert into t values (1)");
    assert_eq!(run(&app, "select * from log"), json!([{"id": 1}]));
}

#[test]
fn a_check_of_a_name_that_two_tables_have_is_the_right_ones() {
    let app = project(
        "create table orders (id int primary key, n int constraint positive check (n > 0));
         create table stock (id int primary key, n int constraint positive check (n > 0));
         create table other (id int primary key, n int constraint positive check (n > 0), m int check (m < 5));
         alter table orders disable row level security; alter table stock disable row level security; alter table other disable row level security;
         create table calls (id int primary key, n int);
         alter table calls disable row level security;
         create function take() returns trigger language plpgsql as $$ begin update stock set n = n - new.n where id = new.id; return null; end $$;
         create trigger take after insert on calls for each row execute function take();
         create function take_stock(k int) returns void language sql as $$ update stock set n = n - k $$;
         create function spoil() returns void language plpgsql as $$ begin insert into other (id, m) values (1, 7); end $$;
         insert into stock values (1, 5);",
    );
    let message = |target: &str, body: serde_json::Value| {
        let answer = app.anon().post(target).json(&body).send();
        assert_eq!((answer.status, answer.json()["code"].clone()), (StatusCode::BAD_REQUEST, json!("23514")));
        answer.json()["message"].as_str().unwrap().to_string()
    };
    let of = |table: &str, check: &str| {
        format!("new row for relation \"{table}\" violates check constraint \"{check}\"")
    };
    assert_eq!(message("/rest/v1/orders", json!({"id": 1, "n": 0})), of("orders", "positive"));
    assert_eq!(message("/rest/v1/stock", json!({"id": 2, "n": 0})), of("stock", "positive"));
    assert_eq!(message("/rest/v1/calls", json!({"id": 1, "n": 9})), of("stock", "positive"));
    assert_eq!(message("/rest/v1/rpc/take_stock", json!({"k": 9})), of("stock", "positive"));
    assert_eq!(message("/rest/v1/rpc/spoil", json!({})), of("other", "other_m_check"));
}
