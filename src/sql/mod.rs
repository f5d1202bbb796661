//! SQL as values: statements with their binds, identifiers, literals and raised payloads. Pure; runs nothing.

mod balanced;
mod identifier;
mod like;
mod raise;
mod regular_expression;
mod regular_sequence;
mod statement;
mod writer;

pub use balanced::balanced;
pub use identifier::{physical_name, quote_identifier, quote_literal};
pub use like::{DanglingEscape, LikePattern};
pub use raise::{RAISE_MARK, RAISE_SEPARATOR, Raised, raise};
pub use regular_expression::{RegularExpressionError, matches_regular_expression};
pub use regular_sequence::{Separators, other_spaces, separators};
pub use statement::{Bind, Statement};
pub use writer::Writer;
