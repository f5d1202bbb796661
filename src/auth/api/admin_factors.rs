//! `/auth/v1/admin/users/{id}/factors`: everyone's second factors, for an administrator.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::admin::user_id;
use super::body::{given, read_json};
use super::factors::factor_id;
use crate::auth::administration;
use crate::auth::enrolment::{self, FactorChange};
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
    phone: Option<String>,
}

/// `PUT /{factor_id}`: another name, and of a phone another number.
pub async fn update_factor(mut context: Context) -> Result<Response, Error> {
    let (user_id, factor_id) = (user_id(&context)?, factor_id(&context)?);
    let body: FactorBody = read_json(&mut context).await?;
    let change =
        FactorChange { friendly_name: given(body.friendly_name.as_ref()), phone: given(body.phone.as_ref()) };
    let factor = enrolment::change_any(&context.app, user_id, factor_id, &change).await?;
    Ok(json_response(StatusCode::OK, &factor.to_json()))
}

/// `DELETE /{factor_id}`: someone who lost their factor needs this.
pub async fn delete_factor(context: Context) -> Result<Response, Error> {
    let (user_id, factor_id) = (user_id(&context)?, factor_id(&context)?);
    let factor = enrolment::remove_any(&context.app, user_id, factor_id).await?;
    Ok(json_response(StatusCode::OK, &factor.to_json()))
}
