//! Storing an object in one request: its bytes, compared with what was announced, then its row.

use super::super::key::ObjectPath;
use super::super::metadata::Metadata;
use super::super::store::write::{ContentOf, Limits};
use super::super::upload::{Content, Identity, Terms, finish, prepare};
use super::super::{Storage, StorageError, garbage};
use super::S3Error;
use crate::ports::{BlobMetadata, Body};

/// What is stored.
pub struct NewObject {
    /// Where.
    pub path: ObjectPath,
    /// The bytes.
    pub body: Body,
    /// How many, if that is known.
    pub size: Option<u64>,
    /// How many there may be, from a form's policy.
    pub range: Option<(u64, u64)>,
    /// Their SHA-256 (hex), if it was signed.
    pub sha256: Option<String>,
    /// Their MD5 (hex), if it was sent.
    pub md5: Option<String>,
    /// What the uploader says of them: the type, and what a download's headers say.
    pub described: Metadata,
    /// `x-amz-meta-…` as a JSON object.
    pub user_metadata: Option<String>,
    /// Whether it may replace an object.
    pub upsert: bool,
}

/// Stores an object; gives its etag, with quotes.
pub async fn put(storage: &Storage, new: NewObject) -> Result<String, S3Error> {
    let terms = Terms { owner: storage.caller.user_id().map(str::to_string), upsert: new.upsert };
    let identity = Identity::new(storage);
    let described = new.described;
    let content = Content {
        body: Body::Empty,
        mime_type: described.mimetype.clone().unwrap_or_default(),
        cache_control: described.cache_control.clone().unwrap_or_default(),
        user_metadata: new.user_metadata,
        robots_tag: None,
        size: new.size,
        declared_size: new.size,
    };
    let limit = prepare(storage, &new.path, &content, &terms, &described, &identity).await?;
    let limit = new.range.map_or(limit, |(_, most)| most.min(limit));

    let blobs = &storage.app.ports.blobs;
    let stored = match &new.sha256 {
        Some(sha256) => blobs.put_hashed(&identity.version, new.body, limit, sha256).await,
        None => blobs.put(&identity.version, new.body, limit).await,
    };
    let stored = stored.map_err(StorageError::from);
    let stored = stored.inspect_err(|error| garbage::abandon(storage, &identity.version, error))?;
    if let Err(error) = is_as_announced(&stored, new.md5.as_deref(), new.range) {
        garbage::collect_later(storage, vec![identity.version]);
        return Err(error);
    }

    let described = described.stored(&stored);
    let (etag, metadata) = (described.e_tag.clone().unwrap_or_default(), described.to_json());
    let given = ContentOf::Uploaded(&metadata, content.user_metadata.as_deref());
    let object = identity.object(&new.path, &terms, given);
    let mime_type = (!new.path.is_empty_folder()).then_some(content.mime_type.as_str());
    finish(storage, &object, &Limits::Of { size: Some(stored.size), mime_type }).await?;
    Ok(etag)
}

/// R2's etag of an object stored in one piece is its MD5.
fn is_as_announced(
    stored: &BlobMetadata,
    md5: Option<&str>,
    range: Option<(u64, u64)>,
) -> Result<(), S3Error> {
    if md5.is_some_and(|md5| md5 != stored.etag) {
        return Err(S3Error::BadDigest);
    }
    if range.is_some_and(|(least, most)| !(least..=most).contains(&stored.size)) {
        return Err(S3Error::Policy("Policy condition failed: content-length-range".to_string()));
    }
    Ok(())
}
