//! `/render/image`: objects as images of another size or format.
//!
//! The answer depends on `Accept` unless a format is asked for, and says so in `Vary`.

use ::http::header::{ACCEPT, ETAG, VARY};
use ::http::{HeaderName, StatusCode};

use super::download::{CACHE_STATUS, with_freshness, with_type};
use super::object::token;
use super::object_path;
use crate::http::{Body, Context, Response, ResponseExt, respond};
use crate::storage::download::Door;
use crate::storage::image::{Rendering, Transform, Wish, render};
use crate::storage::signed_url::{Scope, SignedUrl};
use crate::storage::{Storage, StorageError};
use crate::time::Timestamp;

/// `GET /render/image/public/{bucket}/{path}`: of an object of a public bucket.
pub async fn public(context: Context) -> Result<Response, StorageError> {
    serve(&context, Door::Public, &of_query(&context)?, None).await
}

/// `GET /render/image/authenticated/{bucket}/{path}`: of an object the caller sees.
pub async fn authenticated(context: Context) -> Result<Response, StorageError> {
    serve(&context, Door::Caller, &of_query(&context)?, None).await
}

/// `GET /render/image/sign/{bucket}/{path}?token=`: by signed URL, which says what is made of the object.
pub async fn signed(context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let token = token(&context)?;
    let (secret, now) = (&context.app.config.jwt_secret, context.app.now());
    let signed = SignedUrl::verify(&token, secret, now, Scope::Download, &path)?;
    let transform = Transform::of_token(signed.transformations.as_deref().unwrap_or_default());
    serve(&context, Door::SignedUrl, &transform, Some(Timestamp::from_seconds(signed.exp))).await
}

fn of_query(context: &Context) -> Result<Transform, StorageError> {
    Transform::read("querystring", |name| Ok(context.query_parameter(name)))
}

async fn serve(
    context: &Context,
    door: Door,
    transform: &Transform,
    expires: Option<Timestamp>,
) -> Result<Response, StorageError> {
    let accept = context.header("accept").unwrap_or_default();
    let wish = Wish {
        transform,
        accepts_webp: accept.split(',').any(|range| range.trim().starts_with("image/webp")),
        if_none_match: context.header("if-none-match"),
    };
    let rendering = render(&Storage::of(context), &object_path(context)?, door, &wish).await?;
    Ok(respond_with(context, rendering, transform, expires))
}

fn respond_with(
    context: &Context,
    rendering: Rendering,
    transform: &Transform,
    expires: Option<Timestamp>,
) -> Response {
    let Rendering { found, etag, image, cache } = rendering;
    let response = match image {
        None => respond(StatusCode::NOT_MODIFIED, Body::Empty),
        Some((body, mime_type)) => with_type(respond(StatusCode::OK, body), context, &found, &mime_type)
            .with_header(CACHE_STATUS, cache.name()),
    };
    let response = with_freshness(response.with_header(ETAG, &etag), &found, expires);
    let response = match transform.format {
        None => response.with_header(VARY, ACCEPT.as_str()),
        Some(_) => response,
    };
    match transform.to_header() {
        said if said.is_empty() => response,
        said => response.with_header(HeaderName::from_static("x-transformations"), said),
    }
}
