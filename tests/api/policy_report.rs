//! The policy report: who reaches what, and what of it looks like a mistake.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::TestApp;

/// The report on one table of a schema.
fn table(app: &TestApp, schema: &str, name: &str) -> Value {
    let answer = app.service_role().get("/admin/v1/policies/report").send();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let report = answer.json();
    let of = |table: &&Value| table["schema"] == json!(schema) && table["name"] == json!(name);
    report["tables"].as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("{name}: {report}")).clone()
}

/// The report on the one table `t` that the SQL makes.
fn report(sql: &str) -> Value {
    let app = TestApp::new();
    app.migrate("1", sql);
    table(&app, "public", "t")
}

/// What a role reaches: select, insert, update, delete.
fn reach(report: &Value, role: &str) -> String {
    let commands = ["select", "insert", "update", "delete"];
    let words: Vec<&str> =
        commands.iter().map(|command| report["roles"][role][command].as_str().unwrap()).collect();
    words.join(" ")
}

/// The codes of the findings, with their levels.
fn codes(report: &Value) -> Vec<String> {
    let finding = |finding: &Value| {
        format!("{} {}", finding["level"].as_str().unwrap(), finding["code"].as_str().unwrap())
    };
    report["findings"].as_array().unwrap().iter().map(finding).collect()
}

const TABLE: &str =
    "create table t (id int primary key, owner uuid, team int, open boolean); create index on t (owner);";

#[test]
fn what_each_role_reaches() {
    let rows = [
        // No policy, and none asked.
        ("", "none none none none", "none none none none"),
        ("alter table t disable row level security;", "all all all all", "all all all all"),
        (
            "alter table t disable row level security; revoke insert, delete on t from anon;",
            "all denied all denied",
            "all all all all",
        ),
        // Always true, in ways that no reader of the text would all find.
        ("create policy p on t for select using (true);", "all none none none", "all none none none"),
        ("create policy p on t to authenticated using (1 = 1);", "none none none none", "all all all all"),
        (
            "create policy p on t for select using ((select auth.uid()) is not null);",
            "none none none none",
            "all none none none",
        ),
        (
            "create policy p on t for select using (auth.role() = 'authenticated');",
            "none none none none",
            "all none none none",
        ),
        ("create policy p on t using (false);", "none none none none", "none none none none"),
        // By the row, or by what only some of a role have.
        (
            "create policy p on t using (owner = auth.uid());",
            "policy policy policy policy",
            "policy policy policy policy",
        ),
        (
            "create policy p on t to authenticated using (auth.jwt() ->> 'level' = 'high');",
            "none none none none",
            "policy policy policy policy",
        ),
        (
            "create policy p on t to authenticated using (auth.email() = 'ann@example.com');",
            "none none none none",
            "policy policy policy policy",
        ),
        (
            "create policy p on t for update to authenticated using (owner = auth.uid()) with check (true);",
            "none none none none",
            "none none policy none",
        ),
        (
            "create policy p on t for insert to anon with check (open);",
            "none policy none none",
            "none none none none",
        ),
        // Restrictive ones take away, and give nothing.
        (
            "create policy p on t using (true); create policy r on t as restrictive using (open);",
            "policy policy policy policy",
            "policy policy policy policy",
        ),
        (
            "create policy p on t using (true); create policy r on t as restrictive for delete using (false);",
            "all all all none",
            "all all all none",
        ),
        (
            "create policy p on t using (true); create policy r on t as restrictive using (true);",
            "all all all all",
            "all all all all",
        ),
        ("create policy r on t as restrictive using (true);", "none none none none", "none none none none"),
        (
            "create policy p on t for select using (owner = auth.uid()); create policy q on t for select using (true);",
            "all none none none",
            "all none none none",
        ),
    ];
    for (sql, anon, authenticated) in rows {
        let report = report(&format!("{TABLE} {sql}"));
        assert_eq!(reach(&report, "anon"), anon, "{sql}");
        assert_eq!(reach(&report, "authenticated"), authenticated, "{sql}");
    }
}

#[test]
fn the_reach_is_what_requests_find() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table shut (id int); create table open (id int); create table own (id int, owner uuid);
         create table denied (id int); revoke all on denied from anon;
         create policy p on open for select using (true);
         create policy p on own for select using (owner = auth.uid());
         insert into shut values (1); insert into open values (1); insert into own values (1, null);",
    );
    for (name, rows) in [("shut", 0), ("open", 1), ("own", 0)] {
        let reached = reach(&table(&app, "public", name), "anon");
        let seen = app.anon().get(&format!("/rest/v1/{name}")).send().json();
        assert_eq!(seen.as_array().unwrap().len(), rows, "{name}: {reached}");
        assert_eq!(reached.starts_with("all"), rows == 1, "{name}: {reached}");
    }
    assert_eq!(reach(&table(&app, "public", "denied"), "anon"), "denied denied denied denied");
    assert_eq!(app.anon().get("/rest/v1/denied").send().status, StatusCode::UNAUTHORIZED);
}

#[test]
fn what_looks_like_a_mistake() {
    let rows: [(&str, &[&str]); 9] = [
        ("", &["INFO rls_enabled_no_policy"]),
        ("alter table t disable row level security;", &["ERROR rls_disabled_in_public"]),
        (
            "alter table t disable row level security; create policy p on t using (owner = auth.uid());",
            &["ERROR rls_disabled_in_public", "ERROR policy_exists_rls_disabled"],
        ),
        ("alter table t disable row level security; revoke all on t from anon, authenticated;", &[]),
        ("create policy p on t for select using (true);", &["INFO rls_policy_always_true"]),
        ("create policy p on t for update using (true);", &["WARN rls_policy_always_true"]),
        (
            "create policy p on t for insert with check (auth.role() = 'anon');",
            &["WARN rls_policy_always_true"],
        ),
        ("create policy p on t using (owner = auth.uid() or id = 1);", &[]),
        ("create policy p on t as restrictive using (true);", &[]),
    ];
    for (sql, expected) in rows {
        assert_eq!(codes(&report(&format!("{TABLE} {sql}"))), expected, "{sql}");
    }
}

#[test]
fn a_finding_says_which_policy_roles_and_commands() {
    let sql = "create policy \"Everyone's\" on t for update using (true);
               create policy \"Members'\" on t for all to authenticated using (auth.uid() is not null) with check (owner = auth.uid());";
    let report = report(&format!("{TABLE} {sql}"));
    assert_eq!(report["row_security"], json!(true));
    let findings = report["findings"].as_array().unwrap();
    let said = |finding: &Value| {
        json!([finding["policy"], finding["roles"], finding["commands"], finding["columns"]])
    };
    assert_eq!(
        findings.iter().map(said).collect::<Vec<_>>(),
        [
            json!(["Everyone's", ["anon", "authenticated"], ["update"], []]),
            json!(["Members'", ["authenticated"], ["select", "update", "delete"], []]),
        ]
    );
    assert!(findings[0]["message"].as_str().unwrap().contains("true for everyone"));
}

#[test]
fn columns_without_an_index_are_found_where_the_database_reads_whole_tables() {
    let more = "create table members (team_id int, user_id uuid, role text);
                create table teams (id int primary key, boss uuid);";
    let rows: [(&str, &[&str]); 10] = [
        ("using (owner = auth.uid())", &[]),
        ("using (id = 1)", &[]),
        ("using (team = 7)", &["public.t.team"]),
        ("using (team = 7 and open)", &["public.t.team", "public.t.open"]),
        // The search begins at the index.
        ("using (owner = auth.uid() and open)", &[]),
        ("using (owner = auth.uid() or open)", &["public.t.open"]),
        (
            "using (team in (select m.team_id from members m where m.user_id = auth.uid()))",
            &["public.t.team", "public.members.team_id", "public.members.user_id"],
        ),
        ("using (owner = auth.uid() and exists (select 1 from teams where teams.id = t.team))", &[]),
        (
            "using (owner = auth.uid() and exists (select 1 from teams where boss = auth.uid()))",
            &["public.teams.boss"],
        ),
        // The new row is at hand; only what its check looks into is read.
        (
            "for insert with check (open and exists (select 1 from teams where boss = auth.uid()))",
            &["public.teams.boss"],
        ),
    ];
    for (policy, expected) in rows {
        let free = "create policy p on members using (true); create policy p on teams using (true);";
        let report = report(&format!("{TABLE} {more} {free} create policy p on t {policy};"));
        let mut columns: Vec<&str> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| finding["code"] == json!("unindexed_policy_columns"))
            .flat_map(|finding| finding["columns"].as_array().unwrap().iter().filter_map(Value::as_str))
            .collect();
        columns.dedup();
        assert_eq!(columns, expected, "{policy}: {report}");
    }
}

#[test]
fn a_policy_that_cannot_be_asked_is_an_error() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (id int, owner uuid); create table u (id int);
         create policy p on t for select using (exists (select 1 from u where u.id = t.id));
         create policy p on u for select using (exists (select 1 from t where t.id = u.id));",
    );
    let report = table(&app, "public", "t");
    assert_eq!(reach(&report, "anon"), "error none none none");
    assert_eq!(codes(&report), ["ERROR policy_fails"]);
    assert!(report["findings"][0]["message"].as_str().unwrap().contains("42P17: infinite recursion"));
}

#[test]
fn the_exposed_schemas_and_files_are_reported_and_nothing_else() {
    let app = TestApp::with_vars(&[("EXPOSED_SCHEMAS", "public,shop,auth")]);
    app.migrate(
        "1",
        "create schema shop; create schema hidden; create table shop.b (id int); create table hidden.c (id int); create table a (id int);
         create policy p on storage.objects for select using (bucket_id = 'x');",
    );
    let report = app.service_role().get("/admin/v1/policies/report").send().json();
    let tables = report["tables"].as_array().unwrap();
    let name =
        |table: &Value| format!("{}.{}", table["schema"].as_str().unwrap(), table["name"].as_str().unwrap());
    let names: Vec<String> = tables.iter().map(name).collect();
    assert_eq!(names, ["public.a", "shop.b", "storage.buckets", "storage.objects"]);
    assert_eq!(codes(&tables[2]), Vec::<String>::new());
    assert_eq!(reach(&tables[3], "anon"), "policy none none none");
}

#[test]
fn a_view_reaches_what_its_owner_or_its_caller_does() {
    let app = TestApp::new();
    app.migrate(
        "1",
        "create table t (id int primary key, owner uuid);
         create view theirs as select id from t;
         create view own with (security_invoker = true) as select id from t;
         create view counted with (security_invoker = true) as select count(*) from t;
         create view denied as select id from t; revoke all on denied from anon, authenticated;
         create materialized view kept as select id from t;",
    );
    let of = |name: &str| table(&app, "public", name);
    assert_eq!(reach(&of("theirs"), "anon"), "all all all all");
    assert_eq!(codes(&of("theirs")), ["ERROR security_definer_view"]);
    assert_eq!(reach(&of("own"), "anon"), "policy policy policy policy");
    assert_eq!(reach(&of("counted"), "anon"), "policy none none none");
    assert_eq!(reach(&of("denied"), "anon"), "denied denied denied denied");
    assert_eq!(reach(&of("kept"), "authenticated"), "all none none none");
    assert_eq!(codes(&of("kept")), ["WARN materialized_view_in_api"]);
    for name in ["own", "counted", "denied"] {
        assert_eq!(codes(&of(name)), Vec::<String>::new(), "{name}");
    }
    assert_eq!(of("kept")["kind"], json!("materialized view"));
}

#[test]
fn a_large_schema_is_reported_in_few_calls() {
    let app = TestApp::new();
    let tables: String = (0..150)
        .map(|n| {
            format!(
                "create table t{n} (id int primary key, owner uuid);
                 create policy \"see\" on t{n} for select to authenticated using (owner = (select auth.uid()));
                 create policy \"add\" on t{n} for insert to authenticated with check (owner = (select auth.uid()));\n"
            )
        })
        .collect();
    app.migrate("1", &tables);
    let report = app.service_role().get("/admin/v1/policies/report").send().json();
    let findings: usize = report["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["findings"].as_array().unwrap().len())
        .sum();
    assert_eq!(findings, 150);
}

#[test]
fn the_report_is_for_the_service_key_only() {
    let app = TestApp::new();
    app.migrate("1", TABLE);
    for actor in [app.anon(), app.user("00000000-0000-4000-8000-000000000001"), app.nobody()] {
        let answer = actor.get("/admin/v1/policies/report").send();
        assert!(!answer.status.is_success(), "{}", answer.text());
        assert!(!answer.text().contains("row_security"));
    }
    app.database.fault.fail_at(1);
    let answer = app.service_role().get("/admin/v1/policies/report").send();
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
