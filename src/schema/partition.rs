//! `PARTITION BY`: what is known of a table whose rows are in parts.
//!
//! One table has all rows. A part is a name for those that fit its bounds: a view of the table that nobody but the
//! owner and `service_role` may use, as PostgREST does not show partitions either.

use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Table};
use super::trigger::NativeTrigger;

/// How a table is partitioned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partitioning {
    /// What decides.
    pub strategy: PartitionStrategy,
    /// The key: Postgres expressions, most often a quoted column.
    pub keys: Vec<String>,
    /// The type of each, as a cast names it.
    pub types: Vec<String>,
    /// In the order of creation.
    pub partitions: Vec<Partition>,
    /// What refuses rows that fit no part.
    pub guards: Vec<NativeTrigger>,
}

/// `RANGE`, `LIST` or `HASH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum PartitionStrategy {
    Range,
    List,
    Hash,
}

/// `PARTITION OF`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Which rows are its.
    pub bound: PartitionBound,
}

/// `FOR VALUES`; values are constant Postgres expressions of the key's types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PartitionBound {
    /// `DEFAULT`: those that are no other's.
    Default,
    /// `FROM` (included) `TO` (excluded).
    Range(Vec<PartitionLimit>, Vec<PartitionLimit>),
    /// `IN`; whether NULL is among them.
    List(Vec<String>, bool),
    /// `WITH (MODULUS …, REMAINDER …)`.
    Hash(u32, u32),
}

/// One value of a range's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum PartitionLimit {
    Least,
    Value(String),
    Most,
}

impl Catalog {
    /// Whether a relation is a part of a table, which the data API does not show.
    pub fn is_partition(&self, relation: &Table) -> bool {
        self.view(&relation.schema, &relation.name).is_some_and(|view| view.partition)
    }

    /// The table that a partition of this name is of.
    pub fn partitioned(&self, schema: &str, name: &str) -> Option<&Table> {
        let has_it =
            |of: &Partitioning| of.partitions.iter().any(|of| of.schema == schema && of.name == name);
        self.tables.values().find(|table| table.partitioning.as_ref().is_some_and(has_it))
    }
}
