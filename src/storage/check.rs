//! Reconciling rows and bytes: what the object store has that no row names, and rows whose bytes are missing or of
//! another size.
//!
//! One call looks at one page of the store's keys and at the rows whose versions lie within, so a store of any size is
//! checked in as many calls. Nothing is changed unless it is asked for, and nothing that may still be in the making is
//! touched: what is younger than an upload may take, or stands among what is to go.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::store;
use super::{StorageError, edge_answer, garbage};
use crate::app::App;

/// Keys looked at in one call.
const PAGE: u32 = 1000;

/// How old bytes without a row must be before they count as stray.
const STRAY_SECONDS: i64 = 25 * 60 * 60;

/// What is asked for.
#[derive(Debug, Default)]
pub struct Check {
    /// Where the last page ended.
    pub after: Option<String>,
    /// Whether stray bytes are deleted.
    pub repair_bytes: bool,
    /// Whether rows without bytes are removed.
    pub repair_rows: bool,
}

/// What was found on a page.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Keys looked at.
    pub keys: usize,
    /// Rows looked at.
    pub rows: usize,
    /// Versions in the store that no row names.
    pub stray_bytes: Vec<String>,
    /// Rows whose bytes are not in the store.
    pub missing_bytes: Vec<Found>,
    /// Rows that say another size than the store.
    pub wrong_sizes: Vec<Found>,
    /// Rows without a version, such as a seed writes: on the last page.
    pub rows_without_version: u64,
    /// Stray versions that were deleted, and rows that were removed.
    pub repaired: usize,
    /// Where the next page begins; nothing after the last.
    pub next: Option<String>,
}

/// A row that is not as it should be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Found {
    /// The row's id.
    pub id: String,
    /// The bucket's.
    pub bucket: String,
    /// The object's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The size it says.
    pub size: Option<u64>,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

/// Checks one page.
pub async fn check(app: &App, check: &Check) -> Result<Report, StorageError> {
    let listed = app.ports.blobs.list(check.after.as_deref(), PAGE).await?;
    let last = listed.last().map(|(key, _)| key.clone()).filter(|_| listed.len() >= PAGE as usize);
    // Listed before the rows are read: what was removed meanwhile stands among what is to go, what was written is young.
    let statements = vec![
        store::check::rows(check.after.as_deref(), last.as_deref()),
        store::check::expected(check.after.as_deref(), last.as_deref()),
        store::check::without_version(),
    ];
    let mut results = app.ports.database.batch(statements).await?.into_iter();
    let mut next = || results.next().ok_or_else(|| StorageError::Internal("a result is missing".into()));
    let rows: Vec<Found> = next()?.decode()?;
    let expected: Vec<Version> = next()?.decode()?;
    let without_version: Option<Count> = next()?.first()?;

    let stored: BTreeMap<&str, _> = listed.iter().map(|(key, metadata)| (key.as_str(), metadata)).collect();
    let mut known: BTreeSet<&str> = rows.iter().map(|row| row.version.as_str()).collect();
    known.extend(expected.iter().map(|row| row.version.as_str()));
    let old = app.now().plus_seconds(-STRAY_SECONDS);
    let is_stray =
        // What has a slash is no version of an object: the audit log's.
        |key: &&str| !key.contains('/') && !known.contains(key) && stored.get(key).is_some_and(|blob| blob.uploaded < old);
    let mut report = Report {
        keys: listed.len(),
        rows: rows.len(),
        stray_bytes: stored.keys().filter(|key| is_stray(key)).map(ToString::to_string).collect(),
        rows_without_version: without_version.filter(|_| last.is_none()).map_or(0, |count| count.count),
        next: last.clone(),
        ..Report::default()
    };
    for row in &rows {
        match stored.get(row.version.as_str()) {
            Some(blob) if row.size.is_some_and(|size| size != blob.size) => {
                report.wrong_sizes.push(row.clone())
            }
            Some(_) => {}
            // The row may be younger than the list.
            None if app.ports.blobs.head(&row.version).await?.is_none() => {
                report.missing_bytes.push(row.clone())
            }
            None => {}
        }
    }
    report.repaired = repair(app, check, &report).await?;
    Ok(report)
}

async fn repair(app: &App, check: &Check, report: &Report) -> Result<usize, StorageError> {
    let mut repaired = 0;
    if check.repair_bytes && !report.stray_bytes.is_empty() {
        // Noted first, in the way of everything that is to go: a row that came to name one keeps it.
        let note = store::check::discard_stray(&json(&report.stray_bytes)?);
        let results = app.ports.database.batch(vec![note]).await?;
        repaired += results.first().map_or(0, |result| result.len());
        garbage::sweep(app).await?;
    }
    if check.repair_rows && !report.missing_bytes.is_empty() {
        let versions: Vec<&String> = report.missing_bytes.iter().map(|row| &row.version).collect();
        let results = app.ports.database.batch(vec![store::check::remove_rows(&json(&versions)?)]).await?;
        repaired += results.first().map_or(0, |result| result.len());
        edge_answer::settle_all(app).await?;
    }
    Ok(repaired)
}

fn json(versions: &impl Serialize) -> Result<String, StorageError> {
    serde_json::to_string(versions).map_err(|error| StorageError::Internal(error.to_string()))
}
