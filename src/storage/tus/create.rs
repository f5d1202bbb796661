//! Beginning a resumable upload.

use super::super::metadata::Metadata;
use super::super::store::uploads::NewUpload;
use super::super::store::write::{ContentOf, Limits, NewObject};
use super::super::store::{self, batch};
use super::super::upload::{Allowed, Identity, Terms};
use super::super::{Storage, StorageError, unfinished};
use super::{TusError, UNTYPED, UploadId, UploadMetadata};
use crate::ports::{BlobError, LEAST_PART, PartsOf};
use crate::storage::key::ObjectPath;
use crate::storage::store::uploads::Stale;

const MIB: u64 = 1024 * 1024;

/// Bytes of a part, and the chunk that Supabase tells clients to send: a chunk is a part, and no tail is left.
const PART: u64 = 6 * MIB;

/// The most bytes of a part: it is held in memory.
const LARGEST_PART: u64 = 32 * MIB;

/// Parts that an upload is cut into at most. R2 takes 10,000; the rest is for those that have to be sent again.
const PARTS: u64 = 9000;

const _: () = assert!(PART >= LEAST_PART);

/// What a client wants to upload.
pub struct Creation<'a> {
    /// Where the object will be.
    pub path: ObjectPath,
    /// `Upload-Length`; `None` when it comes later.
    pub size: Option<u64>,
    /// `Upload-Metadata`, read.
    pub metadata: UploadMetadata,
    /// The same as it was sent.
    pub header: &'a str,
}

/// Begins an upload, if the caller may upload such an object. Gives its id and when it expires.
///
/// Stopped after R2 was asked for a multipart upload and before the row is there, that upload is empty and nobody knows it; R2
/// drops it after seven days.
pub async fn create(
    storage: &Storage,
    creation: &Creation<'_>,
    terms: &Terms,
) -> Result<(UploadId, String), TusError> {
    let global = storage.app.config.storage.file_size_limit;
    let most = if creation.path.is_empty_folder() { 0 } else { global };
    if creation.size.is_some_and(|size| size > most) {
        return Err(TusError::MaxSize);
    }
    let part_size = part_size(creation.size.unwrap_or(most)).ok_or(TusError::MaxSize)?;
    let metadata = Metadata {
        mimetype: creation.metadata.get("contentType").map(str::to_string),
        cache_control: Some(creation.metadata.cache_control()),
        size: creation.size,
        content_length: creation.size,
        ..Metadata::default()
    };
    let json = metadata.to_json();
    let new = Identity::new(storage);
    let object =
        new.object(&creation.path, terms, ContentOf::Given(&json, creation.metadata.user_metadata()));
    // What the bucket will not take at the end is refused before its bytes are sent.
    let mime_type = metadata.mimetype.as_deref().unwrap_or(UNTYPED);
    let mime_type = (!creation.path.is_empty_folder()).then_some(mime_type);
    let limits = Limits::Of { size: creation.size, mime_type };

    let in_parts = creation.size.is_none_or(|size| size > part_size);
    let parts = if in_parts { Some(begin_parts(storage, &object, &limits).await?) } else { None };

    let expires_at =
        storage.app.now().plus_seconds(storage.app.config.storage.resumable_seconds).to_postgres();
    let row = NewUpload {
        version: &new.version,
        protocol: "tus",
        path: &creation.path,
        owner: terms.owner.as_deref(),
        metadata: &json,
        user_metadata: creation.metadata.user_metadata(),
        parts_id: parts.as_ref().map(|parts| parts.id.as_str()),
        now: &new.now,
        expires_at: &expires_at,
        size: creation.size,
        part_size,
        header: Some(creation.header),
    };
    let written = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &limits)?,
            store::garbage::expect(&new.version, &expires_at),
            store::uploads::create(&row),
        ])
    });
    if let Err(error) = written.await {
        // Nobody was told of the upload: what R2 keeps of it is of no use, even if the row is there.
        let parts_id = parts.map(|parts| parts.id);
        unfinished::close_later(storage, Stale { version: new.version.clone(), parts_id });
        return Err(error.into());
    }
    Ok((UploadId { path: creation.path.clone(), version: new.version.clone() }, expires_at))
}

/// Asks for permission before R2 is asked for anything.
async fn begin_parts(
    storage: &Storage,
    object: &NewObject<'_>,
    limits: &Limits<'_>,
) -> Result<PartsOf, TusError> {
    let allowed =
        batch(storage, |access| Ok(vec![store::write::permission(access, object, limits)?])).await?;
    let _: Option<Allowed> = allowed.at(0)?.first().map_err(StorageError::from)?;
    let begun = storage.app.ports.blobs.begin_parts(object.version).await;
    begun.map_err(|error: BlobError| StorageError::from(error).into())
}

/// Bytes of a part, so that `most` bytes fit into [`PARTS`]; `None` when they don't.
fn part_size(most: u64) -> Option<u64> {
    let size = most.div_ceil(PARTS).div_ceil(MIB).saturating_mul(MIB).max(PART);
    (size <= LARGEST_PART).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_upload() {
        let rows = [
            (0, Some(PART)),
            (50 * MIB, Some(PART)),
            (PARTS * PART, Some(PART)),
            (PARTS * PART + 1, Some(PART + MIB)),
            (PARTS * LARGEST_PART, Some(LARGEST_PART)),
            (PARTS * LARGEST_PART + 1, None),
        ];
        for (most, size) in rows {
            assert_eq!(part_size(most), size, "{most}");
        }
    }
}
