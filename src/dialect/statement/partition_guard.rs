//! SQLite's triggers on partitioned tables: they refuse rows without a partition.

use crate::dialect::expression::{Expression, Lowering, Place, Relation, Scope};
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::{DialectError, parse};
use crate::schema::{
    Catalog, Command, NativeTrigger, PartitionBound as Bound, PartitionStrategy as Strategy, Partitioning,
    Table, Timing,
};
use crate::sql::{balanced, physical_name, quote_identifier, quote_literal, raise};

impl Translator {
    /// Makes anew what refuses rows that fit no partition; whether there are partitioned tables at all.
    pub(in crate::dialect) fn guard_partitions(&mut self) -> Result<bool, DialectError> {
        let partitioned: Vec<(String, Table)> = self
            .catalog
            .tables
            .iter()
            .filter(|(_, table)| table.partitioning.is_some())
            .map(|(key, table)| (key.clone(), table.clone()))
            .collect();
        for (key, table) in &partitioned {
            let guards = guards(&self.catalog, table)?;
            if let Some(of) = self.catalog.tables.get_mut(key).and_then(|table| table.partitioning.as_mut()) {
                of.guards = guards;
            }
        }
        Ok(!partitioned.is_empty())
    }
}

/// Lowers over a row of the table.
pub fn lowered_over<T>(
    catalog: &Catalog,
    table: &Table,
    row: &str,
    work: impl FnOnce(&mut Lowering<'_>) -> Result<T, DialectError>,
) -> Result<T, DialectError> {
    let mut environment = SystemEnvironment::default();
    let mut lowering = Lowering::new(catalog, &mut environment, Place::Query);
    lowering.scopes = vec![Scope { relations: vec![Relation::of_table(table, row)] }];
    work(&mut lowering)
}

/// SQLite's triggers that refuse rows without a partition; and rows that go to another where triggers would see a
/// DELETE and an INSERT in Postgres.
fn guards(catalog: &Catalog, table: &Table) -> Result<Vec<NativeTrigger>, DialectError> {
    let Some(of) = &table.partitioning else { return Ok(Vec::new()) };
    let over = |row: &str, text: &str| {
        lowered_over(catalog, table, row, |lowering| lowering.condition(&Expression::parse(text)?.0))
    };
    let is_open = match of.strategy {
        Strategy::Hash => of.is_complete(),
        _ => of.partitions.iter().any(|of| of.bound == Bound::Default),
    };
    let conditions: Vec<String> = of.partitions.iter().map(|part| of.condition(&part.bound)).collect();
    let mut natives = Vec::new();
    let mut add = |event: &str, kind: &str, when: &str, error: &str| {
        // A number that SQLite gives is not there before.
        let timing = match super::ddl::rowid_column(table) {
            Some(column) if of.names_column(table, column)? => "AFTER",
            _ => "BEFORE",
        };
        let name = format!("/partition/{}/{kind}/{event}", physical_name(&table.schema, &table.name));
        let sql = format!(
            "CREATE TRIGGER {} {timing} {event} ON {}\nWHEN {when}\nBEGIN\n  SELECT {error};\nEND",
            quote_identifier(&name),
            table.physical()
        );
        natives.push(NativeTrigger { name, sql });
        Ok::<(), DialectError>(())
    };
    if !is_open {
        let covered = match (of.strategy, conditions.is_empty()) {
            (_, true) | (Strategy::Hash, _) => "FALSE".to_string(),
            _ => {
                let terms: Result<Vec<String>, _> =
                    conditions.iter().map(|text| over("NEW", text).map(|sql| format!("({sql})"))).collect();
                balanced(terms?, " OR ")
            }
        };
        let error = if of.strategy == Strategy::Hash && !conditions.is_empty() {
            raise(&quote_literal(
                "0A000:rows of a table that lacks some of its hash partitions are not supported",
            ))
        } else {
            raise(&lowered_over(catalog, table, "NEW", |lowering| without_partition(lowering, table, of))?)
        };
        for event in ["INSERT", "UPDATE"] {
            add(event, "none", &format!("NOT ({covered})"), &error)?;
        }
    }
    let sees_moves = catalog.triggers_of(table).into_iter().any(|trigger| {
        trigger.enabled && !(trigger.timing == Timing::Before && trigger.events == [Command::Update])
    });
    if sees_moves && of.partitions.len() > 1 {
        let moved = if of.strategy == Strategy::Hash {
            let terms = of.keys.iter().map(|key| {
                let key = parse::expression(key)?;
                let over = |row| {
                    lowered_over(catalog, table, row, |lowering| lowering.lower(&key)?.into_sql(catalog))
                };
                Ok(format!("{} IS NOT {}", over("OLD")?, over("NEW")?))
            });
            balanced(terms.collect::<Result<Vec<_>, DialectError>>()?, " OR ")
        } else {
            let terms = conditions
                .iter()
                .map(|text| Ok(format!("({}) <> ({})", over("OLD", text)?, over("NEW", text)?)));
            balanced(terms.collect::<Result<Vec<_>, DialectError>>()?, " OR ")
        };
        let message = "0A000:moving a row to another partition of a table with triggers is not supported";
        add("UPDATE", "moved", &moved, &raise(&quote_literal(message)))?;
    }
    Ok(natives)
}

/// SQLite's expression of the message that a row has no partition.
fn without_partition(
    lowering: &mut Lowering<'_>,
    table: &Table,
    of: &Partitioning,
) -> Result<String, DialectError> {
    let names: Vec<&str> = of.keys.iter().map(|key| key.trim_matches('"')).collect();
    let mut values = Vec::new();
    for key in &of.keys {
        let text = Expression::parse(&format!("coalesce(({key})::text, 'null')"))?;
        values.push(lowering.lower(&text.0)?.into_sql(lowering.catalog)?);
    }
    let message = format!(
        "23514:no partition of relation \"{}\" found for row{}Partition key of the failing row contains ({}) = (",
        table.name,
        crate::sql::RAISE_SEPARATOR,
        names.join(", ")
    );
    Ok(format!("{} || {} || ').'", quote_literal(&message), values.join(" || ', ' || ")))
}
