//! Regular expressions that are sequences of characters and classes with counts, matched without looking back.
//!
//! `^[^@ ]+@[^@ ]+\.[a-z]{2,}$`: a run of a class ends where it must when what follows cannot be part of it, so it is
//! cut off with `ltrim` and its like from the left, or, where only what comes before is unlike it, from the right. What
//! is left in the middle may be one class and characters of it, which GLOB tells. Anything else is not matched here.

mod parse;

use super::like::{LONGEST_GLOB, Spell};
use super::regular_expression::RegularExpressionError::{self, Unsupported};
use super::{balanced, raise};
use parse::{Branch, Parser, Part, Set};

/// The longest SQL that is made of one expression, in bytes.
const LONGEST: usize = 12_000;

/// Most alternatives once groups are multiplied out.
const MOST_BRANCHES: usize = 16;

/// Most characters in a class.
const MOST_CHARACTERS: usize = 2_000;

/// What `\s` means in ASCII.
const SPACES: [char; 6] = ['\t', '\n', '\u{b}', '\u{c}', '\r', ' '];

/// The texts with other spaces, on which `\s` is not matched: a GLOB.
const OTHER_SPACES: &str =
    "*[\u{85}\u{1680}\u{2000}-\u{2006}\u{2008}-\u{200a}\u{2028}\u{2029}\u{205f}\u{3000}]*";

/// `value ~ pattern`, or `value ~* pattern`, in parentheses.
pub fn matches_sequence(
    value: &str,
    pattern: &str,
    any_case: bool,
    spell: &mut Spell<'_>,
) -> Result<String, RegularExpressionError> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut parser = Parser::new(&letters, any_case);
    let branches = parser.alternatives(0)?;
    if parser.at < letters.len() {
        return Err(Unsupported);
    }
    let mut terms = Vec::new();
    for branch in branches {
        terms.push(matched(value, branch, spell)?);
    }
    let sql = balanced(terms, " OR ");
    if sql.len() > LONGEST + value.len() {
        return Err(Unsupported);
    }
    let mut guards = String::new();
    if parser.has_words {
        let error = raise("'0A000:a regular expression with \\w on text outside ASCII is not supported'");
        guards.push_str(&format!(" WHEN octet_length({value}) <> length({value}) THEN {error}"));
    }
    if parser.has_spaces {
        guards.push_str(&other_spaces(value));
    }
    Ok(if guards.is_empty() { format!("({sql})") } else { format!("CASE{guards} ELSE ({sql}) END") })
}

/// An arm that raises for a text on which `\s` is not matched.
pub fn other_spaces(value: &str) -> String {
    let error =
        raise("'0A000:a regular expression with \\s on text with spaces outside ASCII is not supported'");
    format!(" WHEN {value} GLOB '{OTHER_SPACES}' THEN {error}")
}

/// What a pattern that is one class splits a text at; `None` for any other.
pub fn separators(pattern: &str) -> Option<Separators> {
    let letters: Vec<char> = pattern.chars().collect();
    let mut parser = Parser::new(&letters, false);
    let branches = parser.alternatives(0).ok()?;
    let ([branch], false) = (branches.as_slice(), parser.has_words) else { return None };
    let [Part::Run { set, least: 1, most }] = branch.parts.as_slice() else { return None };
    if set.negated || branch.starts || branch.ends || parser.at < letters.len() {
        return None;
    }
    let is_run = match most {
        None => true,
        Some(1) => false,
        Some(_) => return None,
    };
    Some(Separators {
        characters: set.characters.iter().copied().collect(),
        is_run,
        has_spaces: parser.has_spaces,
    })
}

/// What splits a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separators {
    /// Any of them.
    pub characters: Vec<char>,
    /// Whether several in a row are one.
    pub is_run: bool,
    /// Whether they are `\s`: see [`other_spaces`].
    pub has_spaces: bool,
}

fn matched(value: &str, mut branch: Branch, spell: &mut Spell<'_>) -> Result<String, RegularExpressionError> {
    if !branch.starts {
        return Err(Unsupported);
    }
    if !branch.ends
        && let Some(Part::Run { least, most, .. }) = branch.parts.last_mut()
    {
        // What comes after may be anything, more of the same too.
        *most = Some(*least);
    }
    let (mut terms, mut rest) = (Vec::new(), value.to_string());
    let mut parts = std::collections::VecDeque::from(branch.parts);
    while let Some(part) = parts.front() {
        let followers = parts.iter().skip(1);
        if !(part.fixed().is_some() || is_apart(part, followers, branch.ends)) {
            break;
        }
        let part = parts.pop_front().ok_or(Unsupported)?;
        rest = cut_left(&part, &rest, &mut terms, spell)?;
        if rest.len() > LONGEST + value.len() {
            return Err(Unsupported);
        }
    }
    if !branch.ends {
        return if parts.is_empty() { finished(terms, value) } else { Err(Unsupported) };
    }
    while let Some(part) = parts.back().filter(|_| parts.len() > 1) {
        let before = parts.iter().rev().skip(1);
        if !(part.fixed().is_some() || (!part.set().negated && is_apart(part, before, false))) {
            break;
        }
        let part = parts.pop_back().ok_or(Unsupported)?;
        rest = cut_right(&part, &rest, &mut terms, spell)?;
        if rest.len() > LONGEST + value.len() {
            return Err(Unsupported);
        }
    }
    match parts.make_contiguous() {
        [] => terms.push(format!("{rest} = ''")),
        [only] if is_apart(only, [].iter(), true) => {
            let rest = cut_left(only, &rest, &mut terms, spell)?;
            terms.push(format!("{rest} = ''"));
        }
        middle => terms.extend(of_one_class(middle, &rest, spell)?),
    }
    finished(terms, value)
}

fn finished(terms: Vec<String>, value: &str) -> Result<String, RegularExpressionError> {
    Ok(if terms.is_empty() { format!("({value} IS NOT NULL OR NULL)") } else { balanced(terms, " AND ") })
}

/// Whether a part ends where its characters do: nothing that may follow has any of them.
fn is_apart<'p>(part: &Part, followers: impl Iterator<Item = &'p Part>, at_end: bool) -> bool {
    for follower in followers {
        if !part.set().is_disjoint(&follower.set()) {
            return false;
        }
        if !matches!(follower, Part::Run { least: 0, .. }) {
            return true;
        }
    }
    at_end
}

/// Cuts a part off a text's beginning: what is left of it.
fn cut_left(
    part: &Part,
    rest: &str,
    terms: &mut Vec<String>,
    spell: &mut Spell<'_>,
) -> Result<String, RegularExpressionError> {
    if let (Part::Run { set, .. }, Some(count)) = (part, part.fixed()) {
        terms.extend(fixed(set, count, &format!("substr({rest}, 1, {count})"), spell));
        return Ok(format!("substr({rest}, {})", count + 1));
    }
    let after = part.set().after_run(rest, spell).ok_or(Unsupported)?;
    let length = format!("length({rest}) - length({after})");
    match part {
        Part::Run { least, most, .. } => terms.extend(counted(&length, *least, *most)),
        Part::List { between, .. } => {
            list(&format!("substr({rest}, 1, {length})"), *between, terms, spell);
        }
    }
    Ok(after)
}

/// The same at its end.
fn cut_right(
    part: &Part,
    rest: &str,
    terms: &mut Vec<String>,
    spell: &mut Spell<'_>,
) -> Result<String, RegularExpressionError> {
    if let (Part::Run { set, .. }, Some(count)) = (part, part.fixed()) {
        if count > 0 {
            terms.extend(fixed(set, count, &format!("substr({rest}, -{count})"), spell));
        }
        return Ok(format!("substr({rest}, 1, length({rest}) - {count})"));
    }
    let before = format!("rtrim({rest}, {})", spell(&part.set().text()));
    match part {
        Part::Run { least, most, .. } => {
            terms.extend(counted(&format!("length({rest}) - length({before})"), *least, *most));
        }
        Part::List { between, .. } => {
            list(&format!("substr({rest}, length({before}) + 1)"), *between, terms, spell);
        }
    }
    Ok(before)
}

/// That a text of at most `count` characters is that many of the class.
fn fixed(set: &Set, count: u32, text: &str, spell: &mut Spell<'_>) -> Vec<String> {
    if count == 0 {
        return Vec::new();
    }
    if let Some(letter) = set.only() {
        let all: String = std::iter::repeat_n(letter, count as usize).collect();
        return vec![format!("{text} = {}", spell(&all))];
    }
    vec![format!("length({text}) = {count}"), set.holds_all(text, spell)]
}

fn counted(length: &str, least: u32, most: Option<u32>) -> Option<String> {
    match (least, most) {
        (0, None) => None,
        (least, None) => Some(format!("{length} >= {least}")),
        (least, Some(most)) => Some(format!("{length} BETWEEN {least} AND {most}")),
    }
}

/// That what is between stands alone, and not at an end.
fn list(text: &str, between: char, terms: &mut Vec<String>, spell: &mut Spell<'_>) {
    let one = spell(&between.to_string());
    terms.push(format!("{text} <> ''"));
    terms.push(format!("substr({text}, 1, 1) <> {one}"));
    terms.push(format!("substr({text}, -1) <> {one}"));
    terms.push(format!("instr({text}, {}) = 0", spell(&format!("{between}{between}"))));
}

/// One class without end, and characters of it between: `[^ ]+\.[^ ]+` is `?*.?*` without spaces.
fn of_one_class(
    parts: &[Part],
    rest: &str,
    spell: &mut Spell<'_>,
) -> Result<Vec<String>, RegularExpressionError> {
    let mut endless = parts.iter().filter_map(|part| match part {
        Part::Run { set, most: None, .. } => Some(set),
        _ => None,
    });
    let class = endless.next().ok_or(Unsupported)?;
    if endless.any(|other| other != class) {
        return Err(Unsupported);
    }
    let mut glob = String::new();
    for part in parts {
        match part {
            Part::Run { least, most: None, .. } => {
                glob.extend(std::iter::repeat_n('?', *least as usize));
                glob.push('*');
            }
            Part::Run { set, least, .. } if part.fixed().is_some() && set.is_within(class) => {
                let letter = set.only().ok_or(Unsupported)?;
                for _ in 0..*least {
                    match letter {
                        '*' | '?' | '[' => glob.extend(['[', letter, ']']),
                        letter => glob.push(letter),
                    }
                }
            }
            _ => return Err(Unsupported),
        }
    }
    if glob.len() > LONGEST_GLOB {
        return Err(Unsupported);
    }
    Ok(vec![class.holds_all(rest, spell), format!("{rest} GLOB {}", spell(&glob))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::quote_literal;

    #[test]
    fn sequences_are_cut_from_both_ends() {
        #[rustfmt::skip]
        let rows = [
            ("^a+$",            "((length(x) - length(ltrim(x, 'a')) >= 1 AND ltrim(x, 'a') = ''))"),
            ("^[^@]+@b$",       "(((length(x) - length(substr(x, coalesce(nullif(instr(x, '@'), 0), length(x) + 1))) >= 1 AND substr(substr(x, coalesce(nullif(instr(x, '@'), 0), length(x) + 1)), 1, 1) = '@') AND (substr(substr(substr(x, coalesce(nullif(instr(x, '@'), 0), length(x) + 1)), 2), 1, 1) = 'b' AND substr(substr(substr(x, coalesce(nullif(instr(x, '@'), 0), length(x) + 1)), 2), 2) = '')))"),
            ("^[^ ]+\\.[^ ]+$", "((instr(x, ' ') = 0 AND x GLOB '?*.?*'))"),
        ];
        for (pattern, expected) in rows {
            assert_eq!(
                matches_sequence("x", pattern, false, &mut quote_literal).as_deref(),
                Ok(expected),
                "{pattern}"
            );
        }
    }

    #[test]
    fn what_would_have_to_look_back_is_refused() {
        for pattern in [
            "a+",
            "^(a|ab)+$",
            "^a*ab$b",
            "^[a-z]+[a-y]+x+$",
            "^(ab)*$",
            "(?=a)b",
            "^a{300}$",
            "[[:alpha:]]+",
            "^a**$",
            "^a+?b",
        ] {
            assert_eq!(
                matches_sequence("x", pattern, false, &mut quote_literal),
                Err(Unsupported),
                "{pattern}"
            );
        }
        let commas = Separators { characters: vec![',', ';'], is_run: false, has_spaces: false };
        assert_eq!(separators("[,;]"), Some(commas));
        assert_eq!(
            separators("\\s+").map(|of| (of.characters.len(), of.is_run, of.has_spaces)),
            Some((6, true, true))
        );
        assert_eq!(separators(", *"), None);
    }
}
