//! Joins: ON, USING and NATURAL, inner and outer.

use sqlparser::ast::{BinaryOperator, Join, JoinConstraint, JoinOperator};

use super::relation::From;
use crate::dialect::expression::{Field, Lowering, Piece, Relation};
use crate::dialect::{DialectError, name};

impl Lowering<'_> {
    /// ` LEFT JOIN … ON …`, to be put after what it joins.
    pub(super) fn join(
        &mut self,
        join: &Join,
        has_outer: bool,
        from: &mut From,
    ) -> Result<String, DialectError> {
        let (word, constraint) = match &join.join_operator {
            JoinOperator::Join(on) | JoinOperator::Inner(on) => ("JOIN", on),
            JoinOperator::Left(on) | JoinOperator::LeftOuter(on) => ("LEFT JOIN", on),
            JoinOperator::Right(on) | JoinOperator::RightOuter(on) => ("RIGHT JOIN", on),
            JoinOperator::FullOuter(on) => ("FULL JOIN", on),
            JoinOperator::CrossJoin(JoinConstraint::None) => ("CROSS JOIN", &JoinConstraint::None),
            _ => return Err(DialectError::unsupported("this kind of join")),
        };
        let before = self.scopes.last().map_or(0, |scope| scope.relations.len());
        let sql = self.factor(&join.relation, has_outer, from)?;
        if matches!(word, "RIGHT JOIN" | "FULL JOIN")
            && sql.starts_with("json_each((SELECT json_group_array(")
        {
            return Err(DialectError::new(
                "42P10",
                "invalid reference to FROM-clause entry: a lateral query cannot stand on the outer side",
            ));
        }
        if let Some(scope) = self.scopes.last() {
            let (left, right) = scope.relations.split_at(before.min(scope.relations.len()));
            let rows = |relations: &[Relation]| relations.iter().map(|of| of.row.clone()).collect::<Vec<_>>();
            let (left, right) = (rows(left), rows(right));
            match word {
                "LEFT JOIN" => self.outer_rows.extend(right),
                "RIGHT JOIN" => self.outer_rows.extend(left),
                "FULL JOIN" => self.outer_rows.extend(left.into_iter().chain(right)),
                _ => {}
            }
        }
        let on = match constraint {
            JoinConstraint::On(on) => self.condition(on)?,
            JoinConstraint::Using(columns) => {
                let columns: Result<Vec<String>, DialectError> = columns.iter().map(name::single).collect();
                self.using(&columns?, before, word)?
            }
            JoinConstraint::Natural => {
                let columns = self.shared_columns(before);
                self.using(&columns, before, word)?
            }
            JoinConstraint::None if word == "CROSS JOIN" => return Ok(format!(" CROSS JOIN {sql}")),
            JoinConstraint::None => return Err(DialectError::new("42601", "a JOIN needs ON or USING")),
        };
        Ok(format!(" {word} {sql} ON {on}"))
    }

    /// The names that both sides of a NATURAL join have, in the order of the left one.
    fn shared_columns(&self, before: usize) -> Vec<String> {
        let Some(scope) = self.scopes.last() else { return Vec::new() };
        let (left, right) = scope.relations.split_at(before.min(scope.relations.len()));
        let shown = |relations: &[Relation]| -> Vec<String> {
            let names = relations.iter().flat_map(|relation| {
                let names = relation.columns.iter().map(|field| field.name.clone());
                names.filter(|name| !relation.merged.contains(name)).collect::<Vec<_>>()
            });
            names.collect()
        };
        let right = shown(right);
        shown(left).into_iter().filter(|name| right.contains(name)).collect()
    }

    /// Each column of USING is one column from here on, which stands before all others.
    fn using(&mut self, columns: &[String], before: usize, word: &str) -> Result<String, DialectError> {
        let mut terms = Vec::new();
        let mut merged = Vec::new();
        for column in columns {
            let (left, right) = self.take_both(column, before)?;
            let equal = self.compare(left.clone(), &BinaryOperator::Eq, right.clone())?;
            terms.push(equal);
            let (pieces, data_type) = self.unify("JOIN/USING", vec![left, right])?;
            let [left, right] = pieces.as_slice() else { continue };
            let sql = match word {
                "RIGHT JOIN" => right.clone(),
                "FULL JOIN" => format!("coalesce({left}, {right})"),
                _ => left.clone(),
            };
            merged.push(Field { name: column.clone(), sql, data_type });
        }
        if let Some(scope) = self.scopes.last_mut() {
            let columns = Relation {
                schema: None,
                name: String::new(),
                row: String::new(),
                columns: merged,
                merged: Vec::new(),
            };
            scope.relations.insert(0, columns);
        }
        Ok(crate::sql::balanced(terms, " AND "))
    }

    /// A column of each side, which no bare name finds from here on.
    fn take_both(&mut self, column: &str, before: usize) -> Result<(Piece, Piece), DialectError> {
        let missing = |side: &str| {
            DialectError::new(
                "42703",
                format!("column \"{column}\" specified in USING clause does not exist in {side} table"),
            )
        };
        let Some(scope) = self.scopes.last_mut() else { return Err(missing("left")) };
        let before = before.min(scope.relations.len());
        let (left, right) = scope.relations.split_at_mut(before);
        let left = take(left, column)?.ok_or_else(|| missing("left"))?;
        let right = take(right, column)?.ok_or_else(|| missing("right"))?;
        Ok((left, right))
    }
}

fn take(relations: &mut [Relation], column: &str) -> Result<Option<Piece>, DialectError> {
    let mut found = None;
    for relation in relations {
        if relation.merged.iter().any(|merged| merged == column) {
            continue;
        }
        let Some((sql, data_type)) = relation.column(column) else { continue };
        if found.is_some() {
            return Err(DialectError::new(
                "42702",
                format!("common column name \"{column}\" appears more than once in left table"),
            ));
        }
        relation.merged.push(column.to_string());
        found = Some(Piece::Typed(sql, data_type));
    }
    Ok(found)
}

pub(super) fn is_outer(operator: &JoinOperator) -> bool {
    !matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
}
