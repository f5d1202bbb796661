//! Ranges, exclusion constraints, and the indexes that SQLite has no use for, in migrations.

use serde_json::json;

use crate::app::TestApp;

#[test]
fn ranges_are_made_and_taken_apart() {
    let app = TestApp::new();
    #[rustfmt::skip]
    let cases = [
        ("int4range(1, 5)",                              json!("[1,5)")),
        ("int4range(1, 5, '[]')",                        json!("[1,6)")),
        ("int4range(null, 5)",                           json!("(,5)")),
        ("int4range(5, 5)",                              json!("empty")),
        ("daterange('2024-01-01', '2024-01-31', '[]')",  json!("[2024-01-01,2024-02-01)")),
        ("tstzrange('2024-01-01', '2024-01-02 10:00+02')", json!("[\"2024-01-01 00:00:00+00\",\"2024-01-02 08:00:00+00\")")),
        ("upper(int4range(1, 5))",                       json!(5)),
        ("lower('[2024-01-01 10:00,)'::tsrange)",        json!("2024-01-01T10:00:00")),
        ("lower('empty'::int4range)",                    json!(null)),
        ("upper_inf('[1,)'::int4range)",                 json!(true)),
        ("'[1,5)'::int4range @> 3",                      json!(true)),
        ("'[1,5)'::int4range && int4range(5, 9)",        json!(false)),
        ("numrange(1.5, 2.5) @> 2.5",                    json!(false)),
        ("'[1,5)'::int4range -|- '[5,6)'",               json!(true)),
    ];
    for (expression, expected) in cases {
        assert_eq!(app.value(expression), expected, "{expression}");
    }
    #[rustfmt::skip]
    let refused = [
        ("select int4range(5, 1)",                        "22000"),
        ("select int4range(1, 5, 'x')",                   "42601"),
        ("select '[1,5)'::int4range * '[2,3)'::int4range", "0A000"),
        ("select '[1,5)'::int4range @> 'x'::text",        "42883"),
        ("create table x (a int4multirange)",             "0A000"),
    ];
    for (sql, code) in refused {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
}

#[test]
fn exclusions_live_as_long_as_their_table() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table meetings (id int primary key, starts_at timestamptz, ends_at timestamptz, room text,
           exclude using gist (room with =, tstzrange(starts_at, ends_at) with &&));
         insert into meetings values (1, '2024-01-01 10:00', '2024-01-01 11:00', 'a');",
    );
    let clashes = |app: &TestApp, table: &str, room: &str| {
        let sql = format!("insert into {table} values (2, '2024-01-01 10:30', '2024-01-01 11:30', '{room}')");
        assert_eq!(
            app.refusal(&sql),
            (
                "23P01".into(),
                "conflicting key value violates exclusion constraint \"meetings_room_tstzrange_excl\"".into()
            )
        );
    };
    clashes(&app, "meetings", "a");
    app.rows("alter table meetings add column note text default 'x'");
    app.rows("alter table meetings alter column room set not null");
    clashes(&app, "meetings (id, starts_at, ends_at, room)", "a");
    app.rows(
        "alter table meetings rename column starts_at to begins_at; alter table meetings rename to talks",
    );
    clashes(&app, "talks (id, begins_at, ends_at, room)", "a");

    app.rows("alter table talks drop constraint meetings_room_tstzrange_excl");
    app.rows("insert into talks values (2, '2024-01-01 10:30', '2024-01-01 11:30', 'a')");
    let again =
        "alter table talks add exclude using gist (room with =, tstzrange(begins_at, ends_at) with &&)";
    assert_eq!(app.refusal(again).0, "23P01");
}

#[test]
fn indexes_that_only_postgres_has_are_remembered() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (id int primary key, tags text[], body text, a int, b int);
         create index t_tags on t using gin (tags);
         create index t_body on t using gin (to_tsvector('english', body));
         create index t_trgm on t using gin (body gin_trgm_ops);
         create index concurrently t_a on t (a) include (b);
         create unique index t_pair on t (a, b) nulls not distinct;",
    );
    app.rows("insert into t (id, a) values (1, 1)");
    assert_eq!(app.refusal("insert into t (id, a) values (2, 1)").0, "23505");
    assert_eq!(app.refusal("create index t_tags on t (a)").0, "42P07");
    assert_eq!(app.refusal("create index on t using gin (nope)").0, "42703");
    app.rows("alter table t rename column body to content");
    app.rows("alter table t alter column a set not null");
    app.rows("drop index t_tags, t_body");
    app.rows("alter table t drop column content");
}

#[test]
fn comments_are_kept_and_deferred_keys_wait() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table a (id int primary key, b int);
         create table b (id int primary key, a int references a deferrable initially deferred);
         comment on table a is 'The first';
         comment on column a.b is 'Its other';
         comment on constraint a_pkey on a is 'nothing';
         insert into b values (1, 7);
         insert into a values (7, 1);",
    );
    let row =
        app.database.value("SELECT definition FROM \"edgeward.catalog\" WHERE kind = 'table' AND name = 'a'");
    let table: serde_json::Value = serde_json::from_str(&row.unwrap()).unwrap();
    assert_eq!(
        (&table["comment"], &table["columns"][1]["comment"]),
        (&json!("The first"), &json!("Its other"))
    );
    assert_eq!(app.refusal("comment on column a.nope is 'x'").0, "42703");
    assert_eq!(app.refusal("insert into b values (2, 8)").0, "23503");
}
