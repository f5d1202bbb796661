//! Tokens for an app: for a code, once, and for a refresh token of its own.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::authorization::{self, id_of};
use super::client_authentication::TokenRequest;
use super::error::OAuthServerError;
use super::{claims, scope};
use crate::app::App;
use crate::auth::audit::{self, Action, Actor};
use crate::auth::edge;
use crate::auth::error::Error;
use crate::auth::model::User;
use crate::auth::pkce::Challenge;
use crate::auth::refresh;
use crate::auth::session::{Client, Session, SignedIn};
use crate::auth::store::oauth_authorizations::Authorization;
use crate::auth::store::oauth_clients::OAuthClient;
use crate::auth::store::sessions::{Ending, SessionKey};
use crate::auth::store::{self, oauth_authorizations, sessions, users};
use crate::time::Timestamp;

/// How long a used code is known, in seconds, to end its session if it comes again.
const USED_CODE_SECONDS: i64 = 600;

/// What `/oauth/token` answers to the app that asks.
pub async fn tokens(
    app: &App,
    oauth_client: &OAuthClient,
    request: &TokenRequest,
    client: &Client,
) -> Result<Value, Error> {
    let Some(grant_type) = request.get("grant_type") else {
        return refuse("invalid_request", "grant_type is required");
    };
    if !oauth_client.settings.grant_types.iter().any(|of| of == grant_type) {
        let description = format!("Client is not allowed to use grant type: {grant_type}");
        return refuse("unsupported_grant_type", description);
    }
    match grant_type {
        "authorization_code" => of_code(app, oauth_client, request, client).await,
        _ => of_refresh_token(app, oauth_client, request, client).await,
    }
}

fn refuse<T>(error: &'static str, description: impl Into<Cow<'static, str>>) -> Result<T, Error> {
    Err(OAuthServerError::Token(error, description.into()).into())
}

/// RFC 6749 §5.1.
fn answer(signed_in: &SignedIn) -> Value {
    json!({
        "access_token": signed_in.access_token,
        "token_type": "bearer",
        "expires_in": signed_in.expires_in,
        "refresh_token": signed_in.refresh_token,
    })
}

async fn of_refresh_token(
    app: &App,
    oauth_client: &OAuthClient,
    request: &TokenRequest,
    client: &Client,
) -> Result<Value, Error> {
    let Some(token) = request.get("refresh_token") else {
        return refuse("invalid_request", "refresh_token is required for refresh_token grant");
    };
    let refreshed = refresh::refresh(app, token, Some(&oauth_client.id), client).await;
    Ok(answer(&refreshed.map_err(in_both_forms)?))
}

/// What a refresh refuses as upstream says it, and as RFC 6749 does, which upstream leaves out here. The shape of a token is not
/// told from one that is gone.
fn in_both_forms(error: Error) -> Error {
    let error = if error == Error::RefreshTokenMalformed { Error::RefreshTokenNotFound } else { error };
    match error.row() {
        (400, code, message) if !code.is_empty() => {
            OAuthServerError::RefreshRefused(code, message.into_owned().into()).into()
        }
        _ => error,
    }
}

/// One code, one session. All tokens are made before anything is written, so that whatever fails leaves the code as it was.
async fn of_code(
    app: &App,
    oauth_client: &OAuthClient,
    request: &TokenRequest,
    client: &Client,
) -> Result<Value, Error> {
    let Some(code) = request.get("code") else {
        return refuse("invalid_request", "code is required for authorization_code grant");
    };
    let (authorization, user) = exchangeable(app, oauth_client, request, code).await?;
    let session = Session {
        oauth_client_id: Some(oauth_client.id.clone()),
        scopes: Some(authorization.scope.clone()),
        ..Session::start(app, &user.id, "oauth_provider/authorization_code")
    };
    let mut id_token = None;
    if scope::has(&authorization.scope, "openid") {
        if !claims::can_sign(app) {
            return Err(Error::Unexpected("an id token needs an asymmetric signing key (JWT_KEYS)".into()));
        }
        let nonce = authorization.nonce.as_deref();
        id_token = Some(claims::id_token(app, &user, &session, &client.issuer, nonce).await?);
    }
    let signed_in = session.tokens(app, user, 0, client).await?;
    let (id, code_hash, now) = (&authorization.id, authorization::hash(code), app.now());
    let batch = vec![
        sessions::insert_if(&session, client, now, |writer| {
            oauth_authorizations::stands(id, &code_hash, writer)
        }),
        oauth_authorizations::spend(id, &code_hash, &session.id, now.plus_seconds(USED_CODE_SECONDS)),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    match (results.happened(0)?, results.happened(1)?) {
        (true, true) => {}
        (false, true) => return refuse("access_denied", "User is banned"),
        _ => return refuse("invalid_grant", "Invalid authorization code"),
    }
    let traits = json!({"provider_type": "oauth_provider_authorization_code", "client_id": oauth_client.id});
    audit::record(app, Actor::User(&signed_in.user), Action::Login, client.ip.as_deref(), traits).await;
    let mut answer = answer(&signed_in);
    if let (Some(id_token), Some(members)) = (id_token, answer.as_object_mut()) {
        members.insert("id_token".into(), json!(id_token));
    }
    Ok(answer)
}

/// What a code is good for, if it is the app's, in time, unused, and the app shows that it is the one that asked.
async fn exchangeable(
    app: &App,
    oauth_client: &OAuthClient,
    request: &TokenRequest,
    code: &str,
) -> Result<(Authorization, User), Error> {
    let id = id_of(code);
    let batch = vec![oauth_authorizations::by_id(id), users::by_authorization(id)];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    let found = results.first::<Authorization>(0)?;
    let found = found.filter(|found| found.code_hash.as_deref() == Some(authorization::hash(code).as_str()));
    let Some(found) = found else { return refuse("invalid_grant", "Invalid authorization code") };
    if found.client_id != oauth_client.id {
        return refuse("invalid_grant", "Authorization code was not issued for this client");
    }
    if found.status == "used" {
        if is_late(app, &found) {
            end_session(app, &found).await?;
        }
        return refuse("invalid_grant", "Invalid authorization code");
    }
    if authorization::is_expired(app, &found) {
        return refuse("invalid_grant", "Authorization code has expired");
    }
    if request.get("resource").is_some_and(|resource| found.resource.as_deref() != Some(resource)) {
        return refuse("invalid_grant", "Authorization code resource does not match the resource parameter");
    }
    if request.get("redirect_uri").is_some_and(|uri| found.redirect_uri != uri) {
        return refuse("invalid_grant", "Invalid redirect_uri");
    }
    let Some(verifier) = request.get("code_verifier") else {
        return refuse(
            "invalid_grant",
            "PKCE verification failed: code_verifier is required when PKCE challenge is present",
        );
    };
    if !(Challenge { text: found.code_challenge.clone(), method: "s256" }).is_met_by(verifier) {
        return refuse(
            "invalid_grant",
            "PKCE verification failed: code challenge does not match previously saved code verifier",
        );
    }
    let user: Option<User> = results.first(1)?;
    match user.filter(|user| user.deleted_at.is_none()) {
        None => refuse("invalid_grant", "User not found for authorization code"),
        Some(user) if user.is_banned(app.now()) => refuse("access_denied", "User is banned"),
        Some(user) => Ok((found, user)),
    }
}

/// Whether a used code comes too late to be the same request once more, as pages send it that load twice.
fn is_late(app: &App, used: &Authorization) -> bool {
    let reuse_seconds = i64::try_from(app.config.auth.reuse_seconds).unwrap_or(i64::MAX);
    let left = app.now().plus_seconds(USED_CODE_SECONDS.saturating_sub(reuse_seconds));
    Timestamp::parse(&used.expires_at).is_none_or(|known_until| left >= known_until)
}

/// A code that comes again was stolen, now or the first time (RFC 6749 §4.1.2): what it gave ends.
async fn end_session(app: &App, used: &Authorization) -> Result<(), Error> {
    let (Some(user_id), Some(session_id)) = (&used.user_id, &used.session_id) else { return Ok(()) };
    let statement = sessions::end(user_id, Ending::One(session_id), None);
    let ended: Vec<SessionKey> = store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    edge::revoke(app, &ended).await;
    Ok(())
}
