//! `ALTER TYPE … ADD VALUE`.
//!
//! The tables with a column of the type list its labels in a CHECK, so each is made anew.

use sqlparser::ast::{AlterType, AlterTypeAddValue, AlterTypeAddValuePosition, AlterTypeOperation, Ident};

use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{DataType, Table};
use crate::sql::physical_name;

impl Translator {
    pub(in crate::dialect) fn alter_type(&mut self, alter: &AlterType) -> Result<(), DialectError> {
        let AlterTypeOperation::AddValue(add) = &alter.operation else {
            return Err(DialectError::unsupported("ALTER TYPE other than … ADD VALUE"));
        };
        let (schema, name) = name::qualified(&alter.name)?;
        let Some(of) = self.catalog.enumeration(&schema, &name) else {
            return Err(DialectError::new("42704", format!("type \"{name}\" does not exist")));
        };
        let mut changed = of.clone();
        if !add_label(&mut changed.labels, add)? {
            return Ok(());
        }
        let physical = physical_name(&schema, &name);
        self.catalog.enums.insert(physical.clone(), changed);
        let tables: Vec<Table> =
            self.catalog.tables.values().filter(|table| has_column_of(table, &physical)).cloned().collect();
        tables.into_iter().try_for_each(|table| self.rebuild(&table, table.clone(), &[]))
    }
}

/// Whether the label is new.
fn add_label(labels: &mut Vec<String>, add: &AlterTypeAddValue) -> Result<bool, DialectError> {
    let label = &add.value.value;
    if labels.contains(label) {
        if add.if_not_exists {
            return Ok(false);
        }
        return Err(DialectError::new("42710", format!("enum label \"{label}\" already exists")));
    }
    if label.len() > 63 {
        return Err(DialectError::new("42602", format!("invalid enum label \"{label}\"")));
    }
    let place = |neighbor: &Ident| {
        labels.iter().position(|of| *of == neighbor.value).ok_or_else(|| {
            DialectError::new("22023", format!("\"{}\" is not an existing enum label", neighbor.value))
        })
    };
    let at = match &add.position {
        None => labels.len(),
        Some(AlterTypeAddValuePosition::Before(neighbor)) => place(neighbor)?,
        Some(AlterTypeAddValuePosition::After(neighbor)) => place(neighbor)? + 1,
    };
    labels.insert(at, label.clone());
    Ok(true)
}

fn has_column_of(table: &Table, physical: &str) -> bool {
    let of = DataType::Enum(physical.to_string());
    table.columns.iter().any(|column| match &column.data_type {
        DataType::Array(element) => **element == of,
        data_type => *data_type == of,
    })
}
