//! Full text search: what Postgres' `tsvector` and `tsquery` are, computed here because SQLite cannot.
//!
//! In SQL a `tsvector` that depends on a row is a *document*: the recipe it is made by, as JSON that SQLite
//! can put together (`["to","english","The fat cats"]`). Where its lexemes are asked for, they are looked up
//! in a table of documents and lexemes. A document that is not there raises itself; [`Remembering`], around
//! the database, cooks it, writes it down and runs the batch again. So whatever wrote the text, a statement
//! sees the lexemes of the text as it is, or none at all.

mod clauses;
mod database;
mod dictionary;
mod document;
mod parser;
mod query;
mod rank;
mod store;
mod vector;

pub use clauses::clauses;
pub use database::Remembering;
pub use dictionary::Configuration;
pub use document::{cooked, query_document, rank_document};
pub use query::Syntax;
pub use rank::needs_vector;
pub use store::{Among, looked_up, matches, missing_of, query_of, sweep, vector_of};
pub use vector::{Vector, vector, weight};

/// What Postgres refuses: SQLSTATE and its own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchError {
    /// `42601`, `42704`, `0A000` or `54000`.
    pub code: &'static str,
    /// For example `syntax error in tsquery: "a &"`.
    pub message: String,
}

impl SearchError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
