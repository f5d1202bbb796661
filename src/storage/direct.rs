//! Uploads and downloads past the Worker, by presigned URLs of R2: for files that are larger than a request may be, or
//! that should not cost the Worker's time. Beyond Supabase.
//!
//! An upload is announced, which asks the policies and the bucket's limits; the client puts the bytes to R2 under a
//! key nobody else knows; then it says so, and the row is written as any upload's. A URL takes exactly the announced number of
//! bytes, and none once they are there. What is announced and never finished, the sweep deletes.

use super::key::ObjectPath;
use super::metadata::Metadata;
use super::s3::{Signed, encode_path, presign};
use super::store::multipart::Upload;
use super::store::object::Object;
use super::store::uploads::NewUpload;
use super::store::write::{ContentOf, Limits};
use super::store::{self, batch};
use super::upload::{Identity, Terms, finish_with};
use super::{Storage, StorageError};
use crate::config::R2Account;

/// How long a URL takes bytes.
pub const URL_SECONDS: i64 = 60 * 60;

/// How long after that the upload may be finished.
const FINISH_SECONDS: i64 = 24 * 60 * 60;

/// What is announced.
pub struct Announced {
    /// Bytes.
    pub size: u64,
    /// The type.
    pub mime_type: String,
    /// What `Cache-Control` says when it is downloaded.
    pub cache_control: String,
    /// The uploader's own JSON object.
    pub user_metadata: Option<String>,
}

/// Where the bytes go.
pub struct Target {
    /// The upload's id.
    pub id: String,
    /// R2's URL.
    pub url: String,
    /// Headers that the client has to send with the bytes.
    pub headers: Vec<(&'static str, String)>,
}

/// Announces an upload, if the caller may upload such an object.
pub async fn begin(
    storage: &Storage,
    account: &R2Account,
    path: &ObjectPath,
    announced: &Announced,
    terms: &Terms,
) -> Result<Target, StorageError> {
    let most = if path.is_empty_folder() { 0 } else { storage.app.config.storage.file_size_limit };
    if announced.size > most {
        return Err(StorageError::TooLarge);
    }
    let metadata = Metadata {
        mimetype: Some(announced.mime_type.clone()),
        cache_control: Some(announced.cache_control.clone()),
        size: Some(announced.size),
        content_length: Some(announced.size),
        ..Metadata::default()
    };
    let json = metadata.to_json();
    let new = Identity::new(storage);
    let user_metadata = announced.user_metadata.as_deref();
    let object = new.object(path, terms, ContentOf::Given(&json, user_metadata));
    let mime_type = (!path.is_empty_folder()).then_some(announced.mime_type.as_str());
    let limits = Limits::Of { size: Some(announced.size), mime_type };
    let expires_at = storage.app.now().plus_seconds(URL_SECONDS + FINISH_SECONDS).to_postgres();
    let row = NewUpload {
        version: &new.version,
        protocol: "direct",
        path,
        owner: terms.owner.as_deref(),
        metadata: &json,
        user_metadata,
        parts_id: None,
        now: &new.now,
        expires_at: &expires_at,
        size: Some(announced.size),
        part_size: 0,
        header: None,
    };
    let written = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &limits)?,
            store::garbage::expect(&new.version, &expires_at),
            store::uploads::create(&row),
        ])
    });
    written.await?;
    let headers = vec![
        ("content-length", announced.size.to_string()),
        ("content-type", announced.mime_type.clone()),
        // Bytes that are there are never replaced, whoever has the URL.
        ("if-none-match", "*".to_string()),
    ];
    let url = url(storage, account, "PUT", &new.version, &[], &headers, URL_SECONDS);
    Ok(Target { id: new.version, url, headers })
}

/// Makes an object of what the client has put to R2. Said twice, it is done once.
pub async fn finish(
    storage: &Storage,
    path: &ObjectPath,
    id: &str,
    terms: &Terms,
) -> Result<(), StorageError> {
    let now = storage.app.now().to_postgres();
    let find = || vec![store::multipart::find(path, "direct", id, 0, &now)];
    let results = batch(storage, |_| Ok(find())).await?;
    let upload: Upload = results.at(0)?.first()?.ok_or(StorageError::NoSuchUpload)?;
    if upload.state == "finished" {
        return Ok(());
    }
    let described: Metadata = serde_json::from_str(&upload.metadata).unwrap_or_default();
    let stored = storage.app.ports.blobs.head(id).await?;
    let stored = stored.filter(|stored| Some(stored.size) == described.size);
    let stored = stored.ok_or(StorageError::NotUploaded)?;
    let metadata = described.stored(&stored).to_json();
    let described: Metadata = serde_json::from_str(&upload.metadata).unwrap_or_default();
    let new = Identity { version: id.to_string(), ..Identity::new(storage) };
    let object = new.object(path, terms, ContentOf::Given(&metadata, upload.user_metadata.as_deref()));
    let mime_type = described.mimetype.as_deref().filter(|_| !path.is_empty_folder());
    let limits = Limits::Of { size: Some(stored.size), mime_type };
    let end = store::multipart::finish(id, &stored.etag);
    finish_with(storage, &object, &limits, &end).await?;
    Ok(())
}

/// A URL that reads the bytes that an object has now. When it is replaced, the URL leads nowhere.
pub async fn download(
    storage: &Storage,
    account: &R2Account,
    path: &ObjectPath,
    seconds: i64,
) -> Result<String, StorageError> {
    let results = batch(storage, |access| Ok(vec![store::object::find(access, path)?])).await?;
    let found: Object = results.at(0)?.first()?.ok_or(StorageError::NoSuchKey)?;
    let version = found.version.ok_or(StorageError::NoBytes)?;
    let metadata = found.metadata.as_deref().and_then(|json| serde_json::from_str::<Metadata>(json).ok());
    let metadata = metadata.unwrap_or_default();
    let mime_type = metadata.mimetype.unwrap_or_else(|| "application/octet-stream".to_string());
    let said = [
        ("response-content-type", Some(mime_type)),
        ("response-content-encoding", metadata.content_encoding),
        ("response-content-disposition", metadata.content_disposition),
        ("response-content-language", metadata.content_language),
    ];
    let said = said.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
    let query: Vec<(String, String)> = said.collect();
    Ok(url(storage, account, "GET", &version, &query, &[], seconds))
}

fn url(
    storage: &Storage,
    account: &R2Account,
    method: &str,
    version: &str,
    query: &[(String, String)],
    headers: &[(&'static str, String)],
    seconds: i64,
) -> String {
    let path = format!("/{}/{}", encode_path(&account.bucket), encode_path(version));
    let host = account.endpoint.trim_start_matches("https://");
    let header = |name: &str| match name {
        "host" => Some(host.to_string()),
        name => headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone()),
    };
    let request = Signed { method, path: &path, query, header: &header };
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).chain(["host"]).collect();
    let (key, now) = (&account.key, storage.app.now());
    let query = presign(&key.id, &key.secret, "auto", now, seconds, &request, &names);
    format!("{}{path}?{query}", account.endpoint)
}
