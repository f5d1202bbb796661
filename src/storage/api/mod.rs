//! The endpoints of `/storage/v1`. Each extracts, calls one use case and answers.

pub mod admin;
pub mod bucket;
pub mod cdn;
pub mod direct;
pub mod download;
pub mod list;
pub mod object;
pub mod relocate;
pub mod render;
pub mod s3;
pub mod sign;
pub mod tus;

mod content;
mod fields;
mod form;
mod operation;

use ::http::StatusCode;
use serde_json::json;

use super::key::ObjectPath;
use super::upload::Terms;
use super::{Storage, StorageError};
use crate::caller::Caller;
use crate::http::{Asked, Context, Failure, Refusal, Response, ResponseExt, json_response};

impl Storage {
    /// As the request's caller meets it.
    fn of(context: &Context) -> Self {
        let operation = operation::of(context);
        Self {
            app: context.app.clone(),
            caller: Caller { operation, ..context.caller.clone() },
            background: context.background.clone(),
        }
    }
}

/// The object that the URL names with `{bucket}` and `{*path}`.
fn object_path(context: &Context) -> Result<ObjectPath, StorageError> {
    let (bucket, key) = (context.parameters.get("bucket"), context.parameters.get("path"));
    ObjectPath::new(bucket, key, context.app.config.storage.key_characters())
}

/// The caller as owner, and `x-upsert`, which must be exactly `true`.
fn terms(context: &Context) -> Terms {
    Terms {
        owner: context.caller.user_id().map(str::to_string),
        upsert: context.header("x-upsert") == Some("true"),
    }
}

fn message(text: &str) -> Response {
    json_response(StatusCode::OK, &json!({"message": text}))
}

/// `GET /status`: the Worker runs. Asks no store.
pub async fn status(_: Context) -> Result<Response, Refusal> {
    Ok(json_response(StatusCode::OK, &json!({"healthy": true})))
}

impl Failure for StorageError {
    fn render(&self, _: &Asked) -> Response {
        let row = self.row();
        let status = StatusCode::from_u16(row.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body =
            json!({"statusCode": row.status, "error": row.error, "message": row.message, "code": row.code});
        if let (Some(hint), Some(fields)) = (self.hint(), body.as_object_mut()) {
            fields.insert("hint".into(), hint.into());
        }
        let response = json_response(status, &body);
        let response = match self {
            Self::NoBytes => response.with_header(::http::header::CACHE_CONTROL, "no-store"),
            Self::InvalidRange(size) => {
                response.with_header(::http::header::CONTENT_RANGE, format!("bytes */{size}"))
            }
            _ => response,
        };
        match self.cause() {
            Some(cause) => response.with_cause(cause),
            None => response,
        }
    }
}
