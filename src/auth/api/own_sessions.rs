//! `/auth/v1/sessions`: where the caller is signed in.

use ::http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use crate::auth::error::Error;
use crate::auth::own_sessions;
use crate::http::{Body, Context, Response, json_response, respond};

/// `GET`: all sessions, the last used first.
pub async fn list_sessions(context: Context) -> Result<Response, Error> {
    let sessions = own_sessions::list(&context.app, &context.caller).await?;
    Ok(json_response(StatusCode::OK, &json!({"sessions": sessions})))
}

/// `DELETE /{session_id}`: 204, and that session is over.
pub async fn end_session(context: Context) -> Result<Response, Error> {
    let id =
        Uuid::parse_str(context.parameters.get("session_id")).map_err(|_| Error::SessionParameterNotUuid)?;
    own_sessions::end(&context.app, &context.caller, id).await?;
    Ok(respond(StatusCode::NO_CONTENT, Body::Empty))
}
