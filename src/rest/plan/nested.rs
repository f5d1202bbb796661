//! Rows with rows of other tables in them: `{"title": "…", "comments": [{"body": "…"}]}`. Ours; PostgREST has none.
//!
//! A key that is no column names a relation whose rows refer to this one, as in `select`. Each row becomes a step that
//! comes after the row it refers to, so that every one meets its own table's policies, defaults and triggers.

use super::cell::{Kept, Rows};
use super::relationship;
use super::write::{Change, Insert, Target, Write};
use super::{Node, Planner};
use crate::rest::RestRequest;
use crate::rest::error::RestError;
use crate::rest::request::{Cells, Payload, Return, nested_rows};
use crate::schema::{Column, Stored, Table};

/// One insert of several that belong together.
#[derive(Debug)]
pub struct Step<'c> {
    /// One row, or rows without rows in them.
    pub write: Write<'c>,
    /// The number of its row, where others refer to it or it is given back.
    pub row: Option<usize>,
    /// Whether it is a row of the body itself.
    pub is_root: bool,
}

/// The row that others hang on: its number, and the columns of theirs that have the values of its own.
#[derive(Clone, Debug)]
struct Parent<'c> {
    row: usize,
    columns: Vec<(&'c Column, &'c Column)>,
    table: &'c Table,
}

/// What the request says of all of them.
#[derive(Clone, Copy)]
struct Said {
    missing_default: bool,
    /// Of the body's own rows.
    returns: Return,
}

/// As many statements as D1 takes in a batch without trouble.
const MOST_STEPS: usize = 400;

/// How deep rows may nest.
const DEEPEST: usize = 5;

impl<'c> Planner<'c> {
    /// The steps of a body; none when no row has rows in it.
    pub(super) fn steps(&self, table: &'c Table, request: &RestRequest) -> Result<Vec<Step<'c>>, RestError> {
        let is_column = |name: &String| table.column(name).is_some();
        if !request.nested || request.payload.columns.iter().all(is_column) {
            return Ok(Vec::new());
        }
        let query = &request.query;
        let refused = if request.preferences.resolution.is_some() {
            Some("an upsert of nested rows is not supported")
        } else if query.orders.iter().any(|order| order.path.is_empty()) {
            Some("an order of nested rows is not supported")
        } else if self.transaction_end.rolls_back(request.preferences.rolls_back) {
            Some("tx=rollback of nested rows is not supported")
        } else {
            None
        };
        if let Some(what) = refused {
            return Err(RestError::NotImplemented(what.into()));
        }
        let mut steps = Vec::new();
        let said = Said {
            missing_default: request.preferences.missing_default == Some(true),
            // Rows that are given back must be ones that the caller may read.
            returns: match request.preferences.representation.unwrap_or(Return::Minimal) {
                Return::Minimal => Return::Minimal,
                Return::HeadersOnly | Return::Representation => Return::HeadersOnly,
            },
        };
        self.nest(table, &request.payload, None, said, 0, &mut steps)?;
        if steps.len() > MOST_STEPS {
            let what = format!("more than {MOST_STEPS} nested inserts at once are not supported");
            return Err(RestError::NotImplemented(what));
        }
        Ok(steps)
    }

    fn nest(
        &self,
        table: &'c Table,
        payload: &Payload,
        parent: Option<&Parent<'c>>,
        said: Said,
        depth: usize,
        steps: &mut Vec<Step<'c>>,
    ) -> Result<(), RestError> {
        if depth > DEEPEST {
            return Err(RestError::NotImplemented("rows nested deeper are not supported".into()));
        }
        if self.catalog.table(&table.schema, &table.name).is_none() {
            return Err(RestError::NotImplemented("nested rows of a view are not supported".into()));
        }
        let is_column = |name: &str| table.column(name).is_some();
        let (own, others): (Vec<usize>, Vec<usize>) = (0..payload.columns.len())
            .partition(|place| payload.columns.get(*place).is_some_and(|name| is_column(name)));
        let names: Vec<String> =
            own.iter().filter_map(|place| payload.columns.get(*place)).cloned().collect();
        let mut columns = Target { relation: table, through: None }.insert_columns(&names)?;
        for (column, _) in parent.iter().flat_map(|parent| &parent.columns) {
            if columns.iter().any(|of| of.name == column.name) {
                let what = format!("a nested row has \"{}\" from the row it is in", column.name);
                return Err(RestError::NotImplemented(what));
            }
            columns.push(column);
        }
        let add = |rows: &mut Rows<'c>, row: Cells<'_>| -> Result<(), RestError> {
            for (column, place) in columns.iter().zip(&own) {
                match row.get(*place) {
                    None if said.missing_default => rows.push_default(),
                    json => rows.push(self.value(column, json)?.map(Stored::into_owned)),
                }
            }
            if let Some(parent) = parent {
                for (_, of) in &parent.columns {
                    rows.push_kept(Kept { row: parent.row, table: parent.table, column: &of.name });
                }
            }
            rows.end_row();
            Ok(())
        };
        if others.is_empty() && depth > 0 {
            let mut rows = Rows::of_width(columns.len(), payload.len());
            payload.rows().try_for_each(|row| add(&mut rows, row))?;
            if !rows.is_empty() {
                steps.push(self.step(table, columns, rows, None, Return::Minimal)?);
            }
            return Ok(());
        }
        for row in payload.rows() {
            let number = steps.len();
            let returns = if depth == 0 { said.returns } else { Return::Minimal };
            let mut one = Rows::of_width(columns.len(), 1);
            add(&mut one, row)?;
            let mut step = self.step(table, columns.clone(), one, Some(number), returns)?;
            step.is_root = depth == 0;
            steps.push(step);
            for place in &others {
                let Some(name) = payload.columns.get(*place) else { continue };
                let Some(json) = row.get(*place) else { continue };
                let child = self.child(table, name, number)?;
                let rows = nested_rows(json.text)?;
                self.nest(child.0, &rows, Some(&child.1), said, depth + 1, steps)?;
            }
        }
        Ok(())
    }

    /// The table that a key names, and how its rows refer to the one they are in.
    fn child(&self, table: &'c Table, name: &str, row: usize) -> Result<(&'c Table, Parent<'c>), RestError> {
        let (target, hint) = name.split_once('!').map_or((name, None), |(target, hint)| (target, Some(hint)));
        let found = relationship::find(self.catalog, self.schema, self.exposed, table, target, hint)?;
        if found.to_one || found.junction.is_some() || found.call.is_some() {
            let what = format!("rows of '{name}' in a row are not supported: they do not refer to it");
            return Err(RestError::NotImplemented(what));
        }
        let pair = |(of, own): &(&str, &str)| Some((found.target.column(own)?, table.column(of)?));
        let columns: Option<Vec<_>> = found.columns.iter().map(pair).collect();
        let columns = columns.ok_or_else(|| RestError::Internal("a key without its columns".to_string()))?;
        Ok((found.target, Parent { row, columns, table }))
    }

    fn step(
        &self,
        table: &'c Table,
        columns: Vec<&'c Column>,
        rows: Rows<'c>,
        row: Option<usize>,
        returns: Return,
    ) -> Result<Step<'c>, RestError> {
        let write = Write {
            table,
            through: None,
            instead: None,
            change: Change::Insert(Insert { columns, rows, conflict: None }),
            returning: Node::of_nothing(self.catalog)?,
            returns,
            singular: false,
            affected_limit: None,
            counted: false,
            rolls_back: false,
            defaulted: Vec::new(),
            steps: Vec::new(),
        };
        Ok(Step { write, row, is_root: false })
    }
}
