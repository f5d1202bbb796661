//! Asking a function of the project's by a request to the data API, made inside: its body is SQL that is inlined and
//! compiled there. It runs as the service role, where Postgres has the role `supabase_auth_admin`.

use serde_json::{Map, Value};

use super::error::HookError;
use crate::app::App;
use crate::caller::{Caller, Role};
use crate::http::post_inside;

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
    let (path, caller) = (format!("/rest/v1/rpc/{name}"), Caller::with_role(Role::ServiceRole));
    let profile = [("content-profile", schema)];
    let answer = post_inside(app, caller, &path, &profile, body.to_string(), LARGEST).await;
    let (status, text) = answer.map_err(|refusal| failed(format!("{refusal:?}")))?;
    if !(200..300).contains(&status) {
        return Err(failed(text));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
