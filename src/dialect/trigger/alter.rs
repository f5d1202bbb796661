//! `DROP TRIGGER`, `ALTER TRIGGER … RENAME`, `ENABLE` and `DISABLE TRIGGER`, and triggers that would
//! run each other in a circle.

use crate::dialect::DialectError;
use crate::dialect::reader::Reader;
use crate::dialect::statement::create_table::nameable;
use crate::dialect::translate::Translator;
use crate::schema::{Routine, Table, Trigger, WrittenTable};
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn drop_trigger(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("DROP TRIGGER")?;
        let if_exists = reader.takes("IF EXISTS");
        let name = reader.name()?;
        reader.wants("ON")?;
        let table = match self.table_named(&mut reader) {
            Err(error) if if_exists && error.code == "42P01" => return Ok(()),
            table => table?,
        };
        match self.trigger_key(&table, &name) {
            Err(_) if if_exists => Ok(()),
            key => {
                self.catalog.triggers.shift_remove(&key?);
                Ok(())
            }
        }
    }

    pub(in crate::dialect) fn alter_trigger(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER TRIGGER")?;
        let name = reader.name()?;
        reader.wants("ON")?;
        let table = self.table_named(&mut reader)?;
        if !reader.takes("RENAME TO") {
            return Err(DialectError::unsupported("this form of ALTER TRIGGER"));
        }
        let new = reader.name()?;
        nameable("trigger", &new)?;
        let key = self.trigger_key(&table, &name)?;
        let renamed =
            self.catalog.triggers.get(&key).map(|trigger| Trigger { name: new.clone(), ..trigger.clone() });
        let Some(renamed) = renamed else { return Ok(()) };
        if self.catalog.triggers.contains_key(&renamed.key()) {
            let message = format!("trigger \"{new}\" for relation \"{}\" already exists", table.name);
            return Err(DialectError::new("42710", message));
        }
        self.catalog.triggers.shift_remove(&key);
        self.catalog.triggers.insert(renamed.key(), renamed);
        Ok(())
    }

    /// `ALTER TABLE … ENABLE TRIGGER name`, or all of them.
    pub(in crate::dialect) fn enable_trigger(
        &mut self,
        table: &Table,
        name: &str,
        enabled: bool,
    ) -> Result<(), DialectError> {
        let is_all = matches!(name, "all" | "user");
        if !is_all {
            self.trigger_key(table, name)?;
        }
        for trigger in self.catalog.triggers.values_mut() {
            if trigger.is_of(table) && (is_all || trigger.name == name) {
                trigger.enabled = enabled;
            }
        }
        Ok(())
    }

    fn trigger_key(&self, table: &Table, name: &str) -> Result<String, DialectError> {
        let found =
            self.catalog.triggers.values().find(|trigger| trigger.is_of(table) && trigger.name == name);
        found.map(Trigger::key).ok_or_else(|| {
            let message = format!("trigger \"{name}\" for table \"{}\" does not exist", table.name);
            DialectError::new("42704", message)
        })
    }

    /// The triggers of a table go with it.
    pub(in crate::dialect) fn drop_triggers_of(&mut self, physical: &str) {
        self.catalog.triggers.retain(|_, trigger| physical_name(&trigger.schema, &trigger.table) != physical);
    }

    /// The triggers that name a column, which goes: they go too with `cascade`, else it may not.
    pub(in crate::dialect) fn drop_column_of_triggers(
        &mut self,
        table: &Table,
        column: &str,
        cascade: bool,
    ) -> Result<(), DialectError> {
        let uses = |trigger: &Trigger| trigger.is_of(table) && trigger.names_column(column);
        if let Some(user) = self.catalog.triggers.values().find(|trigger| uses(trigger)).filter(|_| !cascade)
        {
            let message = format!(
                "cannot drop column {column} of table {} because other objects depend on it: trigger {} on table {}",
                table.name, user.name, table.name
            );
            return Err(
                DialectError::new("2BP01", message).with_hint("Drop what depends on it first, or CASCADE.")
            );
        }
        self.catalog.triggers.retain(|_, trigger| !uses(trigger));
        self.suspend_triggers()
    }

    /// The triggers that run a function, which goes: they go too with `cascade`, else it may not.
    pub(in crate::dialect) fn drop_triggers_by(
        &mut self,
        routine: &Routine,
        cascade: bool,
    ) -> Result<(), DialectError> {
        let key = routine.key();
        if cascade {
            self.catalog.triggers.retain(|_, trigger| trigger.function != key);
            return Ok(());
        }
        match self.catalog.triggers.values().find(|trigger| trigger.function == key) {
            None => Ok(()),
            Some(user) => {
                let message = format!(
                    "cannot drop function {} because other objects depend on it: trigger {} on table {}",
                    routine.display(),
                    user.name,
                    user.table
                );
                Err(DialectError::new("2BP01", message)
                    .with_hint("Drop what depends on it first, or CASCADE."))
            }
        }
    }

    /// Carries a table's new name into its triggers.
    pub(in crate::dialect) fn rename_in_triggers(&mut self, table: &Table, rename: impl Fn(&mut Trigger)) {
        let triggers = std::mem::take(&mut self.catalog.triggers);
        for (_, mut trigger) in triggers {
            if trigger.is_of(table) {
                rename(&mut trigger);
            }
            self.catalog.triggers.insert(trigger.key(), trigger);
        }
    }

    /// SQLite does not run a trigger that is running already; Postgres does.
    pub(super) fn refuse_circles(&self) -> Result<(), DialectError> {
        for trigger in self.catalog.triggers.values().filter(|trigger| !trigger.writes.is_empty()) {
            let mut reached: Vec<WrittenTable> = Vec::new();
            let mut pending = trigger.writes.clone();
            while let Some(write) = pending.pop() {
                if reached.contains(&write) {
                    continue;
                }
                for fired in self.fired_by(&write) {
                    if fired.key() == trigger.key() {
                        return Err(DialectError::unsupported(format!(
                            "trigger {}: a trigger that runs itself, through {},",
                            trigger.name, write.table
                        ))
                        .with_hint("Name the columns it is for: UPDATE OF …, none of which it sets."));
                    }
                    pending.extend(fired.writes.iter().cloned());
                }
                pending.extend(self.catalog.acted_on_by(&write));
                reached.push(write);
            }
        }
        Ok(())
    }

    fn fired_by(&self, write: &WrittenTable) -> Vec<&Trigger> {
        let columns: Vec<&str> = write.columns.iter().map(String::as_str).collect();
        let is_its = |trigger: &&Trigger| {
            physical_name(&trigger.schema, &trigger.table) == write.table
                && trigger.fires_on(write.command, &columns)
        };
        self.catalog.triggers.values().filter(is_its).collect()
    }
}
