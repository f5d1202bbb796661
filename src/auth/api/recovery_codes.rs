//! `/auth/v1/factors/recovery-codes`: codes that stand in for a lost second factor.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::body::{given, read_json, read_optional_json};
use super::{client, session_json};
use crate::auth::error::Error;
use crate::auth::recovery_codes::{self, Fresh};
use crate::http::{Context, Response, json_response};

/// `GET`: how many there are, and how many are left.
pub async fn recovery_codes_status(context: Context) -> Result<Response, Error> {
    let codes = recovery_codes::status(&context.app, &context.caller).await?;
    let body = json!({
        "id": codes.factor_id,
        "type": "recovery_code",
        "total": codes.total,
        "remaining": codes.code_hashes.len(),
    });
    Ok(json_response(StatusCode::OK, &body))
}

#[derive(Default, Deserialize)]
struct GenerateBody {
    friendly_name: Option<String>,
}

/// `POST`: the first set.
pub async fn generate_recovery_codes(mut context: Context) -> Result<Response, Error> {
    let body: GenerateBody = read_optional_json(&mut context).await?;
    let name = given(body.friendly_name.as_ref());
    let fresh = recovery_codes::generate(&context.app, &context.caller, name).await?;
    Ok(shown(&fresh))
}

/// `POST /regenerate`: another set in its place.
pub async fn regenerate_recovery_codes(mut context: Context) -> Result<Response, Error> {
    context.read_body().await?;
    let fresh = recovery_codes::regenerate(&context.app, &context.caller).await?;
    Ok(shown(&fresh))
}

fn shown(fresh: &Fresh) -> Response {
    let body = json!({
        "id": fresh.id,
        "type": "recovery_code",
        "friendly_name": fresh.friendly_name,
        "total": fresh.codes.len(),
        "codes": fresh.codes,
    });
    json_response(StatusCode::OK, &body)
}

#[derive(Deserialize)]
struct VerifyBody {
    code: Option<String>,
}

/// `POST /verify`: a code, for a session that shows it.
pub async fn verify_recovery_code(mut context: Context) -> Result<Response, Error> {
    let body: VerifyBody = read_json(&mut context).await?;
    let code = body.code.unwrap_or_default();
    let client = client(&context);
    let signed_in = recovery_codes::verify(&context.app, &context.caller, &code, &client).await?;
    Ok(json_response(StatusCode::OK, &session_json(&signed_in)))
}

/// `DELETE`: gives the set up.
pub async fn delete_recovery_codes(mut context: Context) -> Result<Response, Error> {
    context.read_body().await?;
    let id = recovery_codes::unenroll(&context.app, &context.caller).await?;
    Ok(json_response(StatusCode::OK, &json!({"id": id})))
}
