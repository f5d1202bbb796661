//! EXCLUDE constraints: triggers that compare each row with the others right after it was written, which
//! is when Postgres does.

use sqlparser::ast::{ExcludeConstraint, ExcludeConstraintOperator};

use super::column::refuse_characteristics;
use super::constraint::{chosen_name, new_constraint};
use super::create_index::label;
use crate::dialect::expression::{Expression, Lowering, Place, Relation, Scope, range_operator};
use crate::dialect::name::folded;
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::{DialectError, RangeOperator};
use crate::schema::{Catalog, DataType, Exclusion, Table};
use crate::sql::{RAISE_MARK, balanced, physical_name, quote_identifier, quote_literal, raise};

/// The other row.
const OTHER: &str = "\"/other\"";

/// The written row inside of a trigger.
const WRITTEN: &str = "NEW";

/// Reads the constraint for a table whose columns are complete.
pub fn exclusion(
    catalog: &Catalog,
    table: &Table,
    exclude: &ExcludeConstraint,
) -> Result<Exclusion, DialectError> {
    refuse_characteristics(exclude.characteristics.as_ref())?;
    let mut elements = Vec::new();
    for element in &exclude.elements {
        let operator = match &element.operator {
            ExcludeConstraintOperator::Token(sign) => sign.clone(),
            ExcludeConstraintOperator::PGOperator(parts) => parts.last().cloned().unwrap_or_default(),
        };
        elements.push((element.column.column.expr.to_string(), operator));
    }
    let labels: Vec<String> = exclude.elements.iter().map(|element| label(&element.column)).collect();
    let name = match &exclude.name {
        Some(name) => folded(name),
        None => chosen_name(catalog, table, &labels, "excl"),
    };
    new_constraint(table, &name)?;
    let predicate = exclude.where_clause.as_ref().map(ToString::to_string);
    let of = Exclusion { name, elements, predicate };
    conflict(catalog, table, &of, WRITTEN)?;
    Ok(of)
}

/// The condition under which another row of the table conflicts with `row`.
fn conflict(catalog: &Catalog, table: &Table, of: &Exclusion, row: &str) -> Result<String, DialectError> {
    let mut environment = SystemEnvironment::default();
    let mut lowering = Lowering::new(catalog, &mut environment, Place::Query);
    let mut terms = Vec::new();
    for (text, sign) in &of.elements {
        let expression = Expression::parse(text)?;
        let mut over = |row: &str| {
            lowering.scopes = vec![Scope { relations: vec![Relation::of_table(table, row)] }];
            lowering.lower(&expression.0)
        };
        let (other, written) = (over(OTHER)?, over(row)?);
        let operator = range_operator(sign).filter(|of| *of != RangeOperator::Equals);
        terms.push(match (sign.as_str(), operator, other.data_type()) {
            ("=", ..) => lowering.compare(other, &sqlparser::ast::BinaryOperator::Eq, written)?,
            ("<>", ..) => lowering.compare(other, &sqlparser::ast::BinaryOperator::NotEq, written)?,
            (_, Some(operator), Some(DataType::Range(_))) => {
                lowering.range_pieces(other, operator, written, sign)?.into_sql(catalog)?
            }
            _ => {
                return Err(DialectError::unsupported(format!(
                    "EXCLUDE … WITH {sign} of {}",
                    other.type_name()
                )));
            }
        });
    }
    if let Some(predicate) = &of.predicate {
        let expression = Expression::parse(predicate)?;
        for row in [OTHER, row] {
            lowering.scopes = vec![Scope { relations: vec![Relation::of_table(table, row)] }];
            terms.push(lowering.condition(&expression.0)?);
        }
    }
    Ok(balanced(terms, " AND "))
}

impl Translator {
    /// The triggers of a table's EXCLUDE constraints, which go with the table they are on.
    pub(super) fn create_exclusions(&mut self, table: &Table) -> Result<(), DialectError> {
        for of in &table.exclusions {
            let condition = conflict(&self.catalog, table, of, WRITTEN)?;
            let message = quote_literal(&format!(
                "{RAISE_MARK}23P01:conflicting key value violates exclusion constraint \"{}\"",
                of.name
            ));
            for event in ["INSERT", "UPDATE"] {
                self.push(format!(
                    "CREATE TRIGGER {} AFTER {event} ON {}\nBEGIN\n  SELECT RAISE(ABORT, {message})\n  FROM {} AS {OTHER}\n  WHERE {OTHER}.rowid <> {WRITTEN}.rowid\n    AND {condition}\n  LIMIT 1;\nEND",
                    trigger_name(table, of, event),
                    table.physical(),
                    table.physical(),
                ))?;
            }
        }
        Ok(())
    }

    /// Takes the triggers away, so that the table can be renamed or changed.
    pub(super) fn drop_exclusions(&mut self, table: &Table) -> Result<(), DialectError> {
        for of in &table.exclusions {
            for event in ["INSERT", "UPDATE"] {
                self.push(format!("DROP TRIGGER IF EXISTS {}", trigger_name(table, of, event)))?;
            }
        }
        Ok(())
    }

    /// Refuses rows that are there and conflict.
    pub(super) fn check_exclusion(&mut self, table: &Table, of: &Exclusion) -> Result<(), DialectError> {
        let row = "\"/row\"";
        let condition = conflict(&self.catalog, table, of, row)?;
        let error =
            raise(&quote_literal(&format!("23P01:could not create exclusion constraint \"{}\"", of.name)));
        let physical = table.physical();
        self.push(format!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM {physical} AS {row} JOIN {physical} AS {OTHER} ON {OTHER}.rowid < {row}.rowid AND {condition}) THEN {error} END"
        ))
    }
}

fn trigger_name(table: &Table, of: &Exclusion, event: &str) -> String {
    let table = physical_name(&table.schema, &table.name);
    quote_identifier(&format!("/exclude/{table}/{}/{event}", of.name))
}
