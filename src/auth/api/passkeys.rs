//! `/auth/v1/passkeys`: registering passkeys, signing in with them, keeping them; and for an administrator
//! `/auth/v1/admin/users/{id}/passkeys`.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::admin::user_id;
use super::body::{given, read_guarded_json, read_json};
use super::{client, session_response, user_caller};
use crate::auth::error::Error;
use crate::auth::passkey::{self, Asked};
use crate::auth::store::passkeys::Passkey;
use crate::auth::webauthn::error::PasskeyError;
use crate::http::{Body, Context, Response, json_response, respond};

/// `POST /registration/options`.
pub async fn start_passkey_registration(mut context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    let caller = user_caller(&context).await?;
    context.read_body().await?;
    Ok(asked(passkey::start_registration(&context.app, &caller).await?))
}

/// `POST /registration/verify`.
pub async fn register_passkey(mut context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    let caller = user_caller(&context).await?;
    let (challenge_id, credential) = answer(&mut context).await?;
    let ip = client(&context).ip;
    let passkey = passkey::register(&context.app, &caller, challenge_id, credential, ip.as_deref()).await?;
    Ok(json_response(StatusCode::OK, &passkey.to_json()))
}

/// `POST /authentication/options`.
pub async fn start_passkey_sign_in(mut context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    // There may be no body at all, unless it has to have a captcha's token.
    if context.app.config.auth.captcha.is_some() {
        read_guarded_json::<Value>(&mut context).await?;
    } else {
        context.read_body().await?;
    }
    Ok(asked(passkey::start_sign_in(&context.app).await?))
}

/// `POST /authentication/verify`.
pub async fn sign_in_with_passkey(mut context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    let (challenge_id, credential) = answer(&mut context).await?;
    let signed_in = passkey::sign_in(&context.app, challenge_id, credential, &client(&context)).await?;
    Ok(session_response(&signed_in))
}

/// `GET`: the caller's.
pub async fn list_passkeys(context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    let caller = user_caller(&context).await?;
    Ok(listed(&passkey::list(&context.app, &caller).await?))
}

#[derive(Deserialize)]
struct NameBody {
    friendly_name: Option<String>,
}

/// `PATCH /{passkey_id}`.
pub async fn rename_passkey(mut context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    let caller = user_caller(&context).await?;
    let id = passkey_id(&context)?;
    let body: NameBody = read_json(&mut context).await?;
    let name = body.friendly_name.unwrap_or_default();
    let ip = client(&context).ip;
    let passkey = passkey::rename(&context.app, &caller, id, &name, ip.as_deref()).await?;
    Ok(json_response(StatusCode::OK, &passkey.to_json()))
}

/// `DELETE /{passkey_id}`.
pub async fn delete_passkey(context: Context) -> Result<Response, Error> {
    passkey::refuse_disabled(&context.app)?;
    let caller = user_caller(&context).await?;
    let ip = client(&context).ip;
    passkey::remove(&context.app, &caller, passkey_id(&context)?, ip.as_deref()).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}

/// `GET` of a user's, for an administrator.
pub async fn list_any_passkeys(context: Context) -> Result<Response, Error> {
    Ok(listed(&passkey::list_any(&context.app, user_id(&context)?).await?))
}

/// `DELETE /{passkey_id}` of a user's, for an administrator.
pub async fn delete_any_passkey(context: Context) -> Result<Response, Error> {
    let ip = client(&context).ip;
    passkey::remove_any(&context.app, user_id(&context)?, passkey_id(&context)?, ip.as_deref()).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}

fn asked(asked: Asked) -> Response {
    let body = json!({
        "challenge_id": asked.challenge_id,
        "options": asked.options,
        "expires_at": asked.expires_at.seconds(),
    });
    json_response(StatusCode::OK, &body)
}

#[derive(Deserialize)]
struct AnswerBody {
    challenge_id: Option<String>,
    credential: Option<Value>,
}

async fn answer(context: &mut Context) -> Result<(Uuid, Value), Error> {
    let body: AnswerBody = read_json(context).await?;
    let Some(challenge_id) = given(body.challenge_id.as_ref()) else {
        return Err(Error::Validation("challenge_id is required".into()));
    };
    let Some(credential) = body.credential else {
        return Err(Error::Validation("credential is required".into()));
    };
    let challenge_id = Uuid::parse_str(challenge_id);
    let challenge_id =
        challenge_id.map_err(|_| Error::Validation("challenge_id must be a valid UUID".into()))?;
    Ok((challenge_id, credential))
}

fn passkey_id(context: &Context) -> Result<Uuid, Error> {
    Uuid::parse_str(context.parameters.get("passkey_id")).map_err(|_| PasskeyError::NotFound.into())
}

fn listed(passkeys: &[Passkey]) -> Response {
    json_response(StatusCode::OK, &passkeys.iter().map(Passkey::to_json).collect::<Value>())
}
