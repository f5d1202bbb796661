//! S3's multipart uploads: their rows and their parts.

use serde::Deserialize;

use super::super::key::{ObjectPath, end_of_prefix};
use super::time;
use crate::sql::{Statement, Writer, raise};

/// An upload as a request finds it.
#[derive(Clone, Debug, Deserialize)]
pub struct Upload {
    /// `open` or `finished`.
    pub state: String,
    /// R2's name of it; a finished one has none.
    pub parts_id: Option<String>,
    /// The object's metadata as far as they are known.
    pub metadata: String,
    /// The uploader's own.
    pub user_metadata: Option<String>,
    /// A finished one's.
    pub etag: Option<String>,
    /// Bytes in its parts, without the one that is asked about.
    pub stored: u64,
}

/// A stored part.
#[derive(Clone, Debug, Deserialize)]
pub struct Part {
    /// Its number.
    pub number: u32,
    /// R2's token.
    pub etag: String,
    /// Bytes.
    pub size: u64,
    /// Hex.
    pub md5: Option<String>,
    /// As the API prints it.
    pub created_at: String,
}

/// An upload in a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Listed {
    /// Its id.
    pub version: String,
    /// The object's name.
    pub name: String,
    /// As the API prints it.
    pub created_at: String,
}

/// The upload of that id at that path, one row or none; `number` is left out of the sum.
pub fn find(path: &ObjectPath, protocol: &str, version: &str, number: u32, now: &str) -> Statement {
    Statement::new(
        "SELECT
           upload.state,
           upload.parts_id,
           upload.metadata,
           upload.user_metadata,
           upload.etag,
           (
             SELECT COALESCE(sum(part.size), 0)
             FROM \"storage.upload_parts\" AS part
             WHERE part.version = upload.version AND part.number <> CAST(?4 AS INTEGER)
           ) AS stored
         FROM \"storage.uploads\" AS upload
         WHERE upload.version = ?1
           AND upload.bucket_id = ?2
           AND upload.name = ?3
           AND upload.protocol = ?6
           AND upload.state <> 'given up'
           AND upload.expires_at > ?5",
    )
    .bind(version)
    .bind(&path.bucket)
    .bind(&path.key)
    .bind(number.to_string())
    .bind(now)
    .bind(protocol)
}

/// Raises unless the upload is open.
fn open(version: &str) -> Statement {
    let gone = raise("'NoSuchUpload'");
    Statement::new(format!(
        "SELECT CASE WHEN NOT EXISTS (
           SELECT 1
           FROM \"storage.uploads\"
           WHERE version = ?1 AND state = 'open'
         ) THEN {gone} END"
    ))
    .bind(version)
}

/// Notes a stored part, over one of the same number.
pub fn put_part(version: &str, part: &Part) -> Vec<Statement> {
    let put = Statement::new(
        "INSERT INTO \"storage.upload_parts\" (version, number, etag, size, md5, created_at)
         VALUES (?1, CAST(?2 AS INTEGER), ?3, CAST(?4 AS INTEGER), ?5, ?6)
         ON CONFLICT (version, number) DO UPDATE SET
           etag = excluded.etag,
           size = excluded.size,
           md5 = excluded.md5,
           created_at = excluded.created_at",
    )
    .bind(version)
    .bind(part.number.to_string())
    .bind(&part.etag)
    .bind(part.size.to_string())
    .bind(part.md5.as_deref())
    .bind(&part.created_at);
    vec![open(version), put]
}

/// Forgets a part whose bytes were replaced by others that nobody wants.
pub fn drop_part(version: &str, number: u32) -> Statement {
    Statement::new("DELETE FROM \"storage.upload_parts\" WHERE version = ?1 AND number = CAST(?2 AS INTEGER)")
        .bind(version)
        .bind(number.to_string())
}

/// Parts in order, behind a number.
pub fn parts(version: &str, after: u32, most: u32) -> Statement {
    Statement::new(format!(
        "SELECT number, etag, size, md5, {created_at} AS created_at
         FROM \"storage.upload_parts\"
         WHERE version = ?1 AND number > CAST(?2 AS INTEGER)
         ORDER BY number
         LIMIT CAST(?3 AS INTEGER)",
        created_at = time("created_at"),
    ))
    .bind(version)
    .bind(after.to_string())
    .bind(most.to_string())
}

/// Ends an upload whose object is written in the same batch. The row stays for a while, for clients that ask again.
pub fn finish(version: &str, etag: &str) -> Vec<Statement> {
    let end = Statement::new(
        "UPDATE \"storage.uploads\"
         SET state = 'finished', etag = ?2, parts_id = NULL
         WHERE version = ?1",
    )
    .bind(version)
    .bind(etag);
    let parts = Statement::new("DELETE FROM \"storage.upload_parts\" WHERE version = ?1").bind(version);
    vec![open(version), end, parts]
}

/// Gives an upload up: rows for [`super::uploads::Stale`].
pub fn give_up(path: &ObjectPath, version: &str) -> Statement {
    Statement::new(
        "UPDATE \"storage.uploads\"
         SET state = 'given up'
         WHERE version = ?1 AND bucket_id = ?2 AND name = ?3 AND protocol = 's3' AND state = 'open'
         RETURNING version, parts_id",
    )
    .bind(version)
    .bind(&path.bucket)
    .bind(&path.key)
}

/// Which open uploads to list.
pub struct Page<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// What their objects' names start with.
    pub prefix: &'a str,
    /// Behind this name.
    pub after: &'a str,
    /// And, of this name, behind this upload.
    pub after_upload: Option<&'a str>,
    /// Only this user's.
    pub owner: Option<&'a str>,
    /// At most so many.
    pub most: u32,
    /// Now, as stored.
    pub now: &'a str,
}

/// Open uploads by name and id: rows for [`Listed`].
pub fn list(page: &Page<'_>) -> Statement {
    let mut writer = Writer::default();
    let (bucket, now) = (writer.bind(page.bucket), writer.bind(page.now));
    let prefix = writer.bind(page.prefix);
    let end = match end_of_prefix(page.prefix) {
        Some(end) => format!("AND name < {}", writer.bind(end)),
        None => String::new(),
    };
    let after = writer.bind(page.after);
    let behind = match page.after_upload {
        Some(upload) => format!("(name, version) > ({after}, {})", writer.bind(upload)),
        None => format!("name > {after}"),
    };
    let owner = match page.owner {
        Some(owner) => format!("AND owner_id = {}", writer.bind(owner)),
        None => String::new(),
    };
    let most = writer.bind(page.most.to_string());
    writer.push(&format!(
        "SELECT version, name, {created_at} AS created_at
         FROM \"storage.uploads\"
         WHERE protocol = 's3'
           AND state = 'open'
           AND bucket_id = {bucket}
           AND expires_at > {now}
           AND name >= {prefix} {end}
           AND {behind} {owner}
         ORDER BY name, version
         LIMIT CAST({most} AS INTEGER)",
        created_at = time("created_at"),
    ));
    writer.finish()
}
