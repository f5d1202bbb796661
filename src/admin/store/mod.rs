//! The SQL of the admin API's own rows.

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

/// Whether a migration of that version was applied.
pub async fn is_applied(database: &dyn Database, version: &str) -> Result<bool, DbError> {
    #[derive(Deserialize)]
    struct Row {
        count: u64,
    }
    let statement = Statement::new(
        "SELECT count(*) AS count
         FROM \"supabase_migrations.schema_migrations\"
         WHERE version = ?1",
    )
    .bind(version);
    let results = database.batch(vec![statement]).await?;
    let row = results.first().map(|rows| rows.first::<Row>()).transpose()?.flatten();
    Ok(row.is_some_and(|row| row.count > 0))
}
