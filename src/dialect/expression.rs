//! Expressions: parsing them as Postgres, lowering them to SQLite.

use sqlparser::ast::Expr;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::{DialectError, Environment};
use crate::schema::{Catalog, Table};

/// A parsed Postgres expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(pub(super) Expr);

impl Expression {
    /// Parses the text of one expression; `42601` when it is none.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        let syntax = |error: sqlparser::parser::ParserError| DialectError::new("42601", error.to_string());
        let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).map_err(syntax)?;
        parser.parse_expr().map(Self).map_err(syntax)
    }
}

/// The SQLite expression for a Postgres one over a row of `table`; `row` is the quoted name or alias
/// that qualifies its columns.
pub fn lower_expression(
    expression: &Expression,
    table: &Table,
    row: &str,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<String, DialectError> {
    let _ = (table, row, catalog, environment);
    Err(DialectError::unsupported(&expression.0))
}
