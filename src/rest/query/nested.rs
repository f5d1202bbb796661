//! Nested rows: an insert for each, after the row that it refers to, whose row id is kept meanwhile.

use super::read::row_id;
use super::{Batch, Builder, write};
use crate::caller::Caller;
use crate::rest::error::RestError;
use crate::rest::plan::{Kept, Write};
use crate::schema::Catalog;
use crate::sql::{Statement, quote_identifier, quote_literal, raise};

/// The table of values that only last for a batch.
const FRAME: &str = "\"edgeward.frame\"";

/// Adds the statements of all rows, what gives those of the body back, and what forgets their ids.
pub fn compile(
    catalog: &Catalog,
    caller: &Caller,
    plan: &Write<'_>,
    batch: &mut Batch,
) -> Result<(), RestError> {
    let roots: Vec<String> =
        plan.steps.iter().filter(|step| step.is_root).filter_map(|step| step.row.map(kept_name)).collect();
    if plan.singular && roots.len() != 1 {
        return Err(RestError::NotOneRow(roots.len() as u64));
    }
    let mut rows = std::mem::take(&mut batch.rows);
    for step in &plan.steps {
        write::compile(catalog, caller, &step.write, batch)?;
        if let Some(row) = step.row {
            batch.push(Statement::new(keep(row)));
        }
    }
    batch.rows = std::mem::take(&mut rows);
    let mut builder = Builder::new(catalog, caller);
    builder.nested_answer(plan, &roots)?;
    let place = batch.push(builder.finish());
    batch.rows.push(place);
    batch
        .push(Statement::new(format!("DELETE FROM {FRAME}\nWHERE name >= '/nested/' AND name < '/nested0'")));
    Ok(())
}

fn kept_name(row: usize) -> String {
    format!("/nested/{row}")
}

/// Keeps the row id of the row that was just inserted. A BEFORE trigger may have left it out.
fn keep(row: usize) -> String {
    let none = raise("'0A000:a trigger left out a row with rows in it'");
    format!(
        "INSERT INTO {FRAME} (name, value)\nVALUES ({}, CASE WHEN changes() = 1 THEN last_insert_rowid() ELSE {none} END)\nON CONFLICT (name) DO UPDATE SET value = excluded.value",
        quote_literal(&kept_name(row))
    )
}

/// The value of a column of a row that was inserted before.
pub fn kept_value(kept: &Kept<'_>) -> String {
    let Kept { row, table, column } = kept;
    let table = table.physical();
    let name = quote_literal(&kept_name(*row));
    format!(
        "(SELECT {table}.{} FROM {table} WHERE {table}.rowid = (SELECT value FROM {FRAME} WHERE name = {name}))",
        quote_identifier(column)
    )
}

impl Builder<'_> {
    /// The rows of the body, now that everything is there.
    fn nested_answer(&mut self, plan: &Write<'_>, roots: &[String]) -> Result<(), RestError> {
        let row = self.alias();
        let table = plan.table;
        let object = self.returned(plan, &row)?;
        let names = self.writer.bind(serde_json::Value::from(roots).to_string());
        let id = row_id(table).ok_or_else(|| {
            RestError::NotImplemented("nested rows of a table with columns rowid, _rowid_ and oid".into())
        })?;
        self.writer.push(&format!(
            "SELECT {object} AS j\nFROM json_each({names}) AS \"kept\"\nJOIN {FRAME} AS \"held\" ON \"held\".name = \"kept\".value\nJOIN {} AS {row} ON {row}.{id} = \"held\".value\nORDER BY \"kept\".key",
            table.physical()
        ));
        Ok(())
    }
}
