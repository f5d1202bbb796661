//! One file for each kind of statement: syntax in, SQLite statements and a changed catalog out.

mod alter_column;
mod alter_constraint;
mod alter_function;
mod alter_role;
mod alter_table;
mod alter_type;
mod column;
mod comment;
mod constraint;
mod create_function;
mod create_index;
mod create_policy;
pub mod create_table;
mod create_type;
pub mod ddl;
mod domain;
mod drop;
mod exclusion;
mod existing_rows;
mod extension;
mod grant;
pub mod insert;
mod rebuild;
mod reference;
mod rename;
mod routine_users;
mod sequence;
mod session;
mod view;
mod view_users;
pub mod write;
mod write_view;

pub use grant::REVOKE_HINT;
