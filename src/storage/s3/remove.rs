//! Removing objects: absent ones count as removed, those that a policy protects as denied.

use serde::Deserialize;

use super::super::key::ObjectPath;
use super::super::store::object::Selection;
use super::super::store::{self, batch};
use super::super::{Storage, StorageError, event, garbage, remove};
use super::S3Error;

/// What became of several keys.
pub struct Removed {
    /// Those that are there still: the caller may not remove them.
    pub denied: Vec<String>,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// Removes an object, if it is there.
pub async fn remove_one(storage: &Storage, path: &ObjectPath) -> Result<(), S3Error> {
    match remove::one(storage, path).await {
        Err(StorageError::NoSuchKey) => require_bucket(storage, &path.bucket).await,
        outcome => Ok(outcome?),
    }
}

/// Refuses a bucket that does not exist.
async fn require_bucket(storage: &Storage, bucket: &str) -> Result<(), S3Error> {
    let statement = store::bucket::exists(bucket);
    let results = storage.app.ports.database.batch(vec![statement]).await.map_err(StorageError::from)?;
    if results.first().is_none_or(|result| result.is_empty()) {
        return Err(StorageError::NoSuchBucket.into());
    }
    Ok(())
}

/// Removes those of the named objects that the caller sees and may remove, in one batch.
pub async fn remove_many(storage: &Storage, bucket: &str, keys: &[String]) -> Result<Removed, S3Error> {
    let names = garbage::json(keys)?;
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |access| {
        let selection = Selection::Named(&names);
        let events = store::object::removal_events(access, bucket, &selection, &now)?;
        let [garbage, rows] = store::object::remove(access, bucket, &selection)?;
        let left = store::object::still_there(bucket, &names);
        Ok(vec![store::bucket::exists(bucket), events, garbage, rows, left])
    });
    let results = results.await?;
    if results.at(0)?.is_empty() {
        return Err(StorageError::NoSuchBucket.into());
    }
    garbage::collect_later(storage, garbage::versions(&results, 2)?);
    event::deliver_later(storage, &results, &[1])?;
    let left: Vec<Name> = results.at(4)?.decode().map_err(StorageError::from)?;
    Ok(Removed { denied: left.into_iter().map(|row| row.name).collect() })
}
