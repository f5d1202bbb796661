//! `application/vnd.pgrst.plan`: how SQLite would answer, in the shape of Postgres' `EXPLAIN`.
//!
//! SQLite's planner tells which tables and indexes it goes through, and no costs; none are made up.

use serde::Deserialize;
use serde_json::{Value, json};

use super::error::RestError;
use crate::ports::ResultSet;

/// A row of SQLite's `EXPLAIN QUERY PLAN`.
#[derive(Deserialize)]
struct Step {
    id: i64,
    parent: i64,
    detail: String,
}

/// The plans of a request's statements, under the node that makes one answer of their rows.
pub fn rendered(results: &[Box<dyn ResultSet>], as_json: bool) -> Result<String, RestError> {
    let mut roots = Vec::new();
    for result in results {
        let steps = result.decode::<Step>().map_err(|error| RestError::Internal(format!("{error:?}")))?;
        roots.push(steps);
    }
    if as_json {
        let plans: Vec<Value> = roots.iter().flat_map(|steps| nodes(steps, 0)).collect();
        return Ok(json!([{"Plan": {"Node Type": "Aggregate", "Plans": plans}}]).to_string());
    }
    let mut text = "Aggregate  (cost=unknown)".to_string();
    for steps in &roots {
        write_lines(steps, 0, 1, &mut text);
    }
    Ok(text)
}

fn children(steps: &[Step], parent: i64) -> impl Iterator<Item = &Step> {
    steps.iter().filter(move |step| step.parent == parent && step.id != parent)
}

fn nodes(steps: &[Step], parent: i64) -> Vec<Value> {
    let node = |step: &Step| match nodes(steps, step.id).as_slice() {
        [] => json!({"Node Type": step.detail}),
        below => json!({"Node Type": step.detail, "Plans": below}),
    };
    children(steps, parent).map(node).collect()
}

fn write_lines(steps: &[Step], parent: i64, depth: usize, text: &mut String) {
    for step in children(steps, parent) {
        text.push_str(&format!("\n{}->  {}", "      ".repeat(depth - 1) + "  ", step.detail));
        write_lines(steps, step.id, depth + 1, text);
    }
}
