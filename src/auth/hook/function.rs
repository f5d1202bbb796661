//! Asking a function of the project's, by the data API's own way to it: its body is SQL that is inlined
//! and compiled there. It runs as the service role, where Postgres has the role `supabase_auth_admin`.

use ::http::{HeaderMap, HeaderValue, Method};
use serde_json::{Map, Value};

use super::error::HookError;
use crate::app::App;
use crate::caller::{Caller, Role};
use crate::http::ask_inside;

/// The most bytes of an answer.
const LARGEST: u64 = 200 * 1024;

/// The function's answer.
pub async fn ask(app: &App, schema: &str, name: &str, payload: &Value) -> Result<Option<String>, HookError> {
    let failed =
        |cause: String| HookError::Function(format!("pg-functions://postgres/{schema}/{name}"), cause);
    let catalog = app.catalog.get(app.ports.database.as_ref()).await;
    let catalog = catalog.map_err(|error| failed(format!("database: {error:?}")))?;
    let Some(routine) = catalog.routines_named(schema, name).next() else {
        return Err(failed(format!("the function {schema}.{name} does not exist")));
    };
    let argument = routine.inputs().next().and_then(|argument| argument.name.clone());
    let body = match argument {
        Some(argument) => Value::Object(Map::from_iter([(argument, payload.clone())])),
        None => payload.clone(),
    };
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let profile = HeaderValue::from_str(schema).map_err(|error| failed(error.to_string()))?;
    headers.insert("content-profile", profile);
    let path = format!("/rest/v1/rpc/{name}");
    let caller = Caller::with_role(Role::ServiceRole);
    let answer = ask_inside(app, caller, Method::POST, &path, headers, body.to_string()).await;
    let answer = answer.map_err(|refusal| failed(format!("{refusal:?}")))?;
    let status = answer.status();
    let bytes = answer.into_body().read(LARGEST).await.map_err(|error| failed(format!("{error:?}")))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if !status.is_success() {
        return Err(failed(text));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
