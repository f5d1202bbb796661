//! What functions in plpgsql give: rows, one after another, and parameters that come out.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::TestApp;

fn project(functions: &str) -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table items (id bigint generated always as identity primary key, name text, price numeric(10,2), sold boolean not null default false);
         create table log (what text);
         insert into items (name, price) values ('a', 1), ('b', 2.5), ('c', 30);",
    );
    app.migrate("2", functions);
    app
}

fn call(app: &TestApp, name: &str, body: Value) -> Value {
    let answer = app.service_role().post(&format!("/rest/v1/rpc/{name}")).json(&body).send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[test]
fn functions_that_write_return_queries() {
    let app = project(
        "create function sell(below numeric) returns setof items language plpgsql as $$
         begin
           return query update items set sold = true where price < below returning *;
           if not found then
             return query select * from items where false;
           end if;
           insert into log values ('sold below ' || below);
           return query select * from items where price >= below order by id desc;
           update items set name = name || '!';
         end $$;
         create function add_many(names text[]) returns table (item_id bigint, label text) language plpgsql as $$
         declare made bigint;
         begin
           insert into items (name, price) values (names[1], 9) returning id into made;
           item_id := made;
           label := 'first';
           return next;
           return query insert into items (name, price) select n, 10 from unnest(names[2:9]) as n returning id, name;
           return query with gone as (delete from items i where i.price > 20 returning i.id, i.name) select gone.id, 'gone ' || gone.name from gone;
         end $$;",
    );
    let sold = call(&app, "sell", json!({"below": 3}));
    assert_eq!(
        sold.as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{}{}", row["name"].as_str().unwrap(), row["sold"]))
            .collect::<Vec<_>>(),
        ["atrue", "btrue", "cfalse"]
    );
    assert_eq!(
        app.rows("select name from items order by id"),
        json!([{"name": "a!"}, {"name": "b!"}, {"name": "c!"}])
    );
    assert_eq!(
        call(&app, "add_many", json!({"names": ["x", "y", "z"]})),
        json!([
            {"item_id": 4, "label": "first"}, {"item_id": 5, "label": "y"}, {"item_id": 6, "label": "z"},
            {"item_id": 3, "label": "gone c!"},
        ])
    );
}

#[test]
fn parameters_come_out() {
    let app = project(
        "create function stats(out lowest numeric, out highest numeric, out n bigint) language plpgsql stable as $$
         begin
           select min(price), max(price), count(*) into lowest, highest, n from items;
         end $$;
         create function bump(inout id bigint, out name text, out was numeric) language plpgsql as $$
         begin
           select i.price, i.name into was, name from items i where i.id = bump.id;
           if was is null then
             return;
           end if;
           update items i set price = price + 1 where i.id = bump.id;
           id := id + 100;
         end $$;
         create function cheapest() returns items language plpgsql stable as $$
         declare found_one items;
         begin
           select * into found_one from items order by price limit 1;
           if found_one.price > 100 then
             return null;
           end if;
           return found_one;
         end $$;
         create function either(which int) returns items language plpgsql as $$
         declare r items;
         begin
           insert into log values ('asked');
           if which = 0 then
             return null;
           elsif which > 0 then
             select * into r from items where items.id = which;
             return r;
           end if;
           raise exception 'no such %', which;
         end $$;",
    );
    assert_eq!(call(&app, "stats", json!({})), json!({"lowest": 1.00, "highest": 30.00, "n": 3}));
    assert_eq!(app.rows("select highest from stats()"), json!([{"highest": 30.00}]));
    assert_eq!(call(&app, "bump", json!({"id": 2})), json!({"id": 102, "name": "b", "was": 2.50}));
    assert_eq!(call(&app, "bump", json!({"id": 9})), json!({"id": 9, "name": null, "was": null}));
    assert_eq!(call(&app, "cheapest", json!({}))["name"], json!("a"));
    assert_eq!(call(&app, "either", json!({"which": 3}))["name"], json!("c"));
    assert_eq!(call(&app, "either", json!({"which": 0}))["name"], json!(null));
    let refused = app.service_role().post("/rest/v1/rpc/either").json(&json!({"which": -1})).send();
    assert_eq!(refused.json()["message"], "no such -1");
}

#[test]
fn a_loop_returns_a_row_for_each() {
    let app = project(
        "create function labels() returns table (label text, twice numeric) language plpgsql stable as $$
         declare r record;
         begin
           for r in select * from items order by id loop
             label := upper(r.name);
             twice := r.price * 2;
             if r.price > 2 then
               return next;
             end if;
           end loop;
           return;
         end $$;
         create function all_items() returns setof items language plpgsql as $$
         declare r items%rowtype;
         begin
           for r in select * from items where price > 1 loop
             return next r;
           end loop;
           insert into log values ('read');
         end $$;",
    );
    assert_eq!(
        app.rows("select * from labels()"),
        json!([{"label": "B", "twice": 5.00}, {"label": "C", "twice": 60.00}])
    );
    assert_eq!(call(&app, "all_items", json!({}))[1]["name"], json!("c"));
    assert_eq!(app.rows("select what from log"), json!([{"what": "read"}]));
}
