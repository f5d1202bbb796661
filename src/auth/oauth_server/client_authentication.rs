//! Which app speaks at the token endpoint, and whether it is that one (RFC 6749 §2.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::client;
use super::error::OAuthServerError;
use crate::app::App;
use crate::auth::error::Error;
use crate::auth::store::oauth_clients::OAuthClient;
use crate::auth::store::{self, oauth_clients};
use crate::crypto;

/// The members of a token request, from a form or from JSON.
#[derive(Default)]
pub struct TokenRequest(Vec<(String, String)>);

impl TokenRequest {
    /// Reads a body; `None` if it should be JSON and is not.
    pub fn parse(content_type: &str, body: &[u8]) -> Option<Self> {
        if !content_type.contains("application/json") {
            return Some(Self(form_urlencoded::parse(body).into_owned().collect()));
        }
        let members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let texts = members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_string())));
        Some(Self(texts.collect()))
    }

    /// A member that is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }
}

/// What an app says of itself.
struct Credentials {
    id: String,
    secret: String,
    method: &'static str,
}

/// The app that asks; `authorization` is the header.
pub async fn authenticate(
    app: &App,
    authorization: Option<&str>,
    request: Option<&TokenRequest>,
) -> Result<OAuthClient, Error> {
    let credentials = credentials(authorization, request).map_err(|why| {
        OAuthServerError::ClientRefused(format!("Invalid client credentials: {why}").into())
    })?;
    let id = Uuid::parse_str(&credentials.id)
        .map_err(|_| OAuthServerError::ClientRefused("Invalid client_id format".into()))?;
    let statement = oauth_clients::by_id(&id.to_string());
    let client: Option<OAuthClient> =
        store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    let client = client.ok_or(OAuthServerError::ClientRefused("Invalid client credentials".into()))?;
    match refusal(&client, &credentials) {
        Some(why) => Err(OAuthServerError::ClientRefused(why.into()).into()),
        None => Ok(client),
    }
}

fn credentials(
    authorization: Option<&str>,
    request: Option<&TokenRequest>,
) -> Result<Credentials, &'static str> {
    if let Some(encoded) = authorization.and_then(|header| header.strip_prefix("Basic ")) {
        let decoded = STANDARD.decode(encoded.trim()).map_err(|_| "invalid basic auth encoding")?;
        let decoded = String::from_utf8(decoded).map_err(|_| "invalid basic auth encoding")?;
        let (id, secret) = decoded.split_once(':').ok_or("invalid basic auth format")?;
        // Both are form-encoded first (RFC 6749 §2.3.1), which upstream leaves undone: nothing of ours has a `%` otherwise.
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        return Ok(Credentials { id: plain(id), secret: plain(secret), method: "client_secret_basic" });
    }
    let request = request.ok_or("failed to parse JSON body")?;
    let id = request.get("client_id").ok_or("client_id is required")?.to_string();
    let secret = request.get("client_secret").unwrap_or_default().to_string();
    let method = if secret.is_empty() { "none" } else { "client_secret_post" };
    Ok(Credentials { id, secret, method })
}

fn refusal(client: &OAuthClient, credentials: &Credentials) -> Option<String> {
    let registered = client.settings.token_endpoint_auth_method.as_str();
    let used = credentials.method;
    if used != registered {
        return Some(format!(
            "invalid authentication method: client is registered for '{registered}' but '{used}' was used"
        ));
    }
    let is_right = match &client.client_secret_hash {
        None => client.settings.is_public(),
        Some(stored) => {
            crypto::equal_secrets(client::hash(&credentials.secret).as_bytes(), stored.as_bytes())
        }
    };
    (!is_right).then(|| "invalid client credentials".to_string())
}
