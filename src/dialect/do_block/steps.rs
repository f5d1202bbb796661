//! A block's statements, told apart; what stands in them is read when they run.

use sqlparser::ast::Query;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::dialect::plpgsql::into_of;
use crate::dialect::reader::Reader;
use crate::dialect::{DialectError, parse};

/// How deep blocks and branches may nest.
const DEEPEST: usize = 10;

/// What a block's statement is.
pub enum Step<'a> {
    /// A statement of SQL.
    Sql(Reader<'a>),
    /// `EXECUTE text`.
    Execute(Reader<'a>),
    /// `IF`: conditions and their steps; the last without a condition.
    If(Vec<(Option<Reader<'a>>, Vec<Step<'a>>)>),
    /// `FOR name IN …` and `FOREACH name IN ARRAY …`.
    Loop(String, Source<'a>, Vec<Step<'a>>),
    /// `BEGIN … END`.
    Block(Block<'a>),
    /// `RAISE EXCEPTION`.
    Raise(Reader<'a>),
    /// `name := value`.
    Assign(String, Reader<'a>),
    /// `SELECT … INTO names`.
    SelectInto(Reader<'a>, Box<Query>, Vec<String>),
    /// `EXIT` and `CONTINUE`.
    Leave {
        /// Whether it leaves the loop, and not only its round.
        is_exit: bool,
        /// `WHEN`.
        when: Option<Reader<'a>>,
    },
    /// `RETURN`.
    Return,
    /// `NULL`, and what only tells the server's log something.
    Nothing,
}

/// What a loop runs over.
pub enum Source<'a> {
    /// An array.
    Elements(Reader<'a>),
    /// A query.
    Rows(Reader<'a>, Box<Query>),
    /// Numbers.
    Range {
        /// The first.
        from: Vec<TokenWithSpan>,
        /// The last.
        to: Vec<TokenWithSpan>,
        /// Downwards.
        is_reverse: bool,
    },
}

/// What a variable is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value.
    Text,
    /// An array.
    List,
    /// A row.
    Row,
}

/// A variable of a block.
pub struct Variable<'a> {
    /// Folded.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Its first value.
    pub default: Option<Reader<'a>>,
}

/// `DECLARE … BEGIN … EXCEPTION … END`.
pub struct Block<'a> {
    /// In order.
    pub variables: Vec<Variable<'a>>,
    /// In order.
    pub steps: Vec<Step<'a>>,
    /// The conditions' names, and what is done for them.
    pub handlers: Vec<(Vec<String>, Vec<Step<'a>>)>,
}

/// Whether a token is a word without quotes.
pub fn is(token: &Token, name: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name))
}

/// Reads a body.
pub struct Blocks<'a> {
    reader: Reader<'a>,
    depth: usize,
}

impl<'a> Blocks<'a> {
    /// Of a body and its tokens.
    pub fn new(body: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        Self { reader: Reader::new(body, tokens), depth: 0 }
    }

    /// The one block of a body; `None` when it has what only a function has.
    pub fn whole(&mut self) -> Result<Option<Block<'a>>, DialectError> {
        let block = self.declared()?;
        self.reader.takes_token(&Token::SemiColon);
        match block {
            Some(_) if !self.reader.is_done() => Err(self.reader.syntax()),
            block => Ok(block),
        }
    }

    /// From DECLARE or BEGIN through END.
    fn declared(&mut self) -> Result<Option<Block<'a>>, DialectError> {
        let mut variables = Vec::new();
        if self.reader.takes("DECLARE") {
            while !self.next_is("BEGIN") {
                if !self.reader.takes("DECLARE") {
                    variables.push(self.variable()?);
                }
            }
        }
        self.reader.wants("BEGIN")?;
        let block = self.block()?;
        Ok(block.map(|block| Block { variables, ..block }))
    }

    fn variable(&mut self) -> Result<Variable<'a>, DialectError> {
        let name = self.reader.name()?;
        self.reader.takes("CONSTANT");
        let mut sentence = self.reader.until(|token| *token == Token::SemiColon);
        self.reader.wants_token(&Token::SemiColon)?;
        let starts = |token: &Token| matches!(token, Token::Assignment | Token::Eq) || is(token, "DEFAULT");
        let of = sentence.until(starts).tokens_left();
        sentence.next();
        let has = |word: &str| of.iter().any(|token| is(&token.token, word));
        let kind = match () {
            () if has("RECORD") || has("ROWTYPE") => Kind::Row,
            () if has("ARRAY") || of.iter().any(|token| token.token == Token::LBracket) => Kind::List,
            () => Kind::Text,
        };
        let default = (!sentence.is_done()).then_some(sentence);
        Ok(Variable { name, kind, default })
    }

    fn next_is(&self, word: &str) -> bool {
        self.reader.peek().is_some_and(|token| is(token, word))
    }

    /// After BEGIN, through END.
    fn block(&mut self) -> Result<Option<Block<'a>>, DialectError> {
        let Some(steps) = self.steps(&["EXCEPTION", "END"])? else { return Ok(None) };
        let mut handlers = Vec::new();
        if self.reader.takes("EXCEPTION") {
            while self.reader.takes("WHEN") {
                let mut names = Vec::new();
                loop {
                    let name = self.reader.name()?;
                    if name == "sqlstate" {
                        names.push(self.reader.string().ok_or_else(|| self.reader.syntax())?);
                    } else {
                        names.push(name);
                    }
                    if !self.reader.takes("OR") {
                        break;
                    }
                }
                self.reader.wants("THEN")?;
                let Some(steps) = self.steps(&["WHEN", "END"])? else { return Ok(None) };
                handlers.push((names, steps));
            }
        }
        self.reader.wants("END")?;
        Ok(Some(Block { variables: Vec::new(), steps, handlers }))
    }

    /// Steps up to one of the words; `None` when one of them is none of a guard's.
    fn steps(&mut self, ends: &[&str]) -> Result<Option<Vec<Step<'a>>>, DialectError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(DialectError::new("54001", "the block nests too deeply"));
        }
        let mut steps = Vec::new();
        loop {
            let Some(token) = self.reader.peek() else { return Err(self.reader.syntax()) };
            if ends.iter().any(|end| is(token, end)) {
                self.depth -= 1;
                return Ok(Some(steps));
            }
            let Some(step) = self.step()? else { return Ok(None) };
            steps.push(step);
        }
    }

    fn step(&mut self) -> Result<Option<Step<'a>>, DialectError> {
        const OF_FUNCTIONS: &[&str] = &["WHILE", "LOOP", "CASE", "GET", "OPEN"];
        if self.reader.peek().is_some_and(|token| OF_FUNCTIONS.iter().any(|word| is(token, word))) {
            return Ok(None);
        }
        if self.reader.takes("IF") {
            return self.branches();
        }
        if self.reader.takes("FOREACH") {
            let name = self.reader.name()?;
            self.reader.wants("IN ARRAY")?;
            let array = self.reader.until(|token| is(token, "LOOP"));
            return self.looped(name, Source::Elements(array));
        }
        if self.reader.takes("FOR") {
            return self.counted();
        }
        if self.next_is("DECLARE") || self.next_is("BEGIN") {
            let Some(block) = self.declared()? else { return Ok(None) };
            self.reader.wants_token(&Token::SemiColon)?;
            return Ok(Some(Step::Block(block)));
        }
        let sentence = self.reader.until(|token| *token == Token::SemiColon);
        self.reader.wants_token(&Token::SemiColon)?;
        simple(sentence).map(Some)
    }

    /// After FOR.
    fn counted(&mut self) -> Result<Option<Step<'a>>, DialectError> {
        let name = self.reader.name()?;
        if !self.reader.takes("IN") {
            return Ok(None);
        }
        let is_reverse = self.reader.takes("REVERSE");
        let mut over = self.reader.until(|token| is(token, "LOOP"));
        if over.takes("EXECUTE") {
            return Ok(None);
        }
        if let Some((from, to)) =
            over.text_left().split_once("..").filter(|_| !over.text_left().contains('\''))
        {
            let tokens = |text: &str| {
                let mut tokens = parse::tokens(text)?;
                tokens.retain(|token| token.token != Token::EOF);
                Ok::<_, DialectError>(tokens)
            };
            let (from, to) = (tokens(from)?, tokens(to)?);
            return self.looped(name, Source::Range { from, to, is_reverse });
        }
        let query = match parse::statement(over.tokens_left())? {
            sqlparser::ast::Statement::Query(query) => query,
            _ => return Err(over.syntax()),
        };
        self.looped(name, Source::Rows(over, query))
    }

    fn looped(&mut self, name: String, source: Source<'a>) -> Result<Option<Step<'a>>, DialectError> {
        self.reader.wants("LOOP")?;
        let Some(steps) = self.steps(&["END"])? else { return Ok(None) };
        self.reader.wants("END LOOP")?;
        self.reader.wants_token(&Token::SemiColon)?;
        Ok(Some(Step::Loop(name, source, steps)))
    }

    /// After IF, through `END IF;`.
    fn branches(&mut self) -> Result<Option<Step<'a>>, DialectError> {
        let mut arms = Vec::new();
        loop {
            let condition = self.reader.until(|token| is(token, "THEN"));
            self.reader.wants("THEN")?;
            let Some(steps) = self.steps(&["ELSIF", "ELSEIF", "ELSE", "END"])? else { return Ok(None) };
            arms.push((Some(condition), steps));
            if self.reader.takes("ELSIF") || self.reader.takes("ELSEIF") {
                continue;
            }
            if self.reader.takes("ELSE") {
                let Some(steps) = self.steps(&["END"])? else { return Ok(None) };
                arms.push((None, steps));
            }
            self.reader.wants("END IF")?;
            self.reader.wants_token(&Token::SemiColon)?;
            return Ok(Some(Step::If(arms)));
        }
    }
}

/// A statement that has none within.
fn simple<'a>(mut sentence: Reader<'a>) -> Result<Step<'a>, DialectError> {
    let start = sentence;
    if sentence.takes("NULL") && sentence.is_done() || sentence.takes("RAISE") && is_logged(&mut sentence) {
        return Ok(Step::Nothing);
    }
    sentence = start;
    if sentence.takes("RAISE") {
        sentence.takes("EXCEPTION");
        return Ok(Step::Raise(sentence));
    }
    if sentence.takes("RETURN") && sentence.is_done() {
        return Ok(Step::Return);
    }
    let is_exit = sentence.takes("EXIT");
    if is_exit || sentence.takes("CONTINUE") {
        let when = sentence.takes("WHEN").then_some(sentence);
        return match when {
            None if !sentence.is_done() => Err(DialectError::unsupported("a loop's label in a DO block")),
            when => Ok(Step::Leave { is_exit, when }),
        };
    }
    if sentence.takes("EXECUTE") {
        let mut text = sentence.until(|token| is(token, "INTO") || is(token, "USING"));
        return match sentence.is_done() {
            true => Ok(Step::Execute(text)),
            false => {
                text.next();
                Err(DialectError::unsupported("EXECUTE … INTO or USING in a DO block")
                    .with_hint("Write the values into the text with format()."))
            }
        };
    }
    if sentence.takes("SELECT") {
        return match into_of(start)? {
            Some((query, targets)) => Ok(Step::SelectInto(start, query, targets)),
            None => Ok(Step::Sql(start)),
        };
    }
    let mut target = start;
    if let Ok(name) = target.name()
        && (target.takes_token(&Token::Assignment) || target.takes_token(&Token::Eq))
    {
        return Ok(Step::Assign(name, target));
    }
    Ok(Step::Sql(start))
}

fn is_logged(sentence: &mut Reader<'_>) -> bool {
    ["NOTICE", "INFO", "LOG", "DEBUG", "WARNING"].iter().any(|level| sentence.takes(level))
}
