//! Adding, changing and removing an administrator's own providers.
//!
//! What is wrong with one is said when it is saved, not when someone signs in: an OpenID provider has to
//! answer with its discovery document then.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Error;
use super::provider::custom::{CustomProvider, Type, with_openid};
use super::provider::error::ProviderError;
use super::store::custom_providers::Stored;
use super::store::{self, custom_providers};
use crate::app::App;
use crate::crypto;
use crate::ports::DbError;

/// What an administrator sends; an absent member is not set, or stays.
#[derive(Deserialize)]
pub struct Settings {
    provider_type: Option<String>,
    identifier: Option<String>,
    name: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    acceptable_client_ids: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    pkce_enabled: Option<bool>,
    attribute_mapping: Option<Map<String, Value>>,
    custom_claims_allowlist: Option<Vec<String>>,
    authorization_params: Option<Map<String, Value>>,
    enabled: Option<bool>,
    email_optional: Option<bool>,
    issuer: Option<String>,
    discovery_url: Option<String>,
    skip_nonce_check: Option<bool>,
    authorization_url: Option<String>,
    token_url: Option<String>,
    userinfo_url: Option<String>,
    jwks_uri: Option<String>,
}

/// Parameters of an authorization address that are the server's.
const RESERVED_PARAMETERS: &[&str] = &[
    "client_id",
    "client_secret",
    "redirect_uri",
    "response_type",
    "state",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "nonce",
];

/// Members of a user that no provider may decide.
const PROTECTED_TARGETS: &[&str] = &[
    "id",
    "aud",
    "role",
    "app_metadata",
    "created_at",
    "updated_at",
    "confirmed_at",
    "email_confirmed_at",
    "phone_confirmed_at",
    "email_verified",
    "phone_verified",
    "banned_until",
    "is_super_admin",
];

/// `oauth2` or `oidc`.
pub fn type_named(name: &str) -> Option<Type> {
    [("oauth2", Type::OAuth2), ("oidc", Type::Oidc)].into_iter().find(|row| row.0 == name).map(|row| row.1)
}

/// Refuses an identifier that could be a built-in provider's.
pub fn check_prefix(identifier: &str) -> Result<(), Error> {
    if identifier.starts_with("custom:") {
        return Ok(());
    }
    invalid(format!("identifier must start with 'custom:' prefix, e.g. 'custom:{identifier}'"))
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Error> {
    Err(Error::Validation(message.into().into()))
}

/// All providers of a type, or all.
pub async fn list(app: &App, type_name: Option<&str>) -> Result<Vec<Stored>, Error> {
    let statement = custom_providers::list(type_name);
    Ok(store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?)
}

/// One provider.
pub async fn by_identifier(app: &App, identifier: &str) -> Result<Stored, Error> {
    let statement = custom_providers::by_identifier(identifier);
    let found = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    found.ok_or_else(|| ProviderError::CustomNotFound.into())
}

/// Adds a provider.
pub async fn create(app: &App, settings: Settings) -> Result<Stored, Error> {
    let provider_type = type_named(settings.provider_type.as_deref().unwrap_or_default());
    let Some(provider_type) = provider_type else {
        return invalid("provider_type must be either 'oauth2' or 'oidc'");
    };
    settings.check_required(provider_type)?;
    settings.check_members()?;
    settings.check_urls(app, provider_type)?;
    let identifier = settings.identifier.clone().unwrap_or_default();
    let taken =
        store::run(app.ports.database.as_ref(), vec![custom_providers::by_identifier(&identifier)]).await?;
    if taken.first::<Stored>(0)?.is_some() {
        return Err(ProviderError::CustomExists.into());
    }
    let secret = settings.client_secret.clone().unwrap_or_default();
    let mut provider = settings.apply(blank(app, provider_type, identifier));
    if provider_type == Type::Oidc {
        provider.discovery_document = Some(discover(app, &provider).await?);
    }
    let most = app.config.auth.external.most_custom;
    let batch = vec![
        custom_providers::insert(&provider, &secret, most, app.now()),
        custom_providers::by_identifier(&provider.identifier),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(|error| match error {
        DbError::Unique { .. } => ProviderError::CustomExists.into(),
        other => Error::from(other),
    })?;
    if !results.happened(0)? {
        return Err(ProviderError::CustomQuota.into());
    }
    results.first(1)?.ok_or(Error::Conflict)
}

/// Changes what is given of a provider.
pub async fn update(app: &App, identifier: &str, settings: Settings) -> Result<Stored, Error> {
    settings.check_members()?;
    let before = by_identifier(app, identifier).await?;
    settings.check_urls(app, before.settings.provider_type)?;
    let moved =
        settings.issuer.as_ref().is_some_and(|issuer| !issuer.is_empty()) || settings.discovery_url.is_some();
    let secret = settings.client_secret.clone().filter(|secret| !secret.is_empty());
    let mut after = settings.apply(before.settings.clone());
    if after.provider_type == Type::Oidc && moved {
        after.discovery_document = Some(discover(app, &after).await?);
    }
    let batch = vec![
        custom_providers::update(&before, &after, secret.as_deref(), app.now()),
        custom_providers::by_identifier(identifier),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(0)? {
        return Err(Error::Conflict);
    }
    results.first(1)?.ok_or(Error::Conflict)
}

/// Removes a provider. Identities of it stay, and open nothing any more.
pub async fn delete(app: &App, identifier: &str) -> Result<(), Error> {
    let statement = custom_providers::delete(identifier);
    if store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
        return Ok(());
    }
    Err(ProviderError::CustomNotFound.into())
}

fn blank(app: &App, provider_type: Type, identifier: String) -> CustomProvider {
    CustomProvider {
        id: crypto::random_uuid(app.ports.random.as_ref()).to_string(),
        provider_type,
        identifier,
        name: String::new(),
        client_id: String::new(),
        acceptable_client_ids: Vec::new(),
        scopes: Vec::new(),
        pkce_enabled: true,
        attribute_mapping: Map::new(),
        custom_claims_allowlist: Vec::new(),
        authorization_params: BTreeMap::new(),
        enabled: true,
        email_optional: false,
        issuer: None,
        discovery_url: None,
        skip_nonce_check: false,
        discovery_document: None,
        authorization_url: None,
        token_url: None,
        userinfo_url: None,
        jwks_uri: None,
    }
}

impl Settings {
    fn check_required(&self, provider_type: Type) -> Result<(), Error> {
        let is_missing = |member: &Option<String>| member.as_deref().unwrap_or_default().is_empty();
        if is_missing(&self.identifier) {
            return invalid("identifier is required");
        }
        check_prefix(self.identifier.as_deref().unwrap_or_default())?;
        let always =
            [("name", &self.name), ("client_id", &self.client_id), ("client_secret", &self.client_secret)];
        if let Some((name, _)) = always.into_iter().find(|(_, member)| is_missing(member)) {
            return invalid(format!("{name} is required"));
        }
        if provider_type == Type::Oidc {
            return if is_missing(&self.issuer) {
                invalid("issuer is required for OIDC providers")
            } else {
                Ok(())
            };
        }
        let urls = [
            ("authorization_url", &self.authorization_url),
            ("token_url", &self.token_url),
            ("userinfo_url", &self.userinfo_url),
        ];
        match urls.into_iter().find(|(_, member)| is_missing(member)) {
            Some((name, _)) => invalid(format!("{name} is required for OAuth2 providers")),
            None => Ok(()),
        }
    }

    fn check_members(&self) -> Result<(), Error> {
        for (name, value) in self.authorization_params.iter().flatten() {
            if RESERVED_PARAMETERS.contains(&name.as_str()) {
                return invalid(format!("Cannot override reserved OAuth parameter: {name}"));
            }
            if !value.is_string() {
                return invalid(format!("Authorization parameter {name:?} must be a string"));
            }
        }
        let mut targets = self.attribute_mapping.iter().flatten().map(|(target, _)| target.as_str());
        if let Some(target) = targets.find(|target| PROTECTED_TARGETS.contains(target)) {
            return invalid(format!("Cannot map to protected system field: {target}"));
        }
        if self.custom_claims_allowlist.iter().flatten().any(|name| name.trim().is_empty()) {
            return invalid("custom_claims_allowlist entries must be non-empty strings");
        }
        Ok(())
    }

    fn check_urls(&self, app: &App, provider_type: Type) -> Result<(), Error> {
        let urls = match provider_type {
            Type::Oidc => vec![&self.issuer, &self.discovery_url],
            Type::OAuth2 => {
                vec![&self.authorization_url, &self.token_url, &self.userinfo_url, &self.jwks_uri]
            }
        };
        let mut urls = urls.into_iter().flatten().filter(|url| !url.is_empty());
        let allows_loopback = app.config.auth.external.custom_loopback;
        urls.try_for_each(|url| check_url(url, allows_loopback))
    }

    /// The provider with what is given in it.
    fn apply(self, mut provider: CustomProvider) -> CustomProvider {
        let text = |place: &mut String, given: Option<String>| {
            if let Some(given) = given.filter(|given| !given.is_empty()) {
                *place = given;
            }
        };
        let url = |place: &mut Option<String>, given: Option<String>| {
            if let Some(given) = given.filter(|given| !given.is_empty()) {
                *place = Some(given);
            }
        };
        text(&mut provider.name, self.name);
        text(&mut provider.client_id, self.client_id);
        replace(&mut provider.acceptable_client_ids, self.acceptable_client_ids);
        replace(&mut provider.scopes, self.scopes);
        replace(&mut provider.pkce_enabled, self.pkce_enabled);
        replace(&mut provider.attribute_mapping, self.attribute_mapping);
        replace(&mut provider.custom_claims_allowlist, self.custom_claims_allowlist);
        let parameters = self.authorization_params.map(|parameters| {
            let texts = parameters.into_iter();
            texts.map(|(name, value)| (name, value.as_str().unwrap_or_default().to_string())).collect()
        });
        replace(&mut provider.authorization_params, parameters);
        replace(&mut provider.enabled, self.enabled);
        replace(&mut provider.email_optional, self.email_optional);
        match provider.provider_type {
            Type::Oidc => {
                url(&mut provider.issuer, self.issuer);
                url(&mut provider.discovery_url, self.discovery_url);
                replace(&mut provider.skip_nonce_check, self.skip_nonce_check);
                provider.scopes = with_openid(provider.scopes);
            }
            Type::OAuth2 => {
                url(&mut provider.authorization_url, self.authorization_url);
                url(&mut provider.token_url, self.token_url);
                url(&mut provider.userinfo_url, self.userinfo_url);
                url(&mut provider.jwks_uri, self.jwks_uri);
            }
        }
        provider
    }
}

fn replace<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

/// Members of a discovery document that are kept, and those that have to be there.
const DISCOVERED: &[(&str, bool)] = &[
    ("issuer", true),
    ("authorization_endpoint", true),
    ("token_endpoint", true),
    ("userinfo_endpoint", false),
    ("jwks_uri", true),
    ("scopes_supported", false),
    ("response_types_supported", false),
    ("grant_types_supported", false),
    ("subject_types_supported", false),
];

/// The provider's own description, as it is now.
async fn discover(app: &App, provider: &CustomProvider) -> Result<Value, Error> {
    let url = provider.discovery();
    let failed = |why: String| Error::Validation(format!("OIDC discovery from {url:?} failed: {why}").into());
    let document = app.documents.get_newer(app.ports.http_client.as_ref(), &url, app.now()).await;
    let document = document.map_err(|error| failed(error.0))?;
    let said = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    let expected = provider.issuer.as_deref().unwrap_or_default();
    if said != expected {
        return Err(failed(format!("oidc: issuer mismatch, expected {expected:?} got {said:?}")));
    }
    let is_missing = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default().is_empty();
    let missing: Vec<&str> = DISCOVERED
        .iter()
        .filter(|(name, needed)| *needed && is_missing(name))
        .map(|(name, _)| *name)
        .collect();
    if !missing.is_empty() {
        return invalid(format!(
            "OIDC discovery document is missing required fields: {}",
            missing.join(", ")
        ));
    }
    let kept =
        DISCOVERED.iter().filter_map(|(name, _)| Some(((*name).to_string(), document.get(*name)?.clone())));
    Ok(json!(kept.collect::<Map<_, _>>()))
}

/// A provider is somewhere else on the internet, and it is asked over TLS: else whoever may add one could
/// make this server ask its own neighbours.
fn check_url(url: &str, allows_loopback: bool) -> Result<(), Error> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let host = host.to_lowercase();
    let is_loopback = matches!(host.as_str(), "localhost" | "0.0.0.0" | "::1")
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_loopback && allows_loopback {
        return Ok(());
    }
    if scheme != "https" {
        return invalid("URL must use HTTPS");
    }
    if host.is_empty() {
        return invalid("URL must have a valid hostname");
    }
    if is_loopback {
        return invalid("URL cannot point to localhost or loopback addresses");
    }
    if host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && host.parse::<IpAddr>().is_err() {
        // `https://2130706433/` and `https://127.1/` are 127.0.0.1 to a browser.
        return invalid("URL must have a valid hostname");
    }
    match host.parse::<IpAddr>() {
        Ok(address) if !is_public(address) => invalid("URL cannot resolve to private network addresses"),
        _ => Ok(()),
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_unspecified()
                || v4.is_broadcast())
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => !v4.is_loopback() && is_public(IpAddr::V4(v4)),
            None => {
                let first = v6.segments().first().copied().unwrap_or_default();
                let is_local = first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80;
                !(is_local || v6.is_multicast() || v6.is_unspecified())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_servers_over_tls_can_be_providers() {
        let rows = [
            ("https://id.example.com/realms/a", true),
            ("https://id.example.com:8443", true),
            ("https://8.8.8.8/", true),
            ("http://id.example.com", false),
            ("ftp://id.example.com", false),
            ("id.example.com", false),
            ("https://", false),
            ("https://localhost/", false),
            ("https://LOCALHOST:1/", false),
            ("https://a.localhost/", false),
            ("https://127.0.0.1/", false),
            ("https://user@127.0.0.1/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:127.0.0.1]/", false),
            ("https://[fd00::1]/", false),
            ("https://[fe80::1]/", false),
            ("https://10.0.0.1/", false),
            ("https://172.16.0.1/", false),
            ("https://192.168.1.1/", false),
            ("https://169.254.169.254/", false),
            ("https://0.0.0.0/", false),
            ("https://2130706433/", false),
            ("https://127.1/", false),
        ];
        for (url, allowed) in rows {
            assert_eq!(check_url(url, false).is_ok(), allowed, "{url}");
        }
        assert!(check_url("http://127.0.0.1:9000/", true).is_ok());
        assert!(check_url("http://10.0.0.1/", true).is_err());
    }
}
