//! `/upload/direct` and `/download/direct`: URLs that lead past the Worker to R2, when the account's keys are set; to the
//! Worker's own signed URLs when they are not, so that a client need not know.

use ::http::StatusCode;
use serde_json::json;

use super::fields::{Fields, invalid};
use super::{object_path, terms};
use crate::http::{Context, Response, json_response};
use crate::storage::direct::{self, Announced, URL_SECONDS};
use crate::storage::image::Transform;
use crate::storage::metadata::Metadata;
use crate::storage::{Storage, StorageError, sign};

/// The longest that a URL of R2's lives: seven days.
const LONGEST: i64 = 7 * 24 * 60 * 60;

/// `POST /upload/direct/{bucket}/{path}` with `{size, contentType, cacheControl, metadata}`: where to put the bytes, with which
/// headers, and the URL to `PUT` to when they are there, or null when that is not needed.
pub async fn begin(mut context: Context) -> Result<Response, StorageError> {
    let (path, terms) = (object_path(&context)?, terms(&context));
    let fields = Fields::read(&mut context).await?;
    let size = fields.required("size", fields.integer("size", 0)?)?.unsigned_abs();
    let mime_type = fields.text("contentType")?.unwrap_or_else(|| "application/octet-stream".to_string());
    let seconds = fields.integer("cacheControl", 0)?;
    let user_metadata = fields.object("metadata")?.and(fields.value("metadata")).map(ToString::to_string);
    let storage = Storage::of(&context);
    let Some(account) = &context.app.config.storage.r2 else {
        let metadata =
            Metadata { mimetype: Some(mime_type.clone()), size: Some(size), ..Metadata::default() };
        let signed = sign::upload(&storage, &path, &terms, &metadata, user_metadata.as_deref()).await?;
        let signed = serde_json::to_value(&signed).unwrap_or_default();
        let url = signed.get("url").and_then(serde_json::Value::as_str).unwrap_or_default();
        let url = format!("{}/storage/v1{url}", context.origin);
        let headers = json!({"content-type": mime_type});
        let answer = json!({"method": "PUT", "url": url, "headers": headers, "finish": null});
        return Ok(json_response(StatusCode::OK, &answer));
    };
    let announced = Announced {
        size,
        mime_type,
        cache_control: seconds.map_or("no-cache".to_string(), |seconds| format!("max-age={seconds}")),
        user_metadata,
    };
    let target = direct::begin(&storage, account, &path, &announced, &terms).await?;
    let headers: serde_json::Map<_, _> =
        target.headers.into_iter().map(|(name, value)| (name.to_string(), value.into())).collect();
    let finish = format!("{}{}?upload={}", context.origin, context.path, target.id);
    let answer = json!({
        "method": "PUT", "url": target.url, "headers": headers, "finish": finish, "expiresIn": URL_SECONDS,
    });
    Ok(json_response(StatusCode::OK, &answer))
}

/// `PUT /upload/direct/{bucket}/{path}?upload=`: the bytes are in R2; the object comes to be. With `x-upsert` as it began.
pub async fn finish(context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let id = context.query_parameter("upload");
    let id = id.ok_or_else(|| invalid("querystring must have required property 'upload'".to_string()))?;
    direct::finish(&Storage::of(&context), &path, &id, &terms(&context)).await?;
    Ok(json_response(StatusCode::OK, &json!({"Key": path.to_string()})))
}

/// `POST /download/direct/{bucket}/{path}` with `{expiresIn}`: a URL that reads the object as it is now.
pub async fn download(mut context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let fields = Fields::read(&mut context).await?;
    let seconds = fields.required("expiresIn", fields.integer("expiresIn", 1)?)?;
    if seconds > LONGEST {
        return Err(StorageError::InvalidParameter("expiresIn"));
    }
    let storage = Storage::of(&context);
    let url = match &context.app.config.storage.r2 {
        Some(account) => direct::download(&storage, account, &path, seconds).await?,
        None => {
            let url = sign::download(&storage, &path, seconds, &Transform::default()).await?;
            format!("{}/storage/v1{url}", context.origin)
        }
    };
    Ok(json_response(StatusCode::OK, &json!({"url": url})))
}
