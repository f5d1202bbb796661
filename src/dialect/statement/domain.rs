//! `CREATE DOMAIN`, `ALTER DOMAIN`, `DROP DOMAIN`.

use sqlparser::tokenizer::Token;

use super::create_table::nameable;
use super::existing_rows::outside_of_domain;
use crate::dialect::expression::{Expression, declared_type, domain_checks};
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, parse};
use crate::schema::{Check, DataType, Domain, Table};
use crate::sql::{physical_name, quote_identifier};

/// What ends a type, and a default.
const CLAUSES: &[&str] = &["DEFAULT", "CONSTRAINT", "NOT", "NULL", "CHECK", "COLLATE"];

fn starts_clause(token: &Token) -> bool {
    let is = |word: &str| CLAUSES.iter().any(|clause| word.eq_ignore_ascii_case(clause));
    matches!(token, Token::Word(word) if word.quote_style.is_none() && is(&word.value))
}

impl Translator {
    /// `CREATE DOMAIN name [AS] type [DEFAULT …] [[CONSTRAINT c] NOT NULL | NULL | CHECK (…)]…`.
    pub(in crate::dialect) fn create_domain(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("CREATE DOMAIN")?;
        let (schema, name) = reader.qualified_name()?;
        self.new_type(&schema, &name)?;
        reader.takes("AS");
        let of = parse::data_type(reader.until(starts_clause).tokens_left())?;
        let (data_type, of) = declared_type(&self.catalog, &of)?;
        if matches!(data_type, DataType::Tsquery) {
            return Err(DialectError::unsupported("a domain of tsquery"));
        }
        let mut domain =
            Domain { schema, name, data_type, of, default: None, not_null: false, checks: Vec::new() };
        while !reader.is_done() {
            read_clause(&mut reader, &mut domain)?;
        }
        self.put_domain(domain)
    }

    pub(in crate::dialect) fn alter_domain(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER DOMAIN")?;
        let (schema, name) = reader.qualified_name()?;
        let mut domain = self.domain(&schema, &name)?;
        let before = domain.clone();
        if reader.takes("OWNER TO") {
            reader.name()?;
        } else if reader.takes("RENAME CONSTRAINT") {
            let old = reader.name()?;
            reader.wants("TO")?;
            let new = reader.name()?;
            let check = domain.checks.iter_mut().find(|check| check.name == old);
            check.ok_or_else(|| no_constraint(&old, &name))?.name = new;
        } else if reader.takes("RENAME TO") {
            domain.name = reader.name()?;
        } else if reader.takes("SET SCHEMA") {
            domain.schema = reader.name()?;
        } else if reader.takes("DROP CONSTRAINT") {
            let if_exists = reader.takes("IF EXISTS");
            let old = reader.name()?;
            let _ = reader.takes("CASCADE") || reader.takes("RESTRICT");
            if !if_exists && !domain.checks.iter().any(|check| check.name == old) {
                return Err(no_constraint(&old, &name));
            }
            domain.checks.retain(|check| check.name != old);
        } else if reader.takes("VALIDATE CONSTRAINT") {
            reader.name()?;
        } else if reader.takes("DROP DEFAULT") {
            domain.default = None;
        } else if reader.takes("DROP NOT NULL") {
            domain.not_null = false;
        } else if reader.takes("SET NOT NULL") {
            domain.not_null = true;
        } else if reader.takes("SET") || reader.takes("ADD") {
            read_clause(&mut reader, &mut domain)?;
            if reader.takes("NOT VALID") {
                return Err(DialectError::unsupported("NOT VALID"));
            }
        }
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        self.change_domain(&before, domain)
    }

    fn change_domain(&mut self, before: &Domain, domain: Domain) -> Result<(), DialectError> {
        let (old, new) = (before.physical(), domain.physical());
        if old != new {
            self.new_type(&domain.schema, &domain.name)?;
            if self.routine_with_domain(&old).is_some() {
                return Err(DialectError::unsupported("renaming a domain that a function's signature names"));
            }
        }
        self.refuse_new_default(before, &domain)?;
        self.catalog.domains.shift_remove(&old);
        self.put_domain(domain)?;
        for other in self.catalog.domains.values_mut().filter(|other| other.of.as_ref() == Some(&old)) {
            other.of = Some(new.clone());
        }
        let users: Vec<Table> = self
            .catalog
            .tables
            .values()
            .filter(|table| self.has_column_of(table, &old, &new))
            .cloned()
            .collect();
        for table in users {
            let mut after = table.clone();
            for column in &mut after.columns {
                if column.domain.as_ref() == Some(&old) {
                    column.domain = Some(new.clone());
                }
                let Some(domain) = &column.domain else { continue };
                let quoted = quote_identifier(&column.name);
                for check in domain_checks(&self.catalog, domain, &quoted)? {
                    self.push(outside_of_domain(&table, &column.name, &check.condition))?;
                }
            }
            self.rebuild(&table, after, &[])?;
        }
        Ok(())
    }

    /// A column's default was looked up when it was made.
    fn refuse_new_default(&self, before: &Domain, after: &Domain) -> Result<(), DialectError> {
        let physical = before.physical();
        let is_used =
            self.catalog.tables.values().any(|table| self.has_column_of(table, &physical, &physical));
        if before.default != after.default && is_used {
            return Err(DialectError::unsupported("another default of a domain that columns have")
                .with_hint("ALTER TABLE … ALTER COLUMN … SET DEFAULT."));
        }
        Ok(())
    }

    /// Whether a column has one of two domains, or one over them.
    fn has_column_of(&self, table: &Table, one: &str, other: &str) -> bool {
        table.columns.iter().filter_map(|column| column.domain.as_ref()).any(|domain| {
            let all = self.catalog.domain_and_above(domain);
            domain == one || all.iter().any(|of| of.physical() == one || of.physical() == other)
        })
    }

    /// Compiles a domain's conditions and default, and adds it.
    fn put_domain(&mut self, domain: Domain) -> Result<(), DialectError> {
        let physical = domain.physical();
        if let Some(default) = &domain.default {
            Expression::parse(default)?;
        }
        self.catalog.domains.insert(physical.clone(), domain);
        domain_checks(&self.catalog, &physical, "\"/value\"").map(|_| ())
    }

    fn domain(&self, schema: &str, name: &str) -> Result<Domain, DialectError> {
        let found = self.catalog.domains.get(&physical_name(schema, name)).cloned();
        found.ok_or_else(|| DialectError::new("42704", format!("type \"{name}\" does not exist")))
    }

    pub(in crate::dialect) fn drop_domain(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("DROP DOMAIN")?;
        let if_exists = reader.takes("IF EXISTS");
        loop {
            let (schema, name) = reader.qualified_name()?;
            match self.domain(&schema, &name) {
                Ok(domain) => self.remove_domain(&domain)?,
                Err(_) if if_exists => {}
                Err(error) => return Err(error),
            }
            if !reader.takes_token(&Token::Comma) {
                break;
            }
        }
        let _ = reader.takes("CASCADE") || reader.takes("RESTRICT");
        if reader.is_done() { Ok(()) } else { Err(reader.syntax()) }
    }

    /// Removes a domain that nothing has; CASCADE, which would take columns along, is not done.
    pub(super) fn remove_domain(&mut self, domain: &Domain) -> Result<(), DialectError> {
        let physical = domain.physical();
        if let Some(user) = self.user_of_domain(&physical) {
            return Err(DialectError::new(
                "2BP01",
                format!("cannot drop type {} because other objects depend on it: {user}", domain.name),
            )
            .with_hint("Drop what depends on it first."));
        }
        self.catalog.domains.shift_remove(&physical);
        self.refuse_broken_views(&format!("type {}", domain.name))
    }

    fn user_of_domain(&self, physical: &str) -> Option<String> {
        let is_it = |of: &Option<String>| of.as_deref() == Some(physical);
        let column = self.catalog.relations().find_map(|table| {
            let column = table.columns.iter().find(|of| is_it(&of.domain))?;
            Some(format!("column {} of table {}", column.name, table.name))
        });
        let over = || self.catalog.domains.values().find(|of| is_it(&of.of));
        column
            .or_else(|| over().map(|of| format!("type {}", of.name)))
            .or_else(|| self.routine_with_domain(physical).map(|routine| format!("function {routine}")))
    }

    fn routine_with_domain(&self, physical: &str) -> Option<String> {
        let has = |domain: &Option<String>| domain.as_deref() == Some(physical);
        let mut routines = self.catalog.routines.values();
        routines
            .find(|routine| routine.arguments.iter().any(|argument| has(&argument.domain)))
            .map(|routine| routine.display())
    }

    /// Refuses a type's name that is taken.
    pub(super) fn new_type(&self, schema: &str, name: &str) -> Result<(), DialectError> {
        self.writable_schema(schema)?;
        nameable("type", name)?;
        let physical = physical_name(schema, name);
        let is_taken = self.catalog.enums.contains_key(&physical)
            || self.catalog.domains.contains_key(&physical)
            || self.catalog.composites.contains_key(&physical)
            || self.catalog.tables.contains_key(&physical)
            || self.catalog.views.contains_key(&physical)
            || (schema == "public" && DataType::named(name).is_some());
        if is_taken {
            return Err(DialectError::new("42710", format!("type \"{name}\" already exists")));
        }
        Ok(())
    }
}

impl Domain {
    /// Its name among all domains.
    pub fn physical(&self) -> String {
        physical_name(&self.schema, &self.name)
    }
}

fn no_constraint(constraint: &str, domain: &str) -> DialectError {
    DialectError::new("42704", format!("constraint \"{constraint}\" of domain \"{domain}\" does not exist"))
}

fn read_clause(reader: &mut Reader<'_>, domain: &mut Domain) -> Result<(), DialectError> {
    if reader.takes("DEFAULT") {
        let mut rest = *reader;
        rest.next();
        rest.until(starts_clause);
        let text = before(reader, &rest);
        domain.default = Some(text).filter(|text| !text.eq_ignore_ascii_case("null"));
        *reader = rest;
        return Ok(());
    }
    let name = if reader.takes("CONSTRAINT") { Some(reader.name()?) } else { None };
    if reader.takes("NOT NULL") {
        domain.not_null = true;
        return Ok(());
    }
    if reader.takes("NULL") {
        return Ok(());
    }
    reader.wants("CHECK")?;
    let expression = reader.parenthesised()?.text_left().to_string();
    let chosen = || {
        let base = format!("{}_check", domain.name);
        let taken = |name: &String| domain.checks.iter().any(|check| check.name == *name);
        let numbered = (1..).map(|count| format!("{base}{count}"));
        std::iter::once(base.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or(base.clone())
    };
    let name = name.unwrap_or_else(chosen);
    if domain.checks.iter().any(|check| check.name == name) {
        let message = format!("constraint \"{name}\" for domain \"{}\" already exists", domain.name);
        return Err(DialectError::new("42710", message));
    }
    domain.checks.push(Check { name, expression });
    Ok(())
}

/// What stands between two places of a statement.
fn before(from: &Reader<'_>, to: &Reader<'_>) -> String {
    let (whole, rest) = (from.text_left(), to.text_left());
    whole.strip_suffix(rest).unwrap_or(whole).trim().to_string()
}
