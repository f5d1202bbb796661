//! `tx=rollback`: a write that takes no effect and yet gives back what it would have given.
//!
//! A batch that fails loses its results, so the rows travel in the failure itself: a table and triggers
//! that exist in this batch alone note which rows the write touches, and its last statement raises with
//! them. What it rolls back, table and triggers too, was never there.

use super::read::row_id;
use super::write::key_values;
use super::{Batch, Builder, where_clause};
use crate::caller::Caller;
use crate::rest::error::RestError;
use crate::rest::plan::{Change, Write};
use crate::rest::request::Return;
use crate::schema::{Catalog, Table};
use crate::sql::{Statement, raise};

/// What the raised text starts with; JSON of the rows follows.
pub const ROLLED_BACK: &str = "rolled back:";

const TOUCHED: &str = "\"edgeward.touched\"";

/// Adds what notes the rows that the write will touch.
pub fn watch(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    if write.through.is_some() && write.is_ordered() {
        let what = "rolling back an ordered write through a view is not supported";
        return Err(RestError::NotImplemented(what.into()));
    }
    batch.push(Statement::new(format!(
        "CREATE TABLE {TOUCHED} (place INTEGER PRIMARY KEY, id INTEGER, is_new INTEGER, j TEXT)"
    )));
    if matches!(write.change, Change::Delete(_)) {
        let mut builder = Builder::new(catalog, caller);
        builder.note_deleted(write)?;
        batch.push(builder.finish());
        return Ok(());
    }
    for (event, is_new) in [("INSERT", 1), ("UPDATE", 0)] {
        batch.push(Statement::new(format!(
            "CREATE TRIGGER \"edgeward.touched by {event}\" AFTER {event} ON {}
             BEGIN INSERT INTO {TOUCHED} (id, is_new) VALUES (NEW.{}, {is_new}); END",
            write.table.physical(),
            row_id_of(write.table)?
        )));
    }
    Ok(())
}

/// Adds the statement that ends the batch.
pub fn give_back(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    let mut builder = Builder::new(catalog, caller);
    builder.raise_touched(write)?;
    batch.push(builder.finish());
    Ok(())
}

fn row_id_of(table: &Table) -> Result<&'static str, RestError> {
    row_id(table).ok_or_else(|| {
        let what = "rolling back writes to a table with columns rowid, _rowid_ and oid is not supported";
        RestError::NotImplemented(what.into())
    })
}

impl Builder<'_> {
    fn note_deleted(&mut self, write: &Write<'_>) -> Result<(), RestError> {
        let Change::Delete(condition) = &write.change else { return Ok(()) };
        let name = write.table.physical();
        let object = self.returned(write, &name)?;
        let terms = self.touched(write, crate::schema::Command::Delete, condition)?;
        let order = if write.is_ordered() { self.order(&write.returning, &name)? } else { String::new() };
        let clause = where_clause(terms);
        self.writer.push(&format!("INSERT INTO {TOUCHED} (j)\nSELECT {object}\nFROM {name}{clause}{order}"));
        Ok(())
    }

    fn raise_touched(&mut self, write: &Write<'_>) -> Result<(), RestError> {
        let rows = if matches!(write.change, Change::Delete(_)) {
            format!("SELECT j FROM {TOUCHED} ORDER BY place")
        } else {
            let (name, row) = (write.table.physical(), self.alias());
            let object = self.returned(write, &row)?;
            let order = match write.is_ordered() {
                true => self.order(&write.returning, &row)?,
                false => "\nORDER BY \"touched\".place".to_string(),
            };
            let id = row_id_of(write.table)?;
            format!(
                "SELECT {object} AS j\nFROM {TOUCHED} AS \"touched\"\nJOIN {name} AS {row} ON {row}.{id} = \"touched\".id{order}"
            )
        };
        let payload = format!(
            "json_object('count', (SELECT count(*) FROM {TOUCHED}), 'new', (SELECT count(*) FROM {TOUCHED} WHERE is_new), 'rows', json((SELECT json_group_array(json(j)) FROM ({rows}))))"
        );
        let raised = raise(&format!("'{ROLLED_BACK}' || {payload}"));
        self.writer.push(&format!("SELECT {raised}"));
        Ok(())
    }

    /// What is given back of one row.
    pub(super) fn returned(&mut self, write: &Write<'_>, row: &str) -> Result<String, RestError> {
        match write.returns {
            Return::Minimal => Ok("NULL".to_string()),
            Return::HeadersOnly => self.over_view(write, row, |_, row| Ok(key_values(write.face(), row))),
            Return::Representation => {
                let object = |builder: &mut Self, row: &str| builder.object(&write.returning, row);
                self.over_written(write, row, object)
            }
        }
    }
}
