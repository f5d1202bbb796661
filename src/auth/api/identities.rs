//! `/auth/v1/user/identities`: adding an identity to one's account, and taking one away.

use ::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::external::{provider_url, redirect};
use crate::auth::error::Error;
use crate::auth::identity;
use crate::auth::provider::error::ProviderError;
use crate::http::{Context, Response, json_response};

/// `GET /authorize`: the provider's address, as a redirect or as JSON.
pub async fn authorize_identity(context: Context) -> Result<Response, Error> {
    refuse_unless_allowed(&context)?;
    let url = provider_url(&context, Some(&context.caller)).await?;
    if context.query_parameter("skip_http_redirect").as_deref() == Some("true") {
        return Ok(json_response(StatusCode::OK, &json!({"url": url})));
    }
    Ok(redirect(StatusCode::FOUND, &url))
}

/// `DELETE /{identity_id}`.
pub async fn unlink_identity(context: Context) -> Result<Response, Error> {
    refuse_unless_allowed(&context)?;
    let id = Uuid::parse_str(context.parameters.get("identity_id"));
    let id = id.map_err(|_| ProviderError::IdentityIdNotUuid)?;
    identity::unlink(&context.app, &context.caller, id).await?;
    Ok(json_response(StatusCode::OK, &json!({})))
}

fn refuse_unless_allowed(context: &Context) -> Result<(), Error> {
    if context.app.config.auth.external.manual_linking {
        return Ok(());
    }
    Err(ProviderError::LinkingDisabled.into())
}
