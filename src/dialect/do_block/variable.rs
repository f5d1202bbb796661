//! What a block's variables hold while the file is translated, and the functions that make SQL of texts.

use crate::dialect::DialectError;
use crate::sql::{quote_identifier, quote_literal};

/// An array's elements.
pub type Texts = Vec<Option<String>>;

/// What a variable holds.
#[derive(Clone)]
pub enum Value {
    /// A value as text.
    Text(Option<String>),
    /// An array.
    List(Texts),
    /// A query's row: columns and their values.
    Row(Vec<(String, Option<String>)>),
    /// What could not be decided; asking for it is refused.
    Refused(DialectError),
}

/// The variables of a block and those around it, the innermost last.
#[derive(Clone, Default)]
pub struct Variables(pub Vec<(String, Value)>);

impl Variables {
    /// What a variable holds; `None` when there is none of the name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(of, _)| of == name).map(|(_, value)| value)
    }

    /// Puts a value into a variable; says whether there is one of the name.
    pub fn set(&mut self, name: &str, value: Value) -> bool {
        match self.0.iter_mut().rev().find(|(of, _)| of == name) {
            Some((_, held)) => {
                *held = value;
                true
            }
            None => false,
        }
    }
}

/// Postgres' keywords that are no names by themselves, or not everywhere; nor is no name at all.
const KEYWORDS: &str = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean \
    both case cast char character check coalesce collate collation column concurrently constraint create cross \
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal \
    default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full grant \
    greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull join lateral \
    leading least left like limit localtime localtimestamp national natural nchar none normalize not notnull null nullif \
    numeric offset on only or order out outer overlaps overlay placing position precision primary real references returning \
    right row select session_user setof similar smallint some substring symmetric table tablesample then time timestamp to \
    trailing treat trim true union unique user using values varchar variadic verbose when where window with xmlattributes \
    xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

/// A name as SQL has it, in quotes where it needs them.
pub fn quoted(name: &str) -> String {
    let letters = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let is_plain = name.chars().all(letters) && !name.starts_with(|first: char| first.is_ascii_digit());
    let is_keyword = KEYWORDS.split(' ').any(|keyword| keyword == name);
    if is_plain && !is_keyword { name.to_string() } else { quote_identifier(name) }
}

/// `format('%I and %L', …)`.
pub fn formatted(form: &str, values: &[Option<String>]) -> Result<String, DialectError> {
    let error = |message: &str| DialectError::new("22023", message);
    let (mut text, mut next) = (String::new(), 0);
    let mut letters = form.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let mut digits = String::new();
        while let Some(digit) = letters.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        if !digits.is_empty() {
            if letters.next() != Some('$') {
                return Err(DialectError::unsupported("a width in format()"));
            }
            next = digits.parse::<usize>().ok().and_then(|place| place.checked_sub(1)).unwrap_or(usize::MAX);
        }
        let kind = letters.next();
        if kind == Some('%') {
            text.push('%');
            continue;
        }
        let value = values.get(next).ok_or_else(|| error("too few arguments for format()"))?;
        next += 1;
        match (kind, value) {
            (Some('s'), value) => text.push_str(value.as_deref().unwrap_or_default()),
            (Some('L'), None) => text.push_str("NULL"),
            (Some('L'), Some(value)) => text.push_str(&quote_literal(value)),
            (Some('I'), Some(value)) => text.push_str(&quoted(value)),
            (Some('I'), None) => {
                return Err(DialectError::new(
                    "22004",
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            _ => return Err(error("unrecognized format() type specifier")),
        }
    }
    Ok(text)
}

/// `{a,b}` without quotes in it.
pub fn array_of_text(text: &str) -> Option<Texts> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inside.contains(['"', '\\', '{']) {
        return None;
    }
    let element = |part: &str| match part.trim() {
        null if null.eq_ignore_ascii_case("null") => None,
        part => Some(part.to_string()),
    };
    Some(if inside.trim().is_empty() { Vec::new() } else { inside.split(',').map(element).collect() })
}

/// `text LIKE pattern`.
pub fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let mut wanted = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        wanted.push(match letter {
            '%' => None,
            '_' => Some(None),
            '\\' => Some(Some(letters.next().unwrap_or(letter))),
            letter => Some(Some(letter)),
        });
    }
    let (mut at, mut place) = (0, 0);
    // Where to go on when what follows the last `%` does not fit.
    let mut again: Option<(usize, usize)> = None;
    loop {
        match (wanted.get(place), text.get(at)) {
            (Some(None), _) => {
                again = Some((at, place));
                place += 1;
            }
            (Some(Some(None)), Some(_)) => (at, place) = (at + 1, place + 1),
            (Some(Some(Some(one))), Some(other)) if one == other => (at, place) = (at + 1, place + 1),
            (None, None) => return true,
            _ => match &mut again {
                Some((from, star)) if *from < text.len() => {
                    *from += 1;
                    (at, place) = (*from, *star + 1);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_sql() {
        let values = [Some("Alter".to_string()), Some("it's".to_string()), None];
        assert_eq!(formatted("%I = %L%%, %s.", &values[..]).unwrap(), "\"Alter\" = 'it''s'%, .");
        assert_eq!(formatted("%2$s %1$I", &values[..]).unwrap(), "it's \"Alter\"");
        assert_eq!(formatted("%I", &values[2..]).unwrap_err().code, "22004");
        assert_eq!(formatted("%s", &[]).unwrap_err().code, "22023");
        assert_eq!(formatted("%10s", &values[..]).unwrap_err().code, "0A000");
        assert_eq!(
            (quoted("todos"), quoted("order"), quoted("1a")),
            ("todos".into(), "\"order\"".into(), "\"1a\"".into())
        );
        assert!(
            is_like("todos_select", "todos\\_%")
                && !is_like("todosxselect", "todos\\_%")
                && is_like("ab", "_b")
        );
        assert_eq!(array_of_text("{a, null}"), Some(vec![Some("a".into()), None]));
        assert_eq!((array_of_text("{}"), array_of_text("{\"a\"}")), (Some(vec![]), None));
    }
}
