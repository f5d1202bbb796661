//! What row-level security says of `storage.objects` and `storage.buckets` for one caller, as SQL.
//!
//! | Action                      | asks                                                              |
//! |-----------------------------|-------------------------------------------------------------------|
//! | upload                      | the new row: insertable                                           |
//! | upload with upsert, PUT     | the new row: insertable, visible; an old one: updatable, visible, and the new updated |
//! | download, info, list, sign  | visible                                                           |
//! | remove                      | visible, deletable                                                |
//! | move                        | the old row: visible, updatable; the new: updated, visible        |
//! | copy                        | the source: visible; the new row: as upload                       |

use super::StorageError;
use crate::caller::Caller;
use crate::policy::{self, CallerEnvironment, Predicate};
use crate::schema::{Catalog, Command, Table};
use crate::sql::Writer;

/// How SQL names the row that policies speak of, in real tables and for rows that might come to be.
pub const OBJECT: &str = "\"storage.objects\"";

/// The same for buckets.
pub const BUCKET: &str = "\"storage.buckets\"";

/// Which table's policies.
#[derive(Clone, Copy)]
pub enum Of {
    /// `storage.objects`
    Objects,
    /// `storage.buckets`
    Buckets,
}

/// Something a row must be for the caller.
#[derive(Clone, Copy)]
pub enum Rule {
    /// SELECT's `USING`.
    Visible,
    /// INSERT's `WITH CHECK`.
    Insertable,
    /// UPDATE's `USING`.
    Updatable,
    /// UPDATE's `WITH CHECK`.
    Updated,
    /// DELETE's `USING`.
    Deletable,
}

/// A caller before a catalog.
pub struct Access<'a> {
    /// The schema with its policies.
    pub catalog: &'a Catalog,
    /// Who asks.
    pub caller: &'a Caller,
}

impl Access<'_> {
    /// A SQL expression that is true for rows ([`OBJECT`] or [`BUCKET`]) that keep all the rules;
    /// NULL counts as false. The caller's values become binds of `writer`.
    pub fn sql(&self, writer: &mut Writer, of: Of, rules: &[Rule]) -> Result<String, StorageError> {
        let (name, row) = match of {
            Of::Objects => ("objects", OBJECT),
            Of::Buckets => ("buckets", BUCKET),
        };
        let table = self.catalog.table("storage", name);
        let table = table.ok_or_else(|| StorageError::Internal(format!("no table storage.{name}")))?;
        let mut environment = CallerEnvironment::new(self.catalog, self.caller, writer);
        let mut all = Predicate::Always;
        for rule in rules {
            all = all.and(predicate(&mut environment, table, row, *rule)?);
        }
        Ok(format!("({})", all.to_sql()))
    }
}

#[rustfmt::skip]
fn predicate(
    environment: &mut CallerEnvironment<'_>,
    table: &Table,
    row: &str,
    rule: Rule,
) -> Result<Predicate, StorageError> {
    let predicate = match rule {
        Rule::Visible    => policy::using(environment, table, Command::Select, row),
        Rule::Insertable => policy::check(environment, table, Command::Insert, row),
        Rule::Updatable  => policy::using(environment, table, Command::Update, row),
        Rule::Updated    => policy::check(environment, table, Command::Update, row),
        Rule::Deletable  => policy::using(environment, table, Command::Delete, row),
    };
    Ok(predicate?)
}
