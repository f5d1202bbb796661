//! Aggregates in a select list: which types they take, what they give, and what may stand beside them.

use super::Planner;
use super::condition::Comparison;
use super::literal::stored;
use super::read::{Embed, Node, Operand, OrderKey, cast_type};
use crate::rest::error::{PostgresError, RestError};
use crate::rest::request::{AggregateFunction, AggregateItem, Having, Operation, Operator};
use crate::rest::zone::Form;
use crate::schema::{DataType, Table};

/// One value of all rows of a group.
#[derive(Debug)]
pub struct Aggregate<'c> {
    /// The key in the answer.
    pub key: String,
    /// The to-one spreads through which the values are reached, each an embed of the one before.
    pub through: Vec<usize>,
    /// What is done to the values.
    pub function: AggregateFunction,
    /// Of what; `None` for the rows themselves.
    pub operand: Option<Operand<'c>>,
    /// The type of the result.
    pub data_type: DataType,
    /// The type it is cast to.
    pub cast: Option<DataType>,
    /// How it goes out in the request's time zone.
    pub form: Option<Form>,
}

/// A condition on a group.
#[derive(Debug)]
pub struct GroupTest<'c> {
    /// What is compared.
    pub aggregate: Aggregate<'c>,
    /// Whether the comparison must not hold.
    pub negated: bool,
    /// How.
    pub comparison: Comparison,
    /// With what, in its stored form.
    pub value: String,
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
        let form = self.form(&data_type, cast.as_ref())?;
        Ok(Aggregate { key, through: Vec::new(), function: item.function, operand, data_type, cast, form })
    }

    /// A condition on groups, its value read by the aggregate's type.
    pub(super) fn having(
        &self,
        table: &'c Table,
        depth: usize,
        having: &Having,
    ) -> Result<GroupTest<'c>, RestError> {
        let aggregate = self.aggregate(table, depth, &having.aggregate)?;
        let Operation::Compare { operator, quantifier: None, value } = &having.operation else {
            return Err(unsupported_test());
        };
        let comparison = match operator {
            Operator::Equal => Comparison::Equal,
            Operator::NotEqual => Comparison::NotEqual,
            Operator::Greater => Comparison::Greater,
            Operator::GreaterOrEqual => Comparison::GreaterOrEqual,
            Operator::Less => Comparison::Less,
            Operator::LessOrEqual => Comparison::LessOrEqual,
            _ => return Err(unsupported_test()),
        };
        let value = self.read(&aggregate.data_type, value)?;
        let value = stored(&aggregate.data_type, value);
        Ok(GroupTest { aggregate, negated: having.negated, comparison, value })
    }
}

fn unsupported_test() -> RestError {
    RestError::NotImplemented("aggregates are compared with eq, neq, gt, gte, lt and lte only".into())
}

/// Takes the aggregates of to-one spreads to their origin, whose rows they are of.
pub(super) fn hoisted<'c>(embeds: &mut [Embed<'c>]) -> Result<Vec<Aggregate<'c>>, RestError> {
    let mut all = Vec::new();
    for (index, embed) in embeds.iter_mut().enumerate().filter(|(_, embed)| embed.spread) {
        if embed.node.is_grouped() && embed.node.aggregates.is_empty() {
            return Err(RestError::NotImplemented(
                "conditions on groups in a spread are not supported".into(),
            ));
        }
        for mut aggregate in std::mem::take(&mut embed.node.aggregates) {
            if aggregate.operand.is_none() {
                return Err(RestError::NotImplemented("count() in a spread is not supported".into()));
            }
            aggregate.through.insert(0, index);
            all.push(aggregate);
        }
        embed.hidden = embed.hidden || embed.node.keys().is_empty();
    }
    Ok(all)
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
    if !node.is_grouped() {
        return Ok(());
    }
    for order in &node.order {
        let OrderKey::Operand(operand) = &order.key else { continue };
        if order.embed.is_some() {
            let what = "ordering groups by a related column is not supported yet";
            return Err(RestError::NotImplemented(what.into()));
        }
        if node.fields.iter().any(|field| field.cast.is_none() && field.operand == *operand) {
            continue;
        }
        if node.distinct {
            let message = "for SELECT DISTINCT, ORDER BY expressions must appear in select list";
            return Err(RestError::postgres("42P10", message));
        }
        let (table, column) = (&node.table.name, &operand.column.name);
        let message = format!(
            "column \"{table}.{column}\" must appear in the GROUP BY clause or be used in an aggregate function"
        );
        return Err(RestError::postgres("42803", message));
    }
    Ok(())
}
