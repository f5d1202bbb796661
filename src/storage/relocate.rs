//! Moving an object, which touches its row alone, and copying one, which copies its bytes.

use serde::Deserialize;
use serde_json::Value;

use super::event::Kind;
use super::key::ObjectPath;
use super::metadata::Metadata;
use super::store::object::{Move, Object};
use super::store::write::{ContentOf, Limits};
use super::store::{self, batch};
use super::upload::{Identity, Terms, Written, finish, put};
use super::{Storage, StorageError, event, garbage};
use crate::ports::Blob;

#[derive(Deserialize)]
struct Moved {
    id: String,
}

/// What a copy has besides its source's bytes.
pub struct CopyTerms {
    /// Whose it becomes, and whether it may replace an object.
    pub terms: Terms,
    /// Metadata that replace the source's; when this is not `None` the user metadata do too.
    pub replaced: Option<Replaced>,
}

/// Metadata of a copy's own.
pub struct Replaced {
    /// Only what an uploader says is looked at; what is `None` stays the source's.
    pub metadata: Metadata,
    /// A JSON object.
    pub user_metadata: Option<String>,
    /// Whether what is not said goes, as in S3, but for what is true of the bytes.
    pub is_all: bool,
}

/// Renames an object, within its bucket or into another. Gives its id.
pub async fn relocate(
    storage: &Storage,
    source: &ObjectPath,
    destination: &ObjectPath,
) -> Result<String, StorageError> {
    if source == destination {
        return stay(storage, source).await;
    }
    let now = storage.app.now().to_postgres();
    let to = Move { source, destination, owner: storage.caller.user_id(), now: &now };
    let results = batch(storage, |access| {
        let [check, update] = store::object::relocate(access, &to)?;
        let left = store::event::of_object(Kind::MovedAway, source, &now);
        let came = store::event::of_object(Kind::MovedHere, destination, &now);
        Ok(vec![check, left, update, came])
    });
    let results = results.await?;
    event::deliver_later(storage, &results, &[1, 3])?;
    let moved: Option<Moved> = results.at(2)?.first()?;
    moved.map(|moved| moved.id).ok_or(StorageError::NoSuchKey)
}

/// Moves an object to where it is: whoever may gets its id, and nothing changes or is told.
async fn stay(storage: &Storage, path: &ObjectPath) -> Result<String, StorageError> {
    let now = storage.app.now().to_postgres();
    let to = Move { source: path, destination: path, owner: storage.caller.user_id(), now: &now };
    let results = batch(storage, |access| {
        let [check, _] = store::object::relocate(access, &to)?;
        Ok(vec![check, store::object::find(access, path)?])
    });
    let found: Option<Moved> = results.await?.at(1)?.first()?;
    found.map(|found| found.id).ok_or(StorageError::NoSuchKey)
}

/// Copies an object the caller sees to where they may upload one.
pub async fn copy(
    storage: &Storage,
    source: &ObjectPath,
    destination: &ObjectPath,
    copy: &CopyTerms,
) -> Result<Written, StorageError> {
    let new = Identity::new(storage);
    let (found, blob) = prepare(storage, source, destination, copy, &new).await?;
    let stored = put(storage, &new.version, blob.body, u64::MAX).await?;

    let inherited =
        found.metadata.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let (metadata, user_metadata) = match &copy.replaced {
        None => (inherited, found.user_metadata.clone()),
        Some(replaced) => (over(inherited, replaced), replaced.user_metadata.clone()),
    };
    let metadata = metadata.stored(&stored).to_json();
    let object = new.object(destination, &copy.terms, ContentOf::Given(&metadata, user_metadata.as_deref()));
    finish(storage, &object, &Limits::None).await
}

/// Finds the source, asks for permission and notes the version to come, in one batch; then opens the bytes.
async fn prepare(
    storage: &Storage,
    source: &ObjectPath,
    destination: &ObjectPath,
    copy: &CopyTerms,
    new: &Identity,
) -> Result<(Object, Blob), StorageError> {
    let replaced = copy.replaced.as_ref().map(patch);
    let content = match (&copy.replaced, &replaced) {
        (Some(of), Some(metadata)) => {
            ContentOf::ObjectExceptUserMetadata(source, metadata, of.user_metadata.as_deref())
        }
        _ => ContentOf::Object(source, "{}"),
    };
    let object = new.object(destination, &copy.terms, content);
    let results = batch(storage, |access| {
        Ok(vec![
            store::object::require_visible(access, source)?,
            store::object::find(access, source)?,
            store::write::permission(access, &object, &Limits::None)?,
            store::garbage::expect(&new.version, &garbage::upload_expires_at(&storage.app)),
        ])
    });
    let found: Option<Object> = results.await?.at(1)?.first()?;
    let opened = match found {
        Some(found) => open(storage, found).await,
        None => Err(StorageError::NoSuchKey),
    };
    // No byte has been stored yet, so there is no doubt about them.
    opened.inspect_err(|_| garbage::collect_later(storage, vec![new.version.clone()]))
}

async fn open(storage: &Storage, found: Object) -> Result<(Object, Blob), StorageError> {
    let Some(version) = &found.version else { return Err(StorageError::NoBytes) };
    let blob = storage.app.ports.blobs.get(version, None).await?;
    Ok((found, blob.ok_or(StorageError::NoBytes)?))
}

/// What an uploader says of an object: its name in JSON, where it is, and whether it is true of the bytes, which a copy shares.
type Said = (&'static str, fn(&mut Metadata) -> &mut Option<String>, bool);

#[rustfmt::skip]
const SAID: [Said; 5] = [
    ("mimetype",           |metadata| &mut metadata.mimetype,            false),
    ("cacheControl",       |metadata| &mut metadata.cache_control,       false),
    ("contentEncoding",    |metadata| &mut metadata.content_encoding,    true),
    ("contentDisposition", |metadata| &mut metadata.content_disposition, false),
    ("contentLanguage",    |metadata| &mut metadata.content_language,    false),
];

/// What takes the place of a source's: a name, where it is, and the new value, `None` for one that goes.
fn changes(replaced: &Replaced) -> impl Iterator<Item = (Said, Option<String>)> {
    let (mut new, is_all) = (replaced.metadata.clone(), replaced.is_all);
    let said = SAID.map(|row| (row, row.1(&mut new).take()));
    said.into_iter().filter(move |((_, _, is_of_bytes), value)| value.is_some() || (is_all && !is_of_bytes))
}

fn over(mut metadata: Metadata, replaced: &Replaced) -> Metadata {
    changes(replaced).for_each(|((_, place, _), value)| *place(&mut metadata) = value);
    metadata
}

/// The same as a JSON merge patch (RFC 7396), where null takes a key away.
fn patch(replaced: &Replaced) -> String {
    let fields = changes(replaced).map(|((name, ..), value)| (name.to_string(), value.into()));
    Value::Object(fields.collect()).to_string()
}
