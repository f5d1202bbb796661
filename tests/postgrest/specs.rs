//! What was read from PostgREST's specs.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub struct Specs {
    /// That of the specs' tokens.
    pub secret: String,
    pub fixtures: Vec<Fixture>,
    pub cases: Vec<Case>,
}

/// One statement of the fixtures.
#[derive(Deserialize)]
pub struct Fixture {
    pub file: String,
    pub line: u32,
    pub sql: String,
}

/// One `it`.
#[derive(Deserialize)]
pub struct Case {
    pub file: String,
    pub name: String,
    /// What its configuration has that the specs' own has not.
    pub settings: BTreeMap<String, Value>,
    pub steps: Vec<Step>,
    pub unreadable: Vec<Unreadable>,
}

/// One request, and what is expected of the answer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    pub line: u32,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    body_bytes: Option<String>,
    pub status: Option<u16>,
    json: Option<String>,
    text: Option<String>,
    bytes: Option<String>,
    pub headers_expected: Vec<HeaderExpected>,
    pub values: Vec<ValueExpected>,
}

#[derive(Deserialize)]
pub struct HeaderExpected {
    pub kind: HeaderCheck,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub value: String,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum HeaderCheck {
    Equals,
    Differs,
    Contains,
    Matches,
    Absent,
    Any,
}

/// What stands somewhere in the answer's JSON.
#[derive(Deserialize)]
pub struct ValueExpected {
    pub at: Vec<Value>,
    json: Option<String>,
    pub present: Option<bool>,
}

#[derive(Deserialize)]
pub struct Unreadable {
    pub line: u32,
    pub why: String,
}

/// What the body should be.
pub enum BodyExpected {
    Json(Value),
    Text(String),
    Bytes(Vec<u8>),
}

impl Step {
    pub fn sent(&self) -> Option<Vec<u8>> {
        let bytes = self.body_bytes.as_ref().map(|bytes| STANDARD.decode(bytes).unwrap());
        bytes.or_else(|| self.body.clone().map(String::into_bytes))
    }

    pub fn body_expected(&self) -> Option<BodyExpected> {
        let json = self.json.as_ref().map(|json| BodyExpected::Json(serde_json::from_str(json).unwrap()));
        json.or_else(|| self.text.clone().map(BodyExpected::Text))
            .or_else(|| self.bytes.as_ref().map(|bytes| BodyExpected::Bytes(STANDARD.decode(bytes).unwrap())))
    }

    pub fn expects_something(&self) -> bool {
        self.status.is_some() || !self.headers_expected.is_empty() || !self.values.is_empty()
    }

    /// The request in one line.
    pub fn title(&self) -> String {
        let headers: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let body = self.body.clone().unwrap_or_default();
        let body: String = body.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect();
        format!("{} {} [{}] {body}", self.method, self.path, headers.join("; "))
    }

    pub fn asks_for(&self, preference: &str) -> bool {
        self.headers
            .iter()
            .any(|(name, value)| name.eq_ignore_ascii_case("prefer") && value.contains(preference))
    }
}

impl ValueExpected {
    pub fn json(&self) -> Option<Value> {
        self.json.as_ref().map(|json| serde_json::from_str(json).unwrap())
    }
}
