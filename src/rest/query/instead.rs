//! Writing a view whose INSTEAD OF triggers say what that means: its rows, as they are and as they shall be, are handed
//! to the trigger one by one, and it gives back what has become of them.

use super::payload::chunks;
use super::rollback::ROLLED_BACK;
use super::write::stored;
use super::{Batch, Builder, where_clause};
use crate::caller::Caller;
use crate::dialect::{packed_row, unpacked_cell};
use crate::policy::permit;
use crate::rest::error::RestError;
use crate::rest::plan::{Change, Condition, Write};
use crate::schema::{Catalog, Column, Command, FIRED, FIRED_ROWS, Stored, Trigger};
use crate::sql::{Statement, quote_identifier, quote_literal, raise};

/// Adds the statements of a write, what must be true of it, and its rows.
pub fn compile(
    catalog: &Catalog,
    caller: &Caller,
    write: &Write<'_>,
    trigger: &Trigger,
    batch: &mut Batch,
) -> Result<(), RestError> {
    let mut builder = Builder::new(catalog, caller);
    let command = match &write.change {
        Change::Insert(insert) => {
            if write.singular && insert.rows.len() != 1 {
                return Err(RestError::NotOneRow(insert.rows.len() as u64));
            }
            for (rows, _) in chunks(insert.rows.iter())? {
                let payload = builder.writer.bind(rows);
                let new = packed(write, &mut |column| {
                    let index = insert.columns.iter().position(|of| of.name == column.name)?;
                    Some(stored(column, &format!("\"payload\".value ->> '$[{index}]'")))
                });
                let name = quote_literal(&trigger.native_name(Command::Insert));
                batch.push(builder.writer.statement(format!(
                    "INSERT INTO {FIRED} (name, new)\nSELECT {name}, {new}\nFROM json_each({payload}) AS \"payload\"\nORDER BY \"payload\".key"
                )));
                builder = Builder::new(catalog, caller);
            }
            Command::Insert
        }
        Change::Update(assignments, condition) => {
            permit(catalog, caller, write.table, Command::Select)?;
            let sql = builder.fire_for_rows(write, trigger, Command::Update, assignments, condition)?;
            batch.push(builder.writer.statement(sql));
            Command::Update
        }
        Change::Delete(condition) => {
            permit(catalog, caller, write.table, Command::Delete)?;
            let sql = builder.fire_for_rows(write, trigger, Command::Delete, &[], condition)?;
            batch.push(builder.writer.statement(sql));
            Command::Delete
        }
        Change::Nothing if write.singular => return Err(RestError::NotOneRow(0)),
        Change::Nothing => return Ok(()),
    };
    let name = quote_literal(&trigger.native_name(command));
    let count = format!("(SELECT count(*) FROM {FIRED_ROWS} WHERE name = {name})");
    if write.singular {
        let not_one = raise(&format!("'PGRST116:' || {count}"));
        batch.push(Statement::new(format!("SELECT CASE WHEN {count} <> 1 THEN {not_one} END")));
    }
    if let Some(limit) = write.affected_limit.filter(|_| command != Command::Insert) {
        let too_many = raise(&format!("'PGRST124:' || {count}"));
        batch.push(Statement::new(format!("SELECT CASE WHEN {count} > {limit} THEN {too_many} END")));
    }
    let mut builder = Builder::new(catalog, caller);
    let rows = builder.given_rows(write, &name)?;
    if write.rolls_back {
        let new = if command == Command::Insert { count.as_str() } else { "0" };
        let payload = format!(
            "json_object('count', {count}, 'new', {new}, 'rows', json((SELECT json_group_array(json(j)) FROM ({rows}))))"
        );
        let raised = raise(&format!("'{ROLLED_BACK}' || {payload}"));
        batch.push(builder.writer.statement(format!("SELECT {raised}")));
        return Ok(());
    }
    let place = batch.push(builder.writer.statement(rows));
    batch.rows.push(place);
    batch.push(Statement::new(format!("DELETE FROM {FIRED_ROWS}\nWHERE name = {name}")));
    Ok(())
}

/// A row of the view as one text; NULL for a column that `value` has nothing for.
fn packed(write: &Write<'_>, value: &mut dyn FnMut(&Column) -> Option<String>) -> String {
    packed_row(
        &mut write
            .table
            .columns
            .iter()
            .map(|column| (&column.data_type, value(column).unwrap_or_else(|| "NULL".to_string()))),
    )
}

impl Builder<'_> {
    /// Hands the view's rows of a condition to the trigger.
    fn fire_for_rows(
        &mut self,
        write: &Write<'_>,
        trigger: &Trigger,
        command: Command,
        assignments: &[(&Column, Option<Stored<'_>>)],
        condition: &Condition<'_>,
    ) -> Result<String, RestError> {
        let row = self.alias();
        let source = self.relation(write.table, &row)?;
        let mut terms = self.visible(write.table, &row)?;
        let asked = |builder: &mut Self, row: &str| builder.term(condition, &write.returning, row);
        terms.push(self.over_computed(&write.returning, &row, asked)?);
        let there = |column: &Column| Some(format!("{row}.{}", quote_identifier(&column.name)));
        let old = packed(write, &mut |column| there(column));
        let new = match command {
            Command::Delete => "NULL".to_string(),
            _ => {
                packed(write, &mut |column| match assignments.iter().find(|(of, _)| of.name == column.name) {
                    Some((_, cell)) => Some(stored(column, &self.writer.bind(cell.as_ref()?.as_str()))),
                    None => there(column),
                })
            }
        };
        Ok(format!(
            "INSERT INTO {FIRED} (name, new, old)\nSELECT {}, {new}, {old}\nFROM {source} AS {row}{}",
            quote_literal(&trigger.native_name(command)),
            where_clause(terms)
        ))
    }

    /// The query of the rows that the trigger gave back.
    fn given_rows(&mut self, write: &Write<'_>, name: &str) -> Result<String, RestError> {
        let row = self.alias();
        let columns = write.table.columns.iter().enumerate().map(|(index, column)| {
            let cell = unpacked_cell(&column.data_type, "\"/row\".new", index);
            format!("{cell} AS {}", quote_identifier(&column.name))
        });
        let columns: Vec<String> = columns.collect();
        let given = self.given_back(write, &row)?;
        Ok(format!(
            "SELECT {given}\nFROM (SELECT {}\nFROM {FIRED_ROWS} AS \"/row\"\nWHERE \"/row\".name = {name}\nORDER BY \"/row\".place) AS {row}",
            columns.join(", ")
        ))
    }
}
