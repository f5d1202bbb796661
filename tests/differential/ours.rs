//! Our side: the product through its front door.

use http::StatusCode;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::postgres::{Failure, Outcome};

/// Applies a migration; the refusal otherwise.
pub fn migrate(app: &TestApp, sql: &str) -> Result<(), Failure> {
    let body = json!({"version": "20260101000000", "name": "differential", "sql": sql});
    outcome(&app.service_role().post("/admin/v1/migrations").json(&body).send()).map(|_| ())
}

/// The rows of a query as the owner, as JSON text.
pub fn query(app: &TestApp, sql: &str) -> Outcome {
    let answer = app.service_role().post("/admin/v1/query").json(&json!({"sql": sql})).send();
    let text = outcome(&answer)?;
    Ok(text.strip_prefix("{\"rows\":").and_then(|text| text.strip_suffix('}')).unwrap().to_string())
}

/// A body, or its error.
pub fn outcome(answer: &Answer) -> Outcome {
    if answer.status.is_success() {
        return Ok(answer.text());
    }
    let body: Value = serde_json::from_str(&answer.text()).unwrap_or(Value::Null);
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_string();
    let code = match answer.status {
        StatusCode::INTERNAL_SERVER_ERROR if text("code").is_empty() => "500".to_string(),
        _ => text("code"),
    };
    Err(Failure { code, message: text("message") })
}
