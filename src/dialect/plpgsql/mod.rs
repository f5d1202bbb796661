//! PL/pgSQL, lowered to SQL that D1 runs in one batch.
//!
//! A body is parsed ([`body`]) and run by a [`Machine`] on SQL in the place of values: a variable is the
//! expression of its present value, an `IF` makes its values `CASE`s and its statements conditional, a
//! `RETURN` ends what follows, `RAISE` is an expression that raises when it is computed. What comes out
//! depends on where the values go ([`Sink`]):
//!
//! * [`Sink::layers`], for a body that only reads: it is one expression. [`Machine::value`] gives a scalar
//!   function's, for policies, defaults and queries; BEFORE triggers are made of it too.
//! * [`Sink::statements`], for one that writes: `INSERT`, `UPDATE` and `DELETE` are statements, each with
//!   the condition of its place in its `WHERE`; what is computed once stands in the rows of
//!   `"edgeward.frame"` whose names start with the sink's prefix. Run them in order in one batch, then
//!   [`cleared`]; or put them into a SQLite trigger, which takes all of them.
//!
//! The function's parameters, and NEW and OLD, are relations given to [`Machine::new`]: their fields' SQL
//! is whatever gives the values (a placeholder, `NEW."id"`). The environment decides whose policies apply.
//! After [`Machine::run`], `outcomes` has the results with their conditions, the first that holds is the
//! function's; `guards` are values that must be computed for the errors they may raise.

mod condition;
mod fold;
mod machine;
mod parse;
mod parse_loop;
mod query;
mod raise;
mod rows;
mod sink;
mod state;
mod syntax;
mod unroll;
mod value;
mod write;

pub use condition::Condition;
pub use machine::{Machine, Outcome, Returned, known};
pub use parse::{body, condition, into_of};
pub use raise::condition_code;
pub use rows::with_out;
pub use sink::{FRAME, LAYER, Sink, cleared, over_layers, packed_row, unpacked_cell};
pub use state::{State, qualified, row_of_table, variables};
pub use syntax::{Action, Block, Otherwise, Step};
