//! `/bucket`: buckets.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::fields::{Fields, integer, invalid};
use super::message;
use crate::http::{Body, Context, Response, json_response, json_text};
use crate::storage::bucket::{self, Settings, SizeLimit};
use crate::storage::list::{Order, SortColumn};
use crate::storage::store::bucket::Page;
use crate::storage::{Storage, StorageError};

/// `POST /bucket`: makes one.
pub async fn create(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let name = fields.required("name", fields.text("name")?)?;
    let id = fields.text("id")?.filter(|id| !id.is_empty()).unwrap_or_else(|| name.clone());
    match fields.text("type")?.as_deref() {
        None | Some("STANDARD") => {}
        Some("ANALYTICS") => {
            return Err(StorageError::NotEnabled("Iceberg buckets are not enabled for this tenant"));
        }
        Some(_) => return Err(invalid("body/type must be equal to one of the allowed values".to_string())),
    }
    bucket::create(&Storage::of(&context), &id, &name, &settings(&fields)?).await?;
    Ok(json_response(StatusCode::OK, &json!({"name": name})))
}

/// `GET /bucket`: those the caller sees.
pub async fn list(context: Context) -> Result<Response, StorageError> {
    let number = |name: &'static str, least: u64| match context.query_parameter(name) {
        None => Ok(None),
        Some(text) => match text.parse::<u64>() {
            Ok(number) if number >= least => Ok(Some(number)),
            Ok(_) => Err(invalid(format!("querystring/{name} must be >= {least}"))),
            Err(_) => Err(invalid(format!("querystring/{name} must be integer"))),
        },
    };
    let search = context.query_parameter("search").unwrap_or_default();
    let page = Page {
        search: &search,
        order: order(&context)?,
        limit: number("limit", 1)?,
        offset: number("offset", 0)?.unwrap_or(0),
        with_type: knows_type(&context),
    };
    let buckets = bucket::list(&Storage::of(&context), &page).await?;
    Ok(json_text(StatusCode::OK, Body::Text(buckets)))
}

/// Python clients before these fail on a `type`; upstream leaves it out for them
/// ([storage-py 0.12.1](https://github.com/supabase/storage-py/releases/tag/v0.12.1)).
#[rustfmt::skip]
const NEED_NO_TYPE: [(&str, &str, [u64; 3]); 2] = [
    ("x-client-info", "supabase-py/",           [2, 18, 0]),
    ("user-agent",    "supabase-py/storage3 v", [0, 12, 1]),
];

fn knows_type(context: &Context) -> bool {
    !NEED_NO_TYPE.iter().any(|(header, client, least)| {
        let version = context.header(header).and_then(|text| version_after(text, client));
        version.is_some_and(|version| version < *least)
    })
}

/// `supabase-py/2.17.3` → `[2, 17, 3]`
fn version_after(text: &str, client: &str) -> Option<[u64; 3]> {
    let text = text.to_ascii_lowercase();
    let (_, version) = text.split_once(client)?;
    let mut numbers = version.splitn(3, '.').map(|number| {
        let end = number.find(|character: char| !character.is_ascii_digit()).unwrap_or(number.len());
        number.get(..end)?.parse().ok()
    });
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

fn order(context: &Context) -> Result<Option<(&'static str, Order)>, StorageError> {
    const COLUMNS: [&str; 4] =
        ["id", SortColumn::Name.name(), SortColumn::CreatedAt.name(), SortColumn::UpdatedAt.name()];
    let not_allowed =
        |name: &str| invalid(format!("querystring/{name} must be equal to one of the allowed values"));
    let order = match context.query_parameter("sortOrder") {
        None => Order::Ascending,
        Some(text) => Order::named(&text).ok_or_else(|| not_allowed("sortOrder"))?,
    };
    let Some(column) = context.query_parameter("sortColumn") else { return Ok(None) };
    let column = COLUMNS.into_iter().find(|name| *name == column);
    column.map(|column| Some((column, order))).ok_or_else(|| not_allowed("sortColumn"))
}

/// `GET /bucket/{bucket}`: one the caller sees.
pub async fn find(context: Context) -> Result<Response, StorageError> {
    let bucket = bucket::find(&Storage::of(&context), context.parameters.get("bucket")).await?;
    Ok(json_text(StatusCode::OK, Body::Text(bucket)))
}

/// `PUT /bucket/{bucket}`: changes its settings.
pub async fn update(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    if !fields.has_any(&["public", "file_size_limit", "allowed_mime_types"]) {
        return Err(invalid("body must have required property 'public'".to_string()));
    }
    bucket::update(&Storage::of(&context), context.parameters.get("bucket"), &settings(&fields)?).await?;
    Ok(message("Successfully updated"))
}

/// `DELETE /bucket/{bucket}`: deletes an empty one.
pub async fn delete(context: Context) -> Result<Response, StorageError> {
    bucket::delete(&Storage::of(&context), context.parameters.get("bucket")).await?;
    Ok(message("Successfully deleted"))
}

/// `POST /bucket/{bucket}/empty`: removes its objects; `service_role` only. Upstream queues the
/// work, and says so; here the objects are gone with the answer and their bytes shortly after.
pub async fn empty(context: Context) -> Result<Response, StorageError> {
    bucket::empty(&Storage::of(&context), context.parameters.get("bucket")).await?;
    Ok(message("Empty bucket has been queued. Completion may take up to an hour."))
}

fn settings(fields: &Fields) -> Result<Settings, StorageError> {
    let file_size_limit = match fields.value("file_size_limit") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(value) => match (integer(value).and_then(|bytes| u64::try_from(bytes).ok()), value) {
            (Some(bytes), _) => Some(Some(SizeLimit::Bytes(bytes))),
            (None, Value::String(text)) => Some(Some(SizeLimit::Text(text.clone()))),
            (None, _) => return Err(invalid("body/file_size_limit must be integer,string,null".to_string())),
        },
    };
    let allowed_mime_types = match fields.value("allowed_mime_types") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(_) => fields.texts("allowed_mime_types")?.map(Some),
    };
    Ok(Settings { public: fields.flag("public")?, file_size_limit, allowed_mime_types })
}
