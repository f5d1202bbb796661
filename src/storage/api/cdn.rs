//! `/cdn`: purging what the edge keeps; `service_role` only. With `?transformations=true` only rendered images.

use ::http::StatusCode;
use serde_json::json;

use crate::http::{Context, Response, json_response};
use crate::storage::purge::{self, Purge};
use crate::storage::{Storage, StorageError};

/// `DELETE /cdn`: everything.
pub async fn purge(context: Context) -> Result<Response, StorageError> {
    answer(&context, None, None).await
}

/// `DELETE /cdn/{bucket}`: all of a bucket.
pub async fn purge_bucket(context: Context) -> Result<Response, StorageError> {
    answer(&context, Some(context.parameters.get("bucket")), None).await
}

/// `DELETE /cdn/{bucket}/{path}`: an object.
pub async fn purge_object(context: Context) -> Result<Response, StorageError> {
    let (bucket, key) = (context.parameters.get("bucket"), context.parameters.get("path"));
    answer(&context, Some(bucket), Some(key)).await
}

async fn answer(
    context: &Context,
    bucket: Option<&str>,
    key: Option<&str>,
) -> Result<Response, StorageError> {
    let images_only = match context.query_parameter("transformations").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(StorageError::InvalidRequest("querystring/transformations must be boolean".into()));
        }
    };
    purge::purge(&Storage::of(context), &Purge { bucket, key, images_only }).await?;
    Ok(json_response(StatusCode::OK, &json!({"message": "success", "statusCode": "200"})))
}
