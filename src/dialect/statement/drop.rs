//! `DROP TABLE`, `DROP TYPE`, `DROP INDEX`, `DROP SCHEMA`.

use sqlparser::ast::{ObjectName, ObjectType};

use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name, parse};
use crate::schema::{DataType, Table};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    pub(in crate::dialect) fn drop(
        &mut self,
        object_type: ObjectType,
        if_exists: bool,
        objects: &[ObjectName],
        cascade: bool,
    ) -> Result<(), DialectError> {
        for object in objects {
            match object_type {
                ObjectType::Table => self.drop_table(object, if_exists, cascade, objects)?,
                ObjectType::Type => self.drop_type(object, if_exists)?,
                ObjectType::Index => self.drop_index(object, if_exists)?,
                ObjectType::Schema => self.drop_schema(object, if_exists)?,
                // Nothing of the kind can exist here.
                ObjectType::View | ObjectType::MaterializedView | ObjectType::Sequence if if_exists => {}
                other => return Err(DialectError::unsupported(format!("DROP {other}"))),
            }
        }
        Ok(())
    }

    fn drop_table(
        &mut self,
        object: &ObjectName,
        if_exists: bool,
        cascade: bool,
        along: &[ObjectName],
    ) -> Result<(), DialectError> {
        let table = match self.own_table(object) {
            Err(error) if error.code == "42P01" && if_exists => return Ok(()),
            Err(error) if error.code == "42P01" => {
                return Err(DialectError::new("42P01", error.message.replace("relation", "table")));
            }
            table => table?,
        };
        let along: Result<Vec<(String, String)>, DialectError> = along.iter().map(name::qualified).collect();
        if let Some(user) = self.user_of_table(&table, &along?)? {
            if cascade {
                return Err(DialectError::unsupported(format!("DROP TABLE … CASCADE over {user}"))
                    .with_hint("Drop what depends on it first."));
            }
            return Err(DialectError::new(
                "2BP01",
                format!("cannot drop table {} because other objects depend on it: {user}", table.name),
            )
            .with_hint("Drop what depends on it first."));
        }
        let physical = physical_name(&table.schema, &table.name);
        self.push(format!("DROP TABLE {}", table.physical()))?;
        self.catalog.tables.shift_remove(&physical);
        self.catalog.indexes.retain(|_, index| index.table != physical);
        Ok(())
    }

    /// Another table's key or policy that names this one.
    fn user_of_table(
        &self,
        table: &Table,
        along: &[(String, String)],
    ) -> Result<Option<String>, DialectError> {
        use sqlparser::tokenizer::Token;
        let others = self.catalog.tables.values().filter(|other| {
            !along.iter().any(|(schema, name)| *schema == other.schema && *name == other.name)
        });
        for other in others {
            let to_it = other
                .foreign_keys
                .iter()
                .find(|key| key.foreign_schema == table.schema && key.foreign_table == table.name);
            if let Some(key) = to_it {
                return Ok(Some(format!("constraint {} on table {}", key.name, other.name)));
            }
            for policy in &other.policies {
                for text in policy.using.iter().chain(&policy.check) {
                    let named = parse::tokens(text)?
                        .iter()
                        .any(|token| matches!(&token.token, Token::Word(word) if word.value.eq_ignore_ascii_case(&table.name)));
                    // A column of the name is no use of the table; the policy then still compiles without it.
                    if named && self.without(table).compile_policy(other, text).is_err() {
                        return Ok(Some(format!("policy {} on table {}", policy.name, other.name)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// A translator whose schema lacks a table.
    fn without(&self, table: &Table) -> Translator {
        let mut catalog = self.catalog.clone();
        catalog.tables.shift_remove(&physical_name(&table.schema, &table.name));
        Translator { catalog, statements: Vec::new(), answer: None }
    }

    fn drop_type(&mut self, object: &ObjectName, if_exists: bool) -> Result<(), DialectError> {
        let (schema, name) = name::qualified(object)?;
        let physical = physical_name(&schema, &name);
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
        for table in self.catalog.tables.values() {
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
        self.catalog.enums.shift_remove(&physical);
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
        self.push(format!("DROP INDEX {}", quote_identifier(&physical)))
    }

    fn drop_schema(&mut self, object: &ObjectName, if_exists: bool) -> Result<(), DialectError> {
        let schema = name::single(object)?;
        if !self.catalog.schemas.contains(&schema) {
            if if_exists {
                return Ok(());
            }
            return Err(DialectError::new("3F000", format!("schema \"{schema}\" does not exist")));
        }
        let is_used = self.catalog.tables.values().any(|table| table.schema == schema)
            || self.catalog.enums.values().any(|of| of.schema == schema);
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
