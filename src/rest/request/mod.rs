//! What a request says in PostgREST's terms, before any schema is known: query string, `Prefer`,
//! `Accept`, range and body become values. Knows no tables, no SQL and no HTTP types.

mod body;
mod call;
mod csv;
mod cursor;
mod filter;
mod json_rows;
mod media;
mod order;
mod parameters;
mod prefer;
#[cfg(test)]
mod printed;
mod range;
mod select;

pub use body::{BodyError, Cells, Json, Payload, nested_rows, parse_body};
pub use call::Arguments;
pub use filter::{Logic, Operation, Operator, Quantifier, Truth};
pub use media::{Media, negotiate};
pub use order::OrderTerm;
pub use parameters::{Having, Located, Query, canonical};
pub use prefer::{Count, Preferences, Resolution, Return};
pub use range::{RangeError, RowRange};
pub use select::{AggregateFunction, AggregateItem, EmbedItem, SelectItem};

/// A column, or something inside it: `meta->a->>0`.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The column.
    pub name: String,
    /// The way into its JSON; empty for the column itself.
    pub json_path: Vec<JsonStep>,
}

/// One step into JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonStep {
    /// `->>` rather than `->`.
    pub as_text: bool,
    /// What follows the arrow.
    pub key: JsonKey,
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonKey {
    /// Into an object.
    Name(String),
    /// Into an array; negative counts from its end.
    Index(i64),
}

/// A text its grammar does not allow (PGRST100).
#[derive(Clone, Debug, PartialEq)]
pub struct SyntaxError {
    /// What the text was read as: `select parameter`.
    pub subject: &'static str,
    /// All of it.
    pub text: String,
    /// Where reading stopped, in characters from 1.
    pub column: usize,
    /// What was found there and what should have been.
    pub details: String,
}
