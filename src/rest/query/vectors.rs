//! Vectors of lexemes. Those that an insert gives back are asked for before it runs: while it runs, each new
//! row would be the only one in sight, and fail the batch on its own.

use super::Builder;
use crate::rest::error::RestError;
use crate::rest::plan::{Insert, Write};
use crate::rest::request::Return;
use crate::schema::{Column, DataType, Table};
use crate::sql::quote_identifier;
use crate::text_search::{Among, missing_of, vector_of};

/// The generated vectors that are given back: each row's would be missed on its own.
pub fn returned_vectors<'c>(write: &Write<'c>) -> Vec<&'c Column> {
    if write.returns != Return::Representation {
        return Vec::new();
    }
    let columns = write.returning.fields.iter().map(|field| field.operand.column);
    columns.filter(|column| column.data_type == DataType::Tsvector && column.generated.is_some()).collect()
}

impl Builder<'_> {
    /// The lexemes of a document of a table's row, and what else of the table is missing when they are. What
    /// is missing of a view is told row by row.
    pub(super) fn vector(&self, table: &Table, document: &str, row: &str) -> String {
        let physical = table.physical();
        let is_table = self.catalog.table(&table.schema, &table.name).is_some();
        vector_of(document, is_table.then_some(Among { table: &physical, row }))
    }

    /// Raises the documents of the rows of a payload that are not prepared yet.
    pub(super) fn missing_vectors(
        &mut self,
        table: &Table,
        insert: &Insert<'_>,
        rows: &str,
        column: &Column,
    ) -> Result<(), RestError> {
        let values = self.proposed_values(table, insert, &[])?;
        let payload = self.writer.bind(rows);
        let source = format!("\nFROM json_each({payload}) AS \"payload\"");
        let proposed = self.proposed_row(table, values, &source)?;
        self.writer.push(&missing_of(&proposed, &quote_identifier(&column.name)));
        Ok(())
    }
}
