//! Renders [`Error`] in both of GoTrue's formats.

use ::http::StatusCode;
use serde_json::{Map, json};

use crate::auth::error::Error;
use crate::http::{Asked, Failure, Response, ResponseExt, auth_error_with, json_response};

impl Failure for Error {
    fn render(&self, asked: &Asked) -> Response {
        if let Self::Provider(error) = self
            && let Some((error, description)) = error.oauth()
        {
            let body = json!({"error": error, "error_description": description});
            return json_response(StatusCode::BAD_REQUEST, &body);
        }
        let (status, code, message) = self.row();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut more = Map::new();
        if let Self::WeakPassword(weakness) = self {
            more.insert("weak_password".into(), json!({"reasons": weakness.reasons}));
        }
        let response = auth_error_with(asked, status, code, &message, more);
        match self.cause() {
            None => response,
            Some(cause) => response.with_cause(cause),
        }
    }
}
