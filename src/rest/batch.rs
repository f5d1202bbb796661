//! `POST /rest/v1/batch`: several requests to relations in one transaction. Ours; PostgREST has none.
//!
//! Each is planned like any other, and their statements run as one database batch: all take effect, in
//! their order, or none does. What only an answer can show (one row asked for and none there, an offset
//! beyond the rows) is that answer's status alone; a write checks such things in its statements.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::api::Head;
use super::error::RestError;
use super::plan::Plan;
use super::query::{Batch, Packing};
use super::request::BodyError;
use super::response::{self, Answer};
use super::{Attempt, RestRequest, cost, explain, is_stale, moved, prepare};
use crate::app::App;
use crate::caller::Caller;
use crate::http::{Asked, Body, Failure, Response, ResponseExt, json_response};
use crate::ports::DbError;

/// The most requests at once.
const MOST: usize = 100;

/// The body.
#[derive(Deserialize)]
struct Requests<'b> {
    #[serde(borrow)]
    requests: Vec<Item<'b>>,
}

/// One request as the body has it.
#[derive(Deserialize)]
struct Item<'b> {
    method: String,
    /// `/todos?id=eq.1`, under `/rest/v1`.
    path: String,
    #[serde(default)]
    headers: IndexMap<String, String>,
    #[serde(borrow, default)]
    body: Option<&'b RawValue>,
}

/// Why none of it took effect, and which request it was, when that is known.
pub struct BatchRefusal {
    error: RestError,
    place: Option<usize>,
}

/// Reads the body; `request` makes a request of what one of them says.
pub fn parse(
    body: &[u8],
    request: impl Fn(&Head<'_>, &[u8]) -> Result<RestRequest, RestError>,
) -> Result<Vec<RestRequest>, BatchRefusal> {
    let parsed: Requests<'_> = serde_json::from_slice(body).map_err(|_| RestError::Body(BodyError::Json))?;
    if parsed.requests.len() > MOST {
        return Err(RestError::NotImplemented(format!("a batch has at most {MOST} requests")).into());
    }
    let one = |(place, item): (usize, &Item<'_>)| {
        parse_item(item, &request).map_err(|error| BatchRefusal { error, place: Some(place) })
    };
    parsed.requests.iter().enumerate().map(one).collect()
}

fn parse_item(
    item: &Item<'_>,
    request: &impl Fn(&Head<'_>, &[u8]) -> Result<RestRequest, RestError>,
) -> Result<RestRequest, RestError> {
    let refuse = |what: &str| Err(RestError::NotImplemented(what.to_string()));
    let method = match item.method.to_ascii_uppercase().parse::<Method>() {
        Ok(
            method @ (Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PATCH
            | Method::PUT
            | Method::DELETE),
        ) => method,
        _ => return refuse("a batch takes GET, HEAD, POST, PATCH, PUT and DELETE"),
    };
    let (path, query) = item.path.split_once('?').unwrap_or((&item.path, ""));
    let path = path.strip_prefix('/').unwrap_or(path);
    let Ok(relation) = percent_decode_str(path).decode_utf8() else {
        return refuse("a path in a batch is a relation's, as /todos?id=eq.1");
    };
    if path.is_empty() || path.contains('/') {
        return refuse("a path in a batch is a relation's, as /todos?id=eq.1");
    }
    let mut headers = HeaderMap::new();
    for (name, value) in &item.headers {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => headers.append(name, value),
            _ => return refuse("a batch has a header that no request could have"),
        };
    }
    let body = item.body.map_or("", RawValue::get);
    // A string is the body's text, as CSV is; anything else is the body itself.
    let text =
        if body.starts_with('"') && !is_json(&headers) { serde_json::from_str(body).ok() } else { None };
    let body = text.unwrap_or_else(|| body.to_string());
    let parsed =
        request(&Head { method: &method, relation: &relation, query, headers: &headers }, body.as_bytes())?;
    match (parsed.media.is_plan(), parsed.preferences.rolls_back.filter(|_| parsed.may_roll_back)) {
        (true, _) => refuse("plans in a batch are not supported"),
        (_, Some(true)) => refuse("tx=rollback in a batch is not supported"),
        _ => Ok(parsed),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get("content-type").is_none_or(|of| of.as_bytes().starts_with(b"application/json"))
}

/// What became of a batch that took effect.
pub struct Answers {
    answers: Vec<Result<Answer, RestError>>,
    cost: Vec<(HeaderName, String)>,
}

/// Runs them all in one database batch. The catalog is loaded anew once, as for a single request.
pub async fn answer_all(
    app: &App,
    caller: &Caller,
    requests: &[RestRequest],
) -> Result<Answers, BatchRefusal> {
    match attempt_all(app, caller, requests).await {
        Err((Attempt::Stale, _)) => app.catalog.forget(),
        outcome => return outcome.map_err(BatchRefusal::from),
    }
    attempt_all(app, caller, requests).await.map_err(BatchRefusal::from)
}

type Failed = (Attempt, Option<usize>);

async fn attempt_all(app: &App, caller: &Caller, requests: &[RestRequest]) -> Result<Answers, Failed> {
    let database = app.ports.database.as_ref();
    let catalog = app.catalog.get(database).await.map_err(|error| (explain::plainly(&error).into(), None))?;
    let (mut prepared, mut statements) = (Vec::new(), Vec::new());
    for (place, request) in requests.iter().enumerate() {
        match prepare(&catalog, app, caller, request, Packing::Apart) {
            Ok((plan, mut batch)) => {
                let own = std::mem::take(&mut batch.statements);
                prepared.push((request, plan, batch, statements.len(), own.len()));
                statements.extend(own);
            }
            Err(error) => {
                let may_be_old = error.is_about_the_schema();
                if may_be_old && moved(app, &catalog).await.map_err(|error| (error.into(), None))? {
                    return Err((Attempt::Stale, None));
                }
                return Err((error.into(), Some(place)));
            }
        }
    }
    if statements.is_empty() {
        return Ok(Answers { answers: Vec::new(), cost: Vec::new() });
    }
    let results = match database.batch(statements).await {
        Ok(results) => results,
        Err(error) if is_stale(&error) => return Err((Attempt::Stale, None)),
        Err(DbError::Other(_)) if moved(app, &catalog).await.map_err(|error| (error.into(), None))? => {
            return Err((Attempt::Stale, None));
        }
        Err(error) => {
            let plans: Vec<&Plan<'_>> = prepared.iter().map(|(_, plan, ..)| plan).collect();
            let place = explain::culprit(&error, &catalog, &plans);
            let plan = place.and_then(|place| plans.get(place)).or(plans.first());
            let error = match plan {
                Some(plan) => explain::failure(&error, &catalog, plan),
                None => explain::plainly(&error),
            };
            return Err((error.into(), place));
        }
    };
    let one = |(request, plan, batch, start, length): &(&RestRequest, Plan<'_>, Batch, usize, usize)| {
        if batch.rows.is_empty() {
            return response::idle(request);
        }
        response::answer(request, plan, batch, results.get(*start..start + length).unwrap_or_default())
    };
    let cost = if app.config.rest.says_cost { cost::headers(&results).into() } else { Vec::new() };
    Ok(Answers { answers: prepared.iter().map(one).collect(), cost })
}

/// One answer of several.
#[derive(Serialize)]
struct Envelope {
    status: u16,
    headers: IndexMap<String, String>,
    body: Option<Box<RawValue>>,
}

/// `[{"status":201,"headers":{…},"body":[…]},…]`.
pub fn into_response(Answers { answers, cost }: Answers, anonymous: bool) -> Response {
    let asked =
        Asked { method: Method::POST, path: "/rest/v1/batch".to_string(), api_version: None, anonymous };
    let one = |answer: Result<Answer, RestError>| {
        enveloped(answer.map_or_else(|error| error.render(&asked), Answer::into_response))
    };
    let response = json_response(StatusCode::OK, &answers.into_iter().map(one).collect::<Vec<_>>());
    cost.into_iter().fold(response, |response, (name, value)| response.with_header(name, value))
}

fn enveloped(response: Response) -> Envelope {
    let (parts, body) = response.into_parts();
    let text = match body {
        Body::Text(text) => Some(text.read()),
        Body::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Body::Empty | Body::Stream(_) => None,
    };
    let is_json =
        parts.headers.get("content-type").is_some_and(|of| of.to_str().is_ok_and(|of| of.contains("json")));
    let body = text.and_then(|text| match is_json {
        true => RawValue::from_string(text).ok(),
        false => to_raw_value(&text).ok(),
    });
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), value.to_str().unwrap_or_default().to_string())
    };
    Envelope { status: parts.status.as_u16(), headers: parts.headers.iter().map(header).collect(), body }
}

impl Failure for BatchRefusal {
    fn render(&self, asked: &Asked) -> Response {
        let response = self.error.render(asked);
        match self.place {
            Some(place) => {
                response.with_header(HeaderName::from_static("x-edgeward-request"), place.to_string())
            }
            None => response,
        }
    }
}

impl From<RestError> for BatchRefusal {
    fn from(error: RestError) -> Self {
        Self { error, place: None }
    }
}

impl From<Failed> for BatchRefusal {
    fn from((attempt, place): Failed) -> Self {
        Self { error: attempt.into(), place }
    }
}
