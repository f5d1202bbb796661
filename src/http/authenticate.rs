//! From the keys and tokens of a request to its [`Caller`].
//!
//! supabase-js sends `apikey: <key>` always, and `Authorization: Bearer <key or access token>`. A
//! key is either a legacy JWT with the role anon or service_role, or an opaque
//! `sb_publishable_…`/`sb_secret_…`. The auth API never takes the `apikey` for a bearer token.

use ::http::HeaderMap;
use ::http::header::AUTHORIZATION;

use super::{Api, Refusal};
use crate::app::App;
use crate::caller::{Access, Caller, Role};
use crate::crypto;

/// Who calls, if the route's access lets them.
pub async fn authenticate(
    app: &App,
    api: Api,
    access: Access,
    headers: &HeaderMap,
) -> Result<Caller, Refusal> {
    let key = key_caller(app, headers).await?;
    if access == Access::Public {
        return Ok(key.unwrap_or_else(|| Caller::with_role(Role::Anon)));
    }
    let bearer = bearer_caller(app, headers).await?;
    let caller = if api == Api::Auth { bearer } else { bearer.or(key) };
    let caller = admit(access, caller)?;
    // The auth API asks the database for the user and the session anyway, and says which of them is at fault.
    if api != Api::Auth {
        refuse_revoked(app, &caller).await?;
    }
    Ok(caller)
}

fn admit(access: Access, caller: Option<Caller>) -> Result<Caller, Refusal> {
    match (access, caller) {
        (Access::Public | Access::Caller, caller) => {
            Ok(caller.unwrap_or_else(|| Caller::with_role(Role::Anon)))
        }
        (Access::Token | Access::User | Access::Admin, None) => Err(Refusal::NoToken),
        (Access::Admin, Some(caller)) if !caller.is_admin() => Err(Refusal::Forbidden),
        (Access::Token | Access::User | Access::Admin, Some(caller)) => Ok(caller),
    }
}

/// The `apikey` header's caller. A key that is sent must be ours, as at the hosted gateway.
async fn key_caller(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Refusal> {
    let Some(key) = headers.get("apikey").and_then(|value| value.to_str().ok()) else { return Ok(None) };
    if let Some(caller) = opaque_key(app, key) {
        return Ok(Some(caller));
    }
    let claims = app.verify_token(key).await.map_err(|_| Refusal::ApiKey)?;
    Ok(Some(Caller::from_claims(claims)))
}

async fn bearer_caller(app: &App, headers: &HeaderMap) -> Result<Option<Caller>, Refusal> {
    let Some(token) = bearer_token(headers) else { return Ok(None) };
    if let Some(caller) = opaque_key(app, token) {
        return Ok(Some(caller));
    }
    app.verify_token(token).await.map(|claims| Some(Caller::from_claims(claims))).map_err(Refusal::Token)
}

/// The token of an `Authorization: Bearer` header; the scheme's case does not matter.
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}

fn opaque_key(app: &App, key: &str) -> Option<Caller> {
    let among =
        |keys: &[String]| keys.iter().any(|ours| crypto::equal_secrets(ours.as_bytes(), key.as_bytes()));
    if among(&app.config.secret_keys) {
        return Some(Caller::with_role(Role::ServiceRole));
    }
    among(&app.config.publishable_keys).then(|| Caller::with_role(Role::Anon))
}

/// Refuses a caller whose session was ended, as far as the edge knows.
pub async fn refuse_revoked(app: &App, caller: &Caller) -> Result<(), Refusal> {
    let Some(session_id) = caller.session_id() else { return Ok(()) };
    let revoked = app.edge_sessions.is_revoked(app.ports.key_value.as_ref(), session_id, app.now()).await;
    if revoked { Err(Refusal::SessionRevoked) } else { Ok(()) }
}
