//! Several requests to relations in one transaction. Ours; PostgREST has none.
//!
//! Each is planned like any other, and their statements run as one database batch: all take effect, in
//! their order, or none does. What only an answer can show (one row asked for and none there, an offset
//! beyond the rows) is that answer's status alone; a write checks such things in its statements.

use ::http::HeaderName;

use super::error::RestError;
use super::explain::Violation;
use super::plan::{Plan, suspects};
use super::query::{Batch, Packing};
use super::response::{self, Answer};
use super::{Attempt, RestRequest, cost, explain, is_stale, moved, prepare, run};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::{DbError, Freshness};
use crate::schema::Catalog;

/// Why none of it took effect, and which request it was, when that is known.
pub struct BatchRefusal {
    /// The error.
    pub error: Box<RestError>,
    /// From 0.
    pub place: Option<usize>,
}

/// What became of a batch that took effect.
pub struct Answers {
    /// In the requests' order.
    pub answers: Vec<Result<Answer, RestError>>,
    /// Headers that say what it cost and how new the database is, where that is wanted.
    pub cost: Vec<(HeaderName, String)>,
}

/// Runs them all in one database batch. The catalog is loaded anew once, as for a single request.
pub async fn answer_all(
    app: &App,
    caller: &Caller,
    requests: &[RestRequest],
) -> Result<Answers, BatchRefusal> {
    match attempt_all(app, caller, requests).await {
        Err((Attempt::Stale, _)) => app.catalog.forget(),
        outcome => return outcome.map_err(BatchRefusal::from),
    }
    attempt_all(app, caller, requests).await.map_err(BatchRefusal::from)
}

type Failed = (Attempt, Option<usize>);

async fn attempt_all(app: &App, caller: &Caller, requests: &[RestRequest]) -> Result<Answers, Failed> {
    let database = app.ports.database.as_ref();
    let catalog = app.catalog.get(database).await.map_err(|error| (explain::plainly(&error).into(), None))?;
    let (mut prepared, mut statements) = (Vec::new(), Vec::new());
    for (place, request) in requests.iter().enumerate() {
        match prepare(&catalog, app, caller, request, Packing::Apart) {
            Ok((plan, mut batch)) => {
                let own = std::mem::take(&mut batch.statements);
                prepared.push((request, plan, batch, statements.len(), own.len()));
                statements.extend(own);
            }
            Err(error) => {
                let may_be_old = error.is_about_the_schema();
                if may_be_old && moved(app, &catalog).await.map_err(|error| (error.into(), None))? {
                    return Err((Attempt::Stale, None));
                }
                return Err((error.into(), Some(place)));
            }
        }
    }
    if statements.is_empty() {
        return Ok(Answers { answers: Vec::new(), cost: Vec::new() });
    }
    let (results, bookmark) = match run(app, Freshness::Newest, statements).await {
        Ok(outcome) => outcome,
        Err(error) if is_stale(&error) => return Err((Attempt::Stale, None)),
        Err(DbError::Other(_)) if moved(app, &catalog).await.map_err(|error| (error.into(), None))? => {
            return Err((Attempt::Stale, None));
        }
        Err(error) => {
            let plans: Vec<&Plan<'_>> = prepared.iter().map(|(_, plan, ..)| plan).collect();
            let place = explain::culprit(&error, &catalog, &plans);
            let plan = place.and_then(|place| plans.get(place)).or(plans.first());
            let error = match plan {
                Some(plan) => {
                    // What earlier requests wrote is gone: only what is certain without looking is said.
                    let only = plan_suspect(&error, &catalog, plan).filter(|_| place.is_some());
                    explain::failure(&error, &catalog, plan, only)
                }
                None => explain::plainly(&error),
            };
            return Err((error.into(), place));
        }
    };
    let one = |(request, plan, batch, start, length): &(&RestRequest, Plan<'_>, Batch, usize, usize)| {
        if batch.rows.is_empty() {
            return response::idle(request);
        }
        response::answer(request, plan, batch, results.get(*start..start + length).unwrap_or_default())
    };
    let mut cost: Vec<_> =
        if app.config.rest.says_cost { cost::headers(&results).into() } else { Vec::new() };
    cost.extend(bookmark);
    Ok(Answers { answers: prepared.iter().map(one).collect(), cost })
}

/// The one constraint that can be meant.
fn plan_suspect<'c>(error: &DbError, catalog: &'c Catalog, plan: &Plan<'c>) -> Option<Violation<'c>> {
    let Plan::Write(write) = plan else { return None };
    let mut suspects = suspects(catalog, write, error);
    if suspects.len() > 1 {
        return None;
    }
    suspects.pop().map(|suspect| Violation { suspect, key: None })
}

impl From<RestError> for BatchRefusal {
    fn from(error: RestError) -> Self {
        Self { error: Box::new(error), place: None }
    }
}

impl From<Failed> for BatchRefusal {
    fn from((attempt, place): Failed) -> Self {
        Self { error: Box::new(attempt.into()), place }
    }
}
