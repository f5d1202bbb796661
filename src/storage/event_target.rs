//! Whom events of objects are told: set up by the project's owner.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::{self, Kind};
use super::{StorageError, store};
use crate::app::App;

/// A webhook, or the queue.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// Its name, chosen by whoever makes it.
    pub id: String,
    /// A bucket's id, or all.
    pub bucket: Option<String>,
    /// What names of objects start with.
    pub prefix: String,
    /// A JSON array of kinds and families: `["ObjectCreated:*"]`.
    pub events: String,
    /// Of the webhook; the queue has none.
    pub url: Option<String>,
    /// Events that wait to be delivered.
    #[serde(default)]
    pub waiting: u64,
}

/// A target as it is answered.
#[derive(Serialize)]
pub struct Shown {
    id: String,
    bucket: Option<String>,
    prefix: String,
    events: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    queue: bool,
    /// What the webhook's requests are signed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    waiting: u64,
}

/// Adds a target or replaces it; from the next change on it is told.
pub async fn set(app: &App, target: Target) -> Result<Shown, StorageError> {
    let known = |name: &String| Kind::ALL.iter().any(|kind| kind.name() == name || kind.family() == name);
    let events: Vec<String> = serde_json::from_str(&target.events).unwrap_or_default();
    if events.is_empty() || !events.iter().all(known) {
        return Err(StorageError::InvalidRequest(
            "body/events must be some of ObjectCreated:*, :Put, :Copy, :Move, ObjectRemoved:*, :Delete, :Move, :Expire".into(),
        ));
    }
    match &target.url {
        None if app.ports.event_queue.is_none() => return Err(StorageError::NotEnabled("STORAGE_EVENTS")),
        Some(url) if !is_safe(url) => {
            return Err(StorageError::InvalidRequest(
                "body/url must be https, or http on this machine".into(),
            ));
        }
        _ => {}
    }
    app.ports.database.batch(vec![store::event::set_target(&target, &app.now().to_postgres())]).await?;
    Ok(shown(app, target))
}

/// All targets.
pub async fn list(app: &App) -> Result<Vec<Shown>, StorageError> {
    let results = app.ports.database.batch(vec![store::event::targets()]).await?;
    let targets: Vec<Target> = results.first().map_or_else(|| Ok(Vec::new()), |result| result.decode())?;
    Ok(targets.into_iter().map(|target| shown(app, target)).collect())
}

/// Removes a target with what waits for it.
pub async fn remove(app: &App, id: &str) -> Result<(), StorageError> {
    let results = app.ports.database.batch(vec![store::event::remove_target(id)]).await?;
    let is_there = results.first().is_some_and(|result| !result.is_empty());
    if is_there { Ok(()) } else { Err(StorageError::NoSuchSetting) }
}

fn shown(app: &App, target: Target) -> Shown {
    Shown {
        secret: target.url.is_some().then(|| event::secret(app, &target.id)),
        queue: target.url.is_none(),
        events: RawValue::from_string(target.events).ok(),
        id: target.id,
        bucket: target.bucket,
        prefix: target.prefix,
        url: target.url,
        waiting: target.waiting,
    }
}

/// What is told may be secret: it travels encrypted, or not at all.
fn is_safe(url: &str) -> bool {
    let host = |rest: &str| rest.split(['/', ':', '?', '#']).next().unwrap_or_default().to_string();
    match url.split_once("://") {
        Some(("https", rest)) => !host(rest).is_empty(),
        Some(("http", rest)) => ["localhost", "127.0.0.1"].contains(&host(rest).as_str()),
        _ => false,
    }
}
