//! `/auth/v1/admin/custom-providers`: providers that an administrator adds.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::body::read_json;
use crate::auth::custom_providers::{self, Settings, type_named};
use crate::auth::error::Error;
use crate::auth::model::wire_time;
use crate::auth::store::custom_providers::Stored;
use crate::http::{Body, Context, Response, json_response, respond};

/// `GET`: all of them, or those of one `type`.
pub async fn list_custom_providers(context: Context) -> Result<Response, Error> {
    let name = context.query_parameter("type").filter(|name| !name.is_empty());
    if name.as_deref().is_some_and(|name| type_named(name).is_none()) {
        return Err(Error::Validation("type must be either 'oauth2' or 'oidc'".into()));
    }
    let found = custom_providers::list(&context.app, name.as_deref()).await?;
    let found: Vec<Value> = found.iter().map(as_json).collect();
    Ok(json_response(StatusCode::OK, &json!({"providers": found})))
}

/// `POST`.
pub async fn create_custom_provider(mut context: Context) -> Result<Response, Error> {
    let settings: Settings = read_json(&mut context).await?;
    let created = custom_providers::create(&context.app, settings).await?;
    Ok(json_response(StatusCode::CREATED, &as_json(&created)))
}

/// `GET /{identifier}`.
pub async fn get_custom_provider(context: Context) -> Result<Response, Error> {
    let found = custom_providers::by_identifier(&context.app, identifier(&context)?).await?;
    Ok(json_response(StatusCode::OK, &as_json(&found)))
}

/// `PUT /{identifier}`: what is not given stays.
pub async fn update_custom_provider(mut context: Context) -> Result<Response, Error> {
    let identifier = identifier(&context)?.to_string();
    let settings: Settings = read_json(&mut context).await?;
    let updated = custom_providers::update(&context.app, &identifier, settings).await?;
    Ok(json_response(StatusCode::OK, &as_json(&updated)))
}

/// `DELETE /{identifier}`.
pub async fn delete_custom_provider(context: Context) -> Result<Response, Error> {
    custom_providers::delete(&context.app, identifier(&context)?).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}

fn identifier(context: &Context) -> Result<&str, Error> {
    let identifier = context.parameters.get("provider");
    custom_providers::check_prefix(identifier)?;
    Ok(identifier)
}

/// The settings without the secret.
fn as_json(stored: &Stored) -> Value {
    let mut shown = json!(stored.settings);
    if let Some(members) = shown.as_object_mut() {
        members.insert("created_at".into(), wire_time(&stored.created_at));
        members.insert("updated_at".into(), wire_time(&stored.updated_at));
    }
    shown
}
