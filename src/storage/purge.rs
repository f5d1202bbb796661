//! Purging the edge cache: of an object, a bucket or everything, in whole or of rendered images only.
//!
//! A purge is a row whose time becomes part of the keys, so it holds in every data centre from the next request on.

use super::{Storage, StorageError, edge, store};
use crate::app::App;

/// What is purged.
pub struct Purge<'a> {
    /// A bucket, or all.
    pub bucket: Option<&'a str>,
    /// An object of the bucket, or all.
    pub key: Option<&'a str>,
    /// Rendered images only.
    pub images_only: bool,
}

/// Purges, for the service role only. What is not there is purged too, as upstream.
pub async fn purge(storage: &Storage, what: &Purge<'_>) -> Result<(), StorageError> {
    if !storage.caller.bypasses_row_security() {
        return Err(StorageError::InvalidRole);
    }
    let statement = store::purge::remember(what, &storage.app.now().to_postgres());
    storage.app.ports.database.batch(vec![statement]).await?;
    Ok(())
}

/// Forgets purges that outlived whatever they purged.
pub async fn forget_old(app: &App) -> Result<(), StorageError> {
    let kept = i64::try_from(edge::SECONDS).unwrap_or(i64::MAX) + 24 * 60 * 60;
    let before = app.now().plus_seconds(-kept).to_postgres();
    app.ports.database.batch(vec![store::purge::forget(&before)]).await?;
    Ok(())
}
