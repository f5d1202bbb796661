//! The admin API: migrations and SQL, for the service key only.
//!
//! Both take Postgres' dialect; what they run is SQLite, in one batch: all of a file or nothing.

pub mod api;
mod apply;
mod error;
mod migrate;
mod query;
mod store;

pub use error::AdminError;
