//! Objects: finding, removing, moving.

use serde::Deserialize;

use super::super::StorageError;
use super::super::access::{Access, OBJECT, Of, Rule};
use super::super::event::Kind;
use super::super::key::ObjectPath;
use super::{purge, time};
use crate::sql::{Statement, Writer, raise};

/// An object's row.
#[derive(Clone, Debug, Deserialize)]
pub struct Object {
    /// The row's id, a uuid.
    pub id: String,
    /// The R2 key of its bytes; a row that a seed wrote may have none.
    pub version: Option<String>,
    /// The column's JSON.
    pub metadata: Option<String>,
    /// The column's JSON; `None` also where it was not asked for, as the times.
    pub user_metadata: Option<String>,
    /// As the API prints it.
    pub created_at: Option<String>,
    /// As the API prints it.
    pub updated_at: Option<String>,
}

/// What is asked of an object.
#[derive(Clone, Copy, PartialEq)]
pub enum Columns {
    /// All there is.
    All,
    /// What sends its bytes. Preparing this takes a third of the time that all takes.
    Bytes,
    /// The same, and since when copies of them at the edge count.
    BytesAndPurges,
}

/// What a reader finds at a path: the bucket's side of it, and the object's row as far as they may see it.
#[derive(Deserialize)]
pub struct Sought {
    /// 1 when anyone may read the bucket's objects.
    pub public: u8,
    /// When the copies at the edge of what is public were last purged: the object's and its images', as a JSON array.
    #[serde(default)]
    pub purges: Option<String>,
    id: Option<String>,
    version: Option<String>,
    metadata: Option<String>,
    #[serde(default)]
    user_metadata: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
}

impl Sought {
    /// The object, if it is there and the reader sees it.
    pub fn object(self) -> Option<Object> {
        Some(Object {
            id: self.id?,
            version: self.version,
            metadata: self.metadata,
            user_metadata: self.user_metadata,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// The [`Sought`] at a path, for [`super::look`]; no row when there is no such bucket. With `in_public_buckets` their objects are seen
/// by everyone.
pub fn seek(
    access: &Access<'_>,
    path: &ObjectPath,
    in_public_buckets: bool,
    columns: Columns,
) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Objects, &[Rule::Visible])?;
    let (bucket, name) = (writer.bind(&path.bucket), writer.bind(&path.key));
    let public = if in_public_buckets { "place.public = 1 OR " } else { "" };
    let purges = match columns {
        Columns::Bytes => String::new(),
        _ => format!(
            ",
           CASE place.public WHEN 1 THEN {} END AS purges",
            purge::last(&bucket, &name)
        ),
    };
    let described = match columns {
        Columns::All => format!(
            ",
           {OBJECT}.user_metadata,
           {} AS created_at,
           {} AS updated_at",
            time(&format!("{OBJECT}.created_at")),
            time(&format!("{OBJECT}.updated_at")),
        ),
        _ => String::new(),
    };
    writer.push(&format!(
        "SELECT
           catalog.version AS catalog_version,
           place.public,
           {OBJECT}.id,
           {OBJECT}.version,
           {OBJECT}.metadata{purges}{described}
         FROM \"edgeward.catalog_version\" AS catalog
         CROSS JOIN \"storage.buckets\" AS place
         LEFT JOIN {OBJECT}
           ON {OBJECT}.bucket_id = {bucket}
           AND {OBJECT}.name = {name}
           AND ({public}{visible})
         WHERE place.id = {bucket}",
    ));
    Ok(writer.finish())
}

/// The whole row as upstream's JSON. Qualified with [`OBJECT`], so it goes in RETURNING too.
pub fn object_json() -> String {
    format!(
        "json_object(
           'name', {OBJECT}.name,
           'bucket_id', {OBJECT}.bucket_id,
           'owner', {OBJECT}.owner,
           'owner_id', {OBJECT}.owner_id,
           'version', {OBJECT}.version,
           'id', {OBJECT}.id,
           'updated_at', {updated_at},
           'created_at', {created_at},
           'last_accessed_at', {last_accessed_at},
           'metadata', json({OBJECT}.metadata),
           'user_metadata', json({OBJECT}.user_metadata)
         )",
        updated_at = time(&format!("{OBJECT}.updated_at")),
        created_at = time(&format!("{OBJECT}.created_at")),
        last_accessed_at = time(&format!("{OBJECT}.last_accessed_at")),
    )
}

/// The [`Object`] at a path that the caller sees.
pub fn find(access: &Access<'_>, path: &ObjectPath) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Objects, &[Rule::Visible])?;
    let (bucket, name) = (writer.bind(&path.bucket), writer.bind(&path.key));
    writer.push(&format!(
        "SELECT
           {OBJECT}.id,
           {OBJECT}.version,
           {OBJECT}.metadata,
           {OBJECT}.user_metadata,
           {created_at} AS created_at,
           {updated_at} AS updated_at
         FROM {OBJECT}
         WHERE {OBJECT}.bucket_id = {bucket}
           AND {OBJECT}.name = {name}
           AND {visible}",
        created_at = time(&format!("{OBJECT}.created_at")),
        updated_at = time(&format!("{OBJECT}.updated_at")),
    ));
    Ok(writer.finish())
}

/// Raises unless the caller sees the object.
pub fn require_visible(access: &Access<'_>, path: &ObjectPath) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Objects, &[Rule::Visible])?;
    let (bucket, name) = (writer.bind(&path.bucket), writer.bind(&path.key));
    writer.push(&format!(
        "SELECT CASE WHEN NOT EXISTS (
           SELECT 1
           FROM {OBJECT}
           WHERE {OBJECT}.bucket_id = {bucket} AND {OBJECT}.name = {name} AND {visible}
         ) THEN {missing} END",
        missing = raise("'NoSuchKey'"),
    ));
    Ok(writer.finish())
}

/// The names, of those in a JSON array, that the caller sees.
pub fn visible_names(access: &Access<'_>, bucket: &str, names: &str) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Objects, &[Rule::Visible])?;
    let (bucket, names) = (writer.bind(bucket), writer.bind(names));
    writer.push(&format!(
        "SELECT {OBJECT}.name
         FROM {OBJECT}
         WHERE {OBJECT}.bucket_id = {bucket}
           AND {OBJECT}.name IN (SELECT value FROM json_each({names}))
           AND {visible}"
    ));
    Ok(writer.finish())
}

/// Whether an object is there at all, whoever asks: one row or none.
pub fn exists(path: &ObjectPath) -> Statement {
    Statement::new("SELECT 1 AS found FROM \"storage.objects\" AS object WHERE object.bucket_id = ?1 AND object.name = ?2")
        .bind(&path.bucket)
        .bind(&path.key)
}

/// Which objects of a bucket.
pub enum Selection<'a> {
    /// Those with names of a JSON array.
    Named(&'a str),
    /// Those whose names start with a prefix, in their order, at most so many.
    Beneath(&'a str, u32),
}

impl Selection<'_> {
    fn condition(
        &self,
        writer: &mut Writer,
        access: &Access<'_>,
        bucket: &str,
    ) -> Result<String, StorageError> {
        let allowed = access.sql(writer, Of::Objects, &[Rule::Visible, Rule::Deletable])?;
        let bucket = writer.bind(bucket);
        Ok(match self {
            Self::Named(names) => format!(
                "{OBJECT}.bucket_id = {bucket}
           AND {OBJECT}.name IN (SELECT value FROM json_each({names}))
           AND {allowed}",
                names = writer.bind(*names)
            ),
            Self::Beneath(prefix, most) => format!(
                "{OBJECT}.id IN (
             SELECT {OBJECT}.id
             FROM {OBJECT}
             WHERE {OBJECT}.bucket_id = {bucket}
               AND {range}
               AND {allowed}
             ORDER BY {OBJECT}.name
             LIMIT {most}
           )",
                range = super::list::range(writer, &format!("{OBJECT}.name"), prefix)
            ),
        })
    }
}

/// Writes the events of those of the selected objects that [`remove`], which comes after it, is going to remove.
pub fn removal_events(
    access: &Access<'_>,
    bucket: &str,
    selection: &Selection<'_>,
    now: &str,
) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let removed = selection.condition(&mut writer, access, bucket)?;
    Ok(super::event::of_objects(writer, Kind::Removed, &removed, now))
}

/// Removes those of the selected objects that the caller sees and may delete: their
/// versions become garbage (first result, `version`), their rows go (second result, `object`).
pub fn remove(
    access: &Access<'_>,
    bucket: &str,
    selection: &Selection<'_>,
) -> Result<[Statement; 2], StorageError> {
    let condition = |writer: &mut Writer| selection.condition(writer, access, bucket);
    let mut garbage = Writer::default();
    let removed = condition(&mut garbage)?;
    garbage.push(&format!(
        "INSERT INTO \"storage.garbage\" (version)
         SELECT {OBJECT}.version
         FROM {OBJECT}
         WHERE {OBJECT}.version IS NOT NULL
           AND {removed}
         RETURNING version"
    ));
    let mut rows = Writer::default();
    let removed = condition(&mut rows)?;
    rows.push(&format!(
        "DELETE FROM {OBJECT}
         WHERE {removed}
         RETURNING {json} AS object",
        json = object_json()
    ));
    Ok([garbage.finish(), rows.finish()])
}

/// Where an object goes.
pub struct Move<'a> {
    /// From.
    pub source: &'a ObjectPath,
    /// To.
    pub destination: &'a ObjectPath,
    /// Who moves it, and owns it from then on.
    pub owner: Option<&'a str>,
    /// Now, as stored.
    pub now: &'a str,
}

/// Renames the row (its bytes stay where they are): raises unless the caller sees the object, may
/// change it, and may have it where it goes. The second result has its `id`.
pub fn relocate(access: &Access<'_>, to: &Move<'_>) -> Result<[Statement; 2], StorageError> {
    let mut check = Writer::default();
    let movable = access.sql(&mut check, Of::Objects, &[Rule::Visible, Rule::Updatable])?;
    let updated = access.sql(&mut check, Of::Objects, &[Rule::Updated])?;
    let visible = access.sql(&mut check, Of::Objects, &[Rule::Visible])?;
    let columns = moved_columns(&mut check, to);
    let (bucket, name) = (check.bind(&to.source.bucket), check.bind(&to.source.key));
    // The new row is judged before the unique index is, which would tell of objects the caller can't see.
    check.push(&format!(
        "SELECT CASE
           WHEN NOT EXISTS (
             SELECT 1
             FROM {OBJECT}
             WHERE {OBJECT}.bucket_id = {bucket} AND {OBJECT}.name = {name} AND {movable}
           ) THEN {missing}
           ELSE (
             SELECT CASE
               WHEN {updated} IS NOT TRUE THEN {denied}
               WHEN {visible} IS NOT TRUE THEN {hidden}
             END
             FROM (
               SELECT id, {columns}, version, metadata, user_metadata, created_at, last_accessed_at
               FROM \"storage.objects\" AS old
               WHERE old.bucket_id = {bucket} AND old.name = {name}
             ) AS {OBJECT}
           )
         END",
        missing = raise("'NoSuchKey'"),
        denied = raise("'UpdateDenied'"),
        hidden = raise("'SelectDenied'"),
    ));
    let mut update = Writer::default();
    let (bucket, name) = (update.bind(&to.source.bucket), update.bind(&to.source.key));
    let (new_bucket, new_name) = (update.bind(&to.destination.bucket), update.bind(&to.destination.key));
    let (owner, owner_id) = (update.bind(super::write::owner_uuid(to.owner)), update.bind(to.owner));
    let now = update.bind(to.now);
    update.push(&format!(
        "UPDATE \"storage.objects\"
         SET
           bucket_id = {new_bucket},
           name = {new_name},
           owner = COALESCE({owner}, owner),
           owner_id = COALESCE({owner_id}, owner_id),
           updated_at = {now}
         WHERE bucket_id = {bucket} AND name = {name}
         RETURNING id"
    ));
    Ok([check.finish(), update.finish()])
}

fn moved_columns(writer: &mut Writer, to: &Move<'_>) -> String {
    let (bucket, name) = (writer.bind(&to.destination.bucket), writer.bind(&to.destination.key));
    let (owner, owner_id) = (writer.bind(super::write::owner_uuid(to.owner)), writer.bind(to.owner));
    let now = writer.bind(to.now);
    format!(
        "{bucket} AS bucket_id,
                 {name} AS name,
                 COALESCE({owner}, old.owner) AS owner,
                 COALESCE({owner_id}, old.owner_id) AS owner_id,
                 {path_tokens} AS path_tokens,
                 {now} AS updated_at",
        path_tokens = super::write::path_tokens(&name),
    )
}

/// Those of the names (a JSON array) that a bucket has, whoever asks.
pub fn still_there(bucket: &str, names: &str) -> Statement {
    Statement::new(
        "SELECT object.name
         FROM \"storage.objects\" AS object
         WHERE object.bucket_id = ?1 AND object.name IN (SELECT value FROM json_each(?2))",
    )
    .bind(bucket)
    .bind(names)
}
