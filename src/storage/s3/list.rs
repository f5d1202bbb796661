//! Listing a bucket.

use super::super::store::s3_list::{Entry, Page, page};
use super::super::store::{self, batch};
use super::super::{Storage, StorageError};
use super::S3Error;

/// A page of a bucket.
pub struct Listing {
    /// Names and prefixes, in order.
    pub entries: Vec<Entry>,
    /// The last of them, if there are more.
    pub next: Option<String>,
}

/// One page of the names that the caller sees.
pub async fn list(storage: &Storage, asked: &Page<'_>) -> Result<Listing, S3Error> {
    let one_more = Page { most: asked.most + 1, ..*asked };
    let results =
        batch(storage, |access| Ok(vec![store::bucket::exists(asked.bucket), page(access, &one_more)?]));
    let results = results.await?;
    if results.at(0)?.is_empty() {
        return Err(StorageError::NoSuchBucket.into());
    }
    let mut entries: Vec<Entry> = results.at(1)?.decode().map_err(StorageError::from)?;
    let most = asked.most as usize;
    // Asked for nothing, S3 says that nothing is left.
    let has_more = entries.len() > most && most > 0;
    entries.truncate(most);
    let next = entries.last().filter(|_| has_more).map(|last| last.path.clone());
    Ok(Listing { entries, next })
}
