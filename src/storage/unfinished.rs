//! Giving up uploads of several requests: their parts in R2, then their rows, then what other bytes they have.
//!
//! Parts go first: once R2 has dropped an upload no late request can complete it, so that bytes deleted after
//! that stay deleted.

use futures_util::FutureExt;

use super::store::uploads::{self, Stale};
use super::{Storage, StorageError, garbage};
use crate::app::App;
use crate::ports::PartsOf;

/// Uploads given up in one step.
const STEP: u32 = 100;

/// Gives up one upload after the response; its row says so already. What fails stays for the sweep.
pub fn close_later(storage: &Storage, upload: Stale) {
    let app = storage.app.clone();
    let work = async move {
        let closed = async {
            close(&app, std::slice::from_ref(&upload)).await?;
            garbage::collect(&app, std::slice::from_ref(&upload.version)).await
        };
        if let Err(error) = closed.await {
            garbage::log(&app, &error);
        }
    };
    storage.background.run(work.boxed_local());
}

/// Gives up all uploads whose time is over. Their other bytes are garbage then. Stopping anywhere leaves the rest for the next time.
pub async fn sweep(app: &App) -> Result<(), StorageError> {
    loop {
        let now = app.now().to_postgres();
        let [expire, forget_finished] = uploads::expire(&now);
        let results = app.ports.database.batch(vec![expire, forget_finished, uploads::stale(STEP)]).await?;
        let stale: Vec<Stale> = results.last().map_or_else(|| Ok(Vec::new()), |result| result.decode())?;
        close(app, &stale).await?;
        if stale.len() < STEP as usize {
            return Ok(());
        }
    }
}

async fn close(app: &App, stale: &[Stale]) -> Result<(), StorageError> {
    if stale.is_empty() {
        return Ok(());
    }
    for upload in stale {
        if let Some(id) = &upload.parts_id {
            let parts = PartsOf { key: upload.version.clone(), id: id.clone() };
            app.ports.blobs.abort_parts(&parts).await?;
        }
    }
    let versions: Vec<&str> = stale.iter().map(|upload| upload.version.as_str()).collect();
    let versions = garbage::json(&versions)?;
    app.ports.database.batch(uploads::forget(&versions).into()).await?;
    Ok(())
}
