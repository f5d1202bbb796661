//! The constraints that a write that failed can have violated, in the order in which Postgres would have asked them.

use super::write::{Change, Write};
use crate::ports::DbError;
use crate::schema::{Catalog, ForeignKey, Table};

/// A constraint that may have been violated.
#[derive(Clone, Debug)]
pub enum Suspect<'c> {
    /// A new row refers to none.
    Missing(&'c ForeignKey),
    /// A row of another table refers to one that goes.
    Referenced(&'c Table, &'c ForeignKey),
    /// A row with these columns is there.
    Duplicate(Vec<String>),
}

/// Which they are; none where the database says enough.
pub fn suspects<'c>(catalog: &'c Catalog, write: &Write<'c>, error: &DbError) -> Vec<Suspect<'c>> {
    let table = write.table;
    if !write.steps.is_empty() {
        return Vec::new();
    }
    match error {
        DbError::Unique { table: name, columns } => {
            let is_it = catalog
                .tables
                .get(name)
                .is_some_and(|of| (&of.schema, &of.name) == (&table.schema, &table.name));
            if is_it { vec![Suspect::Duplicate(columns.clone())] } else { Vec::new() }
        }
        DbError::ForeignKey => {
            let written = |key: &&ForeignKey| key.columns.iter().any(|column| write.writes(column));
            let outgoing = table.foreign_keys.iter().filter(written).map(Suspect::Missing);
            let others = catalog.tables.values();
            let keys = others.flat_map(|other| other.foreign_keys.iter().map(move |key| (other, key)));
            let incoming = keys
                .filter(|(_, key)| key.foreign_schema == table.schema && key.foreign_table == table.name)
                .filter(|(_, key)| write.removes(&key.foreign_columns))
                .map(|(other, key)| Suspect::Referenced(other, key));
            outgoing.chain(incoming).collect()
        }
        _ => Vec::new(),
    }
}

impl Write<'_> {
    fn writes(&self, column: &str) -> bool {
        match &self.change {
            Change::Insert(insert) => insert.columns.iter().any(|of| of.name == column),
            Change::Update(assignments, _) => assignments.iter().any(|(of, _)| of.name == column),
            Change::Delete(_) | Change::Nothing => false,
        }
    }

    /// Whether values of these columns may have gone.
    fn removes(&self, columns: &[String]) -> bool {
        match &self.change {
            Change::Delete(_) => true,
            Change::Update(..) => columns.iter().any(|column| self.writes(column)),
            Change::Insert(insert) => {
                insert.conflict.is_some() && columns.iter().any(|column| self.writes(column))
            }
            Change::Nothing => false,
        }
    }
}
