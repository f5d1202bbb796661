//! Arithmetic with Postgres' errors: overflow and division by zero raise, where SQLite would go on.

use sqlparser::ast::{BinaryOperator, Expr};

use super::cast::integer_range;
use super::compare::{both_numbers, is_single, no_operator};
use super::lowering::Lowering;
use super::piece::{Piece, literal};
use super::type_name::{Family, common_type, family};
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::raise;

impl Lowering<'_> {
    pub(super) fn arithmetic(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        // Lowered once: operands lowered twice would be lowered 2ⁿ times in a chain of n.
        let (left, right) = match self.time_arithmetic(left, operator, right)? {
            Ok(piece) => return Ok(piece),
            Err(operands) => operands,
        };
        if let (Piece::Typed(json, DataType::Jsonb), BinaryOperator::Minus) = (&left, operator) {
            return super::json_function::without(self, json.clone(), &right);
        }
        self.arithmetic_of(left, operator, right)
    }

    /// The same of lowered operands.
    pub fn arithmetic_of(
        &mut self,
        left: Piece,
        operator: &BinaryOperator,
        right: Piece,
    ) -> Result<Piece, DialectError> {
        if left == Piece::Null || right == Piece::Null {
            return Ok(Piece::Null);
        }
        let is_whole =
            |piece: &Piece| piece.data_type().is_some_and(|of| matches!(family(of), Family::Number(0..=2)));
        match (&left, operator, &right) {
            (Piece::Typed(span, DataType::Interval), BinaryOperator::Multiply, times) if is_whole(times) => {
                let times = right.clone().into_sql(self.catalog)?;
                return self.multiplied_interval(span.clone(), times);
            }
            (times, BinaryOperator::Multiply, Piece::Typed(span, DataType::Interval)) if is_whole(times) => {
                let times = left.clone().into_sql(self.catalog)?;
                return self.multiplied_interval(span.clone(), times);
            }
            (Piece::Typed(_, DataType::Interval), BinaryOperator::Multiply | BinaryOperator::Divide, _)
            | (_, BinaryOperator::Multiply, Piece::Typed(_, DataType::Interval)) => {
                return Err(DialectError::unsupported("an interval times or by anything but a whole number"));
            }
            _ => {}
        }
        let common = match (left.data_type(), right.data_type()) {
            (Some(one), Some(other)) if is_single(one) != is_single(other) && both_numbers(one, other) => {
                Some(DataType::Float8)
            }
            (Some(one), Some(other)) => common_type(one, other),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        };
        let sign = operator.to_string();
        if let Some(range @ DataType::Range(_)) = left.data_type() {
            return Err(DialectError::unsupported(format!("{} {sign}", range.display_name())));
        }
        let common = common
            .filter(|common| family(common).is_number())
            .ok_or_else(|| no_operator(&left, &sign, &right))?;
        if matches!(family(&common), Family::Number(3)) {
            return self.decimal_arithmetic(left, operator, right);
        }
        let (left, right) = (self.implicit(left, &common)?, self.implicit(right, &common)?);
        match family(&common) {
            Family::Number(0..=2) => self.integer_arithmetic(left, operator, &right, common),
            Family::Number(5) if *operator != BinaryOperator::Modulo => {
                let sql = self.operated(left, operator, &right)?;
                Ok(Piece::Typed(sql, common))
            }
            _ => Err(no_operator(&Piece::Typed(left, common.clone()), &sign, &Piece::Typed(right, common))),
        }
    }

    fn integer_arithmetic(
        &mut self,
        left: String,
        operator: &BinaryOperator,
        right: &str,
        data_type: DataType,
    ) -> Result<Piece, DialectError> {
        let result = self.operated(left, operator, right)?;
        if *operator == BinaryOperator::Modulo {
            return Ok(Piece::Typed(result, data_type));
        }
        let sql = self.in_range(result, &data_type)?;
        Ok(Piece::Typed(sql, data_type))
    }

    /// The operation; division of a value by zero raises, division of NULL does not.
    fn operated(
        &mut self,
        left: String,
        operator: &BinaryOperator,
        right: &str,
    ) -> Result<String, DialectError> {
        let divides = matches!(operator, BinaryOperator::Divide | BinaryOperator::Modulo);
        if !divides || right.parse::<i64>().is_ok_and(|number| number != 0) {
            return Ok(format!("({left} {operator} {right})"));
        }
        let error = raise("'22012:division by zero'");
        self.once(left, |left| {
            format!(
                "({left} {operator} coalesce(nullif({right}, 0), CASE WHEN {right} = 0 AND {left} IS NOT NULL THEN {error} END))"
            )
        })
    }

    /// Raises 22003 when an integer left its type's range (a REAL, once it left 64 bits).
    fn in_range(&mut self, sql: String, data_type: &DataType) -> Result<String, DialectError> {
        let error = raise(&format!("'22003:{} out of range'", data_type.display_name()));
        let (low, high) = integer_range(data_type);
        let is_wide = *data_type == DataType::Int8;
        self.once(sql, |value| {
            let fits = if is_wide {
                format!("typeof({value}) <> 'real'")
            } else {
                format!("coalesce({value} BETWEEN {low} AND {high}, TRUE)")
            };
            format!("CASE WHEN {fits} THEN {value} ELSE {error} END")
        })
    }

    /// `& | # << >>` of integers.
    pub(super) fn bits(
        &mut self,
        left: &Expr,
        operator: &BinaryOperator,
        right: &Expr,
    ) -> Result<Piece, DialectError> {
        let (left, right) = (self.lower(left)?, self.lower(right)?);
        let sign = operator.to_string();
        let common = match (left.data_type(), right.data_type()) {
            (Some(one), Some(other)) => common_type(one, other),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        };
        let common = common
            .filter(|common| matches!(family(common), Family::Number(0..=2)))
            .ok_or_else(|| no_operator(&left, &sign, &right))?;
        if matches!(operator, BinaryOperator::PGBitwiseShiftLeft | BinaryOperator::PGBitwiseShiftRight) {
            return Err(DialectError::unsupported(format!("the operator {sign}")));
        }
        let (left, right) = (self.implicit(left, &common)?, self.implicit(right, &common)?);
        let sql = match operator {
            BinaryOperator::PGBitwiseXor => self.bound(vec![left, right], |names| match names {
                [left, right] => format!("(({left} | {right}) - ({left} & {right}))"),
                _ => String::new(),
            })?,
            _ => format!("({left} {sign} {right})"),
        };
        Ok(Piece::Typed(sql, common))
    }

    pub(super) fn negate(&mut self, inner: &Expr) -> Result<Piece, DialectError> {
        if let Expr::Value(value) = inner
            && let sqlparser::ast::Value::Number(digits, _) = &value.value
        {
            return self.negative_number(digits);
        }
        match self.lower(inner)? {
            Piece::Null => Ok(Piece::Null),
            Piece::Typed(sql, data_type) if matches!(family(&data_type), Family::Number(0..=2)) => {
                let sql = self.in_range(format!("(- {sql})"), &data_type)?;
                Ok(Piece::Typed(sql, data_type))
            }
            Piece::Typed(sql, DataType::Float8) => Ok(Piece::Typed(format!("(- {sql})"), DataType::Float8)),
            Piece::Typed(sql, DataType::Numeric(_)) => {
                Ok(Piece::Typed(self.decimal_negated(sql)?, DataType::Numeric(None)))
            }
            Piece::Typed(span, DataType::Interval) => self.multiplied_interval(span, "-1".to_string()),
            other => {
                Err(DialectError::new("42883", format!("operator does not exist: - {}", other.type_name())))
            }
        }
    }

    fn negative_number(&mut self, digits: &str) -> Result<Piece, DialectError> {
        let digits = format!("-{digits}");
        let data_type = match digits.parse::<i64>() {
            Ok(number) if i32::try_from(number).is_ok() => DataType::Int4,
            Ok(_) => DataType::Int8,
            Err(_) => DataType::Numeric(None),
        };
        Ok(Piece::Typed(literal(self.catalog, &data_type, &digits)?, data_type))
    }

    /// `||`: text with anything, arrays with arrays.
    pub(super) fn concatenate(&mut self, left: &Expr, right: &Expr) -> Result<Piece, DialectError> {
        let (left, right) = (self.lower(left)?, self.lower(right)?);
        if let Some(piece) = self.concatenate_vectors(&left, &right)? {
            return Ok(piece);
        }
        let array = |piece: &Piece| matches!(piece.data_type(), Some(DataType::Array(_)));
        if array(&left) || array(&right) {
            return self.concatenate_arrays(left, right);
        }
        let json = |piece: &Piece| matches!(piece.data_type(), Some(DataType::Jsonb | DataType::Json));
        let text = |piece: &Piece| piece.data_type().is_none_or(|of| family(of) == Family::Text);
        if json(&left) || json(&right) {
            if [&left, &right].iter().any(|piece| matches!(piece.data_type(), Some(DataType::Jsonb)))
                && [&left, &right]
                    .iter()
                    .all(|piece| matches!(piece.data_type(), Some(DataType::Jsonb) | None))
            {
                return super::json_function::joined(self, &left, &right);
            }
            if !text(&left) && !text(&right) {
                return Err(no_operator(&left, "||", &right));
            }
        }
        if !text(&left) && !text(&right) {
            return Err(no_operator(&left, "||", &right));
        }
        let (left, right) = (self.as_text(left)?, self.as_text(right)?);
        Ok(Piece::text(format!("({left} || {right})")))
    }

    /// A piece's text form.
    pub fn as_text(&mut self, piece: Piece) -> Result<String, DialectError> {
        let (sql, data_type) = piece.resolved(self.catalog)?;
        self.text_of(sql, &data_type)
    }
}
