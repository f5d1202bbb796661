//! Removing objects: their rows in one batch, their bytes after the response.

use super::key::ObjectPath;
use super::store::object::Selection;
use super::store::{self, Results, batch};
use super::{Storage, StorageError, event, garbage};
use crate::ports::Text;
use crate::sql::Statement;

/// Removes one object. One that is there and may not be deleted is `Access denied`, as upstream.
pub async fn one(storage: &Storage, path: &ObjectPath) -> Result<(), StorageError> {
    let names = names(std::slice::from_ref(&path.key))?;
    let selection = Selection::Named(&names);
    let results = remove(storage, &path.bucket, &selection, Some(store::object::exists(path))).await?;
    if results.at(0)?.is_empty() {
        return Err(StorageError::NoSuchKey);
    }
    if results.at(3)?.is_empty() {
        return Err(StorageError::AccessDenied);
    }
    Ok(())
}

/// Removes those of the named objects that the caller sees and may delete; gives their rows as a
/// JSON array. The others are silently absent, as upstream.
pub async fn many(storage: &Storage, bucket: &str, keys: &[String]) -> Result<Box<dyn Text>, StorageError> {
    let names = names(keys)?;
    Ok(remove(storage, bucket, &Selection::Named(&names), None).await?.at(2)?.json_array())
}

/// One batch: what comes first if anything does, then events, garbage, rows.
async fn remove(
    storage: &Storage,
    bucket: &str,
    selection: &Selection<'_>,
    first: Option<Statement>,
) -> Result<Results, StorageError> {
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |access| {
        let events = store::object::removal_events(access, bucket, selection, &now)?;
        let [garbage, rows] = store::object::remove(access, bucket, selection)?;
        Ok(first.iter().cloned().chain([events, garbage, rows]).collect())
    });
    let results = results.await?;
    let events = usize::from(first.is_some());
    garbage::collect_later(storage, garbage::versions(&results, events + 1)?);
    event::deliver_later(storage, &results, &[events])?;
    Ok(results)
}

/// How many objects of a folder one call removes.
const FOLDER_STEP: u32 = 1000;

/// What became of a folder.
#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemovedFolder {
    /// Objects that went.
    removed: usize,
    /// Whether there may be more to go.
    has_more: bool,
}

/// Removes what the caller sees and may delete of everything beneath a folder (which ends with a slash), at most
/// 1,000 objects.
pub async fn folder(storage: &Storage, bucket: &str, folder: &str) -> Result<RemovedFolder, StorageError> {
    let selection = Selection::Beneath(folder, FOLDER_STEP);
    let results = remove(storage, bucket, &selection, None).await?;
    let removed = results.at(2)?.len();
    Ok(RemovedFolder { removed, has_more: removed >= FOLDER_STEP as usize })
}

fn names(keys: &[String]) -> Result<String, StorageError> {
    serde_json::to_string(keys).map_err(|error| StorageError::Internal(error.to_string()))
}
