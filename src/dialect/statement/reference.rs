//! What the catalog's expressions refer to, and how a new name is carried into them.
//!
//! Neither is guessed from words. An expression is lowered in the schema before and after: the SQL
//! of both has every name resolved, so where it is the same but for the new name, the expressions
//! mean the same.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::create_index::{definition, plain_column};
use crate::dialect::expression::{Expression, Lowering, Place};
use crate::dialect::name::folded;
use crate::dialect::translate::{SystemEnvironment, Translator};
use crate::dialect::{DialectError, parse};
use crate::schema::{Catalog, Index, Table};
use crate::sql::{physical_name, quote_identifier};

/// Something whose expression uses a column.
pub enum User {
    /// A policy, of whichever table.
    Policy {
        /// Its name.
        name: String,
        /// Its table's physical name.
        table: String,
    },
    /// A generated column of the same table.
    Generated(String),
    /// A CHECK of the same table.
    Check(String),
    /// An index of the same table, by its physical name.
    Index(String),
}

impl Translator {
    /// The expressions that use a column.
    pub(super) fn users_of_column(&self, table: &Table, column: &str) -> Result<Vec<User>, DialectError> {
        let physical = physical_name(&table.schema, &table.name);
        let mut without = self.catalog.clone();
        if let Some(table) = without.tables.get_mut(&physical) {
            table.columns.retain(|of| of.name != column);
        }
        let uses = |key: &str, text: &str| uses(&self.catalog, &without, key, text);
        let mut users = Vec::new();
        for check in &table.checks {
            if uses(&physical, &check.expression)? {
                users.push(User::Check(check.name.clone()));
            }
        }
        for of in &table.columns {
            if of.name != column && of.generated.as_deref().map_or(Ok(false), |text| uses(&physical, text))? {
                users.push(User::Generated(of.name.clone()));
            }
        }
        for (name, index) in self.catalog.indexes.iter().filter(|(_, index)| index.table == physical) {
            for text in expressions_of(index)? {
                if uses(&physical, &text)? {
                    users.push(User::Index(name.clone()));
                    break;
                }
            }
        }
        for (key, of) in &self.catalog.tables {
            for policy in &of.policies {
                for text in policy.using.iter().chain(&policy.check) {
                    if uses(key, text)? {
                        users.push(User::Policy { name: policy.name.clone(), table: key.clone() });
                        break;
                    }
                }
            }
        }
        Ok(users)
    }
}

/// The expressions of an index: its terms and its predicate.
pub(super) fn expressions_of(index: &Index) -> Result<Vec<String>, DialectError> {
    let create = definition(index)?;
    let terms = create.columns.iter().map(|column| {
        plain_column(column).map_or_else(|| column.column.expr.to_string(), |name| quote_identifier(&name))
    });
    Ok(terms.chain(create.predicate.as_ref().map(ToString::to_string)).collect())
}

/// Whether an expression over a row of the table `key` means something else, or nothing, without a column.
fn uses(catalog: &Catalog, without: &Catalog, key: &str, text: &str) -> Result<bool, DialectError> {
    let with = lowered(catalog, key, text)?;
    Ok(lowered(without, key, text).map_or(true, |sql| sql != with))
}

/// An expression over a row of the table with that physical name, every name in it resolved.
pub(super) fn lowered(catalog: &Catalog, key: &str, text: &str) -> Result<String, DialectError> {
    let table = catalog
        .tables
        .get(key)
        .ok_or_else(|| DialectError::new("42P01", format!("relation \"{key}\" does not exist")))?;
    // A function's body is no part of what calls it.
    let mut environment = SystemEnvironment::naming_routines();
    let mut lowering = Lowering::over_row(catalog, &mut environment, Place::Query, table, "\"/row\"");
    lowering.lower(&Expression::parse(text)?.0)?.into_sql(catalog)
}

/// A column or table that gets another name.
pub struct Renaming<'a> {
    /// The schema before.
    pub before: &'a Catalog,
    /// The schema after.
    pub after: &'a Catalog,
    /// The name as written before.
    pub old: &'a str,
    /// The name as written after.
    pub new: &'a str,
    /// How SQLite's text named it before.
    pub old_sql: String,
    /// How it does after.
    pub new_sql: String,
}

/// How many times an expression may use the old name; each use is tried both ways.
const MOST_USES: usize = 8;

impl Renaming<'_> {
    /// The expression with the new name. `before` and `after` are its table's physical names.
    pub fn carried(&self, before: &str, after: &str, text: &str) -> Result<String, DialectError> {
        let resolved = |sql: &str| sql.replace(&self.old_sql, &self.new_sql);
        let wanted = resolved(&lowered(self.before, before, text)?);
        let places = self.places(text)?;
        let refused = || {
            DialectError::unsupported(format!("the new name \"{}\" in the expression {text}", self.new))
                .with_hint("Drop what uses the old name first, and create it again afterwards.")
        };
        if places.len() > MOST_USES {
            return Err(refused());
        }
        // Unchanged first: then the words are something else's.
        for chosen in 0..1usize << places.len() {
            let candidate = self.replaced(text, &places, chosen);
            if lowered(self.after, after, &candidate).is_ok_and(|sql| resolved(&sql) == wanted) {
                if chosen != 0 && self.is_ambiguous() {
                    return Err(refused());
                }
                return Ok(candidate);
            }
        }
        Err(refused())
    }

    /// Whether a table other than the renamed has columns of both names, which the comparison could
    /// not tell apart.
    fn is_ambiguous(&self) -> bool {
        let both = |table: &Table| table.column(self.old).is_some() && table.column(self.new).is_some();
        self.before.tables.values().chain(self.after.tables.values()).any(both)
    }

    /// Where the old name stands, as byte ranges. A name before a parenthesis is a function's.
    fn places(&self, text: &str) -> Result<Vec<(usize, usize)>, DialectError> {
        let tokens: Vec<TokenWithSpan> = parse::tokens(text)?
            .into_iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_)))
            .collect();
        let mut places = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let Token::Word(word) = &token.token else { continue };
            let name = Ident { value: word.value.clone(), quote_style: word.quote_style, span: token.span };
            let is_call = tokens.get(index + 1).is_some_and(|next| next.token == Token::LParen);
            if folded(&name) == self.old && !is_call {
                let (start, end) = (token.span.start, token.span.end);
                places.push((offset(text, start.line, start.column), offset(text, end.line, end.column)));
            }
        }
        Ok(places)
    }

    /// The text with the new name at the places whose bits are set.
    fn replaced(&self, text: &str, places: &[(usize, usize)], chosen: usize) -> String {
        let mut replaced = String::new();
        let mut from = 0;
        for (index, (start, end)) in places.iter().enumerate() {
            if chosen & (1 << index) != 0 {
                replaced.push_str(text.get(from..*start).unwrap_or_default());
                replaced.push_str(&quote_identifier(self.new));
                from = *end;
            }
        }
        replaced.push_str(text.get(from..).unwrap_or_default());
        replaced
    }
}

/// The byte at a line and column, which count characters from 1.
fn offset(text: &str, line: u64, column: u64) -> usize {
    let (line, column) = (line.saturating_sub(1) as usize, column.saturating_sub(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = text.get(before..).unwrap_or_default();
    before + rest.chars().take(column).map(char::len_utf8).sum::<usize>()
}
