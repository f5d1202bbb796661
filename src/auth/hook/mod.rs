//! Hooks: the project is asked what a token says, whether somebody may be or get in, and to carry
//! messages. What is asked is in the settings; what each hook is told and may answer is in `event`.

mod api;
mod event;
mod http;

pub mod error;

pub use event::*;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::error::Error;
use crate::app::App;
use crate::config::{HookKind, HookTarget};
use crate::crypto;
use error::HookError;

/// Whether a kind of hook is on.
pub fn is_on(app: &App, kind: HookKind) -> bool {
    app.config.auth.hooks.target(kind).is_some()
}

/// Asks a hook, if it is on; its payload is `metadata` and the given members. `None` when it is off or
/// has nothing to say.
async fn ask<T: DeserializeOwned>(
    app: &App,
    kind: HookKind,
    ip: Option<&str>,
    mut payload: Value,
) -> Result<Option<T>, Error> {
    let Some(target) = app.config.auth.hooks.target(kind) else { return Ok(None) };
    let mut metadata = json!({
        "uuid": crypto::random_uuid(app.ports.random.as_ref()).to_string(),
        "time": app.now().to_rfc3339(),
        "name": kind.name(),
    });
    if let (Some(ip), Some(members)) = (ip, metadata.as_object_mut()) {
        members.insert("ip_address".into(), json!(ip));
    }
    if let Some(members) = payload.as_object_mut() {
        members.shift_insert(0, "metadata".into(), metadata);
    }
    let answer = match target {
        HookTarget::Http { url, secrets } => http::ask(app, url, secrets, &payload.to_string()).await,
        HookTarget::Function { schema, name } => api::ask(app, schema, name, &payload).await,
    };
    let Some(answer) = answer? else { return Ok(None) };
    refuse_said(&answer)?;
    match serde_json::from_str::<Option<T>>(&answer) {
        Ok(answer) => Ok(answer),
        Err(error) => Err(HookError::Output(error.to_string()).into()),
    }
}

/// The error that a hook's answer is, if it says a message.
fn refuse_said(answer: &str) -> Result<(), HookError> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let message =
        answer.pointer("/error/message").and_then(Value::as_str).filter(|message| !message.is_empty());
    let Some(message) = message else { return Ok(()) };
    let status =
        answer.pointer("/error/http_code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok());
    let status = status.filter(|status| (100..=999).contains(status)).unwrap_or(500);
    Err(HookError::Said(status, message.to_string()))
}
