//! `CREATE TABLE`, also `AS` a query, `LIKE` others and `PARTITION BY`.

use sqlparser::ast::{CreateTable, CreateTableOptions, ObjectName, Statement};
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::column::read_column;
use super::constraint::Constraints;
use super::like::{Like, is_constraint};
use super::partition::not_on_a_partition;
use super::partition_bound::{check_keys, read_partitioning};
use crate::dialect::reader::Reader;
use crate::dialect::translate::Translator;
use crate::dialect::view::analyse;
use crate::dialect::{DialectError, name, parse};
use crate::schema::{Partitioning, Table, is_builtin};
use crate::sql::physical_name;

/// D1's limit, and SQLite's on D1.
const MOST_COLUMNS: usize = 100;

/// Schemas that belong to the system.
#[rustfmt::skip]
const SYSTEM_SCHEMAS: &[&str] = &[
    "auth", "storage", "realtime", "vault", "extensions", "graphql", "graphql_public", "supabase_functions",
    "supabase_migrations", "edgeward", "information_schema", "cron", "net", "pgbouncer",
];

/// The schemas of a hosted project, whatever of them is here.
#[rustfmt::skip]
const HOSTED_SCHEMAS: &[&str] = &[
    "public", "auth", "storage", "extensions", "realtime", "graphql", "graphql_public", "vault", "cron", "net", "pgbouncer",
    "supabase_functions", "supabase_migrations", "pg_catalog", "information_schema",
];

impl Translator {
    /// Takes out what the parser does not read as Postgres writes it, and has it read the rest.
    pub(in crate::dialect) fn create_table(&mut self, mut reader: Reader<'_>) -> Result<(), DialectError> {
        let head = reader.until(|token| *token == Token::LParen);
        let mut words = head;
        words.wants("CREATE")?;
        words.takes("UNLOGGED");
        words.wants("TABLE")?;
        let if_not_exists = words.takes("IF NOT EXISTS");
        let (schema, name) = words.qualified_name()?;
        if words.takes("PARTITION OF") {
            // Its bounds stand in parentheses, where the head ends.
            let bounds = words.through(&reader);
            return self.create_partition((schema, name), if_not_exists, bounds);
        }
        if words.takes("AS") {
            return self.create_table_as((schema, name), if_not_exists, &[], words.through(&reader));
        }
        if reader.is_done() {
            return Err(reader.syntax());
        }
        let list = reader.parenthesised()?.list();
        if reader.takes("AS") {
            let mut names = Vec::new();
            for mut column in list {
                names.push(column.name()?);
            }
            return self.create_table_as((schema, name), if_not_exists, &names, reader);
        }
        let (mut likes, mut elements, mut columns) = (Vec::new(), Vec::new(), 0);
        for mut element in list {
            if element.takes("LIKE") {
                likes.push(self.read_like(columns, element)?);
                continue;
            }
            columns += usize::from(!is_constraint(&element));
            elements.push(element.tokens_left());
        }
        let partitioning =
            if reader.takes("PARTITION BY") { Some(read_partitioning(&mut reader)?) } else { None };
        // Where everything is, as tables are shown on hosted Supabase.
        let ending = reader.until(
            |token| matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case("tablespace")),
        );
        if reader.takes("TABLESPACE") && (reader.name()? != "pg_default" || !reader.is_done()) {
            return Err(DialectError::unsupported("TABLESPACE"));
        }
        let mut tokens = head.tokens_left();
        tokens.push(TokenWithSpan::wrap(Token::LParen));
        tokens.extend(joined(&elements));
        tokens.push(TokenWithSpan::wrap(Token::RParen));
        tokens.extend(ending.tokens_left());
        match parse::statement(tokens)? {
            Statement::CreateTable(create) => self.add_created(&create, &likes, partitioning),
            _ => Err(reader.syntax()),
        }
    }

    fn add_created(
        &mut self,
        create: &CreateTable,
        likes: &[Like],
        partitioning: Option<Partitioning>,
    ) -> Result<(), DialectError> {
        refuse_odd_clauses(create)?;
        let (schema, name) = name::qualified(&create.name)?;
        if create.if_not_exists && self.catalog.table(&schema, &name).is_some() {
            return Ok(());
        }
        self.new_relation(&schema, &name)?;
        let privileges = self.catalog.default_privileges.of_table(&schema);
        let mut table = Table { row_security: true, partitioning, privileges, ..Table::new(schema, name) };
        let mut constraints = Constraints::default();
        for place in 0..=create.columns.len() {
            for like in likes.iter().filter(|like| like.place == place) {
                self.like_columns(like, &mut table, &mut constraints)?;
            }
            if let Some(definition) = create.columns.get(place) {
                let column = read_column(&self.catalog, definition, &mut constraints)?;
                add_column(&mut table, column)?;
            }
        }
        if table.columns.is_empty() {
            return Err(DialectError::unsupported("a table without columns"));
        }
        for constraint in &create.constraints {
            constraints.add(constraint)?;
        }
        let shapes = std::mem::take(&mut constraints.sequences);
        let alike = std::mem::take(&mut constraints.alike);
        constraints.resolve(&self.catalog, &mut table)?;
        likes.iter().try_for_each(|like| self.like_keys(like, &mut table))?;
        check_keys(&self.catalog, &mut table)?;
        let start = self.number_columns(&mut table, &shapes)?;
        self.add_table(table.clone())?;
        if let Some(start) = start {
            self.set_rowid(&table, &start.to_string())?;
        }
        self.create_alike(&table, alike)?;
        likes.iter().try_for_each(|like| self.like_indexes(like, &table))
    }

    /// `CREATE TABLE … AS` a query: its rows, and no more of its tables than the columns' types.
    fn create_table_as(
        &mut self,
        (schema, name): (String, String),
        if_not_exists: bool,
        names: &[String],
        reader: Reader<'_>,
    ) -> Result<(), DialectError> {
        if if_not_exists && self.catalog.relation(&schema, &name).is_some() {
            return Ok(());
        }
        self.new_relation(&schema, &name)?;
        let mut tokens = reader.tokens_left();
        let with_rows = super::view::takes_rows(&mut tokens)?;
        let analysis = analyse(&self.catalog, &parse::query(tokens)?.to_string())?;
        let definition = analysis.definition.clone();
        let mut table =
            super::view::new_view((schema, name), names, Default::default(), analysis, true)?.table;
        table.row_security = true;
        table.privileges = self.catalog.default_privileges.of_table(&table.schema);
        self.add_table(table.clone())?;
        if with_rows { self.fill(&table, &definition) } else { Ok(()) }
    }

    /// Renders a complete table and adds it to the catalog.
    pub(super) fn add_table(&mut self, table: Table) -> Result<(), DialectError> {
        // A table may refer to itself: it is in the catalog while its SQL is made.
        let physical = physical_name(&table.schema, &table.name);
        self.catalog.tables.insert(physical, table.clone());
        let sql = super::ddl::create_table(&self.catalog, &table)?;
        self.push(sql)?;
        self.create_exclusions(&table)
    }

    /// Refuses a name that is taken, or that SQLite could not tell from another.
    pub(super) fn new_relation(&self, schema: &str, name: &str) -> Result<(), DialectError> {
        self.writable_schema(schema)?;
        nameable("relation", name)?;
        let physical = physical_name(schema, name);
        let tables = self.catalog.tables.keys();
        let others = self.catalog.indexes.keys().chain(self.catalog.views.keys());
        let others = others.chain(self.catalog.composites.keys());
        if self.catalog.partitioned(schema, name).is_some() {
            return Err(DialectError::new("42P07", format!("relation \"{name}\" already exists")));
        }
        let taken = tables.chain(others).find(|key| key.eq_ignore_ascii_case(&physical));
        match taken {
            None => Ok(()),
            Some(same) if *same == physical => {
                Err(DialectError::new("42P07", format!("relation \"{name}\" already exists")))
            }
            Some(_) => Err(DialectError::unsupported(format!(
                "the name \"{name}\", which differs from another in case only,"
            ))),
        }
    }

    /// Refuses schemas that are not there, or not the project's.
    /// Refuses the name of a schema that is not there.
    pub(super) fn existing_schema(&self, schema: &str) -> Result<(), DialectError> {
        match HOSTED_SCHEMAS.contains(&schema) || self.catalog.schemas.iter().any(|of| of == schema) {
            true => Ok(()),
            false => Err(DialectError::new("3F000", format!("schema \"{schema}\" does not exist"))),
        }
    }

    pub(super) fn writable_schema(&self, schema: &str) -> Result<(), DialectError> {
        if SYSTEM_SCHEMAS.contains(&schema) || schema.starts_with("pg_") {
            return Err(DialectError::new("42501", format!("permission denied for schema {schema}")));
        }
        if schema != "public" && !self.catalog.schemas.iter().any(|known| known == schema) {
            return Err(DialectError::new("3F000", format!("schema \"{schema}\" does not exist")));
        }
        Ok(())
    }

    /// A table that a statement may change: it exists and is the project's.
    pub(super) fn own_table(&self, object: &ObjectName) -> Result<Table, DialectError> {
        let table = self.any_table(object)?;
        if is_builtin(&table) {
            return Err(DialectError::new("42501", format!("must be owner of table {}", table.name)));
        }
        Ok(table)
    }

    /// A table that exists.
    pub(super) fn any_table(&self, object: &ObjectName) -> Result<Table, DialectError> {
        let (schema, name) = name::qualified(object)?;
        let missing = || {
            let written = name::parts(object).unwrap_or_default().join(".");
            DialectError::new("42P01", format!("relation \"{written}\" does not exist"))
        };
        if self.catalog.partitioned(&schema, &name).is_some() {
            return Err(not_on_a_partition("this"));
        }
        if self.catalog.inlined_view(&schema, &name).is_some() {
            return Err(DialectError::new("42809", format!("\"{name}\" is not a table")));
        }
        self.catalog.table(&schema, &name).cloned().ok_or_else(missing)
    }
}

/// Refuses names that would clash in SQLite's single namespace.
pub fn nameable(what: &str, name: &str) -> Result<(), DialectError> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() {
        return Err(DialectError::new("42601", "zero-length delimited identifier"));
    }
    if name.contains('.')
        || name.starts_with('/')
        || name.contains('\0')
        || lower.starts_with("sqlite_")
        || lower.starts_with("_cf_")
    {
        return Err(DialectError::unsupported(format!("the {what} name \"{name}\"")));
    }
    Ok(())
}

/// Adds a column; SQLite does not tell names apart by case.
pub fn add_column(table: &mut Table, column: crate::schema::Column) -> Result<(), DialectError> {
    let same = table.columns.iter().find(|other| other.name.eq_ignore_ascii_case(&column.name));
    if let Some(same) = same {
        return Err(if same.name == column.name {
            DialectError::new("42701", format!("column \"{}\" specified more than once", column.name))
        } else {
            DialectError::unsupported(format!(
                "the column \"{}\", which differs from another in case only,",
                column.name
            ))
        });
    }
    if column.name.is_empty() || column.name.contains('\0') {
        return Err(DialectError::new("42601", "zero-length delimited identifier"));
    }
    table.columns.push(column);
    if table.columns.len() > MOST_COLUMNS {
        return Err(DialectError::new(
            "54011",
            format!("tables can have at most {MOST_COLUMNS} columns here"),
        ));
    }
    Ok(())
}

/// `WITH (fillfactor = 70)`: how Postgres stores the table, which no statement can tell.
fn is_storage_option(options: &CreateTableOptions) -> bool {
    matches!(options, CreateTableOptions::None | CreateTableOptions::With(_))
}

fn refuse_odd_clauses(create: &CreateTable) -> Result<(), DialectError> {
    #[rustfmt::skip]
    let clauses = [
        (create.or_replace,               "CREATE OR REPLACE TABLE"),
        (create.temporary,                "CREATE TEMPORARY TABLE"),
        (create.query.is_some(),          "CREATE TABLE … AS"),
        (create.like.is_some(),           "LIKE outside of the list of columns"),
        (create.inherits.is_some(),       "INHERITS"),
        (create.partition_by.is_some(),   "PARTITION BY"),
        (create.partition_of.is_some(),   "PARTITION OF"),
        (create.on_commit.is_some(),      "ON COMMIT"),
        (create.external,                 "CREATE EXTERNAL TABLE"),
        (create.strict,                   "STRICT"),
        (create.without_rowid,            "WITHOUT ROWID"),
        (!is_storage_option(&create.table_options), "table options"),
        (create.comment.is_some(),        "COMMENT"),
        (create.clone.is_some(),          "CLONE"),
    ];
    match clauses.iter().find(|(present, _)| *present) {
        Some((_, clause)) => Err(DialectError::unsupported(clause)),
        None => Ok(()),
    }
}

/// The tokens of a list's elements, with commas between.
fn joined(elements: &[Vec<TokenWithSpan>]) -> Vec<TokenWithSpan> {
    let mut tokens = Vec::new();
    for element in elements {
        if !tokens.is_empty() {
            tokens.push(TokenWithSpan::wrap(Token::Comma));
        }
        tokens.extend(element.iter().cloned());
    }
    tokens
}
