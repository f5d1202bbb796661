//! `/object`: uploading and removing.

use ::http::StatusCode;
use serde_json::json;

use super::fields::{Fields, invalid};
use super::{content, message, object_path, terms};
use crate::http::{Body, Context, Response, json_response, json_text};
use crate::storage::key::ObjectPath;
use crate::storage::signed_url::{Scope, SignedUrl};
use crate::storage::upload::{Terms, upload};
use crate::storage::{Storage, StorageError, remove};

/// `POST /object/{bucket}/{path}`: uploads an object; replaces one with `x-upsert: true`.
pub async fn create(context: Context) -> Result<Response, StorageError> {
    let terms = terms(&context);
    store(context, terms).await
}

/// `PUT /object/{bucket}/{path}`: uploads an object, replacing one that is there.
pub async fn replace(context: Context) -> Result<Response, StorageError> {
    let terms = Terms { upsert: true, ..terms(&context) };
    store(context, terms).await
}

async fn store(mut context: Context, terms: Terms) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let content = content::read(&mut context).await?;
    let written = upload(&Storage::of(&context), &path, content, &terms).await?;
    Ok(json_response(StatusCode::OK, &json!({"Id": written.id, "Key": path.to_string()})))
}

/// `PUT /object/upload/sign/{bucket}/{path}?token=`: uploads with a signed URL. Whose it becomes
/// and whether it replaces stands in the token; policies were asked when it was made.
pub async fn replace_signed(mut context: Context) -> Result<Response, StorageError> {
    let path = object_path(&context)?;
    let token = token(&context)?;
    let (secret, now) = (&context.app.config.jwt_secret, context.app.now());
    let signed = SignedUrl::verify(&token, secret, now, Scope::Upload, &path)?;
    let terms = Terms { owner: signed.owner, upsert: signed.upsert.unwrap_or(false) };
    let content = content::read(&mut context).await?;
    upload(&Storage::of(&context).as_system(), &path, content, &terms).await?;
    Ok(json_response(StatusCode::OK, &json!({"Key": path.to_string()})))
}

/// The `token` of a signed URL.
pub fn token(context: &Context) -> Result<String, StorageError> {
    let token = context.query_parameter("token");
    token.ok_or_else(|| invalid("querystring must have required property 'token'".to_string()))
}

/// `DELETE /object/{bucket}/{path}`: removes an object.
pub async fn delete(context: Context) -> Result<Response, StorageError> {
    let (bucket, key) =
        (context.parameters.get("bucket").to_string(), context.parameters.get("path").to_string());
    remove::one(&Storage::of(&context), &ObjectPath { bucket, key }).await?;
    Ok(message("Successfully deleted"))
}

/// `DELETE /object/{bucket}`: removes the objects with exactly these names, gives their rows. Ours: with `folder` in the
/// place of `prefixes`, everything beneath it.
pub async fn delete_many(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    if let Some(folder) = fields.text("folder")? {
        let folder = format!("{}/", folder.trim_end_matches('/'));
        if folder == "/" || fields.has_any(&["prefixes"]) {
            return Err(invalid("body/folder must name a folder, without prefixes".to_string()));
        }
        let bucket = context.parameters.get("bucket");
        let removed = remove::folder(&Storage::of(&context), bucket, &folder).await?;
        return Ok(json_response(StatusCode::OK, &removed));
    }
    let keys = fields.required("prefixes", fields.texts("prefixes")?)?;
    if keys.is_empty() {
        return Err(invalid("body/prefixes must NOT have fewer than 1 items".to_string()));
    }
    let removed = remove::many(&Storage::of(&context), context.parameters.get("bucket"), &keys).await?;
    Ok(json_text(StatusCode::OK, Body::Text(removed)))
}
