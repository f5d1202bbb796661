//! `/object/sign` and `/object/upload/sign`: making signed URLs.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::content::user_metadata_header;
use super::fields::{Fields, invalid};
use super::{object_path, terms};
use crate::http::{Context, Response, json_response};
use crate::storage::image::Transform;
use crate::storage::metadata::Metadata;
use crate::storage::{Storage, StorageError, sign};

/// The most URLs in one request.
const MOST_PATHS: usize = 1000;

/// The last second of the year 9999, after which no date can be written.
const END_OF_TIME: i64 = 253_402_300_799;

/// `POST /object/sign/{bucket}/{path}`: a URL that reads an object for some seconds.
pub async fn download(mut context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let fields = Fields::read(&mut context).await?;
    let seconds = expires_in(&context, &fields)?;
    let transform = transform(&context, &fields)?;
    let url = sign::download(&Storage::of(&context), &path, seconds, &transform).await?;
    Ok(json_response(StatusCode::OK, &json!({"signedURL": url})))
}

/// `POST /object/sign/{bucket}`: the same for several objects.
pub async fn downloads(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let seconds = expires_in(&context, &fields)?;
    let paths = fields.required("paths", fields.texts("paths")?)?;
    if paths.is_empty() {
        return Err(invalid("body/paths must NOT have fewer than 1 items".to_string()));
    }
    if paths.len() > MOST_PATHS {
        return Err(invalid(format!("body/paths must NOT have more than {MOST_PATHS} items")));
    }
    let bucket = context.parameters.get("bucket");
    let signed = sign::downloads(&Storage::of(&context), bucket, &paths, seconds).await?;
    Ok(json_response(StatusCode::OK, &signed))
}

/// `POST /object/upload/sign/{bucket}/{path}`: a URL that uploads an object. Policies see the type,
/// the length and the user metadata that this request's headers announce.
pub async fn upload(context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let size = context.header("content-length").and_then(|length| length.parse().ok());
    let metadata = Metadata {
        mimetype: context.header("content-type").map(str::to_string),
        content_length: size,
        size,
        ..Metadata::default()
    };
    let user_metadata = user_metadata_header(&context);
    let storage = Storage::of(&context);
    let signed = sign::upload(&storage, &path, &terms(&context), &metadata, user_metadata.as_deref()).await?;
    Ok(json_response(StatusCode::OK, &signed))
}

/// `transform`, when images are rendered at all; else it is not looked at, as upstream.
fn transform(context: &Context, fields: &Fields) -> Result<Transform, StorageError> {
    let wanted = fields.object("transform")?;
    let Some(wanted) = wanted.filter(|_| context.app.config.storage.image_transformation) else {
        return Ok(Transform::default());
    };
    Transform::read("body/transform", |name| match wanted.value(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(invalid(format!("body/transform/{name} must be string"))),
    })
}

fn expires_in(context: &Context, fields: &Fields) -> Result<i64, StorageError> {
    let seconds = fields.required("expiresIn", fields.integer("expiresIn", 1)?)?;
    let longest = END_OF_TIME - context.app.now().seconds();
    if seconds > longest { Err(StorageError::InvalidParameter("expiresIn")) } else { Ok(seconds) }
}
