//! Reading an object: who may, what is left to send, and its bytes.

use super::edge::{self, CacheStatus};
use super::key::ObjectPath;
use super::metadata::Metadata;
use super::range::{self, Wanted};
use super::read_ahead::{ReadAhead, recent};
use super::store;
use super::store::bucket::Purges;
use super::store::object::{Columns, Object, Sought};
use super::{Storage, StorageError};
use crate::ports::{Body, ByteRange};
use crate::time::Timestamp;

/// Which way a reader comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Without a token: public buckets only.
    Public,
    /// The same, by the very URL under which the edge may keep the answer ([`super::edge_answer`]).
    OwnUrl,
    /// With a token: public buckets, and what policies show.
    Caller,
    /// With a token, and what policies show alone, as the S3 API has it.
    Policies,
    /// With a signed URL, verified before: any object.
    SignedUrl,
}

/// An object that the reader may read.
pub struct Found {
    /// Its row.
    pub object: Object,
    /// Its `metadata` column.
    pub metadata: Metadata,
    /// Whether anyone at all may read it.
    pub is_public: bool,
    /// Since when what the edge keeps of it does not count. Without it, nothing there counts.
    pub purges: Option<Purges>,
}

/// What a request asks besides the object (RFC 9110 §13, §14).
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// `Range`.
    pub range: Option<String>,
    /// `If-Range`.
    pub if_range: Option<String>,
    /// `If-None-Match`.
    pub if_none_match: Option<String>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<Timestamp>,
    /// Whether there are others, which whoever asks looks at.
    pub has_others: bool,
}

/// A download's outcome.
pub enum Download {
    /// The reader has it already.
    NotModified(Found),
    /// All its bytes.
    Whole(Found, Body, CacheStatus),
    /// Some of its bytes.
    Part(Found, ByteRange, Body, CacheStatus),
}

/// Finds an object, by one statement. One that the reader may not see is not there.
pub async fn find(storage: &Storage, path: &ObjectPath, door: Door) -> Result<Found, StorageError> {
    find_columns(storage, path, door, Columns::All).await
}

/// The same, with what is needed to send bytes.
async fn find_bytes(
    storage: &Storage,
    path: &ObjectPath,
    door: Door,
    is_kept_at_edge: bool,
) -> Result<Found, StorageError> {
    let columns = match (door, is_kept_at_edge) {
        // S3 says with the bytes all that is known of them.
        (Door::Policies, _) => Columns::All,
        (_, true) => Columns::BytesAndPurges,
        (_, false) => Columns::Bytes,
    };
    find_columns(storage, path, door, columns).await
}

async fn find_columns(
    storage: &Storage,
    path: &ObjectPath,
    door: Door,
    columns: Columns,
) -> Result<Found, StorageError> {
    let system = storage.as_system();
    let reader = if matches!(door, Door::Caller | Door::Policies) { storage } else { &system };
    let in_public_buckets = door == Door::Caller;
    let row =
        store::look(reader, |access| store::object::seek(access, path, in_public_buckets, columns)).await?;
    let mut sought: Sought = row.first()?.ok_or(StorageError::NoSuchBucket)?;
    let is_public = sought.public == 1;
    let purges = sought.purges.take().map(|json| serde_json::from_str(&json)).transpose();
    let purges = purges.map_err(|error| StorageError::Internal(error.to_string()))?;
    let purges = purges.map(|(object, image)| Purges { object, image });
    if matches!(door, Door::Public | Door::OwnUrl) && !is_public {
        return Err(StorageError::NoSuchBucket);
    }
    let object = sought.object().ok_or(StorageError::NoSuchKey)?;
    let metadata = object.metadata.as_deref().and_then(|json| serde_json::from_str(json).ok());
    Ok(Found { metadata: metadata.unwrap_or_default(), object, is_public, purges })
}

/// Finds an object and opens what the conditions leave of it.
pub async fn download(
    storage: &Storage,
    path: &ObjectPath,
    door: Door,
    conditions: &Conditions,
) -> Result<Download, StorageError> {
    let (recent_versions, name) = (&storage.app.recent_versions, path.to_string());
    let last = recent_versions.get(&name);
    let asked = find_bytes(storage, path, door, last.is_none());
    let mut ahead = last.and_then(|last| ReadAhead::of(storage, last, conditions));
    let found = match &mut ahead {
        Some(ahead) => ahead.during(asked).await,
        None => asked.await,
    };
    recent_versions.set(&name, found.as_ref().ok().and_then(recent));
    let found = found?;
    let version = found.object.version.clone();
    match open(storage, found, conditions, door, ahead).await {
        // Overwritten between the row and the bytes: the new row knows better.
        Err(StorageError::NoBytes) => {
            let found = find_bytes(storage, path, door, true).await?;
            if found.object.version == version {
                return Err(StorageError::NoBytes);
            }
            open(storage, found, conditions, door, None).await
        }
        outcome => outcome,
    }
}

async fn open(
    storage: &Storage,
    found: Found,
    conditions: &Conditions,
    door: Door,
    ahead: Option<ReadAhead>,
) -> Result<Download, StorageError> {
    if conditions.not_modified(&found.metadata) {
        return Ok(Download::NotModified(found));
    }
    let part = match conditions.wanted(&found.metadata) {
        Wanted::Whole => None,
        Wanted::Part(part) => Some(part),
        Wanted::Outside => return Err(StorageError::InvalidRange(found.metadata.length().unwrap_or(0))),
    };
    let (body, cache) = edge::open(storage, &found, part, door, ahead).await?;
    Ok(match part {
        None => Download::Whole(found, body, cache),
        Some(part) => Download::Part(found, part, body, cache),
    })
}

impl Conditions {
    /// `If-None-Match` outranks `If-Modified-Since` (RFC 9110 §13.2.2). A date's seconds are whole.
    pub fn not_modified(&self, metadata: &Metadata) -> bool {
        if let Some(tags) = &self.if_none_match {
            return tags.trim() == "*" || has_tag(tags, metadata);
        }
        match (self.if_modified_since, metadata.modified_at()) {
            (Some(since), Some(modified)) => modified.seconds() <= since.seconds(),
            _ => false,
        }
    }

    /// What is wanted of so many bytes, whatever their metadata say; `None` when that depends on them.
    pub fn wanted_of(&self, size: u64) -> Option<Wanted> {
        let is_conditional = self.if_range.is_some()
            || self.if_none_match.is_some()
            || self.if_modified_since.is_some()
            || self.has_others;
        (!is_conditional).then(|| range::wanted(self.range.as_deref(), size))
    }

    fn wanted(&self, metadata: &Metadata) -> Wanted {
        let Some(size) = metadata.length() else { return Wanted::Whole };
        let still_applies = self.if_range.as_deref().is_none_or(|tag| {
            !tag.starts_with("W/") && (has_tag(tag, metadata) || is_date_of(tag, metadata))
        });
        range::wanted(self.range.as_deref().filter(|_| still_applies), size)
    }
}

/// Weak comparison, as `If-None-Match` has it.
fn has_tag(tags: &str, metadata: &Metadata) -> bool {
    let tags = tags.split(',').map(|tag| tag.trim().trim_start_matches("W/"));
    metadata.e_tag.as_deref().is_some_and(|own| tags.into_iter().any(|tag| tag == own))
}

fn is_date_of(date: &str, metadata: &Metadata) -> bool {
    metadata.modified_at().is_some_and(|modified| modified.to_http_date() == date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_tags_before_dates() {
        let metadata = Metadata {
            e_tag: Some("\"a\"".into()),
            size: Some(10),
            last_modified: Some("2026-01-02T03:04:05.900Z".into()),
            ..Metadata::default()
        };
        let at = |text: &str| Timestamp::parse(text);
        let rows = [
            (Some("\"a\""), None, true),
            (Some("W/\"a\""), None, true),
            (Some("\"b\", \"a\""), None, true),
            (Some("*"), None, true),
            (Some("\"b\""), at("2027-01-01T00:00:00Z"), false),
            (None, at("2026-01-02T03:04:05Z"), true),
            (None, at("2026-01-02T03:04:04Z"), false),
            (None, None, false),
        ];
        for (tags, since, expected) in rows {
            let conditions = Conditions {
                if_none_match: tags.map(str::to_string),
                if_modified_since: since,
                ..Conditions::default()
            };
            assert_eq!(conditions.not_modified(&metadata), expected, "{tags:?} {since:?}");
        }
        for (if_range, applies) in
            [("\"a\"", true), ("\"b\"", false), ("W/\"a\"", false), ("Fri, 02 Jan 2026 03:04:05 GMT", true)]
        {
            let conditions = Conditions {
                range: Some("bytes=0-1".into()),
                if_range: Some(if_range.into()),
                ..Conditions::default()
            };
            assert_eq!(conditions.wanted(&metadata) != Wanted::Whole, applies, "{if_range}");
        }
    }
}
