//! PL/pgSQL's own syntax, statement by statement; the SQL in it is the parser's.
//!
//! What cannot become one batch of SQL is refused here by its name: cursors, dynamic SQL, EXCEPTION.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sqlparser::ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::syntax::{Action, Block, Declaration, Into, Otherwise, Over, Raise, Step, VariableType};
use crate::dialect::reader::Reader;
use crate::dialect::{DialectError, parse};

/// How deep blocks and branches may nest.
const DEEPEST: usize = 20;

/// How many parsed bodies an isolate remembers before it forgets them all.
const REMEMBERED: usize = 200;

thread_local! {
    /// A BEFORE trigger's body is lowered into every statement that writes its table.
    static PARSED: RefCell<HashMap<String, Rc<Block>>> = RefCell::default();
}

/// The body of a function, without the dollar quotes.
pub fn body(text: &str) -> Result<Rc<Block>, DialectError> {
    if let Some(known) = PARSED.with_borrow(|parsed| parsed.get(text).cloned()) {
        return Ok(known);
    }
    let tokens = parse::tokens(text)?;
    let first = tokens.iter().position(|token| !matches!(token.token, Token::Whitespace(_)));
    let tokens = tokens.get(first.unwrap_or_default()..).unwrap_or_default();
    let mut parser = Parser { reader: Reader::new("", tokens), tokens, depth: 0 };
    let block = parser.block(None)?;
    parser.reader.takes_token(&Token::SemiColon);
    if !parser.reader.is_done() {
        return Err(parser.reader.syntax());
    }
    let block = Rc::new(block);
    PARSED.with_borrow_mut(|parsed| {
        if parsed.len() >= REMEMBERED {
            parsed.clear();
        }
        parsed.insert(text.to_string(), block.clone());
    });
    Ok(block)
}

pub(super) struct Parser<'a> {
    pub(super) reader: Reader<'a>,
    tokens: &'a [TokenWithSpan],
    depth: usize,
}

/// Statements that no batch of SQL can do, by their first words.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, &str)] = &[
    ("EXECUTE",  "EXECUTE (dynamic SQL)", "Write the statement itself."),
    ("OPEN",     "a cursor",              "Write one statement for all the rows."),
    ("FETCH",    "a cursor",              "Write one statement for all the rows."),
    ("CLOSE",    "a cursor",              "Write one statement for all the rows."),
    ("COMMIT",   "COMMIT",                "A request is one transaction."),
    ("ROLLBACK", "ROLLBACK",              "A request is one transaction; RAISE EXCEPTION undoes it."),
    ("CALL",     "CALL",                  "Use a function."),
    ("ASSERT",   "ASSERT",                "Use IF and RAISE EXCEPTION."),
];

impl<'a> Parser<'a> {
    fn block(&mut self, label: Option<String>) -> Result<Block, DialectError> {
        let declarations = if self.reader.takes("DECLARE") { self.declarations()? } else { Vec::new() };
        self.reader.wants("BEGIN")?;
        let steps = self.steps(&["END", "EXCEPTION"])?;
        if self.next_is("EXCEPTION") {
            let what = format!("EXCEPTION (line {})", self.line());
            return Err(DialectError::unsupported(what).with_hint(
                "D1 has no savepoints: a failed statement undoes the request. INSERT … ON CONFLICT DO NOTHING, or a test before, does without.",
            ));
        }
        self.reader.wants("END")?;
        if let Some(label) = &label
            && let Some(Token::Word(word)) = self.reader.peek()
            && word.value.eq_ignore_ascii_case(label)
        {
            self.reader.next();
        }
        Ok(Block { label, declarations, steps })
    }

    fn declarations(&mut self) -> Result<Vec<Declaration>, DialectError> {
        let mut declarations = Vec::new();
        while !self.next_is("BEGIN") {
            if self.reader.takes("DECLARE") {
                continue;
            }
            let line = self.line();
            declarations.push(self.declaration().map_err(|error| at(error, line))?);
        }
        Ok(declarations)
    }

    fn declaration(&mut self) -> Result<Declaration, DialectError> {
        let line = self.line();
        let name = self.reader.name()?;
        let is_constant = self.reader.takes("CONSTANT");
        if self.reader.takes("CURSOR") || self.reader.takes("REFCURSOR") || self.reader.takes("ALIAS") {
            return Err(DialectError::unsupported("a cursor or an alias in DECLARE"));
        }
        let mut sentence = self.reader.until(|token| *token == Token::SemiColon);
        self.reader.wants_token(&Token::SemiColon)?;
        let mut written = sentence.until(|token| match token {
            Token::Assignment | Token::Eq => true,
            token => is_word(token, "DEFAULT") || is_word(token, "NOT"),
        });
        let not_null = sentence.takes("NOT NULL");
        let has_default = sentence.takes("DEFAULT")
            || sentence.takes_token(&Token::Assignment)
            || sentence.takes_token(&Token::Eq);
        let default = if has_default { Some(expression(sentence)?) } else { None };
        if !has_default && !sentence.is_done() {
            return Err(sentence.syntax());
        }
        Ok(Declaration { name, of: variable_type(&mut written)?, is_constant, not_null, default, line })
    }

    /// Statements up to one of the words, which stays.
    pub(super) fn steps(&mut self, ends: &[&str]) -> Result<Vec<Step>, DialectError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(DialectError::new("54001", "the function nests too deeply"));
        }
        let mut steps = Vec::new();
        while !ends.iter().any(|end| self.next_is(end)) {
            if self.reader.is_done() {
                return Err(self.reader.syntax());
            }
            let line = self.line();
            let action = self.action().map_err(|error| at(error, line))?;
            steps.push(Step { line, action });
        }
        self.depth -= 1;
        Ok(steps)
    }

    fn action(&mut self) -> Result<Action, DialectError> {
        if let Some((_, name, hint)) = REFUSED.iter().find(|(word, _, _)| self.next_is(word)) {
            return Err(DialectError::unsupported(*name).with_hint(*hint));
        }
        if self.next_is("DECLARE") || self.next_is("BEGIN") {
            let block = self.block(None)?;
            return self.ended(Action::Block(block));
        }
        if self.reader.takes_token(&Token::ShiftLeft) {
            let label = self.reader.name()?;
            self.reader.wants_token(&Token::ShiftRight)?;
            if !self.next_is("DECLARE") && !self.next_is("BEGIN") {
                return self.action();
            }
            let block = self.block(Some(label))?;
            return self.ended(Action::Block(block));
        }
        if self.reader.takes("IF") {
            return self.if_then();
        }
        if self.reader.takes("CASE") {
            return self.case();
        }
        if self.reader.takes("FOR") {
            return self.for_loop();
        }
        if self.reader.takes("FOREACH") {
            return self.for_each();
        }
        if self.reader.takes("WHILE") {
            let condition = self.reader.until(|token| is_word(token, "LOOP"));
            let over = Over::While(Box::new(expression(condition)?));
            return self.looped(over);
        }
        if self.next_is("LOOP") {
            return self.looped(Over::Forever);
        }
        let sentence = self.reader.until(|token| *token == Token::SemiColon);
        self.reader.wants_token(&Token::SemiColon)?;
        simple(sentence)
    }

    fn ended(&mut self, action: Action) -> Result<Action, DialectError> {
        self.reader.wants_token(&Token::SemiColon)?;
        Ok(action)
    }

    fn if_then(&mut self) -> Result<Action, DialectError> {
        let mut arms = Vec::new();
        loop {
            let condition = self.reader.until(|token| is_word(token, "THEN"));
            self.reader.wants("THEN")?;
            arms.push((expression(condition)?, self.steps(&["ELSIF", "ELSEIF", "ELSE", "END"])?));
            if !(self.reader.takes("ELSIF") || self.reader.takes("ELSEIF")) {
                break;
            }
        }
        let otherwise = if self.reader.takes("ELSE") { self.steps(&["END"])? } else { Vec::new() };
        self.reader.wants("END IF")?;
        self.ended(Action::Choose(arms, Otherwise::Steps(otherwise)))
    }

    fn case(&mut self) -> Result<Action, DialectError> {
        let operand = self.reader.until(|token| is_word(token, "WHEN"));
        let operand = if operand.is_done() { None } else { Some(expression(operand)?) };
        let mut arms = Vec::new();
        while self.reader.takes("WHEN") {
            let condition = self.reader.until(|token| is_word(token, "THEN"));
            self.reader.wants("THEN")?;
            let condition = match &operand {
                None => expression(condition)?,
                Some(operand) => among(operand, condition)?,
            };
            arms.push((condition, self.steps(&["WHEN", "ELSE", "END"])?));
        }
        let otherwise = if self.reader.takes("ELSE") {
            Otherwise::Steps(self.steps(&["END"])?)
        } else {
            Otherwise::NoCase
        };
        self.reader.wants("END CASE")?;
        self.ended(Action::Choose(arms, otherwise))
    }

    pub(super) fn next_is(&self, word: &str) -> bool {
        let mut ahead = self.reader;
        ahead.takes(word)
    }

    /// The line of the next token.
    fn line(&self) -> u64 {
        let Some(next) = self.reader.peek() else { return 0 };
        let found = self.tokens.iter().find(|token| std::ptr::eq(&raw const token.token, next));
        found.map_or(0, |token| token.span.start.line)
    }
}

/// A statement that has none within.
fn simple(mut sentence: Reader<'_>) -> Result<Action, DialectError> {
    let start = sentence;
    if sentence.takes("NULL") && sentence.is_done() {
        return Ok(Action::Nothing);
    }
    sentence = start;
    let is_exit = sentence.takes("EXIT");
    if is_exit || sentence.takes("CONTINUE") {
        let when = if sentence.takes("WHEN") { Some(expression(sentence)?) } else { None };
        return match when {
            None if !sentence.is_done() => {
                Err(DialectError::unsupported("EXIT and CONTINUE of a loop by its label"))
            }
            when => Ok(Action::Leave(is_exit, when)),
        };
    }
    if sentence.takes("RETURN NEXT") {
        let value = if sentence.is_done() { None } else { Some(expression(sentence)?) };
        return Ok(Action::ReturnNext(value));
    }
    if sentence.takes("RETURN QUERY") {
        if sentence.takes("EXECUTE") {
            return Err(
                DialectError::unsupported("EXECUTE (dynamic SQL)").with_hint("Write the query itself.")
            );
        }
        return Ok(Action::ReturnQuery(Box::new(returned_query(sentence)?)));
    }
    if sentence.takes("RETURN") {
        return Ok(Action::Return(if sentence.is_done() { None } else { Some(expression(sentence)?) }));
    }
    if sentence.takes("RAISE") {
        return raise(sentence).map(Action::Raise);
    }
    if sentence.takes("PERFORM") {
        let mut tokens = words("SELECT")?;
        tokens.extend(sentence.tokens_left());
        return Ok(Action::Select(Box::new(parse_query(tokens)?), None));
    }
    if sentence.takes("GET CURRENT DIAGNOSTICS") || sentence.takes("GET DIAGNOSTICS") {
        let target = dotted(&mut sentence)?;
        let is_count = (sentence.takes_token(&Token::Assignment) || sentence.takes_token(&Token::Eq))
            && sentence.takes("ROW_COUNT")
            && sentence.is_done();
        return if is_count {
            Ok(Action::RowCount(target))
        } else {
            Err(DialectError::unsupported("GET DIAGNOSTICS of anything but ROW_COUNT"))
        };
    }
    if sentence.takes("WITH") {
        let writes = |token: &Token| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| is_word(token, word));
        sentence.until(|token| writes(token) || is_word(token, "SELECT") || is_word(token, "VALUES"));
        return if sentence.peek().is_some_and(writes) { write(start) } else { select(start) };
    }
    if sentence.takes("SELECT") || sentence.takes("VALUES") {
        return select(start);
    }
    if sentence.takes("REFRESH MATERIALIZED VIEW") {
        sentence.takes("CONCURRENTLY");
        let view = sentence.qualified_name()?;
        sentence.takes("WITH DATA");
        return if sentence.is_done() { Ok(Action::Refresh(view)) } else { Err(sentence.syntax()) };
    }
    if sentence.takes("INSERT") || sentence.takes("UPDATE") || sentence.takes("DELETE") {
        return write(start);
    }
    assignment(start)
}

fn assignment(mut sentence: Reader<'_>) -> Result<Action, DialectError> {
    let start = sentence;
    let target = dotted(&mut sentence)?;
    if sentence.takes_token(&Token::Assignment) || sentence.takes_token(&Token::Eq) {
        return Ok(Action::Assign(target, expression(sentence)?));
    }
    if sentence.peek() == Some(&Token::LBracket) {
        return Err(DialectError::unsupported("assigning to an array's element"));
    }
    Err(start.syntax())
}

/// `SELECT … INTO [STRICT] targets …`: the query without the INTO, wherever that stands.
fn select(sentence: Reader<'_>) -> Result<Action, DialectError> {
    let (tokens, into) = without_into(sentence)?;
    let Some(into) = into else {
        return Err(DialectError::new("42601", "query has no destination for result data")
            .with_hint("If you want to discard the results of a SELECT, use PERFORM instead."));
    };
    Ok(Action::Select(Box::new(parse_query(tokens)?), Some(into)))
}

/// The query and the targets of a `SELECT … INTO` of plain variables; `None` without an INTO.
pub fn into_of(sentence: Reader<'_>) -> Result<Option<(Box<ast::Query>, Vec<String>)>, DialectError> {
    let (tokens, into) = without_into(sentence)?;
    let Some(into) = into else { return Ok(None) };
    let targets = into.targets.iter().filter_map(|names| names.first().cloned()).collect();
    Ok(Some((Box::new(parse_query(tokens)?), targets)))
}

fn write(sentence: Reader<'_>) -> Result<Action, DialectError> {
    let mut head = sentence;
    let mut tokens = Vec::new();
    let returning = {
        let before = head.until(|token| is_word(token, "RETURNING"));
        tokens.extend(before.tokens_left());
        head
    };
    let mut into = None;
    if !returning.is_done() {
        let (rest, found) = without_into(returning)?;
        if found.is_none() {
            return Err(DialectError::new("42601", "query has no destination for result data"));
        }
        into = found;
        tokens.extend(rest);
    }
    Ok(Action::Write(Box::new(parse::statement(tokens)?), into))
}

/// The tokens without the first `INTO targets` outside of parentheses, and the targets.
fn without_into(mut sentence: Reader<'_>) -> Result<(Vec<TokenWithSpan>, Option<Into>), DialectError> {
    let mut tokens = sentence.until(|token| is_word(token, "INTO")).tokens_left();
    if !sentence.takes("INTO") {
        return Ok((tokens, None));
    }
    let is_strict = sentence.takes("STRICT");
    let mut targets = vec![dotted(&mut sentence)?];
    while sentence.takes_token(&Token::Comma) {
        targets.push(dotted(&mut sentence)?);
    }
    tokens.extend(sentence.tokens_left());
    Ok((tokens, Some(Into { is_strict, targets })))
}

fn raise(mut sentence: Reader<'_>) -> Result<Raise, DialectError> {
    const LEVELS: &[&str] = &["DEBUG", "LOG", "INFO", "NOTICE", "WARNING"];
    let is_exception = !LEVELS.iter().any(|level| sentence.takes(level));
    if is_exception {
        sentence.takes("EXCEPTION");
    }
    let mut raise =
        Raise { is_exception, format: None, arguments: Vec::new(), condition: None, options: Vec::new() };
    if sentence.is_done() {
        return Err(DialectError::unsupported("RAISE without arguments")
            .with_hint("It is for EXCEPTION blocks, which are not supported."));
    }
    let mut head = sentence.until(|token| is_word(token, "USING"));
    if head.takes("SQLSTATE") {
        raise.condition = head.string();
    } else if let Some(format) = head.string() {
        raise.format = Some(format);
        while head.takes_token(&Token::Comma) {
            raise.arguments.push(expression(head.until(|token| *token == Token::Comma))?);
        }
    } else if !head.is_done() {
        raise.condition = Some(head.name()?);
    }
    if !head.is_done() {
        return Err(head.syntax());
    }
    if sentence.takes("USING") {
        for mut option in sentence.list() {
            let name = option.name()?.to_uppercase();
            if !option.takes_token(&Token::Eq) {
                option.wants_token(&Token::Assignment)?;
            }
            raise.options.push((name, expression(option)?));
        }
    }
    let places = raise.format.as_deref().map_or(0, |format| format.replace("%%", "").matches('%').count());
    if places != raise.arguments.len() {
        let many = if places > raise.arguments.len() { "few" } else { "many" };
        return Err(DialectError::new("42601", format!("too {many} parameters specified for RAISE")));
    }
    Ok(raise)
}

fn variable_type(written: &mut Reader<'_>) -> Result<VariableType, DialectError> {
    if written.takes("RECORD") && written.is_done() {
        return Ok(VariableType::Record);
    }
    let tokens = written.tokens_left();
    if let Some(place) = tokens.iter().position(|token| token.token == Token::Mod) {
        let parts = dotted(written)?;
        return match tokens.get(place + 1).map(|token| &token.token) {
            Some(token) if is_word(token, "TYPE") => Ok(VariableType::TypeOf(parts)),
            Some(token) if is_word(token, "ROWTYPE") => Ok(VariableType::RowOf(parts)),
            _ => Err(written.syntax()),
        };
    }
    Ok(VariableType::Named(parse::data_type(tokens)?))
}

/// `a.b.c`, folded.
pub(super) fn dotted(reader: &mut Reader<'_>) -> Result<Vec<String>, DialectError> {
    let mut parts = vec![reader.name()?];
    while reader.takes_token(&Token::Period) {
        parts.push(reader.name()?);
    }
    Ok(parts)
}

/// `CASE operand WHEN a, b`: one of them is the operand.
fn among(operand: &ast::Expr, list: Reader<'_>) -> Result<ast::Expr, DialectError> {
    let values: Result<Vec<ast::Expr>, DialectError> = list.list().into_iter().map(expression).collect();
    Ok(ast::Expr::InList { expr: Box::new(operand.clone()), list: values?, negated: false })
}

/// The expression that is left; `a FROM b WHERE c`, as a query's rest, is one too.
pub(super) fn expression(reader: Reader<'_>) -> Result<ast::Expr, DialectError> {
    let mut ahead = reader;
    ahead.until(|token| is_word(token, "FROM"));
    if ahead.is_done() {
        return parse::expression_of(whole_rows(reader.tokens_left()));
    }
    let mut tokens = words("SELECT")?;
    tokens.extend(reader.tokens_left());
    Ok(ast::Expr::Subquery(Box::new(parse_query(tokens)?)))
}

/// `NEW.*`, which the parser knows in a SELECT's list only, as `NEW`.
fn whole_rows(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_star = |index: usize| {
        let at = |index: usize| tokens.get(index).map(|token| &token.token);
        at(index) == Some(&Token::Period) && at(index + 1) == Some(&Token::Mul)
    };
    let kept = |index: &usize| !(is_star(*index) || *index > 0 && is_star(*index - 1));
    (0..tokens.len()).filter(kept).filter_map(|index| tokens.get(index).cloned()).collect()
}

/// The condition of a trigger's WHEN.
pub fn condition(text: &str) -> Result<ast::Expr, DialectError> {
    let mut tokens = parse::tokens(text)?;
    tokens.retain(|token| !matches!(token.token, Token::EOF | Token::Whitespace(_)));
    parse::expression_of(whole_rows(tokens))
}

pub(super) fn query_of(reader: Reader<'_>) -> Result<ast::Query, DialectError> {
    parse_query(reader.tokens_left())
}

/// A query, or a statement with RETURNING in its place.
fn returned_query(reader: Reader<'_>) -> Result<ast::Query, DialectError> {
    use ast::{SetExpr, Statement};
    let body = match parse::statement(reader.tokens_left())? {
        Statement::Query(query) => return Ok(*query),
        insert @ Statement::Insert(_) => SetExpr::Insert(insert),
        update @ Statement::Update(_) => SetExpr::Update(update),
        delete @ Statement::Delete(_) => SetExpr::Delete(delete),
        _ => return Err(DialectError::unsupported("a statement in the place of a query")),
    };
    Ok(ast::Query { body: Box::new(body), ..parse_query(words("SELECT 1")?)? })
}

pub(super) fn parse_query(tokens: Vec<TokenWithSpan>) -> Result<ast::Query, DialectError> {
    match parse::statement(tokens)? {
        ast::Statement::Query(query) => Ok(*query),
        _ => Err(DialectError::unsupported("a statement in the place of a query")),
    }
}

pub(super) fn words(text: &str) -> Result<Vec<TokenWithSpan>, DialectError> {
    let mut tokens = parse::tokens(text)?;
    tokens.retain(|token| token.token != Token::EOF);
    Ok(tokens)
}

pub(super) fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

/// Says the body's line, unless an inner statement has.
pub(super) fn at(error: DialectError, line: u64) -> DialectError {
    if error.message.contains(" (line ") {
        return error;
    }
    DialectError { message: format!("{} (line {line} of the function)", error.message), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        let text = "
            DECLARE
              n integer := 0; -- a count
              c public.todos.title%TYPE;
              r todos%ROWTYPE;
              k CONSTANT text NOT NULL DEFAULT 'a;b';
            BEGIN
              n := n + 1;
              NEW.slug = lower(NEW.title);
              IF n > 0 THEN NULL; ELSIF TG_OP = 'INSERT' THEN n := 2; ELSE RETURN NULL; END IF;
              SELECT count(*) INTO STRICT n FROM todos WHERE id = NEW.id;
              INSERT INTO log (a) VALUES (1) RETURNING id INTO n;
              PERFORM 1 FROM todos;
              CASE n WHEN 1, 2 THEN NULL; ELSE NULL; END CASE;
              RAISE EXCEPTION 'no % left (100%%)', n USING ERRCODE = 'P0002', HINT = 'wait';
              RAISE unique_violation USING MESSAGE = 'x';
              GET DIAGNOSTICS n = ROW_COUNT;
              FOR r IN SELECT * FROM todos LOOP INSERT INTO log (a) VALUES (r.id); END LOOP;
              RETURN NEW;
            END;";
        let block = body(text).unwrap();
        assert_eq!((block.declarations.len(), block.steps.len()), (4, 12));
        assert_eq!(block.steps.first().unwrap().line, 8);
        let Some(Action::Raise(raise)) = block.steps.get(7).map(|step| &step.action) else { panic!() };
        assert_eq!((raise.arguments.len(), raise.options.len()), (1, 2));
    }

    #[test]
    fn what_is_no_batch_is_refused_by_name() {
        for (text, found) in [
            ("BEGIN EXECUTE 'x'; END", "EXECUTE (dynamic SQL) is not supported (line 1 of the function)"),
            ("BEGIN\nCLOSE c; END", "a cursor is not supported (line 2 of the function)"),
            ("BEGIN\nNULL;\nEXCEPTION WHEN others THEN NULL; END", "EXCEPTION (line 3) is not supported"),
            (
                "BEGIN FOR i IN EXECUTE 'x' LOOP NULL; END LOOP; END",
                "EXECUTE (dynamic SQL) is not supported (line 1 of the function)",
            ),
            (
                "BEGIN RAISE EXCEPTION '%'; END",
                "too few parameters specified for RAISE (line 1 of the function)",
            ),
            ("BEGIN SELECT 1; END", "query has no destination for result data (line 1 of the function)"),
        ] {
            assert_eq!(body(text).unwrap_err().message, found, "{text}");
        }
        for from_and_to in
            ["1..3", "1 .. 3", "1.. 3", "1 ..3", "f(1..2)..n.x", "a..b BY 2", "REVERSE 3..1 BY n + 1"]
        {
            let loops = body(&format!("BEGIN FOR i IN {from_and_to} LOOP EXIT WHEN i > 2; END LOOP; END"));
            assert!(loops.is_ok() != from_and_to.contains("f("), "{from_and_to}: {loops:?}");
        }
        assert!(body("BEGIN x := ; END").is_err());
        assert!(body("BEGIN RETURN").is_err());
        assert!(body("").is_err());
    }
}
