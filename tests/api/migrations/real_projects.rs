//! What real projects' migrations say and were once refused for.

use http::StatusCode;
use serde_json::json;

use crate::app::TestApp;

#[test]
fn publications_keep_their_tables() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table rooms (id int primary key); alter publication supabase_realtime add table rooms;",
    );
    let told = app.another_isolate().refusal("alter publication supabase_realtime add table public.rooms");
    let message = "relation \"rooms\" is already member of publication \"supabase_realtime\"";
    assert_eq!(told, ("42710".to_string(), message.to_string()));
    app.migrate(
        "2",
        "do $$ begin
           if not exists (
             select 1 from pg_publication_tables
             where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'rooms'
           ) then
             alter publication supabase_realtime add table public.rooms;
           end if;
         end $$",
    );
    app.migrate("3", "drop publication if exists supabase_realtime; create publication supabase_realtime;");
    app.migrate("4", "alter publication supabase_realtime add table rooms");
    let rows = [
        ("alter publication none add table rooms", "42704", "publication \"none\" does not exist"),
        (
            "alter publication supabase_realtime add table missing",
            "42P01",
            "relation \"missing\" does not exist",
        ),
        (
            "alter publication supabase_realtime add table storage.objects",
            "42501",
            "must be owner of table objects",
        ),
        (
            "alter publication supabase_realtime add table rooms (id)",
            "0A000",
            "a publication of some columns or rows is not supported",
        ),
        ("alter publication supabase_realtime add", "42601", "syntax error at end of input"),
        ("create publication supabase_realtime", "42710", "publication \"supabase_realtime\" already exists"),
        ("drop publication none", "42704", "publication \"none\" does not exist"),
    ];
    for (sql, code, message) in rows {
        assert_eq!(app.refusal(sql), (code.to_string(), message.to_string()), "{sql}");
    }
}

#[test]
fn queries_of_what_is_there_end_a_migration_but_not_a_query() {
    let app = TestApp::new();
    let look = "select table_name from information_schema.tables where table_schema = 'public'";
    let answer = app.push("1", &format!("create table a (id int); {look}; insert into a values (1); {look}"));
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(app.rows("select count(*) as n from a"), json!([{"n": 1}]));
    assert_eq!(app.rows(&format!("{look}; select id from a")), json!([{"id": 1}]));
    assert_eq!(app.refusal(look).0, "0A000");
    app.migrate(
        "2",
        "create function noted() returns int language sql as $$ insert into a values (2) returning id $$",
    );
    let answer = app.push("3", "select noted(), count(*) from pg_tables");
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
}

#[test]
fn extensions_of_hosted_projects_are_taken_and_their_calls_refused() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create extension if not exists \"pg_cron\"; create extension pg_net with schema extensions;
         create extension if not exists supabase_vault with schema vault; create extension vector;",
    );
    let rows = [
        (
            "select cron.schedule('a', '* * * * *', 'select 1')",
            "the function cron.schedule() is not supported",
        ),
        ("select net.http_post('http://example.com')", "the function net.http_post() is not supported"),
        ("create table a (id int, at vector(3))", "the type vector is not supported"),
        ("create extension nobodys", "the extension \"nobodys\" is not supported"),
    ];
    for (sql, message) in rows {
        assert_eq!(app.refusal(sql), ("0A000".to_string(), message.to_string()), "{sql}");
    }
}

#[test]
fn truncate_cascades_without_firing_triggers_for_rows() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table a (id int primary key); create table b (id int primary key, a_id int references a);
         create table told (id int);
         create function tell() returns trigger language plpgsql as $$ begin insert into told values (old.id); return old; end $$;
         create trigger tells after delete on b for each row execute function tell();
         insert into a values (1); insert into b values (1, 1);",
    );
    assert_eq!(app.refusal("truncate a").0, "0A000");
    app.migrate("2", "truncate a cascade");
    let counts = "select (select count(*) from a) as a, (select count(*) from b) as b, (select count(*) from told) as told";
    assert_eq!(app.rows(counts), json!([{"a": 0, "b": 0, "told": 0}]));
}

#[test]
fn generated_columns_divide_and_round() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table rates (
           id int primary key, clicks int, views int,
           rate numeric(5,4) generated always as (case when views > 0 then clicks::numeric / views else 0 end) stored,
           percent numeric(6,2) generated always as (round(clicks::numeric / nullif(views, 0) * 100, 1)) stored,
           year int not null default extract(year from current_date)
         );
         alter table rates disable row level security;",
    );
    let answer = app
        .service_role()
        .post("/rest/v1/rates?select=id,rate,percent")
        .header("prefer", "return=representation");
    let answer =
        answer.json(&json!([{"id": 1, "clicks": 2, "views": 3}, {"id": 2, "clicks": 1, "views": 0}])).send();
    assert_eq!(
        answer.json(),
        json!([{"id": 1, "rate": 0.6667, "percent": 66.70}, {"id": 2, "rate": 0.0000, "percent": null}])
    );
    let (code, _) =
        app.refusal("create table x (a numeric(5,2), b numeric generated always as (a / 3) stored)");
    assert_eq!(code, "54001");
}

#[test]
fn a_policy_that_leads_back_is_an_error_of_whoever_comes_upon_it_in_a_trigger() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table members (id int primary key, room int);
         create policy same_room on members using (exists (select 1 from members m where m.room = members.room));
         create table states (id int primary key, n int);
         create policy all_states on states using (true);
         create function count_members() returns trigger language plpgsql as $$
         begin new.n := (select count(*) from members); return new; end $$;
         create trigger counted before insert on states for each row execute function count_members();
         insert into members values (1, 1);",
    );
    let user = app.user("d0d3ae55-3a5c-4b5f-9a3b-1c0a3c0f7a11");
    let answer = user.post("/rest/v1/states").json(&json!({"id": 1})).send();
    assert_eq!(answer.json()["code"], json!("42P17"), "{}", answer.text());
    let answer = app.service_role().post("/rest/v1/states").json(&json!({"id": 1})).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    app.migrate("2", "drop policy same_room on members; create policy seen on members using (true)");
    let answer = user.post("/rest/v1/states").json(&json!({"id": 2})).send();
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
}

#[test]
fn nulls_that_are_alike_are_kept_apart_by_the_data_api_too() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table words (id int primary key, tenant int, slug text, unique nulls not distinct (tenant, slug));
         create policy all_words on words using (true);",
    );
    let add = |row| app.service_role().post("/rest/v1/words").json(&row).send();
    assert_eq!(add(json!({"id": 1, "slug": "a"})).status, StatusCode::CREATED);
    let answer = add(json!({"id": 2, "slug": "a"}));
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::CONFLICT, &json!("23505")));
    assert_eq!(add(json!({"id": 3, "tenant": 1, "slug": "a"})).status, StatusCode::CREATED);
    app.migrate("2", "alter table words drop constraint words_tenant_slug_key");
    assert_eq!(add(json!({"id": 2, "slug": "a"})).status, StatusCode::CREATED);
}
