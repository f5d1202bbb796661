//! `ban_duration`: how long an administrator bans a user, in the notation of Go's `time.ParseDuration`.

use super::error::Error;
use crate::time::Timestamp;

/// What to do about a user's ban.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ban {
    /// Lift it.
    Lift,
    /// Ban for this many microseconds from now.
    For(i64),
}

/// Microseconds per unit.
#[rustfmt::skip]
const UNITS: &[(&str, f64)] = &[
    ("ns", 0.001),
    ("us", 1.0),
    ("µs", 1.0),
    ("ms", 1_000.0),
    ("s",  1_000_000.0),
    ("m",  60_000_000.0),
    ("h",  3_600_000_000.0),
];

/// The longest duration Go can hold, about 292 years, in microseconds.
const LONGEST: f64 = 9_223_372_036_854_775.0;

impl Ban {
    /// `none`, which no time at all means too, or a duration such as `24h` or `1h30m`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text == "none" {
            return Ok(Self::Lift);
        }
        match duration(text) {
            Some(0) => Ok(Self::Lift),
            Some(microseconds) => Ok(Self::For(microseconds)),
            None => Err(Error::Validation(
                format!("invalid format for ban duration: time: invalid duration {text:?}").into(),
            )),
        }
    }

    /// The `banned_until` of a ban that starts now.
    pub fn until(self, now: Timestamp) -> Option<String> {
        match self {
            Self::Lift => None,
            Self::For(microseconds) => Some(Timestamp(now.0.saturating_add(microseconds)).to_postgres()),
        }
    }
}

/// `1h30m` → its microseconds.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c: char| c != '.' && !c.is_ascii_digit())?);
        let (unit, after) =
            after.split_at(after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len()));
        let (_, microseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total += number.parse::<f64>().ok()? * microseconds;
        rest = after;
    }
    (total <= LONGEST).then_some((sign * total) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        const HOUR: i64 = 3_600_000_000;
        let rows = [
            ("none", Some(Ban::Lift)),
            ("24h", Some(Ban::For(24 * HOUR))),
            ("1h30m", Some(Ban::For(HOUR + HOUR / 2))),
            ("1.5h", Some(Ban::For(HOUR + HOUR / 2))),
            ("300ms", Some(Ban::For(300_000))),
            ("876000h", Some(Ban::For(876_000 * HOUR))),
            ("-1h", Some(Ban::For(-HOUR))),
            ("0", Some(Ban::Lift)),
            ("0h0m", Some(Ban::Lift)),
            ("", None),
            ("-", None),
            ("h", None),
            ("24", None),
            ("1d", None),
            ("1h 30m", None),
            ("1..5h", None),
            ("9999999999h", None),
            ("forever", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Ban::parse(text).ok(), expected, "{text}");
        }
    }
}
