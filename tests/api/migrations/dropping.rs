//! `DROP … CASCADE`, and labels that an enum gets later.

use serde_json::json;

use crate::app::TestApp;

/// The registry's policies and foreign keys.
fn left(app: &TestApp) -> String {
    let sql = "SELECT group_concat(name, ', ' ORDER BY name) FROM (
                 SELECT name FROM \"edgeward.catalog\" WHERE kind = 'policy'
                 UNION ALL
                 SELECT value ->> '$.name' FROM \"edgeward.catalog\", json_each(definition, '$.foreign_keys') WHERE kind = 'table')";
    app.database.value(sql).unwrap_or_default()
}

#[test]
fn a_table_goes_with_what_others_have_of_it_and_their_rows_stay() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table rooms (id int primary key);
         create table notes (id int primary key, room_id int references rooms on delete cascade, rooms text);
         create table replies (note_id int references notes on delete cascade);
         create policy through on notes using (exists (select 1 from rooms where rooms.id = notes.room_id));
         create policy word on notes using (notes.rooms = 'rooms');
         insert into rooms values (1); insert into notes values (1, 1, 'x'); insert into replies values (1);",
    );
    assert_eq!(app.refusal("drop table rooms").0, "2BP01");
    assert_eq!(app.refusal("drop table rooms, replies").0, "2BP01");
    app.migrate("2", "drop table rooms cascade; insert into notes values (2, 77, 'y');");
    assert_eq!(left(&app), "replies_note_id_fkey, word on notes");
    assert_eq!(
        app.rows("select * from notes order by id"),
        json!([{"id": 1, "room_id": 1, "rooms": "x"}, {"id": 2, "room_id": 77, "rooms": "y"}])
    );
    assert_eq!(app.rows("select * from replies"), json!([{"note_id": 1}]));
    app.migrate("3", "drop policy word on notes; create table rooms (id int primary key);");
    assert_eq!(app.refusal("drop table nope cascade").0, "42P01");
}

#[test]
fn tables_that_refer_to_each_other_go_together_in_any_order() {
    for order in ["a, b, c", "c, b, a", "b, a, c"] {
        let app = TestApp::new();
        app.migrate(
            "1",
            "create table kept (id int primary key);
             create table a (id int primary key, b_id int);
             create table b (id int primary key, a_id int references a, kept_id int references kept);
             create table c (b_id int references b on delete restrict, a_id int references a on delete cascade);
             alter table a add foreign key (b_id) references b;
             insert into kept values (1); insert into a values (1, null); insert into b values (1, 1, 1); insert into c values (1, 1);
             update a set b_id = 1;",
        );
        app.migrate("2", &format!("drop table {order};"));
        assert_eq!(
            app.database.value("SELECT group_concat(name) FROM \"edgeward.catalog\"").unwrap(),
            "kept",
            "{order}"
        );
        assert_eq!(app.rows("select * from kept"), json!([{"id": 1}]));
        // Keys are held to at once again.
        app.migrate("3", "create table d (kept_id int references kept);");
        assert_eq!(app.refusal("insert into d values (2); insert into kept values (2)").0, "23503");
    }
}

#[test]
fn a_schema_goes_with_all_that_is_in_it() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create schema shop; create type shop.size as enum ('s', 'l');
         create table shop.items (id int primary key, size shop.size); create table shop.sales (item_id int references shop.items);
         create table public.items (id int primary key, of int references shop.items on delete set null);
         insert into shop.items values (1, 's'); insert into shop.sales values (1); insert into items values (1, 1);",
    );
    assert_eq!(app.refusal("drop schema shop").0, "2BP01");
    app.migrate("2", "drop schema shop cascade; create schema shop;");
    assert_eq!(left(&app), "");
    assert_eq!(app.rows("select * from items"), json!([{"id": 1, "of": 1}]));
    assert_eq!(
        app.database.value("SELECT count(*) FROM sqlite_master WHERE name LIKE 'shop.%'").unwrap(),
        "0"
    );
}

#[test]
fn an_enum_gets_labels_where_they_are_asked_for() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type mood as enum ('sad', 'glad');
         create table t (id int primary key, mood mood default 'sad', moods mood[]); create table c (t_id int references t on delete cascade);
         insert into t values (1, 'glad', '{sad}'), (2, 'sad', null); insert into c values (1), (2);",
    );
    assert_eq!(app.refusal("insert into t values (3, 'so-so')").0, "22P02");
    app.migrate(
        "2",
        "alter type mood add value 'so-so' before 'glad'; alter type public.mood add value if not exists 'sad';
         alter type mood add value 'elated' after 'glad'; alter type mood add value 'it''s';
         insert into t values (3, 'so-so', '{so-so,elated}'), (4, 'it''s', null);",
    );
    assert_eq!(
        app.rows("select id, mood, moods from t order by t.mood"),
        json!([
            {"id": 2, "mood": "sad", "moods": null},
            {"id": 3, "mood": "so-so", "moods": ["so-so", "elated"]},
            {"id": 1, "mood": "glad", "moods": ["sad"]},
            {"id": 4, "mood": "it's", "moods": null},
        ])
    );
    assert_eq!(app.rows("select count(*) as n from c"), json!([{"n": 2}]));
    let rows = [
        ("alter type mood add value 'sad'", "42710"),
        ("alter type mood add value 'x' after 'nope'", "22023"),
        ("alter type nope add value 'x'", "42704"),
        ("alter type mood rename to t", "42710"),
        ("alter type mood rename value 'nope' to 'bad'", "22023"),
        ("insert into t values (5, 'bad')", "22P02"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
}

#[test]
fn a_policy_gets_another_name() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (id int); create policy a on t using (true); create policy b on t using (false);",
    );
    app.migrate("2", "alter policy a on t rename to \"what it does\";");
    assert_eq!(left(&app), "b on t, what it does on t");
    assert_eq!(app.refusal("alter policy a on t rename to c").0, "42704");
    assert_eq!(app.refusal("alter policy b on t rename to \"what it does\"").0, "42710");
}
