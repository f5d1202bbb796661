//! Renders [`Error`] in both of GoTrue's formats.

use ::http::StatusCode;
use ::http::header::RETRY_AFTER;
use serde_json::{Map, json};

use crate::auth::error::Error;
use crate::http::{Asked, Failure, Response, ResponseExt, auth_error_with, json_response};

impl Failure for Error {
    fn render(&self, asked: &Asked) -> Response {
        let (status, code, message) = self.row();
        let mut more = Map::new();
        if let Some((error, description)) = self.oauth() {
            more.insert("error".into(), json!(error));
            more.insert("error_description".into(), json!(description));
            if code.is_empty() {
                return json_response(StatusCode::BAD_REQUEST, &more);
            }
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Self::WeakPassword(weakness) = self {
            more.insert("weak_password".into(), json!({"reasons": weakness.reasons}));
        }
        let response = auth_error_with(asked, status, code, &message, more);
        let response = match self {
            Self::RequestLimit(seconds) => response.with_header(RETRY_AFTER, seconds.to_string()),
            _ => response,
        };
        match self.cause() {
            None => response,
            Some(cause) => response.with_cause(cause),
        }
    }
}
