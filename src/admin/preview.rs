//! What a push would do: which files are there, which are not, and the SQLite SQL of those.
//!
//! The files that are not there are translated one after the other and then run to an end that rolls
//! back, so what fails only on the database's rows is found as well.

use super::apply::{failing_statement, is_users, rehearse, translate, unhashed};
use super::error::Place;
use super::migrate::Migration;
use super::{AdminError, store};
use crate::app::App;
use crate::dialect::Translation;
use crate::schema;

/// How a migration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Applied as it is.
    Applied,
    /// Applied, and edited since.
    Changed,
    /// Not applied.
    Pending,
    /// Applied, and not among the files.
    Remote,
}

/// One migration.
pub struct Preview {
    /// The digits its file name starts with.
    pub version: String,
    /// The rest of its file name.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What a pending one would run. Empty after one that is refused: the schema it would meet is not known.
    pub steps: Vec<Step>,
    /// Why a pending one would be refused.
    pub refused: Option<AdminError>,
}

/// One statement of a file.
pub struct Step {
    /// Counted from 1.
    pub line: u64,
    /// As written.
    pub statement: String,
    /// What it becomes; nothing for those that only change what Edgeward knows of the schema.
    pub sqlite: Vec<String>,
}

/// Looks at all of the project's files, in the order of versions. Changes nothing.
pub async fn preview(app: &App, mut migrations: Vec<Migration>) -> Result<Vec<Preview>, AdminError> {
    let database = app.ports.database.as_ref();
    let applied = store::all_applied(database).await?;
    let mut catalog = schema::load(database).await?;
    migrations.sort_by(|one, other| one.version.cmp(&other.version));

    let mut previews: Vec<Preview> = Vec::new();
    let mut translations: Vec<(usize, Translation)> = Vec::new();
    let mut is_refused = false;
    for migration in migrations {
        let mut preview = Preview {
            state: match applied.iter().find(|applied| applied.version == migration.version) {
                Some(applied) if migration.differs_from(applied) => State::Changed,
                Some(_) => State::Applied,
                None => State::Pending,
            },
            version: migration.version,
            name: migration.name,
            steps: Vec::new(),
            refused: None,
        };
        if preview.state == State::Pending && !is_refused {
            match translate(&catalog, &migration.sql) {
                Ok(translation) => {
                    let translation = unhashed(translation);
                    catalog = translation.catalog.clone();
                    preview.steps = steps(&translation);
                    translations.push((previews.len(), translation));
                }
                Err(error) => {
                    is_refused = true;
                    preview.refused = Some(error);
                }
            }
        }
        previews.push(preview);
    }
    if let Some((index, error)) = failure(app, &translations).await? {
        previews.iter_mut().skip(index + 1).for_each(|later| later.refused = None);
        if let Some(preview) = previews.get_mut(index) {
            preview.refused = Some(error);
        }
    }
    for applied in applied {
        if !previews.iter().any(|preview| preview.version == applied.version) {
            previews.push(Preview {
                version: applied.version,
                name: applied.name.unwrap_or_default(),
                state: State::Remote,
                steps: Vec::new(),
                refused: None,
            });
        }
    }
    previews.sort_by(|one, other| one.version.cmp(&other.version));
    Ok(previews)
}

fn steps(translation: &Translation) -> Vec<Step> {
    let mut steps: Vec<Step> = translation
        .sources
        .iter()
        .map(|source| Step { line: source.line, statement: source.text.clone(), sqlite: Vec::new() })
        .collect();
    for (statement, origin) in translation.statements.iter().zip(&translation.origins) {
        if let Some(step) = steps.get_mut(*origin) {
            step.sqlite.push(statement.text.to_string());
        }
    }
    steps
}

/// The first file that the database would refuse, and why.
async fn failure(
    app: &App,
    translations: &[(usize, Translation)],
) -> Result<Option<(usize, AdminError)>, AdminError> {
    let all: Vec<_> =
        translations.iter().flat_map(|(_, translation)| translation.statements.iter().cloned()).collect();
    if all.is_empty() {
        return Ok(None);
    }
    let error = match rehearse(app, all.clone()).await {
        Ok(()) => return Ok(None),
        Err(error) if is_users(&error) => error,
        Err(error) => return Err(error.into()),
    };
    let Some(mut failed) = failing_statement(app, &all).await else { return Err(error.into()) };
    for (index, translation) in translations {
        let Some(origin) = translation.origins.get(failed) else {
            failed -= translation.statements.len();
            continue;
        };
        let place = translation
            .sources
            .get(*origin)
            .map(|source| Place { line: source.line, statement: source.text.clone() });
        return Ok(Some((*index, AdminError::database(error, &translation.catalog, place))));
    }
    Err(error.into())
}
