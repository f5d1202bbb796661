//! What the auth API is and allows: `GET /health`, `/settings`, `/.well-known/jwks.json`.

use ::http::header::CACHE_CONTROL;
use ::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::client;
use super::oauth_server::refuse_unless_on;
use crate::auth::error::Error;
use crate::config::SigningKey;
use crate::config::SmsCarrier;
use crate::http::{Context, Response, ResponseExt, json_response};

/// `GET /auth/v1/health`. The name is the one clients look for.
pub async fn health(_: Context) -> Result<Response, Error> {
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "name": "GoTrue",
        "description": "Edgeward's auth API, compatible with GoTrue",
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// The external providers that clients expect to be told about. Those that upstream does not name are not named.
const PROVIDERS: &[&str] = &[
    "anonymous_users",
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "snapchat",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "keycloak",
    "kakao",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "spotify",
    "slack",
    "slack_oidc",
    "workos",
    "twitch",
    "twitter",
    "email",
    "phone",
    "zoom",
];

/// `GET /auth/v1/settings`.
pub async fn settings(context: Context) -> Result<Response, Error> {
    let config = &context.app.config.auth;
    let is_on = |provider: &str| match provider {
        "email" => config.email_enabled,
        "phone" => config.phone_enabled,
        "anonymous_users" => config.anonymous_enabled,
        provider => config.external.is_enabled(provider),
    };
    let external: Map<String, Value> =
        PROVIDERS.iter().map(|provider| ((*provider).to_string(), json!(is_on(provider)))).collect();
    let body = json!({
        "external": external,
        "disable_signup": config.disable_signup,
        "mailer_autoconfirm": config.autoconfirm,
        "phone_autoconfirm": config.sms.autoconfirm,
        "sms_provider": config.sms.carrier.as_ref().map_or("", SmsCarrier::name),
        "saml_enabled": false,
        "saml_private_key_next_configured": false,
        "passkeys_enabled": config.webauthn.passkeys_enabled,
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// What others may keep of our public documents.
const KEPT: &str = "public, max-age=600";

/// `GET /auth/v1/.well-known/jwks.json`: public keys only, and a shared secret has none.
pub async fn jwks(context: Context) -> Result<Response, Error> {
    let keys: Vec<Value> = context.app.config.signing_keys.iter().filter_map(SigningKey::public).collect();
    Ok(json_response(StatusCode::OK, &json!({"keys": keys})).with_header(CACHE_CONTROL, KEPT))
}

/// `GET /auth/v1/.well-known/openid-configuration`: where our tokens come from and how they are checked
/// (OpenID Connect Discovery 1.0). The `/oauth/` addresses are the OAuth server's, on or off.
pub async fn openid_configuration(context: Context) -> Result<Response, Error> {
    Ok(discovery(&context))
}

/// `GET /auth/v1/.well-known/oauth-authorization-server`, also at RFC 8414's own place: the same document of a server that is on.
pub async fn oauth_authorization_server(context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    Ok(discovery(&context))
}

fn discovery(context: &Context) -> Response {
    let issuer = client(context).issuer;
    let mut body = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/oauth/authorize"),
        "token_endpoint": format!("{issuer}/oauth/token"),
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        "userinfo_endpoint": format!("{issuer}/oauth/userinfo"),
        "scopes_supported": ["openid", "profile", "email", "phone", "offline_access"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256", "ES256"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "claims_supported": CLAIMS,
        "code_challenge_methods_supported": ["S256"],
    });
    let config = &context.app.config.auth.oauth_server;
    if let (true, Some(members)) = (config.enabled && config.dynamic_registration, body.as_object_mut()) {
        members.insert("registration_endpoint".into(), json!(format!("{issuer}/oauth/clients/register")));
    }
    json_response(StatusCode::OK, &body).with_header(CACHE_CONTROL, KEPT)
}

/// The claims that upstream's discovery document names.
const CLAIMS: &[&str] = &[
    "sub",
    "aud",
    "iss",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "name",
    "picture",
    "preferred_username",
    "updated_at",
];

/// `/auth/v1/sso…` and `/admin/sso/providers…`: there is no single sign-on, so no provider of it, and none can be made.
pub async fn single_sign_on(mut context: Context) -> Result<Response, Error> {
    context.read_body().await?;
    match context.route.rsplit_once("/providers") {
        Some((_, "")) if context.method == Method::GET => {
            Ok(json_response(StatusCode::OK, &json!({"items": []})))
        }
        Some((_, id)) if !id.is_empty() => Err(Error::SsoProviderNotFound),
        _ => Err(Error::SamlDisabled),
    }
}
