//! `INSERT`, `UPDATE` and `DELETE` as a function runs them, or the system where BEFORE triggers have a
//! say: under the environment's policies, only where a condition holds, and with the BEFORE triggers of
//! the table in the statement, since SQLite's cannot change a row.
//!
//! What comes out stands in a batch or in a SQLite trigger: no WITH at its beginning, no RETURNING.

mod before;
mod delete;
mod insert;
mod returned;
mod update;
mod with;

pub use before::{Before, KEEP, has_before, is_compiled, old_columns, proposed};
pub use delete::delete;
pub use insert::insert;
pub use insert::updated_on_conflict;
pub use returned::{returned, written};
pub use update::update;
pub use with::{has_writes, is_write, refuse_written, run_with, taken_apart, unwritten};

use sqlparser::ast::ObjectName;

use super::expression::Lowering;
use super::plpgsql::Condition;
pub use super::statement::write::target_scope;
use super::trigger::{Fires, fires};
use super::{DialectError, name};
use crate::schema::{Catalog, Command, Table, WrittenTable};
use crate::sql::{physical_name, quote_literal, raise};

/// A statement that writes.
#[derive(Clone, Debug)]
pub struct Written {
    /// SQLite's.
    pub sql: String,
    /// What is written.
    pub table: Table,
    /// Its alias.
    pub alias: Option<String>,
    /// How.
    pub command: Command,
    /// The columns that an UPDATE, or an INSERT's ON CONFLICT, sets.
    pub columns: Vec<String>,
    /// Whether it is an INSERT with ON CONFLICT DO UPDATE.
    pub updates_on_conflict: bool,
    /// What an UPDATE or DELETE looks for its rows in, and their condition.
    pub from: String,
    /// See `from`.
    pub condition: String,
}

impl Written {
    /// The statement-level triggers that it fires where `guard` holds.
    pub fn fires(&self, catalog: &Catalog, guard: &Condition) -> Fires {
        let mut writes = self.clone().into_tables();
        writes.reverse();
        fires(catalog, &self.table, &writes, guard)
    }

    /// The tables that it writes, and how.
    pub fn into_tables(self) -> Vec<WrittenTable> {
        let table = physical_name(&self.table.schema, &self.table.name);
        let mut tables = Vec::new();
        if self.updates_on_conflict {
            let columns = self.columns.clone();
            tables.push(WrittenTable { table: table.clone(), command: Command::Update, columns });
        }
        tables.push(WrittenTable { table, command: self.command, columns: self.columns });
        tables
    }
}

/// The table that a statement writes: an unqualified name is looked up on the function's search path.
fn written_table(lowering: &Lowering<'_>, object: &ObjectName) -> Result<Table, DialectError> {
    let catalog = lowering.catalog;
    let (mut schema, table) = name::qualified(object)?;
    if object.0.len() == 1 {
        schema = lowering.schema_on_path(|schema| catalog.table(schema, &table).is_some());
    }
    let missing = || DialectError::new("42P01", format!("relation \"{table}\" does not exist"));
    catalog.table(&schema, &table).cloned().ok_or_else(missing)
}

/// The row that would be written. No table has a name like these.
const NEW: &str = "\"/new\"";

fn violates_check(table: &Table) -> String {
    let name = &table.name;
    raise(&quote_literal(&format!("42501:new row violates row-level security policy for table \"{name}\"")))
}

/// A predicate that raises where `check` does not hold.
fn checked(check: &str, table: &Table) -> String {
    format!("CASE WHEN ({check}) IS NOT TRUE THEN {} ELSE TRUE END", violates_check(table))
}
