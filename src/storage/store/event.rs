//! `"storage.events"` and `"storage.event_targets"`.

use super::super::access::OBJECT;
use super::super::event::Kind;
use super::super::event_target::Target;
use super::super::key::ObjectPath;
use crate::sql::{Statement, Writer};

/// How often an event is tried before it is given up; with the pauses below, over six days.
const MOST_ATTEMPTS: u32 = 12;

/// Writes an event of the object that is at a path now, for every target that wants it: one row each, with its `id`.
pub fn of_object(kind: Kind, path: &ObjectPath, now: &str) -> Statement {
    let mut writer = Writer::default();
    let (bucket, name) = (writer.bind(&path.bucket), writer.bind(&path.key));
    let condition = format!("{OBJECT}.bucket_id = {bucket} AND {OBJECT}.name = {name}");
    of_objects(writer, kind, &condition, now)
}

/// The same for all objects under a condition whose values are bound already.
pub fn of_objects(mut writer: Writer, kind: Kind, condition: &str, now: &str) -> Statement {
    let (name, family) = (writer.bind(kind.name()), writer.bind(kind.family()));
    let now = writer.bind(now);
    writer.push(&format!(
        "INSERT INTO \"storage.events\" (target_id, event, due_at)
         SELECT
           target.id,
           json_object(
             'id', lower(hex(randomblob(16))),
             'type', {name},
             '$version', 'v1',
             'applyTime', {at},
             'payload', json_object(
               'bucketId', {OBJECT}.bucket_id,
               'name', {OBJECT}.name,
               'version', {OBJECT}.version,
               'metadata', json({OBJECT}.metadata),
               'owner', {OBJECT}.owner_id
             )
           ),
           {now}
         FROM \"storage.event_targets\" AS target
         CROSS JOIN {OBJECT}
         WHERE (target.bucket_id IS NULL OR target.bucket_id = {OBJECT}.bucket_id)
           AND substr({OBJECT}.name, 1, length(target.prefix)) = target.prefix
           AND EXISTS (
             SELECT 1
             FROM json_each(target.events) AS wanted
             WHERE wanted.value IN ({name}, {family})
           )
           AND {condition}
         RETURNING id",
        at = milliseconds(&now),
    ));
    writer.finish()
}

/// A stored time as upstream's events have it: milliseconds since 1970. `%f` has the seconds with three digits behind the point.
fn milliseconds(stored: &str) -> String {
    format!("CAST(strftime('%s', {stored}) || substr(strftime('%f', {stored}), 4) AS INTEGER)")
}

/// Takes events that are due and says when they are tried next: after 1, 2, 4, … minutes, at most a day.
pub fn claim(now: &str, most: u32) -> Statement {
    Statement::new(format!(
        "UPDATE \"storage.events\"
         SET
           attempts = attempts + 1,
           due_at = strftime('%Y-%m-%dT%H:%M:%f', ?1, '+' || min(1440, 1 << attempts) || ' minutes') || '+00:00'
         WHERE id IN (
           SELECT due.id
           FROM \"storage.events\" AS due
           WHERE due.due_at <= ?1 AND due.attempts < {MOST_ATTEMPTS}
           ORDER BY due.id
           LIMIT CAST(?2 AS INTEGER)
         )
         RETURNING id, target_id, event, json_extract(event, '$.id') AS event_id, (
           SELECT target.url
           FROM \"storage.event_targets\" AS target
           WHERE target.id = \"storage.events\".target_id
         ) AS url"
    ))
    .bind(now)
    .bind(i64::from(most))
}

/// Forgets events that were delivered; `ids` is a JSON array.
pub fn forget(ids: &str) -> Statement {
    Statement::new("DELETE FROM \"storage.events\" WHERE id IN (SELECT value FROM json_each(?1))").bind(ids)
}

/// Forgets events that were tried often enough; a row for each.
pub fn give_up() -> Statement {
    Statement::new(format!("DELETE FROM \"storage.events\" WHERE attempts >= {MOST_ATTEMPTS} RETURNING id"))
}

/// Adds a target, or puts it in the place of one.
pub fn set_target(target: &Target, now: &str) -> Statement {
    Statement::new(
        "INSERT INTO \"storage.event_targets\" (id, bucket_id, prefix, events, url, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET
           bucket_id = excluded.bucket_id,
           prefix = excluded.prefix,
           events = excluded.events,
           url = excluded.url",
    )
    .bind(&target.id)
    .bind(target.bucket.as_deref())
    .bind(&target.prefix)
    .bind(&target.events)
    .bind(target.url.as_deref())
    .bind(now)
}

/// Removes a target with what waits for it; its `id`, or no row.
pub fn remove_target(id: &str) -> Statement {
    Statement::new("DELETE FROM \"storage.event_targets\" WHERE id = ?1 RETURNING id").bind(id)
}

/// All targets, each with how many events wait for it.
pub fn targets() -> Statement {
    Statement::new(
        "SELECT
           target.id,
           target.bucket_id AS bucket,
           target.prefix,
           target.events,
           target.url,
           (SELECT count(*) FROM \"storage.events\" AS event WHERE event.target_id = target.id) AS waiting
         FROM \"storage.event_targets\" AS target
         ORDER BY target.id",
    )
}
