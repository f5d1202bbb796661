//! Removing objects: their rows in one batch, their bytes after the response.

use super::key::ObjectPath;
use super::store::object::Selection;
use super::store::{self, batch};
use super::{Storage, StorageError, garbage};
use crate::ports::Text;

/// Removes one object. One that is there and may not be deleted is `Access denied`, as upstream.
pub async fn one(storage: &Storage, path: &ObjectPath) -> Result<(), StorageError> {
    let names = names(std::slice::from_ref(&path.key))?;
    let results = batch(storage, |access| {
        let [garbage, rows] = store::object::remove(access, &path.bucket, &Selection::Named(&names))?;
        Ok(vec![store::object::exists(path), garbage, rows])
    });
    let results = results.await?;
    if results.at(0)?.is_empty() {
        return Err(StorageError::NoSuchKey);
    }
    if results.at(2)?.is_empty() {
        return Err(StorageError::AccessDenied);
    }
    garbage::collect_later(storage, garbage::versions(&results, 1)?);
    Ok(())
}

/// Removes those of the named objects that the caller sees and may delete; gives their rows as a
/// JSON array. The others are silently absent, as upstream.
pub async fn many(storage: &Storage, bucket: &str, keys: &[String]) -> Result<Box<dyn Text>, StorageError> {
    let names = names(keys)?;
    let results =
        batch(storage, |access| Ok(store::object::remove(access, bucket, &Selection::Named(&names))?.into()))
            .await?;
    garbage::collect_later(storage, garbage::versions(&results, 0)?);
    Ok(results.at(1)?.json_array())
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
    let results =
        batch(storage, |access| Ok(store::object::remove(access, bucket, &selection)?.into())).await?;
    garbage::collect_later(storage, garbage::versions(&results, 0)?);
    let removed = results.at(1)?.len();
    Ok(RemovedFolder { removed, has_more: removed >= FOLDER_STEP as usize })
}

fn names(keys: &[String]) -> Result<String, StorageError> {
    serde_json::to_string(keys).map_err(|error| StorageError::Internal(error.to_string()))
}
