//! `/auth/v1/oauth/authorize`, `/oauth/authorizations/{id}` and `/user/oauth/grants`: an app asks, its user decides.

use ::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::refuse_unless_on;
use crate::auth::api::body::read_json;
use crate::auth::api::external::redirect;
use crate::auth::api::return_url::with_query;
use crate::auth::api::{client, user_caller};
use crate::auth::error::Error;
use crate::auth::oauth_server::authorization::{self, Asked, Details, Onward};
use crate::auth::oauth_server::consent;
use crate::auth::redirect::is_allowed;
use crate::caller::Caller;
use crate::http::{Body, Context, Response, json_response, respond};

/// `GET /oauth/authorize`: an app sends a browser here, which goes on to the site's page that asks the user.
pub async fn ask_authorization(context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let parameter = |name: &str| context.query_parameter(name).unwrap_or_default();
    let asked = Asked {
        client_id: parameter("client_id"),
        redirect_uri: parameter("redirect_uri"),
        response_type: parameter("response_type"),
        scope: parameter("scope"),
        state: parameter("state"),
        resource: parameter("resource"),
        code_challenge: parameter("code_challenge"),
        code_challenge_method: parameter("code_challenge_method"),
        nonce: parameter("nonce"),
    };
    let onward = authorization::request(&context.app, asked).await?;
    Ok(redirect(StatusCode::FOUND, &url(&onward)))
}

/// `GET /oauth/authorizations/{authorization_id}`: what the app asks for.
pub async fn get_authorization(context: Context) -> Result<Response, Error> {
    let caller = decider(&context).await?;
    let id = context.parameters.get("authorization_id");
    let body = match authorization::details(&context.app, &caller, id).await? {
        Details::Question(question) => question,
        Details::Onward(onward) => json!({"redirect_url": url(&onward)}),
    };
    Ok(json_response(StatusCode::OK, &body))
}

#[derive(Deserialize)]
struct Decision {
    #[serde(default)]
    action: Option<String>,
}

/// `POST /oauth/authorizations/{authorization_id}/consent`.
pub async fn decide_authorization(mut context: Context) -> Result<Response, Error> {
    let caller = decider(&context).await?;
    let decision: Decision = read_json(&mut context).await?;
    let approves = match decision.action.as_deref() {
        Some("approve") => true,
        Some("deny") => false,
        _ => return Err(Error::Validation("action must be 'approve' or 'deny'".into())),
    };
    let id = context.parameters.get("authorization_id");
    let onward = authorization::decide(&context.app, &caller, id, approves).await?;
    Ok(json_response(StatusCode::OK, &json!({"redirect_url": url(&onward)})))
}

/// The user who decides, on a page of the project's: a browser says whose page it is on.
async fn decider(context: &Context) -> Result<Caller, Error> {
    refuse_unless_on(context)?;
    let caller = user_caller(context).await?;
    let origin = context.header("origin").filter(|origin| !origin.is_empty());
    if origin.is_some_and(|origin| !is_allowed(&context.app.config.auth, origin)) {
        return Err(Error::Validation("unauthorized request origin".into()));
    }
    Ok(caller)
}

fn url(onward: &Onward) -> String {
    let members: Vec<(&str, &str)> =
        onward.members.iter().map(|(name, value)| (*name, value.as_str())).collect();
    with_query(&onward.url, &members)
}

/// `GET /user/oauth/grants`.
pub async fn list_grants(context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let grants = consent::list(&context.app, &context.caller).await?;
    let grants: Vec<Value> = grants.iter().map(|grant| grant.to_json()).collect();
    Ok(json_response(StatusCode::OK, &grants))
}

/// `DELETE /user/oauth/grants?client_id=`.
pub async fn revoke_grant(context: Context) -> Result<Response, Error> {
    refuse_unless_on(&context)?;
    let Some(id) = context.query_parameter("client_id").filter(|id| !id.is_empty()) else {
        return Err(Error::Validation("client_id query parameter is required".into()));
    };
    let id = Uuid::parse_str(&id).map_err(|_| Error::Validation("invalid client_id format".into()))?;
    consent::revoke(&context.app, &context.caller, id, client(&context).ip.as_deref()).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}
