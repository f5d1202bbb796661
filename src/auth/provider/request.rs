//! Requests to a provider: a code for tokens, and a person's profile.

use ::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::Provider;
use super::quirk;
use super::table::Authentication;
use crate::app::App;
use crate::ports::{IncomingResponse, OutgoingRequest};

/// GitHub refuses requests that do not say who asks.
const USER_AGENT: &str = concat!("Edgeward/", env!("CARGO_PKG_VERSION"));

/// What stands for itself in a form (and in OAuth 1.0a, RFC 5849 §3.6).
pub const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a provider gave for a code.
pub struct Tokens {
    pub access_token: String,
    /// Empty when there is none.
    pub refresh_token: String,
    pub id_token: Option<String>,
    /// The whole response.
    pub response: Value,
}

/// Exchanges a code (RFC 6749 §4.1.3).
pub async fn exchange(
    app: &App,
    provider: &Provider,
    code: &str,
    verifier: Option<&str>,
) -> Result<Tokens, String> {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", provider.redirect_uri.as_str()),
    ];
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    if provider.authentication == Authentication::Either {
        let response = ask(app, provider, &form, Some(basic(provider))).await?;
        // A provider that does not take the header has not looked at the code.
        if response.is_success() || !matches!(response.status, 400 | 401) {
            return tokens(&response);
        }
    }
    form.push(("client_id", &provider.client_id));
    form.push(("client_secret", &provider.secret));
    tokens(&ask(app, provider, &form, None).await?)
}

fn basic(provider: &Provider) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let pair = format!("{}:{}", encoded(&provider.client_id), encoded(&provider.secret));
    format!("Basic {}", STANDARD.encode(pair))
}

async fn ask(
    app: &App,
    provider: &Provider,
    form: &[(&str, &str)],
    authorization: Option<String>,
) -> Result<IncomingResponse, String> {
    let mut headers = vec![
        ("accept", "application/json".to_string()),
        ("content-type", "application/x-www-form-urlencoded".to_string()),
        ("user-agent", USER_AGENT.to_string()),
    ];
    headers.extend(authorization.map(|value| ("authorization", value)));
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = OutgoingRequest { method: Method::POST, url: provider.token_url.clone(), headers, body };
    app.ports.http_client.send(request).await.map_err(|error| error.0)
}

/// JSON, or a form as some providers still answer.
fn tokens(response: &IncomingResponse) -> Result<Tokens, String> {
    let parsed = parse(&response.body);
    let text = |name: &str| {
        parsed.get(name).and_then(Value::as_str).map(str::to_string).filter(|text| !text.is_empty())
    };
    if let Some(error) = text("error") {
        return Err(format!(
            "the provider refused the code: {error} {}",
            text("error_description").unwrap_or_default()
        ));
    }
    if !response.is_success() {
        return Err(format!("the provider answered {} to the code", response.status));
    }
    Ok(Tokens {
        access_token: text("access_token").ok_or("the provider gave no access token")?,
        refresh_token: text("refresh_token").unwrap_or_default(),
        id_token: text("id_token"),
        response: parsed,
    })
}

/// A body that is JSON or, by its looks, a form.
pub fn parse(body: &str) -> Value {
    if let Ok(value) = serde_json::from_str(body) {
        return value;
    }
    let members =
        form_urlencoded::parse(body.as_bytes()).map(|(name, value)| (name.into_owned(), Value::from(value)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// Asks the provider's API with a person's access token.
pub async fn get_json(
    app: &App,
    provider: &Provider,
    path: &str,
    access_token: &str,
) -> Result<Value, String> {
    let url = if path.starts_with("https://") || path.starts_with("http://") {
        path.to_string()
    } else {
        format!("{}{path}", provider.api_url)
    };
    let mut headers = quirk::headers(provider);
    headers.push(("authorization", format!("Bearer {access_token}")));
    get(app, url, headers).await
}

/// Asks for JSON.
pub async fn get(app: &App, url: String, mut headers: Vec<(&'static str, String)>) -> Result<Value, String> {
    headers.push(("accept", "application/json".to_string()));
    headers.push(("user-agent", USER_AGENT.to_string()));
    let request = OutgoingRequest { method: Method::GET, url: url.clone(), headers, body: String::new() };
    let response = app.ports.http_client.send(request).await.map_err(|error| error.0)?;
    // The query may have a proof of the secret.
    let place = url.split('?').next().unwrap_or_default();
    if !response.is_success() {
        return Err(format!("{place} answered {}", response.status));
    }
    serde_json::from_str(&response.body).map_err(|error| format!("{place}: {error}"))
}
