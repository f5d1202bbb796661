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
use crate::dialect::view::resolved;
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
    /// A view, by its physical name.
    View(String),
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
        for exclusion in &table.exclusions {
            let elements = exclusion.elements.iter().map(|(text, _)| text);
            for text in elements.chain(&exclusion.predicate) {
                if uses(&physical, text)? {
                    users.push(User::Check(exclusion.name.clone()));
                    break;
                }
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
        for (key, view) in self.catalog.views.iter().filter(|(_, view)| view.reads.contains(&physical)) {
            let with = resolved(&self.catalog, &view.definition)?;
            if resolved(&without, &view.definition).map_or(true, |sql| sql != with) {
                users.push(User::View(key.clone()));
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
        self.chosen(text, |text| lowered(self.before, before, text), |text| lowered(self.after, after, text))
    }

    /// The same of a view's query. `after` has the views that it reads with the new name already.
    pub fn carried_query(&self, text: &str) -> Result<String, DialectError> {
        self.chosen(text, |text| resolved(self.before, text), |text| resolved(self.after, text))
    }

    fn chosen(
        &self,
        text: &str,
        before: impl Fn(&str) -> Result<String, DialectError>,
        after: impl Fn(&str) -> Result<String, DialectError>,
    ) -> Result<String, DialectError> {
        let resolved = |sql: &str| sql.replace(&self.old_sql, &self.new_sql);
        let wanted = resolved(&before(text)?);
        let places = self.places(text)?;
        let refused = || {
            DialectError::unsupported(format!("the new name \"{}\" in the expression {text}", self.new))
                .with_hint("Drop what uses the old name first, and create it again afterwards.")
        };
        // Unchanged first: then the words are something else's. All of them next, however many they are.
        let all = usize::MAX;
        let some = if places.len() > MOST_USES { 0..0 } else { 1..1usize << places.len() };
        for chosen in [0, all].into_iter().chain(some) {
            let candidate = self.replaced(text, &places, chosen);
            if after(&candidate).is_ok_and(|sql| resolved(&sql) == wanted) {
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
                places.push((parse::offset(text, token.span.start), parse::offset(text, token.span.end)));
            }
        }
        Ok(places)
    }

    /// The text with the new name at the places whose bits are set.
    fn replaced(&self, text: &str, places: &[(usize, usize)], chosen: usize) -> String {
        let mut replaced = String::new();
        let mut from = 0;
        for (index, (start, end)) in places.iter().enumerate() {
            if chosen == usize::MAX || chosen.checked_shr(index as u32).is_some_and(|bits| bits & 1 != 0) {
                replaced.push_str(text.get(from..*start).unwrap_or_default());
                replaced.push_str(&quote_identifier(self.new));
                from = *end;
            }
        }
        replaced.push_str(text.get(from..).unwrap_or_default());
        replaced
    }
}
