//! Range types: their operators, functions and constructors.

use sqlparser::ast::{BinaryOperator, Expr};

use super::lowering::{Lowering, Place};
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::dialect::range::{
    RangeOperator, lower_bound, range_of, range_property, range_sort_key, range_test, upper_bound,
};
use crate::schema::{DataType, Ranged};

/// Each operator between ranges.
#[rustfmt::skip]
const OPERATORS: &[(&str, RangeOperator)] = &[
    ("=",   RangeOperator::Equals),
    ("&&",  RangeOperator::Overlaps),
    ("@>",  RangeOperator::Contains),
    ("<@",  RangeOperator::ContainedBy),
    ("<<",  RangeOperator::StrictlyLeft),
    (">>",  RangeOperator::StrictlyRight),
    ("&<",  RangeOperator::NotRight),
    ("&>",  RangeOperator::NotLeft),
    ("-|-", RangeOperator::Adjacent),
];

/// The functions that make a range.
#[rustfmt::skip]
const CONSTRUCTORS: &[(&str, Ranged)] = &[
    ("int4range", Ranged::Int4),
    ("int8range", Ranged::Int8),
    ("numrange",  Ranged::Numeric),
    ("tsrange",   Ranged::Timestamp),
    ("tstzrange", Ranged::Timestamptz),
    ("daterange", Ranged::Date),
];

/// The operator of that sign, for what is not an expression's.
pub fn range_operator(sign: &str) -> Option<RangeOperator> {
    OPERATORS.iter().find(|(of, _)| *of == sign).map(|(_, operator)| *operator)
}

impl Lowering<'_> {
    /// `left operator right`, when one of them is a range and the operator one of theirs.
    pub(super) fn range_operation(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Option<Piece>, DialectError> {
        let sign = match operator {
            BinaryOperator::PGCustomBinaryOperator(parts) => parts.join("."),
            other => other.to_string(),
        };
        let Some(operator) = range_operator(&sign).filter(|of| *of != RangeOperator::Equals) else {
            return Ok(None);
        };
        let (left, right) = (self.lower(left)?, self.lower(right)?);
        let is_range = |piece: &Piece| matches!(piece.data_type(), Some(DataType::Range(_)));
        if !is_range(&left) && !is_range(&right) {
            return Ok(None);
        }
        self.range_pieces(left, operator, right, &sign).map(Some)
    }

    /// The same of lowered pieces.
    pub fn range_pieces(
        &mut self,
        left: Piece,
        operator: RangeOperator,
        right: Piece,
        sign: &str,
    ) -> Result<Piece, DialectError> {
        let (of, operator) = match (left.data_type(), operator, right.data_type()) {
            (Some(DataType::Range(of)), operator, None) => (*of, operator),
            (None, operator, Some(DataType::Range(of))) => (*of, operator),
            (Some(DataType::Range(one)), operator, Some(DataType::Range(other))) if one == other => {
                (*one, operator)
            }
            (Some(DataType::Range(of)), RangeOperator::Contains, Some(element))
                if is_element(*of, element) =>
            {
                (*of, RangeOperator::ContainsElement)
            }
            (Some(element), RangeOperator::ContainedBy, Some(DataType::Range(of)))
                if is_element(*of, element) =>
            {
                return self.range_pieces(right, RangeOperator::Contains, left, "@>");
            }
            _ => return Err(super::compare::no_operator(&left, sign, &right)),
        };
        if left == Piece::Null || right == Piece::Null {
            return Ok(Piece::Null);
        }
        let right_type =
            if operator == RangeOperator::ContainsElement { of.element() } else { DataType::Range(of) };
        let left = self.implicit(left, &DataType::Range(of))?;
        let right = self.implicit(right, &right_type)?;
        Ok(Piece::bool(self.both_once(left, right, |left, right| range_test(of, operator, left, right))?))
    }

    /// `lower(…)`, `isempty(…)`, `tstzrange(…)` and their like; `None` for any other call.
    pub(super) fn range_call(&mut self, name: &str, pieces: &[Piece]) -> Result<Option<Piece>, DialectError> {
        if let Some((_, of)) = CONSTRUCTORS.iter().find(|(of, _)| *of == name) {
            return self.range_constructor(*of, name, pieces).map(Some);
        }
        let [Piece::Typed(range, DataType::Range(of))] = pieces else { return Ok(None) };
        let of = *of;
        if name == "lower" || name == "upper" {
            let bound = if name == "lower" { lower_bound } else { upper_bound };
            let sql = self.once(range.clone(), |range| bound(of, range))?;
            return Ok(Some(Piece::Typed(sql, of.element())));
        }
        if range_property(name, "").is_none() {
            return Ok(None);
        }
        let sql = self.once(range.clone(), |range| range_property(name, range).unwrap_or_default())?;
        Ok(Some(Piece::bool(sql)))
    }

    fn range_constructor(&mut self, of: Ranged, name: &str, pieces: &[Piece]) -> Result<Piece, DialectError> {
        let (lower, upper, flags) = match pieces {
            [lower, upper] => (lower, upper, "[)"),
            [lower, upper, Piece::Unknown(flags)] => (lower, upper, flags.as_str()),
            [_, _, _] => {
                return Err(DialectError::unsupported(format!("{name}() with flags that are no literal")));
            }
            _ => return Err(super::call::no_function(name, pieces)),
        };
        if !matches!(flags, "[)" | "(]" | "[]" | "()") {
            return Err(DialectError::new("42601", "invalid range bound flags")
                .with_hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."));
        }
        let element = of.element();
        let lower = self.implicit(lower.clone(), &element)?;
        let upper = self.implicit(upper.clone(), &element)?;
        let sql = self.both_once(lower, upper, |lower, upper| range_of(of, lower, upper, flags))?;
        Ok(Piece::Typed(sql, DataType::Range(of)))
    }

    /// The form in which SQLite's comparison of ranges is that of Postgres.
    pub(super) fn range_key(
        &mut self,
        of: Ranged,
        sql: String,
        order_matters: bool,
    ) -> Result<String, DialectError> {
        if of != Ranged::Numeric && !order_matters {
            return Ok(sql);
        }
        if of == Ranged::Numeric {
            return Err(DialectError::unsupported("comparing values of type numrange")
                .with_hint("Use @> and <@, or compare lower() and upper()."));
        }
        self.once(sql, |range| range_sort_key(of, range).unwrap_or_default())
    }

    /// Uses two values several times each but evaluates them once where SQLite allows a subquery.
    fn both_once(
        &self,
        left: String,
        right: String,
        body: impl FnOnce(&str, &str) -> String,
    ) -> Result<String, DialectError> {
        let is_simple = |sql: &String| sql.len() <= 64 && !sql.contains(['(', ' ']) || sql.starts_with('\'');
        if is_simple(&left) && is_simple(&right) {
            return Ok(body(&left, &right));
        }
        if self.place != Place::Query {
            let sql = body(&left, &right);
            return if sql.len() > 20_000 {
                Err(DialectError::new("54001", "the expression is too complex"))
            } else {
                Ok(sql)
            };
        }
        let test = body("\"/both\".one", "\"/both\".other");
        Ok(format!("(SELECT {test} FROM (SELECT {left} AS one, {right} AS other) AS \"/both\")"))
    }
}

/// Whether a value of the type can be in a range, as it is or widened.
fn is_element(of: Ranged, element: &DataType) -> bool {
    use DataType as T;
    match of {
        // Postgres matches the element's type exactly, but for a literal number.
        Ranged::Int4 => *element == T::Int4,
        Ranged::Int8 => matches!(element, T::Int8 | T::Int4),
        Ranged::Numeric => matches!(element, T::Numeric(_) | T::Int4 | T::Int8),
        Ranged::Timestamp => *element == T::Timestamp,
        Ranged::Timestamptz => *element == T::Timestamptz,
        Ranged::Date => *element == T::Date,
    }
}
