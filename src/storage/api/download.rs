//! `GET` and `HEAD` of objects, and `/object/info`.
//!
//! Caching: an object of a public bucket goes out with its own `Cache-Control`. Any other goes out
//! as `private`, with nothing that would let a shared cache keep it, whatever its uploader stored:
//! a cache in front of the Worker does not ask policies.

use ::http::StatusCode;
use ::http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL,
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EXPIRES, IF_MATCH, IF_UNMODIFIED_SINCE, LAST_MODIFIED,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use ::http::{HeaderName, Method};
use chrono::DateTime;
use percent_encoding::utf8_percent_encode;
use serde_json::json;
use serde_json::value::RawValue;

use super::object::token;
use super::object_path;
use crate::caller::{Access, Caller};
use crate::http::{Api, Body, Context, Response, ResponseExt, authenticate, json_response, respond};
use crate::storage::download::{Conditions, Door, Download, Found, download, find};
use crate::storage::edge::CacheStatus;
use crate::storage::key::{COMPONENT, ObjectPath};
use crate::storage::metadata::Metadata;
use crate::storage::signed_url::{Scope, SignedUrl};
use crate::storage::{Storage, StorageError, edge_answer, mime};
use crate::time::Timestamp;

/// Whether the bytes came from the edge.
pub const CACHE_STATUS: HeaderName = HeaderName::from_static("cf-cache-status");

/// What a page may read of a download that the edge answers by itself, besides what every page may.
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Range, Date, ETag, CF-Cache-Status";

/// `GET /object/public/{bucket}/{path}`: an object of a public bucket.
pub async fn public(context: Context) -> Result<Response, StorageError> {
    let is_own_url = is_own_url(&context, &object_path(&context)?);
    let door = if is_own_url { Door::OwnUrl } else { Door::Public };
    serve(&context, &Storage::of(&context), door, None).await
}

/// Whether the whole object is asked for by the one URL under which the edge may answer the next time.
fn is_own_url(context: &Context, path: &ObjectPath) -> bool {
    context.method == Method::GET
        && context.query.is_empty()
        && !context.headers.contains_key(RANGE)
        && edge_answer::url(&context.app, path)
            .is_some_and(|url| url.strip_prefix(&context.origin) == Some(&context.path))
}

/// `GET /object/authenticated/{bucket}/{path}`: an object the caller sees.
pub async fn authenticated(context: Context) -> Result<Response, StorageError> {
    serve(&context, &Storage::of(&context), Door::Caller, None).await
}

/// `GET /object/{bucket}/{path}`: an object the caller sees; without a good token, one of a public bucket.
pub async fn any(context: Context) -> Result<Response, StorageError> {
    let storage = Storage::of(&context);
    match authenticate(&context.app, Api::Storage, Access::Token, &context.headers).await {
        Ok(caller) => {
            serve(
                &context,
                &Storage { caller: Caller { operation: storage.caller.operation, ..caller }, ..storage },
                Door::Caller,
                None,
            )
            .await
        }
        Err(_) => serve(&context, &storage, Door::Public, None).await,
    }
}

/// `GET /object/sign/{bucket}/{path}?token=`: an object, by signed URL.
pub async fn signed(context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let token = token(&context)?;
    let (secret, now) = (&context.app.config.jwt_secret, context.app.now());
    let signed = SignedUrl::verify(&token, secret, now, Scope::Download, &path)?;
    // Whoever was given a small image was not given the large one.
    if signed.transformations.is_some() {
        return Err(StorageError::InvalidSignature("Token is for a transformed image"));
    }
    serve(&context, &Storage::of(&context), Door::SignedUrl, Some(Timestamp::from_seconds(signed.exp))).await
}

/// `GET /object/info/{bucket}/{path}` and `/object/info/authenticated/…`: what is known of an object the caller sees.
pub async fn info(context: Context) -> Result<Response, StorageError> {
    describe(&context, Door::Caller).await
}

/// `GET /object/info/public/{bucket}/{path}`: what is known of an object of a public bucket.
pub async fn public_info(context: Context) -> Result<Response, StorageError> {
    describe(&context, Door::Public).await
}

/// Bytes for GET; for HEAD the row alone answers.
async fn serve(
    context: &Context,
    storage: &Storage,
    door: Door,
    expires: Option<Timestamp>,
) -> Result<Response, StorageError> {
    let path = object_path(context)?;
    if context.method == Method::HEAD {
        let found = find(storage, &path, door).await?;
        return Ok(head(context, &found, expires));
    }
    Ok(match download(storage, &path, door, &conditions(context)).await? {
        Download::NotModified(found) => {
            with_validators(respond(StatusCode::NOT_MODIFIED, Body::Empty), &found, expires)
        }
        Download::Whole(found, body, cache) => {
            let response = with_headers(respond(StatusCode::OK, body), context, &found, expires)
                .with_header(CACHE_STATUS, cache.name());
            if door == Door::OwnUrl { kept_at_edge(storage, &path, &found, response) } else { response }
        }
        Download::Part(found, part, body, cache) => {
            let size = found.metadata.length().unwrap_or(part.offset + part.length);
            let range = format!("bytes {}-{}/{size}", part.offset, part.offset + part.length - 1);
            with_headers(respond(StatusCode::PARTIAL_CONTENT, body), context, &found, expires)
                .with_header(CONTENT_RANGE, range)
                .with_header(CACHE_STATUS, cache.name())
        }
    })
}

/// Has the edge give this answer from now on, to every page, if the object may be kept.
fn kept_at_edge(storage: &Storage, path: &ObjectPath, found: &Found, response: Response) -> Response {
    let Some(control) = edge_answer::cache_control(found) else { return response };
    let (head, body) = response.into_parts();
    let kept = Response::from_parts(head.clone(), Body::Empty)
        .with_header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .with_header(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
        .with_header(CACHE_CONTROL, control)
        .with_header(CACHE_STATUS, CacheStatus::Hit.name());
    let body = edge_answer::keep(storage, path, found, kept.into_parts().0.headers, body);
    Response::from_parts(head, body).with_header(CACHE_STATUS, CacheStatus::Miss.name())
}

fn head(context: &Context, found: &Found, expires: Option<Timestamp>) -> Response {
    let response = with_headers(respond(StatusCode::OK, Body::Empty), context, found, expires);
    match found.metadata.length() {
        Some(length) => response.with_header(CONTENT_LENGTH, length.to_string()),
        None => response,
    }
}

async fn describe(context: &Context, door: Door) -> Result<Response, StorageError> {
    let found = find(&Storage::of(context), &object_path(context)?, door).await?;
    if context.method == Method::HEAD {
        return Ok(head(context, &found, None));
    }
    let user_metadata = found.object.user_metadata.clone().unwrap_or_else(|| "{}".to_string());
    let body = json!({
        "id": found.object.id,
        "name": context.parameters.get("path"),
        "version": found.object.version,
        "bucket_id": context.parameters.get("bucket"),
        "size": found.metadata.length(),
        "content_type": found.metadata.mimetype,
        "cache_control": found.metadata.cache_control,
        "etag": found.metadata.e_tag,
        "metadata": RawValue::from_string(user_metadata).ok(),
        "last_modified": found.object.updated_at,
        "created_at": found.object.created_at,
    });
    Ok(with_validators(json_response(StatusCode::OK, &body), &found, None))
}

/// What a request asks besides the object.
pub fn conditions(context: &Context) -> Conditions {
    let header = |name| context.header(name).map(str::to_string);
    Conditions {
        range: header("range"),
        if_range: header("if-range"),
        if_none_match: header("if-none-match"),
        if_modified_since: context.header("if-modified-since").and_then(http_date),
        has_others: context.headers.contains_key(IF_MATCH)
            || context.headers.contains_key(IF_UNMODIFIED_SINCE),
    }
}

/// Reads an HTTP date.
pub fn http_date(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc2822(text).ok().map(|date| Timestamp::from_seconds(date.timestamp()))
}

fn with_headers(
    response: Response,
    context: &Context,
    found: &Found,
    expires: Option<Timestamp>,
) -> Response {
    let mime_type = found.metadata.mimetype.as_deref().unwrap_or("application/octet-stream");
    let response = with_validators(response, found, expires).with_header(ACCEPT_RANGES, "bytes");
    with_type(with_uploaders_headers(response, &found.metadata), context, found, mime_type)
}

/// What an upload by S3 said that its downloads should say.
pub fn with_uploaders_headers(mut response: Response, metadata: &Metadata) -> Response {
    let said = [
        (CONTENT_ENCODING, &metadata.content_encoding),
        (CONTENT_DISPOSITION, &metadata.content_disposition),
        (CONTENT_LANGUAGE, &metadata.content_language),
    ];
    for (name, value) in said {
        if let Some(value) = value {
            response = response.with_header(name, value);
        }
    }
    response
}

/// What a browser needs to know before it shows the bytes, and whether it is to save them instead.
pub fn with_type(response: Response, context: &Context, found: &Found, mime_type: &str) -> Response {
    let robots_tag = found.metadata.x_robots_tag.as_deref().unwrap_or("none");
    let mut response = response
        .with_header(CONTENT_TYPE, mime::served_as(mime_type))
        .with_header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .with_header(HeaderName::from_static("x-robots-tag"), robots_tag);
    if mime::can_run_scripts(mime_type) {
        response = response.with_header(CONTENT_SECURITY_POLICY, "sandbox");
    }
    match context.query_parameter("download") {
        None => response,
        Some(name) => response.with_header(CONTENT_DISPOSITION, attachment(&name)),
    }
}

/// What a cache needs to know: `ETag`, `Last-Modified`, and the rest.
fn with_validators(mut response: Response, found: &Found, expires: Option<Timestamp>) -> Response {
    if let Some(tag) = &found.metadata.e_tag {
        response = response.with_header(ETAG, tag);
    }
    if let Some(modified) = found.metadata.modified_at() {
        response = response.with_header(LAST_MODIFIED, modified.to_http_date());
    }
    with_freshness(response, found, expires)
}

/// How long and for whom a cache keeps it.
pub fn with_freshness(response: Response, found: &Found, expires: Option<Timestamp>) -> Response {
    let stored = found.metadata.cache_control.as_deref().unwrap_or_default();
    match expires {
        Some(at) => response.with_header(EXPIRES, at.to_http_date()).with_header(CACHE_CONTROL, "private"),
        None if found.is_public && stored.is_empty() => response.with_header(CACHE_CONTROL, "no-cache"),
        None if found.is_public => response.with_header(CACHE_CONTROL, stored),
        None => response.with_header(CACHE_CONTROL, private(stored)),
    }
}

/// `public, max-age=60, s-maxage=90` → `private, max-age=60`: without what makes a shared cache keep
/// the answer to a request that carries a token (RFC 9111 §3.5).
pub fn private(stored: &str) -> String {
    const FOR_SHARED_CACHES: [&str; 5] =
        ["public", "private", "must-revalidate", "proxy-revalidate", "s-maxage"];
    let mut directives = vec!["private"];
    directives.extend(stored.split(',').map(str::trim).filter(|directive| {
        let name = directive.split('=').next().unwrap_or_default().trim().to_ascii_lowercase();
        !name.is_empty() && !FOR_SHARED_CACHES.contains(&name.as_str())
    }));
    directives.join(", ")
}

fn attachment(name: &str) -> String {
    if name.is_empty() {
        return "attachment;".to_string();
    }
    let name = utf8_percent_encode(name, COMPONENT);
    format!("attachment; filename={name}; filename*=UTF-8''{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_answers_say_nothing_to_shared_caches() {
        let rows = [
            ("max-age=3600", "private, max-age=3600"),
            ("public, max-age=60, s-maxage=90", "private, max-age=60"),
            ("Public,S-MaxAge = 9, immutable", "private, immutable"),
            ("no-cache", "private, no-cache"),
            ("", "private"),
        ];
        for (stored, expected) in rows {
            assert_eq!(private(stored), expected);
        }
    }
}
