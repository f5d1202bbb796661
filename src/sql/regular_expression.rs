//! Postgres' regular expressions, as far as SQLite can match them exactly.
//!
//! SQLite has no regular expressions, but a sequence of characters, `.`, `.*`, `.+` and classes is
//! a GLOB, and alternatives are several: `^(a|b).*\.md$` → `a*.md` or `b*.md`. One class with a
//! count (`^[a-z]{3,20}$`) is a condition on all characters and the length. What runs of classes make is matched
//! by [`super::regular_sequence`]; any other is refused.

use super::like::{LONGEST_GLOB, LikePattern, Piece, Spell};
use super::regular_sequence::matches_sequence;

/// Why an expression is not matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegularExpressionError {
    /// Postgres refuses it too (2201B), in these words.
    Invalid(&'static str),
    /// Nothing here can match it.
    Unsupported,
}

use RegularExpressionError::{Invalid, Unsupported};

/// `value ~ pattern`, or `value ~* pattern`, in parentheses.
pub fn matches_regular_expression(
    value: &str,
    pattern: &str,
    any_case: bool,
    spell: &mut Spell<'_>,
) -> Result<String, RegularExpressionError> {
    if !any_case && let Some(sql) = counted_class(value, pattern, spell) {
        return Ok(sql);
    }
    if pattern.starts_with("***") {
        return Err(Unsupported);
    }
    match matches_glob(value, pattern, any_case, spell) {
        Err(Unsupported) => matches_sequence(value, pattern, any_case, spell),
        matched => matched,
    }
}

fn matches_glob(
    value: &str,
    pattern: &str,
    any_case: bool,
    spell: &mut Spell<'_>,
) -> Result<String, RegularExpressionError> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut parser = Parser { letters: &letters, at: 0, any_case };
    let branches = parser.alternatives(0)?;
    if parser.at < letters.len() {
        return Err(Invalid("parentheses () not balanced"));
    }
    let mut terms = Vec::new();
    for branch in branches {
        let pattern = LikePattern::of_pieces(pieces(branch)?, any_case);
        terms.push(pattern.matches(value, spell).ok_or(Unsupported)?);
    }
    Ok(super::balanced(terms, " OR "))
}

/// What a pattern is made of.
#[derive(Clone, Debug, PartialEq)]
enum Item {
    Start,
    End,
    Piece(Piece),
}

type Branches = Vec<Vec<Item>>;

/// Most alternatives once groups are multiplied out.
const MOST_BRANCHES: usize = 16;

/// How deep groups may nest.
const DEEPEST: usize = 8;

struct Parser<'p> {
    letters: &'p [char],
    at: usize,
    any_case: bool,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn eat(&mut self, letter: char) -> bool {
        let there = self.peek() == Some(letter);
        self.at += usize::from(there);
        there
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek();
        self.at += usize::from(letter.is_some());
        letter
    }

    fn alternatives(&mut self, depth: usize) -> Result<Branches, RegularExpressionError> {
        if depth > DEEPEST {
            return Err(Unsupported);
        }
        let mut all = self.branch(depth)?;
        while self.eat('|') {
            all.extend(self.branch(depth)?);
            if all.len() > MOST_BRANCHES {
                return Err(Unsupported);
            }
        }
        Ok(all)
    }

    fn branch(&mut self, depth: usize) -> Result<Branches, RegularExpressionError> {
        let mut branches: Branches = vec![Vec::new()];
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let atom = self.atom(depth)?;
            let atom = self.quantified(atom)?;
            if branches.len() * atom.len() > MOST_BRANCHES {
                return Err(Unsupported);
            }
            let joined = |branch: &Vec<Item>| {
                let branch = branch.clone();
                atom.iter().map(move |next| [branch.as_slice(), next].concat()).collect::<Vec<_>>()
            };
            branches = branches.iter().flat_map(joined).collect();
        }
        Ok(branches)
    }

    fn atom(&mut self, depth: usize) -> Result<Branches, RegularExpressionError> {
        let one = |piece: Piece| Ok(vec![vec![Item::Piece(piece)]]);
        match self.next() {
            Some('^') => Ok(vec![vec![Item::Start]]),
            Some('$') => Ok(vec![vec![Item::End]]),
            Some('.') => one(Piece::One),
            Some('[') => one(self.class()?),
            Some('(') if self.peek() == Some('?') => Err(Unsupported),
            Some('(') => {
                let inner = self.alternatives(depth + 1)?;
                if self.eat(')') { Ok(inner) } else { Err(Invalid("parentheses () not balanced")) }
            }
            Some('*' | '+' | '?') => Err(Invalid("quantifier operand invalid")),
            Some('{') => Err(Unsupported),
            Some('\\') => match self.next() {
                Some('d') => one(Piece::Class("0-9".to_string())),
                Some(letter) if letter.is_ascii_punctuation() => one(Piece::Text(letter.to_string())),
                Some(_) => Err(Unsupported),
                None => Err(Invalid("invalid escape \\ sequence")),
            },
            Some(letter) => one(Piece::Text(self.folded(letter).to_string())),
            None => Err(Unsupported),
        }
    }

    fn quantified(&mut self, atom: Branches) -> Result<Branches, RegularExpressionError> {
        let any_one = atom == [[Item::Piece(Piece::One)]];
        let anchor =
            matches!(atom.as_slice(), [only] if matches!(only.as_slice(), [Item::Start | Item::End]));
        let quantified = match self.peek() {
            Some('*' | '+' | '?' | '{') if anchor => return Err(Unsupported),
            Some('*') if any_one => vec![vec![Item::Piece(Piece::Any)]],
            Some('+') if any_one => vec![vec![Item::Piece(Piece::One), Item::Piece(Piece::Any)]],
            Some('?') => [atom, vec![Vec::new()]].concat(),
            Some('*' | '+' | '{') => return Err(Unsupported),
            _ => return Ok(atom),
        };
        self.at += 1;
        if matches!(self.peek(), Some('*' | '+' | '?' | '{')) { Err(Unsupported) } else { Ok(quantified) }
    }

    /// The inside of `[…]`, as GLOB writes it too.
    fn class(&mut self) -> Result<Piece, RegularExpressionError> {
        let mut class = String::new();
        if self.eat('^') {
            class.push('^');
        }
        let start = self.at;
        loop {
            let letter = match self.next() {
                None => return Err(Invalid("brackets [] not balanced")),
                Some(']') if self.at > start + 1 => return Ok(Piece::Class(class)),
                Some('\\') => match self.next() {
                    Some('d') => {
                        class.push_str("0-9");
                        continue;
                    }
                    Some(letter) if letter.is_ascii_punctuation() && is_plain(letter) => letter,
                    _ => return Err(Unsupported),
                },
                Some('-') if self.at != start + 1 && self.peek() != Some(']') => return Err(Unsupported),
                Some(letter) if is_plain(letter) => letter,
                Some(_) => return Err(Unsupported),
            };
            let next = self.letters.get(self.at + 1).copied();
            match next {
                Some(high) if self.peek() == Some('-') && high != ']' => {
                    if !is_range(letter, high) {
                        return Err(Unsupported);
                    }
                    self.at += 2;
                    class.extend([self.folded(letter), '-', self.folded(high)]);
                }
                _ => class.push(self.folded(letter)),
            }
        }
    }

    fn folded(&self, letter: char) -> char {
        if self.any_case { letter.to_ascii_lowercase() } else { letter }
    }
}

/// Whether a letter means itself in a class, here as in GLOB.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " _-.@+/:,!#$%&=".contains(letter)
}

fn is_range(low: char, high: char) -> bool {
    low <= high
        && low.is_ascii_alphanumeric()
        && high.is_ascii_alphanumeric()
        && low.is_ascii_digit() == high.is_ascii_digit()
        && low.is_ascii_lowercase() == high.is_ascii_lowercase()
}

/// What is not anchored may have anything before and after it.
fn pieces(branch: Vec<Item>) -> Result<Vec<Piece>, RegularExpressionError> {
    let last = branch.len().saturating_sub(1);
    let starts = branch.first() == Some(&Item::Start);
    let ends = branch.last() == Some(&Item::End);
    let mut pieces = Vec::new();
    if !starts {
        pieces.push(Piece::Any);
    }
    for (index, item) in branch.into_iter().enumerate() {
        match item {
            Item::Piece(piece) => pieces.push(piece),
            Item::Start if index == 0 => {}
            Item::End if index == last => {}
            Item::Start | Item::End => return Err(Unsupported),
        }
    }
    if !ends {
        pieces.push(Piece::Any);
    }
    Ok(pieces)
}

/// `^[a-z0-9_]{3,20}$` → no character outside the class, and the length between 3 and 20.
fn counted_class(value: &str, pattern: &str, spell: &mut Spell<'_>) -> Option<String> {
    let inside = pattern.strip_prefix("^[")?.strip_suffix('$')?;
    let (class, count) = inside.split_once(']')?;
    let letters: Vec<char> = format!("{class}]").chars().collect();
    let mut parser = Parser { letters: &letters, at: 0, any_case: false };
    let Ok(Piece::Class(class)) = parser.class() else { return None };
    if class.starts_with('^') || parser.at < letters.len() {
        return None;
    }
    let (least, most) = match count {
        "" => (1, Some(1)),
        "+" => (1, None),
        "*" => (0, None),
        "?" => (0, Some(1)),
        braces => {
            let (least, most) = braces.strip_prefix('{')?.strip_suffix('}').map(|count| {
                count.split_once(',').map_or((count, Some(count)), |(least, most)| {
                    (least, Some(most).filter(|most| !most.is_empty()))
                })
            })?;
            (least.parse::<u32>().ok()?, most.map(str::parse::<u32>).transpose().ok()?)
        }
    };
    let glob = format!("*[^{class}]*");
    if glob.len() > LONGEST_GLOB {
        return None;
    }
    let length = match most {
        Some(most) => format!("length({value}) BETWEEN {least} AND {most}"),
        None => format!("length({value}) >= {least}"),
    };
    Some(format!("({value} NOT GLOB {} AND {length})", spell(&glob)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::quote_literal;

    fn sql(pattern: &str, any_case: bool) -> Result<String, RegularExpressionError> {
        matches_regular_expression("x", pattern, any_case, &mut quote_literal)
    }

    #[test]
    fn what_sqlite_can_match() {
        #[rustfmt::skip]
        let rows = [
            ("",                   false, "(x IS NOT NULL OR NULL)"),
            ("b",                  false, "(instr(x, 'b') > 0)"),
            ("^ab",                false, "(x >= 'ab' AND x < 'ac')"),
            (r"\.md$",             false, "(substr(x, -3) = '.md')"),
            ("^abc$",              false, "(x = 'abc')"),
            ("^a.*b.c$",           false, "(x GLOB 'a*b?c')"),
            ("^.+$",               false, "(x GLOB '?*')"),
            ("^[A-Z][^0-9]",       false, "(x GLOB '[A-Z][^0-9]*')"),
            ("^[A-Z]\\d",          true,  "(lower(x) GLOB '[a-z][0-9]*')"),
            ("^(a|bc)$",           false, "((x = 'a') OR (x = 'bc'))"),
            ("colou?r",            false, "((instr(x, 'colour') > 0) OR (instr(x, 'color') > 0))"),
            ("MILK",               true,  "(instr(lower(x), 'milk') > 0)"),
            ("a*b",                false, "unsupported"),
            ("^[a-z0-9_]{3,20}$",  false, "(x NOT GLOB '*[^a-z0-9_]*' AND length(x) BETWEEN 3 AND 20)"),
        ];
        for (pattern, any_case, expected) in rows {
            assert_eq!(
                sql(pattern, any_case).unwrap_or_else(|_| "unsupported".into()),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_it_cannot_is_refused() {
        for pattern in [
            "[a-z]+",
            "^[a-Z]+$",
            "[[:alpha:]]",
            r"\w",
            r"\ma",
            "(?i)a",
            "a{2}",
            "***=a",
            "a^b",
            "a$b",
            "^*",
            ".*?",
            "[a-c-e]",
            "[]a]",
        ] {
            assert_eq!(sql(pattern, false), Err(Unsupported), "{pattern}");
        }
        let rows = [
            ("(a", "parentheses () not balanced"),
            ("a)", "parentheses () not balanced"),
            ("[a", "brackets [] not balanced"),
            ("*a", "quantifier operand invalid"),
            ("a\\", "invalid escape \\ sequence"),
        ];
        for (pattern, words) in rows {
            assert_eq!(sql(pattern, false), Err(Invalid(words)), "{pattern}");
        }
    }
}
