//! `/object/list` and `/object/list-v2`.

use ::http::StatusCode;

use super::fields::{Fields, invalid};
use crate::http::{Body, Context, Response, json_response, json_text};
use crate::storage::list::{self, Cursor, FolderPage, Order, Page, SortColumn};
use crate::storage::{Storage, StorageError};

/// The most entries of a folder in one answer.
const MOST_ENTRIES: u64 = 1500;

/// The most names of a page.
const MOST_NAMES: u64 = 1000;

/// `POST /object/list/{bucket}`: one level of a folder.
pub async fn folder(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let mut folder = fields.required("prefix", fields.text("prefix")?)?;
    if !folder.is_empty() && !folder.ends_with('/') {
        folder.push('/');
    }
    let (column, order) = sort(&fields, &SortColumn::ALL)?;
    let page = FolderPage {
        folder,
        search: fields.text("search")?.unwrap_or_default(),
        limit: number(&fields, "limit", 1)?.unwrap_or(100).min(MOST_ENTRIES),
        offset: number(&fields, "offset", 0)?.unwrap_or(0),
        column: column.unwrap_or(SortColumn::Name),
        order: order.unwrap_or(Order::Ascending),
    };
    let entries = list::folder(&Storage::of(&context), context.parameters.get("bucket"), &page).await?;
    Ok(json_text(StatusCode::OK, Body::Text(entries)))
}

/// `POST /object/list-v2/{bucket}`: a page of names, or of one level's names and folders.
pub async fn page(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let asked = sort(&fields, &[SortColumn::Name, SortColumn::UpdatedAt, SortColumn::CreatedAt])?;
    let cursor = match fields.text("cursor")?.filter(|cursor| !cursor.is_empty()) {
        None => None,
        Some(text) => {
            Some(Cursor::decode(&text).ok_or(StorageError::InvalidParameter("continuation token"))?)
        }
    };
    // A cursor goes on as its list began.
    let (after, column, order) = match cursor {
        Some((cursor, column, order)) => (Some(cursor), column, order),
        None => (None, asked.0.unwrap_or(SortColumn::Name), asked.1.unwrap_or(Order::Ascending)),
    };
    let page = Page {
        prefix: fields.text("prefix")?.unwrap_or_default(),
        limit: number(&fields, "limit", 1)?.unwrap_or(MOST_NAMES).min(MOST_NAMES),
        by_folder: fields.flag("with_delimiter")?.unwrap_or(false),
        column,
        order,
        after,
    };
    let listing = list::page(&Storage::of(&context), context.parameters.get("bucket"), &page).await?;
    Ok(json_response(StatusCode::OK, &listing))
}

fn number(fields: &Fields, name: &str, least: i64) -> Result<Option<u64>, StorageError> {
    Ok(fields.integer(name, least)?.and_then(|number| u64::try_from(number).ok()))
}

/// `sortBy`: a column of those allowed, and a direction.
fn sort(
    fields: &Fields,
    columns: &[SortColumn],
) -> Result<(Option<SortColumn>, Option<Order>), StorageError> {
    let Some(sort) = fields.object("sortBy")? else { return Ok((None, None)) };
    let not_allowed =
        |name: &str| invalid(format!("body/sortBy/{name} must be equal to one of the allowed values"));
    let Some(name) = sort.text("column")? else {
        return Err(invalid("body/sortBy must have required property 'column'".to_string()));
    };
    let column = columns.iter().copied().find(|column| column.name() == name);
    let column = Some(column.ok_or_else(|| not_allowed("column"))?);
    let order = match sort.text("order")? {
        None => None,
        Some(name) => Some(Order::named(&name).ok_or_else(|| not_allowed("order"))?),
    };
    Ok((column, order))
}
