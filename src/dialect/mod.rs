//! Postgres' SQL in SQLite's words: expressions, queries, and migrations with their registry rows.
//!
//! Pure: text and a catalog in, SQL and a catalog out. What SQLite cannot do exactly is refused with
//! the statement, its line and the reason, never approximated.

mod do_block;
mod environment;
mod error;
mod expression;
mod name;
mod parse;
mod password;
mod plpgsql;
mod query;
mod range;
mod reader;
mod routine;
mod script;
mod sequence;
mod statement;
mod translate;
mod trigger;
mod view;
mod write;

pub use environment::{CallerValue, Calls, Environment, RequestPart};
pub use error::DialectError;
pub use expression::{
    Expression, JsonParts, json_containment, lower_cast, lower_condition, lower_default, lower_expression,
};
pub use expression::{FUNCTIONS, Reads, Row, SPECIALS, Special, TEXT_ARRAY_FUNCTIONS};
pub use password::PasswordToHash;
pub use plpgsql::{Condition, packed_row, unpacked_cell};
pub use query::{AGGREGATES, TABLE_FUNCTIONS, TableFunction, WINDOW_FUNCTIONS, WindowFunction};
pub use range::{RangeOperator, range_sort_key, range_test};
pub use routine::{CallArgument, RoutineBatch, routine_batch, routine_source, routine_value};
pub use sequence::{take_numbers, taken_number};
pub use translate::{ScriptError, Source, Translation, statements, translate};
pub use trigger::{InvokerEnvironment, fires, stored_caller_value, written};
pub use view::{ViewRow, view_row, view_source};
pub use write::{Before, KEEP, has_before, old_columns, proposed, updated_on_conflict};
