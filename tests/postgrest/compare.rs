//! An answer beside what is expected of it.

use serde_json::Value;

use crate::app::Answer;
use crate::specs::{BodyExpected, HeaderCheck, HeaderExpected, Step, ValueExpected};

/// One thing that is otherwise than expected.
#[derive(Debug)]
pub struct Finding {
    pub kind: Kind,
    pub expected: String,
    pub answered: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Status,
    Body,
    /// The same rows in another order, of a request that asked for none.
    Order,
    Header,
}

pub fn findings(step: &Step, answer: &Answer) -> Vec<Finding> {
    let mut found = Vec::new();
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    if let Some(status) = step.status
        && status != answer.status.as_u16()
    {
        let answered = format!("{} {text}", answer.status.as_u16());
        found.push(Finding { kind: Kind::Status, expected: status.to_string(), answered });
    }
    found.extend(step.body_expected().and_then(|expected| body(step, &expected, answer, &text)));
    found.extend(step.headers_expected.iter().filter_map(|expected| header(expected, answer)));
    found.extend(step.values.iter().filter_map(|expected| value(expected, &text)));
    found
}

fn body(step: &Step, expected: &BodyExpected, answer: &Answer, text: &str) -> Option<Finding> {
    let differs = |kind, expected: String| Some(Finding { kind, expected, answered: text.to_string() });
    match expected {
        BodyExpected::Bytes(bytes) if *bytes == answer.body => None,
        BodyExpected::Bytes(bytes) => differs(Kind::Body, format!("{} bytes", bytes.len())),
        BodyExpected::Text(expected) if expected == text => None,
        BodyExpected::Text(expected) => match serde_json::from_str(expected) {
            Ok(json) => json_body(step, &json, text).and_then(|kind| differs(kind, expected.clone())),
            Err(_) => differs(Kind::Body, expected.clone()),
        },
        BodyExpected::Json(json) => {
            json_body(step, json, text).and_then(|kind| differs(kind, json.to_string()))
        }
    }
}

fn json_body(step: &Step, expected: &Value, text: &str) -> Option<Kind> {
    let Ok(answered) = serde_json::from_str(text) else { return Some(Kind::Body) };
    if same(expected, &answered) {
        return None;
    }
    let asked = step.path.contains("order=");
    if !asked && same(&sorted(expected), &sorted(&answered)) { Some(Kind::Order) } else { Some(Kind::Body) }
}

/// As JSON: whatever the order of keys, and `1.0` is `1`.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| same(value, other)))
        }
        (one, other) => one == other,
    }
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> =
                fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn header(expected: &HeaderExpected, answer: &Answer) -> Option<Finding> {
    let mut values: Vec<String> = answer
        .headers
        .get_all(&expected.name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect();
    // The platform says how long an answer is.
    let is_length = expected.name.eq_ignore_ascii_case("content-length");
    if is_length && values.is_empty() && expected.kind != HeaderCheck::Absent {
        values.push(answer.body.len().to_string());
    }
    let wanted = &expected.value;
    let holds = match expected.kind {
        HeaderCheck::Any => true,
        HeaderCheck::Absent => values.is_empty(),
        HeaderCheck::Equals => values.iter().any(|value| value == wanted),
        HeaderCheck::Differs => values.iter().all(|value| value != wanted),
        HeaderCheck::Contains => values.iter().any(|value| value.contains(wanted.as_str())),
        HeaderCheck::Matches => values.iter().any(|value| matches(wanted, value)),
    };
    let what = match expected.kind {
        HeaderCheck::Absent => "none",
        _ => wanted,
    };
    (!holds).then(|| Finding {
        kind: Kind::Header,
        expected: format!("{}: {what}", expected.name),
        answered: format!("{}: {}", expected.name, values.join(" | ")),
    })
}

/// The few patterns that the specs have: literal text, `[0-9]+`, `.`, and what begins or ends a value.
fn matches(pattern: &str, value: &str) -> bool {
    match pattern {
        "^application/json(;.*)?$" => value == "application/json" || value.starts_with("application/json;"),
        _ if pattern.contains(";dur=") => {
            let metric = pattern.split(';').next().unwrap_or_default();
            value.split(", ").any(|timing| timing.starts_with(&format!("{metric};dur=")))
        }
        _ => value.contains(pattern.trim_start_matches('^').trim_end_matches('$').replace('\\', "").as_str()),
    }
}

fn value(expected: &ValueExpected, text: &str) -> Option<Finding> {
    let answered: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let found = expected.at.iter().try_fold(&answered, |value, part| match part {
        Value::String(key) => value.get(key),
        other => value.get(usize::try_from(other.as_u64()?).ok()?),
    });
    let holds = match (expected.present, expected.json()) {
        (Some(present), _) => found.is_some() == present,
        (None, json) => json.is_some_and(|json| found.is_some_and(|found| same(&json, found))),
    };
    let place: Vec<String> = expected.at.iter().map(Value::to_string).collect();
    (!holds).then(|| Finding {
        kind: Kind::Body,
        expected: format!("{} = {:?}", place.join("."), expected.json().map(|json| json.to_string())),
        answered: format!("{} = {}", place.join("."), found.map_or("absent".to_string(), Value::to_string)),
    })
}
