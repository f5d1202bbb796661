//! `CREATE VIEW` and what becomes of views when what they read changes.

use serde_json::json;

use super::TestApp;

fn with_tables() -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "1",
        "CREATE TABLE rooms (id int PRIMARY KEY, name text, size int);
         CREATE TABLE seats (id int PRIMARY KEY, room_id int REFERENCES rooms (id), taken boolean DEFAULT false);
         INSERT INTO rooms VALUES (1, 'hall', 10), (2, 'attic', 3);
         INSERT INTO seats VALUES (1, 1, true), (2, 1, false), (3, 2, false);",
    );
    app
}

#[test]
fn a_view_keeps_the_columns_that_it_was_made_with() {
    let app = with_tables();
    app.migrate(
        "2",
        "CREATE VIEW big AS SELECT * FROM rooms r WHERE r.size > 5;
         CREATE VIEW named (number, title) AS SELECT r.*, s.* FROM rooms r JOIN seats s ON s.room_id = r.id WHERE s.taken;
         ALTER TABLE rooms ADD COLUMN note text DEFAULT 'x';",
    );
    assert_eq!(app.rows("SELECT * FROM big"), json!([{"id": 1, "name": "hall", "size": 10}]));
    assert_eq!(
        app.rows("SELECT number, title, room_id FROM named"),
        json!([{"number": 1, "title": "hall", "room_id": 1}])
    );
    assert_eq!(
        app.rows("SELECT b.name FROM big AS b JOIN seats ON room_id = b.id ORDER BY seats.id LIMIT 1"),
        json!([{"name": "hall"}])
    );
}

#[test]
fn names_follow_into_views() {
    let app = with_tables();
    app.migrate(
        "2",
        "CREATE VIEW big AS SELECT rooms.id, rooms.name, upper(rooms.name) AS loud FROM rooms WHERE size > 5;
         CREATE VIEW bigger AS WITH b AS (SELECT name, loud FROM big) SELECT b.name, (SELECT count(*) FROM rooms WHERE rooms.name = b.name) AS same FROM b;
         CREATE POLICY p ON seats FOR SELECT USING (room_id IN (SELECT big.id FROM big WHERE big.loud <> 'X'));
         ALTER TABLE rooms RENAME COLUMN name TO label;
         ALTER TABLE rooms RENAME TO halls;
         ALTER VIEW big RENAME TO large;
         ALTER VIEW large RENAME COLUMN loud TO shout;",
    );
    assert_eq!(app.rows("SELECT * FROM large"), json!([{"id": 1, "name": "hall", "shout": "HALL"}]));
    assert_eq!(app.rows("SELECT * FROM bigger"), json!([{"name": "hall", "same": 1}]));
    let seats = app.anon().get("/rest/v1/seats?select=id&order=id").send();
    assert_eq!(seats.json(), json!([{"id": 1}, {"id": 2}]));
    let embedded = app.service_role().get("/rest/v1/large?select=name,seats(id)&seats.order=id").send();
    assert_eq!(embedded.json(), json!([{"name": "hall", "seats": [{"id": 1}, {"id": 2}]}]));
    let written = app.service_role().patch("/rest/v1/large?id=eq.1").json(&json!({"name": "foyer"})).send();
    assert_eq!(written.status, 204, "{}", written.text());
    assert_eq!(app.rows("SELECT label FROM halls WHERE id = 1"), json!([{"label": "foyer"}]));
}

#[test]
fn what_a_view_needs_is_not_dropped_without_cascade() {
    let app = with_tables();
    app.migrate(
        "2",
        "CREATE VIEW big AS SELECT id, name FROM rooms WHERE size > 5;
         CREATE VIEW bigger AS SELECT name FROM big;
         CREATE MATERIALIZED VIEW kept AS SELECT name FROM big;
         CREATE POLICY p ON seats USING (room_id IN (SELECT id FROM big));
         CREATE VIEW sums AS SELECT count(*) AS n FROM seats; CREATE VIEW computed AS SELECT id, id + 1 AS more FROM seats;
         CREATE VIEW checked AS SELECT * FROM seats WHERE taken WITH CHECK OPTION;",
    );
    #[rustfmt::skip]
    let cases = [
        ("DROP TABLE rooms",                               "2BP01"),
        ("DROP VIEW big",                                  "2BP01"),
        ("ALTER TABLE rooms DROP COLUMN name",             "2BP01"),
        ("ALTER TABLE rooms DROP COLUMN size",             "2BP01"),
        ("ALTER TABLE rooms ALTER COLUMN size TYPE bigint", "0A000"),
        ("DROP TABLE big",                                 "42809"),
        ("DROP TABLE kept",                                "42809"),
        ("DROP VIEW rooms",                                "42809"),
        ("DROP VIEW kept",                                 "42809"),
        ("DROP VIEW nothing",                              "42P01"),
        ("CREATE TABLE big (id int)",                      "42P07"),
        ("CREATE VIEW rooms AS SELECT 1 AS x",             "42P07"),
        ("CREATE OR REPLACE VIEW rooms AS SELECT 1 AS x",  "42809"),
        ("CREATE OR REPLACE VIEW big AS SELECT id FROM rooms", "42P16"),
        ("CREATE OR REPLACE VIEW big AS SELECT id, name AS n FROM rooms", "42P16"),
        ("CREATE OR REPLACE VIEW big AS SELECT id, size AS name FROM rooms", "42P16"),
        ("CREATE OR REPLACE VIEW big AS SELECT 1 AS id, name FROM bigger", "42P17"),
        ("CREATE VIEW v AS SELECT nothing FROM rooms",     "42703"),
        ("CREATE VIEW v AS SELECT id, id FROM rooms",      "42701"),
        ("CREATE VIEW v (a, b) AS SELECT id FROM rooms",   "42601"),
        ("CREATE VIEW v WITH (nothing) AS SELECT id FROM rooms", "22023"),
        ("CREATE VIEW v AS SELECT count(*) FROM rooms WITH CHECK OPTION", "0A000"),
        ("CREATE POLICY p ON big USING (true)",            "42809"),
        ("ALTER TABLE big ADD COLUMN x int",               "42809"),
        ("ALTER VIEW nothing RENAME TO x",                 "42P01"),
        ("REFRESH MATERIALIZED VIEW big",                  "0A000"),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY kept",    "55000"),
        ("CREATE TEMP VIEW v AS SELECT 1 AS x",            "0A000"),
        ("INSERT INTO big (nothing) VALUES (9)",           "42703"),
        ("INSERT INTO sums VALUES (9)",                    "55000"),
        ("UPDATE sums SET n = 1",                          "55000"),
        ("UPDATE computed SET more = 1",                   "0A000"),
        ("INSERT INTO checked (id) VALUES (9)",            "44000"),
        ("INSERT INTO big (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'", "0A000"),
        ("UPDATE kept SET name = 'x'",                     "42809"),
        ("DELETE FROM kept",                               "42809"),
        ("TRUNCATE big",                                   "42809"),
        ("SELECT * FROM information_schema.tables",        "0A000"),
        ("SELECT * FROM pg_policies",                      "0A000"),
        ("SELECT * FROM pg_catalog.pg_type",               "0A000"),
    ];
    for (sql, code) in cases {
        assert_eq!(app.refusal(sql).0, code, "{sql}: {}", app.refusal(sql).1);
    }
    assert_eq!(
        app.refusal("DROP TABLE rooms").1,
        "cannot drop table rooms because other objects depend on it: view big depends on table rooms"
    );
    app.migrate("3", "ALTER TABLE rooms DROP COLUMN size CASCADE;");
    for view in ["big", "bigger", "kept"] {
        assert_eq!(app.refusal(&format!("SELECT * FROM {view}")).0, "42P01", "{view}");
    }
    let registered =
        app.database.value("SELECT count(*) FROM \"edgeward.catalog\" WHERE kind IN ('view', 'policy')");
    assert_eq!(registered.as_deref(), Some("3"), "those over seats");
    app.migrate("4", "DROP VIEW IF EXISTS big, bigger CASCADE; DROP MATERIALIZED VIEW IF EXISTS kept; CREATE VIEW big AS SELECT name FROM rooms;");
}

#[test]
fn a_view_is_replaced_and_its_options_set() {
    let app = with_tables();
    app.migrate("2", "CREATE VIEW v WITH (security_barrier, security_invoker = 'on') AS SELECT id FROM rooms; CREATE VIEW over AS SELECT id FROM v;");
    let count = |app: &TestApp| app.anon().get("/rest/v1/v").send().json().as_array().unwrap().len();
    assert_eq!(count(&app), 0, "the caller's policies");
    app.migrate("3", "ALTER VIEW v SET (security_invoker = false); REVOKE SELECT ON v FROM authenticated;");
    assert_eq!(count(&app), 2, "the owner's");
    app.migrate("4", "CREATE OR REPLACE VIEW v AS SELECT id, name AS label FROM rooms WHERE id > 1; ALTER VIEW v OWNER TO postgres; COMMENT ON VIEW v IS 'x'; COMMENT ON COLUMN v.label IS 'y';");
    assert_eq!(app.anon().get("/rest/v1/v").send().json(), json!([{"id": 2, "label": "attic"}]));
    assert_eq!(
        app.user("00000000-0000-4000-8000-00000000000a").get("/rest/v1/v").send().json()["code"],
        json!("42501"),
        "grants stay"
    );
    assert_eq!(app.rows("SELECT * FROM over"), json!([{"id": 2}]));
}

#[test]
fn functions_stand_in_views_and_views_in_functions() {
    let app = with_tables();
    app.migrate(
        "2",
        "CREATE FUNCTION loud(t text) RETURNS text LANGUAGE sql AS $$ SELECT upper(t) || '!' $$;
         CREATE FUNCTION room_count() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM rooms $$;
         CREATE VIEW shouted AS SELECT id, loud(name) AS name, room_count() AS rooms FROM rooms;
         CREATE FUNCTION first_shout() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ SELECT name FROM shouted ORDER BY id LIMIT 1 $$;",
    );
    assert_eq!(app.rows("SELECT name FROM shouted WHERE id = 1"), json!([{"name": "HALL!"}]));
    assert_eq!(app.value("first_shout()"), json!("HALL!"));
    // The view's owner reads the table, and the function in the view is called by whoever asks.
    let answer = app.anon().get("/rest/v1/shouted?id=eq.1").send();
    assert_eq!(answer.json(), json!([{"id": 1, "name": "HALL!", "rooms": 0}]), "{}", answer.text());
    assert_eq!(app.refusal("DROP FUNCTION loud(text)").0, "2BP01");
    app.migrate("3", "DROP FUNCTION loud(text) CASCADE;");
    assert_eq!(app.refusal("SELECT * FROM shouted").0, "42P01");
}

#[test]
fn sql_writes_through_simple_views() {
    let app = with_tables();
    app.migrate(
        "2",
        "CREATE VIEW big AS SELECT id AS number, name AS label, size, upper(name) AS loud FROM rooms r WHERE r.size > 5;
         CREATE VIEW named AS SELECT number, label FROM big WHERE label IS NOT NULL;",
    );
    assert_eq!(
        app.rows("INSERT INTO big (number, label, size) VALUES (3, 'nave', 20), (4, NULL, 1) RETURNING number, loud"),
        json!([{"number": 3, "loud": "NAVE"}, {"number": 4, "loud": null}])
    );
    app.rows("INSERT INTO named VALUES (5, 'cell') ON CONFLICT (number) DO NOTHING");
    app.rows("INSERT INTO named VALUES (5, 'again') ON CONFLICT (number) DO NOTHING");
    assert_eq!(
        app.rows("UPDATE named AS n SET label = n.label || '!' WHERE n.number IN (1, 2, 3) RETURNING *"),
        json!([{"number": 1, "label": "hall!"}, {"number": 3, "label": "nave!"}])
    );
    app.rows("UPDATE big SET size = big.size + s.id FROM seats s WHERE s.room_id = number AND s.taken");
    assert_eq!(app.rows("DELETE FROM big WHERE loud = 'NAVE!' RETURNING label"), json!([{"label": "nave!"}]));
    assert_eq!(
        app.rows("SELECT id, name, size FROM rooms ORDER BY id"),
        json!([
            {"id": 1, "name": "hall!", "size": 11}, {"id": 2, "name": "attic", "size": 3},
            {"id": 4, "name": null, "size": 1}, {"id": 5, "name": "cell", "size": null},
        ])
    );
}
