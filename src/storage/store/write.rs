//! Bringing an object's row into being: may it, and doing it.
//!
//! Both steps of an upload ask the same question of the row as it will be, once before the bytes
//! are read and once, with all that is known by then, in the batch that writes.

use super::super::StorageError;
use super::super::access::{Access, OBJECT, Of, Rule};
use super::super::error::RAISED_MIME_TYPE;
use super::super::key::ObjectPath;
use super::super::mime;
use super::object::object_json;
use crate::sql::{Statement, Writer, raise};

/// An object's row as it will be.
pub struct NewObject<'a> {
    /// Where.
    pub path: &'a ObjectPath,
    /// The row's id, unless it replaces one.
    pub id: &'a str,
    /// The R2 key of its bytes.
    pub version: &'a str,
    /// The user it will belong to; nobody leaves a replaced row's owner.
    pub owner: Option<&'a str>,
    /// Where its metadata come from.
    pub content: ContentOf<'a>,
    /// Whether it may replace an object.
    pub upsert: bool,
    /// Now, as stored.
    pub now: &'a str,
}

/// The two JSON columns of a new row.
pub enum ContentOf<'a> {
    /// These: metadata, user metadata, both JSON text.
    Given(&'a str, Option<&'a str>),
    /// The same of an upload in one request, whose missing user metadata policies see as NULL and readers as `{}`, as upstream.
    Uploaded(&'a str, Option<&'a str>),
    /// Those of an upload of several requests, by its version.
    Upload(&'a str),
    /// Another object's metadata with these keys over it, and its user metadata.
    Object(&'a ObjectPath, &'a str),
    /// Another object's metadata with these keys over it, and this user metadata.
    ObjectExceptUserMetadata(&'a ObjectPath, &'a str, Option<&'a str>),
}

/// What the bucket has to say about a new object.
pub enum Limits<'a> {
    /// Size and type must suit it.
    Of {
        /// Bytes, if known.
        size: Option<u64>,
        /// The type, if the bucket's list applies.
        mime_type: Option<&'a str>,
    },
    /// Only that it exists: a copy, as upstream has it.
    None,
}

/// A statement that raises unless the caller may write the object; gives the bucket's `size_limit`.
///
/// In Postgres' order: what the bucket allows, then policies, then whether the name is taken, so
/// that nobody learns of objects they may not write.
pub fn permission(
    access: &Access<'_>,
    object: &NewObject<'_>,
    limits: &Limits<'_>,
) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let new_row = new_row(&mut writer, object);
    let (no_bucket, refused_by_bucket) = match limits {
        Limits::Of { size, mime_type } => ("NoSuchBucket", refused_by_bucket(&mut writer, *size, *mime_type)),
        Limits::None => ("NoDestination", String::new()),
    };
    let refused_by_policy = refused_by_policy(&mut writer, access, object)?;
    writer.push(&format!(
        "SELECT
           CASE
             WHEN bucket.id IS NULL THEN {no_bucket}{refused_by_bucket}{refused_by_policy}
             ELSE bucket.file_size_limit
           END AS size_limit
         FROM ({new_row}) AS {OBJECT}
         LEFT JOIN \"storage.buckets\" AS bucket ON bucket.id = {OBJECT}.bucket_id",
        no_bucket = raise(&format!("'{no_bucket}'")),
    ));
    Ok(writer.finish())
}

/// The cases in which the bucket does not take such an object.
fn refused_by_bucket(writer: &mut Writer, size: Option<u64>, mime_type: Option<&str>) -> String {
    let mut cases = String::new();
    if let Some(size) = size {
        cases += &format!(
            "
             WHEN CAST({size} AS INTEGER) > bucket.file_size_limit THEN {too_large}",
            size = writer.bind(size.to_string()),
            too_large = raise("'TooLarge'"),
        );
    }
    if let Some(mime_type) = mime_type {
        let [itself, kind] = mime::allowing(mime_type).map(|entry| writer.bind(entry));
        cases += &format!(
            "
             WHEN json_array_length(bucket.allowed_mime_types) > 0
               AND NOT EXISTS (
                 SELECT 1
                 FROM json_each(bucket.allowed_mime_types) AS allowed
                 WHERE allowed.value IN ({itself}, {kind})
               ) THEN {wrong_type}",
            wrong_type = raise(&format!("'{RAISED_MIME_TYPE}' || {}", writer.bind(mime_type))),
        );
    }
    cases
}

/// The cases in which policies, or the object that is there, refuse the new one.
fn refused_by_policy(
    writer: &mut Writer,
    access: &Access<'_>,
    object: &NewObject<'_>,
) -> Result<String, StorageError> {
    let denied = raise("'InsertDenied'");
    if !object.upsert {
        let allowed = access.sql(writer, Of::Objects, &[Rule::Insertable])?;
        let taken = raise("'KeyAlreadyExists'");
        return Ok(format!(
            "
             WHEN {allowed} IS NOT TRUE THEN {denied}
             WHEN {OBJECT}.replaces THEN {taken}"
        ));
    }
    let insertable = access.sql(writer, Of::Objects, &[Rule::Insertable])?;
    let visible = access.sql(writer, Of::Objects, &[Rule::Visible])?;
    let updated = access.sql(writer, Of::Objects, &[Rule::Updated])?;
    let replaceable = access.sql(writer, Of::Objects, &[Rule::Updatable, Rule::Visible])?;
    let (bucket, name) = (writer.bind(&object.path.bucket), writer.bind(&object.path.key));
    Ok(format!(
        "
             WHEN {insertable} IS NOT TRUE THEN {denied}
             WHEN {visible} IS NOT TRUE THEN {hidden}
             WHEN {OBJECT}.replaces AND {updated} IS NOT TRUE THEN {not_updated}
             WHEN EXISTS (
               SELECT 1
               FROM {OBJECT}
               WHERE {OBJECT}.bucket_id = {bucket}
                 AND {OBJECT}.name = {name}
                 AND {replaceable} IS NOT TRUE
             ) THEN {kept}",
        hidden = raise("'SelectDenied'"),
        not_updated = raise("'UpdateDenied'"),
        kept = raise("'ReplaceDenied'"),
    ))
}

/// The row as a query: a replaced object keeps its id, its birth and, if nobody takes it over, its owner.
fn new_row(writer: &mut Writer, object: &NewObject<'_>) -> String {
    let (metadata, user_metadata) = content(writer, &object.content);
    let (bucket, name) = (writer.bind(&object.path.bucket), writer.bind(&object.path.key));
    let (id, version, now) = (writer.bind(object.id), writer.bind(object.version), writer.bind(object.now));
    let (owner, owner_id) = (writer.bind(owner_uuid(object.owner)), writer.bind(object.owner));
    format!(
        "SELECT
           COALESCE(old.id, {id}) AS id,
           {bucket} AS bucket_id,
           {name} AS name,
           COALESCE({owner}, old.owner) AS owner,
           COALESCE({owner_id}, old.owner_id) AS owner_id,
           {version} AS version,
           {metadata} AS metadata,
           {user_metadata} AS user_metadata,
           {path_tokens} AS path_tokens,
           COALESCE(old.created_at, {now}) AS created_at,
           {now} AS updated_at,
           COALESCE(old.last_accessed_at, {now}) AS last_accessed_at,
           old.id IS NOT NULL AS replaces
         FROM (SELECT 1) AS one
         LEFT JOIN \"storage.objects\" AS old ON old.bucket_id = {bucket} AND old.name = {name}",
        path_tokens = path_tokens(&name),
    )
}

/// What the table's generated column will be, for a row that is not in it yet.
pub fn path_tokens(name: &str) -> String {
    format!(r#"json('["' || replace(replace({name}, '"', '\"'), '/', '","') || '"]')"#)
}

fn content(writer: &mut Writer, content: &ContentOf<'_>) -> (String, String) {
    match content {
        ContentOf::Given(metadata, user_metadata) | ContentOf::Uploaded(metadata, user_metadata) => {
            (writer.bind(*metadata), writer.bind(*user_metadata))
        }
        ContentOf::Upload(version) => {
            let version = writer.bind(*version);
            ["metadata", "user_metadata"].map(|column| of_upload(column, &version)).into()
        }
        ContentOf::Object(source, over) => {
            (patched(writer, source, over), of_object(writer, source, "source.user_metadata"))
        }
        ContentOf::ObjectExceptUserMetadata(source, over, user_metadata) => {
            (patched(writer, source, over), writer.bind(*user_metadata))
        }
    }
}

fn of_upload(column: &str, version: &str) -> String {
    format!(
        "(SELECT upload.{column}
            FROM \"storage.uploads\" AS upload
            WHERE upload.version = {version})"
    )
}

fn patched(writer: &mut Writer, source: &ObjectPath, over: &str) -> String {
    let over = writer.bind(over);
    of_object(writer, source, &format!("json_patch(COALESCE(source.metadata, '{{}}'), {over})"))
}

fn of_object(writer: &mut Writer, source: &ObjectPath, expression: &str) -> String {
    let (bucket, name) = (writer.bind(&source.bucket), writer.bind(&source.key));
    format!(
        "(SELECT {expression}
            FROM \"storage.objects\" AS source
            WHERE source.bucket_id = {bucket} AND source.name = {name})"
    )
}

/// The `owner` column is a uuid; tokens of other providers have subjects that are none.
pub fn owner_uuid(owner: Option<&str>) -> Option<&str> {
    owner.filter(|owner| owner.len() == 36 && uuid::Uuid::try_parse(owner).is_ok())
}

/// Writes the row, a new one or over the old; gives it as JSON in `object`, and its `id`.
/// Runs behind [`permission`] in the same batch.
pub fn upsert(object: &NewObject<'_>) -> Statement {
    let mut writer = Writer::default();
    let new_row = new_row(&mut writer, object);
    let user_metadata = match object.content {
        ContentOf::Uploaded(..) => "COALESCE(user_metadata, '{}')",
        _ => "user_metadata",
    };
    writer.push(&format!(
        "INSERT INTO \"storage.objects\" (
           id, bucket_id, name, owner, owner_id, version, metadata, user_metadata,
           created_at, updated_at, last_accessed_at
         )
         SELECT
           id, bucket_id, name, owner, owner_id, version, metadata, {user_metadata},
           created_at, updated_at, last_accessed_at
         FROM ({new_row}) AS new
         WHERE TRUE
         ON CONFLICT (bucket_id, name) DO UPDATE SET
           owner = excluded.owner,
           owner_id = excluded.owner_id,
           version = excluded.version,
           metadata = excluded.metadata,
           user_metadata = excluded.user_metadata,
           updated_at = excluded.updated_at
         RETURNING {json} AS object, id",
        json = object_json()
    ));
    writer.finish()
}
