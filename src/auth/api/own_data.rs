//! `GET /auth/v1/user/export` and `DELETE /auth/v1/user`: a person's data, to them or gone.

use ::http::StatusCode;
use ::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use serde::Deserialize;

use super::admin::user_id;
use super::body::{given, read_optional_json};
use crate::auth::error::Error;
use crate::auth::own_data;
use crate::http::{Body, Context, Response, ResponseExt, json_response, respond};

/// The caller's data as one JSON document.
pub async fn export_user(context: Context) -> Result<Response, Error> {
    let export = own_data::export(&context.app, &context.caller).await?;
    Ok(download(json_response(StatusCode::OK, &export)))
}

/// `GET /auth/v1/admin/users/{id}/export`: the same of anyone.
pub async fn export_any_user(context: Context) -> Result<Response, Error> {
    let export = own_data::export_any(&context.app, user_id(&context)?).await?;
    Ok(download(json_response(StatusCode::OK, &export)))
}

fn download(response: Response) -> Response {
    response
        .with_header(CONTENT_DISPOSITION, "attachment; filename=\"user.json\"")
        .with_header(CACHE_CONTROL, "no-store")
}

#[derive(Default, Deserialize)]
struct ErasureBody {
    password: Option<String>,
}

/// 204: the account is gone.
pub async fn erase_user(mut context: Context) -> Result<Response, Error> {
    let body: ErasureBody = read_optional_json(&mut context).await?;
    own_data::erase(&context.app, &context.caller, given(body.password.as_ref())).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}
