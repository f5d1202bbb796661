//! `/auth/v1/admin/users/{id}/factors`: everyone's second factors, for an administrator.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::admin::user_id;
use super::body::{given, read_json};
use super::factors::factor_id;
use crate::auth::administration;
use crate::auth::enrolment;
use crate::auth::error::Error;
use crate::auth::factor::Factor;
use crate::http::{Context, Response, json_response};

/// `GET`: all factors of a user.
pub async fn list_factors(context: Context) -> Result<Response, Error> {
    let user = administration::by_id(&context.app, user_id(&context)?).await?;
    let factors: Value = user.factors.iter().map(Factor::to_json).collect();
    Ok(json_response(StatusCode::OK, &factors))
}

#[derive(Deserialize)]
struct FactorBody {
    friendly_name: Option<String>,
}

/// `PUT /{factor_id}`: another name.
pub async fn update_factor(mut context: Context) -> Result<Response, Error> {
    let (user_id, factor_id) = (user_id(&context)?, factor_id(&context)?);
    let body: FactorBody = read_json(&mut context).await?;
    let name = given(body.friendly_name.as_ref());
    let factor = enrolment::rename_any(&context.app, user_id, factor_id, name).await?;
    Ok(json_response(StatusCode::OK, &factor.to_json()))
}

/// `DELETE /{factor_id}`: someone who lost their factor needs this.
pub async fn delete_factor(context: Context) -> Result<Response, Error> {
    let (user_id, factor_id) = (user_id(&context)?, factor_id(&context)?);
    let factor = enrolment::remove_any(&context.app, user_id, factor_id).await?;
    Ok(json_response(StatusCode::OK, &factor.to_json()))
}
