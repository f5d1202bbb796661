//! The data API: PostgREST's behaviour, one file each.

mod aggregate;
mod batch;
mod call;
mod call_said;
mod call_writes;
mod cast;
mod composite;
mod computed;
mod containment;
mod count;
mod csv;
mod delete;
mod description;
mod embed;
mod fault;
mod filter;
mod garbage;
mod geometry;
mod groups;
mod insert;
mod nested;
mod nulls;
mod order;
mod policy;
mod policy_function;
mod posted;
mod postgrest_spec;
mod privilege;
mod range;
mod refusal;
mod regular_expression;
mod replica;
mod rollback;
mod schema;
mod schema_change;
mod search;
mod select;
mod setting;
mod spread;
mod time_zone;
mod update;
mod upsert;
mod view;
mod violation;
mod window;

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Actor, Answer, TestApp};
use schema::project;

pub const ANN: &str = "00000000-0000-4000-8000-00000000000a";
pub const BOB: &str = "00000000-0000-4000-8000-00000000000b";

/// A project in which Ann and Bob each have a profile, two to-dos, a comment and tags.
fn with_todos() -> TestApp {
    let app = project();
    add_todos(&app);
    app
}

fn add_todos(app: &TestApp) {
    app.database.execute(&format!(
        "INSERT INTO profiles (id, name) VALUES ('{ANN}', 'Ann'), ('{BOB}', 'Bob');
         INSERT INTO todos (id, user_id, title, done, priority, meta, labels, due) VALUES
           (1, '{ANN}', 'milk', 0, '1.50', '{{\"a\":{{\"b\":[1,2]}},\"s\":\"x\",\"n\":7}}', '[\"home\",\"shop\"]', '2026-01-02'),
           (2, '{ANN}', 'bread', 1, '10', NULL, '[\"shop\"]', NULL),
           (3, '{BOB}', 'secret', 0, NULL, NULL, NULL, NULL),
           (4, '{BOB}', 'plan', 1, '2', NULL, NULL, NULL);
         INSERT INTO comments (id, todo_id, author_id, body) VALUES
           (1, 1, '{ANN}', 'soon'), (2, 1, '{BOB}', 'yes'), (3, 3, '{BOB}', 'hush');
         INSERT INTO tags (id, name) VALUES (1, 'red'), (2, 'blue');
         INSERT INTO todo_tags (todo_id, tag_id) VALUES (1, 1), (1, 2), (2, 2), (3, 1);",
    ));
}

/// A project with people who manage each other: 1 Eve ← 2 Adam, 3 Cain; 4 nobody.
fn with_people() -> TestApp {
    let app = project();
    app.database.execute(
        "INSERT INTO people (id, name, age, manager_id) VALUES
           (1, 'Eve', 40, NULL), (2, 'Adam', 42, 1), (3, 'Cain', 12, 1), (4, NULL, NULL, NULL);
         INSERT INTO passports (number, person_id) VALUES ('P1', 1);",
    );
    app
}

/// The body of a GET that must succeed.
fn rows(actor: &Actor<'_>, target: &str) -> Value {
    let answer = actor.get(&format!("/rest/v1/{target}")).send();
    assert!(answer.status.is_success(), "{target}: {} {}", answer.status, answer.text());
    answer.json()
}

/// The values of one key of all rows.
fn column(actor: &Actor<'_>, target: &str, key: &str) -> Vec<Value> {
    rows(actor, target).as_array().unwrap().iter().map(|row| row[key].clone()).collect()
}

/// That an answer is this error.
fn assert_error(answer: &Answer, status: StatusCode, code: &str, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["code"], json!(code), "{body}");
    assert_eq!(body["message"], json!(message), "{body}");
    for key in ["details", "hint"] {
        assert!(body.get(key).is_some(), "{body}");
    }
}
