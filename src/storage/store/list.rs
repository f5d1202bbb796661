//! Listing a folder, in both of upstream's ways.
//!
//! Prefixes become ranges over an index: D1's `LIKE` takes at most 50 bytes, and would read `_` as
//! a wildcard. In the order of names a level is walked ([`super::walk`]); any other order is known only after
//! everything beneath was read.

use super::super::StorageError;
use super::super::access::{Access, OBJECT, Of, Rule};
use super::super::key::end_of_prefix;
use super::super::list::{FolderPage, Order, Page, SortColumn};
use super::time;
use super::walk::{self, Walk};
use crate::sql::{Statement, Writer};

/// One level of a folder: files and folders as upstream's JSON rows, names relative to the folder.
///
/// Names compare without case. By name, files and folders are interleaved, and folders that differ in case alone are one;
/// by a time, folders come first, by name, each by itself.
pub fn folder(access: &Access<'_>, bucket: &str, page: &FolderPage) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let prefix = format!("{}{}", page.folder, page.search).to_ascii_lowercase();
    let direction = page.order.sql();
    let (entries, order) = match page.column {
        SortColumn::Name => {
            let most = page.offset.saturating_add(page.limit);
            let walk =
                Walk { bucket, prefix: &prefix, has_case: false, order: page.order, after: None, most };
            (walk::entries(&mut writer, access, &walk)?, "entry.number".to_string())
        }
        column => {
            let order = format!(
                "entry.is_folder DESC,
           CASE WHEN entry.is_folder THEN entry.sort_name END {direction},
           CASE WHEN entry.is_folder THEN entry.path END {direction},
           entry.\"{}\" {direction}, entry.sort_name {direction}",
                column.name()
            );
            (entries_by_time(&mut writer, access, bucket, &prefix)?, order)
        }
    };
    // Where the relative name begins.
    let relative = writer.bind((page.folder.chars().count() + 1).to_string());
    let limit = writer.bind(page.limit.to_string());
    let offset = writer.bind(page.offset.to_string());
    writer.push(&format!(
        "WITH RECURSIVE {entries}
         SELECT json_object(
           'name', substr(CASE WHEN entry.is_folder THEN rtrim(entry.path, '/') ELSE entry.path END, CAST({relative} AS INTEGER)),
           'id', CASE WHEN NOT entry.is_folder THEN entry.id END,
           'updated_at', CASE WHEN NOT entry.is_folder THEN {updated_at} END,
           'created_at', CASE WHEN NOT entry.is_folder THEN {created_at} END,
           'last_accessed_at', CASE WHEN NOT entry.is_folder THEN {last_accessed_at} END,
           'metadata', CASE WHEN NOT entry.is_folder THEN json(entry.metadata) END
         ) AS entry
         FROM entry
         ORDER BY {order}
         LIMIT CAST({limit} AS INTEGER) OFFSET CAST({offset} AS INTEGER)",
        updated_at = time("entry.updated_at"),
        created_at = time("entry.created_at"),
        last_accessed_at = time("entry.last_accessed_at"),
    ));
    Ok(writer.finish())
}

/// All entries of a level, in any order: a time's is known only when all objects beneath have been read.
fn entries_by_time(
    writer: &mut Writer,
    access: &Access<'_>,
    bucket: &str,
    prefix: &str,
) -> Result<String, StorageError> {
    let visible = access.sql(writer, Of::Objects, &[Rule::Visible])?;
    let range = range(writer, &format!("lower({OBJECT}.name)"), prefix);
    let bucket = writer.bind(bucket);
    // Where the part of the name begins in which a slash makes a folder.
    let rest = writer.bind((prefix.chars().count() + 1).to_string());
    Ok(format!(
        "visible AS (
           SELECT
             {OBJECT}.*,
             instr(substr({OBJECT}.name, CAST({rest} AS INTEGER)), '/') AS slash
           FROM {OBJECT}
           WHERE {OBJECT}.bucket_id = {bucket}
             AND {range}
             AND {visible}
         ),
         entry AS (
           SELECT
             slash > 0 AS is_folder,
             CASE WHEN slash > 0 THEN substr(name, 1, CAST({rest} AS INTEGER) + slash - 1) ELSE name END AS path,
             lower(
               CASE WHEN slash > 0 THEN substr(name, 1, CAST({rest} AS INTEGER) + slash - 1) ELSE name END
             ) AS sort_name,
             visible.*
           FROM visible
           GROUP BY path
         )"
    ))
}

/// A page of names in byte order after a cursor: rows for [`super::super::list::Entry`]. One row
/// more than the limit says that there is a next page.
pub fn page(access: &Access<'_>, bucket: &str, page: &Page) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let (entries, rest) = match (page.by_folder, page.column) {
        (true, SortColumn::Name) => {
            let after = page.after.as_ref().map(|cursor| cursor.name.as_str());
            let (prefix, most) = (page.prefix.as_str(), page.limit + 1);
            let walk = Walk { bucket, prefix, has_case: true, order: page.order, after, most };
            (walk::entries(&mut writer, access, &walk)?, "ORDER BY entry.number".to_string())
        }
        _ => read_through(&mut writer, access, bucket, page)?,
    };
    let at = if page.column == SortColumn::Name { "''" } else { "entry.at" };
    let limit = writer.bind((page.limit + 1).to_string());
    writer.push(&format!(
        "WITH RECURSIVE {entries}
         SELECT
           entry.path AS name,
           entry.is_folder,
           {at} AS at,
           entry.id,
           {updated_at} AS updated_at,
           {created_at} AS created_at,
           {last_accessed_at} AS last_accessed_at,
           entry.metadata
         FROM entry
         {rest}
         LIMIT CAST({limit} AS INTEGER)",
        updated_at = time("entry.updated_at"),
        created_at = time("entry.created_at"),
        last_accessed_at = time("entry.last_accessed_at"),
    ));
    Ok(writer.finish())
}

/// All entries after the cursor, and how to choose and order those of the page. By name alone, an index gives the
/// order and the limit ends the reading; by a time, all objects beneath the prefix are read.
fn read_through(
    writer: &mut Writer,
    access: &Access<'_>,
    bucket: &str,
    page: &Page,
) -> Result<(String, String), StorageError> {
    let visible = access.sql(writer, Of::Objects, &[Rule::Visible])?;
    let range = range(writer, &format!("{OBJECT}.name"), &page.prefix);
    let (passed, after) = after(writer, page);
    let bucket = writer.bind(bucket);
    let entries = if page.by_folder { folders_and_files(writer, page) } else { files(page.column) };
    let direction = page.order.sql();
    let order = match page.column {
        SortColumn::Name => format!("entry.path {direction}"),
        _ => format!("entry.at {direction}, entry.path {direction}"),
    };
    let entries = format!(
        "visible AS (
           SELECT {OBJECT}.*
           FROM {OBJECT}
           WHERE {OBJECT}.bucket_id = {bucket}
             AND {range}
             AND {passed}
             AND {visible}
         ),
         entry AS ({entries})"
    );
    Ok((entries, format!("WHERE {after}\n         ORDER BY {order}")))
}

fn files(column: SortColumn) -> String {
    let at = match column {
        SortColumn::Name => "''".to_string(),
        column => time(&format!("visible.\"{}\"", column.name())),
    };
    format!("SELECT 0 AS is_folder, visible.name AS path, {at} AS at, visible.* FROM visible")
}

/// A folder's times are those of its oldest object's birth.
fn folders_and_files(writer: &mut Writer, page: &Page) -> String {
    let rest = writer.bind((page.prefix.chars().count() + 1).to_string());
    let at = match page.column {
        SortColumn::Name => "''".to_string(),
        column => {
            let own = format!("sliced.\"{}\"", column.name());
            time(&format!("min(CASE WHEN sliced.slash > 0 THEN sliced.created_at ELSE {own} END)"))
        }
    };
    format!(
        "SELECT
             sliced.slash > 0 AS is_folder,
             CASE
               WHEN sliced.slash > 0 THEN substr(sliced.name, 1, CAST({rest} AS INTEGER) + sliced.slash - 1)
               ELSE sliced.name
             END AS path,
             {at} AS at,
             sliced.*
           FROM (
             SELECT visible.*, instr(substr(visible.name, CAST({rest} AS INTEGER)), '/') AS slash
             FROM visible
           ) AS sliced
           GROUP BY path"
    )
}

/// Conditions for what comes after the cursor: a rough one that an index serves, and the exact one.
fn after(writer: &mut Writer, page: &Page) -> (String, String) {
    let Some(cursor) = &page.after else { return ("TRUE".to_string(), "TRUE".to_string()) };
    let (name, at) = (writer.bind(&cursor.name), writer.bind(&cursor.at));
    let operator = match page.order {
        Order::Ascending => ">",
        Order::Descending => "<",
    };
    let rough = match page.column {
        SortColumn::Name => format!("{OBJECT}.name {operator} {name}"),
        _ => "TRUE".to_string(),
    };
    (rough, format!("(entry.at, entry.path) {operator} ({at}, {name})"))
}

/// `column` starts with `prefix`, as a range.
pub fn range(writer: &mut Writer, column: &str, prefix: &str) -> String {
    let start = writer.bind(prefix);
    match end_of_prefix(prefix) {
        Some(end) => format!("{column} >= {start} AND {column} < {end}", end = writer.bind(end)),
        None => format!("{column} >= {start}"),
    }
}
