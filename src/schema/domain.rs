//! `CREATE DOMAIN`: a type of values under conditions. A value of it is stored, and computed with, as one of the type
//! under it; what is put into its columns, cast to it or given to a function as it must fulfil the conditions.

use serde::{Deserialize, Serialize};

use super::DataType;
use super::catalog::{Catalog, Check};

/// A domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The type under it, which is none.
    pub data_type: DataType,
    /// The domain that it is one of, by its physical name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The default of its columns that have none themselves, a Postgres expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its conditions over `VALUE`.
    pub checks: Vec<Check>,
}

impl Catalog {
    /// A domain and those it is one of, the outermost last.
    pub fn domain_and_above(&self, physical: &str) -> Vec<&Domain> {
        let mut found: Vec<&Domain> = Vec::new();
        let mut next = self.domains.get(physical);
        while let Some(domain) = next {
            found.push(domain);
            // A circle cannot be made, but a registry can be written by hand.
            next = domain.of.as_ref().filter(|_| found.len() < 32).and_then(|of| self.domains.get(of));
        }
        found
    }

    /// What a column of a domain defaults to.
    pub fn domain_default(&self, physical: &str) -> Option<&String> {
        self.domain_and_above(physical).into_iter().find_map(|domain| domain.default.as_ref())
    }
}
