//! Loops as PL/pgSQL writes them.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::parse::{Parser, dotted, expression, is_word, parse_query, query_of, words};
use super::syntax::{Action, Over, Step};
use crate::dialect::{DialectError, parse};

impl Parser<'_> {
    /// After FOR.
    pub(super) fn for_loop(&mut self) -> Result<Action, DialectError> {
        let refused = |what: &str| {
            DialectError::unsupported(what)
                .with_hint("Write one statement for all the rows, INSERT … SELECT.")
        };
        let mut variables = vec![self.reader.name()?];
        while self.reader.takes_token(&Token::Comma) {
            variables.push(self.reader.name()?);
        }
        if !self.reader.takes("IN") {
            return Err(refused("this form of FOR"));
        }
        let is_reverse = self.reader.takes("REVERSE");
        let query = self.reader.until(|token| is_word(token, "LOOP"));
        let mut first = query;
        if first.takes("EXECUTE") {
            return Err(refused("EXECUTE (dynamic SQL)"));
        }
        if let Some((from, to)) = ends_of(query.tokens_left()) {
            let (to, by) = match to.iter().position(|token| is_word(&token.token, "BY")) {
                None => (to, None),
                Some(place) => {
                    let (to, by) = to.split_at(place);
                    (to.to_vec(), by.get(1..).map(|by| parse::expression_of(by.to_vec())).transpose()?)
                }
            };
            let (from, to) = (Box::new(parse::expression_of(from)?), Box::new(parse::expression_of(to)?));
            let by = by.map(Box::new);
            let name = variables.pop().unwrap_or_default();
            return self.looped(Over::Numbers { name, from, to, by, is_reverse });
        }
        let query = Box::new(query_of(query)?);
        let targets: Vec<Vec<String>> = variables.iter().map(|name| vec![name.clone()]).collect();
        if targets.len() > 1 {
            return self.looped(Over::Rows { targets, query, elements_of: None });
        }
        let steps = self.rounds()?;
        Ok(Action::ForRows(variables.pop().unwrap_or_default(), query, steps))
    }

    /// After FOREACH.
    pub(super) fn for_each(&mut self) -> Result<Action, DialectError> {
        let targets = vec![dotted(&mut self.reader)?];
        if self.reader.takes("SLICE") {
            return Err(DialectError::unsupported("FOREACH … SLICE"));
        }
        self.reader.wants("IN ARRAY")?;
        let array = self.reader.until(|token| is_word(token, "LOOP"));
        let mut tokens = words("SELECT * FROM unnest(")?;
        tokens.extend(array.tokens_left());
        tokens.extend(words(")")?);
        let query = Box::new(parse_query(tokens)?);
        self.looped(Over::Rows { targets, query, elements_of: Some(Box::new(expression(array)?)) })
    }

    /// The rest of a loop.
    pub(super) fn looped(&mut self, over: Over) -> Result<Action, DialectError> {
        let steps = self.rounds()?;
        Ok(Action::Loop(Box::new(over), steps))
    }

    /// From LOOP through `END LOOP;`.
    fn rounds(&mut self) -> Result<Vec<Step>, DialectError> {
        self.reader.wants("LOOP")?;
        let steps = self.steps(&["END"])?;
        self.reader.wants("END LOOP")?;
        if self.reader.peek() != Some(&Token::SemiColon) {
            self.reader.name()?;
        }
        self.reader.wants_token(&Token::SemiColon)?;
        Ok(steps)
    }
}

/// What stands before and after the `..` of `1..n`: the tokenizer takes a point for a number's.
fn ends_of(tokens: Vec<TokenWithSpan>) -> Option<(Vec<TokenWithSpan>, Vec<TokenWithSpan>)> {
    let mut depth = 0usize;
    for (place, pair) in tokens.windows(2).enumerate() {
        let [one, other] = pair else { continue };
        match one.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 0 {
            continue;
        }
        let number = |token: &Token| match token {
            Token::Number(digits, _) => Some(digits.clone()),
            Token::Period => Some(".".to_string()),
            _ => None,
        };
        let (Some(before), Some(after)) = (number(&one.token), number(&other.token)) else { continue };
        let (Some(before), Some(after)) = (before.strip_suffix('.'), after.strip_prefix('.')) else {
            continue;
        };
        let mut from = tokens.get(..=place)?.to_vec();
        let mut to = tokens.get(place + 1..)?.to_vec();
        let kept = |digits: &str| (!digits.is_empty()).then(|| Token::Number(digits.to_string(), false));
        match (kept(before), from.last_mut()) {
            (Some(number), Some(last)) => last.token = number,
            _ => from.truncate(place),
        }
        match (kept(after), to.first_mut()) {
            (Some(number), Some(first)) => first.token = number,
            _ => to = to.split_off(1),
        }
        return Some((from, to));
    }
    None
}
