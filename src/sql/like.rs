//! `LIKE` as Postgres means it, in functions that D1 does not cut off.
//!
//! SQLite's own LIKE ignores case, knows no escape, and D1 refuses patterns over 50 bytes. So a
//! pattern becomes equality, a range, `instr` or `GLOB`. SQLite folds ASCII letters only; a pattern
//! with others matches them in either case by a GLOB class: `ä` → `[äÄ]`.

/// D1's limit on a GLOB pattern.
pub(super) const LONGEST_GLOB: usize = 50;

/// A `LIKE` or `ILIKE` pattern, read.
#[derive(Clone, Debug, PartialEq)]
pub struct LikePattern {
    pieces: Vec<Piece>,
    any_case: bool,
}

/// A pattern that ends with its escape character (22025).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DanglingEscape;

impl DanglingEscape {
    /// Postgres' words.
    pub const MESSAGE: &str = "LIKE pattern must not end with escape character";
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// These characters.
    Text(String),
    /// `_`.
    One,
    /// `%`.
    Any,
    /// The inside of a GLOB class, which only a regular expression has: `^a-z`.
    Class(String),
}

/// How a text of the pattern is written in SQL: bound or, in DDL, as a literal.
pub type Spell<'s> = dyn FnMut(&str) -> String + 's;

impl LikePattern {
    /// Reads `%`, `_` and `\` as Postgres does.
    pub fn parse(pattern: &str, any_case: bool) -> Result<Self, DanglingEscape> {
        let pattern = if any_case { pattern.to_ascii_lowercase() } else { pattern.to_string() };
        Ok(Self { pieces: pieces(&pattern)?, any_case })
    }

    /// A pattern of pieces whose letters are folded already; neighbouring ones become one.
    pub(super) fn of_pieces(pieces: Vec<Piece>, any_case: bool) -> Self {
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Any), Piece::Any) => {}
                (Some(Piece::Text(text)), Piece::Text(more)) => text.push_str(&more),
                (_, piece) => joined.push(piece),
            }
        }
        Self { pieces: joined, any_case }
    }

    /// `value LIKE pattern`, in parentheses; `None` for a pattern that D1 is not able to match so.
    pub fn matches(&self, value: &str, spell: &mut Spell<'_>) -> Option<String> {
        use Piece::{Any, Text};
        let value = self.folded(value);
        let value = value.as_str();
        if self.has_letters_of_two_cases() {
            return Some(format!("({value} GLOB {})", spell(&self.glob()?)));
        }
        Some(match self.pieces.as_slice() {
            [] => format!("({value} = '')"),
            [Any] => format!("({value} IS NOT NULL OR NULL)"),
            [Text(text)] => format!("({value} = {})", spell(text)),
            [Text(start), Any] => format!("({})", starts_with(value, start, spell)),
            [Any, Text(end)] => format!("({})", ends_with(value, end, spell)),
            [Any, Text(middle), Any] => format!("(instr({value}, {}) > 0)", spell(middle)),
            [Text(start), Any, Text(end)] => {
                let length = start.chars().count() + end.chars().count();
                let (starts, ends) = (starts_with(value, start, spell), ends_with(value, end, spell));
                format!("({starts} AND {ends} AND length({value}) >= {length})")
            }
            _ => format!("({value} GLOB {})", spell(&self.glob()?)),
        })
    }

    /// The same for a long pattern without `_`: each of its texts must come after the one before
    /// it. A subquery, which a CHECK may not hold; `None` for more than eight texts.
    pub fn matches_in_order(&self, value: &str, spell: &mut Spell<'_>) -> Option<String> {
        let texts = self.pieces.iter().filter_map(Piece::text).collect::<Vec<_>>();
        let has_one = self.pieces.iter().any(|piece| matches!(piece, Piece::One | Piece::Class(_)));
        if has_one || texts.len() > MOST_TEXTS || self.has_letters_of_two_cases() {
            return None;
        }
        let value = self.folded(value);
        // "rest" is what is left of the value after the texts so far; NULL once one was not found.
        let mut rest = format!("SELECT {value} AS rest");
        let anchored_start = !matches!(self.pieces.first(), Some(Piece::Any));
        let anchored_end = !matches!(self.pieces.last(), Some(Piece::Any));
        let last = texts.len().saturating_sub(1);
        for (index, text) in texts.iter().enumerate() {
            let bound = spell(text);
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
        Some(format!("CASE WHEN {value} IS NOT NULL THEN (SELECT rest IS NOT NULL FROM ({rest})) END"))
    }

    fn folded(&self, value: &str) -> String {
        if self.any_case { format!("lower({value})") } else { value.to_string() }
    }

    fn has_letters_of_two_cases(&self) -> bool {
        let mut letters = self.pieces.iter().filter_map(Piece::text).flat_map(str::chars);
        self.any_case && letters.any(|letter| other_case(letter).is_some())
    }

    /// The pattern as GLOB writes it, if it is short enough.
    fn glob(&self) -> Option<String> {
        let mut glob = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Any => glob.push('*'),
                Piece::One => glob.push('?'),
                Piece::Class(class) => {
                    glob.push('[');
                    glob.push_str(class);
                    glob.push(']');
                }
                Piece::Text(text) => {
                    for character in text.chars() {
                        match character {
                            '*' | '?' | '[' => glob.extend(['[', character, ']']),
                            letter => match other_case(letter).filter(|_| self.any_case) {
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
}

/// Most texts of a long pattern; each is a level of subquery.
const MOST_TEXTS: usize = 8;

impl Piece {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// `\` takes the next character as it is; neighbouring `%` are one.
fn pieces(pattern: &str) -> Result<Vec<Piece>, DanglingEscape> {
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
            '\\' => characters.next().ok_or(DanglingEscape)?,
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
fn starts_with(value: &str, start: &str, spell: &mut Spell<'_>) -> String {
    let bound = spell(start);
    match successor(start) {
        Some(end) => format!("{value} >= {bound} AND {value} < {}", spell(&end)),
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

fn ends_with(value: &str, end: &str, spell: &mut Spell<'_>) -> String {
    format!("substr({value}, -{}) = {}", end.chars().count(), spell(end))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::quote_literal;

    fn sql(pattern: &str, any_case: bool) -> Option<String> {
        LikePattern::parse(pattern, any_case).unwrap().matches("x", &mut quote_literal)
    }

    #[test]
    fn shapes_of_patterns() {
        #[rustfmt::skip]
        let rows = [
            ("",       false, "(x = '')"),
            ("%%",     false, "(x IS NOT NULL OR NULL)"),
            ("abc",    false, "(x = 'abc')"),
            ("a%",     false, "(x >= 'a' AND x < 'b')"),
            ("%it's",  false, "(substr(x, -4) = 'it''s')"),
            ("%é%",    false, "(instr(x, 'é') > 0)"),
            ("a%b",    false, "(x >= 'a' AND x < 'b' AND substr(x, -1) = 'b' AND length(x) >= 2)"),
            (r"a\%",   false, "(x = 'a%')"),
            ("a_b*[%c",false, "(x GLOB 'a?b[*][[]*c')"),
            ("ABC",    true,  "(lower(x) = 'abc')"),
            ("É%",     true,  "(lower(x) GLOB '[Éé]*')"),
        ];
        for (pattern, any_case, expected) in rows {
            assert_eq!(sql(pattern, any_case).as_deref(), Some(expected), "{pattern}");
        }
        assert_eq!(sql(&format!("{}_", "a".repeat(50)), false), None);
        assert_eq!(LikePattern::parse("a\\", false), Err(DanglingEscape));
    }

    #[test]
    fn prefixes_have_successors() {
        let rows = [("ab", Some("ac")), ("a\u{D7FF}", Some("a\u{E000}")), ("a\u{10FFFF}", None), ("", None)];
        for (prefix, expected) in rows {
            assert_eq!(successor(prefix).as_deref(), expected);
        }
    }
}
