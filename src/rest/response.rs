//! From the results of a batch to the response. Rows are handed on as the texts they are.

use ::http::StatusCode;
use ::http::header::{
    CACHE_CONTROL, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, LOCATION,
    VARY,
};
use bytes::Bytes;
use indexmap::IndexMap;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::RestError;
use super::plan::{Node, Plan, ReadPlan, Shape, Write};
use super::query::Batch;
use super::request::{Media, Resolution, Return};
use super::{Action, RestRequest, arrange, csv, nulls, query_plan};
use crate::caller::Caller;
use crate::crypto;
use crate::http::{Body, Response, ResponseExt, respond};
use crate::ports::ResultSet;

type Results = [Box<dyn ResultSet>];
type Rows = dyn ResultSet;

/// What a function set of the response to its call.
#[derive(Default, Deserialize)]
struct SaidOfResponse {
    status: Option<String>,
    headers: Option<String>,
}

/// What a request comes to.
pub struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, String)>,
    body: Body,
}

impl Answer {
    /// An answer with the headers that every request may have.
    fn new(request: &RestRequest, status: StatusCode, body: Body, has_body: bool) -> Self {
        let mut headers = vec![(VARY, "Accept, Prefer, Range".to_string())];
        if has_body {
            headers.push((CONTENT_TYPE, request.media.content_type().to_string()));
        }
        if has_body && request.says_schema {
            headers.push((HeaderName::from_static("content-profile"), request.schema.clone()));
        }
        let applied = applied(request);
        if !applied.is_empty() {
            headers.push((HeaderName::from_static("preference-applied"), applied.join(", ")));
        }
        Self { status, headers, body }
    }

    fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Without saying that a resolution of conflicts was applied: where nothing can conflict, none is.
    fn without_resolution(mut self) -> Self {
        for (name, value) in &mut self.headers {
            if name.as_str() == "preference-applied" && value.starts_with("resolution=") {
                *value = value.split_once(", ").map(|(_, others)| others.to_string()).unwrap_or_default();
            }
        }
        self.headers.retain(|(_, value)| !value.is_empty());
        self
    }

    /// With more headers.
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (HeaderName, String)>) -> Self {
        self.headers.extend(headers);
        self
    }

    fn with_location(self, location: String) -> Self {
        if location.len() > LONGEST_LOCATION { self } else { self.with(CONTENT_LOCATION, location) }
    }

    /// With what a function said of it, which comes before what is said without one.
    fn said(mut self, said: SaidOfResponse) -> Result<Self, RestError> {
        if let Some(status) = said.status {
            let digits: String = status.chars().take_while(char::is_ascii_digit).collect();
            let status = digits.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
            self.status = status.ok_or(RestError::SaidStatus)?;
        }
        if let Some(headers) = said.headers {
            let headers: Vec<IndexMap<String, String>> =
                serde_json::from_str(&headers).map_err(|_| RestError::SaidHeaders)?;
            let mut said_headers = Vec::new();
            for header in headers {
                let mut pairs = header.into_iter();
                let (Some((name, value)), None) = (pairs.next(), pairs.next()) else {
                    return Err(RestError::SaidHeaders);
                };
                let name = HeaderName::try_from(name.as_str()).map_err(|_| RestError::SaidHeaders)?;
                ::http::HeaderValue::from_str(&value).map_err(|_| RestError::SaidHeaders)?;
                said_headers.push((name, value));
            }
            self.headers.retain(|(name, _)| !said_headers.iter().any(|(of, _)| of == name));
            self.headers.append(&mut said_headers);
        }
        Ok(self)
    }

    /// With an `ETag` of its body; without the body when the caller has it already. Nothing is kept without asking again, so
    /// that every write shows at once.
    pub fn with_validator(mut self, caller: &Caller) -> Self {
        let bytes = match std::mem::take(&mut self.body) {
            Body::Text(text) => Bytes::from(text.read()),
            Body::Bytes(bytes) => bytes,
            body => {
                self.body = body;
                return self;
            }
        };
        let digest = crypto::sha256(&bytes);
        let tag = format!("\"{}\"", crypto::base64url(digest.get(..15).unwrap_or_default()));
        let headers = caller.request.as_ref().map(|request| &request.headers);
        let asked = headers.and_then(|headers| headers.get(IF_NONE_MATCH)).and_then(|of| of.to_str().ok());
        let known = |of: &str| of.trim() == "*" || of.trim().trim_start_matches("W/") == tag;
        if asked.is_some_and(|asked| asked.split(',').any(known)) {
            self.status = StatusCode::NOT_MODIFIED;
            self.headers.retain(|(name, _)| *name != CONTENT_TYPE);
        } else {
            self.body = Body::Bytes(bytes);
        }
        self.headers.retain(|(name, _)| *name != VARY);
        self.with(VARY, "Accept, Accept-Profile, Authorization, apikey, Prefer, Range")
            .with(CACHE_CONTROL, "no-cache")
            .with(ETAG, tag)
    }

    /// As HTTP.
    pub fn into_response(self) -> Response {
        let response = respond(self.status, self.body);
        self.headers.into_iter().fold(response, |response, (name, value)| response.with_header(name, value))
    }
}

/// The answer to a request whose batch ran.
pub fn answer(
    request: &RestRequest,
    plan: &Plan<'_>,
    batch: &Batch,
    results: &Results,
) -> Result<Answer, RestError> {
    match plan {
        Plan::Read(plan) => read(request, plan, batch, results),
        Plan::Write(write) => written(request, write, batch, results),
    }
}

/// The answer to a request for the plan of a request.
pub fn plan(request: &RestRequest, results: &Results) -> Result<Answer, RestError> {
    let text = query_plan::rendered(results, request.media == Media::PlanJson)?;
    Ok(Answer::new(request, StatusCode::OK, Body::from(text), true))
}

/// The answer to a write of nothing.
pub fn idle(request: &RestRequest) -> Result<Answer, RestError> {
    let represents = request.preferences.representation == Some(Return::Representation);
    let merges = request.preferences.resolution == Some(Resolution::MergeDuplicates);
    let status = match (request.action, represents) {
        // As of an upsert that made no row.
        (Action::Insert, _) if merges => StatusCode::OK,
        (Action::Insert, _) => StatusCode::CREATED,
        (_, true) => StatusCode::OK,
        (_, false) => StatusCode::NO_CONTENT,
    };
    let body = match (represents, request.media) {
        (true, Media::Csv) => Body::from("\n"),
        (true, Media::GeoJson) => features("[]"),
        (true, _) => Body::from("[]"),
        (false, _) => Body::Empty,
    };
    let range = request.preferences.count.map_or("*/*", |_| "*/0");
    Ok(Answer::new(request, status, body, represents).with(CONTENT_RANGE, range))
}

#[derive(Deserialize)]
struct Total {
    total: u64,
}

fn read(
    request: &RestRequest,
    plan: &ReadPlan<'_>,
    batch: &Batch,
    results: &Results,
) -> Result<Answer, RestError> {
    let rows = rows(batch, results)?;
    let count = match (batch.together, rows.as_slice()) {
        (true, [all]) => all.number(0, "count").ok_or_else(|| internal("the rows have no count"))?,
        _ => rows.iter().map(|set| set.len() as u64).sum::<u64>(),
    };
    let total = match batch.total {
        Some(place) => {
            let total = result(results, place)?.first::<Total>().map_err(internal)?;
            Some(total.map_or(0, |of| of.total))
        }
        None => None,
    };
    if plan.is_object && count != 1 {
        return Err(RestError::NotOneRow(count));
    }
    if let Some(limit) = plan.affected_limit
        && count > limit
    {
        return Err(RestError::Affected(count));
    }
    let offset = plan.root.range.offset;
    let status = match total {
        Some(total) if offset > total => return Err(RestError::OffsetBeyond { offset, total }),
        Some(total) if count < total && !plan.root.only_count && counts_rows(&plan.root) => {
            StatusCode::PARTIAL_CONTENT
        }
        _ => StatusCode::OK,
    };
    let range = content_range(offset, count, total);
    if let Some(call) = &plan.call {
        let answer = called(request, plan, call.shape, &rows, status)?.with(CONTENT_RANGE, range);
        return match batch.said {
            Some(place) => {
                answer.said(result(results, place)?.first().map_err(internal)?.unwrap_or_default())
            }
            None => Ok(answer),
        };
    }
    let body = match (batch.together, rows.as_slice()) {
        (true, [all]) => all.text(0).map_or_else(|| Body::from("[]"), Body::Text),
        _ if plan.bodiless => Body::Empty,
        _ => body(request, &rows)?,
    };
    let body = if plan.bodiless { body } else { shaped(request, &plan.root, body)? };
    Ok(Answer::new(request, status, body, true)
        .with(CONTENT_RANGE, range)
        .with_location(content_location(request)))
}

/// The longest `Content-Location`: a query that came as a body may be longer than a header can be.
const LONGEST_LOCATION: usize = 8192;
/// What a function gave.
fn called(
    request: &RestRequest,
    plan: &ReadPlan<'_>,
    shape: Shape,
    rows: &[&Rows],
    status: StatusCode,
) -> Result<Answer, RestError> {
    if shape == Shape::Nothing {
        return Ok(Answer::new(request, StatusCode::NO_CONTENT, Body::Empty, false));
    }
    let first = || rows.iter().find_map(|set| set.text(0)).map_or_else(|| Body::from("null"), Body::Text);
    let body = match request.media {
        _ if plan.bodiless => Body::Empty,
        Media::Csv => shaped(request, &plan.root, body(request, rows)?)?,
        media if shape.is_single() && media != Media::GeoJson => shaped(request, &plan.root, first())?,
        _ => shaped(request, &plan.root, body(request, rows)?)?,
    };
    Ok(Answer::new(request, status, body, true))
}

/// Whether the total is that of the answer's rows: groups are counted only where they are ours to count.
fn counts_rows(root: &Node<'_>) -> bool {
    root.distinct || !root.having.is_empty() || root.aggregates.is_empty()
}

/// `/todos?id=eq.1&select=%2A`.
fn content_location(request: &RestRequest) -> String {
    let relation = utf8_percent_encode(&request.relation, RESERVED);
    match request.canonical_query.as_str() {
        "" => format!("/{relation}"),
        query => format!("/{relation}?{query}"),
    }
}

/// What stands for itself in no part of a URI.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn written(
    request: &RestRequest,
    write: &Write<'_>,
    batch: &Batch,
    results: &Results,
) -> Result<Answer, RestError> {
    if batch.rows.is_empty() {
        return idle(request);
    }
    let sets = rows(batch, results)?;
    let represents = write.returns == Return::Representation;
    // A statement that gives nothing back still says how many rows it changed.
    let written = |set: &Rows| if set.is_empty() { set.changes() } else { set.len() as u64 };
    let count = sets.iter().copied().map(written).sum::<u64>();
    let new_places = batch.rows.iter().filter(|place| !batch.updated.contains(place));
    let new =
        new_places.filter_map(|place| results.get(*place)).map(|set| written(set.as_ref())).sum::<u64>();
    let mixed = new > 0 && new < count;
    let body = match write.merge().filter(|_| mixed) {
        _ if !represents => Body::Empty,
        _ if write.is_ordered() && count > 1 => arrange::as_ordered(&write.returning.order, &sets)?,
        Some(insert) => arrange::as_in_the_body(insert, &sets)?,
        None => body(request, &sets)?,
    };
    let only_updates = !batch.updated.is_empty() && new == 0;
    let location = location(write, &sets)?;
    written_answer(request, write, count, only_updates, body, location)
}

/// What the raised JSON says of a write that was rolled back.
#[derive(Deserialize)]
struct RolledBack {
    count: u64,
    new: u64,
    rows: Vec<Box<RawValue>>,
}

/// What the raised JSON says of a call that was rolled back.
#[derive(Deserialize)]
struct RolledBackCall {
    total: Option<u64>,
    status: Option<String>,
    headers: Option<String>,
    rows: Vec<Box<RawValue>>,
}

fn rolled_back_call(request: &RestRequest, plan: &ReadPlan<'_>, json: &str) -> Result<Answer, RestError> {
    let shape = plan.call.as_ref().map_or(Shape::Nothing, |call| call.shape);
    let RolledBackCall { total, status, headers, rows } = serde_json::from_str(json).map_err(internal)?;
    let count = rows.len() as u64;
    let first = || rows.first().map_or("null", |row| row.get()).to_string();
    let offset = plan.root.range.offset;
    let answered = match total {
        Some(total) if offset > total => return Err(RestError::OffsetBeyond { offset, total }),
        Some(total) if count < total => StatusCode::PARTIAL_CONTENT,
        _ => StatusCode::OK,
    };
    let answer = match shape {
        Shape::Nothing => Answer::new(request, StatusCode::NO_CONTENT, Body::Empty, false),
        _ => {
            let text = match shape.is_single() || plan.is_object {
                true => first(),
                false => serde_json::to_string(&rows).map_err(internal)?,
            };
            let body = shaped(request, &plan.root, Body::from(text))?;
            Answer::new(request, answered, body, true)
        }
    };
    answer.with(CONTENT_RANGE, content_range(offset, count, total)).said(SaidOfResponse { status, headers })
}

/// The answer to a write whose batch was rolled back on purpose.
pub fn rolled_back(request: &RestRequest, plan: &Plan<'_>, json: &str) -> Result<Answer, RestError> {
    let write = match plan {
        Plan::Write(write) => write,
        Plan::Read(plan) => return rolled_back_call(request, plan, json),
    };
    let RolledBack { count, new, rows } = serde_json::from_str(json).map_err(internal)?;
    let body = match (write.returns, request.media.is_object(), rows.as_slice()) {
        (Return::Minimal | Return::HeadersOnly, _, _) => Body::Empty,
        (_, true, [row]) => Body::from(row.get().to_string()),
        (_, true, _) => return Err(RestError::NotOneRow(count)),
        (_, false, rows) => Body::from(serde_json::to_string(rows).map_err(internal)?),
    };
    let location = match (write.returns, rows.as_slice()) {
        (Return::HeadersOnly, [key]) => location_of(write, key.get())?,
        _ => None,
    };
    let only_updates = write.merge().is_some() && new == 0;
    written_answer(request, write, count, only_updates, body, location)
}

fn written_answer(
    request: &RestRequest,
    write: &Write<'_>,
    count: u64,
    only_updates: bool,
    body: Body,
    location: Option<String>,
) -> Result<Answer, RestError> {
    let represents = write.returns == Return::Representation;
    let status = match request.action {
        Action::Insert if only_updates => StatusCode::OK,
        Action::Insert => StatusCode::CREATED,
        Action::Put if represents && !only_updates => StatusCode::CREATED,
        _ if represents => StatusCode::OK,
        _ => StatusCode::NO_CONTENT,
    };
    let body = if represents { shaped(request, &write.returning, body)? } else { body };
    let total = request.preferences.count.map(|_| count);
    let range = match request.action {
        Action::Update => content_range(0, count, total),
        _ => content_range(0, 0, total),
    };
    let mut answer = Answer::new(request, status, body, represents).with(CONTENT_RANGE, range);
    if request.preferences.resolution.is_some() && !write.resolves() {
        answer = answer.without_resolution();
    }
    Ok(match location {
        Some(location) => answer.with(LOCATION, location),
        None => answer,
    })
}

/// `0-9/30`, `*/0`, `*/*`.
fn content_range(offset: u64, count: u64, total: Option<u64>) -> String {
    let total = total.map_or("*".to_string(), |total| total.to_string());
    match count {
        0 => format!("*/{total}"),
        _ => format!("{offset}-{}/{total}", offset + count - 1),
    }
}

fn rows<'r>(batch: &Batch, results: &'r Results) -> Result<Vec<&'r Rows>, RestError> {
    batch.rows.iter().map(|place| result(results, *place)).collect()
}

fn result(results: &Results, place: usize) -> Result<&Rows, RestError> {
    let missing = || RestError::Internal(format!("the batch has no result {place}"));
    results.get(place).map(AsRef::as_ref).ok_or_else(missing)
}

fn internal(error: impl std::fmt::Debug) -> RestError {
    RestError::Internal(format!("{error:?}"))
}

/// All rows as one array, or the one row.
fn body(request: &RestRequest, sets: &[&Rows]) -> Result<Body, RestError> {
    if request.media.is_object() {
        let row = sets.iter().find_map(|set| set.text(0));
        return row.map(Body::Text).ok_or(RestError::NotOneRow(0));
    }
    let filled: Vec<&&Rows> = sets.iter().filter(|set| !set.is_empty()).collect();
    match filled.as_slice() {
        [] => Ok(Body::from("[]")),
        [set] => Ok(Body::Text(set.json_array())),
        sets => {
            // The rare write of several statements: their arrays become one.
            let arrays: Vec<String> = sets.iter().map(|set| set.json_array().read()).collect();
            let rows =
                arrays.iter().map(|array| array.trim_start_matches('[').strip_suffix(']').unwrap_or(array));
            Ok(Body::from(format!("[{}]", rows.collect::<Vec<_>>().join(","))))
        }
    }
}

/// The rows in the shape that was asked for; only CSV and stripping read them.
fn shaped(request: &RestRequest, node: &Node<'_>, body: Body) -> Result<Body, RestError> {
    let text = |body: Body| match body {
        Body::Text(text) => Ok(text.read()),
        Body::Bytes(bytes) => String::from_utf8(bytes.into()).map_err(internal),
        Body::Empty | Body::Stream(_) => Ok(String::new()),
    };
    let body = match &request.zone {
        Some(zone) => Body::from(zone.shown(&text(body)?)),
        None => body,
    };
    Ok(match request.media {
        Media::Csv => Body::from(csv::from_json(&node.types(), &text(body)?).map_err(internal)?),
        Media::GeoJson => features(&text(body)?),
        Media::ArrayStripped | Media::ObjectStripped => Body::from(nulls::stripped(&text(body)?)),
        Media::Json | Media::Array | Media::Object | Media::PlanText | Media::PlanJson => body,
    })
}

fn features(rows: &str) -> Body {
    Body::from(format!("{{\"type\":\"FeatureCollection\",\"features\":{rows}}}"))
}

#[derive(Deserialize)]
struct Key {
    j: String,
}

/// Where the one new row is, under `return=headers-only`.
fn location(write: &Write<'_>, sets: &[&Rows]) -> Result<Option<String>, RestError> {
    let [set] = sets else { return Ok(None) };
    if write.returns != Return::HeadersOnly || set.len() != 1 {
        return Ok(None);
    }
    let Some(key) = set.first::<Key>().map_err(internal)? else { return Ok(None) };
    location_of(write, &key.j)
}

/// `/todos?id=eq.1` from the key's values as JSON.
fn location_of(write: &Write<'_>, key: &str) -> Result<Option<String>, RestError> {
    let columns = write.face().primary_key_columns();
    if columns.is_empty() {
        return Ok(None);
    }
    let values: Vec<Option<String>> = serde_json::from_str(key).map_err(internal)?;
    let encode = |text: &str| utf8_percent_encode(text, RESERVED).to_string();
    let filters: Vec<String> = columns
        .iter()
        .zip(values)
        .map(|(column, value)| match value {
            Some(value) => format!("{}=eq.{}", encode(column), encode(&value)),
            None => format!("{}=is.null", encode(column)),
        })
        .collect();
    Ok(Some(format!("/{}?{}", encode(&write.face().name), filters.join("&"))))
}

/// The preferences that had an effect, in PostgREST's order.
fn applied(request: &RestRequest) -> Vec<String> {
    let preferences = &request.preferences;
    let inserts = matches!(request.action, Action::Insert);
    let may_lack = inserts || request.action == Action::Update;
    let writes = !matches!(request.action, Action::Read { .. });
    let limits = matches!(request.action, Action::Update | Action::Delete) || request.called.is_some();
    let strict = preferences.strict.map(|strict| if strict { "handling=strict" } else { "handling=lenient" });
    let transaction =
        preferences.rolls_back.map(|rolls_back| if rolls_back { "tx=rollback" } else { "tx=commit" });
    let missing =
        preferences.missing_default.map(|default| if default { "missing=default" } else { "missing=null" });
    [
        preferences.resolution.filter(|_| inserts).map(|of| of.word().to_string()),
        missing.filter(|_| may_lack).map(str::to_string),
        preferences.representation.filter(|_| writes).map(|of| of.word().to_string()),
        preferences.count.map(|of| of.word().to_string()),
        transaction.filter(|_| request.may_roll_back).map(str::to_string),
        strict.map(str::to_string),
        request.zone.as_ref().map(|zone| format!("timezone={}", zone.name)),
        preferences.affected_limit().filter(|_| limits).map(|limit| format!("max-affected={limit}")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
