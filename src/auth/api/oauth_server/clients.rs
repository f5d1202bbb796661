//! `/auth/v1/admin/oauth/clients`, and `POST /auth/v1/oauth/clients/register`: the registry of apps.

use ::http::header::LINK;
use ::http::{HeaderName, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::refuse_unless_on;
use crate::auth::api::admin::{links, page};
use crate::auth::api::body::read_json;
use crate::auth::error::Error;
use crate::auth::oauth_server::client::{self, Wishes};
use crate::auth::oauth_server::error::OAuthServerError;
use crate::http::{Body, Context, Response, ResponseExt, json_response, respond};

/// `GET`: all of them, the newest first, or the page that is asked for.
pub async fn list_clients(context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let asks = |name| context.query_parameter(name).is_some_and(|value| !value.is_empty());
    let page = if asks("page") || asks("per_page") { Some(page(&context)?) } else { None };
    let (clients, total) = client::list(&context.app, page.as_ref()).await?;
    let clients: Vec<Value> = clients.iter().map(|client| client.to_json(None)).collect();
    let response = json_response(StatusCode::OK, &json!({"clients": clients}));
    Ok(match page {
        None => response,
        Some(page) => response
            .with_header(HeaderName::from_static("x-total-count"), total.to_string())
            .with_header(LINK, links(&context, &page, total)),
    })
}

/// `POST`: an administrator adds one.
pub async fn create_client(mut context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let wishes: Wishes = read_json(&mut context).await?;
    let (client, secret) = client::register(&context.app, wishes, "manual").await?;
    Ok(json_response(StatusCode::CREATED, &client.to_json(secret.as_deref())))
}

/// An app adds itself, where the settings allow it.
pub async fn register_client(mut context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    if !context.app.config.auth.oauth_server.dynamic_registration {
        return Err(OAuthServerError::RegistrationDisabled.into());
    }
    let wishes: Wishes = read_json(&mut context).await?;
    let (client, secret) = client::register(&context.app, wishes, "dynamic").await?;
    let mut body = client.to_json(secret.as_deref());
    if let (Some(_), Some(members)) = (&secret, body.as_object_mut()) {
        // RFC 7591 §3.2.1 wants it beside a secret; upstream leaves it out.
        members.insert("client_secret_expires_at".into(), json!(0));
    }
    Ok(json_response(StatusCode::CREATED, &body))
}

/// `GET /{id}`.
pub async fn get_client(context: Context) -> Result<Response, Error> {
    let client = client::by_id(&context.app, &client_id(&context)?).await?;
    Ok(json_response(StatusCode::OK, &client.to_json(None)))
}

/// `PUT /{id}`: what is not given stays.
pub async fn update_client(mut context: Context) -> Result<Response, Error> {
    let id = client_id(&context)?;
    let wishes: Wishes = read_json(&mut context).await?;
    let client = client::update(&context.app, &id, wishes).await?;
    Ok(json_response(StatusCode::OK, &client.to_json(None)))
}

/// `POST /{id}/regenerate_secret`.
pub async fn regenerate_client_secret(context: Context) -> Result<Response, Error> {
    let (client, secret) = client::regenerate_secret(&context.app, &client_id(&context)?).await?;
    Ok(json_response(StatusCode::OK, &client.to_json(Some(&secret))))
}

/// `DELETE /{id}`.
pub async fn delete_client(context: Context) -> Result<Response, Error> {
    client::delete(&context.app, &client_id(&context)?).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}

fn client_id(context: &Context) -> Result<String, Error> {
    refuse_unless_on(context)?;
    let id = Uuid::parse_str(context.parameters.get("client_id"));
    Ok(id.map_err(|_| Error::Validation("invalid client_id format".into()))?.to_string())
}
