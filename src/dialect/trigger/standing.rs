//! Which of SQLite's triggers stand in the database while a file is translated.
//!
//! A table that is rebuilt or renamed must not fire them, and they follow what the file makes of the
//! schema: they go before such a change, and come back, as the schema has them then, before rows are
//! written and at the file's end.

use indexmap::IndexMap;

use super::create::is_missing;
use super::native::{Compiled, compiled, failing};
use crate::dialect::DialectError;
use crate::dialect::translate::Translator;
use crate::schema::{Catalog, NativeTrigger, Trigger};
use crate::sql::{physical_name, quote_identifier};

/// The triggers of each table, by its physical name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing(IndexMap<String, Vec<NativeTrigger>>);

impl Standing {
    /// Those that the registry has.
    pub fn of(catalog: &Catalog) -> Self {
        let mut standing = Self::default();
        for trigger in catalog.triggers.values() {
            standing.add(trigger, trigger.natives.clone());
        }
        for (key, table) in &catalog.tables {
            if let Some(of) = &table.partitioning {
                standing.0.entry(key.clone()).or_default().extend(of.guards.clone());
            }
        }
        // SQLite fires the newest first, so the first of a table's is made last.
        for natives in standing.0.values_mut() {
            natives.sort_by(|one, other| other.name.cmp(&one.name));
        }
        standing
    }

    fn add(&mut self, trigger: &Trigger, natives: Vec<NativeTrigger>) {
        if !natives.is_empty() {
            self.0.entry(physical_name(&trigger.schema, &trigger.table)).or_default().extend(natives);
        }
    }
}

impl Translator {
    /// Takes all triggers away until [`Self::restore_triggers`].
    pub(in crate::dialect) fn suspend_triggers(&mut self) -> Result<(), DialectError> {
        let standing = std::mem::take(&mut self.standing);
        for native in standing.0.into_values().flatten() {
            self.push(format!("DROP TRIGGER {}", quote_identifier(&native.name)))?;
        }
        self.schema_moved = true;
        Ok(())
    }

    /// Has the database's triggers be those of the schema.
    pub(in crate::dialect) fn restore_triggers(&mut self) -> Result<(), DialectError> {
        if !std::mem::take(&mut self.schema_moved) {
            return Ok(());
        }
        let is_partitioned = self.guard_partitions()?;
        if self.catalog.triggers.is_empty() && self.standing.0.is_empty() && !is_partitioned {
            return Ok(());
        }
        let keys: Vec<String> = self.catalog.triggers.keys().cloned().collect();
        for key in keys {
            let Some(trigger) = self.catalog.triggers.get(&key) else { continue };
            let compiled = self.compiled(trigger)?;
            if let Some(trigger) = self.catalog.triggers.get_mut(&key) {
                (trigger.natives, trigger.writes) = (compiled.natives, compiled.writes);
            }
        }
        self.refuse_circles()?;
        let wanted = Standing::of(&self.catalog);
        let standing = std::mem::take(&mut self.standing);
        for (table, natives) in &standing.0 {
            if wanted.0.get(table) != Some(natives) {
                for native in natives {
                    self.push(format!("DROP TRIGGER IF EXISTS {}", quote_identifier(&native.name)))?;
                }
            }
        }
        for (table, natives) in &wanted.0 {
            if standing.0.get(table) != Some(natives) {
                for native in natives {
                    self.push(native.sql.clone())?;
                }
            }
        }
        self.standing = wanted;
        Ok(())
    }

    fn compiled(&self, trigger: &Trigger) -> Result<Compiled, DialectError> {
        match compiled(&self.catalog, trigger, self.invoker) {
            Err(error) if is_missing(&error) => {
                let table = self.catalog.relation(&trigger.schema, &trigger.table);
                let natives = table.map(|table| failing(trigger, table, &error)).unwrap_or_default();
                Ok(Compiled { natives, writes: Vec::new() })
            }
            Err(error) => {
                let message = format!("trigger {}: {}", trigger.name, error.message);
                Err(DialectError { message, ..error })
            }
            Ok(compiled) => Ok(compiled),
        }
    }
}
