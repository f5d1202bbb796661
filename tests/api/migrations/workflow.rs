//! Migrations as a workflow: what is applied, what a push would do, beginning anew, and pushing at once.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, Call, TestApp, at_once};

const NOTES: &str = "
create table notes (id bigint generated always as identity primary key, body text not null);
create policy \"all\" on notes using (true) with check (true);
";

impl TestApp {
    /// What a push of these files would do.
    fn preview(&self, migrations: &[(&str, &str)]) -> Vec<Value> {
        let file = |(version, sql): &(&str, &str)| json!({"version": version, "name": "file", "sql": sql});
        let migrations: Vec<Value> = migrations.iter().map(file).collect();
        let body = json!({"dry_run": true, "migrations": migrations});
        let answer = self.service_role().post("/admin/v1/migrations").json(&body).send();
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["migrations"].as_array().unwrap().clone()
    }

    fn reset(&self) -> Answer {
        self.service_role().post("/admin/v1/reset").send()
    }
}

/// Everything the database holds but the version of the catalog, as text.
fn everything(app: &TestApp) -> Vec<String> {
    let mut all = app
        .database
        .values("SELECT type || ' ' || name || ' ' || sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'sqlite_sequence' ORDER BY type, name");
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'edgeward.catalog_version' ORDER BY name";
    for name in app.database.values(tables) {
        let columns = format!("SELECT 'quote(\"' || name || '\")' FROM pragma_table_xinfo('{name}')");
        let columns = app.database.values(&columns).join(" || ',' || ");
        all.extend(app.database.values(&format!("SELECT '{name}: ' || {columns} FROM \"{name}\"")));
    }
    all
}

#[test]
fn a_preview_says_how_every_file_stands_and_changes_nothing() {
    let app = TestApp::new();
    app.migrate("1", NOTES);
    app.migrate("2", "create table only_there (id int primary key)");
    app.migrate("3", "alter table notes add column title text");
    let before = everything(&app);
    let previews = app.preview(&[
        ("5", "-- needs the one before\ncreate index on done (at);\ncomment on table done is 'x';"),
        ("1", &format!("-- a comment more\n{NOTES}")),
        ("3", "alter table notes add column subtitle text"),
        ("4", "create table done (at timestamptz);\n\n\ninsert into done values (now());"),
    ]);
    let states: Vec<(&str, &str)> = previews
        .iter()
        .map(|one| (one["version"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        states,
        [("1", "applied"), ("2", "remote"), ("3", "changed"), ("4", "pending"), ("5", "pending")]
    );
    let lines = |of: &Value| {
        of["statements"].as_array().unwrap().iter().map(|one| one["line"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(lines(&previews[0]), Vec::<Value>::new());
    assert_eq!(lines(&previews[3]), [json!(1), json!(4)]);
    assert_eq!(lines(&previews[4]), [json!(2), json!(3)]);
    let created = previews[3]["statements"][0]["sqlite"][0].as_str().unwrap();
    assert!(created.starts_with("CREATE TABLE \"done\""), "{created}");
    assert_eq!(previews[4]["statements"][1]["sqlite"], json!([]));
    assert!(previews.iter().all(|one| one["error"].is_null()), "{previews:?}");
    assert_eq!(everything(&app), before);

    // What it shows is what a push runs.
    let sqlite = previews[3]["statements"][0]["sqlite"][0].as_str().unwrap().to_string();
    app.migrate("4", "create table done (at timestamptz);");
    assert_eq!(app.database.value("SELECT sql FROM sqlite_master WHERE name = 'done'").unwrap(), sqlite);
}

#[test]
fn a_preview_of_one_file_takes_the_body_of_a_push() {
    let app = TestApp::new();
    let body = json!({"version": "1", "name": "notes", "sql": NOTES, "dry_run": true});
    let answer = app.service_role().post("/admin/v1/migrations").json(&body).send().json();
    assert_eq!(answer["migrations"][0]["state"], json!("pending"));
    assert_eq!(answer["migrations"][0]["statements"].as_array().unwrap().len(), 2);
    assert_eq!(app.push("1", NOTES).json()["applied"], json!(true));
}

#[test]
fn a_preview_finds_what_would_be_refused() {
    let app = TestApp::new();
    app.migrate("1", NOTES);
    app.rows("insert into notes (body) values ('a'), ('a') returning id");
    let before = everything(&app);
    let rows = [
        // By the translator, by the rows that are there, and by a file's own.
        ("select 1;\ncreate table b (id nope)", "42704", 2),
        ("create table c (id int);\n\nalter table notes add constraint once unique (body)", "23505", 3),
        (
            "create table d (id int primary key);\ninsert into d values (1);\ninsert into d values (1)",
            "23505",
            3,
        ),
    ];
    for (sql, code, line) in rows {
        let previews =
            app.preview(&[("2", "create table fine (id int)"), ("3", sql), ("4", "create table e (id int)")]);
        assert_eq!(previews[1]["error"], Value::Null, "{sql}");
        assert_eq!(previews[2]["error"]["code"], json!(code), "{sql}: {previews:?}");
        assert_eq!(previews[2]["error"]["line"], json!(line), "{sql}");
        assert_eq!(previews[3]["error"], Value::Null, "{sql}");
        assert_eq!(everything(&app), before);
        // A push says the same.
        assert_eq!(app.push("3", sql).json()["line"], json!(line));
    }
}

#[test]
fn a_push_says_that_an_applied_file_was_edited() {
    let app = TestApp::new();
    app.migrate("1", NOTES);
    assert_eq!(app.push("1", &format!("{NOTES}\n-- fine")).json()["changed"], json!(false));
    let edited = app.push("1", &NOTES.replace("body", "text"));
    assert_eq!(edited.json(), json!({"version": "1", "name": "test", "applied": false, "changed": true}));
    assert_eq!(app.push("1", "select 'open").json()["changed"], json!(true));
}

#[test]
fn bad_previews_are_refused() {
    let app = TestApp::new();
    let rows = [
        json!({"dry_run": "yes", "version": "1", "sql": ""}),
        json!({"dry_run": true}),
        json!({"dry_run": true, "migrations": [{"version": "x", "sql": ""}]}),
        json!({"dry_run": true, "migrations": {}}),
        json!([]),
    ];
    for body in rows {
        let answer = app.service_role().post("/admin/v1/migrations").json(&body).send();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text());
        assert_eq!(answer.json()["code"], json!("PGRST102"), "{body}");
    }
    for actor in [app.anon(), app.user("00000000-0000-4000-8000-000000000001")] {
        let body = json!({"dry_run": true, "migrations": []});
        assert_eq!(actor.post("/admin/v1/migrations").json(&body).send().status, StatusCode::FORBIDDEN);
    }
}

/// A project that has been lived in: tables in a circle, restricting keys, accounts, sessions, files.
fn live(app: &TestApp) {
    app.migrate("1", NOTES);
    app.migrate(
        "2",
        "create schema audit;
         create table audit.log (id int primary key);
         create table a (id int primary key);
         create table b (id int primary key, a_id int references a (id) on delete restrict);
         create table c (id int primary key, b_id int references b (id), owner uuid references auth.users (id));
         alter table a add column b_id int references b (id);
         create type mood as enum ('sad');
         create index on c (b_id);
         create policy \"pictures\" on storage.objects using (true) with check (true);
         insert into storage.buckets (id, name) values ('box', 'box');
         insert into a values (1); insert into b values (1, 1); update a set b_id = 1; insert into c values (1, 1);
         insert into notes (body) values ('x'); insert into audit.log values (1);",
    );
    let body = json!({"email": "ann@example.com", "password": "correct horse"});
    let user = app.anon().post("/auth/v1/signup").json(&body).send().json()["user"]["id"].clone();
    app.rows(&format!("insert into c values (2, 1, '{}') returning id", user.as_str().unwrap()));
    let upload = app
        .service_role()
        .post("/storage/v1/object/box/a.txt")
        .body("a")
        .header("content-type", "text/plain")
        .send();
    assert_eq!(upload.status, StatusCode::OK, "{}", upload.text());
}

#[test]
fn a_reset_leaves_the_database_as_new() {
    let app = TestApp::new();
    let new = everything(&app);
    live(&app);
    let other = app.another_isolate();
    assert_eq!(other.service_role().get("/rest/v1/notes?select=body").send().json(), json!([{"body": "x"}]));
    let version = app.database.value("SELECT version FROM \"edgeward.catalog_version\"").unwrap();

    let answer = app.reset();
    assert_eq!(answer.json(), json!({"tables_dropped": 5}), "{}", answer.text());
    // The bytes are garbage until the sweep.
    let garbage = app.database.values("SELECT version FROM \"storage.garbage\"");
    assert_eq!(garbage.len(), 1);
    let left: Vec<String> =
        everything(&app).into_iter().filter(|line| !line.starts_with("storage.garbage: ")).collect();
    assert_eq!(left, new);
    // The version moves on, so that no isolate goes on with tables that are gone.
    let after = app.database.value("SELECT version FROM \"edgeward.catalog_version\"").unwrap();
    assert!(after.parse::<i64>().unwrap() > version.parse::<i64>().unwrap());
    assert_eq!(other.service_role().get("/rest/v1/notes").send().status, StatusCode::NOT_FOUND);

    live(&app);
    assert_eq!(app.reset().json(), json!({"tables_dropped": 5}));
    assert_eq!(app.reset().json(), json!({"tables_dropped": 0}));
}

#[test]
fn a_reset_is_whole_or_nothing() {
    let app = TestApp::new();
    live(&app);
    let before = everything(&app);
    for call in 1..=3 {
        app.database.fault.fail_at(call);
        assert_eq!(app.reset().status, StatusCode::SERVICE_UNAVAILABLE, "call {call}");
        assert_eq!(everything(&app), before, "call {call}");
    }
    app.database.fault.mend();
    // A push gets in between: what it made goes too.
    let between = "CREATE TABLE another (id INTEGER);
                   UPDATE \"edgeward.catalog_version\" SET version = version + 1";
    app.database.interrupt_at(3, between);
    assert_eq!(app.reset().json(), json!({"tables_dropped": 6}));
}

#[test]
fn a_reset_is_for_the_service_key_and_elsewhere_for_who_names_the_host() {
    let app = TestApp::deployed(&[("SECRET_KEYS", "sb_secret_test")]);
    app.migrate("1", NOTES);
    for actor in [app.anon(), app.user("00000000-0000-4000-8000-000000000001"), app.nobody()] {
        assert!(!actor.post("/admin/v1/reset").send().status.is_success());
    }
    let reset = |body: &str| {
        let call = app.service_role().post("/admin/v1/reset").host("example.com").body(body.to_string());
        call.send()
    };
    for body in ["", "{}", "{\"confirm\":\"example.org\"}", "{\"confirm\":true}", "nonsense"] {
        let answer = reset(body);
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.text());
    }
    assert_eq!(app.rows("select count(*)::int as count from notes"), json!([{"count": 0}]));
    assert_eq!(reset("{\"confirm\":\"example.com\"}").json(), json!({"tables_dropped": 1}));
}

fn pushed<'a>(app: &'a TestApp, version: &str, sql: &str) -> Call<'a> {
    let body = json!({"version": version, "name": "test", "sql": sql});
    app.service_role().post("/admin/v1/migrations").json(&body)
}

#[test]
fn the_same_version_pushed_at_once_is_applied_once() {
    // However far one is ahead of the other.
    for late in 0..8 {
        let app = TestApp::new();
        let other = app.another_isolate();
        app.database.take_turns();
        let answers = at_once(vec![pushed(&app, "1", NOTES), pushed(&other, "1", NOTES)], late);
        let mut applied: Vec<Value> = answers.iter().map(|answer| answer.json()["applied"].clone()).collect();
        applied.sort_by_key(Value::to_string);
        assert_eq!(applied, [json!(false), json!(true)], "{late}: {answers:?}");
        assert_eq!(app.database.value("SELECT version FROM \"edgeward.catalog_version\"").unwrap(), "1");
    }
}

#[test]
fn different_versions_pushed_at_once_are_all_applied() {
    for late in 0..8 {
        let app = TestApp::new();
        let isolates = [app.another_isolate(), app.another_isolate()];
        app.database.take_turns();
        let calls = vec![
            pushed(&app, "1", NOTES),
            pushed(&isolates[0], "2", "create table b (id int primary key)"),
            pushed(&isolates[1], "3", "create table c (id int primary key)"),
        ];
        for answer in at_once(calls, late) {
            assert_eq!(answer.json()["applied"], json!(true), "{late}: {}", answer.text());
        }
        let tables =
            "SELECT group_concat(name, ' ' ORDER BY name) FROM \"edgeward.catalog\" WHERE kind = 'table'";
        assert_eq!(app.database.value(tables).unwrap(), "b c notes");
        assert_eq!(app.database.value("SELECT version FROM \"edgeward.catalog_version\"").unwrap(), "3");
    }
}

#[test]
fn a_push_that_builds_on_one_at_once_is_refused_or_finds_it() {
    for late in 0..8 {
        let app = TestApp::new();
        let other = app.another_isolate();
        app.database.take_turns();
        let add = "alter table notes add column title text";
        let answers = at_once(vec![pushed(&app, "1", NOTES), pushed(&other, "2", add)], late);
        assert_eq!(answers[0].json()["applied"], json!(true));
        let second = answers[1].json();
        assert!(second["applied"] == json!(true) || second["code"] == json!("42P01"), "{late}: {second}");
        assert_eq!(pushed(&other, "2", add).send().status, StatusCode::OK);
        assert_eq!(
            app.rows("insert into notes (body, title) values ('a', 'b') returning title"),
            json!([{"title": "b"}])
        );
    }
}

#[test]
fn the_migrations_are_read_as_the_supabase_cli_lays_them_out() {
    let app = TestApp::new();
    app.migrate("20260101000000", NOTES);
    let rows = app.rows("select version, name, statements from supabase_migrations.schema_migrations");
    assert_eq!(rows[0]["version"], json!("20260101000000"));
    assert_eq!(rows[0]["name"], json!("test"));
    assert_eq!(rows[0]["statements"].as_array().unwrap().len(), 2);
    // As `supabase migration repair` writes it.
    app.rows("insert into supabase_migrations.schema_migrations (version, name, statements) values ('7', 'by_hand', '{\"select 1\"}') returning version");
    assert_eq!(app.push("7", "select 1").json()["changed"], json!(false));
    app.rows("delete from supabase_migrations.schema_migrations where version = '7' returning version");
    assert_eq!(app.push("7", "select 1").json()["applied"], json!(true));
    // Nobody else sees them, not even if the schema were shown.
    let app = TestApp::with_vars(&[("EXPOSED_SCHEMAS", "public,supabase_migrations")]);
    app.migrate("1", NOTES);
    let seen =
        app.anon().get("/rest/v1/schema_migrations").header("accept-profile", "supabase_migrations").send();
    assert!(!seen.text().contains("create table"), "{}", seen.text());
}
