//! From a plan and its caller to the statements of one batch: the only place of the data API with
//! SQL text. Policies become part of every statement that touches rows.

mod aggregate;
mod call;
mod containment;
mod filter;
mod insert;
mod instead;
mod like;
mod nested;
mod numbers;
mod output;
mod payload;
mod probe;
mod proposed;
mod read;
mod rollback;
mod through;
mod triggered;
mod vectors;
mod volatile;
mod write;

pub use probe::probes;
pub use rollback::ROLLED_BACK;

use super::error::RestError;
use super::plan::{Change, Plan, ReadPlan};
use crate::caller::Caller;
use crate::policy::{self, CallerEnvironment, PolicyError, Predicate};
use crate::schema::{self, Catalog, Command, StoredCaller, Table};
use crate::sql::{Statement, Writer, balanced};

/// One batch, and which of its results mean what.
#[derive(Debug, Default)]
pub struct Batch {
    /// The statements; the first checks the catalog's version, on its own or while it reads or inserts.
    pub statements: Vec<Statement>,
    /// Results whose rows are the answer's, in this order.
    pub rows: Vec<usize>,
    /// Among them those whose rows an upsert found there.
    pub updated: Vec<usize>,
    /// Whether those are one row: all rows as one array `j`, and their `count`.
    pub together: bool,
    /// The result with the number of rows beyond the window.
    pub total: Option<usize>,
    /// The result with what a function said of the response.
    pub said: Option<usize>,
    /// What takes the numbers of sequences that rows of a rolled back write were given: Postgres does not give them again.
    pub taken: Vec<Statement>,
}

/// How a read's rows come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As one JSON array, and how many they are: reading 100 rows takes a tenth less time so. No value may be longer
    /// than 2 MB, so it can fail where [`Self::Apart`] would not.
    Together,
    /// Each as a JSON text of its own.
    Apart,
}

/// The statements of a plan.
pub fn compile(
    catalog: &Catalog,
    caller: &Caller,
    plan: &Plan<'_>,
    packing: Packing,
) -> Result<Batch, RestError> {
    let mut batch = Batch::default();
    match plan {
        Plan::Read(plan) => match (&plan.call, compile_read(catalog, caller, plan, packing, &mut batch)) {
            // What cannot stand in a query may be a batch of statements.
            (Some(call), Err(RestError::Postgres(error))) if error.code == "0A000" => {
                batch = call::compile(catalog, caller, plan, call)?;
            }
            (_, outcome) => outcome?,
        },
        Plan::Write(write) => {
            batch.push(schema::guard(catalog.version));
            let mut tables = write.steps.iter().map(|step| step.write.table).chain([write.table]);
            let says_caller = !matches!(write.change, Change::Nothing)
                && tables.any(|table| catalog.asks_for_caller(table));
            if says_caller {
                batch.push(schema::enter_caller(&stored(caller)));
            }
            match write.steps.is_empty() {
                true => write::compile(catalog, caller, write, &mut batch)?,
                false => nested::compile(catalog, caller, write, &mut batch)?,
            }
            if says_caller {
                batch.push(schema::leave_caller());
            }
        }
    }
    Ok(batch)
}

/// What triggers may ask of the caller.
fn stored(caller: &Caller) -> StoredCaller {
    StoredCaller {
        user_id: caller.user_id().map(str::to_string),
        role: caller.role.name().to_string(),
        email: caller.claims.text("email").map(str::to_string),
        claims: caller.claims.to_json().to_string(),
        request: caller.request.as_ref().map(|request| request.to_json()),
    }
}

/// Statements that say how those of a batch that give rows would be run.
pub fn explained(batch: &Batch) -> Vec<Statement> {
    let places = batch.rows.iter().chain(&batch.total);
    let explain = |statement: &Statement| Statement {
        text: format!("EXPLAIN QUERY PLAN\n{}", statement.text).into(),
        binds: statement.binds.clone(),
    };
    places.filter_map(|place| batch.statements.get(*place)).map(explain).collect()
}

fn compile_read(
    catalog: &Catalog,
    caller: &Caller,
    plan: &ReadPlan<'_>,
    packing: Packing,
    batch: &mut Batch,
) -> Result<(), RestError> {
    let mut builder = Builder::new(catalog, caller);
    batch.together = packing == Packing::Together && plan.may_have_many_rows();
    match batch.together {
        true => builder.select_rows_together(plan)?,
        false => builder.select_rows(plan)?,
    }
    let place = batch.push(builder.finish());
    batch.rows.push(place);
    if plan.counted {
        let mut builder = Builder::new(catalog, caller);
        match &plan.estimate {
            Some(estimate) => builder.select_estimate(plan, estimate)?,
            None => builder.select_count(plan)?,
        }
        batch.total = Some(batch.push(builder.finish()));
    }
    Ok(())
}

impl Batch {
    /// Whether there is nothing to do but to check the version.
    pub fn is_idle(&self) -> bool {
        self.rows.is_empty() && self.statements.len() == 1
    }

    /// The statements that keep taken the numbers of a write that was rolled back, and check the version.
    pub fn keeping_numbers(self, catalog: &Catalog) -> Option<Vec<Statement>> {
        let guard = (!self.taken.is_empty()).then(|| schema::guard(catalog.version))?;
        Some(std::iter::once(guard).chain(self.taken).collect())
    }

    /// Adds a statement; gives its place.
    fn push(&mut self, statement: Statement) -> usize {
        self.statements.push(statement);
        self.statements.len() - 1
    }
}

/// One statement under construction.
struct Builder<'a> {
    catalog: &'a Catalog,
    caller: &'a Caller,
    writer: Writer,
    aliases: usize,
    /// What gives the rows of a call whose statements have run.
    answer: Option<String>,
    /// How many rows the payload at hand has, which take as many numbers of sequences.
    payload_rows: usize,
    /// The sequences they take them from, by their physical names.
    numbered: Vec<String>,
    /// Which column took from which sequence.
    numbered_columns: Vec<(String, String)>,
}

impl<'a> Builder<'a> {
    fn new(catalog: &'a Catalog, caller: &'a Caller) -> Self {
        let (writer, numbered) = (Writer::default(), Vec::new());
        let numbered_columns = Vec::new();
        Self {
            catalog,
            caller,
            writer,
            aliases: 0,
            answer: None,
            payload_rows: 0,
            numbered,
            numbered_columns,
        }
    }

    /// An alias that this statement has not used. Without quotes, each of which D1 would escape.
    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn environment(&mut self) -> CallerEnvironment<'_> {
        CallerEnvironment::new(self.catalog, self.caller, &mut self.writer)
    }

    /// The rows of a table that are there for the caller's command.
    fn using(&mut self, table: &Table, command: Command, row: &str) -> Result<Predicate, PolicyError> {
        policy::using(&mut self.environment(), table, command, row)
    }

    /// The rows the caller's command may bring into being.
    fn check(&mut self, table: &Table, command: Command, row: &str) -> Result<Predicate, PolicyError> {
        policy::check(&mut self.environment(), table, command, row)
    }

    fn finish(self) -> Statement {
        self.writer.finish()
    }
}

/// The terms as one `WHERE` clause on a line of its own; nothing for no term.
fn where_clause(terms: Vec<String>) -> String {
    if terms.is_empty() { String::new() } else { format!("\nWHERE {}", balanced(terms, " AND ")) }
}
