//! PostgREST's settings and ours.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::specs::Case;

/// Settings that have a counterpart: theirs, ours.
const NAMES: &[(&str, &str)] = &[
    ("configDbAggregates", "DB_AGGREGATES_ENABLED"),
    ("configDbPlanEnabled", "DB_PLAN_ENABLED"),
    ("configDbMaxRows", "MAX_ROWS"),
    ("configDbSchemas", "EXPOSED_SCHEMAS"),
    ("configOpenApiMode", "OPENAPI_MODE"),
    ("configServerTimingEnabled", "SERVER_TIMING_ENABLED"),
];

/// Settings that change nothing here.
const WITHOUT_EFFECT: &[&str] =
    &["configDbPreparedStatements", "configJwtCacheMaxEntries", "configDbExtraSearchPath"];

/// What every case has, as the specs' own configuration has it.
const BASE: &[(&str, &str)] = &[
    ("EXPOSED_SCHEMAS", "public"),
    ("MAX_ROWS", "1000000"),
    ("OPENAPI_MODE", "follow-privileges"),
    ("SERVER_TIMING_ENABLED", "true"),
];

/// How a case's transactions end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By the harness, which takes every request back that does not ask for `tx=commit`.
    TakenBack,
    /// As the product is told to.
    Product,
}

/// The variables of a case, or the setting that has no counterpart.
pub fn vars(case: &Case, secret: &str) -> Result<(BTreeMap<String, String>, End), String> {
    let mut vars: BTreeMap<String, String> =
        BASE.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    vars.insert("JWT_SECRET".to_string(), secret.to_string());
    let flag = |name: &str, or: bool| case.settings.get(name).and_then(Value::as_bool).unwrap_or(or);
    let ends = match (flag("configDbTxRollbackAll", true), flag("configDbTxAllowOverride", true)) {
        (true, true) if case.file == "RollbackSpec.hs" => "rollback-allow-override",
        (true, true) => "commit-allow-override",
        (true, false) => "rollback",
        (false, true) => "commit-allow-override",
        (false, false) => "commit",
    };
    vars.insert("DB_TX_END".to_string(), ends.to_string());
    for (theirs, value) in &case.settings {
        let is_end = theirs.starts_with("configDbTx");
        if is_end || WITHOUT_EFFECT.contains(&theirs.as_str()) {
            continue;
        }
        let Some((_, ours)) = NAMES.iter().find(|(name, _)| name == theirs) else {
            return Err(format!("{theirs} has no counterpart"));
        };
        let Some(value) = text(value) else {
            return Err(format!("{theirs} = {value} has no counterpart"));
        };
        vars.insert((*ours).to_string(), value);
    }
    let end = if case.file == "RollbackSpec.hs" { End::Product } else { End::TakenBack };
    Ok((vars, end))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text == "ignore-privileges" => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(items) => {
            Some(items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(","))
        }
        Value::Null | Value::Object(_) => None,
    }
}
