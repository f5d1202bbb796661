//! Applies a migration once: translate, then one batch of its statements, its registry rows and its
//! own row in `supabase_migrations.schema_migrations`.
//!
//! The batch is guarded by the catalog's version, so of two pushes at once one waits its turn: it
//! finds the catalog moved, reads it again, and either finds its version applied or applies it to
//! the new schema. A push whose answer was lost finds its version applied when it is repeated.

use super::apply::{apply, hashed, is_stale, translate};
use super::store::AppliedMigration;
use super::{AdminError, store};
use crate::app::App;
use crate::{dialect, schema};

/// One file.
pub struct Migration {
    /// The digits its file name starts with.
    pub version: String,
    /// The rest of its file name.
    pub name: String,
    /// Its text, in Postgres' dialect.
    pub sql: String,
}

/// What came of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was applied now.
    Applied,
    /// It was there, with these statements.
    Present,
    /// It was there, and the file has been edited since: what it says now is not what was run.
    Changed,
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

    /// Whether the file's statements are others than those that were run; comments and blanks between
    /// them do not count.
    pub fn differs_from(&self, applied: &AppliedMigration) -> bool {
        let texts = dialect::statements(&self.sql)
            .map(|statements| statements.into_iter().map(|statement| statement.text).collect::<Vec<_>>());
        texts.map_or(true, |texts| texts != applied.statements())
    }
}

/// How often a push that met another starts over.
const ATTEMPTS: usize = 3;

/// Applies the migration unless one of its version was.
pub async fn migrate(app: &App, migration: &Migration) -> Result<Outcome, AdminError> {
    if let Some(outcome) = present(app, migration).await? {
        return Ok(outcome);
    }
    let mut attempt = 1;
    loop {
        match apply_now(app, migration).await {
            Ok(()) => return Ok(Outcome::Applied),
            Err(error) if is_stale(&error) || matches!(error, AdminError::Script(_)) => {
                // Another push of it may have come first, whose tables this one then met.
                if let Some(outcome) = present(app, migration).await? {
                    return Ok(outcome);
                }
                if !is_stale(&error) || attempt == ATTEMPTS {
                    return Err(error);
                }
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn present(app: &App, migration: &Migration) -> Result<Option<Outcome>, AdminError> {
    let applied = store::applied(app.ports.database.as_ref(), &migration.version).await?;
    let outcome = |applied: AppliedMigration| match migration.differs_from(&applied) {
        true => Outcome::Changed,
        false => Outcome::Present,
    };
    Ok(applied.map(outcome))
}

async fn apply_now(app: &App, migration: &Migration) -> Result<(), AdminError> {
    // The isolate's copy may lag behind; a migration is rare enough to read the registry itself.
    let before = schema::load(app.ports.database.as_ref()).await?;
    let translation = hashed(app, translate(&before, &migration.sql)?).await?;
    let texts: Vec<&str> = translation.sources.iter().map(|source| source.text.as_str()).collect();
    let texts = serde_json::to_string(&texts).map_err(AdminError::internal)?;
    let row = store::insert_migration(&migration.version, &migration.name, texts);
    let saved = schema::save(&before, &translation.catalog).map_err(AdminError::internal)?;
    apply(app, &translation, saved, vec![row]).await?;
    app.catalog.forget();
    Ok(())
}
