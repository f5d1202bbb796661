//! Purging the edge cache: of an object, a bucket or everything, in whole or of rendered images only.
//!
//! A purge is a row whose time becomes part of the keys, so it holds in every data centre from the next request on; answers that the
//! edge gives by itself are purged there.

use super::{Storage, StorageError, edge, edge_answer, store};
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
    let now = storage.app.now().to_postgres();
    let mut statements = vec![store::purge::remember(what, &now)];
    let answers = storage.app.config.storage.edge_answers.is_some() && !what.images_only;
    if answers {
        statements
            .push(store::edge_answer::note(what.bucket.unwrap_or_default(), what.key.unwrap_or_default()));
        statements.push(store::edge_answer::due(&now));
    }
    let due = storage.app.ports.database.batch(statements).await?.pop();
    match due.filter(|_| answers) {
        Some(due) if !edge_answer::settle(storage, due.as_ref()).await => {
            Err(StorageError::Internal("the edge was not told of the purge yet".into()))
        }
        _ => Ok(()),
    }
}

/// Forgets purges that outlived whatever they purged.
pub async fn forget_old(app: &App) -> Result<(), StorageError> {
    let kept = i64::try_from(edge::SECONDS).unwrap_or(i64::MAX) + 24 * 60 * 60;
    let before = app.now().plus_seconds(-kept).to_postgres();
    app.ports.database.batch(vec![store::purge::forget(&before)]).await?;
    Ok(())
}
