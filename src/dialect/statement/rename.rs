//! `ALTER TABLE … RENAME`: SQLite renames in place, the catalog's expressions are carried along.

use indexmap::IndexMap;
use sqlparser::ast::{Expr, Ident, ObjectName, RenameTableNameKind};

use super::create_index::definition;
use super::reference::Renaming;
use super::view_users::{NewName, carried_views, rename_materialized};
use crate::dialect::name::folded;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name, parse};
use crate::schema::{Catalog, Index, Table};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(super) fn rename_table(
        &mut self,
        table: &Table,
        to: &RenameTableNameKind,
    ) -> Result<(), DialectError> {
        let (RenameTableNameKind::As(object) | RenameTableNameKind::To(object)) = to;
        let new = name::single(object)?;
        self.new_relation(&table.schema, &new)?;
        let old_key = physical_name(&table.schema, &table.name);
        let new_key = physical_name(&table.schema, &new);
        let before = self.catalog.clone();
        let key_of = |key: &str| if key == old_key { new_key.clone() } else { key.to_string() };
        let mut after = before.clone();
        after.tables =
            std::mem::take(&mut after.tables)
                .into_iter()
                .map(|(key, mut of)| {
                    for to_it in of.foreign_keys.iter_mut().filter(|to_it| {
                        to_it.foreign_schema == table.schema && to_it.foreign_table == table.name
                    }) {
                        to_it.foreign_table.clone_from(&new);
                    }
                    if key == old_key {
                        of.name.clone_from(&new);
                    }
                    (key_of(&key), of)
                })
                .collect();
        for index in after.indexes.values_mut().filter(|index| index.table == old_key) {
            index.table.clone_from(&new_key);
        }
        rename_materialized(&mut after, &old_key, &new_key, &new);
        let (old_sql, new_sql) = (quote_identifier(&old_key), quote_identifier(&new_key));
        let name = NewName { old: &table.name, new: &new, old_sql: &old_sql, new_sql: &new_sql };
        let after = carried_views(&before, after, name)?;
        let renaming = Renaming {
            before: &before,
            after: &after,
            old: &table.name,
            new: &new,
            old_sql: quote_identifier(&old_key),
            new_sql: quote_identifier(&new_key),
        };
        let carried = carried(&renaming, &old_key, &new_key)?;
        self.suspend_triggers()?;
        self.catalog = carried;
        self.rename_in_triggers(table, |trigger| trigger.table.clone_from(&new));
        self.drop_exclusions(table)?;
        self.push(format!(
            "ALTER TABLE {} RENAME TO {}",
            quote_identifier(&old_key),
            quote_identifier(&new_key)
        ))?;
        self.create_exclusions_again(&new_key)
    }

    pub(super) fn rename_column(
        &mut self,
        table: &Table,
        old: &Ident,
        new: &Ident,
    ) -> Result<(), DialectError> {
        let (old, new) = (folded(old), folded(new));
        if table.column(&old).is_none() {
            return Err(DialectError::new("42703", format!("column \"{old}\" does not exist")));
        }
        if new.is_empty() || new.contains('\0') {
            return Err(DialectError::new("42601", "zero-length delimited identifier"));
        }
        if let Some(same) = table.columns.iter().find(|of| of.name.eq_ignore_ascii_case(&new)) {
            if same.name != old {
                let message = format!("column \"{new}\" of relation \"{}\" already exists", table.name);
                return Err(DialectError::new("42701", message));
            }
            return Err(DialectError::unsupported("a new name that differs from the old in case only"));
        }
        let before = self.catalog.clone();
        let mut after = before.clone();
        for of in after.tables.values_mut() {
            rename_in(of, table, &old, &new);
        }
        let (old_sql, new_sql) = (quote_identifier(&old), quote_identifier(&new));
        let name = NewName { old: &old, new: &new, old_sql: &old_sql, new_sql: &new_sql };
        let after = carried_views(&before, after, name)?;
        let key = physical_name(&table.schema, &table.name);
        let renaming = Renaming {
            before: &before,
            after: &after,
            old: &old,
            new: &new,
            old_sql: quote_identifier(&old),
            new_sql: quote_identifier(&new),
        };
        let carried = carried(&renaming, &key, &key)?;
        self.suspend_triggers()?;
        self.catalog = carried;
        self.rename_in_triggers(table, |trigger| trigger.rename_column(&old, &new));
        self.drop_exclusions(table)?;
        self.push(format!(
            "ALTER TABLE {} RENAME COLUMN {} TO {}",
            table.physical(),
            quote_identifier(&old),
            quote_identifier(&new)
        ))?;
        self.create_exclusions_again(&key)
    }

    fn create_exclusions_again(&mut self, key: &str) -> Result<(), DialectError> {
        let table = self.catalog.tables.get(key).cloned();
        table.map_or(Ok(()), |table| self.create_exclusions(&table))
    }
}

/// Renames a column of `table` in a table's own lists of columns.
fn rename_in(of: &mut Table, table: &Table, old: &str, new: &str) {
    let rename = |names: &mut Vec<String>| {
        for name in names.iter_mut().filter(|name| *name == old) {
            *name = new.to_string();
        }
    };
    let is_it = of.schema == table.schema && of.name == table.name;
    for key in &mut of.foreign_keys {
        if is_it {
            rename(&mut key.columns);
        }
        if key.foreign_schema == table.schema && key.foreign_table == table.name {
            rename(&mut key.foreign_columns);
        }
    }
    if !is_it {
        return;
    }
    of.privileges.rename_column(old, new);
    for unique in of.primary_key.iter_mut().chain(&mut of.uniques) {
        rename(&mut unique.columns);
    }
    for column in of.columns.iter_mut().filter(|column| column.name == old) {
        column.name = new.to_string();
    }
}

/// The schema after, its expressions with the new name. The keys are the table's physical names.
pub(super) fn carried(
    renaming: &Renaming<'_>,
    old_key: &str,
    new_key: &str,
) -> Result<Catalog, DialectError> {
    let mut catalog = renaming.after.clone();
    let mut indexes = IndexMap::new();
    for (key, index) in std::mem::take(&mut catalog.indexes) {
        let is_its = index.table == new_key;
        indexes.insert(key, if is_its { carried_index(renaming, index, old_key, new_key)? } else { index });
    }
    catalog.indexes = indexes;
    for (key, table) in &mut catalog.tables {
        let before = if key == new_key { old_key } else { key.as_str() };
        let carry = |text: &mut String| -> Result<(), DialectError> {
            *text = renaming.carried(before, key, text)?;
            Ok(())
        };
        let policies = table.policies.iter_mut();
        for text in policies.flat_map(|policy| policy.using.iter_mut().chain(&mut policy.check)) {
            carry(text)?;
        }
        if key == new_key {
            table.checks.iter_mut().try_for_each(|check| carry(&mut check.expression))?;
            for exclusion in &mut table.exclusions {
                exclusion.elements.iter_mut().try_for_each(|(text, _)| carry(text))?;
                exclusion.predicate.iter_mut().try_for_each(carry)?;
            }
            table.columns.iter_mut().filter_map(|column| column.generated.as_mut()).try_for_each(carry)?;
            table.partitioning.iter_mut().flat_map(|of| &mut of.keys).try_for_each(carry)?;
        }
    }
    Ok(catalog)
}

fn carried_index(
    renaming: &Renaming<'_>,
    index: Index,
    old_key: &str,
    new_key: &str,
) -> Result<Index, DialectError> {
    let mut create = definition(&index)?;
    let carry = |expression: &mut Expr| -> Result<(), DialectError> {
        let text = renaming.carried(old_key, new_key, &expression.to_string())?;
        *expression = parse::expression(&text)?;
        Ok(())
    };
    create.columns.iter_mut().try_for_each(|column| carry(&mut column.column.expr))?;
    create.predicate.as_mut().map_or(Ok(()), carry)?;
    if old_key != new_key {
        let (schema, _) = name::qualified(&create.table_name)?;
        let names = [schema, renaming.new.to_string()];
        create.table_name = ObjectName::from(names.map(|part| Ident::with_quote('"', part)).to_vec());
    }
    Ok(Index { definition: create.to_string(), ..index })
}
