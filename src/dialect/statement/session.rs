//! Statements about the session and the database around the tables: SET, CREATE SCHEMA.

use sqlparser::ast::SchemaName;
use sqlparser::tokenizer::Token;

use super::create_table::nameable;
use crate::dialect::name::folded;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};

/// Settings that change no result here.
#[rustfmt::skip]
const HARMLESS_SETTINGS: &[&str] = &[
    "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout", "client_encoding",
    "standard_conforming_strings", "xmloption", "client_min_messages", "row_security",
    "default_tablespace", "default_table_access_method",
];

impl Translator {
    pub(in crate::dialect) fn set(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("SET")?;
        let refused = || DialectError::unsupported(format!("SET {}", reader.text_left()));
        let mut rest = reader;
        let _ = rest.takes("SESSION") || rest.takes("LOCAL");
        if rest.takes("NAMES") {
            return Ok(());
        }
        let is_utc = |value: Reader<'_>| value.text_left().trim_matches('\'').eq_ignore_ascii_case("utc");
        if rest.takes("TIME ZONE") {
            return if is_utc(rest) { Ok(()) } else { Err(refused()) };
        }
        let mut variable = rest.name()?;
        while rest.takes_token(&Token::Period) {
            variable = format!("{variable}.{}", rest.name()?);
        }
        if !(rest.takes_token(&Token::Eq) || rest.takes("TO")) || rest.is_done() {
            return Err(refused());
        }
        if HARMLESS_SETTINGS.contains(&variable.as_str()) {
            return Ok(());
        }
        let first = rest.list().into_iter().next();
        let first = first.map(|value| value.text_left().trim_matches(['\'', '"']).to_lowercase());
        if variable == "check_function_bodies" {
            self.checks_bodies = !matches!(first.as_deref(), Some("off" | "false" | "0" | "no"));
            return Ok(());
        }
        match (variable.as_str(), first.as_deref()) {
            // Unqualified names are looked up in public.
            ("search_path", Some("public" | "")) => Ok(()),
            ("timezone", Some("utc")) => Ok(()),
            _ => Err(refused()),
        }
    }

    /// `RESET check_function_bodies`.
    pub(in crate::dialect) fn check_bodies(&mut self) -> Result<(), DialectError> {
        self.checks_bodies = true;
        Ok(())
    }

    /// `ALTER SCHEMA name OWNER TO role`: everything belongs to the project.
    pub(in crate::dialect) fn alter_schema(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("ALTER SCHEMA")?;
        let schema = reader.name()?;
        if reader.takes("OWNER TO") {
            return if schema == "public" { Ok(()) } else { self.writable_schema(&schema) };
        }
        Err(DialectError::unsupported("ALTER SCHEMA … RENAME"))
    }

    pub(in crate::dialect) fn create_schema(
        &mut self,
        schema: &SchemaName,
        if_not_exists: bool,
    ) -> Result<(), DialectError> {
        let schema = match schema {
            SchemaName::Simple(object) | SchemaName::NamedAuthorization(object, _) => name::single(object)?,
            SchemaName::UnnamedAuthorization(name) => folded(name),
        };
        let builtin = matches!(schema.as_str(), "public" | "auth" | "storage" | "extensions");
        if builtin || self.catalog.schemas.contains(&schema) {
            if if_not_exists {
                return Ok(());
            }
            return Err(DialectError::new("42P06", format!("schema \"{schema}\" already exists")));
        }
        nameable("schema", &schema)?;
        if schema.starts_with("pg_") {
            return Err(DialectError::new("42939", format!("unacceptable schema name \"{schema}\"")));
        }
        self.catalog.schemas.push(schema.clone());
        // A system schema that is not here is as forbidden as those that are.
        self.writable_schema(&schema)
    }
}
