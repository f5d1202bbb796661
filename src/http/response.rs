//! Building responses.

use ::http::header::{CONTENT_TYPE, HeaderName};
use ::http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::Body;

/// A response on its way out.
pub type Response = ::http::Response<Body>;

/// Why a request failed, for the log and never for the caller. Travels in the response's extensions.
#[derive(Clone, Debug)]
pub struct Cause(pub String);

/// A response with a status and a body and no headers.
pub fn respond(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

/// A JSON response from a value.
pub fn json_response(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => json_text(status, text),
        Err(error) => respond(StatusCode::INTERNAL_SERVER_ERROR, Body::Empty).with_cause(error.to_string()),
    }
}

/// A JSON response from text that is JSON already.
pub fn json_text(status: StatusCode, text: impl Into<Body>) -> Response {
    respond(status, text).with_header(CONTENT_TYPE, "application/json; charset=utf-8")
}

/// Adding to a response in one expression.
pub trait ResponseExt {
    /// Sets a header. A value that no header can hold is left out, and said in the log.
    #[must_use]
    fn with_header(self, name: HeaderName, value: impl AsRef<str>) -> Self;
    /// Notes the cause of a failure for the log.
    #[must_use]
    fn with_cause(self, cause: impl Into<String>) -> Self;
}

impl ResponseExt for Response {
    fn with_header(mut self, name: HeaderName, value: impl AsRef<str>) -> Self {
        match HeaderValue::from_str(value.as_ref()) {
            Ok(value) => {
                self.headers_mut().insert(name, value);
                self
            }
            Err(_) => self.with_cause(format!("the header {name} cannot hold its value")),
        }
    }

    fn with_cause(mut self, cause: impl Into<String>) -> Self {
        self.extensions_mut().insert(Cause(cause.into()));
        self
    }
}
