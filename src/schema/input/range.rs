//! Ranges: Postgres' literals in, its own output out: `[1,5]` → `[1,6)`.

use std::cmp::Ordering;

use super::{InputError, canonical, number};
use crate::schema::{Catalog, DataType, Ranged};

/// One end of a range.
struct Bound {
    /// The stored form of the value; `None` where the range has no end.
    value: Option<String>,
    inclusive: bool,
}

/// Reads a range literal; `22000` when its bounds are the wrong way round.
pub fn range(of: Ranged, text: &str) -> Result<String, InputError> {
    let trimmed = text.trim();
    if trimmed.eq_ignore_ascii_case("empty") {
        return Ok("empty".to_string());
    }
    let malformed = || InputError::new("22P02", format!("malformed range literal: \"{text}\""));
    let (opening, rest) = match trimmed.split_at_checked(1) {
        Some((opening @ ("[" | "("), rest)) => (opening, rest),
        _ => return Err(malformed()),
    };
    let (lower, rest) = bound_text(rest).ok_or_else(malformed)?;
    let rest = rest.strip_prefix(',').ok_or_else(malformed)?;
    let (upper, rest) = bound_text(rest).ok_or_else(malformed)?;
    let inclusive = match rest {
        "]" => true,
        ")" => false,
        _ => return Err(malformed()),
    };
    let element = of.element();
    let read =
        |text: Option<String>| text.map(|text| canonical(&Catalog::default(), &element, &text)).transpose();
    let lower = Bound { value: read(lower)?, inclusive: opening == "[" };
    let upper = Bound { value: read(upper)?, inclusive };
    printed(of, lower, upper)
}

/// The text of a bound and what follows it; `None` inside when the bound is left out, outside when it
/// does not end.
fn bound_text(text: &str) -> Option<(Option<String>, &str)> {
    let mut value = String::new();
    let (mut quoted, mut was_quoted) = (false, false);
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            ',' | ')' | ']' if !quoted => {
                let value = (was_quoted || !value.is_empty()).then_some(value);
                return Some((value, text.get(at..)?));
            }
            '(' | '[' if !quoted => return None,
            '\\' => value.push(characters.next()?.1),
            '"' if quoted && characters.peek().is_some_and(|(_, next)| *next == '"') => {
                characters.next();
                value.push('"');
            }
            '"' => (quoted, was_quoted) = (!quoted, true),
            other => value.push(other),
        }
    }
    None
}

fn printed(of: Ranged, mut lower: Bound, mut upper: Bound) -> Result<String, InputError> {
    match compared(of, &lower, &upper) {
        Some(Ordering::Greater) => {
            let message = "range lower bound must be less than or equal to range upper bound";
            return Err(InputError::new("22000", message));
        }
        Some(Ordering::Equal) if !(lower.inclusive && upper.inclusive) => return Ok("empty".to_string()),
        _ => {}
    }
    if of.is_discrete() {
        if !lower.inclusive {
            lower = stepped(of, lower)?;
        }
        if upper.inclusive {
            upper = stepped(of, upper)?;
        }
        let is_empty = compared(of, &lower, &upper).is_some_and(Ordering::is_ge);
        if is_empty && !(lower.inclusive && upper.inclusive) {
            return Ok("empty".to_string());
        }
    }
    let opening = if lower.inclusive && lower.value.is_some() { '[' } else { '(' };
    let closing = if upper.inclusive && upper.value.is_some() { ']' } else { ')' };
    let text =
        |bound: &Bound| bound.value.as_deref().map(|value| bound_output(of, value)).unwrap_or_default();
    Ok(format!("{opening}{},{}{closing}", text(&lower), text(&upper)))
}

fn compared(of: Ranged, lower: &Bound, upper: &Bound) -> Option<Ordering> {
    let (lower, upper) = (lower.value.as_deref()?, upper.value.as_deref()?);
    match of {
        Ranged::Int4 | Ranged::Int8 => Some(lower.parse::<i64>().ok()?.cmp(&upper.parse::<i64>().ok()?)),
        Ranged::Numeric => Some(number::compared(lower, upper)),
        // Times sort as text, and so do the infinities around them.
        Ranged::Timestamp | Ranged::Timestamptz | Ranged::Date => Some(lower.cmp(upper)),
    }
}

/// The bound that begins, or ends, one value later, where the other kind of bound says the same.
fn stepped(of: Ranged, bound: Bound) -> Result<Bound, InputError> {
    let Some(value) = &bound.value else { return Ok(bound) };
    if value.ends_with("infinity") {
        return Ok(bound);
    }
    let next = match of {
        Ranged::Date => chrono::NaiveDate::parse_from_str(value, "%Y-%m-%d")
            .ok()
            .and_then(|date| date.succ_opt())
            .map(|date| date.format("%Y-%m-%d").to_string())
            .ok_or_else(|| InputError::new("22008", "date out of range"))?,
        _ => {
            let next = value.parse::<i128>().unwrap_or_default() + 1;
            let (most, name) = match of {
                Ranged::Int4 => (i128::from(i32::MAX), "integer"),
                _ => (i128::from(i64::MAX), "bigint"),
            };
            if next > most {
                return Err(InputError::new("22003", format!("{name} out of range")));
            }
            next.to_string()
        }
    };
    Ok(Bound { value: Some(next), inclusive: !bound.inclusive })
}

/// A bound as it stands in the range: as Postgres prints its type, quoted where a space is in it.
fn bound_output(of: Ranged, stored: &str) -> String {
    if stored.ends_with("infinity") {
        return stored.to_string();
    }
    match of.element() {
        DataType::Timestamp => format!("\"{}\"", stored.replace('T', " ")),
        DataType::Timestamptz => format!("\"{}\"", stored.replace('T', " ").replace("+00:00", "+00")),
        _ => stored.to_string(),
    }
}
