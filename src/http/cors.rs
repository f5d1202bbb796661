//! Cross-origin requests, as the hosted gateway answers them: any origin, no credentials.

use ::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use ::http::{Method, StatusCode};

use super::{Body, Request, Response, ResponseExt, respond};

/// Headers of ours that a page may read.
const EXPOSED: &str = "Content-Encoding, Content-Location, Content-Range, Content-Type, Content-Length, Date, ETag, \
    Link, Location, Preference-Applied, Range-Unit, Retry-After, Server, X-Request-Id, X-Sb-Error-Code, \
    X-Supabase-Api-Version, X-Total-Count, Server-Timing, X-Edgeward-Cost, X-Edgeward-Request, X-D1-Bookmark, Tus-Resumable, Tus-Version, Tus-Extension, \
    Tus-Max-Size, Tus-Complete, Upload-Offset, Upload-Length, Upload-Defer-Length, Upload-Metadata, Upload-Expires, \
    x-amz-request-id, x-amz-missing-meta, x-amz-version-id, CF-Cache-Status, X-Transformations";

/// Allowed when a preflight does not name any.
const ALLOWED: &str = "Authorization, apikey, Content-Type, X-Client-Info, X-Supabase-Api-Version, Prefer, \
    Accept-Profile, Content-Profile, Range, x-upsert";

/// The answer to a preflight, or `None` when the request is not one.
pub fn preflight(request: &Request) -> Option<Response> {
    let is_preflight = request.method == Method::OPTIONS
        && request.headers.contains_key(ORIGIN)
        && request.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    let asked = request.headers.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|value| value.to_str().ok());
    Some(
        respond(StatusCode::NO_CONTENT, Body::Empty)
            .with_header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
            .with_header(ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PATCH, PUT, DELETE, OPTIONS")
            .with_header(ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(ALLOWED))
            .with_header(ACCESS_CONTROL_MAX_AGE, "86400")
            .with_header(VARY, "Access-Control-Request-Headers"),
    )
}

/// Opens a response to the page that asked for it.
pub fn expose(response: Response) -> Response {
    response.with_header(ACCESS_CONTROL_ALLOW_ORIGIN, "*").with_header(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
}
