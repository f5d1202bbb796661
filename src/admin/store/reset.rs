//! The SQL of a reset: what is in the database, and how it goes.

use serde::Deserialize;

use crate::ports::{Database, DbError};
use crate::sql::{Statement, quote_identifier};

/// What the project has made.
#[derive(Default)]
pub struct Objects {
    /// Its tables, those first that no other left refers to.
    pub tables: Vec<String>,
    /// Full-text indexes.
    virtual_tables: Vec<String>,
    views: Vec<String>,
    triggers: Vec<String>,
}

/// Beginnings of the names of tables that are the system's or the platform's.
const SYSTEM: &[&str] = &[
    "edgeward.",
    "auth.",
    "storage.",
    "realtime.",
    "supabase_migrations.",
    "supabase_functions.",
    "sqlite_",
    "_cf_",
    "d1_",
];

#[derive(Deserialize)]
struct Row {
    kind: String,
    name: String,
}

#[derive(Deserialize)]
struct Reference {
    name: String,
    target: String,
}

/// Finds what the project has made. A full-text index is a table whose own parts go with it.
pub async fn objects(database: &dyn Database) -> Result<Objects, DbError> {
    let results = database
        .batch(vec![
            Statement::new(
                "SELECT iif(substr(object.sql, 1, 14) = 'CREATE VIRTUAL', 'virtual', object.type) AS kind, object.name
                 FROM sqlite_master AS object
                 WHERE object.type IN ('table', 'view', 'trigger')
                   AND NOT EXISTS (
                     SELECT 1
                     FROM sqlite_master AS whole
                     WHERE substr(whole.sql, 1, 14) = 'CREATE VIRTUAL'
                       AND object.name IN (
                         whole.name || '_data', whole.name || '_idx', whole.name || '_content',
                         whole.name || '_docsize', whole.name || '_config'
                       )
                   )
                 ORDER BY object.rowid",
            ),
            Statement::new(
                "SELECT DISTINCT of.name AS name, reference.\"table\" AS target
                 FROM sqlite_master AS of
                 JOIN pragma_foreign_key_list(of.name) AS reference
                 WHERE of.type = 'table' AND substr(of.name, 1, 4) <> '_cf_'",
            ),
        ])
        .await?;
    let [rows, references] = results.as_slice() else {
        return Err(DbError::Other("the objects' batch gave other results than asked".into()));
    };
    let mut objects = Objects::default();
    for row in rows.decode::<Row>()? {
        match row.kind.as_str() {
            "trigger" if row.name.starts_with("edgeward.") => {}
            // The project's may be on the system's tables.
            "trigger" => objects.triggers.push(row.name),
            _ if SYSTEM.iter().any(|start| row.name.starts_with(start)) => {}
            "view" => objects.views.push(row.name),
            "virtual" => objects.virtual_tables.push(row.name),
            _ => objects.tables.push(row.name),
        }
    }
    objects.tables = referring_first(objects.tables, &references.decode()?);
    Ok(objects)
}

/// Deleting a row looks for those that refer to it, so they go first. In a circle any may.
fn referring_first(mut left: Vec<String>, references: &[Reference]) -> Vec<String> {
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let is_referred_to = |name: &String| {
            references.iter().any(|of| of.target == *name && of.name != *name && left.contains(&of.name))
        };
        let free = left.iter().position(|name| !is_referred_to(name)).unwrap_or(0);
        ordered.push(left.remove(free));
    }
    ordered
}

impl Objects {
    /// Triggers first, so that nothing is done for rows that go; rows before tables, so that tables
    /// that refer to each other in a circle go as well.
    pub fn drop_all(&self) -> Vec<Statement> {
        let drop = |kind: &'static str| {
            move |name: &String| Statement::new(format!("DROP {kind} IF EXISTS {}", quote_identifier(name)))
        };
        let empty = |name: &String| Statement::new(format!("DELETE FROM {}", quote_identifier(name)));
        let mut statements = vec![Statement::new("PRAGMA defer_foreign_keys = ON")];
        statements.extend(self.triggers.iter().map(drop("TRIGGER")));
        statements.extend(self.views.iter().map(drop("VIEW")));
        statements.extend(self.virtual_tables.iter().map(drop("TABLE")));
        statements.extend(self.tables.iter().map(empty));
        statements.extend(self.tables.iter().map(drop("TABLE")));
        statements
    }
}

/// Accounts, files and migrations; what belongs to an account or a bucket goes with it.
pub fn empty_system_tables() -> Vec<Statement> {
    [
        "INSERT OR IGNORE INTO \"storage.garbage\" (version)
         SELECT version FROM \"storage.objects\" WHERE version IS NOT NULL",
        "DELETE FROM \"storage.objects\"",
        "DELETE FROM \"storage.buckets\"",
        "DELETE FROM \"auth.users\"",
        "DELETE FROM \"auth.mailbox\"",
        "DELETE FROM \"supabase_migrations.schema_migrations\"",
    ]
    .into_iter()
    .map(Statement::new)
    .collect()
}
