//! One level of a folder, entry by entry in the order of names.
//!
//! Each step finds the next entry's first visible object with one look into an index, and a folder is stepped over
//! however much it holds: a page costs what it shows, not what lies beneath.

use super::super::StorageError;
use super::super::access::{Access, OBJECT, Of, Rule};
use super::super::key::end_of_prefix;
use super::super::list::Order;
use crate::sql::Writer;

/// Which entries.
pub struct Walk<'a> {
    /// The bucket's id.
    pub bucket: &'a str,
    /// What the names start with.
    pub prefix: &'a str,
    /// Whether capitals count: else the index of names in small letters is walked, and `prefix` is in small letters.
    pub has_case: bool,
    /// Which way.
    pub order: Order,
    /// The path of the entry before the first.
    pub after: Option<&'a str>,
    /// At most so many.
    pub most: u64,
}

/// A `WITH` clause's `entry`: the columns of `storage.objects` with `number` (the entry's place, from 1), `is_folder`, and `path`, a
/// folder's with its slash.
pub fn entries(writer: &mut Writer, access: &Access<'_>, walk: &Walk<'_>) -> Result<String, StorageError> {
    let visible = access.sql(writer, Of::Objects, &[Rule::Visible])?;
    let name = |row: &str| match walk.has_case {
        true => format!("{row}.name"),
        false => format!("lower({row}.name)"),
    };
    let bucket = writer.bind(walk.bucket);
    let rest = writer.bind((walk.prefix.chars().count() + 1).to_string());
    let rest = format!("CAST({rest} AS INTEGER)");
    let slash = |row: &str| format!("instr(substr({row}.name, {rest}), '/')");
    let next = |condition: &str| {
        let (name, direction) = (name(OBJECT), walk.order.sql());
        format!(
            "(SELECT {OBJECT}.rowid
             FROM {OBJECT}
             WHERE {OBJECT}.bucket_id = {bucket}
               AND {condition}
               AND {visible}
             ORDER BY {name} {direction}, {OBJECT}.rowid {direction}
             LIMIT 1)"
        )
    };
    let first = next(&start(writer, walk, &name(OBJECT)));
    let then = next(&continuation(writer, walk, &name, &slash("place"), &rest));
    let most = writer.bind(walk.most.to_string());
    Ok(format!(
        "step (number, place) AS (
           SELECT 1, {first}
           UNION ALL
           SELECT step.number + 1, {then}
           FROM step
           INNER JOIN \"storage.objects\" AS place ON place.rowid = step.place
           LIMIT CAST({most} AS INTEGER)
         ),
         entry AS (
           SELECT
             step.number,
             {slash} > 0 AS is_folder,
             CASE
               WHEN {slash} > 0 THEN substr(object.name, 1, {rest} + {slash} - 1)
               ELSE object.name
             END AS path,
             object.*
           FROM step
           INNER JOIN \"storage.objects\" AS object ON object.rowid = step.place
         )",
        slash = slash("object"),
    ))
}

/// Where the walk begins and within what it stays.
fn start(writer: &mut Writer, walk: &Walk<'_>, name: &str) -> String {
    let least = writer.bind(walk.prefix);
    let end = end_of_prefix(walk.prefix).map(|end| writer.bind(end));
    let after = walk.after.map(|path| writer.bind(path));
    let mut conditions = Vec::new();
    match (walk.order, after) {
        (Order::Ascending, Some(after)) => {
            let past = past(
                &after,
                // A file may be called as the prefix itself.
                &format!(
                    "CASE WHEN substr({after}, -1) = '/' AND {after} <> {least} THEN length({after}) ELSE 0 END"
                ),
                "1",
            );
            conditions.push(format!("{name} >= max({least}, {past})"));
        }
        (_, None) => conditions.push(format!("{name} >= {least}")),
        (Order::Descending, Some(after)) => {
            conditions.extend([format!("{name} >= {least}"), format!("{name} < {after}")]);
        }
    }
    conditions.extend(end.map(|end| format!("{name} < {end}")));
    conditions.join(" AND ")
}

/// What comes after the entry at `place`, in the same bounds.
fn continuation(
    writer: &mut Writer,
    walk: &Walk<'_>,
    name: &impl Fn(&str) -> String,
    slash: &str,
    rest: &str,
) -> String {
    let (own, here) = (name(OBJECT), name("place"));
    let is_folder = format!("{slash} > 0");
    match (walk.order, walk.has_case) {
        (Order::Ascending, has_case) => {
            let past = match has_case {
                true => past(&here, slash, rest),
                // Several files may have the same name but for capitals.
                false => format!(
                    "CASE WHEN {is_folder} THEN substr({here}, 1, {rest} + {slash} - 2) || '0' ELSE {here} END"
                ),
            };
            let end = end_of_prefix(walk.prefix).map(|end| format!(" AND {own} < {}", writer.bind(end)));
            let other = match has_case {
                true => String::new(),
                false => format!(" AND ({own} > {here} OR {OBJECT}.rowid > place.rowid)"),
            };
            format!("{own} >= {past}{other}{}", end.unwrap_or_default())
        }
        (Order::Descending, has_case) => {
            let least = writer.bind(walk.prefix);
            let before =
                format!("CASE WHEN {is_folder} THEN substr({here}, 1, {rest} + {slash} - 1) ELSE {here} END");
            match has_case {
                true => format!("{own} < {before} AND {own} >= {least}"),
                false => format!(
                    "{own} <= {before}
               AND ({own} < {before} OR ({slash} = 0 AND {OBJECT}.rowid < place.rowid))
               AND {own} >= {least}"
                ),
            }
        }
    }
}

/// The first name past an entry: past all that is in a folder (`/` is followed by `0`), or past a file's own name.
fn past(name: &str, slash: &str, rest: &str) -> String {
    format!(
        "CASE WHEN {slash} > 0 THEN substr({name}, 1, {rest} + {slash} - 2) || '0' ELSE {name} || char(0) END"
    )
}
