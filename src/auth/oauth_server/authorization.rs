//! What an app asks for, and its user's answer.

use serde_json::{Value, json};
use uuid::Uuid;

use super::error::OAuthServerError;
use super::{claims, client, scope};
use crate::app::App;
use crate::auth::account;
use crate::auth::error::Error;
use crate::auth::store::oauth_authorizations::Authorization;
use crate::auth::store::oauth_clients::OAuthClient;
use crate::auth::store::oauth_consents::Scopes;
use crate::auth::store::{self, oauth_authorizations, oauth_clients, oauth_consents};
use crate::caller::Caller;
use crate::crypto;
use crate::time::Timestamp;

/// How long a code is good, in seconds: an app exchanges it as soon as it has it.
const CODE_SECONDS: i64 = 60;

/// The length of an authorization's id, with which its code begins.
const ID_LENGTH: usize = 32;

/// The parameters of `/oauth/authorize`; those that are not there are empty.
pub struct Asked {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_type: String,
    pub scope: String,
    pub state: String,
    pub resource: String,
    pub code_challenge: String,
    pub code_challenge_method: String,
    pub nonce: String,
}

/// Where a browser goes on to, with what in the query.
pub struct Onward {
    pub url: String,
    pub members: Vec<(&'static str, String)>,
}

impl Onward {
    /// Back to the app, with its state.
    fn back(redirect_uri: &str, state: Option<&str>, mut members: Vec<(&'static str, String)>) -> Self {
        members.extend(state.filter(|state| !state.is_empty()).map(|state| ("state", state.to_string())));
        Self { url: redirect_uri.to_string(), members }
    }

    fn refused(redirect_uri: &str, state: Option<&str>, error: &str, description: &str) -> Self {
        let members = vec![("error", error.to_string()), ("error_description", description.to_string())];
        Self::back(redirect_uri, state, members)
    }
}

/// Notes what an app asks for and sends the browser to the page that asks the user. What is wrong is said to the app, unless
/// the app or its address is what is wrong.
pub async fn request(app: &App, mut asked: Asked) -> Result<Onward, Error> {
    for (name, value) in [("client_id", &asked.client_id), ("redirect_uri", &asked.redirect_uri)] {
        if value.is_empty() {
            return Err(Error::Validation(format!("{name} is required").into()));
        }
    }
    let client_id = Uuid::parse_str(&asked.client_id)
        .map_err(|_| OAuthServerError::ClientUnknown("invalid client_id format"))?
        .to_string();
    if asked.scope.is_empty() {
        asked.scope = app.config.auth.oauth_server.default_scope.clone();
    }
    let mistake = asked.mistake(app);
    let authorization = asked.into_authorization(app, client_id);
    let mut batch = vec![oauth_clients::by_id(&authorization.client_id)];
    if mistake.is_none() {
        batch.push(oauth_authorizations::insert(&authorization));
    }
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    let client: Option<OAuthClient> = results.first(0)?;
    let client = client.ok_or(OAuthServerError::ClientUnknown("invalid client_id"))?;
    if !client.settings.redirect_uris.contains(&authorization.redirect_uri) {
        return Err(Error::Validation("invalid redirect_uri".into()));
    }
    if let Some((error, description)) = mistake {
        let state = authorization.state.as_deref();
        return Ok(Onward::refused(&authorization.redirect_uri, state, error, &description));
    }
    let site = app.config.auth.site_url.trim_end_matches('/');
    let path = app.config.auth.oauth_server.authorization_path.trim_start_matches('/');
    let members = vec![("authorization_id", authorization.id)];
    Ok(Onward { url: format!("{site}/{path}"), members })
}

impl Asked {
    /// What is wrong with the request besides the app and its address: error and description.
    fn mistake(&self, app: &App) -> Option<(&'static str, String)> {
        let invalid = |description: &str| Some(("invalid_request", description.to_string()));
        if !self.response_type.is_empty() && self.response_type != "code" {
            return invalid("only response_type=code is supported");
        }
        if scope::each(&self.scope).next().is_none() {
            return invalid("scope parameter cannot be empty");
        }
        if let Some(unknown) = scope::each(&self.scope).find(|scope| !scope::SUPPORTED.contains(scope)) {
            return invalid(&format!("unsupported scope: {unknown}"));
        }
        if scope::has(&self.scope, "openid") && !claims::can_sign(app) {
            let description = "the openid scope needs an asymmetric signing key (JWT_KEYS)";
            return Some(("invalid_scope", description.into()));
        }
        if let Some(description) = mistake_of_resource(&self.resource) {
            return invalid(description);
        }
        if self.code_challenge.is_empty() || self.code_challenge_method.is_empty() {
            return invalid("PKCE flow requires both code_challenge and code_challenge_method");
        }
        if !self.code_challenge_method.eq_ignore_ascii_case("s256") {
            return invalid("code_challenge_method must be 'S256'");
        }
        if !(43..=128).contains(&self.code_challenge.len()) {
            return invalid("code_challenge must be between 43 and 128 characters");
        }
        if app.config.auth.oauth_server.authorization_path.is_empty() {
            return Some(("server_error", "oauth authorization path not configured".into()));
        }
        None
    }

    fn into_authorization(self, app: &App, client_id: String) -> Authorization {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let seconds = i64::try_from(app.config.auth.oauth_server.authorization_seconds).unwrap_or(i64::MAX);
        Authorization {
            id: crypto::hex(&crypto::random_bytes(app.ports.random.as_ref(), ID_LENGTH / 2)),
            client_id,
            user_id: None,
            redirect_uri: self.redirect_uri,
            scope: self.scope,
            state: given(self.state),
            resource: given(self.resource),
            nonce: given(self.nonce),
            code_challenge: self.code_challenge,
            status: "pending".into(),
            code_hash: None,
            session_id: None,
            expires_at: app.now().plus_seconds(seconds).to_postgres(),
        }
    }
}

/// What is wrong with a resource indicator (RFC 8707 §2).
fn mistake_of_resource(resource: &str) -> Option<&'static str> {
    let (scheme, rest) = resource.split_once(':').unwrap_or_default();
    let is_absolute = scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && !rest.is_empty();
    match resource {
        "" => None,
        _ if resource.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Some("resource must be a valid URI")
        }
        _ if !is_absolute => Some("resource must be an absolute URI"),
        _ if resource.contains('#') => Some("resource must not include a fragment component"),
        _ if resource.contains('?') => Some("resource must not include a query component"),
        _ => None,
    }
}

/// What a user is asked, or where to go on if they said yes before.
pub enum Details {
    Question(Value),
    Onward(Onward),
}

/// What an authorization asks of the caller. Whoever looks first is the one to decide.
pub async fn details(app: &App, caller: &Caller, id: &str) -> Result<Details, Error> {
    let (me, results) = account::current_with(app, caller, |user_id| {
        vec![
            oauth_authorizations::by_id(id),
            oauth_clients::of_authorization(id),
            oauth_consents::for_authorization(user_id, id),
        ]
    })
    .await?;
    let authorization = waiting(app, results.first(0)?, "authorization request cannot be processed")?;
    let client: OAuthClient = results.first(1)?.ok_or(OAuthServerError::AuthorizationNotFound)?;
    match authorization.user_id.as_deref() {
        Some(user_id) if user_id == me.user.id => {}
        Some(_) => return Err(OAuthServerError::AuthorizationNotFound.into()),
        None => {
            let granted: Option<Scopes> = results.first(2)?;
            if granted.is_some_and(|granted| scope::covers(&granted.scopes, &authorization.scope)) {
                return approve(app, &authorization, &me.user.id, false).await.map(Details::Onward);
            }
            let statement = oauth_authorizations::claim(id, &me.user.id);
            if !store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
                return Err(OAuthServerError::AuthorizationNotFound.into());
            }
        }
    }
    Ok(Details::Question(json!({
        "authorization_id": authorization.id,
        "redirect_uri": authorization.redirect_uri,
        "client": client::ClientSettings::card(&client.settings, &client.id),
        "user": {"id": me.user.id, "email": me.user.email.as_deref().unwrap_or_default()},
        "scope": authorization.scope,
    })))
}

/// What the caller decides.
pub async fn decide(app: &App, caller: &Caller, id: &str, approves: bool) -> Result<Onward, Error> {
    let (me, results) = account::current_with(app, caller, |_| vec![oauth_authorizations::by_id(id)]).await?;
    let authorization = waiting(app, results.first(0)?, "authorization request is no longer pending")?;
    if authorization.user_id.as_deref() != Some(me.user.id.as_str()) {
        return Err(OAuthServerError::AuthorizationNotFound.into());
    }
    if approves {
        return approve(app, &authorization, &me.user.id, true).await;
    }
    let statement = oauth_authorizations::deny(id, &me.user.id);
    if !store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
        return Err(Error::Conflict);
    }
    let (uri, state) = (&authorization.redirect_uri, authorization.state.as_deref());
    Ok(Onward::refused(uri, state, "access_denied", "User denied the request"))
}

fn waiting(app: &App, found: Option<Authorization>, otherwise: &'static str) -> Result<Authorization, Error> {
    let found = found.filter(|found| !is_expired(app, found));
    let found = found.ok_or(OAuthServerError::AuthorizationNotFound)?;
    if found.status != "pending" {
        return Err(Error::Validation(otherwise.into()));
    }
    Ok(found)
}

/// Whether its time is over.
pub fn is_expired(app: &App, authorization: &Authorization) -> bool {
    Timestamp::parse(&authorization.expires_at).is_none_or(|expires_at| app.now() >= expires_at)
}

async fn approve(
    app: &App,
    authorization: &Authorization,
    user_id: &str,
    notes_consent: bool,
) -> Result<Onward, Error> {
    let secret = crypto::base64url(&crypto::random_bytes(app.ports.random.as_ref(), 32));
    let code = format!("{}{secret}", authorization.id);
    let (id, code_hash, now) = (&authorization.id, hash(&code), app.now());
    let mut batch =
        vec![oauth_authorizations::approve(id, user_id, &code_hash, now.plus_seconds(CODE_SECONDS))];
    if notes_consent {
        batch.push(oauth_consents::put(id, &code_hash, now));
    }
    if !store::run(app.ports.database.as_ref(), batch).await?.happened(0)? {
        return Err(Error::Conflict);
    }
    let (uri, state) = (&authorization.redirect_uri, authorization.state.as_deref());
    Ok(Onward::back(uri, state, vec![("code", code)]))
}

/// What is kept of a code.
pub fn hash(code: &str) -> String {
    crypto::base64url(&crypto::sha256(code.as_bytes()))
}

/// The authorization that a code says it is of.
pub fn id_of(code: &str) -> &str {
    code.get(..ID_LENGTH).unwrap_or_default()
}
