//! Parsing Postgres' syntax within bounds: neither depth nor length may exhaust the stack.

use sqlparser::ast;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::DialectError;
use super::script::joined;

/// How deep syntax may nest; a Worker's stack is small.
const DEEPEST: usize = 40;

/// How many tokens may follow each other without a comma or a parenthesis: operators chained in
/// such a run make a tree as deep as the run is long.
const LONGEST_RUN: usize = 600;

/// The most characters of the parser's own words.
const LONGEST_MESSAGE: usize = 300;

/// How deep parentheses may nest: the parser backtracks at some of them.
const DEEPEST_PARENTHESES: usize = 20;

/// The tokens of SQL text with their places.
pub fn tokens(text: &str) -> Result<Vec<TokenWithSpan>, DialectError> {
    Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize_with_location()
        .map(joined)
        .map_err(|error| syntax(&error.message))
}

/// Whether a query stands in the text, which an expression can only have as a subquery.
pub fn has_query(text: &str) -> Result<bool, DialectError> {
    let starts_query = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) => matches!(word.keyword, Keyword::SELECT | Keyword::VALUES | Keyword::TABLE),
        _ => false,
    };
    Ok(tokens(text)?.iter().any(starts_query))
}

/// The one expression that the text is.
pub fn expression(text: &str) -> Result<ast::Expr, DialectError> {
    let mut parser = parser(tokens(text)?)?;
    let expression = parser.parse_expr().map_err(refused)?;
    ended(&mut parser)?;
    Ok(expression)
}

/// The one type that the tokens are.
pub fn data_type(tokens: Vec<TokenWithSpan>) -> Result<ast::DataType, DialectError> {
    let mut parser = parser(tokens)?;
    let data_type = parser.parse_data_type().map_err(refused)?;
    ended(&mut parser)?;
    Ok(data_type)
}

/// The one expression that the tokens are.
pub fn expression_of(tokens: Vec<TokenWithSpan>) -> Result<ast::Expr, DialectError> {
    let mut parser = parser(tokens)?;
    let expression = parser.parse_expr().map_err(refused)?;
    ended(&mut parser)?;
    Ok(expression)
}

/// What reads a statement after its first words; the first of them is given.
type Read = fn(&mut Parser<'static>, TokenWithSpan) -> Result<ast::Statement, ParserError>;

/// The statements that are parsed, by their first words. The parser's own table of all statements of all databases is
/// much of its size, and stays out of the module.
#[rustfmt::skip]
const STATEMENTS: &[(&[Keyword], Read)] = &[
    (&[Keyword::INSERT],                                   |parser, word| parser.parse_insert(word)),
    (&[Keyword::UPDATE],                                   |parser, word| parser.parse_update(word)),
    (&[Keyword::DELETE],                                   |parser, word| parser.parse_delete(word)),
    (&[Keyword::TRUNCATE],                                 |parser, _| parser.parse_truncate().map(Into::into)),
    (&[Keyword::CREATE, Keyword::TABLE],                   |parser, _| parser.parse_create_table(false, false, false, None, false, false, None).map(Into::into)),
    (&[Keyword::CREATE, Keyword::UNLOGGED, Keyword::TABLE], |parser, _| parser.parse_create_table(false, false, false, None, false, false, None).map(Into::into)),
    (&[Keyword::CREATE, Keyword::INDEX],                   |parser, _| parser.parse_create_index(false).map(Into::into)),
    (&[Keyword::CREATE, Keyword::UNIQUE, Keyword::INDEX],  |parser, _| parser.parse_create_index(true).map(Into::into)),
    (&[Keyword::CREATE, Keyword::POLICY],                  |parser, _| parser.parse_create_policy().map(Into::into)),
    (&[Keyword::CREATE, Keyword::TYPE],                    |parser, _| parser.parse_create_type()),
    (&[Keyword::CREATE, Keyword::SCHEMA],                  |parser, _| parser.parse_create_schema(false)),
    (&[Keyword::ALTER, Keyword::TABLE],                    |parser, _| parser.parse_alter_table(false)),
    (&[Keyword::ALTER, Keyword::TYPE],                     |parser, _| parser.parse_alter_type()),
    (&[Keyword::ALTER, Keyword::ROLE],                     |parser, _| parser.parse_alter_role()),
    (&[Keyword::ALTER, Keyword::POLICY],                   |parser, _| parser.parse_alter_policy().map(Into::into)),
    (&[Keyword::DROP],                                     |parser, _| parser.parse_drop()),
    (&[Keyword::GRANT],                                    |parser, _| parser.parse_grant().map(Into::into)),
    (&[Keyword::REVOKE],                                   |parser, _| parser.parse_revoke().map(Into::into)),
    (&[Keyword::COMMENT],                                  |parser, _| parser.parse_comment()),
    (&[Keyword::NOTIFY],                                   |parser, _| parser.parse_notify()),
];

/// What queries start with.
const QUERIES: &[Keyword] = &[Keyword::SELECT, Keyword::WITH, Keyword::VALUES, Keyword::TABLE];

/// The one statement that the tokens are; 0A000 with the statement's first words when it is none of those parsed.
pub fn statement(tokens: Vec<TokenWithSpan>) -> Result<ast::Statement, DialectError> {
    let mut parser = parser(tokens)?;
    let first = parser.peek_token();
    let keyword = match &first.token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        Token::LParen => Keyword::SELECT,
        token => return Err(syntax(&format!("syntax error at or near \"{token}\""))),
    };
    let statement = if QUERIES.contains(&keyword) {
        parser.parse_query().map(Into::into)
    } else if let Some((_, read)) = STATEMENTS.iter().find(|(words, _)| parser.parse_keywords(words)) {
        read(&mut parser, first)
    } else if keyword == Keyword::NoKeyword {
        return Err(syntax(&format!("syntax error at or near \"{}\"", first.token)));
    } else {
        return Err(DialectError::unsupported(first.token.to_string().to_uppercase()));
    };
    let statement = statement.map_err(refused)?;
    ended(&mut parser)?;
    Ok(statement)
}

/// The one query that the tokens are.
pub fn query(tokens: Vec<TokenWithSpan>) -> Result<ast::Query, DialectError> {
    let mut parser = parser(tokens)?;
    let query = parser.parse_query().map_err(refused)?;
    ended(&mut parser)?;
    Ok(*query)
}

/// The byte of a place in a text, whose lines and letters count from 1.
pub fn offset(text: &str, place: Location) -> usize {
    let (line, column) = (place.line.saturating_sub(1) as usize, place.column.saturating_sub(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take(column).map(char::len_utf8).sum::<usize>()
}

fn parser(tokens: Vec<TokenWithSpan>) -> Result<Parser<'static>, DialectError> {
    within_bounds(&tokens)?;
    Ok(Parser::new(&PostgreSqlDialect {}).with_recursion_limit(DEEPEST).with_tokens_with_locations(tokens))
}

fn ended(parser: &mut Parser<'_>) -> Result<(), DialectError> {
    match parser.next_token().token {
        Token::EOF => Ok(()),
        token => Err(syntax(&format!("syntax error at or near \"{token}\""))),
    }
}

fn within_bounds(tokens: &[TokenWithSpan]) -> Result<(), DialectError> {
    let (mut run, mut depth) = (0usize, 0usize);
    for token in tokens {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::Comma => run = 0,
            Token::LParen | Token::LBracket => (run, depth) = (0, depth + 1),
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        run += 1;
        if run > LONGEST_RUN || depth > DEEPEST_PARENTHESES {
            return Err(too_complex());
        }
    }
    Ok(())
}

fn refused(error: ParserError) -> DialectError {
    match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => syntax(&message),
        ParserError::RecursionLimitExceeded => too_complex(),
    }
}

fn too_complex() -> DialectError {
    DialectError::new("54001", "statement is too complex")
        .with_hint("Nest less deeply, or split the statement.")
}

fn syntax(message: &str) -> DialectError {
    // The parser repeats what it found, which may be a text of a megabyte.
    let message: String = message.trim().chars().take(LONGEST_MESSAGE).collect();
    if message.starts_with("syntax error") {
        return DialectError::new("42601", message);
    }
    DialectError::new("42601", format!("syntax error: {message}"))
}
