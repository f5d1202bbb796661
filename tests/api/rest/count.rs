//! `count=planned` and `count=estimated`: PostgreSQL's planner for a table that was never analyzed.

use http::StatusCode;
use serde_json::json;

use crate::app::{Answer, TestApp};

fn app() -> TestApp {
    let app = TestApp::with_vars(&[("MAX_ROWS", "50")]);
    app.migrate(
        "1",
        "create table dots (id int primary key, n int, s text);
         alter table dots disable row level security;
         create table mine (id int primary key, n int);
         create policy own on mine using (n = 1);
         create view few as select id from dots where n < 3;",
    );
    let rows: Vec<_> = (1..=2000).map(|id| json!({"id": id, "n": id % 10, "s": "x"})).collect();
    let made = app.service_role().post("/rest/v1/dots").json(&json!(rows)).send();
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    app
}

fn counted(app: &TestApp, count: &str, target: &str) -> Answer {
    app.anon().get(&format!("/rest/v1/{target}")).header("prefer", &format!("count={count}")).send()
}

fn total(app: &TestApp, count: &str, target: &str) -> String {
    let answer = counted(app, count, target);
    assert!(answer.status.is_success(), "{}", answer.text());
    assert_eq!(answer.header("preference-applied"), Some(format!("count={count}").as_str()));
    answer.header("content-range").unwrap().rsplit('/').next().unwrap().to_string()
}

#[test]
fn planned_counts_are_what_the_planner_would_say() {
    let app = app();
    assert_eq!(total(&app, "planned", "dots?select=id"), "2000");
    assert_eq!(total(&app, "planned", "dots?select=id&n=eq.3"), "10");
    assert_eq!(total(&app, "planned", "dots?select=id&n=gt.3"), "667");
    assert_eq!(total(&app, "planned", "dots?select=id&or=(n.eq.3,n.gt.3)"), "673");
    assert_eq!(total(&app, "planned", "dots?select=id&n=not.eq.3"), "1990");
    assert_eq!(total(&app, "planned", "dots?select=id&id=eq.3"), "1");
    assert_eq!(total(&app, "planned", "few"), "600", "a view is counted");
    app.database.execute("DELETE FROM dots WHERE id > 5");
    let few = counted(&app, "planned", "dots");
    assert_eq!((few.status, few.header("content-range")), (StatusCode::PARTIAL_CONTENT, Some("0-4/1200")));
}

#[test]
fn estimated_counts_are_exact_while_they_are_small() {
    let app = app();
    assert_eq!(total(&app, "estimated", "dots?select=id"), "2000");
    assert_eq!(total(&app, "estimated", "dots?select=id&id=lte.50"), "50");
    assert_eq!(total(&app, "estimated", "dots?select=id&id=lte.51"), "667");
    assert_eq!(total(&app, "estimated", "dots?select=id&id=in.(1,2,3)"), "3");
    assert_eq!(total(&app, "estimated", "dots?select=id&s=eq.x"), "51", "more were counted than estimated");
    assert_eq!(total(&app, "exact", "dots?select=id&s=eq.x"), "2000");
    assert_eq!(total(&app, "estimated", "mine"), "0");
    assert_eq!(total(&app, "planned", "mine"), "11", "of 2260 rows what an unknown condition lets through");
}
