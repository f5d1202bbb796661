//! Buckets.

use super::super::StorageError;
use super::super::access::{Access, BUCKET, OBJECT, Of, Rule};
use super::super::event::Kind;
use super::super::list::Order;
use super::time;
use crate::sql::{Statement, Writer, raise};

/// The most objects that one call empties a bucket of.
const MOST_EMPTIED: i64 = 200_000;

/// Values of a new bucket.
pub struct NewBucket<'a> {
    /// The id.
    pub id: &'a str,
    /// The name, which is the id unless the request says otherwise.
    pub name: &'a str,
    /// Who makes it.
    pub owner: Option<&'a str>,
    /// Whether anyone may read its objects.
    pub public: bool,
    /// The most bytes of an object.
    pub file_size_limit: Option<u64>,
    /// A JSON array of media types.
    pub allowed_mime_types: Option<&'a str>,
    /// Now, as stored.
    pub now: &'a str,
}

/// Values to change; what is `None` stays, and an inner `None` takes a limit away.
pub struct BucketChange<'a> {
    /// Whether anyone may read its objects.
    pub public: Option<bool>,
    /// The most bytes of an object.
    pub file_size_limit: Option<Option<u64>>,
    /// A JSON array of media types.
    pub allowed_mime_types: Option<Option<&'a str>>,
    /// Now, as stored.
    pub now: &'a str,
}

/// When an object's copies at the edge were last purged.
#[derive(Clone, Debug, Default)]
pub struct Purges {
    /// All of them.
    pub object: Option<String>,
    /// At least the rendered images.
    pub image: Option<String>,
}

/// Which buckets to list.
pub struct Page<'a> {
    /// Text that the name must contain, in any case.
    pub search: &'a str,
    /// A column, and its direction; the order of creation without one.
    pub order: Option<(&'static str, Order)>,
    /// At most so many.
    pub limit: Option<u64>,
    /// Not the first so many.
    pub offset: u64,
    /// Whether each has its `type`.
    pub with_type: bool,
}

/// A bucket as upstream's JSON; a missing owner is empty text there.
fn bucket_json(with_type: bool) -> String {
    let kind = if with_type { format!(", 'type', {BUCKET}.type") } else { String::new() };
    format!(
        "json_object(
           'id', {BUCKET}.id,
           'name', {BUCKET}.name,
           'owner', COALESCE({BUCKET}.owner, ''),
           'public', json(CASE {BUCKET}.public WHEN 1 THEN 'true' ELSE 'false' END),
           'file_size_limit', {BUCKET}.file_size_limit,
           'allowed_mime_types', json({BUCKET}.allowed_mime_types),
           'created_at', {created_at},
           'updated_at', {updated_at}{kind}
         )",
        created_at = time(&format!("{BUCKET}.created_at")),
        updated_at = time(&format!("{BUCKET}.updated_at")),
    )
}

/// Whether there is such a bucket, whoever asks: one row or none.
pub fn exists(id: &str) -> Statement {
    Statement::new("SELECT 1 AS found FROM \"storage.buckets\" AS bucket WHERE bucket.id = ?1").bind(id)
}

/// The bucket as JSON if the caller sees it: one row or none.
pub fn find(access: &Access<'_>, id: &str) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Buckets, &[Rule::Visible])?;
    let id = writer.bind(id);
    writer.push(&format!(
        "SELECT {json} AS bucket
         FROM {BUCKET}
         WHERE {BUCKET}.id = {id} AND {visible}",
        json = bucket_json(false)
    ));
    Ok(writer.finish())
}

/// The buckets that the caller sees, as JSON rows.
pub fn list(access: &Access<'_>, page: &Page<'_>) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Buckets, &[Rule::Visible])?;
    let search = writer.bind(page.search);
    let limit = writer.bind(page.limit.map_or("-1".to_string(), |limit| limit.to_string()));
    let offset = writer.bind(page.offset.to_string());
    let order = match page.order {
        Some((column, order)) => format!("{BUCKET}.\"{column}\" {}", order.sql()),
        None => format!("{BUCKET}.rowid"),
    };
    writer.push(&format!(
        "SELECT {json} AS bucket
         FROM {BUCKET}
         WHERE instr(lower({BUCKET}.name), lower({search})) > 0
           AND {visible}
         ORDER BY {order}
         LIMIT CAST({limit} AS INTEGER) OFFSET CAST({offset} AS INTEGER)",
        json = bucket_json(page.with_type)
    ));
    Ok(writer.finish())
}

/// Inserts a bucket; raises unless the caller may.
pub fn create(access: &Access<'_>, bucket: &NewBucket<'_>) -> Result<[Statement; 2], StorageError> {
    let mut check = Writer::default();
    let allowed = access.sql(&mut check, Of::Buckets, &[Rule::Insertable])?;
    let row = new_row(&mut check, bucket);
    // Judged before the primary key is, which would tell of buckets the caller can't see.
    check.push(&format!(
        "SELECT CASE WHEN {allowed} IS NOT TRUE THEN {denied} END
         FROM ({row}) AS {BUCKET}",
        denied = raise("'BucketDenied'"),
    ));
    let mut insert = Writer::default();
    let row = new_row(&mut insert, bucket);
    insert.push(&format!(
        "INSERT INTO \"storage.buckets\" (
           id, name, owner, owner_id, public, avif_autodetection,
           file_size_limit, allowed_mime_types, type, created_at, updated_at
         )
         {row}"
    ));
    Ok([check.finish(), insert.finish()])
}

fn new_row(writer: &mut Writer, bucket: &NewBucket<'_>) -> String {
    let (id, name) = (writer.bind(bucket.id), writer.bind(bucket.name));
    let owner = writer.bind(super::write::owner_uuid(bucket.owner));
    let owner_id = writer.bind(bucket.owner);
    let public = writer.bind(bucket.public);
    let size = writer.bind(bucket.file_size_limit.map(|limit| limit.to_string()));
    let types = writer.bind(bucket.allowed_mime_types);
    let now = writer.bind(bucket.now);
    format!(
        "SELECT
           {id} AS id,
           {name} AS name,
           {owner} AS owner,
           {owner_id} AS owner_id,
           CAST({public} AS INTEGER) AS public,
           0 AS avif_autodetection,
           CAST({size} AS INTEGER) AS file_size_limit,
           {types} AS allowed_mime_types,
           'STANDARD' AS type,
           {now} AS created_at,
           {now} AS updated_at"
    )
}

/// Changes a bucket that the caller sees and may change; gives its `id`, or no row. Raises when the
/// caller may not have it so.
pub fn update(access: &Access<'_>, id: &str, change: &BucketChange<'_>) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let changeable = access.sql(&mut writer, Of::Buckets, &[Rule::Visible, Rule::Updatable])?;
    let allowed = access.sql(&mut writer, Of::Buckets, &[Rule::Updated, Rule::Visible])?;
    let mut columns = vec![format!("updated_at = {}", writer.bind(change.now))];
    if let Some(public) = change.public {
        columns.push(format!("public = CAST({} AS INTEGER)", writer.bind(public)));
    }
    if let Some(limit) = change.file_size_limit {
        let limit = writer.bind(limit.map(|limit| limit.to_string()));
        columns.push(format!("file_size_limit = CAST({limit} AS INTEGER)"));
    }
    if let Some(types) = change.allowed_mime_types {
        columns.push(format!("allowed_mime_types = {}", writer.bind(types)));
    }
    let id = writer.bind(id);
    writer.push(&format!(
        "UPDATE {BUCKET}
         SET {columns}
         WHERE {BUCKET}.id = {id} AND {changeable}
         RETURNING CASE WHEN {allowed} THEN {BUCKET}.id ELSE {denied} END AS id",
        columns = columns.join(", "),
        denied = raise("'BucketUpdateDenied'"),
    ));
    Ok(writer.finish())
}

/// Deletes an empty bucket that the caller sees and may delete; the second result has its `id`, or no row.
pub fn delete(access: &Access<'_>, id: &str) -> Result<[Statement; 2], StorageError> {
    let check = Statement::new(format!(
        "SELECT CASE
           WHEN NOT EXISTS (SELECT 1 FROM \"storage.buckets\" AS bucket WHERE bucket.id = ?1) THEN {missing}
           WHEN EXISTS (SELECT 1 FROM \"storage.objects\" AS object WHERE object.bucket_id = ?1) THEN {not_empty}
         END",
        missing = raise("'NoSuchBucket'"),
        not_empty = raise("'BucketNotEmpty'"),
    ))
    .bind(id);
    let mut writer = Writer::default();
    let deletable = access.sql(&mut writer, Of::Buckets, &[Rule::Visible, Rule::Deletable])?;
    let id = writer.bind(id);
    writer.push(&format!(
        "DELETE FROM {BUCKET}
         WHERE {BUCKET}.id = {id} AND {deletable}
         RETURNING {BUCKET}.id AS id"
    ));
    Ok([check, writer.finish()])
}

/// Removes every object of a bucket, for the system; raises when there is no such bucket or it
/// has too many. Their versions become garbage.
pub fn empty(id: &str, now: &str) -> [Statement; 6] {
    let check = Statement::new(format!(
        "SELECT CASE
           WHEN NOT EXISTS (SELECT 1 FROM \"storage.buckets\" AS bucket WHERE bucket.id = ?1) THEN {missing}
           WHEN EXISTS (
             SELECT 1 FROM \"storage.objects\" AS object WHERE object.bucket_id = ?1 LIMIT 1 OFFSET {MOST_EMPTIED}
           ) THEN {too_full}
         END",
        missing = raise("'NoSuchBucket'"),
        too_full = raise("'BucketTooFull'"),
    ));
    let garbage = Statement::new(
        "INSERT INTO \"storage.garbage\" (version)
         SELECT object.version
         FROM \"storage.objects\" AS object
         WHERE object.bucket_id = ?1 AND object.version IS NOT NULL",
    );
    let rows = Statement::new("DELETE FROM \"storage.objects\" WHERE bucket_id = ?1");
    let mut events = Writer::default();
    let condition = format!("{OBJECT}.bucket_id = {}", events.bind(id));
    let events = super::event::of_objects(events, Kind::Removed, &condition, now);
    let [note, leave] = super::edge_answer::leave(id);
    [check.bind(id), events, note, leave, garbage.bind(id), rows.bind(id)]
}
