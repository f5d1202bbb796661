//! Partitioned tables: one table has all rows, its partitions are views of those that fit their bounds.
//!
//! What Postgres decides by comparing values, which bounds overlap and which rows fit, is asked of SQLite, with the same
//! comparisons that queries get: of the bounds in the migration's batch, of the rows in triggers.

use sqlparser::ast::AlterTableOperation;
use sqlparser::tokenizer::Token;

use super::create_table::nameable;
use super::existing_rows::refuse_if;
use super::partition_bound::{less, read_bound};
use super::partition_guard::lowered_over;
use crate::dialect::DialectError;
use crate::dialect::expression::Expression;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::view::analyse;
use crate::schema::{
    Command, Partition, PartitionBound as Bound, PartitionStrategy as Strategy, Privileges, Table, View,
};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal, raise};

const BY_PARENT: &str =
    "A partition is a part of its table here: do it on the partitioned table, whose partitions follow.";

/// What PostgREST's tables and Postgres' own rules say of a partition that is asked to be more than a part.
pub fn not_on_a_partition(what: &str) -> DialectError {
    DialectError::unsupported(format!("{what} on a partition")).with_hint(BY_PARENT)
}

impl Translator {
    /// `CREATE TABLE name PARTITION OF`: after these words.
    pub(super) fn create_partition(
        &mut self,
        (schema, name): (String, String),
        if_not_exists: bool,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        let (parent_schema, parent) = reader.qualified_name()?;
        if if_not_exists && self.is_taken(&schema, &name) {
            return Ok(());
        }
        let table = self.partitioned_table(&parent_schema, &parent)?;
        self.new_relation(&schema, &name)?;
        nameable("relation", &name)?;
        if reader.peek() == Some(&Token::LParen) {
            return Err(DialectError::unsupported("columns and constraints of a partition's own")
                .with_hint(BY_PARENT));
        }
        let bound = read_bound(&table, &name, &mut reader)?;
        if reader.takes("PARTITION BY") {
            return Err(DialectError::unsupported("partitions of partitions"));
        }
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        self.add_partition(&table, Partition { schema, name, bound })
    }

    fn is_taken(&self, schema: &str, name: &str) -> bool {
        self.catalog.relation(schema, name).is_some() || self.catalog.partitioned(schema, name).is_some()
    }

    fn partitioned_table(&self, schema: &str, name: &str) -> Result<Table, DialectError> {
        let missing = || DialectError::new("42P01", format!("relation \"{name}\" does not exist"));
        let table = self.catalog.table(schema, name).ok_or_else(missing)?;
        if table.partitioning.is_none() {
            return Err(DialectError::new("42P17", format!("\"{name}\" is not partitioned")));
        }
        Ok(table.clone())
    }

    fn add_partition(&mut self, table: &Table, partition: Partition) -> Result<(), DialectError> {
        let Some(mut of) = table.partitioning.clone() else { return Ok(()) };
        let overlap =
            |other: &str| format!("partition \"{}\" would overlap partition \"{other}\"", partition.name);
        let overlaps = |other: &str| format!("42P17:{}", overlap(other));
        if let Bound::Range(from, to) = &partition.bound {
            let message = format!("42P17:empty range bound specified for partition \"{}\"", partition.name);
            self.refuse_when(&format!("NOT {}", less(from, to)), &message)?;
        }
        for other in &of.partitions {
            match (&partition.bound, &other.bound) {
                (Bound::Default, Bound::Default) => {
                    return Err(DialectError::new(
                        "42P17",
                        format!(
                            "partition \"{}\" conflicts with existing default partition \"{}\"",
                            partition.name, other.name
                        ),
                    ));
                }
                (Bound::Range(from, to), Bound::Range(its_from, its_to)) => {
                    let both = format!("{} AND {}", less(from, its_to), less(its_from, to));
                    self.refuse_when(&both, &overlaps(&other.name))?;
                }
                (Bound::List(values, null), Bound::List(its, its_null)) => {
                    let same = |value: &String| format!("{value} IN ({})", its.join(", "));
                    let mut terms: Vec<String> =
                        if its.is_empty() { Vec::new() } else { values.iter().map(same).collect() };
                    terms.push((*null && *its_null).to_string());
                    self.refuse_when(&balanced(terms, " OR "), &overlaps(&other.name))?;
                }
                (Bound::Hash(one, remainder), Bound::Hash(two, its)) => {
                    if one.max(two) % one.min(two) != 0 {
                        let message =
                            "every hash partition modulus must be a factor of the next larger modulus";
                        return Err(DialectError::new("42P16", message));
                    }
                    let least = one.min(two);
                    if remainder % least == its % least {
                        return Err(DialectError::new("42P17", overlap(&other.name)));
                    }
                }
                _ => {}
            }
        }
        // What fits no other part is in the default one.
        if partition.bound != Bound::Default
            && let Some(default) = of.partitions.iter().find(|of| of.bound == Bound::Default)
        {
            let condition = self.over_rows(table, &of.condition(&partition.bound))?;
            let message = format!(
                "23514:updated partition constraint for default partition \"{}\" would be violated by some row",
                default.name
            );
            self.push(refuse_if(
                &format!("SELECT 1\nFROM {}\nWHERE {condition}", table.physical()),
                &message,
            ))?;
        }
        of.partitions.push(partition);
        let key = physical_name(&table.schema, &table.name);
        if let Some(table) = self.catalog.tables.get_mut(&key) {
            table.partitioning = Some(of);
        }
        self.name_partitions()
    }

    /// Raises where a constant condition holds.
    fn refuse_when(&mut self, condition: &str, message: &str) -> Result<(), DialectError> {
        let condition = self.lowered(|lowering| lowering.condition(&Expression::parse(condition)?.0))?;
        self.push(format!("SELECT CASE WHEN {condition} THEN {} END", raise(&quote_literal(message))))
    }

    fn over_rows(&self, table: &Table, condition: &str) -> Result<String, DialectError> {
        lowered_over(&self.catalog, table, &table.physical(), |lowering| {
            lowering.condition(&Expression::parse(condition)?.0)
        })
    }

    /// Has every partition be a view of its table as that is now.
    pub(super) fn name_partitions(&mut self) -> Result<(), DialectError> {
        let partitioned: Vec<Table> =
            self.catalog.tables.values().filter(|table| table.partitioning.is_some()).cloned().collect();
        for table in &partitioned {
            let Some(of) = table.partitioning.as_ref().filter(|of| of.strategy != Strategy::Hash) else {
                continue;
            };
            for partition in &of.partitions {
                let definition = format!(
                    "SELECT * FROM {}.{} WHERE {}",
                    quote_identifier(&table.schema),
                    quote_identifier(&table.name),
                    of.condition(&partition.bound)
                );
                let analysis = analyse(&self.catalog, &definition)?;
                let name = (partition.schema.clone(), partition.name.clone());
                let mut view = super::view::new_view(name, &[], Default::default(), analysis, false)?;
                view.partition = true;
                view.security_invoker = true;
                view.table.privileges = Privileges::none();
                for command in [Command::Select, Command::Insert, Command::Update, Command::Delete] {
                    view.table.privileges.grant("service_role", command, None);
                }
                self.catalog.views.insert(physical_name(&partition.schema, &partition.name), view);
            }
        }
        Ok(())
    }

    /// Takes the names of a table's partitions away, until [`Self::name_partitions`].
    pub(super) fn forget_partitions(&mut self, table: &Table) {
        for partition in table.partitioning.iter().flat_map(|of| &of.partitions) {
            self.catalog.views.shift_remove(&physical_name(&partition.schema, &partition.name));
        }
    }

    /// What Postgres refuses to change of a partitioned table.
    pub(super) fn refuse_change_of_key(
        &self,
        table: &Table,
        operation: &AlterTableOperation,
    ) -> Result<(), DialectError> {
        let Some(of) = &table.partitioning else { return Ok(()) };
        let (columns, doing) = match operation {
            AlterTableOperation::DropColumn { column_names, .. } => (column_names.as_slice(), "drop"),
            AlterTableOperation::AlterColumn {
                column_name,
                op: sqlparser::ast::AlterColumnOperation::SetDataType { .. },
            } => (std::slice::from_ref(column_name), "alter"),
            _ => return Ok(()),
        };
        for column in columns {
            let column = crate::dialect::name::folded(column);
            if of.names_column(table, &column)? {
                return Err(DialectError::new(
                    "42P16",
                    format!(
                        "cannot {doing} column \"{column}\" because it is part of the partition key of relation \"{}\"",
                        table.name
                    ),
                ));
            }
        }
        Ok(())
    }

    /// `ALTER TABLE` of a partition: what says nothing of its rows.
    pub(super) fn alter_partition(
        &mut self,
        view: &View,
        operation: &AlterTableOperation,
    ) -> Result<(), DialectError> {
        use AlterTableOperation as Operation;
        match operation {
            Operation::OwnerTo { .. }
            | Operation::EnableRowLevelSecurity
            | Operation::ForceRowLevelSecurity
            | Operation::NoForceRowLevelSecurity
            | Operation::ReplicaIdentity { .. } => Ok(()),
            _ => Err(not_on_a_partition(&format!("this form of ALTER TABLE (\"{}\")", view.table.name))),
        }
    }

    /// `DROP TABLE` of a partition: its rows go, and no trigger runs.
    pub(super) fn drop_partition(&mut self, view: &View, cascade: bool) -> Result<(), DialectError> {
        let (schema, name) = (&view.table.schema, &view.table.name);
        let Some(table) = self.catalog.partitioned(schema, name).cloned() else { return Ok(()) };
        if !self.catalog.reached_by_keys(&table).is_empty() {
            return Err(DialectError::unsupported(
                "dropping a partition whose rows others refer to with an action",
            )
            .with_hint("Delete its rows first."));
        }
        let Some(mut of) = table.partitioning.clone() else { return Ok(()) };
        let Some(partition) =
            of.partitions.iter().find(|of| of.schema == *schema && of.name == *name).cloned()
        else {
            return Ok(());
        };
        let along = vec![physical_name(schema, name)];
        self.drop_views_over(&view.table, &along, cascade)?;
        self.drop_policies_over(&view.table, &along, cascade)?;
        let condition = self.over_rows(&table, &of.condition(&partition.bound))?;
        self.forget_partitions(&table);
        self.suspend_triggers()?;
        self.push(format!("DELETE FROM {}\nWHERE {condition}", table.physical()))?;
        of.partitions.retain(|other| *other != partition);
        if let Some(table) = self.catalog.tables.get_mut(&physical_name(&table.schema, &table.name)) {
            table.partitioning = Some(of);
        }
        self.name_partitions()
    }
}
