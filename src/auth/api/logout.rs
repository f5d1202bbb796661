//! `POST /auth/v1/logout?scope=…`.

use ::http::StatusCode;

use crate::auth::error::Error;
use crate::auth::sign_out;
use crate::http::{Body, Context, Response, respond};

/// 204 and nothing else: the sessions of the scope are over.
pub async fn logout(context: Context) -> Result<Response, Error> {
    let scope = context.query_parameter("scope");
    sign_out::sign_out(&context.app, &context.caller, scope.as_deref()).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}
