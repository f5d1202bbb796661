//! WITH queries that write, in files and in functions, and what they give back.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::TestApp;

fn shop() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table items (id bigint generated always as identity primary key, name text, price float8, photo bytea, tags text[]);
         create table archive (item_id bigint, name text, price float8, photo bytea, tags text[]);
         insert into items (name, price, photo, tags) values
           ('a', 0.1, '\\x00ff', '{x,\"y z\"}'), ('b', 1e300, null, null), ('c', null, '\\x', '{}');",
    );
    app
}

#[test]
fn rows_that_one_part_deletes_another_inserts() {
    let app = shop();
    let moved = app.rows(
        "with gone as (delete from items where name <> 'c' returning *)
         insert into archive (item_id, name, price, photo, tags) select id, name, price, photo, tags from gone returning item_id",
    );
    assert_eq!(moved, json!([{"item_id": 1}, {"item_id": 2}]));
    assert_eq!(
        app.rows("select * from archive order by item_id"),
        json!([
            {"item_id": 1, "name": "a", "price": 0.1, "photo": "\\x00ff", "tags": ["x", "y z"]},
            {"item_id": 2, "name": "b", "price": 1e300, "photo": null, "tags": null},
        ])
    );
    assert_eq!(app.rows("select name from items"), json!([{"name": "c"}]));
}

#[test]
fn new_rows_are_known_by_what_they_return() {
    let app = shop();
    assert_eq!(
        app.rows(
            "with made as (insert into items (name, price) select name || '!', 2 from items returning id, name), \
                  cheap as (select name from made where id > 4) \
             select m.id, c.name from made m left join cheap c on c.name = m.name order by 1"
        ),
        json!([{"id": 4, "name": null}, {"id": 5, "name": "b!"}, {"id": 6, "name": "c!"}])
    );
    assert_eq!(
        app.rows("with up as (update items set price = 7 where id < 3 returning id, price) select sum(price) as total, count(*) as n from up"),
        json!([{"total": 14, "n": 2}])
    );
}

#[test]
fn a_part_does_not_see_what_another_wrote() {
    let app = shop();
    let (code, message) =
        app.refusal("with gone as (delete from items returning id) select count(*) from items");
    assert_eq!(code, "0A000");
    assert!(message.contains("items"), "{message}");
    assert_eq!(
        app.refusal("with recursive gone as (delete from items returning id) select * from gone").0,
        "0A000"
    );
    assert_eq!(app.rows("select count(*) as n from items"), json!([{"n": 3}]));
}

#[test]
fn functions_give_back_the_rows_they_write() {
    let app = shop();
    app.migrate(
        "2",
        "create function raise_prices(by float8) returns setof items language sql security definer as $$
           update items set price = price + by where price < 10 returning * $$;
         create function purge(below float8) returns table (name text, price float8) language sql security definer as $$
           delete from items where price < below returning name, price $$;
         create function add_two(first text, second text) returns setof bigint language sql security definer as $$
           insert into items (name) values (first), (second) returning id $$;
         create function purged(below float8) returns bigint language sql security definer as $$
           with gone as (delete from items where price < below returning 1) select count(*) from gone $$;",
    );
    let call = |name: &str, body: Value| {
        let answer = app.service_role().post(&format!("/rest/v1/rpc/{name}")).json(&body).send();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()
    };
    assert_eq!(call("raise_prices", json!({"by": 1}))[0]["price"], json!(1.1));
    assert_eq!(call("add_two", json!({"first": "d", "second": "e"})), json!([4, 5]));
    assert_eq!(call("purged", json!({"below": 1})), json!(0));
    assert_eq!(call("purge", json!({"below": 2})), json!([{"name": "a", "price": 1.1}]));
    assert_eq!(app.rows("select count(*) as n from \"items\""), json!([{"n": 4}]));
}

#[test]
fn an_insert_that_a_trigger_left_out_returns_nothing() {
    let app = shop();
    app.migrate(
        "2",
        "create function skip() returns trigger language plpgsql as $$ begin if new.name = 'no' then return null; end if; return new; end $$;
         create trigger skip before insert on items for each row execute function skip();
         create function add(name text) returns setof bigint language sql security definer as $$
           insert into items (name) values (add.name) returning id $$;",
    );
    let add =
        |name: &str| app.service_role().post("/rest/v1/rpc/add").json(&json!({"name": name})).send().json();
    assert_eq!(add("yes"), json!([4]));
    assert_eq!(add("no"), json!([]));
}
