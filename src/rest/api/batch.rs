//! `POST /rest/v1/batch`: its body, `{"requests":[{"method","path","headers","body"},…]}`, and its answer.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use indexmap::IndexMap;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use super::Head;
use crate::http::{Asked, Body, Failure, Response, ResponseExt, json_response};
use crate::rest::RestRequest;
use crate::rest::batch::{Answers, BatchRefusal};
use crate::rest::error::RestError;
use crate::rest::request::BodyError;
use crate::rest::response::Answer;

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
        parse_item(item, &request)
            .map_err(|error| BatchRefusal { error: Box::new(error), place: Some(place) })
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
    let (is_call, relation) = match relation.strip_prefix("rpc/") {
        Some(function) => (true, function.to_string()),
        None => (false, relation.into_owned()),
    };
    if relation.is_empty() || relation.contains('/') {
        return refuse(
            "a path in a batch is a relation's or a function's, as /todos?id=eq.1 and /rpc/add?a=1",
        );
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
    let head = Head { method: &method, relation: &relation, is_call, query, headers: &headers };
    let parsed = request(&head, body.as_bytes())?;
    match (parsed.media.is_plan(), parsed.preferences.rolls_back.filter(|_| parsed.may_roll_back)) {
        (true, _) => refuse("plans in a batch are not supported"),
        (_, Some(true)) => refuse("tx=rollback in a batch is not supported"),
        _ => Ok(parsed),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers.get("content-type").is_none_or(|of| of.as_bytes().starts_with(b"application/json"))
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
    let asked = Asked {
        method: Method::POST,
        path: "/rest/v1/batch".to_string(),
        api_version: None,
        request_id: String::new(),
        anonymous,
    };
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
