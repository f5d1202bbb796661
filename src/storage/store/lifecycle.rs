//! `"storage.lifecycle_rules"`, and the objects that they are about. Policies are not asked: a rule is the owner's.

use super::super::access::OBJECT;
use super::super::event::Kind;
use super::super::lifecycle::Rule;
use super::{event, list};
use crate::sql::{Statement, Writer};

/// Adds a rule, or puts it in the place of one.
pub fn set(rule: &Rule, now: &str) -> Statement {
    let days = |days: Option<u32>| days.map(|days| days.to_string());
    Statement::new(
        "INSERT INTO \"storage.lifecycle_rules\" (
           id, bucket_id, prefix, expire_days, infrequent_access_days, abort_uploads_days, created_at
         )
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET
           bucket_id = excluded.bucket_id,
           prefix = excluded.prefix,
           expire_days = excluded.expire_days,
           infrequent_access_days = excluded.infrequent_access_days,
           abort_uploads_days = excluded.abort_uploads_days",
    )
    .bind(&rule.id)
    .bind(&rule.bucket)
    .bind(&rule.prefix)
    .bind(days(rule.expire_days))
    .bind(days(rule.infrequent_access_days))
    .bind(days(rule.abort_uploads_days))
    .bind(now)
}

/// Removes a rule; its `id`, or no row.
pub fn remove(id: &str) -> Statement {
    Statement::new("DELETE FROM \"storage.lifecycle_rules\" WHERE id = ?1 RETURNING id").bind(id)
}

/// All rules.
pub fn rules() -> Statement {
    Statement::new(
        "SELECT
           rule.id,
           rule.bucket_id AS bucket,
           rule.prefix,
           rule.expire_days,
           rule.infrequent_access_days,
           rule.abort_uploads_days
         FROM \"storage.lifecycle_rules\" AS rule
         ORDER BY rule.id",
    )
}

/// Objects that have not been written since.
pub struct Aged<'a> {
    /// The bucket's id.
    pub bucket: &'a str,
    /// What their names start with.
    pub prefix: &'a str,
    /// Since when.
    pub before: String,
    /// At most so many.
    pub most: u32,
}

impl Aged<'_> {
    fn condition(&self, writer: &mut Writer) -> String {
        let (bucket, before) = (writer.bind(self.bucket), writer.bind(&self.before));
        format!(
            "{OBJECT}.bucket_id = {bucket} AND {range} AND {OBJECT}.updated_at < {before}",
            range = list::range(writer, &format!("{OBJECT}.name"), self.prefix),
        )
    }

    fn some(&self, writer: &mut Writer) -> String {
        format!(
            "{OBJECT}.id IN (
             SELECT {OBJECT}.id
             FROM {OBJECT}
             WHERE {condition}
             ORDER BY {OBJECT}.name
             LIMIT {most}
           )",
            condition = self.condition(writer),
            most = self.most,
        )
    }
}

/// Removes some of them: events, versions that become garbage, and rows, one `id` for each.
pub fn expire(aged: &Aged<'_>, kind: Kind, now: &str) -> [Statement; 3] {
    let mut events = Writer::default();
    let some = aged.some(&mut events);
    let events = event::of_objects(events, kind, &some, now);
    let mut garbage = Writer::default();
    let some = aged.some(&mut garbage);
    garbage.push(&format!(
        "INSERT INTO \"storage.garbage\" (version)
         SELECT {OBJECT}.version
         FROM {OBJECT}
         WHERE {OBJECT}.version IS NOT NULL AND {some}"
    ));
    let mut rows = Writer::default();
    let some = aged.some(&mut rows);
    rows.push(&format!("DELETE FROM {OBJECT} WHERE {some} RETURNING id"));
    [events, garbage.finish(), rows.finish()]
}

/// Some of them whose bytes are in the standard class: `id`, `version`.
pub fn standard(aged: &Aged<'_>) -> Statement {
    let mut writer = Writer::default();
    let condition = aged.condition(&mut writer);
    writer.push(&format!(
        "SELECT {OBJECT}.id, {OBJECT}.version
         FROM {OBJECT}
         WHERE {condition}
           AND {OBJECT}.version IS NOT NULL
           AND json_extract({OBJECT}.metadata, '$.storageClass') IS NULL
         LIMIT {most}",
        most = aged.most,
    ));
    writer.finish()
}

/// Marks uploads of several requests that began before, but for those that are just being written, to be given up: a `version` for each.
pub fn abort_uploads(aged: &Aged<'_>, now: &str) -> Statement {
    let mut writer = Writer::default();
    let (bucket, before) = (writer.bind(aged.bucket), writer.bind(&aged.before));
    let range = list::range(&mut writer, "name", aged.prefix);
    let now = writer.bind(now);
    writer.push(&format!(
        "UPDATE \"storage.uploads\"
         SET state = 'given up'
         WHERE bucket_id = {bucket}
           AND {range}
           AND created_at < {before}
           AND state = 'open'
           AND (lock IS NULL OR locked_until <= {now})
         RETURNING version"
    ));
    writer.finish()
}

/// Gives an object the version its bytes were stored again under, if it still has the old one: the second result has
/// its `id` then, and of the two versions one is garbage afterwards.
pub fn take(id: &str, old: &str, new: &str) -> [Statement; 2] {
    let note = Statement::new(
        "UPDATE \"storage.garbage\"
         SET
           version = CASE WHEN EXISTS (
             SELECT 1 FROM \"storage.objects\" AS object WHERE object.id = ?1 AND object.version = ?2
           ) THEN ?2 ELSE ?3 END,
           upload_expires_at = NULL
         WHERE version = ?3",
    );
    let row = Statement::new(
        "UPDATE \"storage.objects\"
         SET
           version = ?3,
           metadata = json_set(COALESCE(metadata, '{}'), '$.storageClass', 'STANDARD_IA')
         WHERE id = ?1
           AND version = ?2
           AND EXISTS (SELECT 1 FROM \"storage.garbage\" AS garbage WHERE garbage.version = ?2)
         RETURNING id",
    );
    [note, row].map(|statement| statement.bind(id).bind(old).bind(new))
}
