//! `ALTER TABLE … ADD, DROP, RENAME, VALIDATE CONSTRAINT`.
//!
//! Rows that are there are checked by statements of their own, for the errors Postgres gives.
//! `NOT VALID` checks them too: a table here has no rows that its constraints would not let in.

use sqlparser::ast::{ConstraintUsingIndex, DropBehavior, Ident, TableConstraint};

use super::column::refuse_characteristics;
use super::constraint::{Constraints, constraint_names, new_constraint};
use super::ddl::stored_condition;
use super::existing_rows::{duplicates, failed_check, null_values};
use super::partition_bound::check_keys;
use crate::dialect::DialectError;
use crate::dialect::name::folded;
use crate::dialect::translate::Translator;
use crate::schema::{ForeignKey, Table, Unique};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(super) fn add_constraint(
        &mut self,
        table: &Table,
        constraint: &TableConstraint,
    ) -> Result<(), DialectError> {
        let is_primary_key =
            matches!(constraint, TableConstraint::PrimaryKey(_) | TableConstraint::PrimaryKeyUsingIndex(_));
        if is_primary_key && table.primary_key.is_some() {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
            return Err(DialectError::new("42P16", message));
        }
        if let TableConstraint::PrimaryKeyUsingIndex(using) | TableConstraint::UniqueUsingIndex(using) =
            constraint
        {
            return self.key_of_index(table, using, is_primary_key);
        }
        let mut constraints = Constraints::default();
        constraints.add(constraint)?;
        let alike = std::mem::take(&mut constraints.alike);
        if !alike.is_empty() {
            return self.create_alike(table, alike);
        }
        let mut after = table.clone();
        constraints.resolve(&self.catalog, &mut after)?;
        check_keys(&self.catalog, &mut after)?;
        self.check_rows(table, &after)?;
        self.rebuild(table, after, &[])
    }

    /// A unique index becomes the constraint that it is, under the constraint's name.
    fn key_of_index(
        &mut self,
        table: &Table,
        using: &ConstraintUsingIndex,
        is_primary_key: bool,
    ) -> Result<(), DialectError> {
        refuse_characteristics(using.characteristics.as_ref())?;
        let index = folded(&using.index_name);
        let mut after = table.clone();
        let place = after.uniques.iter().position(|unique| !unique.is_constraint && unique.name == index);
        let Some(place) = place else {
            return Err(DialectError::new(
                "42809",
                format!("index \"{index}\" is not a unique index of plain columns of \"{}\"", table.name),
            ));
        };
        let of = after.uniques.remove(place);
        let name = using.name.as_ref().map_or(index.clone(), folded);
        if name != index {
            new_constraint(table, &name)?;
        }
        let key = Unique { name, columns: of.columns, is_constraint: true };
        if is_primary_key {
            for column in after.columns.iter_mut().filter(|column| key.columns.contains(&column.name)) {
                column.nullable = false;
            }
            after.primary_key = Some(key);
        } else {
            after.uniques.push(key);
        }
        let physical = physical_name(&table.schema, &index);
        self.catalog.indexes.shift_remove(&physical);
        self.check_rows(table, &after)?;
        self.push(format!("DROP INDEX {}", quote_identifier(&physical)))?;
        self.rebuild(table, after, &[])
    }

    /// Refuses when rows do not fit what `after` asks and `before` did not.
    pub(super) fn check_rows(&mut self, before: &Table, after: &Table) -> Result<(), DialectError> {
        let strengthened = |name: &str| before.column(name).is_some_and(|column| column.nullable);
        for column in after.columns.iter().filter(|column| !column.nullable && strengthened(&column.name)) {
            self.push(null_values(before, &column.name))?;
        }
        let is_old = |key: &Unique| {
            before.primary_key.iter().chain(&before.uniques).any(|old| old.columns == key.columns)
        };
        let is_there = |key: &&Unique| key.columns.iter().all(|column| before.column(column).is_some());
        for key in after.primary_key.iter().chain(&after.uniques).filter(is_there).filter(|key| !is_old(key))
        {
            self.push(duplicates(before, &key.name, &key.columns))?;
        }
        for exclusion in after.exclusions.iter().filter(|of| !before.exclusions.contains(of)) {
            self.check_exclusion(after, exclusion)?;
        }
        for check in after.checks.iter().filter(|check| !before.checks.contains(check)) {
            let condition = stored_condition(&self.catalog, after, &check.expression, "a CHECK constraint")?;
            // One that names a new column is checked when the rows get their values.
            if stored_condition(&self.catalog, before, &check.expression, "a CHECK constraint").is_ok() {
                self.push(failed_check(before, &check.name, &condition))?;
            }
        }
        Ok(())
    }

    pub(super) fn drop_constraint(
        &mut self,
        table: &Table,
        name: &Ident,
        if_exists: bool,
        behavior: Option<&DropBehavior>,
    ) -> Result<(), DialectError> {
        let name = folded(name);
        if !is_constraint(table, &name) && self.drop_alike(table, &name)? {
            return Ok(());
        }
        if !is_constraint(table, &name) {
            return if if_exists { Ok(()) } else { Err(missing(table, &name)) };
        }
        let key = table.primary_key.iter().chain(&table.uniques).find(|key| key.name == name).cloned();
        if let Some(key) = key {
            let what = format!("constraint {name} on table {}", table.name);
            self.drop_references(table, &what, behavior, |of| {
                same_columns(&of.foreign_columns, &key.columns)
            })?;
        }
        let physical = physical_name(&table.schema, &table.name);
        let before = self.catalog.tables.get(&physical).cloned().unwrap_or_else(|| table.clone());
        let mut after = before.clone();
        after.primary_key = after.primary_key.filter(|key| key.name != name);
        after.uniques.retain(|unique| !unique.is_constraint || unique.name != name);
        after.checks.retain(|check| check.name != name);
        after.foreign_keys.retain(|key| key.name != name);
        after.exclusions.retain(|exclusion| exclusion.name != name);
        self.rebuild(&before, after, &[])
    }

    /// Drops the foreign keys to a table that need what goes; without CASCADE they keep it from going.
    pub(super) fn drop_references(
        &mut self,
        table: &Table,
        what: &str,
        behavior: Option<&DropBehavior>,
        needs: impl Fn(&ForeignKey) -> bool,
    ) -> Result<(), DialectError> {
        let needs = |key: &ForeignKey| {
            key.foreign_schema == table.schema && key.foreign_table == table.name && needs(key)
        };
        let users: Vec<Table> =
            self.catalog.tables.values().filter(|of| of.foreign_keys.iter().any(needs)).cloned().collect();
        for user in users {
            if behavior != Some(&DropBehavior::Cascade) {
                let key = user.foreign_keys.iter().find(|key| needs(key)).map_or("", |key| &key.name);
                let message = format!(
                    "cannot drop {what} because other objects depend on it: constraint {key} on table {}",
                    user.name
                );
                return Err(DialectError::new("2BP01", message)
                    .with_hint("Drop what depends on it first, or CASCADE."));
            }
            let mut after = user.clone();
            after.foreign_keys.retain(|key| !needs(key));
            self.rebuild(&user, after, &[])?;
        }
        Ok(())
    }

    pub(super) fn rename_constraint(
        &mut self,
        table: &Table,
        old: &Ident,
        new: &Ident,
    ) -> Result<(), DialectError> {
        let (old, new) = (folded(old), folded(new));
        if !is_constraint(table, &old) {
            return Err(missing(table, &old));
        }
        new_constraint(table, &new)?;
        let mut after = table.clone();
        let uniques = after.uniques.iter_mut().filter(|unique| unique.is_constraint);
        let names = after.primary_key.iter_mut().chain(uniques).map(|unique| &mut unique.name);
        let names = names.chain(after.checks.iter_mut().map(|check| &mut check.name));
        let names = names.chain(after.exclusions.iter_mut().map(|exclusion| &mut exclusion.name));
        for name in names.chain(after.foreign_keys.iter_mut().map(|key| &mut key.name)) {
            if *name == old {
                name.clone_from(&new);
            }
        }
        // Of the names in SQLite's own DDL, errors repeat those of CHECKs and exclusions only.
        if after.checks != table.checks || after.exclusions != table.exclusions {
            return self.rebuild(table, after, &[]);
        }
        self.catalog.tables.insert(physical_name(&table.schema, &table.name), after);
        Ok(())
    }

    pub(super) fn validate_constraint(&self, table: &Table, name: &Ident) -> Result<(), DialectError> {
        let name = folded(name);
        if is_constraint(table, &name) { Ok(()) } else { Err(missing(table, &name)) }
    }
}

fn is_constraint(table: &Table, name: &str) -> bool {
    let is_index = |unique: &Unique| !unique.is_constraint && unique.name == name;
    constraint_names(table).any(|of| of == name) && !table.uniques.iter().any(is_index)
}

fn missing(table: &Table, name: &str) -> DialectError {
    DialectError::new("42704", format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name))
}

fn same_columns(one: &[String], other: &[String]) -> bool {
    let sorted = |columns: &[String]| {
        let mut columns = columns.to_vec();
        columns.sort();
        columns
    };
    sorted(one) == sorted(other)
}
