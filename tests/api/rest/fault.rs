//! The database fails.

use http::StatusCode;
use serde_json::json;

use super::{ANN, assert_error, with_todos};

#[test]
fn a_database_that_does_not_answer_is_a_503_and_changes_nothing() {
    let app = with_todos();
    app.user(ANN).get("/rest/v1/todos").send();
    app.database.fault.fail_always();
    let ann = app.user(ANN);
    let answers = [
        ann.get("/rest/v1/todos").send(),
        ann.get("/rest/v1/nowhere").send(),
        ann.post("/rest/v1/todos").json(&json!({"title": "x"})).send(),
        ann.patch("/rest/v1/todos?id=eq.1").json(&json!({"title": "x"})).send(),
        ann.delete("/rest/v1/todos?id=eq.1").send(),
        app.another_isolate().user(ANN).get("/rest/v1/todos").send(),
    ];
    for answer in &answers {
        assert_error(
            answer,
            StatusCode::SERVICE_UNAVAILABLE,
            "53300",
            "The database is overloaded. Retry later.",
        );
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    app.database.fault.mend();
    assert_eq!(
        app.database.value("SELECT group_concat(title ORDER BY id) FROM todos").as_deref(),
        Some("milk,bread,secret,plan")
    );
    assert!(ann.get("/rest/v1/todos").send().status.is_success());
    assert!(app.log.0.borrow().iter().any(|line| line.contains("on purpose")), "the cause is in the log");
}

#[test]
fn a_failure_on_the_way_to_a_new_schema_is_not_remembered() {
    let app = with_todos();
    app.user(ANN).get("/rest/v1/todos").send();
    app.database.execute("UPDATE \"edgeward.catalog_version\" SET version = version + 1");
    // The first call finds the catalog stale, the second would load it.
    app.database.fault.fail_at(2);
    assert_eq!(app.user(ANN).get("/rest/v1/todos").send().status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.user(ANN).get("/rest/v1/todos").send().status, StatusCode::OK);
}

#[test]
fn a_read_notices_a_schema_that_moved_also_where_it_finds_nothing() {
    let app = with_todos();
    app.migrate(
        "20270201000000",
        "create table empty (id int primary key); alter table empty enable row level security;",
    );
    let other = app.another_isolate();
    let reads =
        ["/rest/v1/empty?select=*", "/rest/v1/todos?select=id&limit=0", "/rest/v1/todos?select=count"];
    for target in reads {
        assert!(other.user(ANN).get(target).send().status.is_success(), "{target}");
    }

    // The other isolate remembers the schema before this: no policy, so no rows.
    app.migrate(
        "20270202000000",
        "create policy anyone on empty for select using (true); insert into empty values (1);",
    );
    assert_eq!(other.user(ANN).get("/rest/v1/empty?select=*").send().json(), json!([{"id": 1}]));

    // And a column that has gone is the client's mistake, not a defect.
    app.migrate("20270203000000", "alter table empty add column note text;");
    assert!(other.user(ANN).get("/rest/v1/empty?select=note").send().status.is_success());
    app.migrate("20270204000000", "alter table empty drop column note;");
    let answer = other.user(ANN).get("/rest/v1/empty?select=note").send();
    assert_eq!(answer.json()["code"], "42703", "{}", answer.text());
    app.migrate("20270205000000", "drop table empty;");
    assert_eq!(other.user(ANN).get("/rest/v1/empty?select=id").send().json()["code"], "PGRST205");
}
