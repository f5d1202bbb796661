//! `LIKE` as Postgres means it, in functions that D1 does not cut off.
//!
//! SQLite's own LIKE ignores case, knows no escape, and D1 refuses patterns over 50 bytes. So a
//! pattern becomes equality, a range, `instr` or `GLOB`. SQLite folds ASCII letters only; a pattern
//! with others matches them in either case by a GLOB class: `ä` → `[äÄ]`.

use crate::rest::error::RestError;
use crate::sql::Writer;

/// D1's limit on a GLOB pattern.
const LONGEST_GLOB: usize = 50;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    /// These characters.
    Text(String),
    /// `_`.
    One,
    /// `%`.
    Any,
}

/// `value LIKE pattern` as a SQL expression; `%`, `_` and `\` as in Postgres.
pub fn like(writer: &mut Writer, value: &str, pattern: &str, any_case: bool) -> Result<String, RestError> {
    let pattern = if any_case { pattern.to_ascii_lowercase() } else { pattern.to_string() };
    let value = if any_case { format!("lower({value})") } else { value.to_string() };
    let pieces = pieces(&pattern)?;
    use Piece::{Any, Text};
    if any_case && pattern.chars().any(|letter| other_case(letter).is_some()) {
        let glob = glob(&pieces, true).ok_or_else(too_long)?;
        return Ok(format!("{value} GLOB {}", writer.bind(glob)));
    }
    Ok(match pieces.as_slice() {
        [] => format!("{value} = ''"),
        [Any] => format!("{value} IS NOT NULL OR NULL"),
        [Text(text)] => format!("{value} = {}", writer.bind(text)),
        [Text(start), Any] => starts_with(writer, &value, start),
        [Any, Text(end)] => ends_with(writer, &value, end),
        [Any, Text(middle), Any] => format!("instr({value}, {}) > 0", writer.bind(middle)),
        pieces => match glob(pieces, false) {
            Some(glob) => format!("{value} GLOB {}", writer.bind(glob)),
            None => in_order(writer, &value, pieces)?,
        },
    })
}

/// `\` takes the next character as it is; neighbouring `%` are one.
fn pieces(pattern: &str) -> Result<Vec<Piece>, RestError> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            '%' => {
                if pieces.last() != Some(&Piece::Any) {
                    pieces.push(Piece::Any);
                }
                continue;
            }
            '_' => {
                pieces.push(Piece::One);
                continue;
            }
            '\\' => characters.next().ok_or_else(|| {
                RestError::postgres("22025", "LIKE pattern must not end with escape character")
            })?,
            literal => literal,
        };
        match pieces.last_mut() {
            Some(Piece::Text(text)) => text.push(literal),
            _ => pieces.push(Piece::Text(literal.to_string())),
        }
    }
    Ok(pieces)
}

/// A range, which an index serves; `substr` where no text comes next after the prefix.
fn starts_with(writer: &mut Writer, value: &str, start: &str) -> String {
    let bound = writer.bind(start);
    match successor(start) {
        Some(end) => format!("{value} >= {bound} AND {value} < {}", writer.bind(end)),
        None => format!("substr({value}, 1, {}) = {bound}", start.chars().count()),
    }
}

/// The least text greater than every text with this prefix.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    let last = characters.pop()?;
    let next = match last {
        '\u{D7FF}' => '\u{E000}',
        other => char::from_u32(other as u32 + 1)?,
    };
    characters.push(next);
    Some(characters.into_iter().collect())
}

fn ends_with(writer: &mut Writer, value: &str, end: &str) -> String {
    format!("substr({value}, -{}) = {}", end.chars().count(), writer.bind(end))
}

/// A letter outside ASCII in its other case, when that is one letter too.
fn other_case(letter: char) -> Option<char> {
    if letter.is_ascii() {
        return None;
    }
    let (mut upper, mut lower) = (letter.to_uppercase(), letter.to_lowercase());
    match (upper.next(), upper.next(), lower.next(), lower.next()) {
        (Some(upper), None, _, _) if upper != letter => Some(upper),
        (_, _, Some(lower), None) if lower != letter => Some(lower),
        _ => None,
    }
}

fn too_long() -> RestError {
    RestError::NotImplemented(
        "patterns over 50 bytes with \"_\", with letters outside ASCII in any case, or with more than 8 parts, are not supported"
            .into(),
    )
}

/// The pattern as GLOB writes it, if it is short enough; `both_cases` for letters outside ASCII.
fn glob(pieces: &[Piece], both_cases: bool) -> Option<String> {
    let mut glob = String::new();
    for piece in pieces {
        match piece {
            Piece::Any => glob.push('*'),
            Piece::One => glob.push('?'),
            Piece::Text(text) => {
                for character in text.chars() {
                    match character {
                        '*' | '?' | '[' => glob.extend(['[', character, ']']),
                        letter => match other_case(letter).filter(|_| both_cases) {
                            Some(other) => glob.extend(['[', letter, other, ']']),
                            None => glob.push(letter),
                        },
                    }
                }
            }
        }
    }
    (glob.len() <= LONGEST_GLOB).then_some(glob)
}

/// Most inner texts of a long pattern; each is a level of subquery.
const MOST_TEXTS: usize = 8;

/// A long pattern without `_`: each text must come after the one before it.
fn in_order(writer: &mut Writer, value: &str, pieces: &[Piece]) -> Result<String, RestError> {
    let texts: Vec<&String> = pieces
        .iter()
        .filter_map(|piece| if let Piece::Text(text) = piece { Some(text) } else { None })
        .collect();
    if pieces.contains(&Piece::One) || texts.len() > MOST_TEXTS {
        return Err(too_long());
    }
    // "rest" is what is left of the value after the texts so far; NULL once one was not found.
    let mut rest = format!("SELECT {value} AS rest");
    let anchored_start = !matches!(pieces.first(), Some(Piece::Any));
    let anchored_end = !matches!(pieces.last(), Some(Piece::Any));
    let last = texts.len().saturating_sub(1);
    for (index, text) in texts.iter().enumerate() {
        let bound = writer.bind(*text);
        let length = text.chars().count();
        let condition = match index {
            0 if anchored_start => format!("substr(rest, 1, {length}) = {bound}"),
            index if index == last && anchored_end => {
                format!("length(rest) >= {length} AND substr(rest, -{length}) = {bound}")
            }
            _ => format!("instr(rest, {bound}) > 0"),
        };
        rest = format!(
            "SELECT CASE WHEN {condition} THEN substr(rest, instr(rest, {bound}) + {length}) END AS rest FROM ({rest})"
        );
    }
    Ok(format!("CASE WHEN {value} IS NOT NULL THEN (SELECT rest IS NOT NULL FROM ({rest})) END"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_successors() {
        let rows = [("ab", Some("ac")), ("a\u{D7FF}", Some("a\u{E000}")), ("a\u{10FFFF}", None), ("", None)];
        for (prefix, expected) in rows {
            assert_eq!(successor(prefix).as_deref(), expected);
        }
    }

    #[test]
    fn glob_means_its_own_signs_literally() {
        let pieces = pieces("a*[%_\\%").unwrap();
        assert_eq!(glob(&pieces, false).as_deref(), Some("a[*][[]*?%"));
        assert!(super::pieces("a\\").is_err());
    }
}
