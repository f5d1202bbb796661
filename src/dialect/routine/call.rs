//! A call from outside of SQL: its arguments are given as SQL, its rows come as a FROM clause has them.

use super::resolve::{Given, Resolved};
use super::source::named;
use crate::dialect::expression::{Lowering, Piece, Relation};
use crate::dialect::{DialectError, Environment};
use crate::schema::{Catalog, Returns, Routine, RoutineType};

/// An argument of a call: SQL, each value in its stored form.
#[derive(Clone, Debug, PartialEq)]
pub enum CallArgument {
    /// A value of the parameter's type.
    Value(String),
    /// A row of the parameter's table: a value for each column.
    Row(Vec<String>),
}

/// The rows of a call in parentheses, its columns by their names; `row` is the quoted alias that they
/// will have, and `arguments` has one for each input, `None` for its default. Of a function that
/// gives nothing it is one row of nothing.
pub fn routine_source(
    routine: &Routine,
    arguments: &[Option<CallArgument>],
    row: &str,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<String, DialectError> {
    let given = routine
        .inputs()
        .zip(arguments)
        .map(|(argument, given)| given.as_ref().map(|given| as_given(catalog, &argument.data_type, given)))
        .collect();
    let mut lowering = Lowering::beside_row(catalog, environment, row);
    let resolved = Resolved { routine, given };
    if routine.returns == Returns::Void {
        return lowering.routine_effect(resolved);
    }
    let rows = lowering.routine_rows(resolved)?;
    Ok(named(catalog, routine, &rows.sql))
}

/// The value of a call of a function of one row; `row` is the quoted name that stands in its SQL.
pub fn routine_value(
    routine: &Routine,
    argument: &CallArgument,
    row: &str,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<String, DialectError> {
    let given = routine.inputs().map(|of| Some(as_given(catalog, &of.data_type, argument))).collect();
    let mut lowering = Lowering::beside_row(catalog, environment, row);
    lowering.routine_value(Resolved { routine, given })?.into_sql(catalog)
}

pub(super) fn as_given(catalog: &Catalog, of: &RoutineType, given: &CallArgument) -> Given {
    match (of, given) {
        (RoutineType::Value(of), CallArgument::Value(sql)) => {
            Given::Value(Piece::Typed(sql.clone(), of.clone()))
        }
        (RoutineType::Row(table), CallArgument::Row(values)) => match catalog.row_type(table) {
            Some(table) => {
                let mut relation = Relation::of_table(table, "");
                for (field, value) in relation.columns.iter_mut().zip(values) {
                    field.sql.clone_from(value);
                }
                Given::Row(relation)
            }
            None => Given::Value(Piece::Null),
        },
        _ => Given::Value(Piece::Null),
    }
}
