//! `DO`: a block that is run when the file is translated.
//!
//! What migrations write in one are guards: make it unless it is there. Whether it is there the catalog knows, so
//! conditions that ask Postgres' own tables are decided here ([`known`]), and an `EXCEPTION` handler catches what a
//! statement is refused for. A block that does no more than write rows is lowered as a function is.

mod known;
mod system_table;

use sqlparser::tokenizer::Token;

use super::plpgsql::{Machine, Sink, cleared, condition_code};
use super::reader::Reader;
use super::script::split;
use super::translate::{SystemEnvironment, Translator};
use super::{DialectError, parse, plpgsql};

/// How deep blocks and branches may nest.
const DEEPEST: usize = 10;

/// What a block's statement is.
enum Step<'a> {
    /// A statement of SQL.
    Sql(Reader<'a>),
    /// `IF`: conditions and their steps; the last without a condition.
    If(Vec<(Option<Reader<'a>>, Vec<Step<'a>>)>),
    /// `BEGIN … END`.
    Block(Block<'a>),
    /// `RAISE EXCEPTION`.
    Raise(Reader<'a>),
    /// `NULL`, and what only tells the server's log something.
    Nothing,
}

struct Block<'a> {
    steps: Vec<Step<'a>>,
    /// The conditions' names, and what is done for them.
    handlers: Vec<(Vec<String>, Vec<Step<'a>>)>,
}

impl Translator {
    /// `DO [LANGUAGE plpgsql] $$ … $$ [LANGUAGE plpgsql]`.
    pub(in crate::dialect) fn do_block(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("DO")?;
        let mut body = None;
        while !reader.is_done() {
            if reader.takes("LANGUAGE") {
                let language = reader.name()?;
                if language != "plpgsql" {
                    return Err(DialectError::unsupported(format!("DO in {language}")));
                }
            } else {
                body = Some(reader.string().ok_or_else(|| reader.syntax())?);
            }
        }
        let body = body.ok_or_else(|| DialectError::new("42601", "no inline code specified"))?;
        let tokens = parse::tokens(&body)?;
        let mut blocks = Blocks { reader: Reader::new(&body, &tokens), depth: 0 };
        let has_variables = blocks.reader.peek().is_some_and(|token| is(token, "DECLARE"));
        let guards = if has_variables { None } else { blocks.whole()? };
        match guards {
            Some(block) if !only_writes(&block) => self.run_block(&block),
            _ => self.run_function(&body),
        }
        .map_err(|error| match error.code {
            "P0001" => error,
            _ => DialectError { message: format!("{} (in a DO block)", error.message), ..error },
        })
    }

    /// A block of rows alone: what a function of it would do.
    fn run_function(&mut self, body: &str) -> Result<(), DialectError> {
        self.restore_triggers()?;
        let prefix = format!("/do/{}", self.statements.len());
        let catalog = self.catalog.clone();
        let mut environment = SystemEnvironment::default();
        let mut machine = Machine::new(&catalog, &mut environment, Sink::statements(&prefix), Vec::new());
        machine.prefix = prefix.clone();
        machine.set_counts(body);
        machine.run(&plpgsql::body(body)?)?;
        if let Sink::Statements { statements, .. } = machine.sink {
            statements.into_iter().try_for_each(|sql| self.push(sql))?;
        }
        self.answer = None;
        self.push(cleared(&prefix))
    }

    fn run_block(&mut self, block: &Block<'_>) -> Result<(), DialectError> {
        if block.handlers.is_empty() {
            return self.run_steps(&block.steps);
        }
        let before = self.clone();
        let Err(error) = self.run_steps(&block.steps) else { return Ok(()) };
        let catches = |names: &Vec<String>| names.iter().any(|name| is_caught(&error, name));
        let Some((_, steps)) = block.handlers.iter().find(|(names, _)| catches(names)) else {
            return Err(error);
        };
        // What the block did is undone.
        *self = before;
        self.run_steps(steps)
    }

    fn run_steps(&mut self, steps: &[Step<'_>]) -> Result<(), DialectError> {
        for step in steps {
            match step {
                Step::Nothing => {}
                Step::Block(block) => self.run_block(block)?,
                Step::Sql(reader) => self.run_sql(*reader)?,
                Step::Raise(reader) => return Err(raised(*reader)),
                Step::If(arms) => {
                    for (condition, steps) in arms {
                        let holds = match condition {
                            None => true,
                            Some(reader) => {
                                let condition = parse::expression_of(reader.tokens_left())?;
                                known::holds(&self.catalog, &condition)?
                            }
                        };
                        if holds {
                            self.run_steps(steps)?;
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A statement, or the literal one of `EXECUTE`.
    fn run_sql(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        let text = match reader.takes("EXECUTE") {
            false => reader.text_left().to_string(),
            true => {
                let text = reader.string().filter(|_| reader.is_done());
                text.ok_or_else(|| {
                    DialectError::unsupported("EXECUTE of anything but a literal")
                        .with_hint("Write the statement itself.")
                })?
            }
        };
        for piece in split(&text).map_err(|error| error.error)? {
            self.translate_piece(&piece)?;
        }
        self.answer = None;
        Ok(())
    }
}

/// Whether a handler's condition is that of an error. What is not supported here may well work in Postgres, so
/// nothing catches it.
fn is_caught(error: &DialectError, name: &str) -> bool {
    if matches!(error.code, "0A000" | "54001" | "54000" | "XX000") {
        return false;
    }
    name == "others" || condition_code(name).is_some_and(|code| code == error.code)
}

fn raised(mut reader: Reader<'_>) -> DialectError {
    let message = reader.string().unwrap_or_default();
    let is_plain = reader.is_done() && !message.contains('%');
    if is_plain {
        DialectError::new("P0001", message)
    } else {
        DialectError::unsupported("RAISE EXCEPTION with more than a text")
    }
}

/// Whether a block has no statement but those that write rows.
fn only_writes(block: &Block<'_>) -> bool {
    fn writes(steps: &[Step<'_>]) -> bool {
        steps.iter().all(|step| match step {
            Step::Sql(reader) => {
                let mut reader = *reader;
                ["INSERT", "UPDATE", "DELETE", "WITH", "PERFORM", "RETURN"]
                    .iter()
                    .any(|word| reader.takes(word))
            }
            Step::If(arms) => arms.iter().all(|(_, steps)| writes(steps)),
            Step::Block(block) => only_writes(block),
            Step::Raise(_) | Step::Nothing => true,
        })
    }
    let asks_catalog = |reader: &Reader<'_>| {
        let text = reader.text_left().to_ascii_lowercase();
        text.contains("pg_") || text.contains("information_schema") || text.contains("to_reg")
    };
    fn any_condition(steps: &[Step<'_>], asks: &dyn Fn(&Reader<'_>) -> bool) -> bool {
        steps.iter().any(|step| match step {
            Step::If(arms) => arms
                .iter()
                .any(|(condition, steps)| condition.as_ref().is_some_and(asks) || any_condition(steps, asks)),
            Step::Block(block) => any_condition(&block.steps, asks),
            _ => false,
        })
    }
    block.handlers.is_empty() && writes(&block.steps) && !any_condition(&block.steps, &asks_catalog)
}

fn is(token: &Token, name: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(name))
}

struct Blocks<'a> {
    reader: Reader<'a>,
    depth: usize,
}

impl<'a> Blocks<'a> {
    /// The one block of a body; `None` when it has what only a function has.
    fn whole(&mut self) -> Result<Option<Block<'a>>, DialectError> {
        self.reader.wants("BEGIN")?;
        let block = self.block()?;
        self.reader.takes_token(&Token::SemiColon);
        match block {
            Some(_) if !self.reader.is_done() => Err(self.reader.syntax()),
            block => Ok(block),
        }
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
        Ok(Some(Block { steps, handlers }))
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
        const OF_FUNCTIONS: &[&str] =
            &["FOR", "WHILE", "LOOP", "FOREACH", "DECLARE", "CASE", "GET", "OPEN", "EXIT"];
        let reader = &mut self.reader;
        if reader.peek().is_some_and(|token| OF_FUNCTIONS.iter().any(|word| is(token, word))) {
            return Ok(None);
        }
        if reader.takes("IF") {
            return self.branches();
        }
        if reader.takes("BEGIN") {
            let Some(block) = self.block()? else { return Ok(None) };
            self.reader.wants_token(&Token::SemiColon)?;
            return Ok(Some(Step::Block(block)));
        }
        let mut sentence = reader.until(|token| *token == Token::SemiColon);
        reader.wants_token(&Token::SemiColon)?;
        if sentence.takes("NULL") && sentence.is_done() {
            return Ok(Some(Step::Nothing));
        }
        if sentence.takes("RAISE") {
            const LOGGED: &[&str] = &["NOTICE", "INFO", "LOG", "DEBUG", "WARNING"];
            if LOGGED.iter().any(|level| sentence.takes(level)) {
                return Ok(Some(Step::Nothing));
            }
            sentence.takes("EXCEPTION");
            return Ok(Some(Step::Raise(sentence)));
        }
        Ok(Some(Step::Sql(sentence)))
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
