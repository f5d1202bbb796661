//! Reads statements that the parser does not take as Postgres writes them, word by word.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::DialectError;
use super::name::folded;

/// A place in a statement's tokens.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    text: &'a str,
    start: Location,
    tokens: &'a [TokenWithSpan],
    at: usize,
}

impl<'a> Reader<'a> {
    /// At the beginning of a statement: its text, and its tokens as the tokenizer gave them.
    pub fn new(text: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        let start = tokens.first().map_or(Location { line: 1, column: 1 }, |token| token.span.start);
        Self { text, start, tokens, at: 0 }
    }

    /// The next token, which stays where it is; `None` at the end.
    pub fn peek(&self) -> Option<&'a Token> {
        self.rest().next().map(|(_, token)| &token.token)
    }

    /// Takes the next token.
    pub fn next(&mut self) -> Option<&'a Token> {
        let (index, token) = self.rest().next()?;
        self.at = index + 1;
        Some(&token.token)
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.peek().is_none()
    }

    /// Takes a token if it is the next.
    pub fn takes_token(&mut self, wanted: &Token) -> bool {
        let is_next = self.peek() == Some(wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes these words, in upper case, if they are the next ones.
    pub fn takes(&mut self, words: &str) -> bool {
        let mut ahead = *self;
        for wanted in words.split(' ') {
            match ahead.next() {
                Some(Token::Word(word))
                    if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted) => {}
                _ => return false,
            }
        }
        *self = ahead;
        true
    }

    /// Takes these words, or refuses the statement.
    pub fn wants(&mut self, words: &str) -> Result<(), DialectError> {
        if self.takes(words) { Ok(()) } else { Err(self.syntax()) }
    }

    /// Takes a token, or refuses the statement.
    pub fn wants_token(&mut self, token: &Token) -> Result<(), DialectError> {
        if self.takes_token(token) { Ok(()) } else { Err(self.syntax()) }
    }

    /// Takes a name, folded.
    pub fn name(&mut self) -> Result<String, DialectError> {
        match self.peek() {
            Some(Token::Word(word)) => {
                self.next();
                let mut name = Ident::new(word.value.clone());
                name.quote_style = word.quote_style;
                Ok(folded(&name))
            }
            _ => Err(self.syntax()),
        }
    }

    /// Takes a dotted name: schema, `public` when none is written, and name.
    pub fn qualified_name(&mut self) -> Result<(String, String), DialectError> {
        let first = self.name()?;
        if self.takes_token(&Token::Period) {
            return Ok((first, self.name()?));
        }
        Ok(("public".to_string(), first))
    }

    /// Takes a quoted text of whatever quotes.
    pub fn string(&mut self) -> Option<String> {
        let text = match self.peek()? {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.clone(),
            Token::DollarQuotedString(text) => text.value.clone(),
            _ => return None,
        };
        self.next();
        Some(text)
    }

    /// Takes what stands in parentheses: a reader of the inside.
    pub fn parenthesised(&mut self) -> Result<Reader<'a>, DialectError> {
        self.wants_token(&Token::LParen)?;
        let inside = self.until(|token| *token == Token::RParen);
        self.wants_token(&Token::RParen)?;
        Ok(inside)
    }

    /// Takes what comes before the first token that `ends`, outside of inner parentheses and
    /// brackets; all of it when none does.
    pub fn until(&mut self, ends: impl Fn(&Token) -> bool) -> Reader<'a> {
        let mut ahead = *self;
        let mut depth = 0usize;
        while let Some(token) = ahead.peek() {
            if depth == 0 && ends(token) {
                break;
            }
            match token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            ahead.next();
        }
        let inside = Reader { tokens: self.tokens.get(..ahead.at).unwrap_or_default(), ..*self };
        *self = ahead;
        inside
    }

    /// What is left here and then in `rest`, which goes on where this ends.
    pub fn through(&self, rest: &Reader<'a>) -> Reader<'a> {
        Reader { at: self.at, ..*rest }
    }

    /// The rest as a list: a reader of each part between commas. None of an empty rest.
    pub fn list(mut self) -> Vec<Reader<'a>> {
        let mut parts = Vec::new();
        while !self.is_done() {
            parts.push(self.until(|token| *token == Token::Comma));
            self.takes_token(&Token::Comma);
        }
        parts
    }

    /// The tokens that are left, for the parser.
    pub fn tokens_left(&self) -> Vec<TokenWithSpan> {
        self.rest().map(|(_, token)| token.clone()).collect()
    }

    /// What is left, as written.
    pub fn text_left(&self) -> &'a str {
        let mut rest = self.rest().map(|(_, token)| token.span);
        let Some(first) = rest.next() else { return "" };
        let last = rest.last().unwrap_or(first);
        let (from, to) = (self.offset(first.start), self.offset(last.end));
        self.text.get(from..to).unwrap_or_default()
    }

    /// The refusal of what comes next.
    pub fn syntax(&self) -> DialectError {
        match self.peek() {
            Some(token) => DialectError::new("42601", format!("syntax error at or near \"{token}\"")),
            None => DialectError::new("42601", "syntax error at end of input"),
        }
    }

    fn rest(&self) -> impl Iterator<Item = (usize, &'a TokenWithSpan)> + use<'a> {
        let tokens = self.tokens.iter().enumerate().skip(self.at);
        tokens.filter(|(_, token)| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
    }

    /// The byte of a place, which counts lines and letters from 1 in the file around.
    fn offset(&self, place: Location) -> usize {
        let lines = place.line.saturating_sub(self.start.line) as usize;
        let first = if lines == 0 { self.start.column } else { 1 };
        let letters = place.column.saturating_sub(first) as usize;
        let before: usize = self.text.split_inclusive('\n').take(lines).map(str::len).sum();
        let line = self.text.get(before..).unwrap_or_default();
        before + line.chars().take(letters).map(char::len_utf8).sum::<usize>()
    }
}
