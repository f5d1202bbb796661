//! Exact decimals: a numeric is its digits as one integer, and how many of them are a fraction.
//!
//! SQLite has no decimals. Digits up to 18 are computed as 64-bit integers; what needs more raises,
//! it is never rounded to a double.

use sqlparser::ast::BinaryOperator;

use super::cast::integer_range;
use super::lowering::{Lowering, Place};
use super::piece::Piece;
use super::type_name::{Family, family};
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::raise;

/// The steps of [`Lowering::in_steps`].
pub(super) type Steps = Vec<Vec<(&'static str, String)>>;

/// A number's SQL, and how its digits and its scale are had from `{name}`.
pub(super) struct Decimal {
    pub(super) sql: String,
    pub(super) digits: String,
    pub(super) scale: String,
}

/// A numeric of a known scale where SQLite allows no subquery: made of its digits, it need not be read again.
#[derive(Clone, Debug)]
pub struct FixedDecimal {
    sql: String,
    digits: String,
    scale: u32,
}

/// What raises when a number has more digits than 64 bits hold.
pub(super) fn too_long() -> String {
    raise("'0A000:a numeric of more than 18 digits is not supported in arithmetic'")
}

/// 10 to the power of a template.
fn power(exponent: &str) -> String {
    match exponent.parse::<u32>() {
        Ok(exponent) if exponent <= 18 => 10_i64.pow(exponent).to_string(),
        _ => format!(
            "CASE WHEN {exponent} > 18 THEN {} ELSE CAST('1' || substr('000000000000000000', 1, {exponent}) AS INTEGER) END",
            too_long()
        ),
    }
}

/// The greater of two scales.
fn greater(one: &str, other: &str) -> String {
    match (one.parse::<u32>(), other.parse::<u32>()) {
        (Ok(one), Ok(other)) => one.max(other).to_string(),
        _ if one == other => one.to_string(),
        _ => format!("max({one}, {other})"),
    }
}

fn less(one: &str, other: &str) -> String {
    match (one.parse::<i64>(), other.parse::<i64>()) {
        (Ok(one), Ok(other)) => (one - other).to_string(),
        _ if one == other => "0".to_string(),
        _ => format!("({one} - {other})"),
    }
}

pub(super) fn times_power(digits: &str, exponent: &str) -> String {
    if exponent == "0" { digits.to_string() } else { format!("({digits} * {})", power(exponent)) }
}

/// Digits and scale as a numeric's text: `150`, `2` → `1.50`.
fn shown(digits: &str, scale: &str) -> String {
    if scale == "0" {
        return format!("CAST({digits} AS TEXT)");
    }
    let ten = power(scale);
    let fraction = format!(
        "CASE WHEN {digits} < 0 THEN '-' ELSE '' END || CAST(abs({digits}) / {ten} AS TEXT) || '.' || substr(CAST({ten} + abs({digits}) % {ten} AS TEXT), 2)"
    );
    match scale.parse::<u32>() {
        Ok(_) => fraction,
        Err(_) => format!("CASE WHEN {scale} = 0 THEN CAST({digits} AS TEXT) ELSE {fraction} END"),
    }
}

/// The same, unless the digits left 64 bits on the way, or are NULL.
fn checked(digits: &str, scale: &str) -> String {
    format!(
        "CASE typeof({digits}) WHEN 'integer' THEN {} WHEN 'null' THEN NULL ELSE {} END",
        shown(digits, scale),
        too_long()
    )
}

/// The digits of a numeric's text `{name}`.
fn digits_of(name: &str) -> String {
    format!(
        "CASE WHEN {{{name}}} = 'NaN' OR length(ltrim(replace(replace({{{name}}}, '.', ''), '-', ''), '0')) > 18 THEN {} \
         ELSE CAST(replace({{{name}}}, '.', '') AS INTEGER) END",
        too_long()
    )
}

/// How many digits of a numeric's text follow its point.
pub(super) fn scale_of(sql: &str) -> String {
    format!("CASE WHEN instr({sql}, '.') THEN length({sql}) - instr({sql}, '.') ELSE 0 END")
}

impl Decimal {
    /// A piece of an integer or numeric type, to be called by a name.
    fn new(sql: String, data_type: &DataType, name: &str) -> Self {
        if matches!(family(data_type), Family::Number(0..=2)) {
            return Self { sql, digits: format!("{{{name}}}"), scale: "0".into() };
        }
        if let Some(text) = sql.strip_prefix('\'').and_then(|sql| sql.strip_suffix('\'')) {
            let digits = text.replace('.', "");
            let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            if let (Ok(digits), true) = (digits.parse::<i64>(), scale <= 18) {
                return Self { sql, digits: format!("({digits})"), scale: scale.to_string() };
            }
        }
        if let DataType::Numeric(Some((..=18, scale))) = data_type {
            let digits = format!(
                "CASE {{{name}}} WHEN 'NaN' THEN {} ELSE CAST(replace({{{name}}}, '.', '') AS INTEGER) END",
                too_long()
            );
            return Self { sql, digits, scale: scale.to_string() };
        }
        let scale = match data_type {
            DataType::Numeric(Some((_, scale))) => scale.to_string(),
            _ => scale_of(&format!("{{{name}}}")),
        };
        Self { sql, digits: digits_of(name), scale }
    }

    /// Whether the scale is known.
    fn is_fixed(&self) -> bool {
        self.scale.parse::<u32>().is_ok()
    }
}

impl Lowering<'_> {
    /// `+ - * / %` of numerics and integers.
    pub(super) fn decimal_arithmetic(
        &mut self,
        left: Piece,
        operator: &BinaryOperator,
        right: Piece,
    ) -> Result<Piece, DialectError> {
        if let Some(piece) = self.wide_sum(&left, operator, &right)? {
            return Ok(piece);
        }
        if let (BinaryOperator::Multiply, Some(quotient)) = (operator, self.quotient_of(&left)) {
            return self.quotient_times(quotient, right);
        }
        if *operator == BinaryOperator::Multiply
            && let Some(piece) = self.wide_product(&left, &right)?
        {
            return Ok(piece);
        }
        let (left, right) = (self.decimal(left, "a")?, self.decimal(right, "b")?);
        if *operator == BinaryOperator::Divide {
            return self.divided(left, right);
        }
        let (steps, one, other) = operands(left, right);
        let scale = match operator {
            BinaryOperator::Multiply => match (one.parse::<u32>(), other.parse::<u32>()) {
                (Ok(one), Ok(other)) => (one + other).to_string(),
                _ => format!("({one} + {other})"),
            },
            _ => greater(&one, &other),
        };
        let (a, b) = (times_power("{ua}", &less(&scale, &one)), times_power("{ub}", &less(&scale, &other)));
        let digits = match operator {
            BinaryOperator::Plus => format!("{a} + {b}"),
            BinaryOperator::Minus => format!("{a} - {b}"),
            BinaryOperator::Multiply => "{ua} * {ub}".to_string(),
            BinaryOperator::Modulo => {
                let zero = raise("'22012:division by zero'");
                format!("CASE WHEN {{ub}} = 0 AND {{ua}} IS NOT NULL THEN {zero} ELSE {a} % {b} END")
            }
            _ => return Err(DialectError::unsupported("this operator between numerics")),
        };
        self.finished(steps, digits, &scale)
    }

    pub(super) fn finished(
        &mut self,
        mut steps: Steps,
        digits: String,
        scale: &str,
    ) -> Result<Piece, DialectError> {
        steps.push(vec![("v", digits), ("s", scale.to_string())]);
        let known = scale.parse::<u32>().ok();
        let scale = if known.is_some() { scale } else { "{s}" };
        let sql = self.in_steps(&steps, &checked("{v}", scale))?;
        if let (Some(scale), true) = (known, self.place != Place::Query) {
            let digits = self.in_steps(&steps, "{v}")?;
            self.fixed_decimals.push(FixedDecimal { sql: sql.clone(), digits, scale });
        }
        Ok(Piece::Typed(sql, DataType::Numeric(None)))
    }

    /// Remembers that a numeric's SQL is the text of a whole number.
    pub(super) fn whole_decimal(&mut self, sql: &str, digits: &str) {
        if self.place != Place::Query {
            self.fixed_decimals.push(FixedDecimal {
                sql: sql.to_string(),
                digits: digits.to_string(),
                scale: 0,
            });
        }
    }

    /// What is known of a numeric's SQL where it cannot be put into a query and read once.
    fn fixed_decimal(&self, sql: &str) -> Option<&FixedDecimal> {
        self.fixed_decimals.iter().find(|known| known.sql == sql)
    }

    /// Two numbers as integers that compare as they do, where one of them was computed and no query may stand.
    pub(super) fn fixed_sides(
        &mut self,
        left: &Piece,
        right: &Piece,
    ) -> Result<Option<(String, String)>, DialectError> {
        let is_known =
            |piece: &Piece| matches!(piece, Piece::Typed(sql, _) if self.fixed_decimal(sql).is_some());
        let is_number = |piece: &Piece| match piece {
            Piece::Typed(_, of) => matches!(family(of), Family::Number(0..=3)),
            _ => false,
        };
        if !(is_known(left) || is_known(right)) || !is_number(left) || !is_number(right) {
            return Ok(None);
        }
        let (left, right) = (self.decimal(left.clone(), "a")?, self.decimal(right.clone(), "a")?);
        if !left.is_fixed() || !right.is_fixed() {
            return Ok(None);
        }
        let scale = greater(&left.scale, &right.scale);
        let side = |number: Decimal| {
            let more = less(&scale, &number.scale);
            let scaled = times_power("{u}", &more);
            let whole = match more.as_str() {
                "0" => scaled,
                _ => format!("CASE typeof({scaled}) WHEN 'real' THEN {} ELSE {scaled} END", too_long()),
            };
            self.in_steps(&[vec![("a", number.sql)], vec![("u", number.digits)]], &whole)
        };
        Ok(Some((side(left)?, side(right)?)))
    }

    pub(super) fn decimal(&mut self, piece: Piece, name: &str) -> Result<Decimal, DialectError> {
        let (sql, data_type) = match piece {
            Piece::Typed(sql, data_type) => (sql, data_type),
            other => (self.implicit(other, &DataType::Numeric(None))?, DataType::Numeric(None)),
        };
        if let Some(known) = self.fixed_decimal(&sql) {
            let digits = format!("{{{name}}}");
            return Ok(Decimal { sql: known.digits.clone(), digits, scale: known.scale.to_string() });
        }
        match family(&data_type) {
            Family::Number(0..=3) => Ok(Decimal::new(sql, &data_type, name)),
            _ => Err(DialectError::unsupported(format!("{} as numeric", data_type.display_name()))),
        }
    }

    /// Division with the digits that Postgres gives: 16 significant ones at least, in groups of four.
    fn divided(&mut self, left: Decimal, right: Decimal) -> Result<Piece, DialectError> {
        if self.place != Place::Query && left.is_fixed() && right.is_fixed() {
            return self.kept_quotient(left, right);
        }
        let (steps, one, other) = operands(left, right);
        let steps = quotient(steps, "{ua}", &one, "{ub}", &other);
        let sql = self.in_steps(&steps, QUOTIENT)?;
        Ok(Piece::Typed(sql, DataType::Numeric(None)))
    }

    /// The quotient of a sum of that many digits and scale and a count, as `avg` gives it.
    pub fn average(&mut self, sum: &str, scale: &str, count: &str) -> Result<String, DialectError> {
        let steps = vec![vec![("ua", sum.to_string()), ("sa", scale.to_string()), ("ub", count.to_string())]];
        let steps = quotient(steps, "{ua}", "{sa}", "{ub}", "0");
        self.in_steps(&steps, QUOTIENT)
    }

    /// The same of a sum whose numbers were brought to a common scale; the greatest of theirs counts.
    pub fn average_of_unscaled(
        &mut self,
        sum: &str,
        greatest: &str,
        count: &str,
    ) -> Result<String, DialectError> {
        let steps = vec![
            vec![("t", sum.to_string()), ("sa", greatest.to_string()), ("ub", count.to_string())],
            vec![("ua", format!("{{t}} / {}", power(&format!("({SUMMED} - {{sa}})"))))],
        ];
        let steps = quotient(steps, "{ua}", "{sa}", "{ub}", "0");
        self.in_steps(&steps, QUOTIENT)
    }

    /// The digits of a numeric, all of the same scale, and that scale, for an aggregate to sum.
    pub fn summand(&mut self, sql: String, data_type: &DataType) -> Result<(String, String), DialectError> {
        let number = Decimal::new(sql, data_type, "a");
        let sum = |digits: String| digits;
        if number.is_fixed() {
            let scale = number.scale.clone();
            let digits = self.in_steps(&[vec![("a", number.sql)]], &sum(number.digits))?;
            return Ok((digits, scale));
        }
        let error = raise("'0A000:sum() of numerics with more than 8 decimal places is not supported'");
        let digits = format!(
            "CASE WHEN {{s}} > {SUMMED} THEN {error} ELSE {} END",
            times_power("{u}", &format!("({SUMMED} - {{s}})"))
        );
        let steps = vec![vec![("a", number.sql)], vec![("u", number.digits), ("s", number.scale)]];
        let sql = self.in_steps(&steps, &digits)?;
        Ok((sql, String::new()))
    }

    /// A sum of [`Self::summand`]s, and the greatest scale among them.
    pub fn summed(&mut self, sum: &str, scale: &str, greatest: &str) -> Result<String, DialectError> {
        if !scale.is_empty() {
            return self.in_steps(&[vec![("v", sum.to_string())]], &checked("{v}", scale));
        }
        let steps = vec![
            vec![("t", sum.to_string()), ("s", greatest.to_string())],
            vec![("v", format!("{{t}} / {}", power(&format!("({SUMMED} - {{s}})"))))],
        ];
        self.in_steps(&steps, &checked("{v}", "{s}"))
    }

    /// The whole quotient of two numerics.
    pub fn whole_quotient(&mut self, left: Piece, right: Piece) -> Result<Piece, DialectError> {
        let (left, right) = (self.decimal(left, "a")?, self.decimal(right, "b")?);
        let (steps, one, other) = operands(left, right);
        let scale = greater(&one, &other);
        let (a, b) = (times_power("{ua}", &less(&scale, &one)), times_power("{ub}", &less(&scale, &other)));
        let zero = raise("'22012:division by zero'");
        let digits = format!("CASE WHEN {{ub}} = 0 AND {{ua}} IS NOT NULL THEN {zero} ELSE {a} / {b} END");
        self.finished(steps, digits, "0")
    }

    /// How many digits follow a numeric's point.
    pub fn decimal_scale(&mut self, sql: String) -> Result<String, DialectError> {
        self.once(sql, scale_of)
    }

    /// A text that sorts as the numeric does; `substr(…, 38)` of it with the numeric behind is the numeric.
    pub fn decimal_order(&mut self, sql: String) -> Result<String, DialectError> {
        let whole =
            "ltrim(CASE WHEN instr({a}, '.') THEN substr({a}, 1, instr({a}, '.') - 1) ELSE {a} END, '-')";
        let fraction = "CASE WHEN instr({a}, '.') THEN substr({a}, instr({a}, '.') + 1) ELSE '' END";
        let steps = vec![vec![("a", sql)], vec![("i", whole.to_string()), ("f", fraction.to_string())]];
        let nines = "999999999999999999";
        let padded = "CAST(substr({f} || '000000000000000000', 1, 18) AS INTEGER)";
        let result = format!(
            "CASE WHEN {{a}} IS NULL THEN NULL WHEN {{a}} = 'NaN' THEN '2' || printf('%036d', 0) \
             WHEN length({{i}}) > 18 OR length(rtrim({{f}}, '0')) > 18 THEN {} \
             WHEN substr({{a}}, 1, 1) = '-' THEN '0' || printf('%018d', {nines} - CAST({{i}} AS INTEGER)) || printf('%018d', {nines} - {padded}) \
             ELSE '1' || printf('%018d', CAST({{i}} AS INTEGER)) || printf('%018d', {padded}) END",
            raise(
                "'0A000:ordering numerics of more than 18 digits before or after the point is not supported'"
            )
        );
        self.in_steps(&steps, &result)
    }

    /// `round` (half away from zero), `trunc`, `floor` and `ceil` to a number of decimal places.
    pub fn rounded(&mut self, how: &str, number: Piece, places: Option<i64>) -> Result<Piece, DialectError> {
        let places = places.unwrap_or(0);
        if let (Some(quotient), "round") = (self.quotient_of(&number), how) {
            return self.rounded_quotient(quotient, places);
        }
        let number = self.decimal(number, "a")?;
        if !(-18..=18).contains(&places) {
            return Err(DialectError::unsupported("rounding to that many places"));
        }
        let kept = places.max(0).to_string();
        if let (Ok(scale), true) = (number.scale.parse::<i64>(), places >= 0) {
            return self.rounded_fixed(how, number, places - scale, &kept);
        }
        // What is cut off, as a power of ten; none when there are fewer places than asked for.
        let cut = format!("max({} - ({places}), 0)", number.scale);
        // One digit more than is kept tells half, and whether anything follows it is all that the rest can tell.
        let next = places.max(0) + 1;
        let shortened = format!(
            "CASE WHEN instr({{x}}, '.') AND length({{x}}) - instr({{x}}, '.') > {next} \
             THEN substr({{x}}, 1, instr({{x}}, '.') + {next}) || CASE WHEN rtrim(substr({{x}}, instr({{x}}, '.') + {}), '0') <> '' THEN '1' ELSE '' END \
             ELSE {{x}} END",
            next + 1
        );
        let steps = vec![
            vec![("x", number.sql)],
            vec![("a", shortened)],
            vec![("u", number.digits), ("s", number.scale), ("c", cut)],
            vec![("p", power("{c}"))],
            vec![("q", "{u} / {p}".to_string()), ("r", "{u} % {p}".to_string())],
        ];
        let up = match how {
            "round" => {
                "CASE WHEN abs({r}) * 2 >= {p} AND {p} > 1 THEN CASE WHEN {u} < 0 THEN -1 ELSE 1 END ELSE 0 END"
            }
            "floor" => "CASE WHEN {r} < 0 THEN -1 ELSE 0 END",
            "ceil" => "CASE WHEN {r} > 0 THEN 1 ELSE 0 END",
            _ => "0",
        };
        // Missing places are zeros.
        let filled = format!("({{q}} + {up}) * {}", power(&format!("max({kept} - {{s}}, 0)")));
        let filled =
            if places < 0 { format!("({{q}} + {up}) * {}", power(&(-places).to_string())) } else { filled };
        self.finished(steps, filled, &kept)
    }

    /// The same of a number of known scale, to which `more` places are added, or from which they are taken.
    fn rounded_fixed(
        &mut self,
        how: &str,
        number: Decimal,
        more: i64,
        kept: &str,
    ) -> Result<Piece, DialectError> {
        let steps = vec![vec![("a", number.sql)], vec![("u", number.digits)]];
        let digits = match u32::try_from(-more) {
            Err(_) | Ok(0) => times_power("{u}", &more.to_string()),
            Ok(cut) => {
                let Some(ten) = 10_i64.checked_pow(cut).filter(|_| cut <= 18) else {
                    return Err(DialectError::unsupported("rounding away that many places"));
                };
                match how {
                    "round" => {
                        format!("({{u}} + CASE WHEN {{u}} < 0 THEN -{0} ELSE {0} END) / {ten}", ten / 2)
                    }
                    "floor" => format!("({{u}} / {ten} - ({{u}} % {ten} < 0))"),
                    "ceil" => format!("({{u}} / {ten} + ({{u}} % {ten} > 0))"),
                    _ => format!("({{u}} / {ten})"),
                }
            }
        };
        self.finished(steps, digits, kept)
    }

    /// A numeric, or an integer, as `numeric(precision, scale)`.
    pub fn decimal_of(&mut self, number: Piece, precision: u32, scale: u32) -> Result<String, DialectError> {
        let sql = self.rounded("round", number, Some(i64::from(scale)))?.into_sql(self.catalog)?;
        let error = raise("'22003:numeric field overflow'");
        if let Some(known) = self.fixed_decimal(&sql).cloned() {
            let Some(most) = 10_i64.checked_pow(precision) else { return Ok(sql) };
            let within = format!("CASE WHEN abs({}) >= {most} THEN {error} ELSE {sql} END", known.digits);
            self.fixed_decimals.push(FixedDecimal { sql: within.clone(), ..known });
            return Ok(within);
        }
        let whole = precision.saturating_sub(scale) as usize + usize::from(scale > 0) + scale as usize;
        // A whole part of zero is written with a digit that precision does not count.
        let most = if precision == scale { whole + 1 } else { whole };
        self.once(sql, |value| {
            format!("CASE WHEN length(ltrim({value}, '-')) > {most} THEN {error} ELSE {value} END")
        })
    }

    /// A numeric as an integer type, rounded half away from zero.
    pub fn decimal_to_integer(&mut self, number: Piece, to: &DataType) -> Result<String, DialectError> {
        let sql = self.rounded("round", number, None)?.into_sql(self.catalog)?;
        let (low, high) = integer_range(to);
        let error = raise(&format!("'22003:{} out of range'", to.display_name()));
        let whole = match self.fixed_decimal(&sql) {
            Some(known) if known.scale == 0 => known.digits.clone(),
            _ => format!("CAST({sql} AS INTEGER)"),
        };
        self.once(whole, |value| {
            format!(
                "CASE WHEN {value} IS NULL OR {value} BETWEEN {low} AND {high} THEN {value} ELSE {error} END"
            )
        })
    }

    /// A numeric with its sign turned.
    pub fn decimal_negated(&mut self, sql: String) -> Result<String, DialectError> {
        self.once(sql, |value| {
            format!(
                "CASE WHEN substr({value}, 1, 1) = '-' THEN substr({value}, 2) WHEN {value} = 'NaN' OR ltrim({value}, '0.') = '' THEN {value} ELSE '-' || {value} END"
            )
        })
    }
}

/// The digits and scales of two operands: `{ua}`, `{ub}`, and the templates of the scales.
fn operands(left: Decimal, right: Decimal) -> (Steps, String, String) {
    let mut second = vec![("ua", left.digits.clone()), ("ub", right.digits.clone())];
    let mut scale = |number: &Decimal, name: &'static str| match number.is_fixed() {
        true => number.scale.clone(),
        false => {
            second.push((name, number.scale.clone()));
            format!("{{{name}}}")
        }
    };
    let (one, other) = (scale(&left, "sa"), scale(&right, "sb"));
    (vec![vec![("a", left.sql), ("b", right.sql)], second], one, other)
}

/// The weight of a number's first group of four digits, and that group, as Postgres keeps numerics;
/// from its text without a sign.
fn weight(name: &'static str, group: &'static str, text: &str) -> Vec<(&'static str, String)> {
    let whole = format!(
        "CASE WHEN instr({text}, '.') THEN substr({text}, 1, instr({text}, '.') - 1) ELSE {text} END"
    );
    let fraction =
        format!("CASE WHEN instr({text}, '.') THEN substr({text}, instr({text}, '.') + 1) ELSE '' END");
    let zeros = format!("((length({fraction}) - length(ltrim({fraction}, '0'))) / 4)");
    vec![
        (
            name,
            format!(
                "CASE WHEN {whole} <> '0' THEN (length({whole}) - 1) / 4 WHEN ltrim({fraction}, '0') = '' THEN 0 ELSE -1 - {zeros} END"
            ),
        ),
        (
            group,
            format!(
                "CASE WHEN {whole} <> '0' THEN CAST(substr({whole}, 1, (length({whole}) - 1) % 4 + 1) AS INTEGER) \
                 WHEN ltrim({fraction}, '0') = '' THEN 0 ELSE CAST(substr({fraction} || '0000', 4 * {zeros} + 1, 4) AS INTEGER) END"
            ),
        ),
    ]
}

/// The steps from two numbers' digits and scales to the parts of their quotient.
fn quotient(mut steps: Steps, ua: &str, sa: &str, ub: &str, sb: &str) -> Steps {
    let real = |sql: &str| format!("CASE WHEN typeof({sql}) = 'real' THEN {} ELSE {sql} END", too_long());
    steps.push(vec![
        ("ta", shown(&format!("abs({ua})"), sa)),
        ("tb", shown(&format!("abs({ub})"), sb)),
        ("n", real(&times_power(&format!("abs({ua})"), &format!("max({sb} - {sa}, 0)")))),
        ("d", real(&times_power(&format!("abs({ub})"), &format!("max({sa} - {sb}, 0)")))),
        ("g", format!("CASE WHEN ({ua} < 0) <> ({ub} < 0) THEN '-' ELSE '' END")),
    ]);
    let mut weights = weight("wa", "fa", "{ta}");
    weights.extend(weight("wb", "fb", "{tb}"));
    steps.push(weights);
    let long = too_long();
    steps.push(vec![("r", format!("max(16 - 4 * ({{wa}} - {{wb}} - ({{fa}} <= {{fb}})), {sa}, {sb}, 0)"))]);
    let zero = raise("'22012:division by zero'");
    steps.push(vec![
        ("q", format!("CASE WHEN {{d}} = 0 AND {{n}} IS NOT NULL THEN {zero} WHEN {{r}} > 24 THEN {long} ELSE {{n}} / {{d}} END")),
        ("m", "{n} % {d}".to_string()),
        ("x", "min({r}, 8)".to_string()),
        ("y", "min(max({r} - 8, 0), 8)".to_string()),
        ("z", "max({r} - 16, 0)".to_string()),
    ]);
    for (rest, next, part, places) in
        [("{m}", "m1", "h1", "{x}"), ("{m1}", "m2", "h2", "{y}"), ("{m2}", "m3", "h3", "{z}")]
    {
        let raised = real(&format!("({rest} * {})", power(places)));
        steps.push(vec![(part, format!("{raised} / {{d}}")), (next, format!("{raised} % {{d}}"))]);
    }
    // Half of the last place is rounded up, and what overflows is carried.
    steps.push(vec![("k3", "{h3} + ({m3} * 2 >= {d})".to_string())]);
    steps.push(vec![("k2", format!("{{h2}} + ({{k3}} >= {})", power("{z}")))]);
    steps.push(vec![("k1", format!("{{h1}} + ({{k2}} >= {})", power("{y}")))]);
    steps.push(vec![("k0", format!("{{q}} + ({{k1}} >= {})", power("{x}")))]);
    steps
}

/// The quotient's text from its parts.
const QUOTIENT: &str = "CASE WHEN {k0} IS NULL THEN NULL ELSE \
    CASE WHEN {k0} = 0 AND {k1} % CAST('1' || substr('00000000', 1, {x}) AS INTEGER) = 0 AND {k2} % CAST('1' || substr('00000000', 1, {y}) AS INTEGER) = 0 AND {k3} % CAST('1' || substr('00000000', 1, {z}) AS INTEGER) = 0 THEN '' ELSE {g} END \
    || CAST({k0} AS TEXT) || CASE WHEN {r} = 0 THEN '' ELSE '.' END \
    || CASE {x} WHEN 0 THEN '' ELSE substr('00000000' || {k1}, -{x}) END \
    || CASE {y} WHEN 0 THEN '' ELSE substr('00000000' || {k2}, -{y}) END \
    || CASE {z} WHEN 0 THEN '' ELSE substr('00000000' || {k3}, -{z}) END END";

/// The decimal places to which numerics without a scale are brought to be summed.
const SUMMED: u32 = 8;
