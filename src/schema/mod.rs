//! The catalog: what Postgres would know of the project's schema and SQLite does not.
//!
//! Tables, columns and their Postgres types, constraints and indexes with their names, enums, functions,
//! policies. Written
//! only by the translator in a migration's own batch; loaded once per isolate and checked by
//! version inside every batch. Knows nothing of HTTP, of callers or of query text.

mod builtin;
mod catalog;
mod data_type;
mod default_privileges;
mod domain;
mod input;
mod memory;
mod output;
mod partition;
mod privilege;
mod routine;
mod setting;
mod spatial;
mod store;
mod trigger;
mod view;

pub use builtin::{is_builtin, publications};
pub use catalog::{
    Catalog, Check, Column, Command, Enum, Exclusion, ForeignKey, Identity, Index, Policy, Publication,
    ReferentialAction, Sequence, Table, Unique,
};
pub use data_type::{DataType, Ranged, Storage};
pub use default_privileges::{DefaultPrivilege, DefaultPrivileges};
pub use domain::Domain;
pub use input::{InputError, Stored, as_it_stands, canonical, from_json, without_offset};
pub use memory::Memory;
pub use output::{feature_geometry, json_value};
pub use partition::{Partition, PartitionBound, PartitionLimit, PartitionStrategy, Partitioning};
pub use privilege::Privileges;
pub use routine::{
    Argument, ArgumentMode, Language, Returns, Routine, RoutineType, SCALAR_COLUMN, Volatility,
};
pub use setting::{ApiSettings, SettingError};
pub use spatial::Spatial;
pub use store::{
    CatalogCache, STALE_CATALOG, StoredCaller, enter_caller, guard, guarded, leave_caller, load, save,
};
pub use trigger::{CALLER_TABLE, FIRED, FIRED_ROWS, Level, NativeTrigger, Timing, Trigger, WrittenTable};
pub use view::{CheckOption, Origin, View, WritePath, WriteStop, Written, origin_name};
