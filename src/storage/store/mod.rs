//! The SQL of storage, and running it: one guarded batch for each step.

pub mod bucket;
pub mod check;
pub mod edge_answer;
pub mod event;
pub mod garbage;
pub mod lifecycle;
pub mod list;
pub mod multipart;
pub mod object;
pub mod purge;
pub mod s3_list;
pub mod tus;
pub mod uploads;
pub mod walk;
pub mod write;

use super::access::Access;
use super::{Storage, StorageError, edge_answer as answers};
use crate::ports::{DbError, ResultSet};
use crate::schema::{self, STALE_CATALOG};
use crate::sql::Statement;

/// What a batch gave back, statement by statement.
pub struct Results(Vec<Box<dyn ResultSet>>);

impl Results {
    /// The result of the nth statement, from 0.
    pub fn at(&self, index: usize) -> Result<&(dyn ResultSet + 'static), StorageError> {
        let result = self.0.get(index).map(AsRef::as_ref);
        result.ok_or_else(|| StorageError::Internal(format!("the batch has no statement {index}")))
    }
}

/// Runs one batch planned against the catalog's policies. When the schema has moved since this
/// isolate read it, nothing took effect and the batch is planned once more. Where the edge answers by itself
/// ([`answers`]), it is told what has changed before this returns.
pub async fn batch(
    storage: &Storage,
    plan: impl Fn(&Access<'_>) -> Result<Vec<Statement>, StorageError>,
) -> Result<Results, StorageError> {
    let (cache, database) = (&storage.app.catalog, storage.app.ports.database.as_ref());
    let tells_edge = storage.app.config.storage.edge_answers.is_some();
    let mut may_retry = true;
    loop {
        let catalog = cache.get(database).await?;
        let mut statements = vec![schema::guard(catalog.version)];
        statements.extend(plan(&Access { catalog: &catalog, caller: &storage.caller })?);
        if tells_edge {
            statements.push(edge_answer::due(&storage.app.now().to_postgres()));
        }
        match database.batch(statements).await {
            Ok(mut results) => {
                if let Some(due) = results.pop_if(|_| tells_edge) {
                    answers::settle(storage, due.as_ref()).await;
                }
                return Ok(Results(results.into_iter().skip(1).collect()));
            }
            Err(DbError::Raised(payload)) if payload == STALE_CATALOG && may_retry => {
                cache.forget();
                may_retry = false;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads one row, whose `catalog_version` is the catalog's: planned against the catalog's policies like a [`batch`], in a single statement.
pub async fn look(
    storage: &Storage,
    plan: impl Fn(&Access<'_>) -> Result<Statement, StorageError>,
) -> Result<Box<dyn ResultSet>, StorageError> {
    let (cache, database) = (&storage.app.catalog, storage.app.ports.database.as_ref());
    for _ in 0..2 {
        let catalog = cache.get(database).await?;
        let statement = plan(&Access { catalog: &catalog, caller: &storage.caller })?;
        let row = database.batch(vec![statement]).await?.pop();
        let row = row.ok_or_else(|| StorageError::Internal("the batch gave no result".into()))?;
        let is_current = row.number(0, "catalog_version").and_then(|version| i64::try_from(version).ok());
        if row.is_empty() || is_current == Some(catalog.version) {
            return Ok(row);
        }
        cache.forget();
    }
    Err(DbError::Raised(STALE_CATALOG.to_string()).into())
}

/// A stored time as the Storage API prints it: `2026-01-02T03:04:05.120Z`.
fn time(column: &str) -> String {
    format!("strftime('%Y-%m-%dT%H:%M:%fZ', {column})")
}
