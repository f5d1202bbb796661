//! From what a request says and the catalog to what will be done: every name resolved, every value
//! read by its type, and everything Postgres would reject rejected here in its words. No SQL text.

mod aggregate;
mod call;
pub(in crate::rest) mod cell;
mod closest;
mod condition;
mod estimate;
mod literal;
mod nested;
mod read;
mod relationship;
mod said;
mod suspect;
mod through;
mod write;

pub use aggregate::Aggregate;
pub use call::{Call, Called, Shape, Value, find as find_function};
pub use cell::{Cell, Kept, Row};
pub use condition::{Comparison, Condition, Containment, Test};
pub use estimate::{EQUAL, Estimate};
pub use nested::Step;
pub use read::{Embed, Node, Operand, OperandKind, Order, OrderKey, Output, is_plain_cast};
pub use suspect::{Suspect, suspects};
pub use through::Through;
pub use write::{Change, Insert, Write};

use std::cell::RefCell;

use closest::{LIKE_NAMES, closest};

use super::error::RestError;
use super::request::{Query, RowRange};
use super::zone::{Form, Zone, holds_moments};
use super::{Action, RestRequest};
use crate::config::{RestConfig, TransactionEnd};
use crate::schema::{Catalog, DataType, Routine, Stored, Table, canonical, from_json};

/// What a request will do.
// There is one in a request, and it stays where it is.
#[allow(clippy::large_enum_variant)]
#[derive(Debug)]
pub enum Plan<'c> {
    /// Read rows.
    Read(ReadPlan<'c>),
    /// Write rows, and maybe read them back.
    Write(Write<'c>),
}

/// Reading the rows of a relation.
#[derive(Debug)]
pub struct ReadPlan<'c> {
    /// What is read.
    pub root: Node<'c>,
    /// Whether the rows are counted without regard to the window.
    pub counted: bool,
    /// How their number is estimated, where that will do.
    pub estimate: Option<Estimate>,
    /// `HEAD`: only how many rows there are is of interest.
    pub bodiless: bool,
    /// Whether the answer is one row's object rather than an array.
    pub is_object: bool,
    /// The call whose rows they are; `None` for those of the root's own relation.
    pub call: Option<Call<'c>>,
    /// The most rows that a call may give, or nothing that it did takes effect.
    pub affected_limit: Option<u64>,
    /// Whether nothing of a call takes effect.
    pub rolls_back: bool,
}

impl ReadPlan<'_> {
    /// Whether an array of rows is asked for that can be longer than one.
    pub fn may_have_many_rows(&self) -> bool {
        !self.bodiless && !self.is_object && self.call.is_none() && self.root.may_have_many_rows()
    }
}

/// What planning looks things up in.
pub struct Planner<'c> {
    catalog: &'c Catalog,
    schema: &'c str,
    /// The schemas that requests can name, which a junction has to be in.
    exposed: &'c [String],
    max_rows: Option<u64>,
    aggregates: bool,
    transaction_end: TransactionEnd,
    distinct: bool,
    /// The time zone that moments without one are of.
    zone: Option<&'c Zone>,
    /// The computed columns that the node at hand has named so far.
    computed: RefCell<Vec<&'c Routine>>,
}

/// Plans a request.
pub fn plan<'c>(
    catalog: &'c Catalog,
    config: &RestConfig,
    exposed: &'c [String],
    request: &'c RestRequest,
) -> Result<Plan<'c>, RestError> {
    let schema = request.schema.as_str();
    if let Some(called) = &request.called {
        return plan_call(catalog, config, exposed, request, called).map(Plan::Read);
    }
    let named = catalog.relation(schema, &request.relation);
    let table = named.filter(|table| !catalog.is_partition(table)).ok_or_else(|| RestError::NoTable {
        schema: schema.to_string(),
        table: request.relation.clone(),
        closest: closest_table(catalog, schema, &request.relation),
    })?;
    let (aggregates, transaction_end) = (config.aggregates, config.transaction_end);
    let distinct = request.query.distinct;
    let max_rows = None;
    let computed = RefCell::default();
    let zone = request.zone.as_ref();
    let planner =
        Planner { catalog, schema, exposed, max_rows, aggregates, transaction_end, distinct, zone, computed };
    if let Action::Read { bodiless } = request.action {
        let planner = Planner { max_rows: Some(config.max_rows), ..planner };
        let mut root = planner.root(table, &request.query, request.range)?;
        root.prepare(request.media)?;
        let counted = request.preferences.count.is_some();
        let is_object = request.media.is_object();
        let (affected_limit, rolls_back) = (None, false);
        let estimate = estimate::estimate(&root, request.preferences.count, config.max_rows)
            .filter(|_| catalog.inlined_view(&table.schema, &table.name).is_none());
        let call = None;
        let plan =
            ReadPlan { root, counted, estimate, bodiless, is_object, call, affected_limit, rolls_back };
        return Ok(Plan::Read(plan));
    }
    // Writes are not capped, and neither are the embeds in what they give back.
    planner.write(table, request).map(Plan::Write)
}

/// Reading what a function gives.
fn plan_call<'c>(
    catalog: &'c Catalog,
    config: &RestConfig,
    exposed: &'c [String],
    request: &'c RestRequest,
    called: &Called,
) -> Result<ReadPlan<'c>, RestError> {
    let schema = request.schema.as_str();
    let routine = call::find(catalog, schema, &request.relation, called)?;
    let (aggregates, transaction_end) = (config.aggregates, config.transaction_end);
    let (max_rows, distinct) = (Some(config.max_rows), request.query.distinct);
    let computed = RefCell::default();
    let zone = request.zone.as_ref();
    let planner =
        Planner { catalog, schema, exposed, max_rows, aggregates, transaction_end, distinct, zone, computed };
    let call = planner.call(routine, called)?;
    let mut root = match call.shape {
        Shape::Nothing => read::Node::of_nothing(catalog)?,
        _ => planner.root(planner.face(routine)?, &request.query, request.range)?,
    };
    root.is_called = true;
    root.prepare(request.media)?;
    let bodiless = matches!(request.action, Action::Read { bodiless: true });
    let affected_limit = request.preferences.affected_limit();
    if affected_limit.is_some() && call.shape.is_single() {
        return Err(RestError::AffectedByOne);
    }
    Ok(ReadPlan {
        root,
        counted: request.preferences.count.is_some(),
        estimate: None,
        bodiless,
        is_object: request.media.is_object() && !call.shape.is_single(),
        call: Some(call),
        affected_limit,
        rolls_back: transaction_end.rolls_back(request.preferences.rolls_back),
    })
}

impl<'c> Planner<'c> {
    fn root(&self, table: &'c Table, query: &Query, window: RowRange) -> Result<Node<'c>, RestError> {
        let mut root = self.node(table, &query.select, said::Said::of_root(query), 0)?;
        root.range = self.capped(window);
        Ok(root)
    }

    /// The stored form of a value's text, whose moments may be the zone's.
    fn read(&self, of: &DataType, text: &str) -> Result<String, RestError> {
        Ok(match (self.zone, of) {
            (Some(zone), DataType::Timestamptz) => canonical(self.catalog, of, &zone.read(text))?,
            _ => canonical(self.catalog, self.known(of)?, text)?,
        })
    }

    /// The same of a JSON value; `None` for null.
    fn read_json<'j>(&self, of: &DataType, json: &'j str) -> Result<Option<Stored<'j>>, RestError> {
        let text = self.zone.filter(|_| *of == DataType::Timestamptz && json.starts_with('"'));
        match text.and_then(|_| serde_json::from_str::<String>(json).ok()) {
            Some(text) => self.read(of, &text).map(|text| Some(Stored::Text(text))),
            None => Ok(from_json(self.catalog, self.known(of)?, json)?),
        }
    }

    /// The type, unless its values have moments inside and there is a zone that they are of.
    fn known<'t>(&self, of: &'t DataType) -> Result<&'t DataType, RestError> {
        if self.zone.is_some() && holds_moments(of) {
            return Err(unknown_in_zone(of));
        }
        Ok(of)
    }

    /// In which form values go out that are moments, where there is a zone for them.
    fn form(&self, from: &DataType, cast: Option<&DataType>) -> Result<Option<Form>, RestError> {
        if self.zone.is_none() {
            return Ok(None);
        }
        Form::of(from, cast).map_err(|()| unknown_in_zone(cast.unwrap_or(from)))
    }

    fn capped(&self, range: RowRange) -> RowRange {
        self.max_rows.map_or(range, |rows| range.capped(rows))
    }
}

fn unknown_in_zone(of: &DataType) -> RestError {
    RestError::NotImplemented(format!(
        "values of type {} in a time zone are not supported",
        of.display_name()
    ))
}

/// Upstream looks for no names among more tables.
const MOST_TABLES_LOOKED_THROUGH: usize = 500;

/// The table that may have been meant.
fn closest_table(catalog: &Catalog, schema: &str, name: &str) -> Option<String> {
    let names: Vec<&str> =
        catalog.relations().filter(|table| table.schema == schema).map(|table| table.name.as_str()).collect();
    if names.len() >= MOST_TABLES_LOOKED_THROUGH {
        return None;
    }
    closest(name, names, LIKE_NAMES).first().map(|(_, name)| (*name).to_string())
}
