//! Triggers: SQLite's own where they will do, compiled into the statements that write a table where
//! they change the row before it is written (`crate::dialect::write`).
//!
//! SQLite's fire whatever writes: a request, the auth store, a foreign key's action. They take no binds,
//! so what they ask of the caller they read in `"edgeward.caller"`, which the batch fills first
//! ([`crate::schema::enter_caller`]) where [`Catalog::asks_for_caller`] says so.

mod alter;
mod create;
mod environment;
mod fire;
mod known;
mod moddatetime;
mod native;
mod standing;

pub use environment::{InvokerEnvironment, OwnerEnvironment, SystemInvoker, stored_caller_value};
pub use fire::{Fires, fires, written};
pub use known::{body_of, trigger_constants};
pub use moddatetime::{MODDATETIME, moddatetime};
pub use standing::Standing;

#[allow(unused_imports)]
use crate::schema::Catalog;
