//! Other people's accounts that one may sign in with.
//!
//! Most providers are a row of [`table`]; what a row cannot say is in [`quirk`]; those that an
//! administrator added are [`custom`].

pub mod account;
pub mod custom;
pub mod error;
pub mod id_token;
pub mod request;

mod oauth1;
mod profile;
mod quirk;
mod table;

use self::account::ExternalAccount;
use self::custom::CustomProvider;
use self::error::ProviderError;
use self::request::Tokens;
use self::table::{Authentication, ROWS, Row, Source};
use super::store::{self, custom_providers};
use crate::app::App;
use crate::config::ExternalProvider;
use crate::crypto;

/// A provider, ready to sign in with.
pub struct Provider {
    /// As clients name it.
    pub name: String,
    /// Who we are to it.
    pub client_id: String,
    /// How we prove that.
    pub secret: String,
    /// Our callback as it knows it.
    pub redirect_uri: String,
    /// Where the browser goes.
    pub authorize_url: String,
    /// Where codes become tokens.
    pub token_url: String,
    /// What profiles are asked below.
    pub api_url: String,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Whether it is to see proof that code and sign-in belong together (RFC 7636).
    pub asks_pkce: bool,
    /// Whether an account without an address is one.
    pub email_optional: bool,
    authentication: Authentication,
    parameters: Vec<(String, String)>,
    kind: Kind,
}

enum Kind {
    BuiltIn(Source),
    Custom(Box<CustomProvider>),
}

/// The provider of that name, any case, with what the app asks for beyond the row's scopes.
pub async fn find(app: &App, name: &str, issuer: &str, scopes: &str) -> Result<Provider, ProviderError> {
    let name = name.to_lowercase();
    if name.starts_with("custom:") {
        return custom(app, &name, issuer, scopes).await;
    }
    let config = app.config.auth.external.provider(&name);
    let row = ROWS.iter().find(|row| row.name == name);
    let (Some(config), Some(row)) = (config, row) else {
        return Err(ProviderError::Unsupported(format!("Provider {name} could not be found")));
    };
    if let Some(mistake) = config.mistake() {
        return Err(ProviderError::Unsupported(mistake.into()));
    }
    built_in(config, row, issuer, scopes)
}

fn built_in(
    config: &ExternalProvider,
    row: &Row,
    issuer: &str,
    scopes: &str,
) -> Result<Provider, ProviderError> {
    if row.authorize.0.is_empty() && config.url.is_none() {
        let mistake = "unable to find URL for the Keycloak provider";
        return Err(ProviderError::Unsupported(mistake.into()));
    }
    let base = |host: &str| config.url.clone().unwrap_or_else(|| format!("https://{host}"));
    let below = |(host, path): (&str, &str)| format!("{}{path}", base(host));
    // A GitHub of one's own has its API below its pages.
    let api_path = if row.name == "github" && config.url.is_some() { "/api/v3" } else { row.api.1 };
    let asked = scopes.split(',').filter(|scope| row.takes_scopes && !scope.is_empty());
    Ok(Provider {
        name: row.name.to_string(),
        client_id: config.client_ids.first().cloned().unwrap_or_default(),
        secret: config.secret.clone(),
        redirect_uri: config.redirect_uri.clone().unwrap_or_else(|| format!("{issuer}/callback")),
        authorize_url: below(row.authorize),
        token_url: below(row.token),
        api_url: below((row.api.0, api_path)),
        scopes: row.scopes.iter().copied().chain(asked).map(str::to_string).collect(),
        asks_pkce: row.name == "x",
        email_optional: config.email_optional,
        authentication: row.authentication,
        parameters: quirk::parameters(row.name),
        kind: Kind::BuiltIn(row.source),
    })
}

async fn custom(app: &App, name: &str, issuer: &str, scopes: &str) -> Result<Provider, ProviderError> {
    let refuse = |why: String| Err(ProviderError::Unsupported(why));
    if !app.config.auth.external.custom_enabled {
        return refuse("custom OAuth providers are disabled".into());
    }
    let results = store::run(app.ports.database.as_ref(), vec![custom_providers::by_identifier(name)]).await;
    let found = results.and_then(|results| results.first::<custom_providers::Stored>(0));
    let stored = found.map_err(|error| ProviderError::Broken(format!("database: {error:?}")))?;
    let Some(stored) = stored else { return refuse(format!("custom provider {name} not found")) };
    let settings = stored.settings;
    if !settings.enabled {
        return refuse(format!("custom provider {name} is disabled"));
    }
    let endpoints = settings.endpoints(app).await.map_err(ProviderError::Unsupported)?;
    let asked: Vec<String> = scopes.split_whitespace().map(str::to_string).collect();
    Ok(Provider {
        name: name.to_string(),
        client_id: settings.client_id.clone(),
        secret: stored.client_secret,
        redirect_uri: format!("{issuer}/callback"),
        authorize_url: endpoints.authorize,
        token_url: endpoints.token,
        api_url: endpoints.userinfo,
        scopes: settings.scopes(asked),
        asks_pkce: settings.pkce_enabled,
        email_optional: settings.email_optional,
        authentication: Authentication::Either,
        parameters: settings.parameters(),
        kind: Kind::Custom(Box::new(settings)),
    })
}

impl Provider {
    /// Where the browser goes to sign in there. What the app adds to the address cannot take the place of
    /// what we say.
    pub async fn authorize_url(
        &self,
        app: &App,
        state: &str,
        verifier: Option<&str>,
        added: Vec<(String, String)>,
    ) -> Result<String, String> {
        if let Kind::BuiltIn(Source::Twitter) = self.kind {
            return oauth1::authorize_url(app, self, state).await;
        }
        let mut members = self.parameters.clone();
        // Apple refuses what it does not know.
        members.extend(added.into_iter().filter(|_| self.name != "apple"));
        let mut say = |name: &str, value: &str| {
            members.retain(|(known, _)| known != name);
            members.push((name.to_string(), value.to_string()));
        };
        say("client_id", &self.client_id);
        say("redirect_uri", &self.redirect_uri);
        say("response_type", "code");
        say("state", state);
        if !self.scopes.is_empty() {
            say("scope", &self.scopes.join(" "));
        }
        if let Some(verifier) = verifier {
            say("code_challenge", &crypto::base64url(&crypto::sha256(verifier.as_bytes())));
            say("code_challenge_method", "S256");
        }
        members.sort();
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(&members).finish();
        let joint = if self.authorize_url.contains('?') { '&' } else { '?' };
        // Apple reads a plus as a plus.
        Ok(format!("{}{joint}{}", self.authorize_url, query.replace('+', "%20")))
    }

    /// Whether it speaks OAuth 1.0a: a token and a verifier come back instead of a code.
    pub fn is_oauth1(&self) -> bool {
        matches!(self.kind, Kind::BuiltIn(Source::Twitter))
    }

    /// Exchanges what OAuth 1.0a gives for an access token and the account.
    pub async fn account_of_oauth1(
        &self,
        app: &App,
        token: &str,
        verifier: &str,
    ) -> Result<(String, ExternalAccount), String> {
        oauth1::account_of(app, self, token, verifier).await
    }

    /// The account that tokens are for.
    pub async fn account(&self, app: &App, tokens: &Tokens) -> Result<ExternalAccount, String> {
        match &self.kind {
            Kind::BuiltIn(Source::Api(profile)) => {
                profile::read(app, self, profile, &tokens.access_token).await
            }
            Kind::BuiltIn(Source::Token(member, profile)) => {
                let answer = tokens.response.get(*member).ok_or("the provider gave no profile")?;
                profile::account(self, profile, answer, &serde_json::Value::Null)
            }
            Kind::BuiltIn(Source::IdToken(issuer)) => self.account_of_id_token(app, issuer, tokens).await,
            Kind::BuiltIn(Source::Twitter) => Err("OAuth 1.0a has no codes".into()),
            Kind::Custom(settings) => settings.account(app, self, tokens).await,
        }
    }

    async fn account_of_id_token(
        &self,
        app: &App,
        issuer: &str,
        tokens: &Tokens,
    ) -> Result<ExternalAccount, String> {
        let Some(id_token) = &tokens.id_token else {
            return match self.name.as_str() {
                "google" => profile::read(app, self, &table::GOOGLE, &tokens.access_token).await,
                name => Err(format!("{name} gave no id token")),
            };
        };
        let claimed = id_token::claimed_issuer(id_token).unwrap_or_default();
        let issuer = match self.name.as_str() {
            "azure" => self.azure_issuer(&claimed)?,
            "apple" if id_token::APPLE.contains(&claimed.as_str()) => claimed,
            _ => issuer.to_string(),
        };
        let token = id_token::verify(app, id_token, &issuer, &discovery_url(&issuer)).await?;
        if !token.is_for(std::slice::from_ref(&self.client_id)) {
            return Err(format!("the id token is for {:?}", token.audience()));
        }
        if !token.matches(&tokens.access_token) {
            return Err("the id token is not of the access token".into());
        }
        token.account()
    }

    /// Whose tokens count: Microsoft's, and with a tenant of one's own that tenant's alone.
    fn azure_issuer(&self, claimed: &str) -> Result<String, String> {
        let tenant = self.authorize_url.trim_end_matches("/oauth2/v2.0/authorize");
        let expected = format!("{tenant}/v2.0");
        let shared = ["common", "organizations", "consumers"];
        let is_shared = shared.iter().any(|name| tenant.ends_with(&format!("/{name}")));
        let fits = if is_shared { id_token::is_azure(claimed) } else { claimed == expected };
        if fits && (id_token::is_azure(claimed) || id_token::is_azure_ciam(claimed)) {
            return Ok(claimed.to_string());
        }
        Err(format!("azure: ID token issuer {claimed:?} is not the one expected"))
    }
}

/// Where an issuer describes itself (OpenID Connect Discovery 1.0 §4).
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The account with the name that came with the browser, which only Apple sends.
pub fn with_posted_user(
    provider: &Provider,
    account: ExternalAccount,
    user: &str,
) -> Result<ExternalAccount, String> {
    if provider.name == "apple" && !user.is_empty() {
        return quirk::with_apple_name(account, user);
    }
    Ok(account)
}
