//! What becomes of old objects by itself: rules of buckets, obeyed by the schedule.
//!
//! An object's age counts from when it was last written or moved, as in S3. Expired objects go as removed ones do. For
//! Infrequent Access the bytes are stored again under a new version, and the row takes it only if nobody wrote meanwhile.

use serde::{Deserialize, Serialize};

use super::event::Kind;
use super::store::{self, lifecycle::Aged};
use super::{StorageError, event, garbage};
use crate::app::App;
use crate::crypto::random_uuid;

/// Objects that expire in one batch.
const EXPIRED_AT_ONCE: u32 = 500;

/// Objects whose bytes are stored again in one run: each takes two calls of the store.
const ARCHIVED_AT_ONCE: u32 = 20;

/// A rule: at least one of its numbers is there.
#[derive(Debug, Deserialize, Serialize)]
pub struct Rule {
    /// Its name, chosen by whoever makes it.
    pub id: String,
    /// The bucket's id.
    pub bucket: String,
    /// What names of objects start with.
    pub prefix: String,
    /// Days after which an object is removed.
    pub expire_days: Option<u32>,
    /// Days after which its bytes move to Infrequent Access.
    pub infrequent_access_days: Option<u32>,
    /// Days after which an upload of several requests that is not finished is given up.
    pub abort_uploads_days: Option<u32>,
}

/// Adds a rule or replaces it.
pub async fn set(app: &App, rule: &Rule) -> Result<(), StorageError> {
    let days = [rule.expire_days, rule.infrequent_access_days, rule.abort_uploads_days];
    if days.iter().all(Option::is_none) {
        return Err(StorageError::InvalidRequest(
            "body must have required property 'expire_days', 'infrequent_access_days' or 'abort_uploads_days'"
                .into(),
        ));
    }
    app.ports.database.batch(vec![store::lifecycle::set(rule, &app.now().to_postgres())]).await?;
    Ok(())
}

/// All rules.
pub async fn list(app: &App) -> Result<Vec<Rule>, StorageError> {
    let results = app.ports.database.batch(vec![store::lifecycle::rules()]).await?;
    Ok(results.first().map_or_else(|| Ok(Vec::new()), |result| result.decode())?)
}

/// Removes a rule.
pub async fn remove(app: &App, id: &str) -> Result<(), StorageError> {
    let results = app.ports.database.batch(vec![store::lifecycle::remove(id)]).await?;
    let is_there = results.first().is_some_and(|result| !result.is_empty());
    if is_there { Ok(()) } else { Err(StorageError::NoSuchSetting) }
}

/// Obeys all rules; gives how many objects were removed or moved, and uploads given up. Stopping anywhere leaves the rest for the next time.
pub async fn obey(app: &App) -> Result<usize, StorageError> {
    let mut done = 0;
    for rule in list(app).await? {
        if let Some(days) = rule.expire_days {
            done += expire(app, &rule, days).await?;
        }
        if let Some(days) = rule.infrequent_access_days {
            done += archive(app, &rule, days).await?;
        }
        if let Some(days) = rule.abort_uploads_days {
            done += abort_uploads(app, &rule, days).await?;
        }
    }
    Ok(done)
}

async fn expire(app: &App, rule: &Rule, days: u32) -> Result<usize, StorageError> {
    let mut expired = 0;
    loop {
        let now = app.now();
        let aged = aged(app, rule, days, EXPIRED_AT_ONCE);
        let statements = store::lifecycle::expire(&aged, Kind::Expired, &now.to_postgres());
        let results = app.ports.database.batch(statements.into()).await?;
        let removed = results.last().map_or(0, |result| result.len());
        expired += removed;
        if removed < EXPIRED_AT_ONCE as usize {
            break;
        }
    }
    if expired > 0 {
        garbage::sweep(app).await?;
        event::deliver(app).await?;
    }
    Ok(expired)
}

#[derive(Deserialize)]
struct Candidate {
    id: String,
    version: String,
}

async fn archive(app: &App, rule: &Rule, days: u32) -> Result<usize, StorageError> {
    let aged = aged(app, rule, days, ARCHIVED_AT_ONCE);
    let results = app.ports.database.batch(vec![store::lifecycle::standard(&aged)]).await?;
    let candidates: Vec<Candidate> =
        results.first().map_or_else(|| Ok(Vec::new()), |result| result.decode())?;
    let mut archived = 0;
    for candidate in candidates {
        let version = random_uuid(app.ports.random.as_ref()).to_string();
        let expected = store::garbage::expect(&version, &garbage::upload_expires_at(app));
        app.ports.database.batch(vec![expected]).await?;
        if !app.ports.blobs.archive(&candidate.version, &version).await? {
            // No bytes to archive; the note of the new version ends by itself.
            continue;
        }
        let statements = store::lifecycle::take(&candidate.id, &candidate.version, &version);
        let results = app.ports.database.batch(statements.into()).await?;
        archived += results.get(1).map_or(0, |result| result.len());
    }
    if archived > 0 {
        garbage::sweep(app).await?;
    }
    Ok(archived)
}

/// Those that nobody is writing just now.
async fn abort_uploads(app: &App, rule: &Rule, days: u32) -> Result<usize, StorageError> {
    let aged = aged(app, rule, days, 0);
    let statement = store::lifecycle::abort_uploads(&aged, &app.now().to_postgres());
    let results = app.ports.database.batch(vec![statement]).await?;
    let aborted = results.first().map_or(0, |result| result.len());
    if aborted > 0 {
        garbage::sweep(app).await?;
    }
    Ok(aborted)
}

fn aged<'a>(app: &App, rule: &'a Rule, days: u32, most: u32) -> Aged<'a> {
    let before = app.now().plus_seconds(-i64::from(days) * 24 * 60 * 60).to_postgres();
    Aged { bucket: &rule.bucket, prefix: &rule.prefix, before, most }
}
