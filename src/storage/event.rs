//! Events of objects: `ObjectCreated:*` and `ObjectRemoved:*`, told to webhooks and a queue.
//!
//! An event is a row written in the batch that changed the object, so it exists exactly when the change does, and after the
//! object's bytes. It is delivered after the response, and by the schedule until it has been: at least once, and its `id`
//! tells a repetition. A target that keeps failing is asked ever more rarely, and given up after days.

use ::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::store::{self, Results};
use super::{Storage, StorageError};
use crate::app::App;
use crate::crypto::hmac_sha256;
use crate::ports::{OutgoingRequest, PortError};

/// Events delivered in one step.
const STEP: u32 = 20;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Uploaded, new or over another.
    Put,
    /// Made by copying.
    Copied,
    /// Came here by a move.
    MovedHere,
    /// Removed.
    Removed,
    /// Went elsewhere by a move.
    MovedAway,
    /// Removed by a lifecycle rule.
    Expired,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] =
        [Self::Put, Self::Copied, Self::MovedHere, Self::Removed, Self::MovedAway, Self::Expired];

    /// As events and targets have it.
    #[rustfmt::skip]
    pub fn name(self) -> &'static str {
        match self {
            Self::Put       => "ObjectCreated:Put",
            Self::Copied    => "ObjectCreated:Copy",
            Self::MovedHere => "ObjectCreated:Move",
            Self::Removed   => "ObjectRemoved:Delete",
            Self::MovedAway => "ObjectRemoved:Move",
            Self::Expired   => "ObjectRemoved:Expire",
        }
    }

    /// What a target says for all kinds of its family.
    pub fn family(self) -> &'static str {
        if self.name().starts_with("ObjectCreated") { "ObjectCreated:*" } else { "ObjectRemoved:*" }
    }
}

/// An event to deliver.
#[derive(Deserialize)]
struct Due {
    id: u64,
    target_id: String,
    event: String,
    event_id: String,
    url: Option<String>,
}

/// After the response: delivers the events that these statements of a batch wrote, if they wrote any.
pub fn deliver_later(storage: &Storage, results: &Results, written: &[usize]) -> Result<(), StorageError> {
    let mut is_any = false;
    for index in written {
        is_any |= !results.at(*index)?.is_empty();
    }
    if !is_any {
        return Ok(());
    }
    let app = storage.app.clone();
    let work = async move {
        if let Err(error) = deliver(&app).await {
            log(&app, "events of objects wait for the schedule", error.cause());
        }
    };
    storage.background.run(work.boxed_local());
    Ok(())
}

/// Delivers all events that are due; gives how many were. Stopping anywhere leaves the rest for the next time.
pub async fn deliver(app: &App) -> Result<usize, StorageError> {
    let mut delivered = 0;
    loop {
        // Claimed before they are sent, so that two who deliver at once rarely tell the same.
        let claim = store::event::claim(&app.now().to_postgres(), STEP);
        let results = app.ports.database.batch(vec![claim]).await?;
        let mut due: Vec<Due> = results.first().map_or_else(|| Ok(Vec::new()), |result| result.decode())?;
        due.sort_by_key(|event| event.id);
        if due.is_empty() {
            return Ok(delivered);
        }
        let mut done = Vec::new();
        for event in &due {
            match tell(app, event).await {
                Ok(()) => done.push(event.id),
                Err(PortError(cause)) => log(app, "an event of an object was not delivered", Some(&cause)),
            }
        }
        delivered += done.len();
        if !done.is_empty() {
            app.ports.database.batch(vec![store::event::forget(&json!(done).to_string())]).await?;
        }
    }
}

/// Gives up events that nobody took for days; gives how many.
pub async fn give_up(app: &App) -> Result<usize, StorageError> {
    let results = app.ports.database.batch(vec![store::event::give_up()]).await?;
    let given_up = results.first().map_or(0, |result| result.len());
    if given_up > 0 {
        log(app, "events of objects were given up", Some(&given_up.to_string()));
    }
    Ok(given_up)
}

async fn tell(app: &App, due: &Due) -> Result<(), PortError> {
    let event = RawValue::from_string(due.event.clone()).map_err(|error| PortError(error.to_string()))?;
    let sent_at = app.now();
    let body = json!({
        "type": "Webhook",
        "event": event,
        "sentAt": sent_at.to_milliseconds(),
    });
    let body = body.to_string();
    let Some(url) = &due.url else {
        let queue = app.ports.event_queue.as_ref();
        return queue.ok_or_else(|| PortError("no queue is bound".into()))?.send(&body).await;
    };
    let id = due.event_id.clone();
    let seconds = sent_at.seconds().to_string();
    let signature = hmac_sha256(&key(app, &due.target_id), format!("{id}.{seconds}.{body}").as_bytes());
    let request = OutgoingRequest {
        method: Method::POST,
        url: url.clone(),
        headers: vec![
            ("content-type", "application/json".to_string()),
            ("webhook-id", id),
            ("webhook-timestamp", seconds),
            ("webhook-signature", format!("v1,{}", STANDARD.encode(signature))),
        ],
        body,
    };
    let answer = app.ports.http_client.send(request).await?;
    if answer.is_success() { Ok(()) } else { Err(PortError(format!("{url} answered {}", answer.status))) }
}

/// What a target's webhooks are signed with (Standard Webhooks): made from the project's secret, so it is stored nowhere.
pub fn secret(app: &App, target: &str) -> String {
    format!("whsec_{}", STANDARD.encode(key(app, target)))
}

fn key(app: &App, target: &str) -> [u8; 32] {
    hmac_sha256(app.config.jwt_secret.as_bytes(), format!("storage events {target}").as_bytes())
}

fn log(app: &App, message: &str, cause: Option<&str>) {
    let line = json!({
        "at": app.now().to_milliseconds(), "level": "error", "message": message, "cause": cause,
    });
    app.ports.log.line(&line.to_string());
}
