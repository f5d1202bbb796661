//! The data API's endpoints: a request's parts go in, one use case is called.

use ::http::header::ALLOW;
use ::http::{Method, StatusCode};

use super::error::RestError;
use super::request::{Located, Payload, Preferences, Query, RowRange, canonical, negotiate, parse_body};
use super::{Action, RestRequest, answer, explain};
use crate::http::{Body, Context, Response, ResponseExt, respond};

/// `GET|HEAD|POST|PATCH|PUT|DELETE /rest/v1/{relation}`.
pub async fn relation(mut context: Context) -> Result<Response, RestError> {
    let request = parse(&mut context).await?;
    Ok(answer(&context.app, &context.caller, &request).await?.into_response())
}

/// `OPTIONS /rest/v1/{relation}`: what may be done with it.
pub async fn options(context: Context) -> Result<Response, RestError> {
    let (schema, _) = schema(&context, Action::Read { bodiless: true })?;
    let catalog = context.app.catalog.get(context.app.ports.database.as_ref()).await;
    let catalog = catalog.map_err(|error| explain::plainly(&error))?;
    let name = context.parameters.get("relation");
    let Some(table) = catalog.table(&schema, name) else {
        return Err(RestError::NoTable { schema, table: name.to_string(), closest: None });
    };
    let put = if table.primary_key_columns().is_empty() { "" } else { ",PUT" };
    Ok(respond(StatusCode::OK, Body::Empty)
        .with_header(ALLOW, format!("OPTIONS,GET,HEAD,POST{put},PATCH,DELETE")))
}

/// `GET /rest/v1/`: a description of the API, which is not there yet.
pub async fn root(_: Context) -> Result<Response, RestError> {
    Err(RestError::RootDescription)
}

/// `GET|POST /rest/v1/rpc/{function}`: there are no functions yet, so none is found.
pub async fn function(mut context: Context) -> Result<Response, RestError> {
    let action =
        if context.method == Method::POST { Action::Insert } else { Action::Read { bodiless: false } };
    let (schema, _) = schema(&context, action)?;
    let arguments = if context.method == Method::POST {
        let bytes = context.read_body().await?;
        let body: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        body.as_object().map(|body| body.keys().cloned().collect()).unwrap_or_default()
    } else {
        form_urlencoded::parse(context.query.as_bytes()).map(|(key, _)| key.into_owned()).collect()
    };
    Err(RestError::NoFunction { schema, name: context.parameters.get("function").to_string(), arguments })
}

async fn parse(context: &mut Context) -> Result<RestRequest, RestError> {
    let action = match context.method {
        Method::POST => Action::Insert,
        Method::PATCH => Action::Update,
        Method::PUT => Action::Put,
        Method::DELETE => Action::Delete,
        _ => Action::Read { bodiless: context.method == Method::HEAD },
    };
    let (schema, says_schema) = schema(context, action)?;
    let media = negotiate(context.header("accept")).map_err(RestError::Media)?;
    let headers = context.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let preferences = Preferences::parse(headers);
    if preferences.strict == Some(true) && !preferences.unknown.is_empty() {
        return Err(RestError::Preferences(preferences.unknown));
    }
    let query = Query::parse(&context.query)?;
    let range = range(context, action, &query)?;
    let payload = match action {
        Action::Read { .. } | Action::Delete => Payload::default(),
        Action::Insert | Action::Update | Action::Put => {
            let bytes = context.read_body().await?;
            parse_body(context.header("content-type"), &bytes, query.columns.as_deref())?
        }
    };
    let relation = context.parameters.get("relation").to_string();
    let canonical_query = canonical(&context.query);
    Ok(RestRequest {
        action,
        relation,
        schema,
        says_schema,
        query,
        canonical_query,
        preferences,
        media,
        range,
        may_roll_back: context.app.config.rest.transaction_end.overridable,
        payload,
    })
}

/// The schema that the profile header of the method names, else the first that is exposed; and
/// whether the answer says which.
fn schema(context: &Context, action: Action) -> Result<(String, bool), RestError> {
    let exposed = &context.app.config.rest.schemas;
    let header = match action {
        Action::Read { .. } => "accept-profile",
        _ => "content-profile",
    };
    match context.header(header) {
        Some(asked) if exposed.iter().any(|schema| schema == asked) => Ok((asked.to_string(), true)),
        Some(asked) => Err(RestError::Schema { asked: asked.to_string(), exposed: exposed.clone() }),
        None => Ok((exposed.first().cloned().unwrap_or_else(|| "public".to_string()), exposed.len() > 1)),
    }
}

/// The root's window: `limit`, `offset` and, for a GET, the `Range` header.
fn range(context: &Context, action: Action, query: &Query) -> Result<RowRange, RestError> {
    let own = |said: &[Located<i64>]| said.iter().rev().find(|of| of.path.is_empty()).map(|of| of.value);
    let range = RowRange::new(own(&query.limits), own(&query.offsets))?;
    match action {
        Action::Read { bodiless: false } => Ok(range.within_header(context.header("range"))?),
        _ => Ok(range),
    }
}
