//! `tsquery`: reading the four ways of writing one, and the form in which SQL can ask it.

use super::SearchError;
use super::dictionary::Configuration;
use super::vector::weight;

/// How a query is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// `to_tsquery`: operators between words.
    Operators,
    /// `plainto_tsquery`: all words.
    Plain,
    /// `phraseto_tsquery`: the words one after another.
    Phrase,
    /// `websearch_to_tsquery`: quotes, `or` and `-`.
    Web,
    /// `'…'::tsquery`: lexemes as they are.
    Lexemes,
}

/// A query as a tree.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// A lexeme, whether its beginning is enough, and the weights it may have (none: all).
    Lexeme { text: String, prefix: bool, weights: Vec<u8> },
    /// `!`
    Not(Box<Node>),
    /// `&`
    And(Box<Node>, Box<Node>),
    /// `|`
    Or(Box<Node>, Box<Node>),
    /// `<N>`: the second that many positions after the first.
    Phrase(Box<Node>, Box<Node>, u32),
    /// A word that no dictionary keeps.
    Stop,
}

/// How deep parentheses may nest.
const DEEPEST: usize = 50;

/// Reads a query; `None` when only stop words are in it, which matches nothing.
pub fn parse(configuration: Configuration, syntax: Syntax, text: &str) -> Result<Option<Node>, SearchError> {
    let node = match syntax {
        Syntax::Plain => {
            words(configuration, text, |one, other, _| Node::And(one.into(), other.into()), false, &[])
        }
        Syntax::Phrase => words(configuration, text, phrase, false, &[]),
        Syntax::Web => web(configuration, text),
        Syntax::Operators | Syntax::Lexemes => {
            let mut reader = Reader {
                configuration: (syntax == Syntax::Operators).then_some(configuration),
                whole: text,
                rest: text,
            };
            if text.trim().is_empty() {
                return Ok(None);
            }
            let node = reader.either(0)?;
            if !reader.rest.trim_start().is_empty() {
                return Err(reader.wrong());
            }
            node
        }
    };
    Ok(without_stops(node).0)
}

fn phrase(one: Node, other: Node, distance: u32) -> Node {
    Node::Phrase(one.into(), other.into(), distance)
}

/// The words of a text joined; a missing position is a stop word's.
fn words(
    configuration: Configuration,
    text: &str,
    join: fn(Node, Node, u32) -> Node,
    prefix: bool,
    weights: &[u8],
) -> Node {
    let mut node: Option<Node> = None;
    let mut before = 0;
    for (position, lexeme) in configuration.lexemes(text) {
        let mut add = |item: Node| {
            node = Some(match node.take() {
                None => item,
                Some(node) => join(node, item, 1),
            });
        };
        if before > 0 {
            (before + 1..position).for_each(|_| add(Node::Stop));
        }
        before = position;
        add(Node::Lexeme { text: lexeme, prefix, weights: weights.to_vec() });
    }
    node.unwrap_or(Node::Stop)
}

/// Takes stop words out; the positions lost to the left and right of what stays.
fn without_stops(node: Node) -> (Option<Node>, u32, u32) {
    match node {
        Node::Stop => (None, 0, 0),
        Node::Not(inner) => (without_stops(*inner).0.map(|inner| Node::Not(inner.into())), 0, 0),
        Node::And(one, other) => {
            pair(*one, *other, None, |one, other, _| Node::And(one.into(), other.into()))
        }
        Node::Or(one, other) => pair(*one, *other, None, |one, other, _| Node::Or(one.into(), other.into())),
        Node::Phrase(one, other, distance) => pair(*one, *other, Some(distance), phrase),
        lexeme @ Node::Lexeme { .. } => (Some(lexeme), 0, 0),
    }
}

fn pair(
    one: Node,
    other: Node,
    distance: Option<u32>,
    join: fn(Node, Node, u32) -> Node,
) -> (Option<Node>, u32, u32) {
    let (one, one_left, one_right) = without_stops(one);
    let (other, other_left, other_right) = without_stops(other);
    let apart = distance.unwrap_or(0);
    match (one, other) {
        (None, None) => {
            let lost = match distance {
                Some(apart) => one_left + apart + other_right,
                None => one_left.max(other_left),
            };
            (None, lost, lost)
        }
        (None, Some(other)) => {
            let left = if distance.is_some() { one_left + apart + other_left } else { other_left };
            (Some(other), left, other_right)
        }
        (Some(one), None) => {
            let right = if distance.is_some() { one_right + apart + other_right } else { one_right };
            (Some(one), one_left, right)
        }
        (Some(one), Some(other)) if distance.is_some() => {
            (Some(join(one, other, apart + one_right + other_left)), one_left, other_right)
        }
        (Some(one), Some(other)) => (Some(join(one, other, 0)), 0, 0),
    }
}

/// Operators, by falling weight: `|`, `&`, `<->`, `!`.
struct Reader<'a> {
    /// `None`: lexemes as they are.
    configuration: Option<Configuration>,
    whole: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn wrong(&self) -> SearchError {
        SearchError::new("42601", format!("syntax error in tsquery: \"{}\"", self.whole))
    }

    fn eat(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(sign) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn either(&mut self, depth: usize) -> Result<Node, SearchError> {
        if depth > DEEPEST {
            return Err(SearchError::new("54001", "the text search query nests too deeply"));
        }
        let mut node = self.both(depth)?;
        while self.eat('|') {
            node = Node::Or(node.into(), self.both(depth)?.into());
        }
        Ok(node)
    }

    fn both(&mut self, depth: usize) -> Result<Node, SearchError> {
        let mut node = self.followed(depth)?;
        while self.eat('&') {
            node = Node::And(node.into(), self.followed(depth)?.into());
        }
        Ok(node)
    }

    fn followed(&mut self, depth: usize) -> Result<Node, SearchError> {
        let mut node = self.one(depth)?;
        while let Some(distance) = self.distance()? {
            node = phrase(node, self.one(depth)?, distance);
        }
        Ok(node)
    }

    /// `<->` and `<3>`.
    fn distance(&mut self) -> Result<Option<u32>, SearchError> {
        let Some(rest) = self.rest.trim_start().strip_prefix('<') else { return Ok(None) };
        let (inner, after) = rest.split_once('>').ok_or_else(|| self.wrong())?;
        let distance = match inner {
            "-" => 1,
            digits => digits.parse::<u32>().map_err(|_| self.wrong())?,
        };
        if distance > 16_384 {
            let message =
                "distance in phrase operator must be an integer value between zero and 16384 inclusive";
            return Err(SearchError::new("22023", message));
        }
        self.rest = after;
        Ok(Some(distance))
    }

    fn one(&mut self, depth: usize) -> Result<Node, SearchError> {
        if depth > DEEPEST {
            return Err(SearchError::new("54001", "the text search query nests too deeply"));
        }
        if self.eat('!') {
            return Ok(Node::Not(self.one(depth + 1)?.into()));
        }
        if self.eat('(') {
            let node = self.either(depth + 1)?;
            return if self.eat(')') { Ok(node) } else { Err(self.wrong()) };
        }
        self.rest = self.rest.trim_start();
        let text = self.operand()?;
        let (prefix, weights) = self.flags();
        Ok(match self.configuration {
            Some(configuration) => words(configuration, &text, phrase, prefix, &weights),
            None => Node::Lexeme { text, prefix, weights },
        })
    }

    fn operand(&mut self) -> Result<String, SearchError> {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().peekable();
        let quoted = characters.next_if(|(_, of)| *of == '\'').is_some();
        let mut end = self.rest.len();
        let mut closed = !quoted;
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => text.push(characters.next().ok_or_else(|| self.wrong())?.1),
                '\'' if quoted && characters.next_if(|(_, of)| *of == '\'').is_some() => text.push('\''),
                '\'' if quoted => {
                    (end, closed) = (at + 1, true);
                    break;
                }
                of if !quoted && (of.is_ascii_whitespace() || "!&|()<:".contains(of)) => {
                    end = at;
                    break;
                }
                other => text.push(other),
            }
        }
        if !closed || (text.is_empty() && !quoted) {
            return Err(self.wrong());
        }
        self.rest = self.rest.get(end..).unwrap_or_default();
        if text.is_empty() { Err(self.wrong()) } else { Ok(text) }
    }

    /// `:*AB`.
    fn flags(&mut self) -> (bool, Vec<u8>) {
        let Some(rest) = self.rest.strip_prefix(':') else { return (false, Vec::new()) };
        let length = rest.find(|of: char| of != '*' && weight(of).is_none()).unwrap_or(rest.len());
        let (flags, rest) = rest.split_at(length);
        self.rest = rest;
        let mut weights: Vec<u8> = flags.chars().filter_map(weight).collect();
        weights.sort_unstable();
        weights.dedup();
        (flags.contains('*'), weights)
    }
}

/// Words, `"phrases"`, `or`, `-word`; nothing is an error.
fn web(configuration: Configuration, text: &str) -> Node {
    let mut alternatives: Vec<Node> = Vec::new();
    let mut all: Option<Node> = None;
    let mut rest = text;
    let mut negations = 0usize;
    let mut wants_operand = true;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { break };
        if !wants_operand {
            wants_operand = true;
            if let Some(after) = or_word(rest) {
                alternatives.extend(all.take());
                rest = after;
            }
            continue;
        }
        let operand = match first {
            '-' => {
                negations += 1;
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            '"' => {
                let inner = rest.get(1..).unwrap_or_default();
                let (inner, after) = inner.split_once('"').unwrap_or((inner, ""));
                rest = after;
                words(configuration, inner, phrase, false, &[])
            }
            '!' | '&' | '|' | '(' | ')' => {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            _ => {
                let end =
                    rest.find(|of: char| of.is_whitespace() || "\"!&|()".contains(of)).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                rest = after;
                words(configuration, word, phrase, false, &[])
            }
        };
        let operand =
            (0..std::mem::take(&mut negations).min(DEEPEST)).fold(operand, |node, _| Node::Not(node.into()));
        all = Some(match all.take() {
            None => operand,
            Some(all) => Node::And(all.into(), operand.into()),
        });
        wants_operand = false;
    }
    alternatives.extend(all);
    let mut nodes = alternatives.into_iter();
    let first = nodes.next().unwrap_or(Node::Stop);
    nodes.fold(first, |one, other| Node::Or(one.into(), other.into()))
}

/// What follows the word `or`, when it joins two operands.
fn or_word(text: &str) -> Option<&str> {
    let word = text.get(..2)?;
    let after = text.get(2..)?;
    let next = after.chars().next()?;
    let ends = !(next.is_alphanumeric() || next == '-' || next == '_');
    let goes_on = after.chars().any(char::is_alphanumeric);
    (word.eq_ignore_ascii_case("or") && ends && goes_on).then_some(after)
}
