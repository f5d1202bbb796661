//! Providers that an administrator added: any that speaks OAuth 2 or OpenID Connect.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::ExternalAccount;
use super::id_token::{self, generic_account};
use super::profile::words;
use super::request::{self, Tokens};
use super::{Provider, discovery_url};
use crate::app::App;
use crate::auth::metadata::Metadata;

/// The settings of one, as stored and, without the secret, as the admin API shows them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomProvider {
    pub id: String,
    pub provider_type: Type,
    /// `custom:…`
    pub identifier: String,
    pub name: String,
    pub client_id: String,
    /// Further ids that id tokens may be for.
    pub acceptable_client_ids: Vec<String>,
    pub scopes: Vec<String>,
    pub pkce_enabled: bool,
    /// A claim of ours → the provider's claim by name, or a value that is no text.
    pub attribute_mapping: Map<String, Value>,
    /// Claims that are kept as they are, in `custom_claims`.
    pub custom_claims_allowlist: Vec<String>,
    /// Added to the authorization address.
    pub authorization_params: BTreeMap<String, String>,
    pub enabled: bool,
    pub email_optional: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery_url: Option<String>,
    pub skip_nonce_check: bool,
    /// The discovery document as it was when the provider was last saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery_document: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
}

/// What it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    OAuth2,
    Oidc,
}

/// Where it is asked.
pub struct Endpoints {
    pub authorize: String,
    pub token: String,
    /// Empty when there is none.
    pub userinfo: String,
}

impl CustomProvider {
    /// Where an OpenID provider describes itself.
    pub fn discovery(&self) -> String {
        match (&self.discovery_url, &self.issuer) {
            (Some(url), _) if !url.is_empty() => url.clone(),
            (_, issuer) => discovery_url(issuer.as_deref().unwrap_or_default()),
        }
    }

    /// Its addresses: its own, or those in its discovery document, today's if it answers.
    pub async fn endpoints(&self, app: &App) -> Result<Endpoints, String> {
        let text = |url: &Option<String>| url.clone().unwrap_or_default();
        if self.provider_type == Type::OAuth2 {
            return Ok(Endpoints {
                authorize: text(&self.authorization_url),
                token: text(&self.token_url),
                userinfo: text(&self.userinfo_url),
            });
        }
        let fetched = app.documents.get(app.ports.http_client.as_ref(), &self.discovery(), app.now()).await;
        let document = match (&fetched, &self.discovery_document) {
            (Ok(document), _) => document.as_ref(),
            (Err(_), Some(kept)) => kept,
            (Err(error), None) => return Err(format!("failed to create OIDC provider: {error}")),
        };
        Ok(Endpoints {
            authorize: words(document, "/authorization_endpoint"),
            token: words(document, "/token_endpoint"),
            userinfo: words(document, "/userinfo_endpoint"),
        })
    }

    /// What is asked for: what the app asks, else the provider's own; of an OpenID provider always `openid`.
    pub fn scopes(&self, asked: Vec<String>) -> Vec<String> {
        let scopes = if asked.is_empty() { self.scopes.clone() } else { asked };
        match self.provider_type {
            Type::Oidc => with_openid(scopes),
            Type::OAuth2 => scopes,
        }
    }

    /// Added to the authorization address.
    pub fn parameters(&self) -> Vec<(String, String)> {
        self.authorization_params.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The ids that id tokens may be for.
    pub fn client_ids(&self) -> Vec<String> {
        [vec![self.client_id.clone()], self.acceptable_client_ids.clone()].concat()
    }

    /// The account that tokens are for: of the id token if there is one, else of the user info.
    pub async fn account(
        &self,
        app: &App,
        provider: &Provider,
        tokens: &Tokens,
    ) -> Result<ExternalAccount, String> {
        if let (Type::Oidc, Some(id_token)) = (self.provider_type, &tokens.id_token) {
            let issuer = self.issuer.as_deref().unwrap_or_default();
            let token = id_token::verify(app, id_token, issuer, &self.discovery()).await?;
            if !token.is_for(&self.client_ids()) {
                return Err(format!(
                    "token audience {:?} does not match any acceptable client ID",
                    token.audience()
                ));
            }
            let account = token.account()?;
            let claims = self.mapped(self.with_allowed(account.claims, &token.claims), &token.claims);
            return Ok(ExternalAccount { claims, ..account });
        }
        if provider.api_url.is_empty() {
            return Err("no ID token or userinfo endpoint available".into());
        }
        let answer = request::get_json(app, provider, &provider.api_url, &tokens.access_token).await?;
        let raw = answer.as_object().cloned().ok_or("the user info is no object")?;
        let account = generic_account(&raw);
        let claims = self.mapped(self.with_allowed(account.claims, &raw), &raw);
        let verified = claims.get("email_verified") == Some(&json!(true));
        let email = claims.get("email").and_then(Value::as_str).unwrap_or_default().to_string();
        Ok(ExternalAccount::of_claims(claims).with_email(&email, verified, true))
    }

    fn with_allowed(&self, mut claims: Metadata, raw: &Metadata) -> Metadata {
        let allowed = self.custom_claims_allowlist.iter();
        let allowed = allowed.filter_map(|name| Some((name.clone(), raw.get(name)?.clone())));
        let allowed: Metadata = allowed.collect();
        if !allowed.is_empty() {
            let custom = claims.entry("custom_claims").or_insert_with(|| json!({}));
            if let Some(custom) = custom.as_object_mut() {
                custom.extend(allowed);
            }
        }
        claims
    }

    /// A claim takes the value of another, by its name among ours or the provider's, or a fixed one that is no text.
    fn mapped(&self, claims: Metadata, raw: &Metadata) -> Metadata {
        let mut mapped = claims.clone();
        for (target, source) in &self.attribute_mapping {
            match source {
                Value::String(name) => {
                    if let Some(value) = claims.get(name).or_else(|| raw.get(name)) {
                        mapped.insert(target.clone(), as_text(value));
                    }
                }
                fixed => {
                    mapped.insert(target.clone(), fixed.clone());
                }
            }
        }
        let custom = mapped.get("custom_claims").cloned();
        let mut known = generic_account(&mapped).claims;
        known.extend(custom.map(|custom| ("custom_claims".to_string(), custom)));
        known
    }
}

/// A number becomes text: that is what ids are at many providers.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.to_string()),
        other => other.clone(),
    }
}

/// Scopes with `openid` among them.
pub fn with_openid(scopes: Vec<String>) -> Vec<String> {
    if scopes.iter().any(|scope| scope == "openid") {
        return scopes;
    }
    [vec!["openid".to_string()], scopes].concat()
}
