//! `to_char` of integers and numerics, with a pattern that is a literal: `9 0 . , D G FM S MI PR`.
//!
//! A pattern says where digits go, so what is printed is cut from a text of all its places, from the first digit that
//! shows on.

use super::lowering::Lowering;
use super::piece::Piece;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{quote_literal, raise};

/// How the sign is shown.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    /// Before the number, or a space.
    Plain,
    /// `S`: plus too.
    Before,
    After,
    /// `MI`: minus or a space.
    MinusBefore,
    MinusAfter,
    /// `PR`: minus is `<…>`.
    Brackets,
}

/// A pattern taken apart.
struct Pattern {
    fills: bool,
    before: String,
    after: String,
    /// How many digits come before the point.
    whole: usize,
    /// Which of them is the first that always shows.
    first_zero: Option<usize>,
    /// For each comma how many digits come before it.
    commas: Vec<usize>,
    has_point: bool,
    fraction: usize,
    /// How many digits of the fraction always show.
    kept: usize,
    sign: Sign,
}

/// The most digits: those that 64 bits hold.
const MOST_DIGITS: usize = 18;

impl Pattern {
    fn of(text: &str) -> Option<Self> {
        let mut of = Self {
            fills: true,
            before: String::new(),
            after: String::new(),
            whole: 0,
            first_zero: None,
            commas: Vec::new(),
            has_point: false,
            fraction: 0,
            kept: 0,
            sign: Sign::Plain,
        };
        let mut rest = text;
        let sign = |of: &mut Self, sign: Sign| {
            let is_first = of.sign == Sign::Plain;
            of.sign = sign;
            is_first.then_some(())
        };
        while let Some(letter) = rest.chars().next() {
            let upper = rest.to_ascii_uppercase();
            let has_digits = of.whole > 0 || of.has_point;
            let mut taken = letter.len_utf8();
            let is_ended =
                !of.after.is_empty() || matches!(of.sign, Sign::After | Sign::MinusAfter | Sign::Brackets);
            match letter.to_ascii_uppercase() {
                _ if upper.starts_with("FM") => (of.fills, taken) = (false, 2),
                _ if upper.starts_with("MI") => {
                    sign(&mut of, if has_digits { Sign::MinusAfter } else { Sign::MinusBefore })?;
                    taken = 2;
                }
                _ if upper.starts_with("PR") && has_digits => {
                    sign(&mut of, Sign::Brackets)?;
                    taken = 2;
                }
                'S' if upper.get(1..2) != Some("G") && upper.get(1..2) != Some("P") => {
                    sign(&mut of, if has_digits { Sign::After } else { Sign::Before })?;
                }
                '9' | '0' if is_ended => return None,
                '9' | '0' if of.has_point => {
                    of.fraction += 1;
                    if letter == '0' {
                        of.kept = of.fraction;
                    }
                }
                '9' | '0' => {
                    if letter == '0' {
                        of.first_zero = of.first_zero.or(Some(of.whole));
                    }
                    of.whole += 1;
                }
                '.' | 'D' if !of.has_point && !is_ended && of.whole > 0 => of.has_point = true,
                ',' | 'G' if !of.has_point && !is_ended && of.whole > 0 => of.commas.push(of.whole),
                '"' => {
                    let (literal, behind) = rest.get(1..)?.split_once('"')?;
                    of.literal(literal)?;
                    rest = behind;
                    continue;
                }
                letter if letter.is_alphanumeric() || matches!(letter, '.' | ',' | '\\') => return None,
                letter => of.literal(&letter.to_string())?,
            }
            rest = rest.get(taken..)?;
        }
        let fits = of.whole > 0
            && of.has_point == (of.fraction > 0)
            && of.whole + of.fraction <= MOST_DIGITS
            // What stands between the sign and the digits moves with neither.
            && (of.sign == Sign::Plain || (of.before.is_empty() && of.after.is_empty()));
        fits.then_some(of)
    }

    /// Text as it stands, before the digits or after them.
    fn literal(&mut self, text: &str) -> Option<()> {
        if text.contains('{') {
            return None;
        }
        if self.whole == 0 && !self.has_point { &mut self.before } else { &mut self.after }.push_str(text);
        Some(())
    }

    /// All places over `{w}`, the whole digits, and what follows them.
    fn places(&self) -> String {
        let mut parts = Vec::new();
        let mut from = 0;
        for comma in &self.commas {
            if *comma > from {
                parts.push(format!("substr({{w}}, {}, {})", from + 1, comma - from));
            }
            parts.push("','".to_string());
            from = *comma;
        }
        if self.whole > from {
            parts.push(format!("substr({{w}}, {})", from + 1));
        }
        parts.join(" || ")
    }

    /// The fraction over `{n}`, the rounded number without its sign.
    fn fraction(&self) -> String {
        if !self.has_point {
            return "''".to_string();
        }
        let digits = match self.fraction {
            0 => "''".to_string(),
            count => format!("substr({{n}}, -{count})"),
        };
        if self.fills {
            return format!("'.' || {digits}");
        }
        let kept = self.kept;
        format!("'.' || substr({digits}, 1, {kept}) || rtrim(substr({digits}, {}), '0')", kept + 1)
    }
}

/// `to_char(number, '999,990.00')`.
pub fn to_char_number(
    lowering: &mut Lowering<'_>,
    number: Piece,
    pattern: &str,
) -> Result<Piece, DialectError> {
    let refused = || DialectError::unsupported(format!("to_char() of numbers with the pattern '{pattern}'"));
    let of = Pattern::of(pattern).ok_or_else(refused)?;
    let whole = of.whole;
    let rounded = match number.data_type() {
        Some(DataType::Int2 | DataType::Int4 | DataType::Int8) => {
            let text = lowering.implicit(number, &DataType::Numeric(None))?;
            match of.fraction {
                0 => text,
                count => format!("({text} || '.{}')", "0".repeat(count)),
            }
        }
        _ => {
            let places = i64::try_from(of.fraction).unwrap_or_default();
            lowering.rounded("round", number, Some(places))?.into_sql(lowering.catalog)?
        }
    };
    let not_a_number = raise("'0A000:to_char() of NaN is not supported'");
    // The digits before the point; with nothing to show but a fraction, none of them.
    let digits = match of.fraction {
        0 => "{n}".to_string(),
        count => format!("substr({{n}}, 1, length({{n}}) - {})", count + 1),
    };
    let hidden = match (of.first_zero, of.has_point) {
        (None, true) => format!("WHEN {{d}} = '0' THEN {whole} "),
        _ => String::new(),
    };
    let zero = of.first_zero.unwrap_or(whole);
    let first = format!(
        "CASE WHEN length({{d}}) > {whole} THEN 0 {hidden}ELSE min({whole} - length({{d}}), {zero}) END"
    );
    let padded = format!(
        "CASE WHEN length({{d}}) > {whole} THEN '{}' ELSE substr('{}' || {{d}}, -{whole}) END",
        "#".repeat(whole),
        "0".repeat(whole)
    );
    let too_long = format!("length({{d}}) > {whole}");
    let overflown = format!("'.{}'", "#".repeat(of.fraction));
    let fraction = match of.has_point {
        true => format!("CASE WHEN {too_long} THEN {overflown} ELSE {} END", of.fraction()),
        false => "''".to_string(),
    };
    let commas: String = of.commas.iter().map(|comma| format!(" + ({{k}} >= {comma})")).collect();
    // FM shows a zero where it would show the point alone.
    let alone = match of.fills || !of.has_point || of.first_zero.is_some() {
        true => "{v}".to_string(),
        false => "CASE {v} WHEN '.' THEN '0.' ELSE {v} END".to_string(),
    };
    let width = whole + of.commas.len() + usize::from(of.has_point) + of.fraction;
    let pad = match of.fills {
        true => format!("substr('{}', 1, {width} - length({{x}}))", " ".repeat(width)),
        false => "''".to_string(),
    };
    let minus = |yes: &str, no: &str| format!("CASE WHEN {{s}} THEN '{yes}' ELSE '{no}' END");
    let blank = if of.fills { " " } else { "" };
    let signed = match of.sign {
        Sign::Plain => format!("{pad} || {} || {{x}}", minus("-", blank)),
        Sign::Before => format!("{pad} || {} || {{x}}", minus("-", "+")),
        Sign::After => format!("{pad} || {{x}} || {}", minus("-", "+")),
        Sign::MinusBefore => format!("{} || {pad} || {{x}}", minus("-", blank)),
        Sign::MinusAfter => format!("{pad} || {{x}} || {}", minus("-", blank)),
        Sign::Brackets => format!("{pad} || {} || {{x}} || {}", minus("<", blank), minus(">", blank)),
    };
    let literal = |text: &str| if text.is_empty() { String::new() } else { quote_literal(text) };
    let result: Vec<String> = [literal(&of.before), signed, literal(&of.after)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    let steps = vec![
        vec![("r", rounded)],
        vec![
            ("n", format!("CASE {{r}} WHEN 'NaN' THEN {not_a_number} ELSE ltrim({{r}}, '-') END")),
            ("s", "substr({r}, 1, 1) = '-'".to_string()),
        ],
        vec![("d", digits)],
        vec![("k", first), ("w", padded), ("f", fraction)],
        vec![("v", format!("substr({}, 1 + {{k}}{commas}) || {{f}}", of.places()))],
        vec![("x", alone)],
    ];
    Ok(Piece::text(lowering.in_steps(&steps, &result.join(" || "))?))
}
