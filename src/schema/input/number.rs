//! Integers, numerics and floats.

use super::InputError;
use crate::schema::DataType;

/// Digits with an optional sign, in the type's range.
pub fn integer(data_type: &DataType, text: &str) -> Result<String, InputError> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InputError::syntax(data_type, text));
    }
    let range = match data_type {
        DataType::Int2 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        DataType::Int4 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    };
    match trimmed.strip_prefix('+').unwrap_or(trimmed).parse::<i64>() {
        Ok(number) if range.contains(&number) => Ok(number.to_string()),
        _ => Err(InputError::new(
            "22003",
            format!("value \"{trimmed}\" is out of range for type {}", data_type.display_name()),
        )),
    }
}

/// Whether a text is an integer of at most so many digits, as it is printed.
pub fn is_short(text: &str, digits: usize) -> bool {
    let (b"0" | [b'-', b'1'..=b'9', ..] | [b'1'..=b'9', ..]) = text.as_bytes() else { return false };
    let unsigned = text.as_bytes().strip_prefix(b"-").unwrap_or(text.as_bytes());
    unsigned.len() <= digits && unsigned.iter().all(u8::is_ascii_digit)
}

/// Decimal digits, rounded half away from zero to the declared scale.
pub fn numeric(text: &str, lengths: Option<(u32, u32)>) -> Result<String, InputError> {
    let wrong = || InputError::syntax(&DataType::Numeric(None), text);
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("nan") {
        return Ok("NaN".to_string());
    }
    let decimal = Decimal::parse(trimmed).ok_or_else(wrong)?;
    let Some((precision, scale)) = lengths else { return Ok(decimal.to_text()) };
    let decimal = decimal.rounded(scale as usize);
    if decimal.whole.trim_start_matches('0').len() > (precision.saturating_sub(scale)) as usize {
        return Err(InputError::new("22003", "numeric field overflow"));
    }
    Ok(decimal.to_text())
}

/// The shortest text that reads back as the same float.
pub fn float(data_type: &DataType, text: &str) -> Result<String, InputError> {
    let trimmed = text.trim();
    let number: f64 = trimmed.parse().map_err(|_| InputError::syntax(data_type, text))?;
    let named = |name: &str| trimmed.trim_start_matches(['+', '-']).eq_ignore_ascii_case(name);
    let too_large = number.is_infinite() || (*data_type == DataType::Float4 && (number as f32).is_infinite());
    if too_large && !named("inf") && !named("infinity") {
        let name = data_type.display_name();
        return Err(InputError::new("22003", format!("\"{trimmed}\" is out of range for type {name}")));
    }
    if number.is_nan() {
        return Err(InputError::syntax(data_type, text));
    }
    if *data_type == DataType::Float4 {
        return Ok((number as f32).to_string());
    }
    Ok(number.to_string())
}

/// A decimal number as its digits.
struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

/// More digits than anyone has; an exponent beyond it would only fill memory.
const MOST_DIGITS: i64 = 1000;

impl Decimal {
    /// `-12.5e2` → `-1250`.
    fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix(['+', '-']) {
            Some(rest) => (text.starts_with('-'), rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        if exponent.abs() > MOST_DIGITS {
            return None;
        }
        Some(Self { negative, whole: whole.to_string(), fraction: fraction.to_string() }.shifted(exponent))
    }

    fn shifted(mut self, exponent: i64) -> Self {
        for _ in 0..exponent {
            let next = if self.fraction.is_empty() { '0' } else { self.fraction.remove(0) };
            self.whole.push(next);
        }
        for _ in exponent..0 {
            let next = self.whole.pop().unwrap_or('0');
            self.fraction.insert(0, next);
        }
        self
    }

    fn rounded(mut self, scale: usize) -> Self {
        let up = self.fraction.as_bytes().get(scale).is_some_and(|digit| *digit >= b'5');
        let kept: String = self.fraction.chars().chain(std::iter::repeat('0')).take(scale).collect();
        let mut digits: Vec<u8> = format!("0{}{kept}", self.whole).into_bytes();
        if up {
            for digit in digits.iter_mut().rev() {
                if *digit == b'9' {
                    *digit = b'0';
                } else {
                    *digit += 1;
                    break;
                }
            }
        }
        let digits = String::from_utf8(digits).unwrap_or_default();
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        self.whole = whole.to_string();
        self.fraction = fraction.to_string();
        self
    }

    fn to_text(&self) -> String {
        let whole = self.whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        let nothing = whole == "0" && self.fraction.bytes().all(|byte| byte == b'0');
        let sign = if self.negative && !nothing { "-" } else { "" };
        if self.fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{}", self.fraction)
        }
    }
}

/// Compares two stored numerics exactly; NaN is the greatest.
pub fn compared(one: &str, other: &str) -> std::cmp::Ordering {
    use std::cmp::Ordering;
    let (one, other) = match (Decimal::parse(one), Decimal::parse(other)) {
        (Some(one), Some(other)) => (one, other),
        (one, other) => return one.is_none().cmp(&other.is_none()),
    };
    let scale = one.fraction.len().max(other.fraction.len());
    let digits = |of: &Decimal| format!("{}{:0<scale$}", of.whole, of.fraction);
    let (left, right) = (digits(&one), digits(&other));
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    let size = left.len().cmp(&right.len()).then_with(|| left.cmp(right));
    match (one.negative && !left.is_empty(), other.negative && !right.is_empty()) {
        (false, false) => size,
        (true, true) => size.reverse(),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}
