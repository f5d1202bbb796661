//! Quotients of numerics where SQLite allows no subquery, in generated columns above all: no digits are worked out
//! before it is known how many are wanted.

use super::decimal::{Decimal, times_power, too_long};
use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{quote_literal, raise};

/// A quotient of two numerics of known scales where SQLite allows no subquery. It can be multiplied by a power of ten,
/// and has to be rounded to so many places before anything else is done with it.
#[derive(Clone, Debug)]
pub struct Quotient {
    over: String,
    under: String,
    /// The value is `over / under` with the point moved so far to the left.
    scale: i64,
    /// By what power of ten it was multiplied.
    tens: i64,
}

/// What stands in SQL for a [`Quotient`] that is not rounded yet.
const UNROUNDED: &str = "54001:the expression is too complex, quotient ";

/// Whether a quotient was used for something that it cannot be used for.
pub fn refuse_unrounded(sql: String) -> Result<String, DialectError> {
    match sql.contains(UNROUNDED) {
        true => Err(DialectError::new("54001", "the expression is too complex")),
        false => Ok(sql),
    }
}

impl Lowering<'_> {
    /// The quotient of two numerics of known scales, to be rounded later.
    pub(super) fn kept_quotient(&mut self, left: Decimal, right: Decimal) -> Result<Piece, DialectError> {
        let scale = |number: &Decimal| number.scale.parse::<i64>().unwrap_or_default();
        let scale = scale(&left) - scale(&right);
        let over = self.in_steps(&[vec![("a", left.sql)]], &left.digits)?;
        let under = self.in_steps(&[vec![("b", right.sql)]], &right.digits)?;
        Ok(self.unrounded(Quotient { over, under, scale, tens: 0 }))
    }

    fn unrounded(&mut self, quotient: Quotient) -> Piece {
        self.quotients.push(quotient);
        let mark = quote_literal(&format!("{UNROUNDED}{}", self.quotients.len()));
        Piece::Typed(raise(&mark), DataType::Numeric(None))
    }

    /// The quotient that a piece stands for.
    pub(super) fn quotient_of(&self, piece: &Piece) -> Option<Quotient> {
        let Piece::Typed(sql, _) = piece else { return None };
        let (_, number) = sql.split_once(UNROUNDED)?;
        let number: usize = number.trim_end_matches([')', '\'']).parse().ok()?;
        self.quotients.get(number.checked_sub(1)?).cloned()
    }

    /// Times a literal power of ten, which moves the point. What else it may be multiplied by would also multiply what
    /// Postgres rounded away.
    pub(super) fn quotient_times(&mut self, quotient: Quotient, by: Piece) -> Result<Piece, DialectError> {
        let by = self.decimal(by, "b")?;
        let tens = by.sql.trim_matches(['\'', '(', ')']).trim_end_matches(".0").strip_prefix('1');
        match tens.filter(|zeros| zeros.len() <= 6 && zeros.bytes().all(|digit| digit == b'0')) {
            Some(zeros) if by.scale == "0" => {
                let tens = zeros.len() as i64;
                let (scale, tens) = (quotient.scale - tens, quotient.tens + tens);
                Ok(self.unrounded(Quotient { scale, tens, ..quotient }))
            }
            _ => Err(DialectError::new("54001", "the expression is too complex")),
        }
    }

    /// A quotient rounded to so many places. Postgres rounds it twice, first to 16 digits or more; that makes no
    /// difference while the divisor is small enough for such a quotient to stand clear of every half.
    pub(super) fn rounded_quotient(
        &mut self,
        quotient: Quotient,
        places: i64,
    ) -> Result<Piece, DialectError> {
        let Quotient { over, under, scale, tens } = quotient;
        let shift = |name: &str, by: i64| times_power(name, &by.max(0).to_string());
        let room = 16 - places - tens;
        if !(0..=8).contains(&places) || scale.abs() + tens > 12 || room < 8 {
            return Err(DialectError::unsupported("rounding a quotient to that many places"));
        }
        let raw = scale + tens;
        let steps = vec![
            vec![("a", over), ("b", under)],
            vec![
                ("n", shift("{a}", places - scale)),
                ("d", format!("abs({})", shift("{b}", scale - places))),
                ("p", format!("abs({})", shift("{a}", -raw))),
                ("q", format!("abs({})", shift("{b}", raw))),
            ],
        ];
        let limit = |room: i64| 10_i64.pow(u32::try_from(room).unwrap_or_default());
        let digits = format!(
            "CASE WHEN {{b}} = 0 AND {{a}} IS NOT NULL THEN {zero} \
             WHEN {{d}} >= CASE WHEN {{p}} < {{q}} * 9000 THEN {one} WHEN {{p}} < {{q}} * 90000000 THEN {two} ELSE {three} END OR {{p}} >= {{q}} * 900000000000 THEN {long} \
             ELSE (2 * abs({{n}}) + {{d}}) / (2 * {{d}}) * CASE WHEN ({{a}} < 0) <> ({{b}} < 0) THEN -1 ELSE 1 END END",
            zero = raise("'22012:division by zero'"),
            one = limit(room),
            two = limit(room - 4),
            three = limit(room - 8),
            long = too_long(),
        );
        self.finished(steps, digits, &places.to_string())
    }
}
