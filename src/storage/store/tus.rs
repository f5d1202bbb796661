//! A TUS upload's row: who may write to it now, how far it has come, and its end.
//!
//! One request at a time holds the lock, a lease that ends by itself. Everything a holder writes asks for the lock
//! again in the same batch, so that one who lost it changes nothing.

use serde::Deserialize;

use super::super::key::ObjectPath;
use crate::sql::{Statement, raise};

/// An upload as a request finds it.
#[derive(Clone, Debug, Deserialize)]
pub struct Upload {
    /// `open`, `finished` or `given up`.
    pub state: String,
    /// 1 when its time is over.
    pub expired: u8,
    /// 1 when this request holds the lock.
    pub mine: u8,
    /// 1 when any request holds it.
    pub locked: u8,
    /// Bytes that are stored.
    pub offset: u64,
    /// Bytes in all, when that is known.
    pub size: Option<u64>,
    /// Bytes of a part.
    pub part_size: u64,
    /// The next part's number.
    pub next_part: u32,
    /// R2's name of the multipart upload; an upload of one part has none.
    pub parts_id: Option<String>,
    /// The key of the bytes after the last part.
    pub tail: Option<String>,
    /// How many those are.
    pub tail_size: u64,
    /// The object's metadata as far as they are known.
    pub metadata: String,
    /// The uploader's own.
    pub user_metadata: Option<String>,
    /// `Upload-Metadata` as it was sent.
    pub header: Option<String>,
    /// When it is given up.
    pub expires_at: String,
}

/// A stored part of an upload.
#[derive(Clone, Debug, Deserialize)]
pub struct Part {
    /// Its number.
    pub number: u32,
    /// R2's token.
    pub etag: String,
}

/// Who holds an upload: the version, and the secret of this request.
#[derive(Clone, Copy)]
pub struct Holder<'a> {
    /// The upload.
    pub version: &'a str,
    /// This request.
    pub lock: &'a str,
}

/// The upload of that version at that path: one row or none.
pub fn find(path: &ObjectPath, version: &str, lock: &str, now: &str) -> Statement {
    Statement::new(
        "SELECT
           state,
           expires_at <= ?5 AS expired,
           COALESCE(lock = ?4, 0) AS mine,
           lock IS NOT NULL AND locked_until > ?5 AS locked,
           \"offset\",
           size,
           part_size,
           next_part,
           parts_id,
           tail,
           tail_size,
           metadata,
           user_metadata,
           header,
           expires_at
         FROM \"storage.uploads\"
         WHERE version = ?1 AND bucket_id = ?2 AND name = ?3 AND protocol = 'tus'",
    )
    .bind(version)
    .bind(&path.bucket)
    .bind(&path.key)
    .bind(lock)
    .bind(now)
}

/// What a request says of the upload it wants to hold.
pub struct Claim<'a> {
    /// The object's path in the upload's URL.
    pub path: &'a ObjectPath,
    /// `Upload-Offset`.
    pub offset: u64,
    /// `Upload-Length`, for an upload whose length was not known.
    pub size: Option<u64>,
    /// Now, as stored.
    pub now: &'a str,
    /// When the lock ends by itself.
    pub until: &'a str,
}

/// Takes the lock, if the upload is open, nobody holds it, and the offset is right.
///
/// Taken over from someone whose lease ran out, the next part gets a number of its own: the other may be storing one still.
pub fn lock(holder: Holder<'_>, claim: &Claim<'_>) -> Statement {
    Statement::new(
        "UPDATE \"storage.uploads\"
         SET
           lock = ?2,
           locked_until = ?3,
           next_part = next_part + (lock IS NOT NULL),
           size = COALESCE(size, CAST(?8 AS INTEGER))
         WHERE version = ?1
           AND bucket_id = ?4
           AND name = ?5
           AND protocol = 'tus'
           AND state = 'open'
           AND expires_at > ?6
           AND \"offset\" = CAST(?7 AS INTEGER)
           AND (lock IS NULL OR locked_until <= ?6)
           AND (?8 IS NULL OR (\"offset\" <= CAST(?8 AS INTEGER) AND COALESCE(size = CAST(?8 AS INTEGER), TRUE)))",
    )
    .bind(holder.version)
    .bind(holder.lock)
    .bind(claim.until)
    .bind(&claim.path.bucket)
    .bind(&claim.path.key)
    .bind(claim.now)
    .bind(claim.offset.to_string())
    .bind(claim.size.map(|size| size.to_string()))
}

/// Raises unless this request still holds the upload.
fn held(holder: Holder<'_>) -> Statement {
    let lost = raise("'ResourceLocked'");
    Statement::new(format!(
        "SELECT CASE WHEN NOT EXISTS (
           SELECT 1
           FROM \"storage.uploads\"
           WHERE version = ?1 AND lock = ?2 AND state = 'open'
         ) THEN {lost} END"
    ))
    .bind(holder.version)
    .bind(holder.lock)
}

/// Makes garbage of the bytes after the last part: they are in a part now, or kept elsewhere.
fn discard_tail(holder: Holder<'_>) -> Statement {
    Statement::new(
        "INSERT INTO \"storage.garbage\" (version)
         SELECT tail
         FROM \"storage.uploads\"
         WHERE version = ?1 AND tail IS NOT NULL",
    )
    .bind(holder.version)
}

/// Holds on for longer.
pub fn renew(holder: Holder<'_>, until: &str) -> Vec<Statement> {
    let renew = Statement::new("UPDATE \"storage.uploads\" SET locked_until = ?2 WHERE version = ?1")
        .bind(holder.version)
        .bind(until);
    vec![held(holder), renew]
}

/// Lets go, with a new number for the next part: a part that failed may still arrive.
pub fn release(holder: Holder<'_>) -> Statement {
    Statement::new(
        "UPDATE \"storage.uploads\"
         SET lock = NULL, locked_until = NULL, next_part = next_part + 1
         WHERE version = ?1 AND lock = ?2",
    )
    .bind(holder.version)
    .bind(holder.lock)
}

/// Notes that a part is stored, the bytes up to `offset` with it. Holds on until `until`, or lets go.
pub fn add_part(
    holder: Holder<'_>,
    part: &Part,
    size: u64,
    offset: u64,
    now: &str,
    until: Option<&str>,
) -> Vec<Statement> {
    let insert = Statement::new(
        "INSERT INTO \"storage.upload_parts\" (version, number, etag, size, created_at)
         VALUES (?1, CAST(?2 AS INTEGER), ?3, CAST(?4 AS INTEGER), ?5)",
    )
    .bind(holder.version)
    .bind(part.number.to_string())
    .bind(&part.etag)
    .bind(size.to_string())
    .bind(now);
    let advance = Statement::new(
        "UPDATE \"storage.uploads\"
         SET
           \"offset\" = CAST(?2 AS INTEGER),
           next_part = CAST(?3 AS INTEGER),
           tail = NULL,
           tail_size = 0,
           lock = CASE WHEN ?4 IS NOT NULL THEN lock END,
           locked_until = ?4
         WHERE version = ?1",
    )
    .bind(holder.version)
    .bind(offset.to_string())
    .bind((part.number + 1).to_string())
    .bind(until);
    vec![held(holder), insert, discard_tail(holder), advance]
}

/// Notes where the bytes after the last part are now, and lets go.
pub fn keep_tail(holder: Holder<'_>, tail: &str, size: u64, offset: u64) -> Vec<Statement> {
    let [is_expected, adopt] = super::garbage::adopt(tail);
    let keep = Statement::new(
        "UPDATE \"storage.uploads\"
         SET
           \"offset\" = CAST(?2 AS INTEGER),
           tail = ?3,
           tail_size = CAST(?4 AS INTEGER),
           lock = NULL,
           locked_until = NULL
         WHERE version = ?1",
    )
    .bind(holder.version)
    .bind(offset.to_string())
    .bind(tail)
    .bind(size.to_string());
    vec![held(holder), is_expected, adopt, discard_tail(holder), keep]
}

/// All parts, in order: rows for [`Part`].
pub fn parts(version: &str) -> Statement {
    Statement::new(
        "SELECT number, etag
         FROM \"storage.upload_parts\"
         WHERE version = ?1
         ORDER BY number",
    )
    .bind(version)
}

/// Ends an upload whose object is written in the same batch. The row stays until it expires, for clients that ask again.
pub fn finish(holder: Holder<'_>, size: u64) -> Vec<Statement> {
    let end = Statement::new(
        "UPDATE \"storage.uploads\"
         SET
           state = 'finished',
           size = CAST(?2 AS INTEGER),
           \"offset\" = CAST(?2 AS INTEGER),
           parts_id = NULL,
           tail = NULL,
           tail_size = 0,
           lock = NULL,
           locked_until = NULL
         WHERE version = ?1",
    )
    .bind(holder.version)
    .bind(size.to_string());
    let parts =
        Statement::new("DELETE FROM \"storage.upload_parts\" WHERE version = ?1").bind(holder.version);
    vec![held(holder), discard_tail(holder), end, parts]
}

/// Gives an upload up, unless somebody is writing to it.
pub fn give_up(path: &ObjectPath, version: &str, now: &str) -> Statement {
    Statement::new(
        "UPDATE \"storage.uploads\"
         SET state = 'given up'
         WHERE version = ?1
           AND bucket_id = ?2
           AND name = ?3
           AND protocol = 'tus'
           AND state = 'open'
           AND (lock IS NULL OR locked_until <= ?4)
         RETURNING version, parts_id",
    )
    .bind(version)
    .bind(&path.bucket)
    .bind(&path.key)
    .bind(now)
}
