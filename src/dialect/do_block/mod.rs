//! `DO`: a block that is run when the file is translated.
//!
//! What migrations write in one are guards: make it unless it is there, or do it for each of these. Whether it is there
//! the catalog knows, so conditions and queries that ask Postgres' own tables are decided here ([`known`]), variables
//! hold what came of them ([`variable`]), and an `EXCEPTION` handler catches what a statement is refused for. A block
//! that does no more than write rows is lowered as a function is.

mod known;
mod steps;
mod system_table;
mod variable;

use self::known::{Known, known};
use self::steps::{Block, Blocks, Kind, Source, Step, is};
use self::variable::{Value, Variables};
use super::plpgsql::{Machine, Sink, cleared, condition_code};
use super::reader::Reader;
use super::script::split;
use super::translate::{SystemEnvironment, Translator};
use super::{DialectError, parse, plpgsql};

/// How often loops may run in a block.
const MOST_ROUNDS: usize = 10_000;

/// Where a step leads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// To the next.
    On,
    /// Out of the loop.
    Exit,
    /// To the loop's next round.
    Continue,
    /// Out of the block.
    Return,
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
        match Blocks::new(&body, &tokens).whole()? {
            Some(block) if !only_writes(&block) => {
                let mut run = Run { translator: self, variables: Variables::default(), rounds: 0 };
                run.variables.0.push(("found".to_string(), Value::Text(Some("false".to_string()))));
                run.block(&block).map(|_| ())
            }
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
        let mut environment = SystemEnvironment::of_statement();
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
}

/// A block at work.
struct Run<'t> {
    translator: &'t mut Translator,
    variables: Variables,
    /// How often its loops ran.
    rounds: usize,
}

impl Run<'_> {
    fn known(&self) -> Known<'_> {
        known(&self.translator.catalog, &self.variables)
    }

    fn block(&mut self, block: &Block<'_>) -> Result<Flow, DialectError> {
        let outer = self.variables.0.len();
        for variable in &block.variables {
            let value = match (variable.default, variable.kind) {
                (Some(default), kind) => self.assigned(default, kind == Kind::List),
                (None, Kind::Text) => Ok(Value::Text(None)),
                (None, Kind::List) => Ok(Value::List(Vec::new())),
                (None, Kind::Row) => Ok(Value::Row(Vec::new())),
            };
            // What is not decided here may never be asked for.
            let value = value.unwrap_or_else(Value::Refused);
            self.variables.0.push((variable.name.clone(), value));
        }
        let flow = self.guarded(block);
        self.variables.0.truncate(outer);
        flow
    }

    fn guarded(&mut self, block: &Block<'_>) -> Result<Flow, DialectError> {
        if block.handlers.is_empty() {
            return self.steps(&block.steps);
        }
        let before = self.translator.clone();
        let error = match self.steps(&block.steps) {
            Ok(flow) => return Ok(flow),
            Err(error) => error,
        };
        let catches = |names: &Vec<String>| names.iter().any(|name| is_caught(&error, name));
        let Some((_, steps)) = block.handlers.iter().find(|(names, _)| catches(names)) else {
            return Err(error);
        };
        // What the block did is undone.
        *self.translator = before;
        self.steps(steps)
    }

    fn steps(&mut self, steps: &[Step<'_>]) -> Result<Flow, DialectError> {
        for step in steps {
            let flow = self.step(step)?;
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn step(&mut self, step: &Step<'_>) -> Result<Flow, DialectError> {
        match step {
            Step::Nothing => {}
            Step::Block(block) => return self.block(block),
            Step::Sql(reader) => self.sql(*reader)?,
            Step::Execute(text) => {
                let text = parse::expression_of(text.tokens_left())?;
                match self.known().assigned(&text, false)? {
                    Value::Text(Some(text)) => self.translate(&text)?,
                    _ => {
                        let message = "query string argument of EXECUTE is null";
                        return Err(DialectError::new("22004", message));
                    }
                }
            }
            Step::Raise(reader) => return Err(self.raised(*reader)),
            Step::Assign(name, value) => {
                let is_list = matches!(self.variables.get(name), Some(Value::List(_)));
                let value = self.assigned(*value, is_list)?;
                self.set(name, value)?;
            }
            Step::SelectInto(_, query, targets) => self.select_into(query, targets)?,
            Step::If(arms) => {
                for (condition, steps) in arms {
                    let holds = match condition {
                        None => true,
                        Some(reader) => self.holds(*reader)?,
                    };
                    if holds {
                        return self.steps(steps);
                    }
                }
            }
            Step::Loop(name, source, steps) => return self.each(name, source, steps),
            Step::Leave { is_exit, when } => {
                if when.map_or(Ok(true), |when| self.holds(when))? {
                    return Ok(if *is_exit { Flow::Exit } else { Flow::Continue });
                }
            }
            Step::Return => return Ok(Flow::Return),
        }
        Ok(Flow::On)
    }

    fn holds(&self, condition: Reader<'_>) -> Result<bool, DialectError> {
        self.known().holds(&parse::expression_of(condition.tokens_left())?)
    }

    fn assigned(&self, value: Reader<'_>, is_list: bool) -> Result<Value, DialectError> {
        self.known().assigned(&parse::expression_of(value.tokens_left())?, is_list)
    }

    fn set(&mut self, name: &str, value: Value) -> Result<(), DialectError> {
        match self.variables.set(name, value) {
            true => Ok(()),
            false => Err(DialectError::new("42601", format!("\"{name}\" is not a known variable"))),
        }
    }

    /// The first row's values; NULLs where there is none.
    fn select_into(&mut self, query: &sqlparser::ast::Query, targets: &[String]) -> Result<(), DialectError> {
        let rows = self.known().rows(query)?;
        if rows.len() > 1 && query.order_by.is_none() && rows.iter().any(|row| Some(row) != rows.first()) {
            return Err(known::refused("which of several rows SELECT INTO takes"));
        }
        let found = Value::Text(Some((!rows.is_empty()).to_string()));
        let row = rows.into_iter().next();
        if let [target] = targets
            && matches!(self.variables.get(target), Some(Value::Row(_)))
        {
            self.set(target, Value::Row(row.unwrap_or_default()))?;
        } else {
            let mut values = row.unwrap_or_default().into_iter().map(|(_, value)| value);
            for target in targets {
                self.set(target, Value::Text(values.next().flatten()))?;
            }
        }
        self.set("found", found)
    }

    fn each(&mut self, name: &str, source: &Source<'_>, steps: &[Step<'_>]) -> Result<Flow, DialectError> {
        let is_declared = !matches!(source, Source::Range { .. });
        let is_row = matches!(self.variables.get(name), Some(Value::Row(_)));
        let values: Vec<Value> = match source {
            Source::Elements(array) => {
                let array = parse::expression_of(array.tokens_left())?;
                self.known().texts(&array)?.into_iter().map(Value::Text).collect()
            }
            Source::Rows(_, query) => {
                let rows = self.known().rows(query)?.into_iter();
                rows.map(|row| match (is_row, row.into_iter()) {
                    (true, row) => Value::Row(row.collect()),
                    (false, mut row) => Value::Text(row.next().and_then(|(_, value)| value)),
                })
                .collect()
            }
            Source::Range { from, to, is_reverse } => {
                let bound = |tokens: &Vec<_>| match self
                    .known()
                    .assigned(&parse::expression_of(tokens.clone())?, false)?
                {
                    Value::Text(Some(text)) => {
                        text.parse::<i64>().map_err(|_| known::refused("the bounds of a loop"))
                    }
                    _ => Err(DialectError::new("22004", "lower bound of FOR loop cannot be null")),
                };
                let (from, to) = (bound(from)?, bound(to)?);
                let (low, high) = if *is_reverse { (to, from) } else { (from, to) };
                let mut numbers: Vec<i64> = (low..=high).take(MOST_ROUNDS + 1).collect();
                if *is_reverse {
                    numbers.reverse();
                }
                numbers.into_iter().map(|number| Value::Text(Some(number.to_string()))).collect()
            }
        };
        // A counting loop's variable is its own.
        if !is_declared {
            self.variables.0.push((name.to_string(), Value::Text(None)));
        }
        let scope = self.variables.0.len();
        let mut flow = Flow::On;
        for value in values {
            self.rounds += 1;
            if self.rounds > MOST_ROUNDS {
                return Err(DialectError::new("54000", "the loops of a block run too often"));
            }
            self.set(name, value)?;
            match self.steps(steps)? {
                Flow::On | Flow::Continue => {}
                Flow::Exit => break,
                Flow::Return => {
                    flow = Flow::Return;
                    break;
                }
            }
        }
        self.variables.0.truncate(if is_declared { scope } else { scope - 1 });
        Ok(flow)
    }

    /// A statement that stands in the block.
    fn sql(&mut self, reader: Reader<'_>) -> Result<(), DialectError> {
        let tokens = reader.tokens_left();
        let named = self
            .variables
            .0
            .iter()
            .map(|(name, _)| name)
            .find(|name| *name != "found" && tokens.iter().any(|token| is(&token.token, name)));
        if let Some(name) = named {
            let what = format!("the variable {name} in a statement beside those of the schema in a DO block");
            return Err(
                DialectError::unsupported(what).with_hint("Write EXECUTE format('… %L …', variable).")
            );
        }
        let mut rest = reader;
        match rest.takes("PERFORM") {
            true => self.translate(&format!("SELECT {}", rest.text_left())),
            false => self.translate(reader.text_left()),
        }
    }

    fn translate(&mut self, text: &str) -> Result<(), DialectError> {
        for piece in split(text).map_err(|error| error.error)? {
            self.translator.translate_piece(&piece)?;
        }
        self.translator.answer = None;
        Ok(())
    }

    fn raised(&self, mut reader: Reader<'_>) -> DialectError {
        let refused = || DialectError::unsupported("RAISE EXCEPTION with more than a text and its values");
        let Some(format) = reader.string() else { return refused() };
        let mut message = String::new();
        let mut parts = format.split('%');
        message.push_str(parts.next().unwrap_or_default());
        for part in parts {
            if !reader.takes_token(&sqlparser::tokenizer::Token::Comma) {
                return refused();
            }
            let value = reader.until(|token| *token == sqlparser::tokenizer::Token::Comma);
            match self.assigned(value, false) {
                Ok(Value::Text(text)) => message.push_str(text.as_deref().unwrap_or("<NULL>")),
                _ => return refused(),
            }
            message.push_str(part);
        }
        if reader.is_done() { DialectError::new("P0001", message) } else { refused() }
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

/// Whether a block has no statement but those that write rows, and asks nothing of the catalog.
fn only_writes(block: &Block<'_>) -> bool {
    let asks_catalog = |text: &str| {
        let text = text.to_ascii_lowercase();
        ["pg_", "information_schema", "to_reg", "::regclass"].iter().any(|of| text.contains(of))
    };
    fn writes(steps: &[Step<'_>], asks_catalog: &dyn Fn(&str) -> bool) -> bool {
        steps.iter().all(|step| match step {
            Step::Sql(reader) => {
                let mut reader = *reader;
                ["INSERT", "UPDATE", "DELETE", "WITH", "PERFORM"].iter().any(|word| reader.takes(word))
            }
            Step::If(arms) => arms.iter().all(|(condition, steps)| {
                let asks = condition.as_ref().is_some_and(|of| asks_catalog(of.text_left()));
                !asks && writes(steps, asks_catalog)
            }),
            Step::Block(block) => block.handlers.is_empty() && writes(&block.steps, asks_catalog),
            Step::Loop(_, Source::Rows(over, _), steps) => {
                !asks_catalog(over.text_left()) && writes(steps, asks_catalog)
            }
            Step::Loop(_, _, steps) => writes(steps, asks_catalog),
            Step::SelectInto(of, ..) | Step::Assign(_, of) => !asks_catalog(of.text_left()),
            Step::Execute(_) => false,
            Step::Raise(_) | Step::Nothing | Step::Leave { .. } | Step::Return => true,
        })
    }
    block.handlers.is_empty() && writes(&block.steps, &asks_catalog)
}
