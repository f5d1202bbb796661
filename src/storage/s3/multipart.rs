//! Multipart uploads: R2's, with what S3's clients know of them kept beside: MD5s and sizes of parts.
//!
//! Parts go to R2 as they come, several at once, and become an object in the batch that ends the upload. If that stops
//! after R2 has put them together, the client's next attempt finds the bytes and writes the row.

use super::super::key::{ObjectPath, end_of_prefix};
use super::super::metadata::Metadata;
use super::super::range::within;
use super::super::store::multipart::{Listed, Page, Part, Upload};
use super::super::store::object::Object;
use super::super::store::uploads::{NewUpload, Stale};
use super::super::store::write::{ContentOf, Limits};
use super::super::store::{self, Results, batch};
use super::super::upload::{Allowed, Identity, Terms, finish_with};
use super::super::{Storage, StorageError, unfinished};
use super::S3Error;
use crate::crypto::{from_hex, hex, md5};
use crate::ports::{BlobMetadata, Body, ByteRange, Digests, LEAST_PART, MOST_PARTS, PartsOf, StoredPart};

/// How long an upload may take. R2 drops its parts after seven days.
const SECONDS: i64 = 6 * 24 * 60 * 60;

/// A part on its way in.
pub struct PutPart {
    /// Its number.
    pub number: u32,
    /// Its bytes.
    pub incoming: Incoming,
}

/// Bytes with what was announced of them.
pub struct Incoming {
    /// The bytes.
    pub body: Body,
    /// How many.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: Option<String>,
    /// MD5, hex.
    pub md5: Option<String>,
}

/// A part in the list that ends an upload.
pub struct CompletedPart {
    /// Its number.
    pub number: u32,
    /// Its etag as the client was told it, without quotes.
    pub etag: String,
}

/// An upload that became an object.
pub struct Completed {
    /// With quotes.
    pub etag: String,
}

/// A page of open uploads.
pub struct UploadListing {
    /// The uploads.
    pub uploads: Vec<Listed>,
    /// Names folded by the delimiter.
    pub prefixes: Vec<String>,
    /// Where the next page begins: a name, and an upload of that name.
    pub next: Option<(String, String)>,
}

/// Begins an upload; gives its id.
pub async fn begin(
    storage: &Storage,
    path: &ObjectPath,
    metadata: &Metadata,
    user_metadata: Option<&str>,
) -> Result<String, S3Error> {
    let new = Identity::new(storage);
    let terms = terms(storage);
    let json = metadata.to_json();
    let object = new.object(path, &terms, ContentOf::Given(&json, user_metadata));
    let limits = Limits::Of { size: None, mime_type: metadata.mimetype.as_deref() };
    batch(storage, |access| Ok(vec![store::write::permission(access, &object, &limits)?])).await?;

    let parts = storage.app.ports.blobs.begin_parts(&new.version).await.map_err(StorageError::from)?;
    let expires_at = storage.app.now().plus_seconds(SECONDS).to_postgres();
    let row = NewUpload {
        version: &new.version,
        protocol: "s3",
        path,
        owner: terms.owner.as_deref(),
        metadata: &json,
        user_metadata,
        parts_id: Some(&parts.id),
        now: &new.now,
        expires_at: &expires_at,
        size: None,
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
    if let Err(error) = written.await {
        // Nobody was told of the upload: what R2 keeps of it is of no use, even if the row is there.
        let stale = Stale { version: new.version.clone(), parts_id: Some(parts.id) };
        unfinished::close_later(storage, stale);
        return Err(error.into());
    }
    Ok(new.version)
}

/// Stores a part; gives its MD5.
pub async fn put_part(
    storage: &Storage,
    path: &ObjectPath,
    id: &str,
    part: PutPart,
) -> Result<String, S3Error> {
    if !(1..=MOST_PARTS).contains(&part.number) {
        return Err(S3Error::InvalidArgument("partNumber"));
    }
    let (upload, limit) = writable(storage, path, id, part.number).await?;
    if upload.stored.saturating_add(part.incoming.size) > limit {
        return Err(StorageError::TooLarge.into());
    }
    let parts = parts_of(id, &upload)?;
    let (number, size) = (part.number, part.incoming.size);
    let digests = Digests { md5: true, sha256: part.incoming.sha256.is_some() };
    let stored = storage.app.ports.blobs.put_part(&parts, number, part.incoming.body, digests).await;
    let stored = stored.map_err(StorageError::from)?;
    if let Err(error) = is_as_announced(&stored, part.incoming.sha256, part.incoming.md5) {
        let forgotten = vec![store::multipart::drop_part(id, number)];
        storage.app.ports.database.batch(forgotten).await.map_err(StorageError::from)?;
        return Err(error);
    }
    note(storage, id, number, size, stored).await
}

/// Stores a part of another object's bytes; gives its MD5.
pub async fn copy_part(
    storage: &Storage,
    path: &ObjectPath,
    id: &str,
    number: u32,
    source: &ObjectPath,
    range: Option<&str>,
) -> Result<String, S3Error> {
    let found = batch(storage, |access| Ok(vec![store::object::find(access, source)?])).await?;
    let found: Option<Object> = found.at(0)?.first().map_err(StorageError::from)?;
    let found = found.ok_or(StorageError::NoSuchKey)?;
    let version = found.version.ok_or(StorageError::NoBytes)?;
    let metadata = found.metadata.as_deref().and_then(|json| serde_json::from_str::<Metadata>(json).ok());
    let size = metadata.and_then(|metadata| metadata.length()).ok_or(StorageError::NoBytes)?;
    let part = range.map(|range| within(range, size).ok_or(S3Error::CopyRange)).transpose()?;
    let blob = storage.app.ports.blobs.get(&version, part).await.map_err(StorageError::from)?;
    let body = blob.ok_or(StorageError::NoBytes)?.body;
    let size = part.map_or(size, |ByteRange { length, .. }| length);
    let incoming = Incoming { body, size, sha256: None, md5: None };
    put_part(storage, path, id, PutPart { number, incoming }).await
}

/// Makes the object of the listed parts; of all, when none is listed, as upstream. Without `upsert` only where none is.
pub async fn complete(
    storage: &Storage,
    path: &ObjectPath,
    id: &str,
    listed: &[CompletedPart],
    upsert: bool,
) -> Result<Completed, S3Error> {
    let terms = Terms { upsert, ..terms(storage) };
    let new = Identity { version: id.to_string(), ..Identity::new(storage) };
    let object = new.object(path, &terms, ContentOf::Upload(id));
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &Limits::Of { size: None, mime_type: None })?,
            store::multipart::find(path, "s3", id, 0, &now),
            store::multipart::parts(id, 0, MOST_PARTS),
        ])
    });
    let results = match results.await {
        // It may be there because this upload made it.
        Err(error @ StorageError::KeyAlreadyExists) => {
            return finished_meanwhile(storage, path, id).await.ok_or_else(|| error.into());
        }
        results => results?,
    };
    let upload = found(&results, 1)?;
    if let Some(etag) = upload.etag.filter(|_| upload.state == "finished") {
        return Ok(Completed { etag });
    }
    let stored: Vec<Part> = results.at(2)?.decode().map_err(StorageError::from)?;
    let chosen = chosen(stored, listed)?;
    let size: u64 = chosen.iter().map(|part| part.size).sum();
    let parts = PartsOf { key: id.to_string(), id: upload.parts_id.unwrap_or_default() };
    let list: Vec<(u32, String)> = chosen.iter().map(|part| (part.number, part.etag.clone())).collect();
    let blob = match storage.app.ports.blobs.complete_parts(&parts, &list).await.map_err(StorageError::from) {
        Err(StorageError::NoSuchUpload) => put_together_before(storage, id, size).await?,
        outcome => outcome?,
    };

    let etag = etag_of(&chosen)?;
    let described: Metadata = serde_json::from_str(&upload.metadata).unwrap_or_default();
    let described = Metadata { e_tag: Some(etag.clone()), ..described.stored(&blob) };
    let metadata = described.to_json();
    let object = new.object(path, &terms, ContentOf::Given(&metadata, upload.user_metadata.as_deref()));
    let mime_type = described.mimetype.as_deref().filter(|_| !path.is_empty_folder());
    let limits = Limits::Of { size: Some(blob.size), mime_type };
    match finish_with(storage, &object, &limits, &store::multipart::finish(id, &etag)).await {
        Ok(_) => Ok(Completed { etag }),
        // Of two requests that end the same upload at once, both see it ended.
        Err(error) => finished_meanwhile(storage, path, id).await.ok_or_else(|| error.into()),
    }
}

/// Gives an upload up.
pub async fn abort(storage: &Storage, path: &ObjectPath, id: &str) -> Result<(), S3Error> {
    let new = Identity::new(storage);
    let terms = terms(storage);
    let object = new.object(path, &terms, ContentOf::Upload(id));
    let results = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &Limits::None)?,
            store::multipart::give_up(path, id),
        ])
    });
    let stale: Option<Stale> = results.await?.at(1)?.first().map_err(StorageError::from)?;
    unfinished::close_later(storage, stale.ok_or(StorageError::NoSuchUpload)?);
    Ok(())
}

/// An upload's parts behind a number, and whether there are more.
pub async fn list_parts(
    storage: &Storage,
    path: &ObjectPath,
    id: &str,
    after: u32,
    most: u32,
) -> Result<(Vec<Part>, bool), S3Error> {
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |_| {
        Ok(vec![
            store::multipart::find(path, "s3", id, 0, &now),
            store::multipart::parts(id, after, most + 1),
        ])
    });
    let results = results.await?;
    if found(&results, 0)?.state != "open" {
        return Err(StorageError::NoSuchUpload.into());
    }
    let mut parts: Vec<Part> = results.at(1)?.decode().map_err(StorageError::from)?;
    let has_more = parts.len() > most as usize;
    parts.truncate(most as usize);
    Ok((parts, has_more))
}

/// A bucket's open uploads: all for the service role, for a user their own.
pub async fn list_uploads(
    storage: &Storage,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    after: (&str, Option<&str>),
    most: u32,
) -> Result<UploadListing, S3Error> {
    let now = storage.app.now().to_postgres();
    let owner =
        (!storage.caller.bypasses_row_security()).then(|| storage.caller.user_id().unwrap_or_default());
    let mut listing = UploadListing { uploads: Vec::new(), prefixes: Vec::new(), next: None };
    let (mut after, mut after_upload) = (after.0.to_string(), after.1.map(str::to_string));
    loop {
        let listed = listing.uploads.len() + listing.prefixes.len();
        let page = Page {
            bucket,
            prefix,
            after: &after,
            after_upload: after_upload.as_deref(),
            owner,
            most: most - u32::try_from(listed).unwrap_or(most).min(most) + 1,
            now: &now,
        };
        let statements = vec![store::bucket::exists(bucket), store::multipart::list(&page)];
        let results = batch(storage, |_| Ok(statements.clone())).await?;
        if results.at(0)?.is_empty() {
            return Err(StorageError::NoSuchBucket.into());
        }
        let rows: Vec<Listed> = results.at(1)?.decode().map_err(StorageError::from)?;
        let is_last = rows.len() < page.most as usize;
        let mut folded = false;
        for row in rows {
            if listing.uploads.len() + listing.prefixes.len() == most as usize {
                listing.next = Some((after, after_upload.unwrap_or_default()));
                return Ok(listing);
            }
            match fold(prefix, delimiter, &row.name) {
                Some(folder) => {
                    // Everything under it is behind its end.
                    after = end_of_prefix(&folder).unwrap_or_else(|| folder.clone());
                    after_upload = Some(String::new());
                    listing.prefixes.push(folder);
                    folded = true;
                    break;
                }
                None => {
                    (after, after_upload) = (row.name.clone(), Some(row.version.clone()));
                    listing.uploads.push(row);
                }
            }
        }
        if is_last && !folded {
            return Ok(listing);
        }
    }
}

/// `photos/2026/a` with the prefix `photos/` and the delimiter `/` → `photos/2026/`
fn fold(prefix: &str, delimiter: Option<&str>, name: &str) -> Option<String> {
    let delimiter = delimiter?;
    let at = name.strip_prefix(prefix)?.find(delimiter)?;
    name.get(..prefix.len() + at + delimiter.len()).map(str::to_string)
}

/// Whoever completes an upload owns it, and may replace what is there.
fn terms(storage: &Storage) -> Terms {
    Terms { owner: storage.caller.user_id().map(str::to_string), upsert: true }
}

/// The upload, if the caller may upload such an object, and the most bytes it may have.
async fn writable(
    storage: &Storage,
    path: &ObjectPath,
    id: &str,
    number: u32,
) -> Result<(Upload, u64), S3Error> {
    let new = Identity::new(storage);
    let terms = terms(storage);
    let object = new.object(path, &terms, ContentOf::Upload(id));
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |access| {
        Ok(vec![
            store::write::permission(access, &object, &Limits::Of { size: None, mime_type: None })?,
            store::multipart::find(path, "s3", id, number, &now),
        ])
    });
    let results = results.await?;
    let allowed: Option<Allowed> = results.at(0)?.first().map_err(StorageError::from)?;
    let global = storage.app.config.storage.file_size_limit;
    let limit = allowed.and_then(|allowed| allowed.size_limit).map_or(global, |limit| limit.min(global));
    Ok((found(&results, 1)?, limit))
}

fn found(results: &Results, index: usize) -> Result<Upload, S3Error> {
    let upload: Option<Upload> = results.at(index)?.first().map_err(StorageError::from)?;
    upload.ok_or_else(|| StorageError::NoSuchUpload.into())
}

fn parts_of(id: &str, upload: &Upload) -> Result<PartsOf, S3Error> {
    let parts = upload.parts_id.clone().ok_or(StorageError::NoSuchUpload)?;
    Ok(PartsOf { key: id.to_string(), id: parts })
}

fn is_as_announced(stored: &StoredPart, sha256: Option<String>, md5: Option<String>) -> Result<(), S3Error> {
    if sha256.is_some() && sha256 != stored.sha256 {
        return Err(S3Error::PayloadHash);
    }
    if md5.is_some() && md5 != stored.md5 {
        return Err(S3Error::BadDigest);
    }
    Ok(())
}

async fn note(
    storage: &Storage,
    id: &str,
    number: u32,
    size: u64,
    stored: StoredPart,
) -> Result<String, S3Error> {
    let md5 = stored.md5.clone().unwrap_or_default();
    let created_at = storage.app.now().to_postgres();
    let part = Part { number, etag: stored.etag, size, md5: stored.md5, created_at };
    let statements = store::multipart::put_part(id, &part);
    storage.app.ports.database.batch(statements).await.map_err(StorageError::from)?;
    Ok(md5)
}

/// The stored parts that the client lists, in its order, if R2 can put them together.
fn chosen(stored: Vec<Part>, listed: &[CompletedPart]) -> Result<Vec<Part>, S3Error> {
    let chosen: Vec<Part> = if listed.is_empty() {
        stored
    } else {
        if !listed.is_sorted_by(|one, next| one.number < next.number) {
            return Err(S3Error::PartOrder);
        }
        let find = |asked: &CompletedPart| {
            let is_it = |part: &&Part| {
                part.number == asked.number && part.md5.as_deref() == Some(asked.etag.as_str())
            };
            stored.iter().find(is_it).cloned().ok_or(S3Error::InvalidPart(asked.number))
        };
        listed.iter().map(find).collect::<Result<_, _>>()?
    };
    let (Some(last), Some(first)) = (chosen.last(), chosen.first()) else {
        return Err(S3Error::MalformedXml);
    };
    let mut others = chosen.iter().take(chosen.len() - 1);
    if chosen.len() > 1 && chosen.iter().take(chosen.len() - 1).any(|part| part.size < LEAST_PART) {
        return Err(S3Error::PartTooSmall);
    }
    if others.any(|part| part.size != first.size) || last.size > first.size {
        return Err(S3Error::PartSizes);
    }
    Ok(chosen)
}

/// S3's etag of an object of several parts: the MD5 of their MD5s, and how many there are.
fn etag_of(parts: &[Part]) -> Result<String, S3Error> {
    let mut all = Vec::with_capacity(16 * parts.len());
    for part in parts {
        let digest = part.md5.as_deref().and_then(from_hex);
        all.extend(digest.ok_or_else(|| StorageError::Internal("a part without its MD5".into()))?);
    }
    Ok(format!("\"{}-{}\"", hex(&md5(&all)), parts.len()))
}

/// R2 does not know the upload any more: an earlier request put the parts together and then stopped.
async fn put_together_before(storage: &Storage, id: &str, size: u64) -> Result<BlobMetadata, S3Error> {
    let stored = storage.app.ports.blobs.head(id).await.map_err(StorageError::from)?;
    stored.filter(|stored| stored.size == size).ok_or_else(|| StorageError::NoSuchUpload.into())
}

async fn finished_meanwhile(storage: &Storage, path: &ObjectPath, id: &str) -> Option<Completed> {
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |_| Ok(vec![store::multipart::find(path, "s3", id, 0, &now)])).await.ok()?;
    let upload = found(&results, 0).ok()?;
    upload.etag.filter(|_| upload.state == "finished").map(|etag| Completed { etag })
}
