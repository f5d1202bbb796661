//! Runs a translation in one batch, and finds the statement at fault when it fails.

use super::error::Place;
use super::{AdminError, store};
use crate::app::App;
use crate::dialect::{self, Translation};
use crate::policy;
use crate::ports::DbError;
use crate::schema::{Catalog, STALE_CATALOG};
use crate::sql::Statement;

/// Translates a file for a schema.
pub fn translate(catalog: &Catalog, sql: &str) -> Result<Translation, AdminError> {
    dialect::translate(catalog, sql, policy::stored_caller)
        .map_err(|error| AdminError::Script(Box::new(error)))
}

/// Runs `first`, the translation's statements and `last` in one batch. Gives the rows of the file's
/// last statement as a JSON array.
pub async fn apply(
    app: &App,
    translation: &Translation,
    first: Vec<Statement>,
    last: Vec<Statement>,
) -> Result<String, AdminError> {
    let before = first.len();
    let batch: Vec<Statement> =
        first.into_iter().chain(translation.statements.iter().cloned()).chain(last).collect();
    let results = match app.ports.database.batch(batch).await {
        Ok(results) => results,
        Err(error) if is_users(&error) => {
            let place = place_of(app, translation).await;
            return Err(AdminError::database(error, &translation.catalog, place));
        }
        Err(error) => return Err(error.into()),
    };
    let rows = translation.answer.and_then(|answer| results.get(before + answer));
    Ok(rows.map_or_else(|| "[]".to_string(), |rows| rows.json_array().read()))
}

/// Whether the schema moved under the batch.
pub fn is_stale(error: &AdminError) -> bool {
    matches!(error, AdminError::Database { error: DbError::Raised(payload), .. } if payload == STALE_CATALOG)
}

/// Whether the file is to blame, rather than the platform or another writer.
fn is_users(error: &DbError) -> bool {
    match error {
        DbError::Raised(payload) => payload != STALE_CATALOG,
        DbError::Overloaded(_) | DbError::Timeout(_) => false,
        _ => true,
    }
}

/// The statement that fails. D1 says only what went wrong, so growing parts of the file are run to
/// an end that raises, and rolls back, on purpose. `None` when no part fails by itself.
async fn place_of(app: &App, translation: &Translation) -> Option<Place> {
    let (mut passed, mut failed) = (0, translation.statements.len());
    while passed < failed {
        let middle = passed + (failed - passed) / 2;
        // Whether the statements up to and including `middle` run through.
        let part = translation.statements.get(..=middle)?.to_vec();
        let outcome = app.ports.database.batch(part.into_iter().chain([store::end_here()]).collect()).await;
        match outcome {
            Err(DbError::Raised(payload)) if payload == store::REACHED => passed = middle + 1,
            Err(error) if is_users(&error) => failed = middle,
            _ => return None,
        }
    }
    let source = translation.sources.get(*translation.origins.get(failed)?)?;
    Some(Place { line: source.line, statement: source.text.clone() })
}
