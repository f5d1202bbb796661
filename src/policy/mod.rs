//! Row-level security: from a table's policies and a caller to the SQLite predicate that is part of
//! the statement which touches the rows.
//!
//! Permissive policies OR, restrictive ones AND; none that applies means no rows. `auth.uid()` and
//! its like are bound, so the planner sees constants. Pure: runs nothing, knows no HTTP.

mod environment;
mod predicate;
mod stored_caller;
mod template;

pub use environment::CallerEnvironment;
pub use predicate::{PolicyError, Predicate, check, grantee, permit, permit_columns, using};
pub use stored_caller::stored_caller;
pub use template::remembered;
