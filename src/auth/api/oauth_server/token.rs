//! `POST /auth/v1/oauth/token` and `GET /auth/v1/oauth/userinfo`: for the app itself.

use ::http::StatusCode;
use ::http::header::CACHE_CONTROL;

use super::refuse_unless_on;
use crate::auth::account;
use crate::auth::api::{client, user_caller};
use crate::auth::error::Error;
use crate::auth::oauth_server::client_authentication::{TokenRequest, authenticate};
use crate::auth::oauth_server::error::OAuthServerError;
use crate::auth::oauth_server::{claims, grant};
use crate::http::{Context, Response, ResponseExt, json_response};

/// Tokens for a code or a refresh token.
pub async fn token(mut context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let bytes = context.read_body().await?;
    let request = TokenRequest::parse(context.header("content-type").unwrap_or_default(), &bytes);
    let app = authenticate(&context.app, context.header("authorization"), request.as_ref()).await?;
    let request = request.ok_or(OAuthServerError::Token("invalid_request", "Invalid JSON body".into()))?;
    let tokens = grant::tokens(&context.app, &app, &request, &client(&context)).await?;
    Ok(json_response(StatusCode::OK, &tokens).with_header(CACHE_CONTROL, "no-store"))
}

/// Who the token's user is, as far as the app's scopes go.
pub async fn userinfo(context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let caller = user_caller(&context).await?;
    let me = account::current_or_client(&context.app, &caller).await?;
    Ok(json_response(StatusCode::OK, &claims::userinfo(&me.user, me.session.as_ref())))
}
