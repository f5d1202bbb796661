//! Storing an object: its bytes, then its row.

use serde::Deserialize;

use super::event::Kind;
use super::key::ObjectPath;
use super::metadata::Metadata;
use super::store::write::{ContentOf, Limits, NewObject};
use super::store::{self, batch};
use super::{Storage, StorageError, event, garbage};
use crate::crypto::random_uuid;
use crate::ports::{BlobMetadata, Body};
use crate::sql::Statement;

/// What is uploaded, whatever form the request had.
pub struct Content {
    /// The bytes, not read yet.
    pub body: Body,
    /// The type.
    pub mime_type: String,
    /// What `Cache-Control` says when it is downloaded.
    pub cache_control: String,
    /// The uploader's own JSON object.
    pub user_metadata: Option<String>,
    /// What `X-Robots-Tag` says when it is downloaded.
    pub robots_tag: Option<String>,
    /// How many bytes the object has, if known before they are read.
    pub size: Option<u64>,
    /// How many bytes the request declares, a form's frame included: what policies see beforehand.
    pub declared_size: Option<u64>,
}

/// Whose object it becomes, and whether it may replace one.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The user's id.
    pub owner: Option<String>,
    /// `x-upsert`.
    pub upsert: bool,
}

/// A row that was written.
#[derive(Debug, Deserialize)]
pub struct Written {
    /// The row's id.
    pub id: String,
    /// The whole row as JSON.
    pub object: String,
}

/// What [`store::write::permission`] gives.
#[derive(Deserialize)]
pub struct Allowed {
    /// The bucket's limit in bytes.
    pub size_limit: Option<u64>,
}

/// Whether the caller may upload such an object, without doing it; an error says why not.
pub async fn may_upload(
    storage: &Storage,
    path: &ObjectPath,
    terms: &Terms,
    metadata: &Metadata,
    user_metadata: Option<&str>,
) -> Result<(), StorageError> {
    let metadata = metadata.to_json();
    let new = Identity::new(storage);
    let object = new.object(path, terms, ContentOf::Given(&metadata, user_metadata));
    batch(storage, |access| Ok(vec![store::write::permission(access, &object, &Limits::None)?])).await?;
    Ok(())
}

/// Stores an object. Stopped anywhere, the object is wholly the old or wholly the new, and what
/// bytes are too many are in the garbage.
pub async fn upload(
    storage: &Storage,
    path: &ObjectPath,
    content: Content,
    terms: &Terms,
) -> Result<Written, StorageError> {
    let new = Identity::new(storage);
    let described = Metadata {
        mimetype: Some(content.mime_type.clone()),
        cache_control: Some(content.cache_control.clone()),
        x_robots_tag: content.robots_tag.clone(),
        ..Metadata::default()
    };
    let limit = prepare(storage, path, &content, terms, &described, &new).await?;

    let blob = put(storage, &new.version, content.body, limit).await?;

    let metadata = described.stored(&blob).to_json();
    let object = new.object(path, terms, ContentOf::Uploaded(&metadata, content.user_metadata.as_deref()));
    let mime_type = (!path.is_empty_folder()).then_some(content.mime_type.as_str());
    finish(storage, &object, &Limits::Of { size: Some(blob.size), mime_type }).await
}

/// Asks for permission and notes the version to come, in one batch. Gives the most bytes it may have.
pub async fn prepare(
    storage: &Storage,
    path: &ObjectPath,
    content: &Content,
    terms: &Terms,
    described: &Metadata,
    new: &Identity,
) -> Result<u64, StorageError> {
    let global = if path.is_empty_folder() { 0 } else { storage.app.config.storage.file_size_limit };
    if content.size.is_some_and(|size| size > global) {
        return Err(StorageError::TooLarge);
    }
    let declared =
        Metadata { size: content.declared_size, content_length: content.declared_size, ..described.clone() };
    let metadata = declared.to_json();
    let object = new.object(path, terms, ContentOf::Given(&metadata, content.user_metadata.as_deref()));
    let mime_type = (!path.is_empty_folder()).then_some(content.mime_type.as_str());
    let limits = Limits::Of { size: content.size, mime_type };
    let results = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &limits)?,
            store::garbage::expect(&new.version, &garbage::upload_expires_at(&storage.app)),
        ])
    });
    let allowed: Option<Allowed> = results.await?.at(0)?.first()?;
    Ok(allowed.and_then(|allowed| allowed.size_limit).map_or(global, |limit| limit.min(global)))
}

/// Stores the bytes of an expected version.
pub async fn put(
    storage: &Storage,
    version: &str,
    body: Body,
    limit: u64,
) -> Result<BlobMetadata, StorageError> {
    let stored = storage.app.ports.blobs.put(version, body, limit).await;
    stored.map_err(StorageError::from).inspect_err(|error| garbage::abandon(storage, version, error))
}

/// Writes the row of an object whose bytes are stored: everything is checked again, the old version
/// becomes garbage and the new one is none any more, all in one batch.
pub async fn finish(
    storage: &Storage,
    object: &NewObject<'_>,
    limits: &Limits<'_>,
) -> Result<Written, StorageError> {
    let written = finish_with(storage, object, limits, &[]).await;
    written.inspect_err(|error| garbage::abandon(storage, object.version, error))
}

/// The same with more statements in the batch; when it fails, the bytes stay for another try.
pub async fn finish_with(
    storage: &Storage,
    object: &NewObject<'_>,
    limits: &Limits<'_>,
    more: &[Statement],
) -> Result<Written, StorageError> {
    let results = batch(storage, |access| {
        let [is_expected, exchange, adopt] = store::garbage::exchange(object.version, object.path);
        let kind = if matches!(limits, Limits::None) { Kind::Copied } else { Kind::Put };
        let mut statements = vec![
            store::write::permission(access, object, limits)?,
            is_expected,
            exchange,
            adopt,
            store::write::upsert(object),
            store::event::of_object(kind, object.path, object.now),
        ];
        statements.extend_from_slice(more);
        Ok(statements)
    });
    let results = results.await?;
    garbage::collect_later(storage, garbage::versions(&results, 2)?);
    event::deliver_later(storage, &results, &[5])?;
    let written: Option<Written> = results.at(4)?.first()?;
    written.ok_or_else(|| StorageError::Internal("the upsert gave no row".into()))
}

/// What is chosen for a new object before anything is asked.
pub struct Identity {
    /// The row's id, unless it replaces one.
    pub id: String,
    /// The R2 key of its bytes.
    pub version: String,
    /// Now, as stored.
    pub now: String,
}

impl Identity {
    /// New ones.
    pub fn new(storage: &Storage) -> Self {
        let uuid = || random_uuid(storage.app.ports.random.as_ref()).to_string();
        Self { id: uuid(), version: uuid(), now: storage.app.now().to_postgres() }
    }

    /// The row as it will be.
    pub fn object<'a>(
        &'a self,
        path: &'a ObjectPath,
        terms: &'a Terms,
        content: ContentOf<'a>,
    ) -> NewObject<'a> {
        NewObject {
            path,
            id: &self.id,
            version: &self.version,
            owner: terms.owner.as_deref(),
            content,
            upsert: terms.upsert,
            now: &self.now,
        }
    }
}
