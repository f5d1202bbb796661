//! Regular expressions that are sequences of characters and classes with counts, matched without looking back.
//!
//! `^[^@ ]+@[^@ ]+\.[a-z]{2,}$`: a run of a class ends where it must when what follows cannot be part of it, so it is
//! cut off with `ltrim` and its like from the left, or, where only what comes before is unlike it, from the right. What
//! is left in the middle may be one class and characters of it, which GLOB tells. Anything else is not matched here.

use std::collections::BTreeSet;

use super::like::{LONGEST_GLOB, Spell};
use super::regular_expression::RegularExpressionError::{self, Unsupported};
use super::{balanced, raise};

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

/// Characters, or all but them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Set {
    negated: bool,
    characters: BTreeSet<char>,
}

impl Set {
    fn one(letter: char) -> Self {
        Self { negated: false, characters: BTreeSet::from([letter]) }
    }

    fn is_disjoint(&self, other: &Self) -> bool {
        match (self.negated, other.negated) {
            (false, false) => self.characters.is_disjoint(&other.characters),
            (false, true) => self.characters.is_subset(&other.characters),
            (true, false) => other.characters.is_subset(&self.characters),
            (true, true) => false,
        }
    }

    fn is_within(&self, other: &Self) -> bool {
        match (self.negated, other.negated) {
            (false, false) => self.characters.is_subset(&other.characters),
            (false, true) => self.characters.is_disjoint(&other.characters),
            (true, true) => other.characters.is_subset(&self.characters),
            (true, false) => false,
        }
    }

    fn text(&self) -> String {
        self.characters.iter().collect()
    }

    fn only(&self) -> Option<char> {
        let mut characters = self.characters.iter();
        let first = characters.next().copied().filter(|_| !self.negated)?;
        characters.next().is_none().then_some(first)
    }

    /// Whether all of a text is of the class.
    fn holds_all(&self, text: &str, spell: &mut Spell<'_>) -> String {
        if !self.negated {
            return format!("ltrim({text}, {}) = ''", spell(&self.text()));
        }
        match self.first_and_alike(text, spell) {
            Some((first, alike)) => format!("instr({alike}, {first}) = 0"),
            None => format!("{text} IS NOT NULL"),
        }
    }

    /// One of the characters, and a text in which it stands for them all.
    fn first_and_alike(&self, text: &str, spell: &mut Spell<'_>) -> Option<(String, String)> {
        let mut characters = self.characters.iter();
        let first = spell(&characters.next()?.to_string());
        let alike = characters.fold(text.to_string(), |alike, letter| {
            format!("replace({alike}, {}, {first})", spell(&letter.to_string()))
        });
        Some((first, alike))
    }

    /// What follows the longest run at a text's beginning.
    fn after_run(&self, text: &str, spell: &mut Spell<'_>) -> Option<String> {
        if !self.negated {
            return Some(format!("ltrim({text}, {})", spell(&self.text())));
        }
        if self.characters.len() > 30 {
            return None;
        }
        let Some((first, alike)) = self.first_and_alike(text, spell) else {
            return Some(format!("substr({text}, length({text}) + 1)"));
        };
        Some(format!("substr({text}, coalesce(nullif(instr({alike}, {first}), 0), length({text}) + 1))"))
    }
}

/// What a sequence is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Between so many and so many characters of a class.
    Run { set: Set, least: u32, most: Option<u32> },
    /// Runs of a class with single characters between them: `[a-z]+(-[a-z]+)*`.
    List { set: Set, between: char },
}

impl Part {
    /// The characters it may have.
    fn set(&self) -> Set {
        match self {
            Self::Run { set, .. } => set.clone(),
            Self::List { set, between } => {
                let mut all = set.clone();
                all.characters.insert(*between);
                all
            }
        }
    }

    fn fixed(&self) -> Option<u32> {
        match self {
            Self::Run { least, most, .. } if *most == Some(*least) => Some(*least),
            _ => None,
        }
    }
}

/// One alternative.
#[derive(Clone, Debug, Default)]
struct Branch {
    starts: bool,
    parts: Vec<Part>,
    ends: bool,
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

struct Parser<'p> {
    letters: &'p [char],
    at: usize,
    any_case: bool,
    /// Whether `\w` was met, which is known for ASCII only.
    has_words: bool,
    /// Whether `\s` was.
    has_spaces: bool,
}

/// What a quantifier may follow.
enum Atom {
    Start,
    End,
    One(Set),
    Group(Vec<Branch>),
}

impl<'p> Parser<'p> {
    fn new(letters: &'p [char], any_case: bool) -> Self {
        Self { letters, at: 0, any_case, has_words: false, has_spaces: false }
    }

    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn eat(&mut self, letter: char) -> bool {
        let there = self.peek() == Some(letter);
        self.at += usize::from(there);
        there
    }

    fn next(&mut self) -> Result<char, RegularExpressionError> {
        let letter = self.peek().ok_or(Unsupported)?;
        self.at += 1;
        Ok(letter)
    }

    fn alternatives(&mut self, depth: usize) -> Result<Vec<Branch>, RegularExpressionError> {
        if depth > 8 {
            return Err(Unsupported);
        }
        let mut all = self.branch(depth)?;
        while self.eat('|') {
            all.extend(self.branch(depth)?);
        }
        if all.len() > MOST_BRANCHES { Err(Unsupported) } else { Ok(all) }
    }

    fn branch(&mut self, depth: usize) -> Result<Vec<Branch>, RegularExpressionError> {
        let mut branches = vec![Branch::default()];
        while !matches!(self.peek(), None | Some('|' | ')')) {
            let atom = self.atom(depth)?;
            let count = self.quantifier()?;
            match (atom, count) {
                (Atom::Start, None) => {
                    for branch in &mut branches {
                        if !branch.parts.is_empty() {
                            return Err(Unsupported);
                        }
                        branch.starts = true;
                    }
                }
                (Atom::End, None) => branches.iter_mut().for_each(|branch| branch.ends = true),
                (Atom::Start | Atom::End, Some(_)) => return Err(Unsupported),
                (Atom::One(set), count) => {
                    let (least, most) = count.unwrap_or((1, Some(1)));
                    let part = Part::Run { set, least, most };
                    branches.iter_mut().try_for_each(|branch| branch.push(part.clone()))?;
                }
                (Atom::Group(inner), count) => branches = grouped(branches, &inner, count)?,
            }
            if branches.len() > MOST_BRANCHES || branches.iter().any(|branch| branch.parts.len() > 60) {
                return Err(Unsupported);
            }
        }
        Ok(branches)
    }

    fn atom(&mut self, depth: usize) -> Result<Atom, RegularExpressionError> {
        Ok(match self.next()? {
            '^' => Atom::Start,
            '$' => Atom::End,
            '.' => Atom::One(Set { negated: true, characters: BTreeSet::new() }),
            '[' => Atom::One(self.class()?),
            '(' => {
                if self.eat('?') && !self.eat(':') {
                    return Err(Unsupported);
                }
                let inner = self.alternatives(depth + 1)?;
                if !self.eat(')') {
                    return Err(Unsupported);
                }
                Atom::Group(inner)
            }
            '*' | '+' | '?' | '{' | ')' => return Err(Unsupported),
            '\\' => {
                let letter = self.next()?;
                let negated = letter.is_ascii_uppercase();
                let characters = self.escaped(letter.to_ascii_lowercase(), letter)?;
                Atom::One(Set { negated, characters })
            }
            letter => {
                let mut set = Set::one(letter);
                self.fold(&mut set)?;
                Atom::One(set)
            }
        })
    }

    /// `\d`, `\w`, `\s`, and punctuation that stands for itself.
    fn escaped(&mut self, kind: char, letter: char) -> Result<BTreeSet<char>, RegularExpressionError> {
        Ok(match kind {
            'd' => ('0'..='9').collect(),
            's' => {
                self.has_spaces = true;
                SPACES.into_iter().collect()
            }
            'w' => {
                self.has_words = true;
                ('0'..='9').chain('a'..='z').chain('A'..='Z').chain(['_']).collect()
            }
            _ if letter.is_ascii_punctuation() => BTreeSet::from([letter]),
            _ => return Err(Unsupported),
        })
    }

    /// `{2,3}` and its like; `None` without one.
    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>)>, RegularExpressionError> {
        let count = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let rest: String =
                    self.letters.iter().skip(self.at + 1).take_while(|of| **of != '}').collect();
                let (least, most) = match rest.split_once(',') {
                    None => (rest.as_str(), Some(rest.as_str())),
                    Some((least, "")) => (least, None),
                    Some((least, most)) => (least, Some(most)),
                };
                let number = |text: &str| text.parse::<u32>().ok().filter(|of| *of <= 255).ok_or(Unsupported);
                let count = (number(least)?, most.map(number).transpose()?);
                self.at += rest.chars().count() + 1;
                count
            }
            _ => return Ok(None),
        };
        self.at += 1;
        // A second one makes it take as little as it can, which changes nothing of whether it matches.
        if matches!(self.peek(), Some('*' | '+' | '{' | '?')) { Err(Unsupported) } else { Ok(Some(count)) }
    }

    /// The inside of `[…]`.
    fn class(&mut self) -> Result<Set, RegularExpressionError> {
        let mut set = Set { negated: self.eat('^'), characters: BTreeSet::new() };
        let start = self.at;
        loop {
            let letter = self.next()?;
            let low = match letter {
                ']' if self.at > start + 1 => break,
                '[' if matches!(self.peek(), Some(':' | '.' | '=')) => return Err(Unsupported),
                '\\' => {
                    let escape = self.next()?;
                    if escape.is_ascii_uppercase() {
                        return Err(Unsupported);
                    }
                    let more = self.escaped(escape, escape)?;
                    let one = (more.len() == 1).then(|| more.iter().next().copied()).flatten();
                    set.characters.extend(more);
                    match one {
                        Some(one) => one,
                        None => continue,
                    }
                }
                letter => letter,
            };
            let high = self.letters.get(self.at + 1).copied().filter(|high| *high != ']' && *high != '\\');
            match high.filter(|_| self.peek() == Some('-')) {
                None => {
                    set.characters.insert(low);
                }
                Some(high) => {
                    self.at += 2;
                    if high < low || (high as usize) - (low as usize) > MOST_CHARACTERS || high == '[' {
                        return Err(Unsupported);
                    }
                    set.characters.extend(low..=high);
                }
            }
        }
        self.fold(&mut set)?;
        if set.characters.len() > MOST_CHARACTERS { Err(Unsupported) } else { Ok(set) }
    }

    fn fold(&self, set: &mut Set) -> Result<(), RegularExpressionError> {
        if !self.any_case {
            return Ok(());
        }
        if !set.characters.iter().all(char::is_ascii) {
            return Err(Unsupported);
        }
        let other = |letter: &char| [letter.to_ascii_lowercase(), letter.to_ascii_uppercase()];
        set.characters = set.characters.iter().flat_map(other).collect();
        Ok(())
    }
}

impl Branch {
    fn push(&mut self, part: Part) -> Result<(), RegularExpressionError> {
        if self.ends {
            return Err(Unsupported);
        }
        self.parts.push(part);
        Ok(())
    }
}

/// Branches followed by a group, that many times.
fn grouped(
    branches: Vec<Branch>,
    inner: &[Branch],
    count: Option<(u32, Option<u32>)>,
) -> Result<Vec<Branch>, RegularExpressionError> {
    let joined = |branches: &[Branch]| -> Result<Vec<Branch>, RegularExpressionError> {
        let mut all = Vec::new();
        for branch in branches {
            for group in inner {
                let mut branch = branch.clone();
                branch.starts |= group.starts && branch.parts.is_empty();
                if group.starts && !branch.parts.is_empty() {
                    return Err(Unsupported);
                }
                group.parts.iter().try_for_each(|part| branch.push(part.clone()))?;
                branch.ends |= group.ends;
                all.push(branch);
            }
        }
        if all.len() > MOST_BRANCHES { Err(Unsupported) } else { Ok(all) }
    };
    match count {
        None | Some((1, Some(1))) => joined(&branches),
        Some((0, Some(1))) => Ok([joined(&branches)?, branches].concat()),
        Some((least, Some(most))) if least == most && most <= 8 => {
            (0..most).try_fold(branches, |branches, _| joined(&branches))
        }
        Some((0, None)) => branches.into_iter().map(|branch| as_list(branch, inner)).collect(),
        Some(_) => Err(Unsupported),
    }
}

/// `[a-z]+` and then `(-[a-z]+)*`.
fn as_list(mut branch: Branch, inner: &[Branch]) -> Result<Branch, RegularExpressionError> {
    let [Branch { starts: false, parts, ends: false }] = inner else { return Err(Unsupported) };
    let (Some(Part::Run { set, least: 1, most: None }), [between, again]) =
        (branch.parts.pop(), parts.as_slice())
    else {
        return Err(Unsupported);
    };
    let letter = match between {
        Part::Run { set: one, least: 1, most: Some(1) } => one.only().ok_or(Unsupported)?,
        _ => return Err(Unsupported),
    };
    let is_same = *again == Part::Run { set: set.clone(), least: 1, most: None };
    if !is_same || set.negated || set.characters.contains(&letter) || branch.ends {
        return Err(Unsupported);
    }
    branch.parts.push(Part::List { set, between: letter });
    Ok(branch)
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
