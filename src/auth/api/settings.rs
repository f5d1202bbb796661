//! What the auth API is and allows: `GET /health`, `/settings`, `/.well-known/jwks.json`.

use ::http::StatusCode;
use ::http::header::CACHE_CONTROL;
use serde_json::{Map, Value, json};

use crate::auth::error::Error;
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

/// The external providers that clients expect to be told about; all off but e-mail.
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
        _ => false,
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
        "passkeys_enabled": false,
    });
    Ok(json_response(StatusCode::OK, &body))
}

/// `GET /auth/v1/.well-known/jwks.json`: public keys only, and a shared secret has none.
pub async fn jwks(_: Context) -> Result<Response, Error> {
    Ok(json_response(StatusCode::OK, &json!({"keys": []})).with_header(CACHE_CONTROL, "public, max-age=600"))
}
