//! What lowering asks of whoever runs the statement.

use super::DialectError;
use crate::schema::{Table, View};

/// Something an expression can know of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerValue {
    /// `auth.uid()`.
    UserId,
    /// `auth.role()`, `current_user`.
    Role,
    /// `auth.email()`.
    Email,
    /// `auth.jwt()` and `current_setting('request.jwt.claims')`: the claims as JSON text.
    Claims,
}

/// Where lowered SQL will run: for a caller (policies apply) or for the system (they don't).
pub trait Environment {
    /// A SQL expression for a value of the caller, usually a placeholder.
    fn caller_value(&mut self, value: CallerValue) -> Result<String, DialectError>;
    /// The predicate that a table named in a subquery or query is filtered by; `row` is its quoted
    /// alias or name. `None` for no filter.
    fn row_filter(&mut self, table: &Table, row: &str) -> Result<Option<String>, DialectError>;
    /// Refuses a view that may not be read. Asked outside of the view.
    fn may_read_view(&mut self, _: &View) -> Result<(), DialectError> {
        Ok(())
    }
    /// What is lowered from here on stands in the view's query: its owner reads, or for `security_invoker` the caller.
    fn enter_view(&mut self, _: &View) {}
    /// The view's query is over.
    fn leave_view(&mut self) {}
}
