//! Buckets: making, finding, changing, emptying and deleting them.

use super::store::bucket::{BucketChange, NewBucket, Page};
use super::store::{self, batch};
use super::{Storage, StorageError, event, garbage, key, mime};
use crate::ports::Text;

/// How upstream tells buckets of tables from those of files.
const RESERVED_SUFFIX: &str = "--table-s3";

/// A size limit as the wire has it.
#[derive(Clone, Debug, PartialEq)]
pub enum SizeLimit {
    /// Bytes.
    Bytes(u64),
    /// A number with a decimal unit: `20MB`.
    Text(String),
}

/// What a request sets of a bucket. `None` is not said, an inner `None` is null.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether anyone may read its objects.
    pub public: Option<bool>,
    /// The most bytes of an object.
    pub file_size_limit: Option<Option<SizeLimit>>,
    /// The media types objects may have.
    pub allowed_mime_types: Option<Option<Vec<String>>>,
}

/// Makes a bucket.
pub async fn create(
    storage: &Storage,
    id: &str,
    name: &str,
    settings: &Settings,
) -> Result<(), StorageError> {
    key::check_bucket_name(name)?;
    key::check_bucket_name(id)?;
    if name.ends_with(RESERVED_SUFFIX) {
        return Err(StorageError::InvalidBucketName);
    }
    let allowed_mime_types = mime_types_json(settings)?.flatten();
    let bucket = NewBucket {
        id,
        name,
        owner: storage.caller.user_id(),
        public: settings.public.unwrap_or(false),
        file_size_limit: size_limit(storage, settings)?.flatten(),
        allowed_mime_types: allowed_mime_types.as_deref(),
        now: &storage.app.now().to_postgres(),
    };
    batch(storage, |access| Ok(store::bucket::create(access, &bucket)?.into())).await?;
    Ok(())
}

/// The buckets that the caller sees, as a JSON array.
pub async fn list(storage: &Storage, page: &Page<'_>) -> Result<Box<dyn Text>, StorageError> {
    let results = batch(storage, |access| Ok(vec![store::bucket::list(access, page)?])).await?;
    Ok(results.at(0)?.json_array())
}

/// A bucket that the caller sees, as JSON.
pub async fn find(storage: &Storage, id: &str) -> Result<Box<dyn Text>, StorageError> {
    let results = batch(storage, |access| Ok(vec![store::bucket::find(access, id)?])).await?;
    results.at(0)?.text(0).ok_or(StorageError::NoSuchBucket)
}

/// Changes a bucket that the caller sees and may change.
pub async fn update(storage: &Storage, id: &str, settings: &Settings) -> Result<(), StorageError> {
    key::check_bucket_name(id)?;
    let allowed_mime_types = mime_types_json(settings)?;
    let change = BucketChange {
        public: settings.public,
        file_size_limit: size_limit(storage, settings)?,
        allowed_mime_types: allowed_mime_types.as_ref().map(Option::as_deref),
        now: &storage.app.now().to_postgres(),
    };
    let results = batch(storage, |access| Ok(vec![store::bucket::update(access, id, &change)?])).await?;
    if results.at(0)?.is_empty() { Err(StorageError::NoSuchBucket) } else { Ok(()) }
}

/// Deletes an empty bucket that the caller sees and may delete.
pub async fn delete(storage: &Storage, id: &str) -> Result<(), StorageError> {
    let results = batch(storage, |access| Ok(store::bucket::delete(access, id)?.into())).await?;
    if results.at(1)?.is_empty() { Err(StorageError::NoSuchBucket) } else { Ok(()) }
}

/// Removes every object of a bucket, for the service role only: policies are not asked.
pub async fn empty(storage: &Storage, id: &str) -> Result<(), StorageError> {
    if !storage.caller.bypasses_row_security() {
        return Err(StorageError::InvalidRole);
    }
    let now = storage.app.now().to_postgres();
    let results = batch(storage, |_| Ok(store::bucket::empty(id, &now).into())).await?;
    event::deliver_later(storage, &results, &[1])?;
    garbage::sweep_later(storage);
    Ok(())
}

fn size_limit(storage: &Storage, settings: &Settings) -> Result<Option<Option<u64>>, StorageError> {
    let Some(limit) = &settings.file_size_limit else { return Ok(None) };
    let bytes = match limit {
        None => return Ok(Some(None)),
        Some(SizeLimit::Bytes(bytes)) => *bytes,
        Some(SizeLimit::Text(text)) => bytes_of(text).ok_or(StorageError::InvalidFileSizeLimit)?,
    };
    if bytes > storage.app.config.storage.file_size_limit {
        return Err(StorageError::TooLarge);
    }
    Ok(Some(Some(bytes)))
}

/// `20MB` → 20,000,000. Units are decimal, in any case; three digits count, as upstream.
fn bytes_of(text: &str) -> Option<u64> {
    let digits = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, unit) = text.split_at_checked(digits)?;
    if number.starts_with('.') || number.ends_with('.') {
        return None;
    }
    let factor = match unit.to_ascii_uppercase().as_str() {
        "GB" => 1e9,
        "MB" => 1e6,
        "KB" => 1e3,
        "B" => 1.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    let rounded: f64 = format!("{number:.2e}").parse().ok()?;
    Some((rounded * factor) as u64)
}

fn mime_types_json(settings: &Settings) -> Result<Option<Option<String>>, StorageError> {
    let Some(types) = &settings.allowed_mime_types else { return Ok(None) };
    let Some(types) = types else { return Ok(Some(None)) };
    let types: Vec<&String> = types.iter().filter(|entry| !entry.is_empty()).collect();
    types.iter().try_for_each(|entry| mime::check_allowed(entry))?;
    let json = serde_json::to_string(&types).map_err(|error| StorageError::Internal(error.to_string()))?;
    Ok(Some(Some(json)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_limits_have_decimal_units() {
        let rows = [
            ("20GB", Some(20_000_000_000)),
            ("20MB", Some(20_000_000)),
            ("1.5kb", Some(1500)),
            ("1.5 kb", None),
            (" 3B", None),
            ("3.B", None),
            (".5KB", None),
            ("3B", Some(3)),
            ("20", None),
            ("MB", None),
            ("-1MB", None),
            ("1.2.3MB", None),
            ("1TB", None),
        ];
        for (text, bytes) in rows {
            assert_eq!(bytes_of(text), bytes, "{text}");
        }
    }
}
