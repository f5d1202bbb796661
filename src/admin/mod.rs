//! The admin API: migrations, SQL and a look at the policies, for the service key only.
//!
//! Migrations and SQL are in Postgres' dialect; what runs is SQLite, in one batch: all of a file or nothing.

pub mod api;
mod apply;
mod error;
mod finding;
mod migrate;
mod preview;
mod query;
mod report;
mod reset;
mod store;

pub use error::AdminError;
