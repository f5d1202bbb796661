//! Resumable uploads by TUS 1.0 (tus.io), with the extensions creation, creation-with-upload, creation-defer-length,
//! expiration and termination.
//!
//! R2 wants parts of one size; clients send pieces of any. So an upload's bytes are cut into parts of its own size, and
//! what is left over after a request waits under a key of its own, the tail, until the next request fills it up. An upload
//! that fits one part never becomes a multipart upload: its tail grows, and is stored as the object at the end.
//!
//! The offset that a client is told is what the row says, and the row says it after the bytes are in R2. It becomes the
//! whole length only in the batch that writes the object's row. So wherever an upload stops, it goes on from the row's
//! offset; when the parts were put together but the row was not written, the object's bytes are there already, and the
//! rest that the client sends again is not needed.

mod append;
mod create;
mod error;
mod metadata;

pub use append::{Chunk, Progress, append};
pub use create::{Creation, create};
pub use error::TusError;
pub use metadata::UploadMetadata;

use super::key::{ObjectPath, check_bucket_name};
use super::store::tus::Upload;
use super::store::uploads::Stale;
use super::store::write::{ContentOf, Limits};
use super::store::{self, batch};
use super::upload::Identity;
use super::upload::Terms;
use super::{Storage, StorageError, unfinished};
use crate::config::KeyCharacters;
use crate::crypto;

/// The type of an object whose uploader says none.
const UNTYPED: &str = "application/octet-stream";

/// The upload that a URL names: base64url of `bucket/object/version`, as upstream.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadId {
    /// Where the object will be.
    pub path: ObjectPath,
    /// The R2 key of its bytes.
    pub version: String,
}

impl UploadId {
    /// From a URL's last segment.
    pub fn parse(segment: &str) -> Result<Self, TusError> {
        let text = crypto::from_base64url(segment.trim_end_matches('='));
        let text = text.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(TusError::NotFound)?;
        let (bucket, rest) = text.split_once('/').ok_or(TusError::NotFound)?;
        let (key, version) = rest.rsplit_once('/').ok_or(TusError::NotFound)?;
        check_bucket_name(bucket)?;
        // Its creation has judged the name.
        let path = ObjectPath::new(bucket, key, KeyCharacters::Unicode)?;
        Ok(Self { path, version: version.to_string() })
    }

    /// As a URL's last segment.
    pub fn to_segment(&self) -> String {
        crypto::base64url(format!("{}/{}", self.path, self.version).as_bytes())
    }
}

/// What is known of an upload, without asking who asks.
pub async fn find(storage: &Storage, id: &UploadId) -> Result<Upload, TusError> {
    let now = storage.app.now().to_postgres();
    let statement = store::tus::find(&id.path, &id.version, "", &now);
    let results = storage.app.ports.database.batch(vec![statement]).await.map_err(StorageError::from)?;
    let upload: Option<Upload> = match results.first() {
        Some(result) => result.first().map_err(StorageError::from)?,
        None => None,
    };
    match upload {
        Some(upload) if upload.state == "open" && upload.expired == 1 => Err(TusError::Gone),
        Some(upload) if upload.state != "given up" => Ok(upload),
        _ => Err(TusError::NotFound),
    }
}

/// Gives up an upload that is not finished; its bytes go after the response.
pub async fn terminate(storage: &Storage, id: &UploadId, terms: &Terms) -> Result<(), TusError> {
    let now = storage.app.now().to_postgres();
    let new = Identity::new(storage);
    let object = new.object(&id.path, terms, ContentOf::Upload(&id.version));
    let results = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &Limits::Of { size: None, mime_type: None })?,
            store::tus::find(&id.path, &id.version, "", &now),
            store::tus::give_up(&id.path, &id.version, &now),
        ])
    });
    let results = results.await?;
    if let Some(stale) = results.at(2)?.first::<Stale>().map_err(StorageError::from)? {
        unfinished::close_later(storage, stale);
        return Ok(());
    }
    let found: Option<Upload> = results.at(1)?.first().map_err(StorageError::from)?;
    Err(match found {
        Some(upload) if upload.state == "finished" => TusError::Finished,
        Some(upload) if upload.locked == 1 => StorageError::ResourceLocked.into(),
        _ => TusError::NotFound,
    })
}
