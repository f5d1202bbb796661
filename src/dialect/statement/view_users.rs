//! What depends on what: views dropped, refused and renamed with the tables and views that they read.

use indexmap::IndexMap;
use sqlparser::ast::{Ident, ObjectName, RenameTableNameKind};

use super::reference::Renaming;
use super::rename::carried;
use crate::dialect::translate::Translator;
use crate::dialect::view::{analyse, system_query};
use crate::dialect::{DialectError, name};
use crate::schema::{Catalog, Table, View};
use crate::sql::{physical_name, quote_identifier};

/// A name before and after, as written and as SQLite's text has it.
#[derive(Clone, Copy)]
pub struct NewName<'a> {
    pub old: &'a str,
    pub new: &'a str,
    pub old_sql: &'a str,
    pub new_sql: &'a str,
}

impl<'a> NewName<'a> {
    fn between(self, before: &'a Catalog, after: &'a Catalog) -> Renaming<'a> {
        Renaming {
            before,
            after,
            old: self.old,
            new: self.new,
            old_sql: self.old_sql.to_string(),
            new_sql: self.new_sql.to_string(),
        }
    }
}

impl Translator {
    pub(super) fn drop_views(
        &mut self,
        objects: &[ObjectName],
        materialized: bool,
        if_exists: bool,
        cascade: bool,
    ) -> Result<(), DialectError> {
        let mut keys = Vec::new();
        for object in objects {
            match self.view_to_drop(object, materialized) {
                Err(error) if if_exists && error.code == "42P01" => {}
                view => keys.push(view?),
            }
        }
        for key in &keys {
            let Some(view) = self.catalog.views.get(key).cloned() else { continue };
            if cascade {
                continue;
            }
            let kind = self.kind_of_view(key);
            if let Some(user) = self.views_over(key).into_iter().find(|user| !keys.contains(user)) {
                let user_kind = self.kind_of_view(&user);
                return Err(needed(kind, &view.table.name, &format!("{user_kind} {user}")));
            }
            self.drop_policies_over(&view.table, &keys, false)?;
        }
        keys.iter().try_for_each(|key| self.drop_view_and_users(key))
    }

    fn view_to_drop(&self, object: &ObjectName, materialized: bool) -> Result<String, DialectError> {
        let (schema, name) = name::qualified(object)?;
        let kind = if materialized { "materialized view" } else { "view" };
        match self.catalog.view(&schema, &name) {
            Some(view) if view.materialized == materialized => Ok(physical_name(&schema, &name)),
            Some(_) => {
                let other = if materialized { "VIEW" } else { "MATERIALIZED VIEW" };
                Err(DialectError::new("42809", format!("\"{name}\" is not a {kind}"))
                    .with_hint(format!("Use DROP {other} to remove a {}.", other.to_lowercase())))
            }
            None if self.catalog.table(&schema, &name).is_some() => {
                Err(DialectError::new("42809", format!("\"{name}\" is not a {kind}"))
                    .with_hint("Use DROP TABLE to remove a table."))
            }
            None => Err(DialectError::new("42P01", format!("{kind} \"{name}\" does not exist"))),
        }
    }

    /// DROP TABLE is not for views.
    pub(super) fn refuse_view_as_table(&self, object: &ObjectName) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(object)?;
        let Some(view) = self.catalog.view(&schema, &name) else { return Ok(()) };
        let kind = if view.materialized { "materialized view" } else { "view" };
        Err(DialectError::new("42809", format!("\"{name}\" is not a table"))
            .with_hint(format!("Use DROP {} to remove a {kind}.", kind.to_uppercase())))
    }

    /// `view` or `materialized view`.
    pub(super) fn kind_of_view(&self, key: &str) -> &'static str {
        match self.catalog.views.get(key) {
            Some(view) if view.materialized => "materialized view",
            _ => "view",
        }
    }

    /// The views that read a table or view, by their physical names.
    fn views_over(&self, key: &str) -> Vec<String> {
        let reads = self.catalog.views.iter().filter(|(_, view)| view.reads.iter().any(|of| of == key));
        reads.map(|(key, _)| key.clone()).collect()
    }

    /// Drops a view, the views over it and the policies that look into it.
    pub(super) fn drop_view_and_users(&mut self, key: &str) -> Result<(), DialectError> {
        for user in self.views_over(key) {
            self.drop_view_and_users(&user)?;
        }
        let Some(view) = self.catalog.views.get(key).cloned() else { return Ok(()) };
        self.drop_policies_over(&view.table, &[], true)?;
        self.catalog.views.shift_remove(key);
        self.drop_triggers_of(key);
        if view.materialized {
            self.catalog.tables.shift_remove(key);
            self.catalog.indexes.retain(|_, index| index.table != key);
            self.push(format!("DROP TABLE {}", quote_identifier(key)))?;
        }
        Ok(())
    }

    /// The views over a table that is dropped go with CASCADE.
    pub(super) fn drop_views_over(
        &mut self,
        table: &Table,
        along: &[String],
        cascade: bool,
    ) -> Result<(), DialectError> {
        for user in self.views_over(&physical_name(&table.schema, &table.name)) {
            if along.contains(&user) {
                continue;
            }
            if !cascade {
                let kind = self.kind_of_view(&user);
                return Err(needed("table", &table.name, &format!("{kind} {user}")));
            }
            self.drop_view_and_users(&user)?;
        }
        Ok(())
    }

    pub(super) fn drop_views_of_schema(&mut self, schema: &str) -> Result<(), DialectError> {
        let its = self.catalog.views.iter().filter(|(_, view)| view.table.schema == schema);
        let keys: Vec<String> = its.map(|(key, _)| key.clone()).collect();
        keys.iter().try_for_each(|key| self.drop_view_and_users(key))
    }

    /// Refuses what a view no longer compiles without.
    pub(super) fn refuse_broken_views(&self, what: &str) -> Result<(), DialectError> {
        for (key, view) in &self.catalog.views {
            if system_query(&self.catalog, &view.definition).is_err() {
                let message = format!(
                    "cannot drop {what} because other objects depend on it: view {key} depends on {what}"
                );
                return Err(DialectError::new("2BP01", message).with_hint("Drop what depends on it first."));
            }
        }
        Ok(())
    }

    pub(super) fn rename_view(&mut self, view: &View, new: &str) -> Result<(), DialectError> {
        let Table { schema, name: old, .. } = &view.table;
        if view.materialized {
            let to = RenameTableNameKind::To(ObjectName::from(vec![Ident::with_quote('"', new)]));
            return self.rename_table(&view.table, &to);
        }
        self.new_relation(schema, new)?;
        let (old_key, new_key) = (physical_name(schema, old), physical_name(schema, new));
        let mut after = self.catalog.clone();
        after.views = rekeyed(after.views, &old_key, &new_key, new);
        self.rename_in_triggers(&view.table, |trigger| trigger.table = new.to_string());
        after.triggers.clone_from(&self.catalog.triggers);
        let (old_sql, new_sql) = (quote_identifier(&old_key), quote_identifier(&new_key));
        self.carry(after, NewName { old, new, old_sql: &old_sql, new_sql: &new_sql })
    }

    pub(super) fn rename_view_column(
        &mut self,
        view: &View,
        old: &str,
        new: &str,
    ) -> Result<(), DialectError> {
        let table = &view.table;
        if table.column(old).is_none() {
            return Err(DialectError::new("42703", format!("column \"{old}\" does not exist")));
        }
        if table.columns.iter().any(|of| of.name.eq_ignore_ascii_case(new)) {
            let message = format!("column \"{new}\" of relation \"{}\" already exists", table.name);
            return Err(DialectError::new("42701", message));
        }
        let mut after = self.catalog.clone();
        if let Some(view) = after.views.get_mut(&physical_name(&table.schema, &table.name)) {
            view.table.privileges.rename_column(old, new);
            for column in view.table.columns.iter_mut().filter(|column| column.name == old) {
                column.name = new.to_string();
            }
        }
        let (old_sql, new_sql) = (quote_identifier(old), quote_identifier(new));
        self.carry(after, NewName { old, new, old_sql: &old_sql, new_sql: &new_sql })
    }

    /// Takes over a schema in which a view has a new name, with that name in all that uses it.
    fn carry(&mut self, after: Catalog, name: NewName<'_>) -> Result<(), DialectError> {
        let before = self.catalog.clone();
        let after = carried_views(&before, after, name)?;
        self.catalog = carried(&name.between(&before, &after), "", "")?;
        Ok(())
    }

    /// Finds again where the columns of views come from.
    pub(super) fn analyse_views_again(&mut self) -> Result<(), DialectError> {
        for key in in_order(&self.catalog) {
            let Some(view) = self.catalog.views.get(&key) else { continue };
            let analysis = analyse(&self.catalog, &view.definition)?;
            if let Some(view) = self.catalog.views.get_mut(&key) {
                (view.origins, view.reads, view.written) =
                    (analysis.origins, analysis.reads, analysis.written);
            }
        }
        self.catalog.find_view_keys();
        Ok(())
    }
}

/// The schema after, its views with the new name.
pub fn carried_views(
    before: &Catalog,
    mut after: Catalog,
    name: NewName<'_>,
) -> Result<Catalog, DialectError> {
    for key in in_order(&after) {
        let Some(view) = after.views.get(&key) else { continue };
        let definition = name.between(before, &after).carried_query(&view.definition)?;
        let analysis = analyse(&after, &definition)?;
        if let Some(view) = after.views.get_mut(&key) {
            view.definition = analysis.definition;
            (view.origins, view.reads) = (analysis.origins, analysis.reads);
            (view.written, view.below) = (analysis.written, analysis.below);
        }
    }
    after.find_view_keys();
    Ok(after)
}

/// A materialized view has its table's new name.
pub fn rename_materialized(after: &mut Catalog, old_key: &str, new_key: &str, new: &str) {
    if after.views.get(old_key).is_some_and(|view| view.materialized) {
        after.views = rekeyed(std::mem::take(&mut after.views), old_key, new_key, new);
    }
}

fn rekeyed(views: IndexMap<String, View>, old_key: &str, new_key: &str, new: &str) -> IndexMap<String, View> {
    let rekey = |(key, mut view): (String, View)| {
        for read in view.reads.iter_mut().filter(|read| *read == old_key) {
            *read = new_key.to_string();
        }
        if key != old_key {
            return (key, view);
        }
        view.table.name = new.to_string();
        (new_key.to_string(), view)
    };
    views.into_iter().map(rekey).collect()
}

/// The views' physical names, each after those that it reads.
fn in_order(catalog: &Catalog) -> Vec<String> {
    let mut ordered: Vec<String> = Vec::new();
    while ordered.len() < catalog.views.len() {
        let ready = catalog.views.iter().find(|(key, view)| {
            let known = |read: &String| ordered.contains(read) || !catalog.views.contains_key(read);
            !ordered.contains(key) && view.reads.iter().all(known)
        });
        match ready {
            Some((key, _)) => ordered.push(key.clone()),
            None => break,
        }
    }
    ordered
}

fn needed(kind: &str, name: &str, user: &str) -> DialectError {
    let message = format!(
        "cannot drop {kind} {name} because other objects depend on it: {user} depends on {kind} {name}"
    );
    DialectError::new("2BP01", message).with_hint("Drop what depends on it first, or CASCADE.")
}
