//! Aggregates as SQL, and what rows are grouped by.

use super::Builder;
use super::filter::equality_key;
use super::output::{cast, column};
use crate::rest::error::RestError;
use crate::rest::plan::{Aggregate, Node, OperandKind};
use crate::rest::request::AggregateFunction;
use crate::schema::{DataType, json_value};

impl Builder<'_> {
    /// An aggregate's value in the answer.
    pub fn aggregate(&mut self, aggregate: &Aggregate<'_>, row: &str) -> String {
        let function = aggregate.function.name();
        let sql = match &aggregate.operand {
            None => "count(*)".to_string(),
            Some(operand) => {
                let value = self.value(operand, row);
                match &aggregate.data_type {
                    DataType::Numeric(Some((_, scale))) => {
                        scaled(aggregate.function, &value, *scale as usize)
                    }
                    DataType::Numeric(None) => format!("CAST({function}({value}) AS TEXT)"),
                    _ => format!("{function}({value})"),
                }
            }
        };
        match &aggregate.cast {
            None => json_value(&aggregate.data_type, &sql),
            Some(to) => json_value(to, &cast(&aggregate.data_type, to, &sql)),
        }
    }

    /// `GROUP BY` everything that is no aggregate; nothing where there is none.
    pub fn group_by(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        if node.aggregates.is_empty() {
            return Ok(String::new());
        }
        let mut keys = Vec::new();
        for field in &node.fields {
            keys.push(match field.operand.kind() {
                OperandKind::Column(of) if field.cast.is_none() => {
                    equality_key(of, &column(&field.operand, row))
                }
                _ => self.output(field, row),
            });
        }
        for embed in node.embeds.iter().filter(|embed| !embed.hidden) {
            keys.push(if embed.spread { self.spread(embed, row)? } else { self.embed(embed, row)? });
        }
        // In parentheses, for a bare number would be the place of a column.
        let keys: Vec<String> = keys.iter().map(|key| format!("({key})")).collect();
        Ok(if keys.is_empty() { String::new() } else { format!("\nGROUP BY {}", keys.join(", ")) })
    }
}

/// An aggregate of `numeric(p,s)` to the digit: the values' digits as integers, and the point put
/// back. Stored values have all digits of their scale.
fn scaled(function: AggregateFunction, value: &str, scale: usize) -> String {
    let digits = format!(
        "{}(CAST(replace({value}, '.', '') AS INTEGER)) FILTER (WHERE {value} <> 'NaN')",
        function.name()
    );
    let whole = format!(
        "substr(printf('%0{width}d', abs({digits})), 1, length(printf('%0{width}d', abs({digits}))) - {scale})",
        width = scale + 1
    );
    let fraction = format!("substr(printf('%0{width}d', abs({digits})), -{scale})", width = scale + 1);
    let number = match scale {
        0 => format!("CAST({digits} AS TEXT)"),
        _ => format!("CASE WHEN {digits} < 0 THEN '-' ELSE '' END || {whole} || '.' || {fraction}"),
    };
    let nothing_but_nan = format!("WHEN {digits} IS NULL THEN max({value})");
    match function {
        AggregateFunction::Smallest => format!("CASE {nothing_but_nan} ELSE {number} END"),
        _ => format!("CASE WHEN max({value} = 'NaN') THEN 'NaN' {nothing_but_nan} ELSE {number} END"),
    }
}
