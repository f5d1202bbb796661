//! `/auth/v1/factors`: the caller's own second factors.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{given, read_json};
use super::{client, session_json};
use crate::auth::enrolment::{self, Label};
use crate::auth::error::Error;
use crate::auth::model::object;
use crate::auth::phone_number::PhoneNumber;
use crate::auth::verification;
use crate::auth::webauthn_factor;
use crate::config::MfaConfig;
use crate::http::{Context, Response, json_response};

#[derive(Deserialize)]
struct EnrolBody {
    factor_type: Option<String>,
    friendly_name: Option<String>,
    issuer: Option<String>,
    phone: Option<String>,
}

/// `POST`: a new factor, with what its app needs.
pub async fn enroll_factor(mut context: Context) -> Result<Response, Error> {
    let body: EnrolBody = read_json(&mut context).await?;
    enrollable(&context.app.config.auth.mfa, body.factor_type.as_deref().unwrap_or_default())?;
    let label = Label::parse(body.friendly_name.as_deref(), given(body.issuer.as_ref()))?;
    if body.factor_type.as_deref() == Some("phone") {
        return enroll_phone(&context, &label, given(body.phone.as_ref())).await;
    }
    if body.factor_type.as_deref() == Some("webauthn") {
        return enroll_webauthn(&context, &label).await;
    }
    let factor = enrolment::enroll_totp(&context.app, &context.caller, &label).await?;
    let body = json!({
        "id": factor.id,
        "type": "totp",
        "friendly_name": factor.friendly_name,
        "totp": {"qr_code": factor.qr_code, "secret": factor.secret, "uri": factor.uri},
    });
    Ok(json_response(StatusCode::OK, &body))
}

async fn enroll_phone(context: &Context, label: &Label, phone: Option<&str>) -> Result<Response, Error> {
    let Some(as_given) = phone else {
        return Err(Error::Validation("Phone number required to enroll Phone factor".into()));
    };
    let phone = PhoneNumber::parse(as_given)?;
    let factor = enrolment::enroll_phone(&context.app, &context.caller, label, &phone).await?;
    let body = json!({
        "id": factor.id,
        "type": "phone",
        "friendly_name": factor.friendly_name,
        "phone": as_given,
    });
    Ok(json_response(StatusCode::OK, &body))
}

async fn enroll_webauthn(context: &Context, label: &Label) -> Result<Response, Error> {
    let factor = enrolment::enroll_webauthn(&context.app, &context.caller, label).await?;
    let body = json!({"id": factor.id, "type": "webauthn", "friendly_name": factor.friendly_name});
    Ok(json_response(StatusCode::OK, &body))
}

#[rustfmt::skip]
fn enrollable(config: &MfaConfig, factor_type: &str) -> Result<(), Error> {
    match factor_type {
        "totp" if config.totp_enroll_enabled => Ok(()),
        "phone" if config.phone_enroll_enabled => Ok(()),
        "webauthn" if config.webauthn_enroll_enabled => Ok(()),
        "totp"     => Err(Error::EnrolmentDisabled("mfa_totp_enroll_not_enabled",     "MFA enroll is disabled for TOTP")),
        "phone"    => Err(Error::EnrolmentDisabled("mfa_phone_enroll_not_enabled",    "MFA enroll is disabled for Phone")),
        "webauthn" => Err(Error::EnrolmentDisabled("mfa_webauthn_enroll_not_enabled", "MFA enroll is disabled for WebAuthn")),
        _          => Err(Error::Validation("factor_type needs to be totp, phone, or webauthn".into())),
    }
}

#[derive(Default, Deserialize)]
struct ChallengeBody {
    channel: Option<String>,
}

/// `POST /{id}/challenge`: a question to the factor.
pub async fn challenge_factor(mut context: Context) -> Result<Response, Error> {
    let id = factor_id(&context)?;
    // An authenticator app's has nothing to say, and is read all the same: workerd closes a connection whose
    // body nobody read, and another request on its way there would be lost.
    let bytes = context.read_body().await?;
    let body: ChallengeBody = serde_json::from_slice(&bytes).unwrap_or_default();
    let (app, channel) = (&context.app, body.channel.as_deref());
    let challenge = verification::challenge(app, &context.caller, id, channel, &client(&context)).await?;
    let body = object([
        ("id", Some(json!(challenge.id))),
        ("type", Some(json!(challenge.factor_type))),
        ("expires_at", Some(json!(challenge.expires_at.seconds()))),
        ("webauthn", challenge.webauthn),
    ]);
    Ok(json_response(StatusCode::OK, &body))
}

#[derive(Deserialize)]
struct VerifyBody {
    challenge_id: Option<String>,
    code: Option<String>,
    webauthn: Option<WebAuthnBody>,
}

#[derive(Deserialize)]
struct WebAuthnBody {
    #[serde(rename = "type")]
    kind: Option<String>,
    credential_response: Option<Value>,
}

/// `POST /{id}/verify`: the answer, for a session that shows it.
pub async fn verify_factor(mut context: Context) -> Result<Response, Error> {
    let id = factor_id(&context)?;
    let body: VerifyBody = read_json(&mut context).await?;
    let challenge_id = body.challenge_id.as_deref().map(Uuid::parse_str).transpose();
    let challenge_id = challenge_id.map_err(|error| Error::BadJson(format!("challenge_id: {error}")))?;
    let challenge_id = challenge_id.unwrap_or_default();
    if let Some(webauthn) = body.webauthn {
        let answer = webauthn.into_answer(id, challenge_id)?;
        let signed_in =
            webauthn_factor::verify(&context.app, &context.caller, &answer, &client(&context)).await?;
        return Ok(json_response(StatusCode::OK, &session_json(&signed_in)));
    }
    let Some(code) = given(body.code.as_ref()) else {
        return Err(Error::Validation("Code needs to be non-empty".into()));
    };
    let answer = verification::Answer { factor_id: id, challenge_id, code };
    let signed_in = verification::verify(&context.app, &context.caller, &answer, &client(&context)).await?;
    Ok(json_response(StatusCode::OK, &session_json(&signed_in)))
}

impl WebAuthnBody {
    fn into_answer(self, factor_id: Uuid, challenge_id: Uuid) -> Result<webauthn_factor::Answer, Error> {
        let kind = self.kind.filter(|kind| kind == "create" || kind == "request");
        let Some(kind) = kind else {
            return Err(Error::Validation("WebAuthn type must be create or request".into()));
        };
        let Some(credential) = self.credential_response else {
            return Err(Error::Validation("credential_response required".into()));
        };
        Ok(webauthn_factor::Answer { factor_id, challenge_id, kind, credential })
    }
}

/// `DELETE /{id}`: gives the factor up.
pub async fn delete_factor(context: Context) -> Result<Response, Error> {
    let id = factor_id(&context)?;
    enrolment::unenroll(&context.app, &context.caller, id, client(&context).ip.as_deref()).await?;
    Ok(json_response(StatusCode::OK, &json!({"id": id.to_string()})))
}

pub(super) fn factor_id(context: &Context) -> Result<Uuid, Error> {
    Uuid::parse_str(context.parameters.get("factor_id")).map_err(|_| Error::FactorIdNotUuid)
}
