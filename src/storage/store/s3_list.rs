//! S3's list of a bucket: names in byte order, those with a delimiter behind the prefix folded into one.

use serde::Deserialize;

use super::super::StorageError;
use super::super::access::{Access, OBJECT, Of, Rule};
use super::super::key::end_of_prefix;
use super::time;
use crate::sql::{Statement, Writer};

/// Which names.
pub struct Page<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// What they start with.
    pub prefix: &'a str,
    /// What folds them.
    pub delimiter: Option<&'a str>,
    /// Behind this name.
    pub start_after: Option<&'a str>,
    /// Behind this name or folded prefix, where the last page ended.
    pub token: Option<&'a str>,
    /// At most so many.
    pub most: u32,
}

/// A name, or a folded prefix.
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// The name or prefix.
    pub path: String,
    /// 1 for a prefix.
    pub is_prefix: u8,
    /// With its quotes.
    pub etag: Option<String>,
    /// Bytes.
    pub size: Option<u64>,
    /// As the API prints it.
    pub modified_at: String,
}

/// A page: rows for [`Entry`].
pub fn page(access: &Access<'_>, page: &Page<'_>) -> Result<Statement, StorageError> {
    let mut writer = Writer::default();
    let visible = access.sql(&mut writer, Of::Objects, &[Rule::Visible])?;
    let (bucket, range) = (writer.bind(page.bucket), range(&mut writer, page));
    let most = writer.bind(page.most.to_string());
    let folded = match page.delimiter {
        None => "0".to_string(),
        Some(delimiter) => {
            let rest = writer.bind((page.prefix.chars().count() + 1).to_string());
            let delimiter = writer.bind(delimiter);
            format!(
                "CASE
                 WHEN instr(substr({OBJECT}.name, CAST({rest} AS INTEGER)), {delimiter}) > 0
                 THEN CAST({rest} AS INTEGER) - 1
                   + instr(substr({OBJECT}.name, CAST({rest} AS INTEGER)), {delimiter}) - 1 + length({delimiter})
                 ELSE 0
               END"
            )
        }
    };
    let behind = match page.token {
        Some(token) => format!("entry.path > {}", writer.bind(token)),
        None => "TRUE".to_string(),
    };
    writer.push(&format!(
        "WITH visible AS (
           SELECT
             {OBJECT}.*,
             {folded} AS folded
           FROM {OBJECT}
           WHERE {OBJECT}.bucket_id = {bucket}
             AND {range}
             AND {visible}
         ),
         entry AS (
           SELECT
             CASE WHEN folded > 0 THEN substr(name, 1, folded) ELSE name END AS path,
             folded > 0 AS is_prefix,
             metadata,
             updated_at
           FROM visible
           GROUP BY path, is_prefix
         )
         SELECT
           entry.path,
           entry.is_prefix,
           json_extract(entry.metadata, '$.eTag') AS etag,
           json_extract(entry.metadata, '$.size') AS size,
           COALESCE(json_extract(entry.metadata, '$.lastModified'), {updated_at}) AS modified_at
         FROM entry
         WHERE {behind}
         ORDER BY entry.path
         LIMIT CAST({most} AS INTEGER)",
        updated_at = time("entry.updated_at"),
    ));
    Ok(writer.finish())
}

/// The names that can matter, as a range of the index: a folded prefix that was listed is skipped whole.
fn range(writer: &mut Writer, page: &Page<'_>) -> String {
    let name = format!("{OBJECT}.name");
    let mut conditions = vec![format!("{name} >= {}", writer.bind(page.prefix))];
    if let Some(end) = end_of_prefix(page.prefix) {
        conditions.push(format!("{name} < {}", writer.bind(end)));
    }
    if let Some(after) = page.start_after {
        conditions.push(format!("{name} > {}", writer.bind(after)));
    }
    if let Some(token) = page.token {
        // An object may be called as the prefix itself, which ends with the delimiter too.
        let rest = token.strip_prefix(page.prefix).unwrap_or(token);
        let is_prefix = page.delimiter.is_some_and(|delimiter| rest.ends_with(delimiter));
        match end_of_prefix(token).filter(|_| is_prefix) {
            Some(end) => conditions.push(format!("{name} >= {}", writer.bind(end))),
            None => conditions.push(format!("{name} > {}", writer.bind(token))),
        }
    }
    conditions.join("\n             AND ")
}
