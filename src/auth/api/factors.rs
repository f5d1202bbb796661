//! `/auth/v1/factors`: the caller's own second factors.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::body::{given, read_json};
use super::{client, session_json};
use crate::auth::enrolment::{self, Label};
use crate::auth::error::Error;
use crate::auth::verification;
use crate::config::MfaConfig;
use crate::http::{Context, Response, json_response};

#[derive(Deserialize)]
struct EnrolBody {
    factor_type: Option<String>,
    friendly_name: Option<String>,
    issuer: Option<String>,
}

/// `POST`: a new factor, with what its app needs.
pub async fn enroll_factor(mut context: Context) -> Result<Response, Error> {
    let body: EnrolBody = read_json(&mut context).await?;
    enrollable(&context.app.config.auth.mfa, body.factor_type.as_deref().unwrap_or_default())?;
    let label = Label::parse(body.friendly_name.as_deref(), given(body.issuer.as_ref()))?;
    let factor = enrolment::enroll_totp(&context.app, &context.caller, &label).await?;
    let body = json!({
        "id": factor.id,
        "type": "totp",
        "friendly_name": factor.friendly_name,
        "totp": {"qr_code": factor.qr_code, "secret": factor.secret, "uri": factor.uri},
    });
    Ok(json_response(StatusCode::OK, &body))
}

#[rustfmt::skip]
fn enrollable(config: &MfaConfig, factor_type: &str) -> Result<(), Error> {
    match factor_type {
        "totp" if config.totp_enroll_enabled => Ok(()),
        "totp"     => Err(Error::EnrolmentDisabled("mfa_totp_enroll_not_enabled",     "MFA enroll is disabled for TOTP")),
        "phone"    => Err(Error::EnrolmentDisabled("mfa_phone_enroll_not_enabled",    "MFA enroll is disabled for Phone")),
        "webauthn" => Err(Error::EnrolmentDisabled("mfa_webauthn_enroll_not_enabled", "MFA enroll is disabled for WebAuthn")),
        _          => Err(Error::Validation("factor_type needs to be totp, phone, or webauthn".into())),
    }
}

/// `POST /{id}/challenge`: a question to the factor.
pub async fn challenge_factor(mut context: Context) -> Result<Response, Error> {
    let id = factor_id(&context)?;
    // It says nothing to this kind of factor, but supabase-js sends one, and workerd closes a connection
    // whose body nobody read: another request on its way there would be lost.
    context.read_body().await?;
    let challenge = verification::challenge(&context.app, &context.caller, id, &client(&context)).await?;
    let body = json!({"id": challenge.id, "type": "totp", "expires_at": challenge.expires_at.seconds()});
    Ok(json_response(StatusCode::OK, &body))
}

#[derive(Deserialize)]
struct VerifyBody {
    challenge_id: Option<String>,
    code: Option<String>,
}

/// `POST /{id}/verify`: the answer, for a session that shows it.
pub async fn verify_factor(mut context: Context) -> Result<Response, Error> {
    let id = factor_id(&context)?;
    let body: VerifyBody = read_json(&mut context).await?;
    let challenge_id = body.challenge_id.as_deref().map(Uuid::parse_str).transpose();
    let challenge_id = challenge_id.map_err(|error| Error::BadJson(format!("challenge_id: {error}")))?;
    let Some(code) = given(body.code.as_ref()) else {
        return Err(Error::Validation("Code needs to be non-empty".into()));
    };
    let answer = verification::Answer { factor_id: id, challenge_id: challenge_id.unwrap_or_default(), code };
    let signed_in = verification::verify(&context.app, &context.caller, &answer, &client(&context)).await?;
    Ok(json_response(StatusCode::OK, &session_json(&signed_in)))
}

/// `DELETE /{id}`: gives the factor up.
pub async fn delete_factor(context: Context) -> Result<Response, Error> {
    let id = factor_id(&context)?;
    enrolment::unenroll(&context.app, &context.caller, id).await?;
    Ok(json_response(StatusCode::OK, &json!({"id": id.to_string()})))
}

pub(super) fn factor_id(context: &Context) -> Result<Uuid, Error> {
    Uuid::parse_str(context.parameters.get("factor_id")).map_err(|_| Error::FactorIdNotUuid)
}
