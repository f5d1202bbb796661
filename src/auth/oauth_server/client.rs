//! The registry of apps: an administrator keeps it, and where the settings allow, apps register themselves (RFC 7591).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::OAuthServerError;
use crate::app::App;
use crate::auth::edge;
use crate::auth::error::Error;
use crate::auth::model::{object, wire_time};
use crate::auth::store::oauth_clients::OAuthClient;
use crate::auth::store::sessions::SessionKey;
use crate::auth::store::users::Page;
use crate::auth::store::{self, oauth_clients, sessions};
use crate::crypto;

/// What an app is, without its secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct ClientSettings {
    /// `confidential`, which has a secret, or `public`.
    pub client_type: String,
    /// Where a browser may be sent back to, letter by letter.
    pub redirect_uris: Vec<String>,
    /// How it proves itself: one of [`METHODS`].
    pub token_endpoint_auth_method: String,
    /// `authorization_code`, `refresh_token`.
    pub grant_types: Vec<String>,
    pub client_name: Option<String>,
    pub client_uri: Option<String>,
    pub logo_uri: Option<String>,
    /// `manual` or `dynamic`.
    pub registration_type: String,
}

/// What is asked for an app; an absent member has its default, or stays.
#[derive(Deserialize)]
pub struct Wishes {
    redirect_uris: Option<Vec<String>>,
    client_type: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    client_name: Option<String>,
    client_uri: Option<String>,
    logo_uri: Option<String>,
}

const PUBLIC: &str = "public";
const CONFIDENTIAL: &str = "confidential";
const GRANT_TYPES: [&str; 2] = ["authorization_code", "refresh_token"];

/// Ways for a client to prove itself, and the type of client each is for.
const METHODS: [(&str, &str); 3] =
    [("none", PUBLIC), ("client_secret_basic", CONFIDENTIAL), ("client_secret_post", CONFIDENTIAL)];

/// Schemes that a browser runs or reads instead of going there.
const DANGEROUS_SCHEMES: [&str; 6] = ["javascript", "data", "file", "vbscript", "about", "blob"];

/// Bytes.
const LONGEST_NAME: usize = 1024;
const LONGEST_URI: usize = 2048;
const MOST_REDIRECT_URIS: usize = 10;

impl ClientSettings {
    /// Whether it has no secret.
    pub fn is_public(&self) -> bool {
        self.client_type == PUBLIC
    }

    /// What a user is shown of it.
    pub fn card(&self, id: &str) -> Value {
        let shown = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        object([
            ("id", Some(json!(id))),
            ("name", shown(&self.client_name)),
            ("uri", shown(&self.client_uri)),
            ("logo_uri", shown(&self.logo_uri)),
        ])
    }
}

impl OAuthClient {
    /// The JSON of auth-js' `OAuthClient`, with the secret where it has just been made.
    pub fn to_json(&self, secret: Option<&str>) -> Value {
        let settings = &self.settings;
        let text = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        object([
            ("client_id", Some(json!(self.id))),
            ("client_secret", secret.map(|secret| json!(secret))),
            ("client_type", Some(json!(settings.client_type))),
            ("redirect_uris", Some(json!(settings.redirect_uris))),
            ("token_endpoint_auth_method", Some(json!(settings.token_endpoint_auth_method))),
            ("grant_types", Some(json!(settings.grant_types))),
            ("response_types", Some(json!(["code"]))),
            ("client_name", text(&settings.client_name)),
            ("client_uri", text(&settings.client_uri)),
            ("logo_uri", text(&settings.logo_uri)),
            ("registration_type", Some(json!(settings.registration_type))),
            ("created_at", Some(wire_time(&self.created_at))),
            ("updated_at", Some(wire_time(&self.updated_at))),
        ])
    }

    /// Gives it a new secret, which is kept nowhere.
    fn renew_secret(&mut self, app: &App) -> String {
        let secret = crypto::base64url(&crypto::random_bytes(app.ports.random.as_ref(), 32));
        self.client_secret_hash = Some(hash(&secret));
        secret
    }
}

/// What is kept of a secret. It is random and long, so that a plain hash is enough.
pub fn hash(secret: &str) -> String {
    crypto::base64url(&crypto::sha256(secret.as_bytes()))
}

/// Adds an app; gives its secret if it has one. `registration_type` is `manual` or `dynamic`.
pub async fn register(
    app: &App,
    wishes: Wishes,
    registration_type: &str,
) -> Result<(OAuthClient, Option<String>), Error> {
    let now = app.now().to_postgres();
    let mut client = OAuthClient {
        id: crypto::random_uuid(app.ports.random.as_ref()).to_string(),
        client_secret_hash: None,
        settings: wishes.into_settings(registration_type)?,
        created_at: now.clone(),
        updated_at: now,
    };
    let secret = (!client.settings.is_public()).then(|| client.renew_secret(app));
    store::run(app.ports.database.as_ref(), vec![oauth_clients::insert(&client)]).await?;
    Ok((client, secret))
}

/// A page of apps, or all, and how many there are.
pub async fn list(app: &App, page: Option<&Page>) -> Result<(Vec<OAuthClient>, u64), Error> {
    #[derive(Deserialize)]
    struct Count {
        total: u64,
    }
    let batch = vec![oauth_clients::list(page), oauth_clients::count()];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    Ok((results.all(0)?, results.first::<Count>(1)?.map_or(0, |count| count.total)))
}

/// One app.
pub async fn by_id(app: &App, id: &str) -> Result<OAuthClient, Error> {
    let found = store::run(app.ports.database.as_ref(), vec![oauth_clients::by_id(id)]).await?.first(0)?;
    found.ok_or_else(|| OAuthServerError::ClientNotFound.into())
}

/// Changes what is given of an app.
pub async fn update(app: &App, id: &str, wishes: Wishes) -> Result<OAuthClient, Error> {
    let mut client = by_id(app, id).await?;
    client.settings = wishes.changed(client.settings)?;
    replace(app, client).await
}

/// Gives a confidential client another secret; the old one is no good from now on.
pub async fn regenerate_secret(app: &App, id: &str) -> Result<(OAuthClient, String), Error> {
    let mut client = by_id(app, id).await?;
    if client.settings.is_public() {
        return refuse("Cannot regenerate secret for public client");
    }
    let secret = client.renew_secret(app);
    Ok((replace(app, client).await?, secret))
}

async fn replace(app: &App, client: OAuthClient) -> Result<OAuthClient, Error> {
    let now = app.now();
    let statement = oauth_clients::update(&client, now);
    if !store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
        return Err(Error::Conflict);
    }
    Ok(OAuthClient { updated_at: now.to_postgres(), ..client })
}

/// Removes an app, and with it its sessions and what users granted it.
pub async fn delete(app: &App, id: &str) -> Result<(), Error> {
    let live_since = edge::tokens_live_since(app);
    let batch = vec![sessions::keys_of_client(id, live_since), oauth_clients::delete(id)];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(1)? {
        return Err(OAuthServerError::ClientNotFound.into());
    }
    edge::revoke(app, &results.all::<SessionKey>(0)?).await;
    Ok(())
}

fn refuse<T>(message: impl Into<std::borrow::Cow<'static, str>>) -> Result<T, Error> {
    Err(Error::Validation(message.into()))
}

impl Wishes {
    fn into_settings(self, registration_type: &str) -> Result<ClientSettings, Error> {
        let Some(redirect_uris) = self.redirect_uris.clone().filter(|uris| !uris.is_empty()) else {
            return refuse("redirect_uris is required");
        };
        let asked_type = self.client_type.as_deref().filter(|of| !of.is_empty());
        let asked_method = self.token_endpoint_auth_method.as_deref().filter(|method| !method.is_empty());
        if asked_type.is_some_and(|of| of != PUBLIC && of != CONFIDENTIAL) {
            return refuse("client_type must be 'public' or 'confidential'");
        }
        let method = asked_method.map(|method| METHODS.iter().find(|(name, _)| *name == method));
        let client_type = match (method, asked_type) {
            (Some(None), _) => {
                return refuse(format!("token_endpoint_auth_method must be one of: {}", methods(None)));
            }
            (Some(Some((method, of))), Some(asked)) if asked != *of => {
                return refuse(format!(
                    "client_type '{asked}' is inconsistent with token_endpoint_auth_method '{method}' (expected client_type '{of}')"
                ));
            }
            (Some(Some((_, of))), _) => of,
            (None, asked) => asked.unwrap_or(CONFIDENTIAL),
        };
        let default_method = if client_type == PUBLIC { "none" } else { "client_secret_basic" };
        let settings = ClientSettings {
            client_type: client_type.to_string(),
            redirect_uris,
            token_endpoint_auth_method: asked_method.unwrap_or(default_method).to_string(),
            grant_types: GRANT_TYPES.map(str::to_string).to_vec(),
            client_name: None,
            client_uri: None,
            logo_uri: None,
            registration_type: registration_type.to_string(),
        };
        let grant_types = self.grant_types.filter(|types| !types.is_empty());
        Self { token_endpoint_auth_method: None, grant_types, ..self }.applied(settings)
    }

    /// The settings with what is given in the place of what was.
    fn changed(self, before: ClientSettings) -> Result<ClientSettings, Error> {
        let texts = [&self.client_name, &self.client_uri, &self.logo_uri, &self.token_endpoint_auth_method];
        if texts.iter().all(|text| text.is_none())
            && self.redirect_uris.is_none()
            && self.grant_types.is_none()
        {
            return refuse("No fields provided for update");
        }
        self.applied(before)
    }

    fn applied(self, mut settings: ClientSettings) -> Result<ClientSettings, Error> {
        if let Some(uris) = self.redirect_uris {
            check_redirect_uris(&uris)?;
            settings.redirect_uris = uris;
        }
        if let Some(types) = self.grant_types {
            check_grant_types(&types)?;
            settings.grant_types = types;
        }
        if let Some(name) = self.client_name {
            if name.len() > LONGEST_NAME {
                return refuse("client_name cannot exceed 1024 characters");
            }
            settings.client_name = Some(name).filter(|name| !name.is_empty());
        }
        for (name, given, place) in [
            ("client_uri", self.client_uri, &mut settings.client_uri),
            ("logo_uri", self.logo_uri, &mut settings.logo_uri),
        ] {
            if let Some(uri) = given {
                check_uri(name, &uri)?;
                *place = Some(uri).filter(|uri| !uri.is_empty());
            }
        }
        if let Some(method) = self.token_endpoint_auth_method {
            let of = METHODS.iter().find(|(name, _)| *name == method).map(|(_, of)| *of);
            let client_type = settings.client_type.as_str();
            match of {
                None => {
                    return refuse(format!(
                        "invalid token_endpoint_auth_method: must be one of {}",
                        methods(None)
                    ));
                }
                Some(of) if of != client_type => {
                    let valid = methods(Some(client_type));
                    return refuse(format!(
                        "token_endpoint_auth_method '{method}' is not valid for client_type '{client_type}'; valid methods: {valid}"
                    ));
                }
                Some(_) => settings.token_endpoint_auth_method = method,
            }
        }
        Ok(settings)
    }
}

/// The methods of a type of client, or all, as Go writes a list.
fn methods(client_type: Option<&str>) -> String {
    let of_type = METHODS.iter().filter(|(_, of)| client_type.is_none_or(|asked| asked == *of));
    format!("[{}]", of_type.map(|(name, _)| *name).collect::<Vec<_>>().join(" "))
}

fn check_grant_types(types: &[String]) -> Result<(), Error> {
    if types.is_empty() {
        return refuse("grant_types cannot be empty");
    }
    if types.iter().any(|of| !GRANT_TYPES.contains(&of.as_str())) {
        return refuse("grant_types must only contain 'authorization_code' and/or 'refresh_token'");
    }
    Ok(())
}

fn check_redirect_uris(uris: &[String]) -> Result<(), Error> {
    if uris.is_empty() {
        return refuse("redirect_uris cannot be empty");
    }
    if uris.len() > MOST_REDIRECT_URIS {
        return refuse("redirect_uris cannot exceed 10 items");
    }
    for uri in uris {
        if let Err(why) = check_redirect_uri(uri) {
            return refuse(format!("invalid redirect_uri '{uri}': {why}"));
        }
    }
    Ok(())
}

/// An absolute address without a fragment (RFC 6749 §3.1.2), that a browser goes to and over TLS, unless it is this machine
/// or an app's own scheme. Signs that browsers and we could read differently are none.
fn check_redirect_uri(uri: &str) -> Result<(), String> {
    if uri.is_empty() {
        return Err("redirect URI cannot be empty".into());
    }
    if uri.len() > LONGEST_URI || uri.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return Err("invalid URL format".into());
    }
    let (scheme, rest) = uri.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme || authority.is_empty() || authority.contains('@') {
        return Err("must have scheme and host".into());
    }
    let scheme = scheme.to_ascii_lowercase();
    if DANGEROUS_SCHEMES.contains(&scheme.as_str()) {
        return Err(format!("scheme '{scheme}' is not allowed for security reasons"));
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if scheme == "http" && !["localhost", "127.0.0.1", "::1"].contains(&host) {
        return Err("HTTP scheme only allowed for localhost".into());
    }
    if uri.contains('#') {
        return Err("fragment not allowed in redirect URI".into());
    }
    Ok(())
}

/// An address that the consent page shows to users: a page of the web, nothing that runs.
fn check_uri(name: &str, uri: &str) -> Result<(), Error> {
    if uri.len() > LONGEST_URI {
        return refuse(format!("{name} cannot exceed 2048 characters"));
    }
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    let is_page = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']));
    if uri.is_empty()
        || (is_page && !uri.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\'))
    {
        return Ok(());
    }
    refuse(format!("{name} must be a valid URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_lead_to_the_app_alone_are_redirect_uris() {
        let long = format!("https://app.example.com/{}", "a".repeat(LONGEST_URI));
        let rows = [
            ("https://app.example.com/callback", true),
            ("https://app.example.com/callback?tenant=a,b", true),
            ("http://localhost:3000/callback", true),
            ("http://127.0.0.1/", true),
            ("http://[::1]:8080/cb", true),
            ("myapp://callback", true),
            ("com.example.app://callback", true),
            ("http://app.example.com/callback", false),
            ("http://localhost.evil.net/", false),
            ("http://localhost@evil.net/", false),
            ("https://user@app.example.com/", false),
            ("https://app.example.com/#x", false),
            ("https://app.example.com\\@evil.net/", false),
            ("https://app.example.com/a b", false),
            ("https://app.example.com/\n", false),
            ("javascript://app.example.com/%0aalert(1)", false),
            ("JavaScript:alert(1)", false),
            ("data://text/html", false),
            ("com.example.app:/callback", false),
            ("/callback", false),
            ("https://", false),
            ("", false),
            (long.as_str(), false),
        ];
        for (uri, allowed) in rows {
            assert_eq!(check_redirect_uri(uri).is_ok(), allowed, "{uri}");
        }
    }

    #[test]
    fn what_users_are_shown_is_a_page_of_the_web() {
        let rows = [
            ("https://app.example.com/", true),
            ("http://app.example.com", true),
            ("", true),
            ("javascript:alert(1)", false),
            ("/logo.png", false),
            ("https://", false),
            ("not a url", false),
        ];
        for (uri, allowed) in rows {
            assert_eq!(check_uri("logo_uri", uri).is_ok(), allowed, "{uri}");
        }
    }
}
