//! `"storage.edge_buckets"` and `"storage.edge_changes"`: what the edge may hold, and what it has to be told. Triggers note the changes.

use super::super::key::ObjectPath;
use crate::sql::Statement;

/// The most changes that are told at once.
const MOST: u32 = 1000;

/// Changes that are to be told now: `id`, `bucket`, `name`.
pub fn due(now: &str) -> Statement {
    Statement::new(format!(
        "SELECT change.id, change.bucket_id AS bucket, change.name
         FROM \"storage.edge_changes\" AS change
         WHERE change.due_at <= ?1
         LIMIT {MOST}"
    ))
    .bind(now)
}

/// Notes that an object, a bucket (the name is empty) or everything (both are) has to go from the edge.
pub fn note(bucket: &str, name: &str) -> Statement {
    Statement::new("INSERT INTO \"storage.edge_changes\" (bucket_id, name) VALUES (?1, ?2)")
        .bind(bucket)
        .bind(name)
}

/// Forgets changes (a JSON array of ids) that the edge was told of.
pub fn forget(ids: &str) -> Statement {
    Statement::new("DELETE FROM \"storage.edge_changes\" WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(ids)
}

/// Puts changes off that it could not be told of: by 1, 2, 4, … minutes, at most an hour.
pub fn put_off(ids: &str, now: &str) -> Statement {
    Statement::new(
        "UPDATE \"storage.edge_changes\"
         SET
           attempts = attempts + 1,
           due_at = strftime('%Y-%m-%dT%H:%M:%f', ?2, '+' || min(60, 1 << min(attempts, 6)) || ' minutes') || '+00:00'
         WHERE id IN (SELECT value FROM json_each(?1))",
    )
    .bind(ids)
    .bind(now)
}

/// Has the changes of a public bucket noted from now on, and gives `version` and `metadata` of an object in it: no row when it is gone or
/// its bucket is private.
pub fn watch(path: &ObjectPath) -> [Statement; 2] {
    let watch = Statement::new(
        "INSERT INTO \"storage.edge_buckets\" (bucket_id)
         SELECT bucket.id
         FROM \"storage.buckets\" AS bucket
         WHERE bucket.id = ?1 AND bucket.public = 1
         ON CONFLICT (bucket_id) DO NOTHING",
    );
    let object = Statement::new(
        "SELECT object.version, object.metadata
         FROM \"storage.objects\" AS object
         INNER JOIN \"storage.edge_buckets\" AS kept ON kept.bucket_id = object.bucket_id
         WHERE object.bucket_id = ?1 AND object.name = ?2",
    );
    [watch.bind(&path.bucket), object.bind(&path.bucket).bind(&path.key)]
}

/// Notes a bucket as a whole and nothing of it from then on, for the batch that removes all its objects.
pub fn leave(bucket: &str) -> [Statement; 2] {
    let note = Statement::new(
        "INSERT INTO \"storage.edge_changes\" (bucket_id, name)
         SELECT kept.bucket_id, ''
         FROM \"storage.edge_buckets\" AS kept
         WHERE kept.bucket_id = ?1",
    );
    let leave = Statement::new("DELETE FROM \"storage.edge_buckets\" WHERE bucket_id = ?1");
    [note.bind(bucket), leave.bind(bucket)]
}

/// For a deployment that does without: nothing is noted any more, and should it change its mind, everything goes first.
pub fn retire() -> [Statement; 3] {
    [
        "INSERT INTO \"storage.edge_changes\" (bucket_id, name)
         SELECT '', ''
         WHERE EXISTS (SELECT 1 FROM \"storage.edge_buckets\")
           OR EXISTS (SELECT 1 FROM \"storage.edge_changes\" AS change WHERE change.bucket_id <> '')",
        "DELETE FROM \"storage.edge_buckets\"",
        "DELETE FROM \"storage.edge_changes\" WHERE bucket_id <> ''",
    ]
    .map(Statement::new)
}
