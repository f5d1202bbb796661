//! Expressions: parsing them as Postgres, lowering them to SQLite.
//!
//! Lowering is typed: each lowered piece knows its Postgres type, an untyped literal takes the type
//! of what it meets, and what types do not allow is refused as Postgres refuses it.

mod arithmetic;
mod array;
mod array_function;
mod bound;
mod bytes;
mod call;
mod cast;
mod compare;
mod composite;
mod crypt;
mod decimal;
mod decimal_wide;
mod distinct;
mod domain;
mod function;
mod geometry;
mod json;
mod json_containment;
mod json_function;
mod json_path;
mod json_text;
mod lowering;
mod md5;
mod moment;
mod number_function;
mod pattern;
mod piece;
mod quotient;
mod range;
mod row;
mod row_variable;
mod scope;
mod search;
mod search_rank;
mod sequence;
mod special;
mod text_function;
mod time;
mod to_char;
mod to_char_number;
mod type_name;
mod unsupported_function;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use sqlparser::ast::Expr;

use super::{DialectError, Environment, parse};
use crate::schema::{Catalog, DataType, Table};

pub(super) use array::json_element;
pub(super) use call::{called_name, find_row};
pub(super) use domain::domain_checks;
pub use function::{FUNCTIONS, Reads, Row, TEXT_ARRAY_FUNCTIONS};
pub use json_containment::{JsonParts, json_containment};
pub(super) use lowering::{Lowering, Place, holds_aggregate};
pub(super) use piece::{Piece, literal};
pub(super) use quotient::refuse_unrounded;
pub(super) use range::range_operator;
pub(super) use row::row_fields;
pub(super) use scope::{Field, ROW, Relation, Scope, VARIABLES, bare_column, relation};
pub(super) use sequence::called_sequence;
pub use special::{SPECIALS, Special};
pub(super) use type_name::{Family, common_type, declared_type, family, named_type};

/// A parsed Postgres expression, and whether a query is in it; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(pub(super) Rc<Expr>, bool);

/// How many parsed expressions an isolate remembers before it forgets them all.
const REMEMBERED: usize = 1_000;

thread_local! {
    /// Policies are lowered on every request; parsing them each time would cost more than the rest.
    static PARSED: RefCell<HashMap<String, Expression>> = RefCell::default();
}

impl Expression {
    /// Parses the text of one expression; `42601` when it is none, `54001` when it nests too deeply.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        if let Some(known) = PARSED.with_borrow(|parsed| parsed.get(text).cloned()) {
            return Ok(known);
        }
        let expression = Self(Rc::new(parse::expression(text)?), parse::has_query(text)?);
        PARSED.with_borrow_mut(|parsed| {
            if parsed.len() >= REMEMBERED {
                parsed.clear();
            }
            parsed.insert(text.to_string(), expression.clone());
        });
        Ok(expression)
    }

    /// Whether it has a subquery, of whatever kind.
    pub fn has_query(&self) -> bool {
        self.1
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
    let mut lowering = Lowering::over_row(catalog, environment, Place::Query, table, row);
    lowering.lower(&expression.0)?.into_sql(catalog)
}

/// The same for an expression that must be boolean, as a policy's: anything else is `42804`.
pub fn lower_condition(
    expression: &Expression,
    table: &Table,
    row: &str,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<String, DialectError> {
    Lowering::over_row(catalog, environment, Place::Query, table, row).condition(&expression.0)
}

/// The SQLite expression for a column's default: one value of `data_type`, over no row.
pub fn lower_default(
    text: &str,
    data_type: &DataType,
    catalog: &Catalog,
    environment: &mut dyn Environment,
    row_mark: &str,
) -> Result<String, DialectError> {
    let expression = Expression::parse(text)?;
    let mut lowering = Lowering::new(catalog, environment, Place::Query);
    lowering.row_mark = Some(row_mark.to_string());
    let piece = lowering.lower(&expression.0)?;
    lowering.assign(piece, data_type)
}

/// A cast of SQL of one type's stored form, as `CAST` does it.
pub fn lower_cast(
    sql: &str,
    from: &DataType,
    to: &DataType,
    catalog: &Catalog,
    environment: &mut dyn Environment,
) -> Result<String, DialectError> {
    let mut lowering = Lowering::new(catalog, environment, Place::Query);
    lowering.explicit(Piece::Typed(sql.to_string(), from.clone()), to)
}

#[cfg(test)]
mod tests;
