//! `/admin/v1/storage`: what the project's owner sets up and asks of storage. Ours; upstream has an API of its own for
//! it, on another port.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::fields::{Fields, invalid};
use crate::http::{Context, Response, json_response};
use crate::storage::check::{self, Check};
use crate::storage::event_target::{self, Target};
use crate::storage::lifecycle::{self, Rule};
use crate::storage::{StorageError, key};

/// `GET /admin/v1/storage/event-targets`: whom events are told.
pub async fn list_targets(context: Context) -> Result<Response, StorageError> {
    let targets = event_target::list(&context.app).await?;
    Ok(json_response(StatusCode::OK, &json!({"targets": targets})))
}

/// `PUT /admin/v1/storage/event-targets/{id}`: `{"events", "url" or nothing for the queue, "bucket", "prefix"}`.
pub async fn set_target(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let events = fields.required("events", fields.texts("events")?)?;
    let target = Target {
        id: id(&context)?,
        bucket: fields.text("bucket")?,
        prefix: fields.text("prefix")?.unwrap_or_default(),
        events: json!(events).to_string(),
        url: fields.text("url")?,
        waiting: 0,
    };
    Ok(json_response(StatusCode::OK, &event_target::set(&context.app, target).await?))
}

/// `DELETE /admin/v1/storage/event-targets/{id}`: with what waits for it.
pub async fn remove_target(context: Context) -> Result<Response, StorageError> {
    event_target::remove(&context.app, &id(&context)?).await?;
    Ok(super::message("Successfully deleted"))
}

/// `GET /admin/v1/storage/lifecycle-rules`.
pub async fn list_rules(context: Context) -> Result<Response, StorageError> {
    let rules = lifecycle::list(&context.app).await?;
    Ok(json_response(StatusCode::OK, &json!({"rules": rules})))
}

/// `PUT /admin/v1/storage/lifecycle-rules/{id}`: `{"bucket", "prefix", "expire_days", "infrequent_access_days", "abort_uploads_days"}`.
pub async fn set_rule(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let days = |name: &str| -> Result<Option<u32>, StorageError> {
        if fields.value(name).is_some_and(Value::is_null) {
            return Ok(None);
        }
        let days = fields.integer(name, 1)?;
        let days = days.map(|days| u32::try_from(days).ok().filter(|days| *days <= 36_500));
        days.map(|days| days.ok_or_else(|| invalid(format!("body/{name} must be <= 36500")))).transpose()
    };
    let rule = Rule {
        id: id(&context)?,
        bucket: fields.required("bucket", fields.text("bucket")?)?,
        prefix: fields.text("prefix")?.unwrap_or_default(),
        expire_days: days("expire_days")?,
        infrequent_access_days: days("infrequent_access_days")?,
        abort_uploads_days: days("abort_uploads_days")?,
    };
    lifecycle::set(&context.app, &rule).await?;
    Ok(json_response(StatusCode::OK, &rule))
}

/// `DELETE /admin/v1/storage/lifecycle-rules/{id}`.
pub async fn remove_rule(context: Context) -> Result<Response, StorageError> {
    lifecycle::remove(&context.app, &id(&context)?).await?;
    Ok(super::message("Successfully deleted"))
}

/// `POST /admin/v1/storage/check`: one page of the store against the rows; `{"after", "repair": ["bytes", "rows"]}`.
pub async fn check(mut context: Context) -> Result<Response, StorageError> {
    let fields = Fields::read(&mut context).await?;
    let repair = match fields.value("repair") {
        None | Some(Value::Null) => Vec::new(),
        Some(_) => fields.texts("repair")?.unwrap_or_default(),
    };
    if repair.iter().any(|what| !["bytes", "rows"].contains(&what.as_str())) {
        return Err(invalid("body/repair must be some of bytes, rows".to_string()));
    }
    let asked = Check {
        after: fields.text("after")?,
        repair_bytes: repair.iter().any(|what| what == "bytes"),
        repair_rows: repair.iter().any(|what| what == "rows"),
    };
    Ok(json_response(StatusCode::OK, &check::check(&context.app, &asked).await?))
}

/// A setting's name: what a bucket may be called.
fn id(context: &Context) -> Result<String, StorageError> {
    let id = context.parameters.get("id");
    key::check_bucket_name(id).map_err(|_| StorageError::InvalidParameter("id"))?;
    Ok(id.to_string())
}
