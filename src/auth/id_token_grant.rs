//! Signing in with an id token that an app got from a provider by itself, as apps on phones do.

use super::account;
use super::error::Error;
use super::external_sign_in::{self, Arrival, Give, Given};
use super::identity;
use super::mailing::ReturnPath;
use super::provider::custom::{CustomProvider, Type};
use super::provider::discovery_url;
use super::provider::error::ProviderError;
use super::provider::id_token::{
    self, APPLE, FACEBOOK, GOOGLE, KAKAO, SNAPCHAT, Unbelieved, VERCEL_MARKETPLACE,
};
use super::session::{Client, SignedIn};
use super::store::{self, custom_providers};
use crate::app::App;
use crate::caller::Caller;
use crate::config::ExternalConfig;
use crate::crypto;

/// What an app sends.
pub struct Presented<'a> {
    pub id_token: &'a str,
    pub access_token: &'a str,
    pub nonce: &'a str,
    pub provider: &'a str,
    pub client_id: &'a str,
    pub issuer: &'a str,
}

/// Signs in, or gives the caller the identity.
pub async fn sign_in(
    app: &App,
    presented: &Presented<'_>,
    linking: Option<&Caller>,
    client: &Client,
    path: &ReturnPath,
) -> Result<SignedIn, Error> {
    if presented.id_token.is_empty() {
        return refuse("id_token required");
    }
    if presented.provider.is_empty() && (presented.client_id.is_empty() || presented.issuer.is_empty()) {
        return refuse("provider or client_id and issuer required");
    }
    let user_id = match linking {
        Some(caller) => Some(account::current_assured(app, caller).await?.user.id),
        None => None,
    };
    let trusted = Trusted::find(app, presented).await?;
    let token = id_token::verify(app, presented.id_token, &trusted.issuer, &trusted.discovery_url).await;
    let token = token.map_err(|unbelieved| match unbelieved {
        Unbelieved::Bad(cause) => bad_token(app, &cause),
        Unbelieved::Unasked(error) => Error::from(error),
    })?;
    if !presented.access_token.is_empty() && !token.matches(presented.access_token) {
        return Err(bad_token(app, "at_hash is of another access token"));
    }
    if token.subject().is_empty() {
        return refuse("Missing sub claim in id_token");
    }
    if !token.is_for(&trusted.client_ids) {
        return refuse(format!("Unacceptable audience in id_token: [{}]", token.audience().join(" ")));
    }
    if !trusted.skips_nonce {
        check_nonce(token.nonce(), presented.nonce)?;
    }
    let account = token.account().map_err(|cause| bad_token(app, &cause))?.settled();
    let arrival = Arrival {
        provider: &trusted.name,
        account: &account,
        email_optional: trusted.email_optional,
        give: &Give::Session,
        path,
    };
    let given = match user_id {
        Some(user_id) => identity::link(app, &user_id, &arrival, client).await?,
        None => external_sign_in::sign_in(app, &arrival, client).await?,
    };
    match given {
        Given::In(signed_in) => Ok(*signed_in),
        Given::Code(_) => Err(Error::Unexpected("a code where a session was asked for".into())),
    }
}

fn refuse<T>(description: impl Into<String>) -> Result<T, Error> {
    Err(ProviderError::IdToken("invalid request", description.into()).into())
}

/// What is wrong with the token is for the log: it would tell a forger what to do better.
fn bad_token(app: &App, cause: &str) -> Error {
    let line = serde_json::json!({
        "at": app.now().to_milliseconds(),
        "level": "info",
        "message": "an id token was refused",
        "cause": cause,
    });
    app.ports.log.line(&line.to_string());
    ProviderError::IdToken("invalid request", "Bad ID token".into()).into()
}

/// The token has the hash of what the app has: a token that was stolen on its way is worth nothing.
fn check_nonce(in_token: &str, presented: &str) -> Result<(), Error> {
    if in_token.is_empty() != presented.is_empty() {
        return refuse("Passed nonce and nonce in id_token should either both exist or not.");
    }
    let hash = crypto::hex(&crypto::sha256(presented.as_bytes()));
    if !in_token.is_empty() && !crypto::equal_secrets(hash.as_bytes(), in_token.as_bytes()) {
        return Err(ProviderError::IdToken("invalid nonce", "Nonces mismatch".into()).into());
    }
    Ok(())
}

/// Whose token it may be.
struct Trusted {
    /// The provider, as identities name it.
    name: String,
    issuer: String,
    discovery_url: String,
    client_ids: Vec<String>,
    skips_nonce: bool,
    email_optional: bool,
}

/// Providers whose issuer does not depend on the token.
#[rustfmt::skip]
const FIXED: &[(&str, &str)] = &[
    ("google",             GOOGLE),
    ("facebook",           FACEBOOK),
    ("kakao",              KAKAO),
    ("vercel_marketplace", VERCEL_MARKETPLACE),
    ("snapchat",           SNAPCHAT),
];

impl Trusted {
    async fn find(app: &App, presented: &Presented<'_>) -> Result<Self, Error> {
        let config = &app.config.auth.external;
        let (name, issuer) = (presented.provider, presented.issuer);
        if name == "apple" || APPLE.contains(&issuer) {
            return Self::of_claimed(config, "apple", "Apple", presented, |claimed| APPLE.contains(&claimed));
        }
        if name == "azure" || id_token::is_azure(issuer) {
            return Self::of_claimed(config, "azure", "Azure", presented, |claimed| {
                claimed.starts_with("https://login.microsoftonline.com/")
                    || claimed.starts_with("https://sts.windows.net/")
            });
        }
        if let Some((name, issuer)) = FIXED.iter().find(|row| row.0 == name || row.1 == issuer) {
            return Self::of(config, name, issuer);
        }
        let keycloak =
            config.provider("keycloak").and_then(|keycloak| keycloak.url.as_deref()).unwrap_or_default();
        if name == "keycloak" || (!keycloak.is_empty() && issuer == keycloak && config.is_enabled("keycloak"))
        {
            return Self::of(config, "keycloak", keycloak);
        }
        if name.starts_with("custom:") {
            return Self::custom(app, name).await;
        }
        if !issuer.is_empty() && config.allowed_issuers.iter().any(|allowed| allowed == issuer) {
            return Ok(Self {
                name: issuer.to_string(),
                issuer: issuer.to_string(),
                discovery_url: discovery_url(issuer),
                client_ids: vec![presented.client_id.to_string()],
                skips_nonce: false,
                email_optional: false,
            });
        }
        Err(Error::Validation(format!("Custom OIDC provider {name:?} not allowed").into()))
    }

    /// Of a provider with several issuers: the one that the token names.
    fn of_claimed(
        config: &ExternalConfig,
        name: &'static str,
        called: &str,
        presented: &Presented<'_>,
        is_theirs: impl Fn(&str) -> bool,
    ) -> Result<Self, Error> {
        let invalid = |message: String| Err(Error::Validation(message.into()));
        let Some(claimed) = id_token::claimed_issuer(presented.id_token) else {
            return invalid(format!("Unable to detect issuer in ID token for {called} provider"));
        };
        if !is_theirs(&claimed) {
            return invalid(format!("Detected ID token issuer is not an {called} ID token issuer"));
        }
        if !presented.issuer.is_empty() && presented.issuer != claimed {
            return invalid("Provided issuer does not match ID token issuer".into());
        }
        Self::of(config, name, &claimed)
    }

    fn of(config: &ExternalConfig, name: &'static str, issuer: &str) -> Result<Self, Error> {
        let disabled = || Error::from(ProviderError::Disabled(issuer.to_string()));
        let provider = config.provider(name).filter(|provider| provider.enabled).ok_or_else(disabled)?;
        let mut client_ids = provider.client_ids.clone();
        if name == "apple" && !config.ios_bundle_id.is_empty() {
            client_ids.push(config.ios_bundle_id.clone());
        }
        Ok(Self {
            name: name.to_string(),
            issuer: issuer.to_string(),
            discovery_url: discovery_url(issuer),
            client_ids,
            // Facebook's limited login has no nonce of ours in it.
            skips_nonce: provider.skip_nonce_check || name == "facebook",
            email_optional: provider.email_optional,
        })
    }

    async fn custom(app: &App, name: &str) -> Result<Self, Error> {
        let invalid = |message: String| Err(Error::Validation(message.into()));
        if !app.config.auth.external.custom_enabled {
            return invalid("Custom OAuth providers are disabled".into());
        }
        let statement = custom_providers::by_identifier(name);
        let stored = store::run(app.ports.database.as_ref(), vec![statement]).await?;
        let Some(stored) = stored.first::<custom_providers::Stored>(0)? else {
            return invalid(format!("Custom provider {name:?} not found"));
        };
        let settings: CustomProvider = stored.settings;
        if !settings.enabled {
            return Err(ProviderError::CustomDisabled(name.to_string()).into());
        }
        if settings.provider_type != Type::Oidc {
            return invalid(format!("Provider {name:?} is not an OIDC provider"));
        }
        Ok(Self {
            name: name.to_string(),
            discovery_url: settings.discovery(),
            client_ids: settings.client_ids(),
            skips_nonce: settings.skip_nonce_check,
            email_optional: settings.email_optional,
            issuer: settings.issuer.unwrap_or_default(),
        })
    }
}
