//! Queries: SELECT and what it is made of, lowered to SQLite with the types of its columns.

mod aggregate;
mod join;
mod lateral;
mod order;
mod output;
mod output_name;
mod record;
mod relation;
mod row;
mod select;
mod set;
mod subquery;
mod table_function;
mod window;
mod with;

pub use aggregate::{AGGREGATES, Grouping, has_aggregate};
pub use output::{json_object, row_object};
pub use record::Recorder;
pub use relation::{LOOKING, fields, rename};
pub use select::{Output, Staged};
pub use table_function::{FUNCTION_SCHEMA, TABLE_FUNCTIONS, TableFunction};
pub use window::{WINDOW_FUNCTIONS, WindowFunction};
pub use with::CommonTable;

use crate::schema::DataType;

/// A query ready for SQLite. Its columns are named by their positions, `"1"`, `"2"`….
#[derive(Clone, Debug)]
pub struct LoweredQuery {
    /// A SELECT, or several in a set operation.
    pub sql: String,
    /// The columns' Postgres names and types.
    pub columns: Vec<(String, DataType)>,
    /// Whether it gives one row at most, whatever the data.
    pub is_single: bool,
    /// The one expression of a query without FROM and WHERE.
    pub value: Option<String>,
}

impl LoweredQuery {
    /// How SQL names the column at an index of this query under one of the translator's own aliases,
    /// which start with a slash, as no table may.
    pub fn column_sql(&self, index: usize, alias: &str) -> String {
        format!("\"/{alias}\".{}", column_name(index))
    }
}

/// The SQLite name of a query's column.
pub fn column_name(index: usize) -> String {
    format!("\"{}\"", index + 1)
}
