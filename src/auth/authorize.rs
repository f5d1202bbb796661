//! Sending a browser to a provider, and taking it back.
//!
//! The state that goes along is used once, before the provider is asked for anything: of many callbacks at
//! once one goes on. If that one then stops, nothing has happened but that the sign-in begins anew.

use uuid::Uuid;

use super::account;
use super::error::Error;
use super::external_sign_in::{self, Arrival, Give, Given};
use super::identity;
use super::invitation;
use super::mailing::ReturnPath;
use super::pkce::Challenge;
use super::provider::account::ExternalAccount;
use super::provider::error::ProviderError;
use super::provider::{self, Provider, request};
use super::session::Client;
use super::store::oauth_states::OAuthState;
use super::store::{self, oauth_states};
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;
use crate::time::Timestamp;

/// Where an app wants a browser to go.
pub struct Departure<'a> {
    pub provider: &'a str,
    pub scopes: &'a str,
    /// Where it comes out in the end; already allowed.
    pub redirect_to: String,
    /// Of the browser, if it wants a code rather than tokens.
    pub challenge: Option<Challenge>,
    /// The token of an invitation that is accepted so.
    pub invite_token: Option<String>,
    /// What the app adds to the provider's address.
    pub added: Vec<(String, String)>,
}

/// Parameters of the provider's address that are ours to set.
const RESERVED: &[&str] = &[
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "scopes",
    "provider",
    "invite_token",
    "apikey",
];

/// The address to send the browser to. With a caller, the identity becomes that user's.
pub async fn depart(
    app: &App,
    departure: Departure<'_>,
    linking: Option<&Caller>,
    client: &Client,
) -> Result<String, Error> {
    let provider = provider::find(app, departure.provider, &client.issuer, departure.scopes).await?;
    let invited = match departure.invite_token.as_deref() {
        Some(token) => Some(invitation::find(app, token).await?),
        None => None,
    };
    let linking_user_id = match linking {
        Some(caller) => Some(account::current_assured(app, caller).await?.user.id),
        None => invited.as_ref().map(|invited| invited.user_id.clone()),
    };
    let random = app.ports.random.as_ref();
    let state = crypto::random_uuid(random).to_string();
    let verifier = provider.asks_pkce.then(|| crypto::base64url(&crypto::random_bytes(random, 32)));
    let seconds = i64::try_from(app.config.auth.flow_state_seconds).unwrap_or(i64::MAX);
    let row = OAuthState {
        provider: provider.name.clone(),
        redirect_to: departure.redirect_to,
        code_challenge: departure.challenge.as_ref().map(|challenge| challenge.text.clone()),
        code_challenge_method: departure.challenge.as_ref().map(|challenge| challenge.method.to_string()),
        code_verifier: verifier.clone(),
        invitation: invited.filter(|_| linking.is_none()).map(|invited| invited.token_hash),
        linking_user_id,
        used_at: None,
        expires_at: app.now().plus_seconds(seconds).to_postgres(),
    };
    let added =
        departure.added.into_iter().filter(|(name, _)| !RESERVED.contains(&name.to_lowercase().as_str()));
    let added = added.map(|(name, value)| match name.as_str() {
        "workos_provider" => ("provider".to_string(), value),
        _ => (name, value),
    });
    let url = provider.authorize_url(app, &state, verifier.as_deref(), added.collect()).await;
    let url = url.map_err(ProviderError::Broken)?;
    store::run(app.ports.database.as_ref(), vec![oauth_states::insert(&state_id(&state), &row)]).await?;
    Ok(url)
}

/// The id under which a state is kept: a copy of the table continues nobody's sign-in.
fn state_id(state: &str) -> String {
    crypto::hex(&crypto::sha256(state.as_bytes()))
}

/// What a browser brought back.
#[derive(Default)]
pub struct Returned {
    pub state: String,
    pub code: String,
    pub error: String,
    pub error_description: String,
    /// Apple's, the first time.
    pub user: String,
    /// OAuth 1.0a's.
    pub oauth_token: String,
    /// OAuth 1.0a's.
    pub oauth_verifier: String,
}

/// The sign-in that a state belongs to, not used yet.
pub async fn sign_in_of(app: &App, state: &str) -> Result<OAuthState, Error> {
    if state.is_empty() {
        return Err(ProviderError::StateMissing.into());
    }
    let id = Uuid::parse_str(state).map_err(|_| ProviderError::StateInvalid)?.to_string();
    let statement = oauth_states::by_id(&state_id(&id));
    let found: Option<OAuthState> =
        store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    let found = found.ok_or(ProviderError::StateNotFound)?;
    if Timestamp::parse(&found.expires_at).is_none_or(|expires_at| app.now() >= expires_at) {
        return Err(ProviderError::StateExpired.into());
    }
    if found.used_at.is_some() {
        return Err(used(&found).into());
    }
    Ok(found)
}

/// Upstream keeps the state of a code, and forgets that of tokens.
fn used(state: &OAuthState) -> ProviderError {
    if state.code_challenge.is_some() { ProviderError::StateUsed } else { ProviderError::StateNotFound }
}

/// What a sign-in with a provider came to.
pub struct Arrived {
    pub given: Given,
    /// The provider's own tokens, the second of which may be empty.
    pub provider_tokens: (String, String),
}

/// Goes on with a sign-in: asks the provider who it is, and signs them in or links them.
pub async fn arrive(
    app: &App,
    state: &OAuthState,
    returned: &Returned,
    client: &Client,
) -> Result<Arrived, Error> {
    if !returned.error.is_empty() {
        return Err(ProviderError::Refused(returned.error.clone(), returned.error_description.clone()).into());
    }
    let provider =
        provider::find(app, &state.provider, &client.issuer, "").await.map_err(|error| match error {
            ProviderError::Unsupported(why) => ProviderError::NoLongerSupported(why),
            other => other,
        })?;
    if returned.code.is_empty() && !provider.is_oauth1() {
        return Err(ProviderError::CodeMissing.into());
    }
    let id = Uuid::parse_str(&returned.state).map_err(|_| ProviderError::StateInvalid)?.to_string();
    let claim = oauth_states::claim(&state_id(&id), app.now());
    if !store::run(app.ports.database.as_ref(), vec![claim]).await?.happened(0)? {
        return Err(used(state).into());
    }
    let (account, provider_tokens) = ask(app, &provider, state, returned).await?;
    let account = account.settled();
    if account.emails.is_empty() && !provider.email_optional {
        return Err(ProviderError::NoEmail.into());
    }
    let give = match state.challenge() {
        Some(challenge) => Give::Code(challenge, provider_tokens.clone()),
        None => Give::Session,
    };
    let path = ReturnPath {
        issuer: client.issuer.clone(),
        redirect_to: state.redirect_to.clone(),
        ip: client.ip.clone(),
        languages: client.languages.clone(),
        challenge: None,
    };
    let arrival = Arrival {
        provider: &provider.name,
        account: &account,
        email_optional: provider.email_optional,
        give: &give,
        path: &path,
    };
    let given = match (&state.linking_user_id, &state.invitation) {
        (Some(user_id), Some(hash)) => invitation::accept(app, user_id, hash, &arrival, client).await?,
        (Some(user_id), None) => identity::link(app, user_id, &arrival, client).await?,
        (None, _) => external_sign_in::sign_in(app, &arrival, client).await?,
    };
    Ok(Arrived { given, provider_tokens })
}

/// Asks the provider for its tokens and the account they are for.
async fn ask(
    app: &App,
    provider: &Provider,
    state: &OAuthState,
    returned: &Returned,
) -> Result<(ExternalAccount, (String, String)), Error> {
    if provider.is_oauth1() {
        let answer = provider.account_of_oauth1(app, &returned.oauth_token, &returned.oauth_verifier).await;
        let (token, account) = answer.map_err(ProviderError::Profile)?;
        return Ok((account, (token, String::new())));
    }
    let tokens = request::exchange(app, provider, &returned.code, state.code_verifier.as_deref()).await;
    let tokens = tokens.map_err(|cause| {
        ProviderError::Exchange(
            returned.code.chars().take(4).collect(),
            format!("{}: {cause}", provider.name),
        )
    })?;
    let account = provider.account(app, &tokens).await;
    let account = account.and_then(|account| provider::with_posted_user(provider, account, &returned.user));
    let account = account.map_err(|cause| ProviderError::Profile(format!("{}: {cause}", provider.name)))?;
    if account.subject().is_empty() {
        return Err(ProviderError::Profile(format!("{} gave no id of the person", provider.name)).into());
    }
    Ok((account, (tokens.access_token, tokens.refresh_token)))
}
