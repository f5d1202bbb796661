//! The admin API: migrations and SQL in Postgres' dialect.

mod altering;
mod applying;
mod do_blocks;
mod domains;
mod dropping;
mod expressions;
mod functions;
mod geometry;
mod granting;
mod partitions;
mod policies;

mod ranges;
mod real_projects;
mod refusing;
mod renaming;
mod returning_rows;
mod searching;
mod seeding;
mod sequences;
mod types;
mod views;
mod workflow;
mod writing;
mod writing_with;

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

impl TestApp {
    /// Pushes a migration, whatever comes of it.
    fn push(&self, version: &str, sql: &str) -> Answer {
        let body = json!({"version": version, "name": "test", "sql": sql});
        self.service_role().post("/admin/v1/migrations").json(&body).send()
    }

    /// Runs SQL, whatever comes of it.
    fn run(&self, sql: &str) -> Answer {
        self.service_role().post("/admin/v1/query").json(&json!({"sql": sql})).send()
    }

    /// The rows of a statement that must succeed.
    fn rows(&self, sql: &str) -> Value {
        let answer = self.run(sql);
        assert_eq!(answer.status, StatusCode::OK, "{sql}: {}", answer.text());
        answer.json()["rows"].clone()
    }

    /// The one value of a SELECT of an expression.
    fn value(&self, expression: &str) -> Value {
        self.rows(&format!("select {expression} as value"))[0]["value"].clone()
    }

    /// Code and message of SQL that must be refused.
    fn refusal(&self, sql: &str) -> (String, String) {
        let answer = self.run(sql);
        assert_ne!(answer.status, StatusCode::OK, "{sql}: {}", answer.text());
        let body = answer.json();
        (body["code"].as_str().unwrap().to_string(), body["message"].as_str().unwrap().to_string())
    }
}
