//! `"storage.cache_purges"`: since when what is kept at the edge does not count. Empty text means all.

use super::super::purge::Purge;
use crate::sql::Statement;

/// Remembers a purge.
pub fn remember(what: &Purge<'_>, now: &str) -> Statement {
    Statement::new(
        "INSERT INTO \"storage.cache_purges\" (bucket_id, name, images_only, purged_at)
         VALUES (?1, ?2, CAST(?3 AS INTEGER), ?4)
         ON CONFLICT (bucket_id, name, images_only) DO UPDATE SET purged_at = excluded.purged_at",
    )
    .bind(what.bucket.unwrap_or_default())
    .bind(what.key.unwrap_or_default())
    .bind(what.images_only)
    .bind(now)
}

/// Forgets purges before a time.
pub fn forget(before: &str) -> Statement {
    Statement::new("DELETE FROM \"storage.cache_purges\" WHERE purged_at < ?1").bind(before)
}

/// An expression for when an object was last purged, and when at least its images were: a JSON array of both, with null for never. One
/// look: preparing and running two takes longer than all else that a download asks.
pub fn last(bucket: &str, name: &str) -> String {
    format!(
        "(SELECT json_array(max(CASE purge.images_only WHEN 0 THEN purge.purged_at END), max(purge.purged_at))
            FROM \"storage.cache_purges\" AS purge
            WHERE purge.bucket_id IN ('', {bucket})
              AND purge.name IN ('', {name}))"
    )
}
