//! An answer in the form in which both sides' are compared: what must differ (ids, times, tokens) is named
//! instead of shown.

use serde_json::{Map, Value, json};

pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub error_code: Option<String>,
    pub body: String,
}

/// Members whose values are secrets or random.
const OPAQUE: &[&str] = &[
    "access_token",
    "refresh_token",
    "token",
    "action_link",
    "email_otp",
    "hashed_token",
    "qr_code",
    "secret",
    "client_secret",
    "authorization_id",
    "uri",
    "error_id",
    "version",
    "description",
    "expires_at",
    "exp",
    "iat",
];

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The body, or where it leads; with the members of the query there.
    pub fn to_keep(&self) -> Value {
        let mut value = self.json();
        if let (Value::Null, Some(location)) = (&value, &self.location) {
            value = json!({"location": location});
        }
        let url = self.location.as_deref().or(value["redirect_url"].as_str());
        if let Some((_, query)) = url.and_then(|url| url.split_once('?')) {
            let members = form_urlencoded::parse(query.as_bytes()).into_owned();
            value["query"] = members.map(|(name, value)| (name, json!(value))).collect::<Map<_, _>>().into();
        }
        value
    }

    /// What is compared.
    pub fn comparable(&self) -> Value {
        let body = if self.body.is_empty() { Value::Null } else { normal(&self.json(), "") };
        json!({
            "status": self.status,
            "error_code": self.error_code,
            "location": self.location.as_deref().map(location),
            "body": body,
        })
    }
}

fn normal(value: &Value, name: &str) -> Value {
    if OPAQUE.contains(&name) && !value.is_null() && *value != json!("") {
        return json!(format!("<{name}>"));
    }
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| name.as_str());
            // The id of an error is only for the log of a failure of the server's.
            let members = sorted.into_iter().filter(|(name, _)| *name != "error_id");
            Value::Object(
                members.map(|(name, value)| (name.clone(), normal(value, name))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(|item| normal(item, "")).collect()),
        Value::String(url) if name == "redirect_url" => location(url),
        Value::String(text) => json!(text_form(text)),
        other => other.clone(),
    }
}

/// `…1f0c…` → `<uuid>`, times → `<time>`, waits → `<n> seconds`.
fn text_form(text: &str) -> String {
    if uuid::Uuid::try_parse(text).is_ok() && text.len() == 36 {
        return "<uuid>".into();
    }
    if edgeward::time::Timestamp::parse(text).is_some() {
        return "<time>".into();
    }
    let mut words: Vec<String> = text.split(' ').map(str::to_string).collect();
    for index in 1..words.len() {
        if words[index].starts_with("seconds") && words[index - 1].parse::<u32>().is_ok() {
            words[index - 1] = "<n>".into();
        }
    }
    words
        .iter()
        .map(|word| if uuid::Uuid::try_parse(word).is_ok() && word.len() == 36 { "<uuid>" } else { word })
        .collect::<Vec<_>>()
        .join(" ")
}

/// A redirect's URL with its members in order and what differs named.
fn location(url: &str) -> Value {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
    let members = |text: &str| {
        let mut members: Vec<(String, String)> = form_urlencoded::parse(text.as_bytes())
            .map(|(name, value)| {
                let is_opaque = name == "code" || OPAQUE.contains(&name.as_ref());
                let shown = if is_opaque { format!("<{name}>") } else { text_form(&value) };
                (name.into_owned(), shown)
            })
            .collect();
        members.sort();
        members
    };
    json!({"to": base, "query": members(query), "fragment": members(fragment)})
}
