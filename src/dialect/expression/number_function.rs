//! Functions of numbers that follow their argument's type.

use sqlparser::ast::BinaryOperator;

use super::lowering::Lowering;
use super::piece::Piece;
use super::type_name::{Family, family};
use crate::dialect::DialectError;
use crate::schema::DataType;

type Lowered = Result<Option<Piece>, DialectError>;

fn rank(piece: &Piece) -> Option<u8> {
    match piece.data_type().map(family) {
        Some(Family::Number(rank)) => Some(rank),
        _ => None,
    }
}

/// `round`, `trunc`, `floor`, `ceil`: of numerics as numerics, of anything else as doubles.
pub fn rounded(lowering: &mut Lowering<'_>, name: &str, pieces: &[Piece]) -> Lowered {
    let how = if name == "ceiling" { "ceil" } else { name };
    match pieces {
        [number] if rank(number) == Some(3) => lowering.rounded(how, number.clone(), None).map(Some),
        [number] if rank(number).is_some() => {
            let sql = lowering.implicit(number.clone(), &DataType::Float8)?;
            let whole = "CAST({0} AS INTEGER)";
            let body = match how {
                "trunc" => whole.to_string(),
                "floor" => format!("({whole} - ({whole} > {{0}}))"),
                "ceil" => format!("({whole} + ({whole} < {{0}}))"),
                // Half goes to the even one.
                _ => format!(
                    "CASE WHEN abs({{0}} - {whole}) = 0.5 THEN {whole} + {whole} % 2 ELSE round({{0}}) END"
                ),
            };
            // Doubles of that size have no fraction.
            let sql = lowering.once(sql, |value| {
                format!(
                    "CASE WHEN {value} IS NULL OR abs({value}) >= 4503599627370496.0 THEN {value} ELSE CAST({} AS REAL) END",
                    body.replace("{0}", value)
                )
            })?;
            Ok(Some(Piece::Typed(sql, DataType::Float8)))
        }
        [number, places] if matches!(how, "round" | "trunc") && matches!(rank(number), Some(0..=3)) => {
            let places = super::call::constant(places).ok_or_else(|| {
                DialectError::unsupported(format!("{name}() to a number of places that is no literal"))
            })?;
            lowering.rounded(how, number.clone(), Some(places)).map(Some)
        }
        _ => Ok(None),
    }
}

/// `sign`.
pub fn sign(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [number] = pieces else { return Ok(None) };
    match rank(number) {
        Some(3) => {
            let sql = number.clone().into_sql(lowering.catalog)?;
            let sql = lowering.once(sql, |value| {
                format!(
                    "CASE WHEN {value} IS NULL OR {value} = 'NaN' THEN {value} WHEN ltrim({value}, '0.') = '' THEN '0' WHEN substr({value}, 1, 1) = '-' THEN '-1' ELSE '1' END"
                )
            })?;
            Ok(Some(Piece::Typed(sql, DataType::Numeric(None))))
        }
        Some(_) => {
            let sql = lowering.implicit(number.clone(), &DataType::Float8)?;
            let sql = lowering.once(sql, |value| format!("CAST(({value} > 0) - ({value} < 0) AS REAL)"))?;
            Ok(Some(Piece::Typed(sql, DataType::Float8)))
        }
        None => Ok(None),
    }
}

/// `mod`, which is `%`.
pub fn modulo(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [left, right] = pieces else { return Ok(None) };
    lowering.arithmetic_of(left.clone(), &BinaryOperator::Modulo, right.clone()).map(Some)
}

/// `div`: the whole quotient of numerics.
pub fn div(lowering: &mut Lowering<'_>, _: &str, pieces: &[Piece]) -> Lowered {
    let [left, right] = pieces else { return Ok(None) };
    let numeric = |lowering: &mut Lowering<'_>, piece: &Piece| -> Result<Piece, DialectError> {
        let sql = lowering.implicit(piece.clone(), &DataType::Numeric(None))?;
        Ok(Piece::Typed(sql, DataType::Numeric(None)))
    };
    if ![left, right].iter().all(|piece| matches!(rank(piece), Some(0..=3) | None)) {
        return Ok(None);
    }
    let (left, right) = (numeric(lowering, left)?, numeric(lowering, right)?);
    lowering.whole_quotient(left, right).map(Some)
}
