//! A file of SQL as its statements, each with its line.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

use super::{DialectError, ScriptError};

/// The most statements of one file.
const MOST_STATEMENTS: usize = 10_000;

/// One statement of a file.
pub struct Piece<'a> {
    /// Where it starts, counted from 1.
    pub line: u64,
    /// Its text, without the semicolon.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: Vec<TokenWithSpan>,
}

/// Splits at semicolons outside of quotes, dollar quotes and comments.
pub fn split(sql: &str) -> Result<Vec<Piece<'_>>, ScriptError> {
    let tokens = Tokenizer::new(&sqlparser::dialect::PostgreSqlDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| {
            let syntax = DialectError::new("42601", format!("syntax error: {}", error.message));
            ScriptError::new(syntax, error.location.line, "")
        })?;
    let mut places = Places::of(sql);
    let mut pieces = Vec::new();
    let mut current: Vec<TokenWithSpan> = Vec::new();
    let mut atomic = Atomic::default();
    for token in joined(tokens) {
        atomic.meets(&token.token);
        match &token.token {
            Token::SemiColon if atomic.is_open() => current.push(token),
            Token::SemiColon | Token::EOF => {
                pieces.extend(places.piece(std::mem::take(&mut current)));
                if pieces.len() > MOST_STATEMENTS {
                    let message = format!("a file can have {MOST_STATEMENTS} statements at most");
                    return Err(ScriptError::new(
                        DialectError::new("54000", message),
                        token.span.start.line,
                        "",
                    ));
                }
            }
            Token::Whitespace(_) if current.is_empty() => {}
            _ => current.push(token),
        }
    }
    pieces.extend(places.piece(current));
    Ok(pieces)
}

/// The tokens with each string that goes on in the next line as one.
pub fn joined(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut joined: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for token in tokens {
        match &token.token {
            Token::SingleQuotedString(more) if continues(&joined) => {
                joined.truncate(joined.len() - blanks(&joined));
                if let Some(TokenWithSpan { token: Token::SingleQuotedString(text), span }) =
                    joined.last_mut()
                {
                    text.push_str(more);
                    span.end = token.span.end;
                }
            }
            _ => joined.push(token),
        }
    }
    joined
}

/// How many blanks and comments are the last tokens.
fn blanks(tokens: &[TokenWithSpan]) -> usize {
    tokens.iter().rev().take_while(|token| matches!(token.token, Token::Whitespace(_))).count()
}

/// Whether a string that comes next goes on with the last one: only a line's end, and no less, stands between.
fn continues(tokens: &[TokenWithSpan]) -> bool {
    let (before, between) = tokens.split_at(tokens.len() - blanks(tokens));
    let is_text = |token: &TokenWithSpan| matches!(token.token, Token::SingleQuotedString(_));
    let ends_line = |token: &TokenWithSpan| {
        matches!(token.token, Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }))
    };
    before.last().is_some_and(is_text) && between.iter().any(ends_line)
}

/// How deep in the body of a `BEGIN ATOMIC … END`, whose semicolons end no statement of the file.
#[derive(Default)]
struct Atomic {
    depth: usize,
    after_begin: bool,
}

impl Atomic {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn meets(&mut self, token: &Token) {
        let Token::Word(word) = token else {
            self.after_begin &= matches!(token, Token::Whitespace(_));
            return;
        };
        let is = |name: &str| word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name);
        if self.after_begin && is("ATOMIC") {
            self.depth = 1;
        } else if self.is_open() && is("CASE") {
            self.depth += 1;
        } else if self.is_open() && is("END") {
            self.depth -= 1;
        }
        self.after_begin = is("BEGIN");
    }
}

/// Finds the bytes of lines and columns, which only ever grow, in one walk over the text.
struct Places<'a> {
    sql: &'a str,
    at: usize,
    line: u64,
    column: u64,
}

impl<'a> Places<'a> {
    fn of(sql: &'a str) -> Self {
        Self { sql, at: 0, line: 1, column: 1 }
    }

    fn piece(&mut self, tokens: Vec<TokenWithSpan>) -> Option<Piece<'a>> {
        let last = tokens.iter().rfind(|token| !matches!(token.token, Token::Whitespace(_)))?;
        let first = tokens.first()?;
        let (start, end) = (self.offset(first.span.start), self.offset(last.span.end));
        let line = first.span.start.line;
        Some(Piece { line, text: self.sql.get(start..end).unwrap_or_default(), tokens })
    }

    fn offset(&mut self, to: Location) -> usize {
        for letter in self.sql.get(self.at..).unwrap_or_default().chars() {
            if (self.line, self.column) >= (to.line, to.column) {
                break;
            }
            self.at += letter.len_utf8();
            (self.line, self.column) =
                if letter == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_split_outside_of_quotes_only() {
        let sql = "-- one;\nselect ';', \"a;b\";\n\n/* two; /* nested; */ */ select $$;é\n;$$ ; ;\nselect 3";
        let pieces: Vec<(u64, &str)> =
            split(sql).unwrap().iter().map(|piece| (piece.line, piece.text)).collect();
        assert_eq!(pieces, [(2, "select ';', \"a;b\""), (4, "select $$;é\n;$$"), (6, "select 3")]);
        let atomic =
            "create function f() begin atomic select case when true then 1 end; select 2; end; select 3";
        assert_eq!(split(atomic).unwrap().len(), 2);
        let told = split("comment on table t is 'it''s ' -- so\n  'told';\nselect 'a' 'b'").unwrap();
        let texts = |piece: &Piece<'_>| {
            piece.tokens.iter().filter(|token| matches!(token.token, Token::SingleQuotedString(_))).count()
        };
        assert_eq!(told.iter().map(texts).collect::<Vec<_>>(), [1, 2]);
        let error = split("select 1;\nselect 'open").err().unwrap();
        assert_eq!((error.error.code, error.line), ("42601", 2));
    }
}
