//! Intervals: Postgres' verbose form and ISO 8601 in, Postgres' own form out.

use super::InputError;
use crate::schema::DataType;

/// What an interval is made of; Postgres keeps the three apart.
#[derive(Default)]
struct Interval {
    months: i64,
    days: i64,
    micros: i64,
}

/// Units by any spelling: months, days or microseconds of one.
#[rustfmt::skip]
const UNITS: &[(&[&str], i64, i64, i64)] = &[
    (&["century", "centuries"],                    1200, 0, 0),
    (&["decade", "decades"],                        120, 0, 0),
    (&["year", "years", "yr", "yrs", "y"],           12, 0, 0),
    (&["month", "months", "mon", "mons"],             1, 0, 0),
    (&["week", "weeks", "w"],                         0, 7, 0),
    (&["day", "days", "d"],                           0, 1, 0),
    (&["hour", "hours", "hr", "hrs", "h"],            0, 0, 3_600_000_000),
    (&["minute", "minutes", "min", "mins", "m"],      0, 0, 60_000_000),
    (&["second", "seconds", "sec", "secs", "s"],      0, 0, 1_000_000),
    (&["millisecond", "milliseconds", "ms"],          0, 0, 1_000),
    (&["microsecond", "microseconds", "us"],          0, 0, 1),
];

/// ISO 8601's letters: before the `T`, and after it.
const DATE_LETTERS: [(char, &str); 4] = [('Y', "year"), ('M', "month"), ('W', "week"), ('D', "day")];
const TIME_LETTERS: [(char, &str); 3] = [('H', "hour"), ('M', "minute"), ('S', "second")];

/// `1 year 2 months 04:05:06` → `1 year 2 mons 04:05:06`.
pub fn interval(text: &str) -> Result<String, InputError> {
    let trimmed = text.trim().to_ascii_lowercase();
    let parsed = match trimmed.strip_prefix('p') {
        Some(iso) => parse_iso(iso),
        None => parse_verbose(&trimmed),
    };
    parsed.map(|interval| interval.to_text()).ok_or_else(|| InputError::syntax(&DataType::Interval, text))
}

fn parse_verbose(text: &str) -> Option<Interval> {
    let (text, sign) = match text.strip_suffix(" ago") {
        Some(rest) => (rest, -1.0),
        None => (text, 1.0),
    };
    let spaced = space_units(text.trim_start_matches('@').trim());
    let mut interval = Interval::default();
    let mut words = spaced.split_whitespace();
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if word.contains(':') {
            interval.micros = interval.micros.checked_add((clock(word)? as f64 * sign) as i64)?;
            continue;
        }
        interval.add(word.parse::<f64>().ok()? * sign, words.next()?)?;
    }
    any.then_some(interval)
}

/// `1d 2h` → `1 d 2 h`.
fn space_units(text: &str) -> String {
    let mut spaced = String::new();
    let mut before = ' ';
    for character in text.chars() {
        if character.is_ascii_alphabetic() && (before.is_ascii_digit() || before == '.') {
            spaced.push(' ');
        }
        spaced.push(character);
        before = character;
    }
    spaced
}

fn parse_iso(text: &str) -> Option<Interval> {
    let text = text.to_ascii_uppercase();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let mut interval = Interval::default();
    for (part, letters) in [(date, &DATE_LETTERS[..]), (time, &TIME_LETTERS[..])] {
        let mut number = String::new();
        for character in part.chars() {
            match letters.iter().find(|(letter, _)| *letter == character) {
                Some((_, unit)) => interval.add(std::mem::take(&mut number).parse().ok()?, unit)?,
                None => number.push(character),
            }
        }
        if !number.is_empty() {
            return None;
        }
    }
    (!date.is_empty() || !time.is_empty()).then_some(interval)
}

fn clock(word: &str) -> Option<i64> {
    let (sign, word) = match word.strip_prefix(['+', '-']) {
        Some(rest) => (if word.starts_with('-') { -1 } else { 1 }, rest),
        None => (1, word),
    };
    let mut parts = word.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds: f64 = parts.next().unwrap_or("0").parse().ok()?;
    if parts.next().is_some() || !(0..60).contains(&minutes) || !(0.0..60.0).contains(&seconds) {
        return None;
    }
    hours
        .checked_mul(3_600_000_000)?
        .checked_add(minutes * 60_000_000 + (seconds * 1e6).round() as i64)?
        .checked_mul(sign)
}

impl Interval {
    /// Adds a number of a unit; a fraction spills into the next smaller kind, as in Postgres.
    fn add(&mut self, number: f64, unit: &str) -> Option<()> {
        let (_, months, days, micros) = UNITS.iter().find(|(names, ..)| names.contains(&unit))?;
        let all_months = number * *months as f64;
        let all_days = number * *days as f64 + all_months.fract() * 30.0;
        let all_micros = number * *micros as f64 + all_days.fract() * 86_400e6;
        if [all_months, all_days, all_micros].iter().any(|part| !part.is_finite() || part.abs() > 9e15) {
            return None;
        }
        self.months += all_months.trunc() as i64;
        self.days += all_days.trunc() as i64;
        self.micros += all_micros.round() as i64;
        Some(())
    }

    fn to_text(&self) -> String {
        let mut parts = Vec::new();
        let counted =
            |number: i64, one: &str, many: &str| format!("{number} {}", if number == 1 { one } else { many });
        let (years, months) = (self.months / 12, self.months % 12);
        if years != 0 {
            parts.push(counted(years, "year", "years"));
        }
        if months != 0 {
            parts.push(counted(months, "mon", "mons"));
        }
        if self.days != 0 {
            parts.push(counted(self.days, "day", "days"));
        }
        if self.micros != 0 || parts.is_empty() {
            parts.push(self.clock_text());
        }
        parts.join(" ")
    }

    fn clock_text(&self) -> String {
        let sign = if self.micros < 0 { "-" } else { "" };
        let micros = self.micros.unsigned_abs();
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        let text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if fraction == 0 {
            return text;
        }
        format!("{text}.{}", format!("{fraction:06}").trim_end_matches('0'))
    }
}
