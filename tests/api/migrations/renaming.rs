//! New names, carried into policies, checks, indexes and keys.

use serde_json::json;

use crate::app::TestApp;

const SCHEMA: &str = "
create table rooms (id int primary key, owner uuid, title text check (rooms.title <> ''), shout text generated always as (upper(title)) stored);
create table members (room_id int references rooms on delete cascade, member uuid, title text, primary key (room_id, member));
create index on rooms (lower(title)) where title <> 'x';
create policy own on rooms using (rooms.owner = auth.uid() or exists (
  select 1 from members m where m.room_id = rooms.id and m.member = auth.uid() and m.title <> 'rooms'));
create policy seen on members using (exists (select 1 from public.rooms where rooms.id = members.room_id and title <> members.title));
create policy plain on members for insert with check (title = 'title');
insert into rooms (id, title) values (1, 'one'), (2, 'two');
insert into members values (1, '00000000-0000-4000-8000-000000000001', 'one'), (2, '00000000-0000-4000-8000-000000000001', 'no');
";

fn policies(app: &TestApp) -> String {
    let sql = "SELECT group_concat(name || ': ' || coalesce(definition ->> '$.policy.using', definition ->> '$.policy.check'), char(10) ORDER BY name)
               FROM \"edgeward.catalog\" WHERE kind = 'policy'";
    app.database.value(sql).unwrap()
}

#[test]
fn a_renamed_table_keeps_its_policies_and_those_that_look_into_it() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app.migrate(
        "2",
        "alter table rooms rename to places; insert into places (id, title) values (3, 'three');",
    );
    assert_eq!(
        policies(&app),
        "own on places: \"places\".owner = auth.uid() OR EXISTS (SELECT 1 FROM members m WHERE m.room_id = \"places\".id AND m.member = auth.uid() AND m.title <> 'rooms')\n\
         plain on members: title = 'title'\n\
         seen on members: EXISTS (SELECT 1 FROM public.\"places\" WHERE \"places\".id = members.room_id AND title <> members.title)"
    );
    assert_eq!(app.refusal("select * from rooms").0, "42P01");
    assert_eq!(app.refusal("insert into places values (4, null, '')").0, "23514");
    assert_eq!(
        app.refusal(
            "insert into members (room_id, member) values (9, '00000000-0000-4000-8000-000000000001')"
        )
        .0,
        "23503"
    );
    // The carried index is still good when the table is made anew.
    app.migrate("3", "alter table places add check (id > 0); create table rooms (id int); delete from places where id = 1;");
    assert_eq!(app.rows("select room_id from members"), json!([{"room_id": 2}]));
    assert_eq!(
        app.database.value("SELECT count(*) FROM sqlite_master WHERE name = 'rooms_lower_idx'").unwrap(),
        "1"
    );
}

#[test]
fn a_renamed_column_is_renamed_where_it_is_meant_and_only_there() {
    let app = TestApp::new();
    app.migrate("1", SCHEMA);
    app.migrate("2", "alter table rooms rename column title to name; alter table rooms rename id to number;");
    assert_eq!(
        policies(&app),
        "own on rooms: rooms.owner = auth.uid() OR EXISTS (SELECT 1 FROM members m WHERE m.room_id = rooms.\"number\" AND m.member = auth.uid() AND m.title <> 'rooms')\n\
         plain on members: title = 'title'\n\
         seen on members: EXISTS (SELECT 1 FROM public.rooms WHERE rooms.\"number\" = members.room_id AND \"name\" <> members.title)"
    );
    app.migrate("3", "alter table rooms add check (number < 9);");
    assert_eq!(
        app.rows("select number, name, shout from rooms order by number"),
        json!([{"number": 1, "name": "one", "shout": "ONE"}, {"number": 2, "name": "two", "shout": "TWO"}])
    );
    assert_eq!(app.refusal("insert into rooms (number, name) values (4, '')").0, "23514");
    let definition = "SELECT definition ->> '$.foreign_keys[0].foreign_columns[0]' FROM \"edgeward.catalog\" WHERE kind = 'table' AND name = 'members'";
    assert_eq!(app.database.value(definition).unwrap(), "number");
}

#[test]
fn a_renamed_schema_decides_about_rows_as_before() {
    let app = TestApp::new();
    app.migrate(
        "1",
        &format!("{SCHEMA} drop policy own on rooms; create policy open on rooms for select to anon using (title = 'one');"),
    );
    app.migrate("2", "alter table rooms rename to places; alter table places rename title to name;");
    let other = app.another_isolate();
    assert_eq!(other.anon().get("/rest/v1/places?select=name").send().json(), json!([{"name": "one"}]));
}

#[test]
fn names_that_cannot_be_carried_are_refused() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table a (x int, y int); create table b (x int, z int);
         create policy p on a using (x = 1 and exists (select 1 from b where b.x = a.x));
         create schema shop; create table shop.t (id int);",
    );
    let rows = [
        ("alter table a rename x to y", "42701"),
        ("alter table a rename x to \"X\"", "0A000"),
        ("alter table a rename nope to y", "42703"),
        ("alter table a rename to b", "42P07"),
        ("alter table a rename to \"sqlite_x\"", "0A000"),
        ("alter table nope rename to b", "42P01"),
        // A column of that name in b would be meant by the policy's inner query.
        ("alter table a rename x to z", "0A000"),
        ("alter table auth.users rename to people", "42501"),
        ("alter table a set schema shop", "0A000"),
    ];
    for (sql, code) in rows {
        assert_eq!(app.refusal(sql).0, code, "{sql}: {:?}", app.refusal(sql));
    }
    app.migrate(
        "2",
        "alter table shop.t rename to items; insert into shop.items values (1); alter table b rename x to w;",
    );
    assert_eq!(app.rows("select id from shop.items"), json!([{"id": 1}]));
    assert_eq!(policies(&app), "p on a: x = 1 AND EXISTS (SELECT 1 FROM b WHERE b.\"w\" = a.x)");
}
