//! `/object/move` and `/object/copy`.

use ::http::StatusCode;
use serde_json::{Map, Value, json};

use super::content::user_metadata_header;
use super::fields::Fields;
use super::terms;
use crate::http::{Context, Response, json_response};
use crate::storage::key::ObjectPath;
use crate::storage::metadata::Metadata;
use crate::storage::relocate::{self, CopyTerms, Replaced};
use crate::storage::{Storage, StorageError};

/// `POST /object/move`: renames an object, within its bucket or into another.
pub async fn relocate(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let (source, destination) = paths(&context, &fields)?;
    let id = relocate::relocate(&Storage::of(&context), &source, &destination).await?;
    Ok(json_response(
        StatusCode::OK,
        &json!({"message": "Successfully moved", "Id": id, "Key": destination.key}),
    ))
}

/// `POST /object/copy`: copies an object, with its metadata or others; gives the new row.
pub async fn copy(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let (source, destination) = paths(&context, &fields)?;
    let replaced = match fields.flag("copyMetadata")? {
        None | Some(true) => None,
        Some(false) => {
            let user_metadata = user_metadata_header(&context);
            Some(Replaced { metadata: metadata(&fields)?, user_metadata, is_all: false })
        }
    };
    let terms = CopyTerms { terms: terms(&context), replaced };
    let written = relocate::copy(&Storage::of(&context), &source, &destination, &terms).await?;
    let row: Map<String, Value> =
        serde_json::from_str(&written.object).map_err(|error| StorageError::Internal(error.to_string()))?;
    let mut body = Map::new();
    body.insert("Id".into(), written.id.into());
    body.insert("Key".into(), destination.to_string().into());
    body.extend(row);
    Ok(json_response(StatusCode::OK, &body))
}

fn paths(context: &Context, fields: &Fields) -> Result<(ObjectPath, ObjectPath), StorageError> {
    let bucket = fields.required("bucketId", fields.text("bucketId")?)?;
    let source = fields.required("sourceKey", fields.text("sourceKey")?)?;
    let destination = fields.required("destinationKey", fields.text("destinationKey")?)?;
    let to_bucket =
        fields.text("destinationBucket")?.filter(|id| !id.is_empty()).unwrap_or_else(|| bucket.clone());
    let characters = context.app.config.storage.key_characters();
    Ok((
        ObjectPath::new(&bucket, &source, characters)?,
        ObjectPath::new(&to_bucket, &destination, characters)?,
    ))
}

fn metadata(fields: &Fields) -> Result<Metadata, StorageError> {
    let Some(own) = fields.object("metadata")? else { return Ok(Metadata::default()) };
    Ok(Metadata {
        cache_control: own.text("cacheControl")?,
        mimetype: own.text("mimetype")?,
        ..Metadata::default()
    })
}
