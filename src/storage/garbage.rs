//! Deleting the bytes of versions that no object refers to.
//!
//! The batch that overwrites or removes a row puts its version in `"storage.garbage"`; an upload
//! puts its own there before the first byte, and takes it out in the batch that writes the row. So
//! whatever stops half-way, every stray version stands there, and the sweep finds it.

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};

use super::store::{self, Results};
use super::{Storage, StorageError, unfinished};
use crate::app::App;

/// How long an upload may take from its permission to its row. After that the sweep may delete its
/// bytes, and its row is refused.
const UPLOAD_SECONDS: i64 = 24 * 60 * 60;

/// Versions deleted in one step; R2 takes 1,000 keys a call.
const STEP: u32 = 1000;

/// A row of the garbage.
#[derive(Deserialize)]
struct Garbage {
    version: String,
}

/// When an upload that begins now is given up, as stored.
pub fn upload_expires_at(app: &App) -> String {
    app.now().plus_seconds(UPLOAD_SECONDS).to_postgres()
}

/// The versions that a statement of a batch put in the garbage.
pub fn versions(results: &Results, index: usize) -> Result<Vec<String>, StorageError> {
    let rows: Vec<Garbage> = results.at(index)?.decode()?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// After an upload failed: deletes what bytes it stored, if it is certain that they are not wanted.
/// An answer that was lost may have been a yes, or a write still under way; then the note of the
/// version stays until its day is over, and the sweep, which asks the table, decides.
pub fn abandon(storage: &Storage, version: &str, error: &StorageError) {
    if !error.leaves_doubt() {
        collect_later(storage, vec![version.to_string()]);
    }
}

/// Deletes the bytes of these versions after the response. What fails stays for the sweep.
pub fn collect_later(storage: &Storage, versions: Vec<String>) {
    if versions.is_empty() {
        return;
    }
    let app = storage.app.clone();
    let work = async move {
        if let Err(error) = collect(&app, &versions).await {
            log(&app, &error);
        }
    };
    storage.background.run(work.boxed_local());
}

/// Sweeps after the response, for when there may be more versions than a request should carry.
pub fn sweep_later(storage: &Storage) {
    let app = storage.app.clone();
    let work = async move {
        if let Err(error) = sweep(&app).await {
            log(&app, &error);
        }
    };
    storage.background.run(work.boxed_local());
}

/// Gives up uploads that never finished and deletes the bytes of all garbage: for a schedule, and
/// whenever. Gives the number of versions deleted. Stopping anywhere leaves the rest for the next time.
pub async fn sweep(app: &App) -> Result<usize, StorageError> {
    unfinished::sweep(app).await?;
    let mut deleted = 0;
    loop {
        let now = app.now().to_postgres();
        // In one batch: an upload is given up before anyone looks for its bytes, so that its row can no longer come.
        let statements = vec![store::garbage::expire(&now), store::garbage::pending(STEP)];
        let results = app.ports.database.batch(statements).await?;
        let rows: Vec<Garbage> = results.last().map_or_else(|| Ok(Vec::new()), |result| result.decode())?;
        let versions: Vec<String> = rows.into_iter().map(|row| row.version).collect();
        collect(app, &versions).await?;
        deleted += versions.len();
        if versions.len() < STEP as usize {
            return Ok(deleted);
        }
    }
}

/// Bytes first, then the note of them.
pub async fn collect(app: &App, versions: &[String]) -> Result<(), StorageError> {
    if versions.is_empty() {
        return Ok(());
    }
    app.ports.blobs.delete(versions).await?;
    app.ports.database.batch(vec![store::garbage::forget(json(versions)?)]).await?;
    Ok(())
}

/// Versions as one bind.
pub fn json(versions: &[impl Serialize]) -> Result<String, StorageError> {
    serde_json::to_string(versions).map_err(|error| StorageError::Internal(error.to_string()))
}

/// Says what failed after the response.
pub fn log(app: &App, error: &StorageError) {
    let line = serde_json::json!({
        "at": app.now().to_milliseconds(),
        "level": "error",
        "message": "bytes of removed objects stay until the next sweep",
        "cause": error.cause(),
    });
    app.ports.log.line(&line.to_string());
}
