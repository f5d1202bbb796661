//! Sums and products of numerics of more digits than 64 bits hold: what division and averages give.
//!
//! The digits without their point are two integers, the lower one of 15 digits; numbers of up to 33 digits fit.

use sqlparser::ast::BinaryOperator;

use super::decimal::{scale_of, too_long};
use super::lowering::{Lowering, Place};
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;

/// The digits of the lower integer, and one more than it may be.
const LOWER: usize = 15;
const LIMIT: &str = "1000000000000000";

/// The most digits.
const MOST: usize = 33;

/// The greatest factor that the lower integer bears.
const GREATEST_FACTOR: i64 = 999;

const ZEROS: &str = "'0000000000000000000000000000000000000000'";

/// The upper and the lower integer of digits.
fn halves(digits: &str) -> (String, String) {
    let upper = format!(
        "CASE WHEN length({digits}) > {LOWER} THEN CAST(substr({digits}, 1, length({digits}) - {LOWER}) AS INTEGER) ELSE 0 END"
    );
    (upper, format!("CAST(substr({digits}, -{LOWER}) AS INTEGER)"))
}

/// The digits of a numeric's text, unless they are too many.
fn digits(text: &str, more: &str) -> String {
    let bare = format!("(replace(replace({text}, '-', ''), '.', '') || {more})");
    format!("CASE WHEN length(ltrim({bare}, '0')) > {MOST} THEN {} ELSE {bare} END", too_long())
}

fn sign(text: &str) -> String {
    format!("CASE WHEN substr({text}, 1, 1) = '-' THEN -1 ELSE 1 END")
}

/// The text of an upper and a lower integer, neither negative, with `scale` digits after the point.
fn joined(upper: &str, lower: &str) -> String {
    format!(
        "CASE WHEN {upper} = 0 THEN CAST({lower} AS TEXT) ELSE {upper} || printf('%0{LOWER}d', {lower}) END"
    )
}

fn pointed(digits: &str, scale: &str, is_negative: &str) -> String {
    let filled = format!("(substr({ZEROS}, 1, max({scale} + 1 - length({digits}), 0)) || {digits})");
    let whole = format!("ltrim(substr({filled}, 1, length({filled}) - {scale}), '0')");
    format!(
        "CASE WHEN {is_negative} AND ltrim({digits}, '0') <> '' THEN '-' ELSE '' END \
         || CASE {whole} WHEN '' THEN '0' ELSE {whole} END || CASE WHEN {scale} > 0 THEN '.' || substr({filled}, -{scale}) ELSE '' END"
    )
}

impl Lowering<'_> {
    /// `+` and `-` where a scale is not known; `None` elsewhere.
    pub(super) fn wide_sum(
        &mut self,
        left: &Piece,
        operator: &BinaryOperator,
        right: &Piece,
    ) -> Result<Option<Piece>, DialectError> {
        let turned = match operator {
            BinaryOperator::Plus => "",
            BinaryOperator::Minus => "-",
            _ => return Ok(None),
        };
        let is_wide = |piece: &Piece| matches!(piece, Piece::Typed(sql, DataType::Numeric(None)) if !sql.starts_with('\'') || sql.len() > 20);
        if self.place != Place::Query || !(is_wide(left) || is_wide(right)) {
            return Ok(None);
        }
        let numeric = DataType::Numeric(None);
        let (left, right) = (self.implicit(left.clone(), &numeric)?, self.implicit(right.clone(), &numeric)?);
        let (ha, la) = halves("{da}");
        let (hb, lb) = halves("{db}");
        let more = |scale: &str| format!("substr({ZEROS}, 1, {{s}} - {scale})");
        let real = |sql: &str| format!("CASE WHEN typeof({sql}) = 'real' THEN {} ELSE {sql} END", too_long());
        let steps = vec![
            vec![("a", left), ("b", right)],
            vec![
                ("sa", scale_of("{a}")),
                ("sb", scale_of("{b}")),
                ("n", "{a} = 'NaN' OR {b} = 'NaN'".into()),
            ],
            vec![
                ("s", "max({sa}, {sb})".into()),
                ("ga", sign("{a}")),
                ("gb", format!("{turned}({})", sign("{b}"))),
            ],
            vec![
                ("da", format!("CASE WHEN {{n}} THEN '0' ELSE {} END", digits("{a}", &more("{sa}")))),
                ("db", format!("CASE WHEN {{n}} THEN '0' ELSE {} END", digits("{b}", &more("{sb}")))),
            ],
            vec![
                ("u", real(&format!("({{ga}} * ({ha}) + {{gb}} * ({hb}))"))),
                ("l", format!("({{ga}} * {la} + {{gb}} * {lb})")),
            ],
            vec![(
                "k",
                format!("CASE WHEN {{l}} >= {LIMIT} THEN 1 WHEN {{l}} <= -{LIMIT} THEN -1 ELSE 0 END"),
            )],
            vec![("v", "{u} + {k}".into()), ("m", format!("{{l}} - {{k}} * {LIMIT}"))],
            vec![(
                "k2",
                "CASE WHEN {v} > 0 AND {m} < 0 THEN -1 WHEN {v} < 0 AND {m} > 0 THEN 1 ELSE 0 END".into(),
            )],
            vec![("w", "{v} + {k2}".into()), ("o", format!("{{m}} - {{k2}} * {LIMIT}"))],
            vec![("r", joined("abs({w})", "abs({o})"))],
        ];
        let result = format!(
            "CASE WHEN {{n}} THEN 'NaN' WHEN {{n}} IS NULL THEN NULL ELSE {} END",
            pointed("{r}", "{s}", "({w} < 0 OR {o} < 0)")
        );
        let sql = self.in_steps(&steps, &result)?;
        Ok(Some(Piece::Typed(sql, DataType::Numeric(None))))
    }

    /// A number of a scale that is not known times a literal of few digits, such as `100`; `None` for any other.
    pub(super) fn wide_product(
        &mut self,
        left: &Piece,
        right: &Piece,
    ) -> Result<Option<Piece>, DialectError> {
        if self.place != Place::Query {
            return Ok(None);
        }
        let (number, factor) = match (factor(left), factor(right)) {
            (None, Some(factor)) => (left, factor),
            (Some(factor), None) => (right, factor),
            _ => return Ok(None),
        };
        let Piece::Typed(number, DataType::Numeric(None)) = number else { return Ok(None) };
        let Factor { value, zeros, scale } = factor;
        let (upper, lower) = halves("{d}");
        let real = |sql: &str| format!("CASE WHEN typeof({sql}) = 'real' THEN {} ELSE {sql} END", too_long());
        let digits = digits("{a}", "''");
        let times = value.abs();
        let steps = vec![
            vec![("a", number.clone())],
            vec![("s", format!("{} + {scale}", scale_of("{a}"))), ("n", "{a} = 'NaN'".into())],
            vec![("d", format!("CASE WHEN {{n}} THEN '0' ELSE {digits} END"))],
            vec![("p", format!("{lower} * {times}")), ("h", upper)],
            vec![
                ("u", real(&format!("({{h}} * {times} + {{p}} / {LIMIT})"))),
                ("l", format!("{{p}} % {LIMIT}")),
            ],
            vec![("r", format!("{} || '{}'", joined("{u}", "{l}"), "0".repeat(zeros)))],
        ];
        let is_negative = if value < 0 { "substr({a}, 1, 1) <> '-'" } else { "substr({a}, 1, 1) = '-'" };
        let result = format!(
            "CASE WHEN {{n}} THEN 'NaN' WHEN {{n}} IS NULL THEN NULL ELSE {} END",
            pointed("{r}", "{s}", is_negative)
        );
        let sql = self.in_steps(&steps, &result)?;
        Ok(Some(Piece::Typed(sql, DataType::Numeric(None))))
    }
}

/// A literal: `value` and that many zeros, with `scale` of its digits after the point.
struct Factor {
    value: i64,
    zeros: usize,
    scale: usize,
}

fn factor(piece: &Piece) -> Option<Factor> {
    let Piece::Typed(sql, of) = piece else { return None };
    let text = match of {
        DataType::Int2 | DataType::Int4 | DataType::Int8 => sql.trim_matches(['(', ')']),
        DataType::Numeric(_) => sql.strip_prefix('\'')?.strip_suffix('\'')?,
        _ => return None,
    };
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits = text.replace('.', "");
    let value: i64 = digits.parse().ok()?;
    let trimmed = digits.trim_end_matches('0');
    let zeros = if value == 0 { 0 } else { digits.len() - trimmed.len() };
    let value: i64 = if value == 0 { 0 } else { trimmed.parse().ok()? };
    (value.abs() <= GREATEST_FACTOR && zeros <= 12 && scale <= 12).then_some(Factor { value, zeros, scale })
}
