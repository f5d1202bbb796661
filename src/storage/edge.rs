//! What of public buckets is kept in the data centre's cache, and under what key.
//!
//! The key has the version, which never changes its bytes, and the row is read before the key is known: so an
//! overwritten, moved or removed object, or one whose bucket is private now, cannot be served from a cache. Nothing of a
//! private bucket is ever kept.

use super::download::{Door, Found};
use super::read_ahead::ReadAhead;
use super::{Storage, StorageError, edge_answer};
use crate::ports::{Body, ByteRange, Kept};

/// The most bytes of an object that is kept: the slower of two readers makes the runtime hold back that much.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// How long an entry is kept. A purge is remembered for longer.
pub const SECONDS: u64 = 30 * 24 * 60 * 60;

/// What `cf-cache-status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheStatus {
    /// From the cache.
    Hit,
    /// From the store, and kept from now on.
    Miss,
    /// From the store, and not kept: private, too large, or a part of it.
    Bypass,
}

impl CacheStatus {
    /// As the header has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Bypass => "BYPASS",
        }
    }
}

/// Where an object's bytes, or an image made of them in this form, are kept; `None` when they may not be.
pub fn key(found: &Found, form: Option<&str>) -> Option<String> {
    let version = found.object.version.as_deref().filter(|_| found.is_public)?;
    let purges = found.purges.as_ref()?;
    let purged_at = if form.is_some() { &purges.image } else { &purges.object };
    let purged_at = purged_at.as_deref().unwrap_or("never");
    Some(match form {
        None => format!("{version}/{purged_at}"),
        Some(form) => format!("{version}/{purged_at}/{form}"),
    })
}

/// Whether so many bytes of an object may be kept.
pub fn fits(size: u64) -> bool {
    size > 0 && size <= LARGEST
}

/// An object's bytes, from the cache or the store, which may have been asked already.
pub async fn open(
    storage: &Storage,
    found: &Found,
    part: Option<ByteRange>,
    door: Door,
    ahead: Option<ReadAhead>,
) -> Result<(Body, CacheStatus), StorageError> {
    let version = found.object.version.as_deref().ok_or(StorageError::NoBytes)?;
    // What is about to be kept as an answer need not be kept twice.
    let is_kept_whole = door == Door::OwnUrl && edge_answer::cache_control(found).is_some();
    let fits = found.metadata.length().is_some_and(fits);
    let key = key(found, None).filter(|_| fits && !is_kept_whole);
    if let Some(key) = &key
        && let Some(kept) = storage.app.ports.edge_cache.get(key, part).await
    {
        return Ok((kept.body, CacheStatus::Hit));
    }
    let ahead = match ahead {
        Some(ahead) => ahead.take(version, part).await,
        None => None,
    };
    let blob = match ahead {
        Some(blob) => blob,
        None => storage.app.ports.blobs.get(version, part).await?.ok_or(StorageError::NoBytes)?,
    };
    Ok(match key.filter(|_| part.is_none()) {
        Some(key) => keep(storage, &key, blob.body, "application/octet-stream"),
        None => (blob.body, CacheStatus::Bypass),
    })
}

/// Keeps a body while it is sent.
pub fn keep(storage: &Storage, key: &str, body: Body, mime_type: &str) -> (Body, CacheStatus) {
    let entry = Kept { body, mime_type: mime_type.to_string() };
    let (body, keeping) = storage.app.ports.edge_cache.keep(key, entry, SECONDS);
    storage.background.run(keeping);
    (body, CacheStatus::Miss)
}
