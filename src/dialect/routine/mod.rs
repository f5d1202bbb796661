//! Functions of the project: what their bodies are, and calls to them.
//!
//! A call is inlined: its arguments are bound once, and the body stands in their scope, lowered for
//! the caller or, of a SECURITY DEFINER, for the owner. So policies inside of it hold, indexes are
//! used, and a change of the function is a change of every statement that calls it.

mod batch;
mod body;
mod call;
mod check;
mod inline;
mod nested;
mod plpgsql;
mod resolve;
mod response_setting;
mod source;

pub use batch::{CALL, RoutineBatch, routine_batch};
pub use call::{CallArgument, routine_source, routine_value};
pub use nested::{needs_statements, only_call};
pub use response_setting::{needs_a_call, response_setting, set_response};
