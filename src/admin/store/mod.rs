//! The SQL of the admin API's own rows.

pub mod report;
pub mod reset;

use serde::Deserialize;

use crate::ports::{Database, DbError};
use crate::sql::{Statement, raise};

/// What [`end_here`] raises.
pub const REACHED: &str = "reached";

/// A statement that ends its batch, rolled back, to show that everything before it ran.
pub fn end_here() -> Statement {
    Statement::new(format!("SELECT {}", raise(&format!("'{REACHED}'"))))
}

/// Notes a migration as applied; `statements` is a JSON array of their texts.
pub fn insert_migration(version: &str, name: &str, statements: String) -> Statement {
    Statement::new(
        "INSERT INTO \"supabase_migrations.schema_migrations\" (version, name, statements)
         VALUES (?1, ?2, ?3)",
    )
    .bind(version)
    .bind(name)
    .bind(statements)
}

/// A migration that was applied.
#[derive(Deserialize)]
pub struct AppliedMigration {
    /// The digits its file name starts with.
    pub version: String,
    /// The rest of its file name.
    pub name: Option<String>,
    statements: String,
}

impl AppliedMigration {
    /// The texts of its statements.
    pub fn statements(&self) -> Vec<String> {
        // The table's own CHECK keeps it JSON; what is no array of texts has no statements to compare.
        serde_json::from_str(&self.statements).unwrap_or_default()
    }
}

/// The applied migration of a version, or `None`.
pub async fn applied(database: &dyn Database, version: &str) -> Result<Option<AppliedMigration>, DbError> {
    let statement = Statement::new(
        "SELECT version, name, statements
         FROM \"supabase_migrations.schema_migrations\"
         WHERE version = ?1",
    )
    .bind(version);
    let results = database.batch(vec![statement]).await?;
    Ok(results.first().map(|rows| rows.first()).transpose()?.flatten())
}

/// Every migration that was applied, in the order of versions.
pub async fn all_applied(database: &dyn Database) -> Result<Vec<AppliedMigration>, DbError> {
    let statement = Statement::new(
        "SELECT version, name, statements
         FROM \"supabase_migrations.schema_migrations\"
         ORDER BY version",
    );
    let results = database.batch(vec![statement]).await?;
    results.first().map_or(Ok(Vec::new()), |rows| rows.decode())
}
