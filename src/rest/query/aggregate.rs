//! Aggregates as SQL, and what rows are grouped by.

use super::Builder;
use super::filter::{equality_key, sort_key, sort_key_of_literal, symbol};
use super::output::{cast, column};
use crate::rest::error::RestError;
use crate::rest::plan::{Aggregate, Node, Operand, OperandKind};
use crate::rest::request::AggregateFunction;
use crate::schema::{DataType, json_value};
use crate::sql::{balanced, quote_identifier};

impl Builder<'_> {
    /// An aggregate's value in the answer.
    pub fn aggregate(
        &mut self,
        aggregate: &Aggregate<'_>,
        node: &Node<'_>,
        row: &str,
    ) -> Result<String, RestError> {
        let sql = self.aggregated(aggregate, node, row)?;
        if let Some(form) = aggregate.form {
            return Ok(form.marked(&sql));
        }
        Ok(match &aggregate.cast {
            None => json_value(&aggregate.data_type, &sql),
            Some(to) => json_value(to, &cast(&aggregate.data_type, to, &sql)),
        })
    }

    /// The aggregate in its type's stored form.
    pub fn aggregated(
        &mut self,
        aggregate: &Aggregate<'_>,
        node: &Node<'_>,
        row: &str,
    ) -> Result<String, RestError> {
        let function = aggregate.function.name();
        Ok(match &aggregate.operand {
            None => count(node, row),
            Some(operand) => {
                let value = self.value_through(&aggregate.through, operand, node, row)?;
                match &aggregate.data_type {
                    DataType::Numeric(Some((_, scale))) => {
                        scaled(aggregate.function, &value, *scale as usize)
                    }
                    DataType::Numeric(None) => format!("CAST({function}({value}) AS TEXT)"),
                    _ => format!("{function}({value})"),
                }
            }
        })
    }

    /// A value of the row that to-one spreads lead to.
    fn value_through(
        &mut self,
        through: &[usize],
        operand: &Operand<'_>,
        node: &Node<'_>,
        row: &str,
    ) -> Result<String, RestError> {
        let Some((embed, rest)) =
            through.split_first().and_then(|(index, rest)| Some((node.embeds.get(*index)?, rest)))
        else {
            return Ok(self.value(operand, row));
        };
        let (target, from, clause) = self.related_row(embed, row)?;
        let value = self.value_through(rest, operand, &embed.node, &target)?;
        Ok(format!("(SELECT {value} FROM {from}{clause} LIMIT 1)"))
    }

    /// `HAVING`; nothing where every group is wanted.
    pub fn having(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        let mut terms = Vec::new();
        for test in &node.having {
            let of = &test.aggregate.data_type;
            let value = self.aggregated(&test.aggregate, node, row)?;
            let bound = self.writer.bind(&test.value);
            let (left, right) =
                (sort_key(self.catalog, of, &value), sort_key_of_literal(self.catalog, of, &bound));
            let negation = if test.negated { "NOT " } else { "" };
            terms.push(format!("({negation}{left} {} {right})", symbol(test.comparison)));
        }
        Ok(if terms.is_empty() { String::new() } else { format!("\nHAVING {}", balanced(terms, " AND ")) })
    }

    /// `GROUP BY` everything that is no aggregate; nothing where there is none.
    pub fn group_by(&mut self, node: &Node<'_>, row: &str) -> Result<String, RestError> {
        if !node.is_grouped() {
            return Ok(String::new());
        }
        let mut keys = Vec::new();
        for field in &node.fields {
            keys.push(match field.operand.kind() {
                OperandKind::Column(of) if field.cast.is_none() => {
                    equality_key(of, &column(&field.operand, row))
                }
                _ => self.output(field, row)?,
            });
        }
        for embed in node.embeds.iter().filter(|embed| !embed.hidden) {
            keys.push(if embed.spread { self.spread(embed, row)? } else { self.embed(embed, row)? });
        }
        // In parentheses, for a bare number would be the place of a column.
        let keys: Vec<String> = keys.iter().map(|key| format!("({key})")).collect();
        let having = self.having(node, row)?;
        Ok(match keys.is_empty() {
            true => having,
            false => format!("\nGROUP BY {}{having}", keys.join(", ")),
        })
    }
}

/// The number of rows. Beside a spread it stands in a subquery, whose own single row `count(*)` would
/// count; naming a column makes it the outer query's.
fn count(node: &Node<'_>, row: &str) -> String {
    let beside_a_spread = node.embeds.iter().any(|embed| embed.spread && !embed.hidden);
    match node.table.columns.first().filter(|_| beside_a_spread) {
        Some(column) => format!("count({row}.{} IS NULL)", quote_identifier(&column.name)),
        None => "count(*)".to_string(),
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
