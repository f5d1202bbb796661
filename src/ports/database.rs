//! The SQL database as a port.

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use super::{DbError, Text};
use crate::sql::Statement;

/// A SQLite database whose only transaction is the batch, such as D1.
#[async_trait(?Send)]
pub trait Database {
    /// Runs the statements in order in one transaction: all of them take effect or none.
    ///
    /// Gives one result set for each statement. Any error rolls everything back.
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Box<dyn ResultSet>>, DbError>;

    /// The same where copies of the database may answer statements that only read. Gives besides a bookmark of how new
    /// the database was, where there are copies.
    async fn batch_from(
        &self,
        freshness: Freshness<'_>,
        statements: Vec<Statement>,
    ) -> Result<(Vec<Box<dyn ResultSet>>, Option<String>), DbError>;
}

/// How new the copy has to be that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness<'a> {
    /// As it comes: the nearest one.
    Any,
    /// The database itself.
    Newest,
    /// At least as new as this.
    SinceBookmark(&'a str),
}

/// What one statement gave back.
pub trait ResultSet {
    /// How many rows.
    fn len(&self) -> usize;
    /// All rows as one JSON array of objects, for [`Self::decode`]. Integers beyond 2^53 and blobs
    /// do not survive; statements that read such values put them in text.
    fn to_json(&self) -> String;
    /// The first column of every row, each a JSON text, joined into one JSON array the platform owns.
    fn json_array(&self) -> Box<dyn Text>;
    /// The first column of one row as text the platform owns, or `None` when there is no such row or it is NULL.
    fn text(&self, row: usize) -> Option<Box<dyn Text>>;
    /// A whole number of one row, by its column's name; `None` when there is none. Exact to 2^53.
    fn number(&self, row: usize, column: &str) -> Option<u64>;
    /// What the statement cost, as far as the platform says.
    fn cost(&self) -> Cost;

    /// Rows inserted, updated or deleted, of [`Self::cost`].
    fn changes(&self) -> u64 {
        self.cost().changes
    }

    /// Whether there is no row.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl dyn ResultSet {
    /// The rows as values of the caller's type, matched by column name.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<Vec<T>, DbError> {
        serde_json::from_str(&self.to_json())
            .map_err(|error| DbError::Other(format!("a row did not decode: {error}")))
    }

    /// The first row, or `None`.
    pub fn first<T: DeserializeOwned>(&self) -> Result<Option<T>, DbError> {
        Ok(self.decode()?.into_iter().next())
    }
}

/// The billed side of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Rows scanned.
    pub rows_read: u64,
    /// Rows written, each index entry counted.
    pub rows_written: u64,
    /// Rows inserted, updated or deleted, as SQLite's `changes()`.
    pub changes: u64,
    /// How long the database worked on it.
    pub milliseconds: f64,
}
