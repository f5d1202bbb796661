//! Runs a translation in one batch, and finds the statement at fault when it fails.

use super::error::Place;
use super::{AdminError, store};
use crate::app::App;
use crate::dialect::{self, PasswordToHash, Translation};
use crate::policy;
use crate::ports::{DbError, ToBcrypt};
use crate::schema::{Catalog, STALE_CATALOG};
use crate::sql::Statement;

/// Translates a file for a schema.
pub fn translate(catalog: &Catalog, sql: &str) -> Result<Translation, AdminError> {
    dialect::translate(catalog, sql, policy::stored_caller)
        .map_err(|error| AdminError::Script(Box::new(error)))
}

/// Has the hashes made that the file's passwords are to have.
pub async fn hashed(app: &App, translation: Translation) -> Result<Translation, AdminError> {
    if translation.passwords.is_empty() {
        return Ok(translation);
    }
    let wanted = |of: &PasswordToHash| ToBcrypt { password: of.password.clone(), cost: of.cost };
    let wanted: Vec<ToBcrypt> = translation.passwords.iter().map(wanted).collect();
    let hashes = app.ports.hasher.bcrypt(&wanted).await.map_err(AdminError::internal)?;
    Ok(translation.with_hashes(&hashes))
}

/// What a hash looks like, where none is made.
const NO_HASH: &str = "$2a$06$.....................................................";

/// The same with a text that is no password's hash in the place of each, for a file that is only tried.
pub fn unhashed(translation: Translation) -> Translation {
    let hashes = vec![NO_HASH.to_string(); translation.passwords.len()];
    translation.with_hashes(&hashes)
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
pub fn is_users(error: &DbError) -> bool {
    match error {
        DbError::Raised(payload) => payload != STALE_CATALOG,
        DbError::Overloaded(_) | DbError::Timeout(_) => false,
        _ => true,
    }
}

/// The statement of the file at fault. `None` when no part of it fails by itself.
async fn place_of(app: &App, translation: &Translation) -> Option<Place> {
    let failed = failing_statement(app, &translation.statements).await?;
    let source = translation.sources.get(*translation.origins.get(failed)?)?;
    Some(Place { line: source.line, statement: source.text.clone() })
}

/// Runs statements to an end that raises, and rolls back, on purpose: whether they would run.
pub async fn rehearse(app: &App, statements: Vec<Statement>) -> Result<(), DbError> {
    match app.ports.database.batch(statements.into_iter().chain([store::end_here()]).collect()).await {
        Err(DbError::Raised(payload)) if payload == store::REACHED => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(DbError::Other("a batch that raises came to its end".into())),
    }
}

/// Which of statements that fail together is the first at fault. D1 says only what went wrong, so
/// growing parts are rehearsed. `None` when no part fails by itself.
pub async fn failing_statement(app: &App, statements: &[Statement]) -> Option<usize> {
    let (mut passed, mut failed) = (0, statements.len());
    while passed < failed {
        let middle = passed + (failed - passed) / 2;
        // Whether the statements up to and including `middle` run through.
        match rehearse(app, statements.get(..=middle)?.to_vec()).await {
            Ok(()) => passed = middle + 1,
            Err(error) if is_users(&error) => failed = middle,
            Err(_) => return None,
        }
    }
    (failed < statements.len()).then_some(failed)
}
