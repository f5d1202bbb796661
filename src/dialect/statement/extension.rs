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

/// The schemas that extensions are put into without being made first.
#[rustfmt::skip]
const OF_EXTENSIONS: &[&str] = &["public", "extensions", "pg_catalog", "vault", "graphql", "pgsodium"];

/// What else a hosted project can have: what is called of it is refused where it is called.
#[rustfmt::skip]
const ELSEWHERE: &[&str] = &[
    "pg_cron", "pg_net", "http", "vector", "pgjwt", "pgsodium", "supabase_vault", "pgmq", "wrappers", "pg_jsonschema", "unaccent",
    "fuzzystrmatch", "hstore", "ltree", "intarray", "tablefunc", "cube", "earthdistance", "dblink", "postgres_fdw", "pgtap",
    "pg_repack", "pg_hashids", "pgrowlocks", "pgstattuple", "pg_walinspect", "pg_prewarm", "pg_buffercache", "pg_tle", "pg_partman",
    "plv8", "pgroonga", "rum", "timescaledb", "postgis_raster", "postgis_topology", "address_standardizer", "pgrouting", "seg",
    "lo", "isn", "autoinc", "insert_username", "refint", "tcn", "tsm_system_rows", "tsm_system_time", "xml2", "dict_int", "dict_xsyn",
    "amcheck", "bloom", "pageinspect", "pg_freespacemap", "pg_visibility", "sslinfo", "old_snapshot", "pg_stat_monitor", "pgaudit",
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
                if !OF_EXTENSIONS.contains(&schema.as_str()) {
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
        if !is_known(&name) {
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
            } else if !is_known(&name) && !if_exists {
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

fn is_known(name: &str) -> bool {
    EXTENSIONS.contains(&name) || ELSEWHERE.contains(&name)
}

fn unknown(name: &str) -> DialectError {
    DialectError::unsupported(format!("the extension \"{name}\""))
}
