//! `CREATE EXTENSION` and `DROP EXTENSION`: those whose functions are here, or that have none, change nothing.

use sqlparser::tokenizer::Token;

use crate::dialect::DialectError;
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::trigger::{MODDATETIME, moddatetime};

/// Extensions whose functions are here, or which have none that SQL calls.
#[rustfmt::skip]
const EXTENSIONS: &[&str] = &[
    "pgcrypto", "uuid-ossp", "citext", "plpgsql", "pg_stat_statements", "pg_graphql", "btree_gist", "btree_gin",
    "pg_trgm", "hypopg", "index_advisor", "pgaudit", "plpgsql_check", "supautils", "postgis", MODDATETIME,
];

impl Translator {
    /// `CREATE EXTENSION [IF NOT EXISTS] name [WITH] [SCHEMA s] [VERSION v] [CASCADE]`.
    pub(in crate::dialect) fn create_extension(
        &mut self,
        mut reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        reader.wants("CREATE EXTENSION")?;
        reader.takes("IF NOT EXISTS");
        let name = reader.name()?;
        reader.takes("WITH");
        while !reader.is_done() {
            if reader.takes("SCHEMA") {
                let schema = reader.name()?;
                if !matches!(schema.as_str(), "public" | "extensions" | "pg_catalog") {
                    self.known_schema(&schema)?;
                }
            } else if reader.takes("VERSION") {
                if reader.string().is_none() {
                    reader.name()?;
                }
            } else if !reader.takes("CASCADE") {
                return Err(reader.syntax());
            }
        }
        if !EXTENSIONS.contains(&name.as_str()) {
            return Err(unknown(&name));
        }
        if name == MODDATETIME {
            self.catalog.insert_routine(moddatetime());
        }
        Ok(())
    }

    pub(in crate::dialect) fn drop_extension(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        reader.wants("DROP EXTENSION")?;
        let if_exists = reader.takes("IF EXISTS");
        let mut names = vec![reader.name()?];
        while reader.takes_token(&Token::Comma) {
            names.push(reader.name()?);
        }
        let cascade = reader.takes("CASCADE");
        if !cascade {
            reader.takes("RESTRICT");
        }
        if !reader.is_done() {
            return Err(reader.syntax());
        }
        for name in names {
            if name == MODDATETIME {
                self.drop_routine(&moddatetime().key(), cascade)?;
            } else if !EXTENSIONS.contains(&name.as_str()) && !if_exists {
                return Err(unknown(&name));
            }
        }
        Ok(())
    }

    fn known_schema(&self, schema: &str) -> Result<(), DialectError> {
        if self.catalog.schemas.iter().any(|known| known == schema) {
            return Ok(());
        }
        Err(DialectError::new("3F000", format!("schema \"{schema}\" does not exist")))
    }
}

fn unknown(name: &str) -> DialectError {
    DialectError::unsupported(format!("the extension \"{name}\""))
}
