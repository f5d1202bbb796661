//! `to_char` of times, with a pattern that is a literal; of numbers in the file beside.

use super::lowering::Lowering;
use super::piece::Piece;
use super::to_char_number::to_char_number;
use crate::dialect::DialectError;
use crate::schema::DataType;
use crate::sql::{quote_literal, raise};

/// Names that a number picks.
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What a pattern's letters give: SQL over `{t}`, a timestamp of SQLite's own form. Longer ones first.
#[rustfmt::skip]
const PATTERNS: &[(&str, Part)] = &[
    ("HH24",  Part::Padded("strftime('%H', {t})")),
    ("HH12",  Part::Padded("printf('%02d', (CAST(strftime('%H', {t}) AS INTEGER) + 11) % 12 + 1)")),
    ("IYYY",  Part::Padded("strftime('%G', {t})")),
    ("YYYY",  Part::Padded("strftime('%Y', {t})")),
    ("Month", Part::Name(&MONTHS, "CAST(strftime('%m', {t}) AS INTEGER) - 1", Case::Capital, 0)),
    ("MONTH", Part::Name(&MONTHS, "CAST(strftime('%m', {t}) AS INTEGER) - 1", Case::Upper, 0)),
    ("month", Part::Name(&MONTHS, "CAST(strftime('%m', {t}) AS INTEGER) - 1", Case::Lower, 0)),
    ("Mon",   Part::Name(&MONTHS, "CAST(strftime('%m', {t}) AS INTEGER) - 1", Case::Capital, 3)),
    ("MON",   Part::Name(&MONTHS, "CAST(strftime('%m', {t}) AS INTEGER) - 1", Case::Upper, 3)),
    ("mon",   Part::Name(&MONTHS, "CAST(strftime('%m', {t}) AS INTEGER) - 1", Case::Lower, 3)),
    ("DDD",   Part::Padded("strftime('%j', {t})")),
    ("Day",   Part::Name(&DAYS, "CAST(strftime('%w', {t}) AS INTEGER)", Case::Capital, 0)),
    ("DAY",   Part::Name(&DAYS, "CAST(strftime('%w', {t}) AS INTEGER)", Case::Upper, 0)),
    ("day",   Part::Name(&DAYS, "CAST(strftime('%w', {t}) AS INTEGER)", Case::Lower, 0)),
    ("DD",    Part::Padded("strftime('%d', {t})")),
    ("Dy",    Part::Name(&DAYS, "CAST(strftime('%w', {t}) AS INTEGER)", Case::Capital, 3)),
    ("DY",    Part::Name(&DAYS, "CAST(strftime('%w', {t}) AS INTEGER)", Case::Upper, 3)),
    ("dy",    Part::Name(&DAYS, "CAST(strftime('%w', {t}) AS INTEGER)", Case::Lower, 3)),
    ("HH",    Part::Padded("printf('%02d', (CAST(strftime('%H', {t}) AS INTEGER) + 11) % 12 + 1)")),
    ("MI",    Part::Padded("strftime('%M', {t})")),
    ("MM",    Part::Padded("strftime('%m', {t})")),
    ("MS",    Part::Padded("substr({f}, 1, 3)")),
    ("SS",    Part::Padded("strftime('%S', {t})")),
    ("US",    Part::Padded("{f}")),
    ("IW",    Part::Padded("strftime('%V', {t})")),
    ("WW",    Part::Padded("printf('%02d', (CAST(strftime('%j', {t}) AS INTEGER) - 1) / 7 + 1)")),
    ("YY",    Part::Padded("substr(strftime('%Y', {t}), 3)")),
    ("AM",    Part::Padded("CASE WHEN strftime('%H', {t}) < '12' THEN 'AM' ELSE 'PM' END")),
    ("PM",    Part::Padded("CASE WHEN strftime('%H', {t}) < '12' THEN 'AM' ELSE 'PM' END")),
    ("am",    Part::Padded("CASE WHEN strftime('%H', {t}) < '12' THEN 'am' ELSE 'pm' END")),
    ("pm",    Part::Padded("CASE WHEN strftime('%H', {t}) < '12' THEN 'am' ELSE 'pm' END")),
    ("ID",    Part::Padded("strftime('%u', {t})")),
    ("D",     Part::Padded("CAST(strftime('%w', {t}) + 1 AS TEXT)")),
    ("Q",     Part::Padded("CAST((CAST(strftime('%m', {t}) AS INTEGER) + 2) / 3 AS TEXT)")),
];

#[derive(Clone, Copy)]
enum Case {
    Capital,
    Upper,
    Lower,
}

enum Part {
    /// Digits, which FM strips of zeros in front, or two letters.
    Padded(&'static str),
    /// A name, what picks it, its case, and how many letters of it; all, padded to nine unless FM, for 0.
    Name(&'static [&'static str], &'static str, Case, usize),
}

/// `to_char(timestamp, 'YYYY-MM-DD')`.
pub fn to_char(
    lowering: &mut Lowering<'_>,
    _: &str,
    pieces: &[Piece],
) -> Result<Option<Piece>, DialectError> {
    let [at, pattern] = pieces else { return Ok(None) };
    if let (Piece::Typed(_, of), Piece::Unknown(pattern)) = (at, pattern)
        && matches!(of, DataType::Int2 | DataType::Int4 | DataType::Int8 | DataType::Numeric(_))
    {
        return to_char_number(lowering, at.clone(), pattern).map(Some);
    }
    let at = match at {
        Piece::Typed(sql, DataType::Timestamp | DataType::Timestamptz) => sql.clone(),
        Piece::Typed(_, DataType::Date) => lowering.implicit(at.clone(), &DataType::Timestamp)?,
        other => {
            return Err(DialectError::unsupported(format!("to_char() of {}", other.type_name()))
                .with_hint("Dates, timestamps, integers and numerics are supported."));
        }
    };
    let Piece::Unknown(pattern) = pattern else {
        return Err(DialectError::unsupported("to_char() with a pattern that is no literal"));
    };
    let parts = parts(pattern)?;
    let endless = raise("'0A000:to_char() of infinity is not supported'");
    let steps = vec![
        vec![("a", at)],
        vec![
            ("t", format!("CASE WHEN instr({{a}}, 'infinity') THEN {endless} ELSE substr({{a}}, 1, 19) END")),
            (
                "f",
                "substr(CASE substr({a}, 20, 1) WHEN '.' THEN replace(substr({a}, 21), '+00:00', '') ELSE '' END || '000000', 1, 6)"
                    .to_string(),
            ),
        ],
    ];
    let result = if parts.is_empty() {
        "CASE WHEN {a} IS NOT NULL THEN '' END".to_string()
    } else {
        parts.join(" || ")
    };
    Ok(Some(Piece::text(lowering.in_steps(&steps, &result)?)))
}

/// The pattern's parts as SQL.
fn parts(pattern: &str) -> Result<Vec<String>, DialectError> {
    let refused = || DialectError::unsupported(format!("to_char() with the pattern '{pattern}'"));
    let mut parts = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"').ok_or_else(refused)?;
            if text.contains(['\\', '{']) {
                return Err(refused());
            }
            parts.push(quote_literal(text));
            rest = after;
            continue;
        }
        let (fills, bare) = match rest.strip_prefix("FM") {
            Some(bare) => (false, bare),
            None => (true, rest),
        };
        if let Some((letters, part)) = PATTERNS.iter().find(|(letters, _)| bare.starts_with(letters)) {
            parts.push(part_sql(part, fills, letters));
            rest = bare.strip_prefix(letters).unwrap_or_default();
            // An ordinal's ending: `DDth`.
            if rest.to_lowercase().starts_with("th") {
                return Err(refused());
            }
            continue;
        }
        let mut letters = rest.chars();
        let letter = letters.next().unwrap_or(' ');
        if letter.is_alphanumeric() || matches!(letter, '\\' | '{') {
            return Err(refused());
        }
        parts.push(quote_literal(&letter.to_string()));
        rest = letters.as_str();
    }
    Ok(parts)
}

fn part_sql(part: &Part, fills: bool, letters: &str) -> String {
    match part {
        Part::Padded(sql) if fills || matches!(letters, "AM" | "PM" | "am" | "pm" | "MS" | "US") => {
            format!("({sql})")
        }
        Part::Padded(sql) => format!("CAST(CAST({sql} AS INTEGER) AS TEXT)"),
        Part::Name(names, index, case, length) => {
            let arms: String = names
                .iter()
                .enumerate()
                .map(|(number, name)| {
                    let name: String =
                        if *length > 0 { name.chars().take(*length).collect() } else { (*name).to_string() };
                    let name = match case {
                        Case::Capital => name,
                        Case::Upper => name.to_uppercase(),
                        Case::Lower => name.to_lowercase(),
                    };
                    let name = if *length == 0 && fills { format!("{name:<9}") } else { name };
                    format!(" WHEN {number} THEN '{name}'")
                })
                .collect();
            format!("CASE {index}{arms} END")
        }
    }
}
