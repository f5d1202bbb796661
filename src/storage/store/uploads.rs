//! `"storage.uploads"`: uploads of several requests, whichever protocol they come by, and giving them up.

use serde::Deserialize;

use super::super::key::ObjectPath;
use crate::sql::Statement;

/// A new upload's row.
pub struct NewUpload<'a> {
    /// The R2 key of the bytes to come.
    pub version: &'a str,
    /// `tus`, `s3` or `direct`.
    pub protocol: &'a str,
    /// Where the object will be.
    pub path: &'a ObjectPath,
    /// Whose it will be.
    pub owner: Option<&'a str>,
    /// The object's metadata as far as they are known, JSON.
    pub metadata: &'a str,
    /// The uploader's own JSON object.
    pub user_metadata: Option<&'a str>,
    /// R2's name of the multipart upload, if there is one.
    pub parts_id: Option<&'a str>,
    /// Now, as stored.
    pub now: &'a str,
    /// When it is given up, as stored.
    pub expires_at: &'a str,
    /// TUS: bytes in all, when that is known.
    pub size: Option<u64>,
    /// TUS: bytes of a part.
    pub part_size: u64,
    /// TUS: `Upload-Metadata` as it was sent.
    pub header: Option<&'a str>,
}

/// An upload to be given up.
#[derive(Debug, Deserialize)]
pub struct Stale {
    /// The R2 key of its bytes.
    pub version: String,
    /// R2's name of the multipart upload.
    pub parts_id: Option<String>,
}

/// Writes a new upload's row.
pub fn create(upload: &NewUpload<'_>) -> Statement {
    Statement::new(
        "INSERT INTO \"storage.uploads\" (
           version, protocol, bucket_id, name, owner_id, metadata, user_metadata, parts_id,
           created_at, expires_at, size, part_size, header
         )
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )
    .bind(upload.version)
    .bind(upload.protocol)
    .bind(&upload.path.bucket)
    .bind(&upload.path.key)
    .bind(upload.owner)
    .bind(upload.metadata)
    .bind(upload.user_metadata)
    .bind(upload.parts_id)
    .bind(upload.now)
    .bind(upload.expires_at)
    .bind(upload.size.map(|size| size.to_string()))
    .bind(upload.part_size.to_string())
    .bind(upload.header)
}

/// Marks what has expired, but for what is just being written; forgets finished uploads nobody will ask for any more.
pub fn expire(now: &str) -> [Statement; 2] {
    [
        Statement::new(
            "UPDATE \"storage.uploads\"
             SET state = 'given up'
             WHERE state = 'open'
               AND expires_at <= ?1
               AND (lock IS NULL OR locked_until <= ?1)",
        )
        .bind(now),
        Statement::new("DELETE FROM \"storage.uploads\" WHERE state = 'finished' AND expires_at <= ?1")
            .bind(now),
    ]
}

/// Some uploads that were given up: rows for [`Stale`].
pub fn stale(most: u32) -> Statement {
    Statement::new(
        "SELECT version, parts_id
         FROM \"storage.uploads\"
         WHERE state = 'given up'
         LIMIT CAST(?1 AS INTEGER)",
    )
    .bind(i64::from(most))
}

/// Forgets given-up uploads (a JSON array of versions) whose parts R2 has dropped; what other bytes they have becomes garbage.
pub fn forget(versions: &str) -> [Statement; 4] {
    let all = "(SELECT value FROM json_each(?1))";
    [
        format!(
            "INSERT OR IGNORE INTO \"storage.garbage\" (version)
             SELECT upload.tail
             FROM \"storage.uploads\" AS upload
             WHERE upload.version IN {all} AND upload.tail IS NOT NULL"
        ),
        // Noted again if the sweep forgot it: the bytes may have come together after it looked.
        "INSERT INTO \"storage.garbage\" (version)
         SELECT value
         FROM json_each(?1)
         WHERE TRUE
         ON CONFLICT (version) DO UPDATE SET upload_expires_at = NULL"
            .to_string(),
        format!("DELETE FROM \"storage.upload_parts\" WHERE version IN {all}"),
        format!("DELETE FROM \"storage.uploads\" WHERE version IN {all}"),
    ]
    .map(|text| Statement::new(text).bind(versions))
}
