//! Statements that raise when a table's rows do not fit what is about to be asked of them, with the
//! errors Postgres gives.

use super::ddl::list;
use crate::schema::{ForeignKey, Table};
use crate::sql::{physical_name, quote_identifier, quote_literal, raise};

/// A NULL where none may be.
pub fn null_values(table: &Table, column: &str) -> String {
    refuse_if(
        &format!("SELECT 1\nFROM {}\nWHERE {} IS NULL", table.physical(), quote_identifier(column)),
        &format!("23502:column \"{column}\" of relation \"{}\" contains null values", table.name),
    )
}

/// Any row, when a new column has no value for it.
pub fn any_row(table: &Table, column: &str) -> String {
    refuse_if(
        &format!("SELECT 1\nFROM {}", table.physical()),
        &format!("23502:column \"{column}\" of relation \"{}\" contains null values", table.name),
    )
}

/// A row for which a condition is false; `condition` is SQLite's, over unqualified columns.
pub fn failed_check(table: &Table, name: &str, condition: &str) -> String {
    refuse_if(
        &format!("SELECT 1\nFROM {}\nWHERE NOT ({condition})", table.physical()),
        &format!("23514:check constraint \"{name}\" of relation \"{}\" is violated by some row", table.name),
    )
}

/// A value that a column's domain, as it will be, has not.
pub fn outside_of_domain(table: &Table, column: &str, condition: &str) -> String {
    refuse_if(
        &format!("SELECT 1\nFROM {}\nWHERE NOT ({condition})", table.physical()),
        &format!(
            "23514:column \"{column}\" of table \"{}\" contains values that violate the new constraint",
            table.name
        ),
    )
}

/// Two rows alike where a key tells rows apart. NULLs are never alike.
pub fn duplicates(table: &Table, name: &str, columns: &[String]) -> String {
    let present: Vec<String> =
        columns.iter().map(|column| format!("{} IS NOT NULL", quote_identifier(column))).collect();
    refuse_if(
        &format!(
            "SELECT 1\nFROM {}\nWHERE {}\nGROUP BY {}\nHAVING count(*) > 1",
            table.physical(),
            present.join(" AND "),
            list(columns)
        ),
        &format!("23505:could not create unique index \"{name}\""),
    )
}

/// A row whose key leads nowhere.
pub fn unmatched_key(table: &Table, key: &ForeignKey) -> String {
    let target = quote_identifier(&physical_name(&key.foreign_schema, &key.foreign_table));
    let present: Vec<String> = key
        .columns
        .iter()
        .map(|column| format!("\"/from\".{} IS NOT NULL", quote_identifier(column)))
        .collect();
    let matches: Vec<String> = key
        .columns
        .iter()
        .zip(&key.foreign_columns)
        .map(|(column, foreign)| {
            format!("\"/to\".{} = \"/from\".{}", quote_identifier(foreign), quote_identifier(column))
        })
        .collect();
    refuse_if(
        &format!(
            "SELECT 1\nFROM {} AS \"/from\"\nWHERE {}\n  AND NOT EXISTS (SELECT 1 FROM {target} AS \"/to\" WHERE {})",
            table.physical(),
            present.join(" AND "),
            matches.join(" AND ")
        ),
        &format!(
            "23503:insert or update on table \"{}\" violates foreign key constraint \"{}\"",
            table.name, key.name
        ),
    )
}

/// Raises where a query has rows; `payload` is code and message.
pub fn refuse_if(query: &str, payload: &str) -> String {
    format!("SELECT CASE WHEN EXISTS ({query}) THEN {} END", raise(&quote_literal(payload)))
}
