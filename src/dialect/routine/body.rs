//! A body's statements, parsed once for each isolate.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sqlparser::ast::Statement;
use sqlparser::tokenizer::Token;

use crate::dialect::{DialectError, parse, script};

/// How many parsed bodies an isolate remembers before it forgets them all.
const REMEMBERED: usize = 500;

thread_local! {
    static PARSED: RefCell<HashMap<String, Rc<Vec<Statement>>>> = RefCell::default();
}

/// The statements of a body in SQL. `$1` becomes the name `"$1"`, which the call's scope has.
pub fn statements(body: &str) -> Result<Rc<Vec<Statement>>, DialectError> {
    if let Some(known) = PARSED.with_borrow(|parsed| parsed.get(body).cloned()) {
        return Ok(known);
    }
    let mut statements = Vec::new();
    for piece in script::split(body).map_err(|error| error.error)? {
        let mut tokens = piece.tokens;
        for token in &mut tokens {
            if let Token::Placeholder(name) = &token.token {
                token.token = Token::make_word(name, Some('"'));
            }
        }
        statements.push(parse::statement(tokens)?);
    }
    let statements = Rc::new(statements);
    PARSED.with_borrow_mut(|parsed| {
        if parsed.len() >= REMEMBERED {
            parsed.clear();
        }
        parsed.insert(body.to_string(), statements.clone());
    });
    Ok(statements)
}
