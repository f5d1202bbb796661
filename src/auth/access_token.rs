//! The claims of an access token, exactly as GoTrue has them: clients and policies read them all.

use serde::Serialize;
use serde_json::Value;

use super::error::Error;
use super::hook;
use super::model::User;
use super::session::{Authentication, Client, Session};
use crate::app::App;
use crate::config::HookKind;

#[derive(Serialize)]
struct AccessTokenClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    iat: i64,
    email: &'a str,
    phone: &'a str,
    app_metadata: Value,
    user_metadata: Value,
    role: &'a str,
    aal: &'a str,
    amr: &'a [Authentication],
    session_id: &'a str,
    is_anonymous: bool,
    /// The app that has the token, if it is not the project's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
}

/// A signed access token; `expires_at` in Unix seconds, `method` how the user got it. A hook may have
/// other claims in it.
pub async fn sign(
    app: &App,
    user: &User,
    session: &Session,
    client: &Client,
    expires_at: i64,
    method: &str,
) -> Result<String, Error> {
    let claims = AccessTokenClaims {
        iss: &client.issuer,
        sub: &user.id,
        aud: &user.aud,
        exp: expires_at,
        iat: app.now().seconds(),
        email: user.email.as_deref().unwrap_or_default(),
        phone: user.phone.as_deref().unwrap_or_default(),
        app_metadata: user.app_metadata(),
        user_metadata: user.user_metadata(),
        role: &user.role,
        aal: &session.aal,
        amr: &session.amr,
        session_id: &session.id,
        is_anonymous: user.is_anonymous != 0,
        client_id: session.oauth_client_id.as_deref(),
        scope: session.scopes.as_deref(),
    };
    if !hook::is_on(app, HookKind::CustomAccessToken) {
        return Ok(app.sign_token(&claims).await?);
    }
    let claims = serde_json::to_value(&claims).map_err(|error| Error::Unexpected(error.to_string()))?;
    let claims = hook::custom_claims(app, client.ip.as_deref(), &user.id, claims, method).await?;
    Ok(app.sign_token(&claims).await?)
}
