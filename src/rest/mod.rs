//! The data API: PostgREST.
//!
//! A request is parsed without knowing the schema (`request`), planned against the catalog
//! (`plan`), compiled to one batch of SQL with the caller's policies in it (`query`), run, and its
//! rows are handed on without being read (`response`). This file is that path on one screen.

pub mod api;

mod arrange;
mod batch;
mod cost;
mod csv;
mod error;
mod explain;
mod freshness;
mod nulls;
mod openapi;
mod plan;
mod query;
mod query_plan;
mod request;
mod response;
mod setting;
mod zone;

use ::http::HeaderName;
use serde::Deserialize;

use crate::app::App;
use crate::caller::{Caller, Role};
use crate::ports::{DbError, Freshness, ResultSet};
use crate::schema::{self, Catalog, STALE_CATALOG};
use crate::sql::Statement;
use error::RestError;
use explain::Violation;
use plan::{Called, Plan};
use query::{Batch, Packing, ROLLED_BACK};
use request::{Media, Payload, Preferences, Query, RowRange};
use response::Answer;
use zone::Zone;

/// A request to a relation, parsed.
#[derive(Debug)]
pub struct RestRequest {
    /// What is to be done.
    pub action: Action,
    /// The relation's name.
    pub relation: String,
    /// The schema it is in, one of the exposed ones.
    pub schema: String,
    /// Whether the answer says which schema that was.
    pub says_schema: bool,
    /// The query string.
    pub query: Query,
    /// The query string in the one form that equal queries have.
    pub canonical_query: String,
    /// The `Prefer` headers.
    pub preferences: Preferences,
    /// The time zone of `Prefer: timezone=…`, when there is one.
    pub zone: Option<Zone>,
    /// What `Accept` came to.
    pub media: Media,
    /// The window on a read's rows.
    pub range: RowRange,
    /// Whether `Prefer: tx=…` is obeyed.
    pub may_roll_back: bool,
    /// The body of a write.
    pub payload: Payload,
    /// Whether a key of the body that is no column is rows of another table.
    pub nested: bool,
    /// What a call gives the function that `relation` names; `None` when it names a relation.
    pub called: Option<Called>,
}

/// What a method means for a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// GET and HEAD.
    Read {
        /// HEAD: nobody will see the rows.
        bodiless: bool,
    },
    /// POST.
    Insert,
    /// PATCH.
    Update,
    /// PUT: the one row that the filters name.
    Put,
    /// DELETE.
    Delete,
}

/// Answers a request in one batch. It is prepared again, twice at most, when the catalog turns out to be older than the
/// database, or when a read's rows together are longer than a value may be.
pub(crate) async fn answer(app: &App, caller: &Caller, request: &RestRequest) -> Result<Answer, RestError> {
    let mut tries = Tries { packing: Packing::Together, newest: false };
    for _ in 0..2 {
        match attempt(app, caller, request, tries).await {
            Err(Attempt::Stale) => {
                app.catalog.forget();
                // It may have been a replica that was older.
                tries.newest = true;
            }
            Err(Attempt::TooLong) => tries.packing = Packing::Apart,
            outcome => return outcome.map_err(RestError::from),
        }
    }
    attempt(app, caller, request, tries).await.map_err(RestError::from)
}

/// What an attempt learned from those before.
#[derive(Clone, Copy)]
struct Tries {
    packing: Packing,
    newest: bool,
}

/// Why an attempt gave no answer.
enum Attempt {
    /// The catalog was older than the database.
    Stale,
    /// The rows together were longer than a value may be.
    TooLong,
    /// Anything else.
    Failed(RestError),
}

async fn attempt(app: &App, caller: &Caller, request: &RestRequest, tries: Tries) -> Result<Answer, Attempt> {
    let database = app.ports.database.as_ref();
    let catalog = app.catalog.get(database).await.map_err(|error| explain::plainly(&error))?;
    let (plan, mut batch) = match prepare(&catalog, app, caller, request, tries.packing) {
        Ok(prepared) => prepared,
        // It may lack a table that another isolate's migration has just made.
        Err(error) if error.is_about_the_schema() && moved(app, &catalog).await? => {
            return Err(Attempt::Stale);
        }
        Err(error) => return Err(error.into()),
    };
    if batch.is_idle() {
        return Ok(response::idle(request)?);
    }
    if request.media.is_plan() {
        let results =
            database.batch(query::explained(&batch)).await.map_err(|error| explain::plainly(&error))?;
        return Ok(response::plan(request, &results)?);
    }
    let may_lag = app.config.rest.read_replicas && !tries.newest;
    let freshness = if may_lag { freshness::asked(&catalog, caller, &plan) } else { Freshness::Newest };
    match run(app, freshness, std::mem::take(&mut batch.statements)).await {
        Ok((results, bookmark)) => {
            let answer = response::answer(request, &plan, &batch, &results)?.with_headers(bookmark);
            let answer = match may_be_kept(&plan, caller) {
                true => answer.with_validator(caller),
                false => answer,
            };
            Ok(if app.config.rest.says_cost { answer.with_headers(cost::headers(&results)) } else { answer })
        }
        Err(DbError::Raised(text)) if text.starts_with(ROLLED_BACK) => {
            if let Some(statements) = batch.keeping_numbers(&catalog) {
                // If this fails the numbers are given again, which harms nobody.
                let _ = database.batch(statements).await;
            }
            Ok(response::rolled_back(request, &plan, text.strip_prefix(ROLLED_BACK).unwrap_or_default())?)
        }
        Err(DbError::TooLarge) if batch.together => Err(Attempt::TooLong),
        Err(error) if is_stale(&error) => Err(Attempt::Stale),
        // A replica may lack a table or column.
        Err(DbError::Other(_)) if freshness != Freshness::Newest => Err(Attempt::Stale),
        // A table or column that has gone stops a statement before it can look at the version.
        Err(DbError::Other(_)) if moved(app, &catalog).await? => Err(Attempt::Stale),
        Err(error) => {
            let violation = violation(app, caller, &catalog, &plan, &error).await;
            Err(explain::failure(&error, &catalog, &plan, violation).into())
        }
    }
}

/// Runs a batch. Where replicas may answer, the answer says how new the one was that did.
async fn run(
    app: &App,
    freshness: Freshness<'_>,
    statements: Vec<Statement>,
) -> Result<(Vec<Box<dyn ResultSet>>, Option<(HeaderName, String)>), DbError> {
    let database = app.ports.database.as_ref();
    if !app.config.rest.read_replicas {
        return database.batch(statements).await.map(|results| (results, None));
    }
    let (results, bookmark) = database.batch_from(freshness, statements).await?;
    Ok((results, bookmark.map(|bookmark| (HeaderName::from_static(freshness::BOOKMARK), bookmark))))
}

/// What a write violated, where the database does not say it. One call more, of requests that failed.
async fn violation<'c>(
    app: &App,
    caller: &Caller,
    catalog: &'c Catalog,
    plan: &Plan<'c>,
    error: &DbError,
) -> Option<Violation<'c>> {
    let Plan::Write(write) = plan else { return None };
    let mut suspects = plan::suspects(catalog, write, error);
    let shows_values = explain::shows_values(catalog, caller, write);
    if !shows_values && suspects.len() == 1 {
        return suspects.pop().map(|suspect| Violation { suspect, key: None });
    }
    let probes = query::probes(catalog, caller, write, &suspects).ok()?;
    let (suspects, statements): (Vec<_>, Vec<_>) =
        suspects.into_iter().zip(probes).filter_map(|(suspect, probe)| Some((suspect, probe?))).unzip();
    if statements.is_empty() {
        return None;
    }
    let results = app.ports.database.batch(statements).await.ok()?;
    let found = suspects.into_iter().zip(&results).filter_map(|(suspect, result)| {
        let Found { row, key } = result.first().ok()??;
        Some((
            row,
            Violation { suspect, key: if shows_values { serde_json::from_str(&key).ok() } else { None } },
        ))
    });
    found.min_by_key(|(row, _)| *row).map(|(_, violation)| violation)
}

/// The first row that violates a constraint.
#[derive(Deserialize)]
struct Found {
    row: u64,
    key: String,
}

fn prepare<'c>(
    catalog: &'c Catalog,
    app: &'c App,
    caller: &Caller,
    request: &'c RestRequest,
    packing: Packing,
) -> Result<(Plan<'c>, Batch), RestError> {
    let config = &app.config.rest;
    let plan = plan::plan(catalog, &setting::in_force(config, catalog), &config.schemas, request)?;
    let batch = query::compile(catalog, caller, &plan, packing)?;
    Ok((plan, batch))
}

/// Whether the answer may be kept and asked for again with its `ETag`: anonymous reads of tables whose comment says `@cache`.
fn may_be_kept(plan: &Plan<'_>, caller: &Caller) -> bool {
    fn all_say_so(node: &plan::Node<'_>) -> bool {
        let says = node
            .table
            .comment
            .as_deref()
            .is_some_and(|text| text.split_whitespace().any(|word| word == "@cache"));
        says && node.embeds.iter().all(|embed| all_say_so(&embed.node))
    }
    match plan {
        Plan::Read(read) => {
            caller.role == Role::Anon && !read.bodiless && read.call.is_none() && all_say_so(&read.root)
        }
        Plan::Write(_) => false,
    }
}

fn is_stale(error: &DbError) -> bool {
    *error == DbError::Raised(STALE_CATALOG.to_string())
}

/// Whether the database's schema is no longer the catalog's.
async fn moved(app: &App, catalog: &Catalog) -> Result<bool, RestError> {
    match app.ports.database.batch(vec![schema::guard(catalog.version)]).await {
        Ok(_) => Ok(false),
        Err(error) if is_stale(&error) => Ok(true),
        Err(error) => Err(explain::plainly(&error)),
    }
}

impl From<RestError> for Attempt {
    fn from(error: RestError) -> Self {
        Self::Failed(error)
    }
}

impl From<Attempt> for RestError {
    fn from(attempt: Attempt) -> Self {
        match attempt {
            Attempt::Stale => Self::Overloaded("the schema moved twice under one request".to_string()),
            Attempt::TooLong => Self::Internal("rows that come apart were too long together".to_string()),
            Attempt::Failed(error) => error,
        }
    }
}
