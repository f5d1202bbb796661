//! Aggregates in a select list: which types they take, what they give, and what may stand beside them.

use super::Planner;
use super::read::{Node, Operand, Order, cast_type};
use crate::rest::error::{PostgresError, RestError};
use crate::rest::request::{AggregateFunction, AggregateItem};
use crate::schema::{DataType, Table};

/// One value of all rows of a group.
#[derive(Debug)]
pub struct Aggregate<'c> {
    /// The key in the answer.
    pub key: String,
    /// What is done to the values.
    pub function: AggregateFunction,
    /// Of what; `None` for the rows themselves.
    pub operand: Option<Operand<'c>>,
    /// The type of the result.
    pub data_type: DataType,
    /// The type it is cast to.
    pub cast: Option<DataType>,
}

impl<'c> Planner<'c> {
    pub(super) fn aggregate(
        &self,
        table: &'c Table,
        depth: usize,
        item: &AggregateItem,
    ) -> Result<Aggregate<'c>, RestError> {
        if !self.aggregates {
            return Err(RestError::Aggregates);
        }
        if item.field_cast.is_some() {
            return Err(RestError::NotImplemented("a cast inside an aggregate is not supported yet".into()));
        }
        let operand = item.field.as_ref().map(|field| self.operand(table, depth, field)).transpose()?;
        let data_type = match &operand {
            None => DataType::Int8,
            Some(operand) => result(item.function, operand)?,
        };
        let cast = item.cast.as_deref();
        if item.function == AggregateFunction::Average && cast.is_some() {
            return Err(RestError::NotImplemented("casting an average is not supported yet".into()));
        }
        let cast = cast.map(|name| cast_type(name, &data_type)).transpose()?;
        let key = item.alias.clone().unwrap_or_else(|| item.function.name().to_string());
        Ok(Aggregate { key, function: item.function, operand, data_type, cast })
    }
}

/// The type of an aggregate; an average of integers is a double here, whose digits read back as the
/// same number as Postgres' numeric.
fn result(function: AggregateFunction, operand: &Operand<'_>) -> Result<DataType, RestError> {
    use AggregateFunction::{Average, Count, Largest, Smallest, Sum};
    use DataType::{
        Bool, Bytea, Date, Float4, Float8, Int2, Int4, Int8, Json, Jsonb, Numeric, Text, Time, Timestamp,
        Timestamptz, Uuid, Varchar,
    };
    let of = operand.data_type();
    Ok(match (function, &of) {
        (Count, _) => Int8,
        (Sum, Int2 | Int4) => Int8,
        (Sum, Int8) => Numeric(None),
        (Sum | Largest | Smallest, Numeric(Some((precision, _)))) if *precision <= 18 => of,
        (Sum | Largest | Smallest, Float4 | Float8) => of,
        (Average, Int2 | Int4 | Float4 | Float8) => Float8,
        (
            Largest | Smallest,
            Int2 | Int4 | Int8 | Text | Varchar(_) | Date | Time | Timestamp | Timestamptz,
        ) => of,
        (
            Sum | Average,
            Text | Varchar(_) | Bool | Uuid | Json | Jsonb | Bytea | Date | Timestamp | Timestamptz,
        )
        | (Largest | Smallest, Bool | Json | Jsonb) => {
            let call = format!("{}({})", function.name(), of.display_name());
            let hint = "No function matches the given name and argument types. You might need to add explicit type casts.";
            return Err(RestError::Postgres(PostgresError {
                hint: Some(hint.into()),
                ..PostgresError::new("42883", format!("function {call} does not exist"))
            }));
        }
        _ => {
            let what = format!("{}() of {} is not supported yet", function.name(), of.short_name());
            return Err(RestError::NotImplemented(what));
        }
    })
}

/// That groups are ordered only by what they are grouped by.
pub(super) fn check_order(node: &Node<'_>) -> Result<(), RestError> {
    if node.aggregates.is_empty() {
        return Ok(());
    }
    let grouped = |order: &Order<'_>| {
        node.fields.iter().any(|field| field.cast.is_none() && field.operand == order.operand)
    };
    match node.order.iter().find(|order| order.embed.is_some() || !grouped(order)) {
        None => Ok(()),
        Some(order) if order.embed.is_some() => {
            Err(RestError::NotImplemented("ordering groups by a related column is not supported yet".into()))
        }
        Some(order) => Err(RestError::postgres(
            "42803",
            format!(
                "column \"{}.{}\" must appear in the GROUP BY clause or be used in an aggregate function",
                node.table.name, order.operand.column.name
            ),
        )),
    }
}
