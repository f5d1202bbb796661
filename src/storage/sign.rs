//! Making signed URLs, for those who may do what the URL allows.

use serde::{Deserialize, Serialize};

use super::image::Transform;
use super::key::ObjectPath;
use super::metadata::Metadata;
use super::signed_url::SignedUrl;
use super::store::{self, batch};
use super::upload::{Terms, may_upload};
use super::{Storage, StorageError};

/// What several paths give where one gives an error.
const NOT_THERE: &str = "Either the object does not exist or you do not have access to it";

/// One of several signed URLs.
#[derive(Serialize)]
pub struct Signed {
    error: Option<&'static str>,
    path: String,
    #[serde(rename = "signedURL")]
    signed_url: Option<String>,
}

/// A signed upload URL.
#[derive(Serialize)]
pub struct SignedUpload {
    url: String,
    token: String,
}

/// A URL, under `/storage/v1`, that reads an object for some seconds, or an image made of it.
pub async fn download(
    storage: &Storage,
    path: &ObjectPath,
    seconds: i64,
    transform: &Transform,
) -> Result<String, StorageError> {
    batch(storage, |access| Ok(vec![store::object::require_visible(access, path)?])).await?;
    if transform.is_empty() {
        return download_url(storage, path, seconds);
    }
    let signed = SignedUrl {
        transformations: Some(transform.to_token()),
        ..SignedUrl::download(path, storage.app.now(), seconds)
    };
    let token = signed.sign(&storage.app.config.jwt_secret)?;
    Ok(format!("/render/image/sign/{path}?token={token}"))
}

/// The same for several objects of a bucket; an object that the caller does not see has an error.
pub async fn downloads(
    storage: &Storage,
    bucket: &str,
    keys: &[String],
    seconds: i64,
) -> Result<Vec<Signed>, StorageError> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
    }
    let names = serde_json::to_string(keys).map_err(|error| StorageError::Internal(error.to_string()))?;
    let results =
        batch(storage, |access| Ok(vec![store::object::visible_names(access, bucket, &names)?])).await?;
    let visible: Vec<Row> = results.at(0)?.decode()?;
    let visible: std::collections::HashSet<String> = visible.into_iter().map(|row| row.name).collect();
    let signed = |key: &String| {
        let path = key.clone();
        if !visible.contains(key) {
            return Ok(Signed { error: Some(NOT_THERE), path, signed_url: None });
        }
        let url =
            download_url(storage, &ObjectPath { bucket: bucket.to_string(), key: path.clone() }, seconds)?;
        Ok(Signed { error: None, path, signed_url: Some(url) })
    };
    keys.iter().map(signed).collect()
}

/// A URL that uploads an object once, or again with `upsert`, as the caller may now.
pub async fn upload(
    storage: &Storage,
    path: &ObjectPath,
    terms: &Terms,
    metadata: &Metadata,
    user_metadata: Option<&str>,
) -> Result<SignedUpload, StorageError> {
    may_upload(storage, path, terms, metadata, user_metadata).await?;
    let config = &storage.app.config;
    let seconds = i64::try_from(config.storage.signed_upload_seconds).unwrap_or(i64::MAX);
    let signed = SignedUrl::upload(path, storage.app.now(), seconds, terms.owner.as_deref(), terms.upsert);
    let token = signed.sign(&config.jwt_secret)?;
    Ok(SignedUpload { url: format!("/object/upload/sign/{path}?token={token}"), token })
}

fn download_url(storage: &Storage, path: &ObjectPath, seconds: i64) -> Result<String, StorageError> {
    let token = SignedUrl::download(path, storage.app.now(), seconds).sign(&storage.app.config.jwt_secret)?;
    Ok(format!("/object/sign/{path}?token={token}"))
}
