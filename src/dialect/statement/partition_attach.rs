//! `ATTACH PARTITION` and `DETACH PARTITION`, and what `pg_dump` says of partitions besides: a table's rows go into the
//! partitioned table, or come out of it into a table of their own.

use super::constraint::chosen_name;
use super::existing_rows::refuse_if;
use super::partition_bound::read_bound;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{Column, ForeignKey, Partition, PartitionStrategy, Table, Unique};
use crate::sql::{physical_name, quote_identifier};

impl Translator {
    /// Reads an `ALTER TABLE` that attaches or detaches; `false` when it is another.
    pub(in crate::dialect) fn alter_partitions(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<bool, DialectError> {
        reader.wants("ALTER TABLE")?;
        reader.takes("IF EXISTS");
        reader.takes("ONLY");
        let Ok((schema, parent)) = reader.qualified_name() else { return Ok(false) };
        let attaches = reader.takes("ATTACH PARTITION");
        if !attaches && !reader.takes("DETACH PARTITION") {
            return Ok(false);
        }
        if self.catalog.partitioned(&schema, &parent).is_some() {
            return Err(DialectError::new("42P17", format!("table \"{parent}\" is not partitioned")));
        }
        let table = self.partitioned_table(&schema, &parent).map_err(|error| match error.code {
            "42P17" => DialectError::new("42P17", format!("table \"{parent}\" is not partitioned")),
            _ => error,
        })?;
        let (schema, name) = reader.qualified_name()?;
        if attaches {
            let child = self.own_table(&name::object(&schema, &name)).map_err(|error| match error.code {
                "42P01" => DialectError::new("42P01", format!("relation \"{name}\" does not exist")),
                _ => error,
            })?;
            let bound = read_bound(&table, &name, &mut reader)?;
            if !reader.is_done() {
                return Err(reader.syntax());
            }
            self.attach(&table, &child, Partition { schema, name, bound })?;
            return Ok(true);
        }
        if !(reader.is_done() || reader.takes("CONCURRENTLY") || reader.takes("FINALIZE")) {
            return Err(reader.syntax());
        }
        self.detach(&table, &schema, &name)?;
        Ok(true)
    }

    fn attach(&mut self, table: &Table, child: &Table, partition: Partition) -> Result<(), DialectError> {
        fits(table, child)?;
        let (key, shown) = (physical_name(&child.schema, &child.name), &child.name);
        let to_it = |of: &ForeignKey| of.foreign_schema == child.schema && of.foreign_table == child.name;
        let has_more = !child.policies.is_empty()
            || !self.catalog.triggers_of(child).is_empty()
            || self.catalog.views.values().any(|view| view.reads.contains(&key))
            || self.catalog.tables.values().any(|of| of.foreign_keys.iter().any(to_it));
        if has_more || table.partitioning.as_ref().is_some_and(|of| of.strategy == PartitionStrategy::Hash) {
            return Err(DialectError::unsupported(format!(
                "ATTACH PARTITION of \"{shown}\", which has policies, triggers, views or references, or by hash"
            )));
        }
        self.suspend_triggers()?;
        self.catalog.tables.shift_remove(&key);
        self.catalog.indexes.retain(|_, index| index.table != key);
        let condition = table.partitioning.as_ref().map(|of| {
            let with_it = crate::schema::Partitioning {
                partitions: of.partitions.iter().cloned().chain([partition.clone()]).collect(),
                ..of.clone()
            };
            with_it.condition(&partition.bound)
        });
        let condition = self.over_rows(child, &condition.unwrap_or_default())?;
        self.add_partition(table, partition)?;
        let message = format!("23514:partition constraint of relation \"{shown}\" is violated by some row");
        self.push(refuse_if(
            &format!("SELECT 1\nFROM {}\nWHERE ({condition}) IS NOT TRUE", child.physical()),
            &message,
        ))?;
        let columns = stored_columns(table).join(", ");
        self.push(format!(
            "INSERT INTO {} ({columns})\nSELECT {columns}\nFROM {}\nORDER BY rowid",
            table.physical(),
            child.physical()
        ))?;
        self.push(format!("DROP TABLE {}", child.physical()))
    }

    fn detach(&mut self, table: &Table, schema: &str, name: &str) -> Result<(), DialectError> {
        let Some(view) = self.catalog.view(schema, name).filter(|view| view.partition).cloned() else {
            let message = format!("relation \"{name}\" is not a partition of relation \"{}\"", table.name);
            return Err(DialectError::new("42P01", message));
        };
        let condition = self.partition_condition(table, schema, name)?;
        let mut child = Table { row_security: true, ..Table::new(schema.to_string(), name.to_string()) };
        child.columns =
            table.columns.iter().map(|of| Column { identity: None, sequence: None, ..of.clone() }).collect();
        child.checks = table.checks.clone();
        child.foreign_keys = table.foreign_keys.clone();
        let named = |label: &str, of: &Unique, columns: &[String], child: &Table, catalog: &_| Unique {
            name: chosen_name(catalog, child, columns, label),
            columns: of.columns.clone(),
            is_constraint: true,
        };
        if table.uniques.iter().any(|unique| !unique.is_constraint) {
            return Err(DialectError::unsupported("DETACH PARTITION of a table with unique indexes"));
        }
        self.take_partition_away(table, &view, false)?;
        if let Some(key) = &table.primary_key {
            child.primary_key = Some(named("pkey", key, &[], &child, &self.catalog));
        }
        for unique in &table.uniques {
            let unique = named("key", unique, &unique.columns, &child, &self.catalog);
            child.uniques.push(unique);
        }
        self.add_table(child.clone())?;
        let columns = stored_columns(table).join(", ");
        self.push(format!(
            "INSERT INTO {} ({columns})\nSELECT {columns}\nFROM {}\nWHERE {condition}\nORDER BY rowid",
            child.physical(),
            table.physical()
        ))?;
        self.push(format!("DELETE FROM {}\nWHERE {condition}", table.physical()))
    }
}

/// The quoted columns that an INSERT may name.
fn stored_columns(table: &Table) -> Vec<String> {
    let columns = table.columns.iter().filter(|column| column.generated.is_none());
    columns.map(|column| quote_identifier(&column.name)).collect()
}

/// Refuses a table that has other columns, or says more or less of its rows.
fn fits(table: &Table, child: &Table) -> Result<(), DialectError> {
    for column in &table.columns {
        let Some(of) = child.column(&column.name) else {
            let message = format!("child table is missing column \"{}\"", column.name);
            return Err(DialectError::new("42804", message));
        };
        if of.data_type != column.data_type || of.domain != column.domain {
            let message =
                format!("child table \"{}\" has different type for column \"{}\"", child.name, column.name);
            return Err(DialectError::new("42804", message));
        }
        if of.nullable && !column.nullable {
            let message = format!("column \"{}\" in child table must be marked NOT NULL", column.name);
            return Err(DialectError::new("42804", message));
        }
        let is_numbered = column.identity.is_some() || of.identity.is_some();
        if of.generated != column.generated
            || (of.default != column.default && !is_numbered)
            || (of.nullable != column.nullable)
        {
            return Err(own(child, &format!("column \"{}\"", column.name)));
        }
    }
    if let Some(extra) = child.columns.iter().find(|column| table.column(&column.name).is_none()) {
        let message = format!(
            "table \"{}\" contains column \"{}\" not found in parent \"{}\"",
            child.name, extra.name, table.name
        );
        return Err(DialectError::new("42804", message));
    }
    let is_key = |key: &Unique| {
        table.primary_key.iter().chain(&table.uniques).any(|of| of.is_constraint && of.columns == key.columns)
    };
    let same_key = |key: &ForeignKey| {
        table.foreign_keys.iter().any(|of| ForeignKey { name: key.name.clone(), ..of.clone() } == *key)
    };
    if let Some(key) = child.primary_key.iter().chain(&child.uniques).find(|key| !is_key(key)) {
        return Err(own(child, &format!("constraint \"{}\"", key.name)));
    }
    if let Some(key) = child.foreign_keys.iter().find(|key| !same_key(key)) {
        return Err(own(child, &format!("constraint \"{}\"", key.name)));
    }
    let same_check = |text: &str| table.checks.iter().any(|of| of.expression == text);
    match child.checks.iter().find(|check| !same_check(&check.expression)) {
        Some(check) => Err(own(child, &format!("constraint \"{}\"", check.name))),
        None if !child.exclusions.is_empty() => Err(own(child, "an EXCLUDE constraint")),
        None => Ok(()),
    }
}

fn own(child: &Table, what: &str) -> DialectError {
    DialectError::unsupported(format!(
        "ATTACH PARTITION of \"{}\", whose {what} is another than the table's",
        child.name
    ))
}
