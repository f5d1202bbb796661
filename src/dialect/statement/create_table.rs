//! `CREATE TABLE`.

use sqlparser::ast::{CreateTable, CreateTableOptions, ObjectName};

use super::column::read_column;
use super::constraint::Constraints;
use crate::dialect::translate::Translator;
use crate::dialect::{DialectError, name};
use crate::schema::{Table, is_builtin};
use crate::sql::physical_name;

/// D1's limit, and SQLite's on D1.
const MOST_COLUMNS: usize = 100;

/// Schemas that belong to the system.
#[rustfmt::skip]
const SYSTEM_SCHEMAS: &[&str] = &[
    "auth", "storage", "realtime", "vault", "extensions", "graphql", "graphql_public", "supabase_functions",
    "supabase_migrations", "edgeward", "information_schema", "cron", "net", "pgbouncer",
];

impl Translator {
    pub(in crate::dialect) fn create_table(&mut self, create: &CreateTable) -> Result<(), DialectError> {
        refuse_odd_clauses(create)?;
        let (schema, name) = name::qualified(&create.name)?;
        if create.if_not_exists && self.catalog.table(&schema, &name).is_some() {
            return Ok(());
        }
        self.new_relation(&schema, &name)?;
        let mut table = Table { row_security: true, ..Table::new(schema, name) };
        let mut constraints = Constraints::default();
        for definition in &create.columns {
            let column = read_column(&self.catalog, definition, &mut constraints)?;
            add_column(&mut table, column)?;
        }
        for constraint in &create.constraints {
            constraints.add(constraint)?;
        }
        let shapes = std::mem::take(&mut constraints.sequences);
        constraints.resolve(&self.catalog, &mut table)?;
        let start = self.number_columns(&mut table, &shapes)?;
        self.add_table(table.clone())?;
        start.map_or(Ok(()), |start| self.set_rowid(&table, &start.to_string()))
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
        (create.like.is_some(),           "CREATE TABLE … (LIKE …)"),
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
        (create.columns.is_empty(),       "a table without columns"),
    ];
    match clauses.iter().find(|(present, _)| *present) {
        Some((_, clause)) => Err(DialectError::unsupported(clause)),
        None => Ok(()),
    }
}
