//! Loops that write and whose rounds are known when the function is compiled: one round's statements after the other's.

use sqlparser::ast::{Expr, Query, SelectItem, SetExpr, TableFactor};

use super::machine::Machine;
use super::state::{row, variables};
use super::syntax::{Action, Otherwise, Over, Step};
use crate::dialect::DialectError;
use crate::dialect::expression::{Field, Scope};
use crate::dialect::routine::only_call;
use crate::schema::DataType;

/// How many rounds are written out.
const MOST_ROUNDS: usize = 200;

impl Machine<'_> {
    /// Runs a loop over numbers or an array's elements that way; `false` when it is no such loop.
    pub(super) fn unrolled(&mut self, over: &Over, steps: &[Step]) -> Result<bool, DialectError> {
        if !self.sink.takes_statements() || !may_write(steps) || leaves(steps) {
            return Ok(false);
        }
        match over {
            Over::Numbers { name, from, to, by, is_reverse } => {
                let by = by.as_ref().map_or(Some(1), |by| self.constant(by)).filter(|by| *by > 0);
                let (Some(from), Some(to), Some(by)) = (self.constant(from), self.constant(to), by) else {
                    return Ok(false);
                };
                let sign = if *is_reverse { -1 } else { 1 };
                let is_past = |number: &i64| (to - number) * sign < 0;
                let numbers =
                    (0..).map(|round| from + round * by * sign).take_while(|number| !is_past(number));
                let numbers: Vec<i64> = numbers.take(MOST_ROUNDS + 1).collect();
                if numbers.len() > MOST_ROUNDS {
                    return Ok(false);
                }
                let is_any = !numbers.is_empty();
                for number in numbers {
                    let sql = if number < 0 { format!("({number})") } else { number.to_string() };
                    let field = Field { name: name.clone(), sql, data_type: DataType::Int4 };
                    self.one_round(Scope { relations: vec![variables("", vec![field])] }, steps)?;
                }
                self.looped(is_any);
                Ok(true)
            }
            Over::Rows { targets, elements_of: Some(array), .. } => {
                let (Some(elements), [target]) = (elements(array), targets.as_slice()) else {
                    return Ok(false);
                };
                let place = self.assignable(target)?;
                let Some(data_type) = self.state.field(place).map(|field| field.data_type.clone()) else {
                    return Ok(false);
                };
                let values = self.values(elements, &vec![data_type; elements.len()])?;
                let is_any = !values.is_empty();
                for value in values {
                    self.state.set(place, value);
                    self.steps(steps)?;
                }
                self.looped(is_any);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// The same of a loop over `VALUES`.
    pub(super) fn unrolled_rows(
        &mut self,
        variable: &str,
        query: &Query,
        steps: &[Step],
    ) -> Result<bool, DialectError> {
        let Some(rows) = listed(query).filter(|rows| rows.len() <= MOST_ROUNDS) else { return Ok(false) };
        // A variable of one value is another matter.
        let is_value =
            self.state.place(&[variable.to_string()]).is_ok_and(|of| self.state.field(of).is_some());
        if !self.sink.takes_statements() || !may_write(steps) || leaves(steps) || is_value {
            return Ok(false);
        }
        let columns = self.lowered(|lowering| lowering.subquery(query))?.columns;
        let types: Vec<DataType> = columns.iter().map(|(_, of)| of.clone()).collect();
        let mut scopes = Vec::new();
        for cells in rows {
            let values = self.values(&cells, &types)?;
            let field = |((name, data_type), sql): (&(String, DataType), String)| Field {
                name: name.clone(),
                sql,
                data_type: data_type.clone(),
            };
            let fields = columns.iter().zip(values).map(field).collect();
            scopes.push(Scope { relations: vec![row(variable, fields)] });
        }
        for scope in scopes {
            self.one_round(scope, steps)?;
        }
        self.looped(true);
        Ok(true)
    }

    fn one_round(&mut self, own: Scope, steps: &[Step]) -> Result<(), DialectError> {
        let before = self.state.scopes.len();
        self.state.scopes.push(own);
        let done = self.steps(steps);
        self.state.scopes.truncate(before);
        done
    }

    /// `FOUND` after a loop.
    fn looped(&mut self, is_any: bool) {
        self.state.found = if is_any { "TRUE" } else { "FALSE" }.to_string();
    }

    /// Values as variables of these types hold them, each computed once.
    fn values(&mut self, of: &[Expr], types: &[DataType]) -> Result<Vec<String>, DialectError> {
        let mut values = Vec::new();
        for (value, data_type) in of.iter().zip(types) {
            let sql = self.lowered(|lowering| {
                let piece = lowering.lower(value)?;
                lowering.assign_in_function(piece, data_type)
            })?;
            values.push(self.settle(sql));
        }
        Ok(values)
    }

    /// The number that an expression is, whatever happens.
    fn constant(&mut self, value: &Expr) -> Option<i64> {
        let sql = self.lowered(|lowering| {
            let catalog = lowering.catalog;
            lowering.lower(value)?.into_sql(catalog)
        });
        sql.ok()?.trim_matches(['(', ')']).parse::<i32>().ok().map(i64::from)
    }
}

/// `ARRAY['a', 'b']`, also with a cast.
fn elements(array: &Expr) -> Option<&[Expr]> {
    match array {
        Expr::Array(array) if array.elem.len() <= MOST_ROUNDS => Some(&array.elem),
        Expr::Cast { expr, .. } => elements(expr),
        Expr::Nested(inner) => elements(inner),
        _ => None,
    }
}

/// The rows of `VALUES …`, and of `SELECT * FROM (VALUES …) AS name (columns)`.
fn listed(query: &Query) -> Option<Vec<Vec<Expr>>> {
    if query.with.is_some() || query.order_by.is_some() || query.limit_clause.is_some() {
        return None;
    }
    match query.body.as_ref() {
        SetExpr::Values(values) => Some(values.rows.iter().map(|row| row.content.clone()).collect()),
        SetExpr::Select(select) => {
            let all = matches!(select.projection.as_slice(), [SelectItem::Wildcard(_)]);
            let plain = select.selection.is_none() && select.having.is_none() && select.distinct.is_none();
            match select.from.as_slice() {
                [from] if all && plain && from.joins.is_empty() => match &from.relation {
                    TableFactor::Derived { subquery, .. } => listed(subquery),
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether steps have a statement that writes, or calls a function that may.
fn may_write(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.action {
        Action::Write(..) => true,
        Action::Select(query, None) => only_call(query).is_some(),
        _ => within(step).into_iter().any(may_write),
    })
}

/// Whether steps have an EXIT or CONTINUE, of whichever loop.
fn leaves(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(&step.action, Action::Leave(..)) || within(step).into_iter().any(leaves))
}

/// The steps inside a step.
fn within(step: &Step) -> Vec<&[Step]> {
    match &step.action {
        Action::Choose(arms, otherwise) => {
            let mut all: Vec<&[Step]> = arms.iter().map(|(_, steps)| steps.as_slice()).collect();
            if let Otherwise::Steps(steps) = otherwise {
                all.push(steps);
            }
            all
        }
        Action::Block(block) => vec![&block.steps],
        Action::ForRows(_, _, steps) | Action::Loop(_, steps) => vec![steps],
        _ => Vec::new(),
    }
}
