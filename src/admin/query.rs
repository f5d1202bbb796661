//! Runs Postgres-dialect statements as the system: no policies, one transaction.

use super::AdminError;
use super::apply::{apply, hashed, is_stale, translate};
use crate::app::App;
use crate::schema;

/// How often statements that met a migration start over.
const ATTEMPTS: usize = 3;

/// The rows of the last statement as a JSON array of objects; `[]` when it gives none.
pub async fn query(app: &App, sql: &str) -> Result<String, AdminError> {
    let mut attempt = 1;
    loop {
        match query_now(app, sql).await {
            Err(error) if is_stale(&error) && attempt < ATTEMPTS => {
                app.catalog.forget();
                attempt += 1;
            }
            done => return done,
        }
    }
}

async fn query_now(app: &App, sql: &str) -> Result<String, AdminError> {
    let before = app.catalog.get(app.ports.database.as_ref()).await?;
    let translation = match translate(&before, sql) {
        // What the isolate does not know may have come with another's migration.
        Err(AdminError::Script(error)) => {
            let newer = schema::load(app.ports.database.as_ref()).await?;
            if newer.version == before.version {
                return Err(AdminError::Script(error));
            }
            return Err(AdminError::stale());
        }
        translation => translation?,
    };
    if let Some(error) = translation.unanswered {
        return Err(AdminError::Script(Box::new(error)));
    }
    let translation = hashed(app, translation).await?;
    let changes_schema = translation.catalog != *before;
    let first = if changes_schema {
        schema::save(&before, &translation.catalog).map_err(AdminError::internal)?
    } else {
        vec![schema::guard(before.version)]
    };
    let rows = apply(app, &translation, first, Vec::new()).await?;
    if changes_schema {
        app.catalog.forget();
    }
    Ok(rows)
}
