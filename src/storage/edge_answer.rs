//! Answers that the edge gives by itself: public downloads under their own URLs, for as long as their `Cache-Control` says.
//!
//! Not [`super::edge`], which asks the row first and cannot be wrong. Here nobody is asked, so whatever changes has to be told: a trigger
//! notes it in the transaction of the change, and before the write is answered the entry goes from this data centre's cache and, by the
//! purge API of the Worker's zone, from all others'. That API reaches entries of the Cache API by their tags, not by their URLs. What it
//! does not take stays noted and is told again: after the response, by the next write, by the schedule.

use ::http::header::HeaderName;
use ::http::{HeaderMap, HeaderValue, Method};
use futures_util::FutureExt;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::download::Found;
use super::key::{COMPONENT, ObjectPath};
use super::{Storage, StorageError, edge, garbage, store};
use crate::app::App;
use crate::config::EdgeAnswers;
use crate::crypto::{hex, sha256};
use crate::ports::{Body, OutgoingRequest, ResultSet};

/// What `encodeURI` leaves as it is, but for what ends a path.
const PATH: &AsciiSet = &COMPONENT
    .remove(b';')
    .remove(b',')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'$');

/// An entry lives no longer, whatever its object says: should its end be missed, this one comes.
const LONGEST_SECONDS: u64 = 24 * 60 * 60;

/// Milliseconds before each try to tell the edge while the client waits, and after it was answered.
const TRIES: [u64; 3] = [0, 250, 1000];
const LATER_TRIES: [u64; 2] = [3000, 9000];

/// How long one try may take, in milliseconds.
const PATIENCE: u64 = 2500;

/// Tags in one call of the purge API.
const TAGS_AT_ONCE: usize = 100;

/// More changed objects of a bucket than these are told as the bucket: a Worker may make only so many calls.
const OBJECTS_AT_ONCE: usize = 20;

/// What the edge has to be told.
#[derive(Deserialize)]
pub struct Change {
    id: String,
    bucket: String,
    name: String,
}

#[derive(Deserialize)]
struct Present {
    version: Option<String>,
    metadata: Option<String>,
}

/// The one URL under which the edge may answer for an object, as supabase-js writes it; `None` without that setting.
pub fn url(app: &App, path: &ObjectPath) -> Option<String> {
    let edge = app.config.storage.edge_answers.as_ref()?;
    let path = path.to_string();
    Some(format!("{}/storage/v1/object/public/{}", edge.origin, utf8_percent_encode(&path, PATH)))
}

/// The `Cache-Control` under which an object may be kept, `None` when it may not: private, large, or its uploader wants to be asked. Who
/// wants it kept for very long gets a day, and other caches do too.
pub fn cache_control(found: &Found) -> Option<String> {
    let metadata = &found.metadata;
    let fits = metadata.length().is_some_and(|size| (1..=edge::LARGEST).contains(&size));
    if !found.is_public || !fits || metadata.content_encoding.is_some() {
        return None;
    }
    let said = metadata.cache_control.as_deref()?;
    let mut shared = None;
    let mut any = None;
    let mut kept = Vec::new();
    for directive in said.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = || value.trim().parse::<u64>().ok();
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" | "private" => return None,
            "s-maxage" => shared = seconds(),
            "max-age" => {
                any = seconds();
                kept.push(directive);
            }
            _ => kept.push(directive),
        }
    }
    match shared.or(any)? {
        0 => None,
        seconds if seconds > LONGEST_SECONDS => {
            Some(format!("{}, s-maxage={LONGEST_SECONDS}", kept.join(", ")))
        }
        _ => Some(said.to_string()),
    }
}

/// Keeps an answer with these headers under its URL while its body is sent. When it is kept the row is looked at once more: a change
/// after that is told of, one before it may have been told too early.
pub fn keep(storage: &Storage, path: &ObjectPath, found: &Found, mut headers: HeaderMap, body: Body) -> Body {
    let app = storage.app.clone();
    let (Some(url), Some(edge)) = (url(&app, path), app.config.storage.edge_answers.as_ref()) else {
        return body;
    };
    let tags = [("", ""), (&path.bucket, ""), (&path.bucket, &path.key)]
        .map(|(bucket, name)| tag(edge, bucket, name));
    if let Ok(tags) = HeaderValue::from_str(&tags.join(",")) {
        headers.insert(HeaderName::from_static("cache-tag"), tags);
    }
    let (body, keeping) = app.ports.edge_cache.keep_answer(&url, headers, body);
    let (path, version, metadata) =
        (path.clone(), found.object.version.clone(), found.object.metadata.clone());
    let work = async move {
        keeping.await;
        let [watch, object] = store::edge_answer::watch(&path);
        let present = match app.ports.database.batch(vec![watch, object]).await {
            Ok(results) => results.last().and_then(|result| result.first::<Present>().ok().flatten()),
            Err(_) => None,
        };
        if !present.is_some_and(|present| present.version == version && present.metadata == metadata) {
            app.ports.edge_cache.forget(&url).await;
        }
    };
    storage.background.run(work.boxed_local());
    body
}

/// Tells the edge what a batch found to be due; whether it was told. What it was not is told again after the response. The batch has
/// taken effect already, so nothing here can make it fail.
pub async fn settle(storage: &Storage, due: &(dyn ResultSet + 'static)) -> bool {
    let changes: Vec<Change> = due.decode().unwrap_or_default();
    if changes.is_empty() {
        return true;
    }
    let app = storage.app.clone();
    let mut is_told = tell(&app, &changes, &TRIES).await;
    let told_at_once = is_told;
    let work = async move {
        is_told = is_told || tell(&app, &changes, &LATER_TRIES).await;
        if let Err(error) = close(&app, &changes, is_told).await {
            log(&app, error.cause());
        }
    };
    storage.background.run(work.boxed_local());
    told_at_once
}

/// For the schedule: [`settle_all`], or for a deployment without that setting the end of what it left behind.
pub async fn settle_or_retire(app: &App) -> Result<usize, StorageError> {
    if app.config.storage.edge_answers.is_none() {
        app.ports.database.batch(store::edge_answer::retire().into()).await?;
    }
    settle_all(app).await
}

/// Tells the edge all that is due, after writes that are not [`store::batch`]'s; gives how many changes.
pub async fn settle_all(app: &App) -> Result<usize, StorageError> {
    let mut told = 0;
    if app.config.storage.edge_answers.is_none() {
        return Ok(told);
    }
    loop {
        let due = app.ports.database.batch(vec![store::edge_answer::due(&app.now().to_postgres())]).await?;
        let changes: Vec<Change> = due.first().map_or_else(|| Ok(Vec::new()), |result| result.decode())?;
        if changes.is_empty() {
            return Ok(told);
        }
        let is_told = tell(app, &changes, &TRIES).await;
        close(app, &changes, is_told).await?;
        told += if is_told { changes.len() } else { 0 };
    }
}

/// Forgets changes that were told, puts others off.
async fn close(app: &App, changes: &[Change], is_told: bool) -> Result<(), StorageError> {
    let ids: Vec<&String> = changes.iter().map(|change| &change.id).collect();
    let ids = garbage::json(&ids)?;
    let statement = match is_told {
        true => store::edge_answer::forget(&ids),
        false => store::edge_answer::put_off(&ids, &app.now().to_postgres()),
    };
    app.ports.database.batch(vec![statement]).await?;
    Ok(())
}

/// Removes what changed from this data centre, and from all.
async fn tell(app: &App, changes: &[Change], pauses: &[u64]) -> bool {
    let Some(edge) = &app.config.storage.edge_answers else { return false };
    let mut buckets: Vec<&str> = Vec::new();
    for change in changes {
        if !buckets.contains(&change.bucket.as_str()) {
            buckets.push(&change.bucket);
        }
    }
    let mut tags = Vec::new();
    for bucket in buckets {
        let names = names(changes, bucket);
        if names.len() > OBJECTS_AT_ONCE || names.contains(&"") {
            tags.push(tag(edge, bucket, ""));
            continue;
        }
        for name in names {
            tags.push(tag(edge, bucket, name));
            if let Some(url) = url(app, &ObjectPath { bucket: bucket.to_string(), key: name.to_string() }) {
                app.ports.edge_cache.forget(&url).await;
            }
        }
    }
    for tags in tags.chunks(TAGS_AT_ONCE) {
        if !purge(app, edge, tags, pauses).await {
            return false;
        }
    }
    true
}

/// The different names of a bucket that changed; of many one more than are told by themselves.
fn names<'a>(changes: &'a [Change], bucket: &str) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for change in changes.iter().filter(|change| change.bucket == bucket) {
        if !names.contains(&change.name.as_str())
            && (names.len() <= OBJECTS_AT_ONCE || change.name.is_empty())
        {
            names.push(&change.name);
        }
    }
    names
}

async fn purge(app: &App, edge: &EdgeAnswers, tags: &[String], pauses: &[u64]) -> bool {
    let client = &app.ports.http_client;
    let mut cause = String::new();
    for pause in pauses {
        if *pause > 0 {
            client.pause(*pause).await;
        }
        let request = OutgoingRequest {
            method: Method::POST,
            url: edge.purge_url.clone(),
            headers: vec![
                ("authorization", format!("Bearer {}", edge.token)),
                ("content-type", "application/json".to_string()),
            ],
            body: json!({"tags": tags}).to_string(),
        };
        cause = match client.send_within(request, PATIENCE).await {
            Ok(Some(answer)) if answer.is_success() && is_success(&answer.body) => return true,
            Ok(Some(answer)) => format!("the purge API answered {}: {:.200}", answer.status, answer.body),
            Ok(None) => "the purge API did not answer".to_string(),
            Err(error) => error.0,
        };
    }
    log(app, Some(&cause));
    false
}

fn is_success(body: &str) -> bool {
    serde_json::from_str::<Value>(body).is_ok_and(|body| body.get("success") == Some(&Value::Bool(true)))
}

/// The name under which an object's, a bucket's or all entries are purged. Tags are ASCII in any case; names are not.
fn tag(edge: &EdgeAnswers, bucket: &str, name: &str) -> String {
    hex(&sha256(format!("{}\n{bucket}\n{name}", edge.origin).as_bytes())).chars().take(32).collect()
}

fn log(app: &App, cause: Option<&str>) {
    let line = json!({
        "at": app.now().to_milliseconds(),
        "level": "error",
        "message": "the edge may answer with what has changed until it is told",
        "cause": cause,
    });
    app.ports.log.line(&line.to_string());
}
