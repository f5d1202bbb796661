//! `ALTER TABLE` that makes the table anew: rows, those that refer to them, indexes and policies stay.

use serde_json::json;

use crate::app::TestApp;

/// A table that others refer to in every way, one of them in a circle, one through another.
const FAMILY: &str = "
create table rooms (
  id bigint generated always as identity primary key,
  name text not null default 'room',
  parent_id bigint references rooms on delete cascade,
  last_message_id bigint
);
create index rooms_name on rooms (lower(name)) where name <> 'room';
create table messages (
  id bigint generated always as identity primary key,
  room_id bigint not null references rooms on delete cascade,
  body text,
  shout text generated always as (upper(body)) stored
);
alter table rooms add constraint last foreign key (last_message_id) references messages on delete set null;
create table reactions (message_id bigint references messages on delete cascade, emoji text);
create table bookmarks (room_id bigint references rooms on delete set null, note text);
create table defaults (room_id bigint default 1 references rooms on delete set default, note text);
create table audits (room_id bigint references rooms, note text);
create table guards (room_id bigint references rooms on delete restrict, note text);
create policy \"all\" on rooms for select using (true);
insert into rooms (name) values ('a'), ('b'), ('gone');
insert into messages (room_id, body) values (1, 'hello'), (2, 'bye');
update rooms set last_message_id = 1, parent_id = 2 where id = 1;
insert into reactions values (1, ':)'), (2, ':(');
insert into bookmarks values (1, 'x'); insert into defaults values (2, 'y');
insert into audits values (1, 'z'); insert into guards values (2, 'w');
delete from rooms where id = 3;
";

/// Every row of the family, and what SQLite knows of its keys and indexes.
fn family(app: &TestApp) -> Vec<serde_json::Value> {
    let tables = ["rooms", "messages", "reactions", "bookmarks", "defaults", "audits", "guards"];
    let mut all: Vec<_> = tables.iter().map(|table| app.rows(&format!("select * from {table}"))).collect();
    let keys = |table: &&str| {
        app.database.value(&format!(
            "SELECT group_concat(\"from\" || '>' || \"table\" || '.' || \"to\" || ' ' || on_delete, ';' ORDER BY \"from\")
             FROM pragma_foreign_key_list('{table}')"
        ))
    };
    all.extend(tables.iter().map(|table| json!(keys(table))));
    all.push(json!(app.database.value("SELECT sql FROM sqlite_master WHERE name = 'rooms_name'")));
    all.push(json!(app.database.value("SELECT seq FROM sqlite_sequence WHERE name = 'rooms'")));
    all.push(json!(app.database.value("SELECT count(*) FROM sqlite_master WHERE name LIKE '/%'")));
    all.push(json!(app.database.value("SELECT count(*) FROM pragma_foreign_key_check")));
    all
}

#[test]
fn a_table_made_anew_takes_nothing_from_those_that_refer_to_it() {
    let app = TestApp::new();
    app.migrate("1", FAMILY);
    let before = family(&app);
    assert_eq!(before[0].as_array().unwrap().len(), 2);
    assert_eq!(before[2].as_array().unwrap().len(), 2);
    let there_and_back = [
        (
            "alter table rooms add constraint c check (length(name) < 9)",
            "alter table rooms drop constraint c",
        ),
        (
            "alter table rooms alter column name drop not null",
            "alter table rooms alter column name set not null",
        ),
        (
            "alter table rooms alter name set default 'other'",
            "alter table rooms alter name set default 'room'",
        ),
        ("alter table rooms add unique (name)", "alter table rooms drop constraint rooms_name_key"),
        ("alter table rooms alter name type varchar(20)", "alter table rooms alter name type text"),
        ("alter table rooms rename to places", "alter table places rename to rooms"),
        ("alter table rooms rename name to title", "alter table rooms rename column title to name"),
        ("alter table rooms add made timestamptz default now()", "alter table rooms drop made"),
        ("alter table rooms add code int unique", "alter table rooms drop column code"),
        (
            "alter table messages add check (body <> '')",
            "alter table messages drop constraint messages_body_check",
        ),
        ("alter table reactions alter emoji set not null", "alter table reactions alter emoji drop not null"),
        (
            "alter table rooms rename constraint last to latest",
            "alter table rooms rename constraint latest to last",
        ),
    ];
    for (version, (there, back)) in there_and_back.iter().enumerate() {
        let registry = everything(&app);
        app.migrate(&format!("1{version}"), there);
        assert_ne!(everything(&app), registry, "{there}");
        app.migrate(&format!("2{version}"), back);
        assert_eq!(family(&app), before, "{there}");
    }
    assert_eq!(
        app.anon().get("/rest/v1/rooms?select=name&order=id").send().json(),
        json!([{"name": "a"}, {"name": "b"}])
    );
    // The keys still act, and the identity goes on past the row that was deleted.
    assert_eq!(app.refusal("insert into audits values (9, '')").0, "23503");
    app.rows("delete from guards; delete from defaults; delete from audits; delete from rooms where id = 2");
    assert_eq!(app.rows("select count(*) as n from messages"), json!([{"n": 0}]));
    app.rows("insert into rooms (name) values ('new')");
    assert_eq!(app.rows("select id from rooms"), json!([{"id": 4}]));
}

fn everything(app: &TestApp) -> String {
    app.database.value("SELECT group_concat(definition, ';') FROM \"edgeward.catalog\"").unwrap()
}

#[test]
fn rows_that_do_not_fit_keep_a_table_as_it_was() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table p (id int primary key); insert into p values (1);
         create table t (id int, p_id int, name text, kind text); create unique index t_kind on t (kind);
         insert into t values (1, 1, 'x', 'a'), (1, 2, null, null), (null, null, 'it''s', 'b');",
    );
    let rows = [
        (
            "alter table t add constraint c check (id > 1)",
            "23514",
            "check constraint \"c\" of relation \"t\" is violated by some row",
        ),
        ("alter table t add unique (id)", "23505", "could not create unique index \"t_id_key\""),
        (
            "alter table t add primary key (id)",
            "23502",
            "column \"id\" of relation \"t\" contains null values",
        ),
        (
            "alter table t add foreign key (p_id) references p",
            "23503",
            "insert or update on table \"t\" violates foreign key constraint \"t_p_id_fkey\"",
        ),
        (
            "alter table t alter name set not null",
            "23502",
            "column \"name\" of relation \"t\" contains null values",
        ),
        ("alter table t add x int not null", "23502", "column \"x\" of relation \"t\" contains null values"),
        ("alter table t add x int not null unique default 1", "23505", ""),
        (
            "alter table t add x int default 9 references p",
            "23503",
            "insert or update on table \"t\" violates foreign key constraint \"t_x_fkey\"",
        ),
        ("alter table t add x int generated always as (id * 2) stored check (x > 2)", "23514", ""),
        ("alter table t alter name type varchar(2)", "22001", ""),
        (
            "alter table t alter name type int",
            "42804",
            "column \"name\" cannot be cast automatically to type integer",
        ),
        ("alter table t alter name type int using name::int", "22P02", ""),
        ("alter table t add constraint k primary key using index t_kind", "23502", ""),
        ("alter table t add constraint k unique using index nope", "42809", ""),
        (
            "alter table t drop constraint nope",
            "42704",
            "constraint \"nope\" of relation \"t\" does not exist",
        ),
        ("alter table t drop constraint t_kind", "42704", ""),
        ("alter table t validate constraint nope", "42704", ""),
        ("alter table t rename constraint nope to x", "42704", ""),
        (
            "alter table p add primary key (id)",
            "42P16",
            "multiple primary keys for table \"p\" are not allowed",
        ),
        ("alter table p add x int primary key", "42P16", ""),
        ("alter table p alter id drop not null", "42P16", "column \"id\" is in a primary key"),
        ("alter table p alter nope set default 1", "42703", ""),
        ("alter table t add check (nope > 1)", "42703", ""),
        ("alter table p drop id", "0A000", ""),
    ];
    let before = (everything(&app), app.rows("select * from t"));
    for (sql, code, message) in rows {
        let refused = app.refusal(sql);
        assert_eq!(refused.0, code, "{sql}: {}", refused.1);
        assert!(message.is_empty() || refused.1 == message, "{sql}: {}", refused.1);
        assert_eq!((everything(&app), app.rows("select * from t")), before, "{sql}");
    }
}

#[test]
fn added_constraints_hold_and_dropped_ones_do_not() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table p (a int, b int); create table t (id int, a int, b int, n int not null default 3);
         insert into p values (1, 2); insert into t values (1, 1, 2, 4);
         alter table p add constraint p_pkey primary key (a, b);
         alter table only public.t add constraint t_check check (n < 9) not valid, add primary key (id);
         alter table t validate constraint t_check;
         alter table t add constraint t_p foreign key (a, b) references p on delete cascade not valid;
         create unique index t_n on t using btree (n); alter table t add constraint t_n_once unique using index t_n;",
    );
    let rows = [
        ("insert into t (id) values (1)", "23505"),
        ("insert into t values (2, 9, 9, 5)", "23503"),
        ("insert into t values (2, 1, 2, 4)", "23505"),
        ("insert into t values (2, 1, 2, 10)", "23514"),
        ("insert into p values (1, 2)", "23505"),
        ("alter table p drop constraint p_pkey", "2BP01"),
        ("drop index t_n", "42704"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
    assert!(app.refusal("insert into t values (2, 1, 2, 4)").1.contains("\"t_n_once\""));
    app.migrate(
        "2",
        "alter table t rename constraint t_check to small; alter table t alter n drop default, alter n drop not null;",
    );
    assert!(app.refusal("insert into t values (2, 1, 2, 10)").1.contains("\"small\""));
    app.migrate(
        "3",
        "alter table p drop constraint p_pkey cascade; alter table t drop constraint small, drop constraint t_pkey;
         alter table t drop constraint if exists small; alter table t drop constraint t_n_once;
         insert into t values (1, 8, 8, 10), (2, 9, 9, 10); insert into t (id) values (3); insert into p values (1, 2);",
    );
    assert_eq!(app.rows("select n from t where id = 3"), json!([{"n": null}]));
    assert_eq!(app.refusal("insert into t (a) values (1)").0, "23502");
}

#[test]
fn columns_change_their_type_with_their_values() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create type mood as enum ('sad', 'glad');
         create table t (id int primary key, n int default 7, word text, at text, mood text default 'sad', big bigint);
         create index t_n on t (n);
         insert into t values (1, 5, '42', '2024-01-02 03:04:05+02', 'glad', 9);
         alter table t alter n type text, alter word set data type int using word::int + 1;
         alter table t alter at type timestamptz using '2024-01-02 03:04:05+02'::timestamptz;
         alter table t alter mood drop default; alter table t alter mood type mood using mood::mood; alter table t alter mood set default 'sad';
         alter table t alter column big type int;
         insert into t (id) values (2);",
    );
    assert_eq!(
        app.rows("select * from t order by id"),
        json!([
            {"id": 1, "n": "5", "word": 43, "at": "2024-01-02T01:04:05+00:00", "mood": "glad", "big": 9},
            {"id": 2, "n": "7", "word": null, "at": null, "mood": "sad", "big": null},
        ])
    );
    assert_eq!(app.refusal("insert into t (id, mood) values (3, 'other')").0, "22P02");
    app.migrate("2", "create table c (t_id int references t); create policy p on t using (word > 1 and id in (select t_id from c));");
    let rows = [
        ("alter table t alter word type text", "0A000"),
        ("alter table c alter t_id type bigint", "0A000"),
        ("alter table t alter id type text", "0A000"),
        ("alter table t alter at type text using at::int", "0A000"),
        ("alter table t alter mood type int", "42804"),
        ("alter table t alter nope type int", "42703"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
    app.migrate("3", "drop policy p on t;");
    assert_eq!(app.refusal("alter table t alter id type text").0, "42804");
}

#[test]
fn columns_are_added_as_postgres_would_fill_them() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (name text); create table empty (name text); insert into t values ('x'), ('y');
         alter table t add id bigint generated always as identity primary key;
         alter table t add made timestamptz not null default now(), add token uuid not null default gen_random_uuid();
         alter table t add shout text generated always as (upper(name)) stored, add code text unique;
         alter table t add owner uuid default auth.uid();
         alter table empty add n int not null, add t_id bigint not null references t on delete cascade, add by uuid not null default auth.uid();",
    );
    assert_eq!(
        app.rows("select id, name, shout, code, owner, made is not null as made from t order by id"),
        json!([
            {"id": 1, "name": "x", "shout": "X", "code": null, "owner": null, "made": true},
            {"id": 2, "name": "y", "shout": "Y", "code": null, "owner": null, "made": true},
        ])
    );
    assert_eq!(app.rows("select count(distinct token) as n from t"), json!([{"n": 2}]));
    assert_eq!(app.refusal("insert into empty (n, t_id) values (1, 9)").0, "23502");
    assert_eq!(app.refusal("alter table t add other uuid not null default auth.uid()").0, "23502");
}

#[test]
fn a_dropped_column_takes_its_own_along_and_others_with_cascade_only() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (id int primary key, a int, b int, c int check (c > 0), owner uuid, unique (a, b), check (a < b));
         create index t_c on t (c) where c > 5; create unique index t_a on t (a);
         create table other (id int primary key, t_id int references t, owner uuid, twice int generated always as (id * 2) stored);
         create policy mine on t using (owner = auth.uid()); create policy theirs on other using (owner = auth.uid());
         create policy seen on other using (exists (select 1 from t where t.owner = auth.uid() and t.id = other.t_id));
         insert into t values (1, 1, 2, 3, null); insert into other (id, t_id) values (1, 1);
         alter table t drop a; alter table t drop column if exists a, drop column c;",
    );
    assert_eq!(app.rows("select * from t"), json!([{"id": 1, "b": 2, "owner": null}]));
    assert_eq!(app.database.value("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND name LIKE 't/_%' ESCAPE '/'").unwrap(), "0");
    let rows = [
        ("alter table t drop owner", "2BP01"),
        ("alter table t drop id", "2BP01"),
        ("alter table other drop id", "2BP01"),
        ("alter table other drop id cascade", "0A000"),
        ("alter table t drop a", "42703"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}");
    }
    app.migrate("2", "alter table t drop owner cascade;");
    let policies =
        "SELECT group_concat(name, ', ' ORDER BY name) FROM \"edgeward.catalog\" WHERE kind = 'policy'";
    assert_eq!(app.database.value(policies).unwrap(), "theirs on other");
    app.migrate("3", "alter table t drop id cascade; insert into other (id, t_id) values (2, 99);");
    assert_eq!(
        app.rows("select id, t_id from other order by id"),
        json!([{"id": 1, "t_id": 1}, {"id": 2, "t_id": 99}])
    );
}
