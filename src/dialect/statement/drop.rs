//! `DROP TABLE`, `DROP TYPE`, `DROP INDEX`, `DROP SCHEMA`.

use sqlparser::ast::{Ident, ObjectName, ObjectType};

use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name, parse};
use crate::schema::{DataType, Domain, Enum, ForeignKey, Table};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(in crate::dialect) fn drop(
        &mut self,
        object_type: ObjectType,
        if_exists: bool,
        objects: &[ObjectName],
        cascade: bool,
    ) -> Result<(), DialectError> {
        if object_type == ObjectType::Table {
            return self.drop_tables(objects, if_exists, cascade);
        }
        if matches!(object_type, ObjectType::View | ObjectType::MaterializedView) {
            return self.drop_views(objects, object_type == ObjectType::MaterializedView, if_exists, cascade);
        }
        for object in objects {
            match object_type {
                ObjectType::Type => self.drop_type(object, if_exists)?,
                ObjectType::Index => self.drop_index(object, if_exists)?,
                ObjectType::Schema => self.drop_schema(object, if_exists, cascade)?,
                ObjectType::Sequence => self.drop_sequence(object, if_exists)?,
                other => return Err(DialectError::unsupported(format!("DROP {other}"))),
            }
        }
        Ok(())
    }

    fn drop_tables(
        &mut self,
        objects: &[ObjectName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<(), DialectError> {
        let mut tables: Vec<Table> = Vec::new();
        for object in objects {
            let (schema, name) = name::qualified(object)?;
            if let Some(view) = self.catalog.view(&schema, &name).filter(|view| view.partition).cloned() {
                self.drop_partition(&view, cascade)?;
                continue;
            }
            self.refuse_view_as_table(object)?;
            match self.own_table(object) {
                Err(error) if error.code == "42P01" && if_exists => {}
                Err(error) if error.code == "42P01" => {
                    return Err(DialectError::new("42P01", error.message.replace("relation", "table")));
                }
                table => tables.push(table?),
            }
        }
        self.drop_all(&tables, cascade)
    }

    /// Drops tables that may refer to each other, and with `cascade` what others have of them.
    fn drop_all(&mut self, tables: &[Table], cascade: bool) -> Result<(), DialectError> {
        let names: Vec<String> =
            tables.iter().map(|table| physical_name(&table.schema, &table.name)).collect();
        for table in tables {
            for part in table.partitioning.iter().flat_map(|of| &of.partitions) {
                let view = self.catalog.view(&part.schema, &part.name).map(|view| view.table.clone());
                if let Some(part) = view {
                    self.drop_views_over(&part, &names, cascade)?;
                    self.drop_policies_over(&part, &names, cascade)?;
                }
            }
            self.forget_partitions(table);
            self.drop_views_over(table, &names, cascade)?;
            self.drop_keys_to(table, &names, cascade)?;
            self.drop_policies_over(table, &names, cascade)?;
        }
        self.suspend_triggers()?;
        let mut left = names;
        while let Some(name) = self.next_to_drop(&left)? {
            left.retain(|other| *other != name);
            self.catalog.tables.shift_remove(&name);
            self.drop_triggers_of(&name);
            self.catalog.indexes.retain(|_, index| index.table != name);
            self.push(format!("DROP TABLE {}", quote_identifier(&name)))?;
        }
        Ok(())
    }

    /// One of the tables that no other refers to, since SQLite deletes a table's rows, and what refers
    /// to them, before it goes. Where they refer to each other in a circle, they lose their keys first.
    fn next_to_drop(&mut self, left: &[String]) -> Result<Option<String>, DialectError> {
        let Some(first) = left.first() else { return Ok(None) };
        let is_free = |name: &&String| {
            !self.catalog.tables.iter().filter(|(other, _)| other != name).any(|(_, other)| {
                let to_it =
                    |key: &ForeignKey| physical_name(&key.foreign_schema, &key.foreign_table) == **name;
                other.foreign_keys.iter().any(to_it)
            })
        };
        if let Some(free) = left.iter().find(is_free) {
            return Ok(Some(free.clone()));
        }
        let circle = left.iter().filter_map(|name| self.catalog.tables.get(name)).cloned();
        for table in circle.collect::<Vec<_>>() {
            let after = Table { foreign_keys: Vec::new(), ..table.clone() };
            self.rebuild(&table, after, &[])?;
        }
        Ok(Some(first.clone()))
    }

    fn drop_keys_to(&mut self, table: &Table, along: &[String], cascade: bool) -> Result<(), DialectError> {
        let to_it = |key: &ForeignKey| key.foreign_schema == table.schema && key.foreign_table == table.name;
        let others = self.catalog.tables.iter().filter(|(name, _)| !along.contains(name));
        let users: Vec<Table> = others
            .map(|(_, other)| other)
            .filter(|other| other.foreign_keys.iter().any(to_it))
            .cloned()
            .collect();
        for user in users {
            if !cascade {
                let key = user.foreign_keys.iter().find(|key| to_it(key)).map_or("", |key| &key.name);
                return Err(needed(table, &format!("constraint {key} on table {}", user.name)));
            }
            let mut after = user.clone();
            after.foreign_keys.retain(|key| !to_it(key));
            self.rebuild(&user, after, &[])?;
        }
        Ok(())
    }

    pub(super) fn drop_policies_over(
        &mut self,
        table: &Table,
        along: &[String],
        cascade: bool,
    ) -> Result<(), DialectError> {
        let without = self.without(table);
        for (name, other) in self.catalog.tables.iter_mut().filter(|(name, _)| !along.contains(name)) {
            let mut kept = Vec::new();
            for policy in &other.policies {
                // A column of the table's name is no use of it; the policy then compiles without it.
                let uses = |text: &String| {
                    Ok(names_table(text, table)? && without.compile_policy(other, text).is_err())
                };
                let used: Result<Vec<bool>, DialectError> =
                    policy.using.iter().chain(&policy.check).map(uses).collect();
                if !used?.contains(&true) {
                    kept.push(policy.clone());
                } else if !cascade {
                    return Err(needed(table, &format!("policy {} on table {name}", policy.name)));
                }
            }
            other.policies = kept;
        }
        Ok(())
    }

    /// A translator whose schema lacks a table.
    fn without(&self, table: &Table) -> Translator {
        let mut catalog = self.catalog.clone();
        let physical = physical_name(&table.schema, &table.name);
        catalog.tables.shift_remove(&physical);
        catalog.views.shift_remove(&physical);
        Translator::over(catalog)
    }

    fn drop_type(&mut self, object: &ObjectName, if_exists: bool) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(object)?;
        let physical = physical_name(&schema, &name);
        if let Some(domain) = self.catalog.domains.get(&physical).cloned() {
            return self.remove_domain(&domain);
        }
        if !self.catalog.enums.contains_key(&physical) {
            if if_exists {
                return Ok(());
            }
            return Err(DialectError::new("42704", format!("type \"{name}\" does not exist")));
        }
        let of = DataType::Enum(physical.clone());
        let uses = |data_type: &DataType| {
            *data_type == of || matches!(data_type, DataType::Array(element) if **element == of)
        };
        for table in self.catalog.relations() {
            if let Some(column) = table.columns.iter().find(|column| uses(&column.data_type)) {
                return Err(DialectError::new(
                    "2BP01",
                    format!(
                        "cannot drop type {name} because other objects depend on it: column {} of table {}",
                        column.name, table.name
                    ),
                )
                .with_hint("Drop what depends on it first."));
            }
        }
        let in_signature = |routine: &&crate::schema::Routine| {
            let columns = match &routine.returns {
                crate::schema::Returns::Columns { columns, .. } => columns.as_slice(),
                _ => &[],
            };
            let mut values = routine.types().filter_map(|of| match of {
                crate::schema::RoutineType::Value(of) => Some(of),
                crate::schema::RoutineType::Row(_) => None,
            });
            values.any(uses) || columns.iter().any(|(_, of)| uses(of))
        };
        if let Some(routine) = self.catalog.routines.values().find(in_signature) {
            let message = format!(
                "cannot drop type {name} because other objects depend on it: function {}",
                routine.display()
            );
            return Err(DialectError::new("2BP01", message).with_hint("Drop what depends on it first."));
        }
        self.catalog.enums.shift_remove(&physical);
        self.refuse_broken_views(&format!("type {name}"))?;
        // A policy may cast to it.
        for table in self.catalog.tables.values() {
            for policy in &table.policies {
                for text in policy.using.iter().chain(&policy.check) {
                    if self.compile_policy(table, text).is_err() {
                        return Err(DialectError::new(
                            "2BP01",
                            format!(
                                "cannot drop type {name} because other objects depend on it: policy {} on table {}",
                                policy.name, table.name
                            ),
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn drop_index(&mut self, object: &ObjectName, if_exists: bool) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(object)?;
        let physical = physical_name(&schema, &name);
        let Some(index) = self.catalog.indexes.shift_remove(&physical) else {
            if if_exists {
                return Ok(());
            }
            return Err(DialectError::new("42704", format!("index \"{name}\" does not exist")));
        };
        if let Some(table) = self.catalog.tables.get_mut(&index.table) {
            table.uniques.retain(|unique| unique.is_constraint || unique.name != name);
        }
        self.push(format!("DROP INDEX IF EXISTS {}", quote_identifier(&physical)))
    }

    fn drop_schema(
        &mut self,
        object: &ObjectName,
        if_exists: bool,
        cascade: bool,
    ) -> Result<(), DialectError> {
        let schema = name::single(object)?;
        if !self.catalog.schemas.contains(&schema) {
            if if_exists {
                return Ok(());
            }
            return Err(DialectError::new("3F000", format!("schema \"{schema}\" does not exist")));
        }
        if cascade {
            self.drop_views_of_schema(&schema)?;
            let tables: Vec<Table> =
                self.catalog.tables.values().filter(|table| table.schema == schema).cloned().collect();
            self.drop_all(&tables, true)?;
            let types: Vec<Enum> =
                self.catalog.enums.values().filter(|of| of.schema == schema).cloned().collect();
            let domains: Vec<Domain> =
                self.catalog.domains.values().filter(|of| of.schema == schema).cloned().collect();
            domains.iter().rev().try_for_each(|of| self.remove_domain(of))?;
            for of in types {
                self.drop_type(&ObjectName::from(vec![quoted(&of.schema), quoted(&of.name)]), false)?;
            }
        }
        let is_used = self.catalog.relations().any(|table| table.schema == schema)
            || self.catalog.enums.values().any(|of| of.schema == schema)
            || self.catalog.domains.values().any(|of| of.schema == schema);
        if is_used {
            return Err(DialectError::new(
                "2BP01",
                format!("cannot drop schema {schema} because other objects depend on it"),
            )
            .with_hint("Drop its tables and types first."));
        }
        self.catalog.schemas.retain(|known| *known != schema);
        Ok(())
    }
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

fn names_table(text: &str, table: &Table) -> Result<bool, DialectError> {
    use sqlparser::tokenizer::Token;
    let is_it = |word: &str| word.eq_ignore_ascii_case(&table.name);
    Ok(parse::tokens(text)?
        .iter()
        .any(|token| matches!(&token.token, Token::Word(word) if is_it(&word.value))))
}

fn needed(table: &Table, user: &str) -> DialectError {
    let message = format!("cannot drop table {} because other objects depend on it: {user}", table.name);
    DialectError::new("2BP01", message).with_hint("Drop what depends on it first, or CASCADE.")
}
