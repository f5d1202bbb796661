//! Disagreements with PostgreSQL that the differential tests found, each by its smallest case.
//! What is expected here is what PostgreSQL 15 answers.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Actor, Answer, TestApp};

const ANN: &str = "00000000-0000-4000-8000-00000000000a";

const DENIED: &str = "new row violates row-level security policy for table \"members\"";

/// Members of teams, with these policies and rows.
fn with_members(policies: &str, rows: &str) -> TestApp {
    let app = TestApp::new();
    app.migrate(
        "20260101000000",
        &format!(
            "CREATE TABLE members (id int PRIMARY KEY, owner uuid, team int, rank int UNIQUE CHECK (rank < 9));
             ALTER TABLE members ENABLE ROW LEVEL SECURITY;
             {policies}
             {rows}"
        ),
    );
    app
}

fn insert(actor: &Actor<'_>, body: &Value) -> Answer {
    actor.post("/rest/v1/members").header("prefer", "return=minimal").json(body).send()
}

fn upsert(actor: &Actor<'_>, resolution: &str, body: &Value) -> Answer {
    let prefer = format!("resolution={resolution},return=representation");
    actor.post("/rest/v1/members?on_conflict=id").header("prefer", &prefer).json(body).send()
}

fn assert_denied(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert_eq!(answer.json()["message"], json!(DENIED));
}

#[test]
fn a_policy_without_using_shows_and_lets_in_nothing() {
    let app = with_members(
        "CREATE POLICY a ON members FOR ALL TO authenticated WITH CHECK (true);
         CREATE POLICY b ON members FOR INSERT TO anon;",
        "INSERT INTO members (id, rank) VALUES (1, 1);",
    );
    let ann = app.user(ANN);
    assert_eq!(ann.get("/rest/v1/members").send().json(), json!([]));
    assert_eq!(ann.delete("/rest/v1/members?id=eq.1").send().status, StatusCode::NO_CONTENT);
    assert_eq!(app.database.value("SELECT count(*) FROM members").as_deref(), Some("1"));
    assert_eq!(insert(&app.anon(), &json!({"id": 2})).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn a_table_may_be_met_inside_its_own_policies_where_they_are_plain() {
    let app = with_members(
        "CREATE POLICY a ON members FOR SELECT TO authenticated USING (true);
         CREATE POLICY b ON members FOR INSERT TO authenticated
           WITH CHECK ((SELECT count(*) FROM members AS x WHERE x.team = members.team) < 1);",
        "",
    );
    let ann = app.user(ANN);
    assert_eq!(insert(&ann, &json!({"id": 1, "team": 1})).status, StatusCode::CREATED);
    assert_denied(&insert(&ann, &json!({"id": 2, "team": 1})));
    app.migrate(
        "20260101000001",
        "CREATE POLICY c ON members FOR SELECT USING (EXISTS (SELECT 1 FROM members AS x));",
    );
    let answer = ann.get("/rest/v1/members").send();
    assert_eq!(answer.json()["code"], json!("42P17"), "{}", answer.text());
}

#[test]
fn a_new_row_does_not_vouch_for_itself() {
    let app = with_members(
        "CREATE POLICY a ON members FOR SELECT TO authenticated USING (owner = auth.uid());
         CREATE POLICY b ON members FOR INSERT TO authenticated
           WITH CHECK (EXISTS (SELECT 1 FROM members AS x WHERE x.team = members.team AND x.owner = auth.uid()));
         CREATE POLICY c ON members FOR UPDATE TO authenticated USING (owner = auth.uid())
           WITH CHECK (EXISTS (SELECT 1 FROM members AS x WHERE x.team = members.team AND x.owner = auth.uid()));",
        &format!("INSERT INTO members (id, owner, team) VALUES (1, '{ANN}', 1);"),
    );
    let ann = app.user(ANN);
    assert_denied(&insert(&ann, &json!({"id": 2, "owner": ANN, "team": 2})));
    assert_eq!(insert(&ann, &json!({"id": 3, "owner": ANN, "team": 1})).status, StatusCode::CREATED);
    assert_denied(&ann.patch("/rest/v1/members?id=eq.1").json(&json!({"team": 2})).send());
    assert_denied(&upsert(&ann, "merge-duplicates", &json!({"id": 1, "owner": ANN, "team": 2})));
    let answer = ann.patch("/rest/v1/members?id=eq.3").json(&json!({"rank": 4})).send();
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
}

#[test]
fn policies_speak_before_constraints() {
    let app = with_members(
        "CREATE POLICY a ON members TO authenticated USING (owner = auth.uid());",
        "INSERT INTO members (id, rank) VALUES (1, 1);",
    );
    let ann = app.user(ANN);
    assert_denied(&insert(&ann, &json!({"id": 1})));
    assert_denied(&insert(&ann, &json!({"id": 2, "rank": 1})));
    assert_denied(&insert(&ann, &json!({"id": 2, "rank": 10})));
    assert_eq!(insert(&ann, &json!({"id": 1, "owner": ANN})).json()["code"], json!("23505"));
}

#[test]
fn an_upsert_needs_to_see_what_it_writes() {
    let app = with_members("CREATE POLICY a ON members FOR INSERT TO authenticated WITH CHECK (true);", "");
    let ann = app.user(ANN);
    assert_eq!(insert(&ann, &json!({"id": 1})).status, StatusCode::CREATED);
    for resolution in ["merge-duplicates", "ignore-duplicates"] {
        assert_denied(&upsert(&ann, resolution, &json!({"id": 2, "rank": 1})));
    }
}

#[test]
fn an_upsert_of_nothing_but_the_key_gives_the_row_back() {
    let app = with_members("", "INSERT INTO members (id, team) VALUES (1, 7);");
    let answer = upsert(&app.service_role(), "merge-duplicates", &json!({"id": 1}));
    assert_eq!(answer.json(), json!([{"id": 1, "owner": null, "team": 7, "rank": null}]));
}

#[test]
fn an_upsert_without_an_update_policy_still_inserts() {
    let app = with_members(
        "CREATE POLICY a ON members FOR INSERT TO authenticated WITH CHECK (true);
         CREATE POLICY b ON members FOR SELECT TO authenticated USING (true);",
        "",
    );
    let ann = app.user(ANN);
    let answer = upsert(&ann, "merge-duplicates", &json!({"id": 1}));
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    assert_eq!(
        upsert(&ann, "merge-duplicates", &json!({"id": 1})).json()["message"],
        json!("new row violates row-level security policy (USING expression) for table \"members\"")
    );
}

#[test]
fn a_null_element_does_not_hide_that_an_array_lacks_another() {
    let app = TestApp::new();
    app.migrate(
        "20260101000000",
        "CREATE TABLE things (id int PRIMARY KEY, tags text[]);
         ALTER TABLE things DISABLE ROW LEVEL SECURITY;
         INSERT INTO things VALUES (1, '{NULL,x}');",
    );
    let answer = app.anon().get("/rest/v1/things?select=id&tags=not.cs.{a}").send();
    assert_eq!(answer.json(), json!([{"id": 1}]));
    let answer = app.service_role().post("/rest/v1/things").json(&json!({"id": 2, "tags": "{a,{b}}"})).send();
    assert_eq!(answer.json()["message"], json!("malformed array literal: \"{a,{b}}\""));
}

/// Expressions over one row, and what they are, as JSON; an error is its code.
#[test]
#[rustfmt::skip]
fn expressions() {
    let app = TestApp::new();
    app.migrate(
        "20260101000000",
        "CREATE TABLE facts (id int PRIMARY KEY, i int, j jsonb, d date, n numeric, code varchar(3), none text[]);
         INSERT INTO facts VALUES (1, 5, '{\"a\": 1}', '2024-02-29', 'NaN', 'abc', NULL), (2, 5, '\"s\"', '2024-02-29', '-1.50', 'abc', NULL);",
    );
    let rows = [
        // An aggregate inside an operator that needs its value twice was of one row.
        ("(SELECT count(*)::int FROM facts AS f WHERE f.id <= facts.id)", json!(1)),
        ("NULL::int % (i - 5)",                    json!(null)),
        ("i % (i - 5)",                            json!("22012")),
        ("d + 2147483647",                         json!("0A000")),
        ("'infinity'::date - interval '1 day'",    json!("infinity")),
        ("'infinity'::timestamptz AT TIME ZONE 'UTC' AT TIME ZONE 'UTC'", json!("infinity")),
        ("date_part('year', 'infinity'::date)",    json!("0A000")),
        ("(SELECT f.j -> 0 FROM facts AS f WHERE f.id = 2)", json!("s")),
        ("(SELECT abs(f.n)::text FROM facts AS f WHERE f.id = 2)", json!("1.50")),
        ("abs('-2147483648'::int)",                json!("22003")),
        ("none || none",                           json!(null)),
        ("concat('x', true)",                      json!("xt")),
        ("coalesce(to_jsonb(NULL::int), '{}'::jsonb)", json!({})),
        ("jsonb_build_object('a', j ->> 'a')",     json!({"a": "1"})),
        ("'x'::text::date",                        json!("22007")),
        ("code = 'abcdef'",                        json!(false)),
        ("code IN ('abcdef')",                     json!(false)),
        ("n > 1",                                  json!(true)),
        ("replace('', '', NULL::text)",            json!(null)),
        // What the planner knows to be NULL is compared with nothing.
        ("CASE nullif(('{}'::int[])[1], id % (i - 5)) WHEN 1 THEN 2 ELSE 3 END", json!(3)),
        // A path may begin with a quote.
        ("to_tsvector('simple', 'a.com/''s''')::text", json!("'/''s''':3 'a.com':2 'a.com/''s''':1")),
        // The host of an address ends where another address would go on.
        ("to_tsvector('simple', 'f@mail.example.orgfirst.last@mail.example.org')::text", json!("'f@mail.example.orgfirst.last':1 'mail.example.org':2")),
    ];
    for (expression, expected) in rows {
        let sql = format!("SELECT {expression} AS v FROM facts WHERE id = 1");
        let answer = app.service_role().post("/admin/v1/query").json(&json!({"sql": sql})).send().json();
        let value = answer.get("rows").map_or(answer["code"].clone(), |rows| rows[0]["v"].clone());
        assert_eq!(value, expected, "{expression}: {answer}");
    }
}
