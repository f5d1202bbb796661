//! INSERT, UPDATE and DELETE as the system runs them.

use serde_json::json;

use crate::app::TestApp;

fn shop() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table items (id int primary key, name text unique, price numeric(10,2) default 1.5, sold bool default false, tags text[]);
         create table sales (id bigint generated always as identity primary key, item_id int references items on delete cascade, n int);
         create table owned (id int primary key, owner uuid default auth.uid(), role text default auth.role());",
    );
    app
}

#[test]
fn rows_are_inserted_with_their_defaults() {
    let app = shop();
    assert_eq!(
        app.rows(
            "insert into items (id, name, tags) values (1, 'a', array['x']), (2, 'b', '{y,z}') returning *"
        ),
        json!([
            {"id": 1, "name": "a", "price": 1.5, "sold": false, "tags": ["x"]},
            {"id": 2, "name": "b", "price": 1.5, "sold": false, "tags": ["y", "z"]},
        ])
    );
    assert_eq!(
        app.rows("insert into items values (3, 'c', default, true) returning id, price, sold as was_sold"),
        json!([{"id": 3, "price": 1.5, "was_sold": true}])
    );
    assert_eq!(
        app.rows("insert into items (id, name, price) select id + 10, name || '!', 2 from items where id < 3 returning name"),
        json!([{"name": "a!"}, {"name": "b!"}])
    );
    assert_eq!(
        app.rows("insert into owned (id) values (1) returning *"),
        json!([{"id": 1, "owner": null, "role": "postgres"}])
    );
    assert_eq!(app.rows("insert into sales default values returning id, n"), json!([{"id": 1, "n": null}]));
}

#[test]
fn conflicts_are_ignored_or_updated() {
    let app = shop();
    app.rows("insert into items (id, name) values (1, 'a')");
    app.rows("insert into items (id, name) values (1, 'other') on conflict do nothing");
    app.rows("insert into items (id, name) values (2, 'a') on conflict (name) do nothing");
    app.rows(
        "insert into items (id, name, price) values (1, 'b', 3), (4, 'd', 4)
         on conflict (id) do update set name = excluded.name || items.name, price = excluded.price where not items.sold",
    );
    app.rows("insert into items as i (id, name) values (4, 'd') on conflict on constraint items_pkey do update set tags = array[i.name]");
    assert_eq!(
        app.rows("select id, name, price, tags from items order by id"),
        json!([{"id": 1, "name": "ba", "price": 3.00, "tags": null}, {"id": 4, "name": "d", "price": 4.00, "tags": ["d"]}])
    );
    assert_eq!(app.refusal("insert into items (id) values (1) on conflict (price) do nothing").0, "42P10");
    assert_eq!(app.refusal("insert into items (id) values (1) on conflict do update set id = 1").0, "42601");
}

#[test]
fn rows_are_updated_and_deleted() {
    let app = shop();
    app.rows("insert into items (id, name) values (1, 'a'), (2, 'b'), (3, 'c'); insert into sales (item_id, n) values (1, 5), (2, 6)");
    assert_eq!(
        app.rows("update items i set name = upper(name), sold = default where i.id in (select item_id from sales where n > 5) returning i.id, name"),
        json!([{"id": 2, "name": "B"}])
    );
    app.rows("update items set price = s.n from sales s where s.item_id = items.id and s.n = 5");
    assert_eq!(app.rows("select price from items where id = 1"), json!([{"price": 5.00}]));
    assert_eq!(app.rows("delete from items where name = 'B' returning id"), json!([{"id": 2}]));
    assert_eq!(app.rows("select item_id from sales"), json!([{"item_id": 1}]));
    app.rows("truncate items, sales restart identity");
    assert_eq!(app.rows("insert into sales (n) values (1) returning id"), json!([{"id": 1}]));
    assert_eq!(app.refusal("truncate items").0, "0A000");
}

#[test]
fn writes_that_break_a_rule_say_so_in_postgres_words() {
    let app = shop();
    app.rows("insert into items (id, name) values (1, 'a')");
    let rows = [
        (
            "insert into items (id) values (1)",
            "23505",
            "duplicate key value violates unique constraint \"items_pkey\"",
        ),
        (
            "insert into items (id, name) values (2, 'a')",
            "23505",
            "duplicate key value violates unique constraint \"items_name_key\"",
        ),
        (
            "insert into sales (item_id) values (9)",
            "23503",
            "the statement violates a foreign key constraint",
        ),
        (
            "insert into items (nope) values (1)",
            "42703",
            "column \"nope\" of relation \"items\" does not exist",
        ),
        ("insert into nope values (1)", "42P01", "relation \"nope\" does not exist"),
        ("insert into items (id, id) values (1, 2)", "42701", "column \"id\" specified more than once"),
        ("insert into items (id) values (1, 2)", "42601", "INSERT has more expressions than target columns"),
        ("update items set id = 'x'", "22P02", "invalid input syntax for type integer: \"x\""),
        (
            "update items set sold = 3",
            "42804",
            "column \"sold\" is of type boolean but expression is of type integer",
        ),
        (
            "delete from items using sales where true returning sales.*",
            "0A000",
            "RETURNING of the tables in USING is not supported",
        ),
    ];
    for (sql, code, message) in rows {
        assert_eq!(app.refusal(sql), (code.to_string(), message.to_string()), "{sql}");
    }
}

#[test]
fn statements_run_together_or_not_at_all() {
    let app = shop();
    let answer = app.run("insert into items (id) values (1);\ninsert into items (id) values (2);\n\ninsert into items (id) values (1);");
    assert_eq!(answer.json()["line"], json!(4));
    assert_eq!(app.rows("select * from items"), json!([]));
    assert_eq!(
        app.rows("create table fresh (id int); insert into fresh values (1); select * from fresh"),
        json!([{"id": 1}])
    );
}

#[test]
fn a_long_seed_is_split_for_d1() {
    let app = shop();
    let rows: Vec<String> =
        (0..5_000).map(|id| format!("({id}, 'a name that is not so short: {id}')")).collect();
    app.migrate("2", &format!("insert into items (id, name) values {}", rows.join(", ")));
    assert_eq!(
        app.rows("select count(*) as n, max(id) as last from items"),
        json!([{"n": 5000, "last": 4999}])
    );
}
