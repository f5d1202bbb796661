//! Begins anew: the project's tables, accounts and files go, the system's own tables stay, empty.
//!
//! One batch, guarded by the catalog's version like a migration: all of it or nothing. The bytes of
//! files become garbage in the same batch and are swept later.

use super::store::reset as store;
use super::{AdminError, apply};
use crate::app::App;
use crate::schema;

/// How often a reset that met a migration starts over.
const ATTEMPTS: usize = 3;

/// Removes everything the project has put into its database. Gives how many tables went.
pub async fn reset(app: &App) -> Result<usize, AdminError> {
    let mut attempt = 1;
    loop {
        match reset_now(app).await {
            Err(error) if apply::is_stale(&error) && attempt < ATTEMPTS => attempt += 1,
            done => return done,
        }
    }
}

async fn reset_now(app: &App) -> Result<usize, AdminError> {
    let database = app.ports.database.as_ref();
    let before = schema::load(database).await?;
    let objects = store::objects(database).await?;
    let after = schema::Catalog {
        version: before.version,
        publications: schema::publications(),
        ..schema::Catalog::default()
    };
    let mut batch = schema::save(&before, &after).map_err(AdminError::internal)?;
    batch.extend(objects.drop_all());
    batch.extend(store::empty_system_tables());
    database.batch(batch).await?;
    app.catalog.forget();
    Ok(objects.tables.len())
}
