//! Listing a bucket: the folder view of `list`, and the pages of `list-v2`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::store::{self, batch};
use super::{Storage, StorageError};
use crate::ports::Text;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortColumn {
    /// The object's name.
    Name,
    /// Last written or moved.
    UpdatedAt,
    /// First written.
    CreatedAt,
    /// Upstream's column, which nothing moves.
    LastAccessedAt,
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `asc`
    Ascending,
    /// `desc`
    Descending,
}

/// One level of a folder.
#[derive(Clone, Debug)]
pub struct FolderPage {
    /// Empty, or ends with a slash.
    pub folder: String,
    /// What the names in the folder start with.
    pub search: String,
    /// At most so many entries.
    pub limit: u64,
    /// Not the first so many.
    pub offset: u64,
    /// Sorted by.
    pub column: SortColumn,
    /// Which way.
    pub order: Order,
}

/// A page of names.
#[derive(Clone, Debug)]
pub struct Page {
    /// What the names start with.
    pub prefix: String,
    /// At most so many entries.
    pub limit: u64,
    /// Whether names with a slash after the prefix become folders.
    pub by_folder: bool,
    /// Sorted by.
    pub column: SortColumn,
    /// Which way.
    pub order: Order,
    /// Where the last page ended.
    pub after: Option<Cursor>,
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// The last name.
    pub name: String,
    /// The last time, when sorted by one.
    pub at: String,
}

/// A row of a page.
#[derive(Debug, Deserialize)]
struct Entry {
    name: String,
    is_folder: u8,
    at: String,
    id: String,
    updated_at: String,
    created_at: String,
    last_accessed_at: String,
    metadata: Option<String>,
}

/// What `list-v2` answers.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listing {
    has_next: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    folders: Vec<Folder>,
    objects: Vec<File>,
}

#[derive(Debug, Serialize)]
struct Folder {
    key: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct File {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    name: String,
    id: String,
    updated_at: String,
    created_at: String,
    last_accessed_at: String,
    metadata: Option<Box<RawValue>>,
}

impl SortColumn {
    /// The column's name, on the wire and in the table.
    #[rustfmt::skip]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name           => "name",
            Self::UpdatedAt      => "updated_at",
            Self::CreatedAt      => "created_at",
            Self::LastAccessedAt => "last_accessed_at",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::Name, Self::UpdatedAt, Self::CreatedAt, Self::LastAccessedAt];
}

impl Order {
    /// As SQL says it.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Ascending => "ASC",
            Self::Descending => "DESC",
        }
    }

    /// As the wire says it, or `None` for anything else.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "asc" => Some(Self::Ascending),
            "desc" => Some(Self::Descending),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }
}

/// One level of a folder, as the JSON array that `list` answers.
pub async fn folder(
    storage: &Storage,
    bucket: &str,
    page: &FolderPage,
) -> Result<Box<dyn Text>, StorageError> {
    let results = batch(storage, |access| Ok(vec![store::list::folder(access, bucket, page)?])).await?;
    Ok(results.at(0)?.json_array())
}

/// One page of names, and where the next begins.
pub async fn page(storage: &Storage, bucket: &str, page: &Page) -> Result<Listing, StorageError> {
    let results = batch(storage, |access| Ok(vec![store::list::page(access, bucket, page)?])).await?;
    let mut entries: Vec<Entry> = results.at(0)?.decode()?;
    let has_next = entries.len() as u64 > page.limit;
    entries.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    let next_cursor = entries
        .last()
        .filter(|_| has_next)
        .map(|last| Cursor { name: last.name.clone(), at: last.at.clone() }.encode(page.column, page.order));
    let mut listing = Listing { has_next, next_cursor, folders: Vec::new(), objects: Vec::new() };
    for entry in entries {
        let key = page.by_folder.then(|| key(&page.prefix, &entry.name));
        match (entry.is_folder == 1, key) {
            (true, Some(key)) => listing.folders.push(Folder { key, name: entry.name }),
            (_, key) => listing.objects.push(entry.into_file(key)),
        }
    }
    Ok(listing)
}

/// The segment of a name at the prefix's level: `a/b` and `a/bc/d` → `bc`.
fn key(prefix: &str, name: &str) -> String {
    let level = prefix.matches('/').count();
    name.split('/').nth(level).unwrap_or_default().to_string()
}

impl Entry {
    fn into_file(self, key: Option<String>) -> File {
        File {
            key,
            name: self.name,
            id: self.id,
            updated_at: self.updated_at,
            created_at: self.created_at,
            last_accessed_at: self.last_accessed_at,
            metadata: self.metadata.and_then(|json| RawValue::from_string(json).ok()),
        }
    }
}

impl Cursor {
    /// Lines `l:<name>`, `o:<order>`, `c:<column>` and `a:<time>` in base64. The order and the
    /// column travel along, since a next page may be asked for with the cursor alone.
    pub fn encode(&self, column: SortColumn, order: Order) -> String {
        let mut text = format!("l:{}\no:{}\nc:{}", self.name, order.name(), column.name());
        if !self.at.is_empty() {
            text.push_str(&format!("\na:{}", self.at));
        }
        STANDARD.encode(text)
    }

    /// Reads a cursor with what it was sorted by; `None` when it is none.
    pub fn decode(text: &str) -> Option<(Self, SortColumn, Order)> {
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let (mut cursor, mut column, mut order) =
            (Self { name: String::new(), at: String::new() }, SortColumn::Name, Order::Ascending);
        for line in text.split('\n') {
            match line.split_once(':')? {
                ("l", name) => cursor.name = name.to_string(),
                ("a", at) => cursor.at = at.to_string(),
                ("o", name) => order = Order::named(name)?,
                ("c", name) => column = SortColumn::ALL.into_iter().find(|column| column.name() == name)?,
                _ => return None,
            }
        }
        Some((cursor, column, order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back() {
        let cursor = Cursor { name: "a:b/c".into(), at: "2026-01-02T03:04:05.120Z".into() };
        let text = cursor.encode(SortColumn::CreatedAt, Order::Descending);
        assert_eq!(Cursor::decode(&text), Some((cursor, SortColumn::CreatedAt, Order::Descending)));
        for text in ["", "!", "eDp5", "bDph\nbDpi", "bzp4"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_is_the_segment_after_the_prefix() {
        for (prefix, name, expected) in
            [("", "a/", "a"), ("a/", "a/b/", "b"), ("a/b", "a/bc", "bc"), ("", "x", "x")]
        {
            assert_eq!(key(prefix, name), expected, "{prefix} {name}");
        }
    }
}
