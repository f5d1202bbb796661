//! What a pattern says: branches of runs and lists of characters, or that it says more than that.

use std::collections::BTreeSet;

use super::{MOST_BRANCHES, MOST_CHARACTERS, SPACES};
use crate::sql::like::Spell;
use crate::sql::regular_expression::RegularExpressionError::{self, Unsupported};

/// Characters, or all but them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Set {
    pub(super) negated: bool,
    pub(super) characters: BTreeSet<char>,
}

impl Set {
    fn one(letter: char) -> Self {
        Self { negated: false, characters: BTreeSet::from([letter]) }
    }

    pub(super) fn is_disjoint(&self, other: &Self) -> bool {
        match (self.negated, other.negated) {
            (false, false) => self.characters.is_disjoint(&other.characters),
            (false, true) => self.characters.is_subset(&other.characters),
            (true, false) => other.characters.is_subset(&self.characters),
            (true, true) => false,
        }
    }

    pub(super) fn is_within(&self, other: &Self) -> bool {
        match (self.negated, other.negated) {
            (false, false) => self.characters.is_subset(&other.characters),
            (false, true) => self.characters.is_disjoint(&other.characters),
            (true, true) => other.characters.is_subset(&self.characters),
            (true, false) => false,
        }
    }

    pub(super) fn text(&self) -> String {
        self.characters.iter().collect()
    }

    pub(super) fn only(&self) -> Option<char> {
        let mut characters = self.characters.iter();
        let first = characters.next().copied().filter(|_| !self.negated)?;
        characters.next().is_none().then_some(first)
    }

    /// Whether all of a text is of the class.
    pub(super) fn holds_all(&self, text: &str, spell: &mut Spell<'_>) -> String {
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
    pub(super) fn after_run(&self, text: &str, spell: &mut Spell<'_>) -> Option<String> {
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
pub(super) enum Part {
    /// Between so many and so many characters of a class.
    Run { set: Set, least: u32, most: Option<u32> },
    /// Runs of a class with single characters between them: `[a-z]+(-[a-z]+)*`.
    List { set: Set, between: char },
}

impl Part {
    /// The characters it may have.
    pub(super) fn set(&self) -> Set {
        match self {
            Self::Run { set, .. } => set.clone(),
            Self::List { set, between } => {
                let mut all = set.clone();
                all.characters.insert(*between);
                all
            }
        }
    }

    pub(super) fn fixed(&self) -> Option<u32> {
        match self {
            Self::Run { least, most, .. } if *most == Some(*least) => Some(*least),
            _ => None,
        }
    }
}

/// One alternative.
#[derive(Clone, Debug, Default)]
pub(super) struct Branch {
    pub(super) starts: bool,
    pub(super) parts: Vec<Part>,
    pub(super) ends: bool,
}

pub(super) struct Parser<'p> {
    letters: &'p [char],
    pub(super) at: usize,
    any_case: bool,
    /// Whether `\w` was met, which is known for ASCII only.
    pub(super) has_words: bool,
    /// Whether `\s` was.
    pub(super) has_spaces: bool,
}

/// What a quantifier may follow.
pub(super) enum Atom {
    Start,
    End,
    One(Set),
    Group(Vec<Branch>),
}

impl<'p> Parser<'p> {
    pub(super) fn new(letters: &'p [char], any_case: bool) -> Self {
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

    pub(super) fn alternatives(&mut self, depth: usize) -> Result<Vec<Branch>, RegularExpressionError> {
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
