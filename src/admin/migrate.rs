//! Applies a migration once: translate, then one batch of its statements, its registry rows and its
//! own row in `supabase_migrations.schema_migrations`.
//!
//! The batch is guarded by the catalog's version, so of two pushes at once one waits its turn: it
//! finds the catalog moved, reads it again, and either finds its version applied or applies it to
//! the new schema. A push whose answer was lost finds its version applied when it is repeated.

use super::apply::{apply, is_stale, translate};
use super::{AdminError, store};
use crate::app::App;
use crate::schema;

/// One file.
pub struct Migration {
    /// The digits its file name starts with.
    pub version: String,
    /// The rest of its file name.
    pub name: String,
    sql: String,
}

impl Migration {
    /// Checks the version: digits, at most 30.
    pub fn new(version: String, name: String, sql: String) -> Result<Self, AdminError> {
        let is_digits =
            !version.is_empty() && version.len() <= 30 && version.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits {
            return Err(AdminError::Body("version must be 1 to 30 digits".to_string()));
        }
        Ok(Self { version, name, sql })
    }
}

/// How often a push that met another starts over.
const ATTEMPTS: usize = 3;

/// Whether the migration was applied now; false when it already was.
pub async fn migrate(app: &App, migration: &Migration) -> Result<bool, AdminError> {
    let mut attempt = 1;
    loop {
        if store::is_applied(app.ports.database.as_ref(), &migration.version).await? {
            return Ok(false);
        }
        match apply_now(app, migration).await {
            Err(error) if is_stale(&error) && attempt < ATTEMPTS => attempt += 1,
            done => return done.map(|()| true),
        }
    }
}

async fn apply_now(app: &App, migration: &Migration) -> Result<(), AdminError> {
    // The isolate's copy may lag behind; a migration is rare enough to read the registry itself.
    let before = schema::load(app.ports.database.as_ref()).await?;
    let translation = translate(&before, &migration.sql)?;
    let texts: Vec<&str> = translation.sources.iter().map(|source| source.text.as_str()).collect();
    let texts = serde_json::to_string(&texts).map_err(AdminError::internal)?;
    let row = store::insert_migration(&migration.version, &migration.name, texts);
    let saved = schema::save(&before, &translation.catalog).map_err(AdminError::internal)?;
    apply(app, &translation, saved, vec![row]).await?;
    app.catalog.forget();
    Ok(())
}
