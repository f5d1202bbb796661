//! The registry: the catalog's rows in the database.
//!
//! `"edgeward.catalog"` has a row per object, its definition as JSON; `"edgeward.catalog_version"`
//! has the one version row. A migration writes its rows and moves the version in its own batch, so
//! the registry cannot drift from the tables.

use std::cell::RefCell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::ApiSettings;
use super::builtin;
use super::catalog::{Catalog, Enum, Index, Policy, Sequence, Table};
use super::default_privileges::DefaultPrivileges;
use super::domain::Domain;
use super::routine::Routine;
use super::trigger::{CALLER_TABLE, Trigger};
use super::view::View;
use crate::ports::{Database, DbError};
use crate::sql::{Statement, physical_name, quote_identifier, raise};

/// What [`guard`] raises when the schema moved under the request: reload and plan again.
pub const STALE_CATALOG: &str = "stale catalog";

/// The isolate's copy of the catalog.
#[derive(Default)]
pub struct CatalogCache {
    catalog: RefCell<Option<Rc<Catalog>>>,
}

impl CatalogCache {
    /// The remembered catalog, else the database's. Two requests that find none both load it: a
    /// request must not await another's I/O.
    pub async fn get(&self, database: &dyn Database) -> Result<Rc<Catalog>, DbError> {
        if let Some(catalog) = self.catalog.borrow().as_ref() {
            return Ok(catalog.clone());
        }
        let catalog = Rc::new(load(database).await?);
        self.catalog.replace(Some(catalog.clone()));
        Ok(catalog)
    }

    /// Forgets the catalog, so that the next [`Self::get`] reads it again.
    pub fn forget(&self) {
        self.catalog.replace(None);
    }
}

#[derive(Deserialize)]
struct Row {
    kind: String,
    definition: String,
}

#[derive(Serialize, Deserialize)]
struct PolicyRow {
    schema: String,
    table: String,
    policy: Policy,
}

/// Reads the whole catalog in one batch.
pub async fn load(database: &dyn Database) -> Result<Catalog, DbError> {
    let results = database
        .batch(vec![
            Statement::new("SELECT version FROM \"edgeward.catalog_version\""),
            Statement::new("SELECT kind, definition FROM \"edgeward.catalog\" ORDER BY rowid"),
        ])
        .await?;
    let [versions, rows] = results.as_slice() else {
        return Err(DbError::Other("the catalog's batch gave other results than asked".into()));
    };
    #[derive(Deserialize)]
    struct Version {
        version: i64,
    }
    let version = versions.first::<Version>()?.map_or(0, |row| row.version);
    let mut catalog = Catalog { version, ..builtin::catalog() };
    for row in rows.decode::<Row>()? {
        add(&mut catalog, &row)
            .map_err(|error| DbError::Other(format!("a catalog row did not decode: {error}")))?;
    }
    catalog.find_view_keys();
    Ok(catalog)
}

fn add(catalog: &mut Catalog, row: &Row) -> Result<(), serde_json::Error> {
    match row.kind.as_str() {
        "table" => {
            let table: Table = serde_json::from_str(&row.definition)?;
            catalog.tables.insert(physical_name(&table.schema, &table.name), table);
        }
        "enum" => {
            let of: Enum = serde_json::from_str(&row.definition)?;
            catalog.enums.insert(physical_name(&of.schema, &of.name), of);
        }
        "composite" => {
            let of: Table = serde_json::from_str(&row.definition)?;
            catalog.composites.insert(physical_name(&of.schema, &of.name), of);
        }
        "domain" => {
            let of: Domain = serde_json::from_str(&row.definition)?;
            catalog.domains.insert(physical_name(&of.schema, &of.name), of);
        }
        "policy" => {
            let row: PolicyRow = serde_json::from_str(&row.definition)?;
            if let Some(table) = catalog.tables.get_mut(&physical_name(&row.schema, &row.table)) {
                table.policies.push(row.policy);
            }
        }
        "index" => {
            let index: Index = serde_json::from_str(&row.definition)?;
            catalog.indexes.insert(physical_name(&index.schema, &index.name), index);
        }
        "function" => {
            let routine: Routine = serde_json::from_str(&row.definition)?;
            catalog.insert_routine(routine);
        }
        "trigger" => {
            let trigger: Trigger = serde_json::from_str(&row.definition)?;
            catalog.triggers.insert(trigger.key(), trigger);
        }
        "view" => {
            let view: View = serde_json::from_str(&row.definition)?;
            catalog.views.insert(physical_name(&view.table.schema, &view.table.name), view);
        }
        "sequence" => {
            let of: Sequence = serde_json::from_str(&row.definition)?;
            catalog.sequences.insert(physical_name(&of.schema, &of.name), of);
        }
        "api settings" => catalog.api_settings = serde_json::from_str(&row.definition)?,
        "default privileges" => catalog.default_privileges = serde_json::from_str(&row.definition)?,
        "publications" => catalog.publications = serde_json::from_str(&row.definition)?,
        "schema" => catalog.schemas.push(serde_json::from_str(&row.definition)?),
        _ => {}
    }
    Ok(())
}

/// The statements that turn the registry of `before` into that of `after`, for the migration's own
/// batch: changed rows, vanished rows, and the version moved by one. Starts with a [`guard`].
pub fn save(before: &Catalog, after: &Catalog) -> Result<Vec<Statement>, serde_json::Error> {
    let mut statements = vec![guard(before.version)];
    let (old, new) = (rows(before)?, rows(after)?);
    for (key, _) in old.iter().filter(|(key, _)| !new.iter().any(|(other, _)| other == key)) {
        statements.push(
            Statement::new("DELETE FROM \"edgeward.catalog\" WHERE kind = ?1 AND name = ?2")
                .bind(key.0)
                .bind(&key.1),
        );
    }
    for (key, definition) in new.iter().filter(|row| !old.contains(row)) {
        statements.push(
            Statement::new(
                "INSERT INTO \"edgeward.catalog\" (kind, name, definition) VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, name) DO UPDATE SET definition = excluded.definition",
            )
            .bind(key.0)
            .bind(&key.1)
            .bind(definition),
        );
    }
    statements.push(Statement::new("UPDATE \"edgeward.catalog_version\" SET version = version + 1"));
    Ok(statements)
}

type RegistryRow = ((&'static str, String), String);

/// Everything but the built-in tables (whose policies are rows like any other).
fn rows(catalog: &Catalog) -> Result<Vec<RegistryRow>, serde_json::Error> {
    let mut rows = Vec::new();
    for schema in &catalog.schemas {
        rows.push((("schema", schema.clone()), serde_json::to_string(schema)?));
    }
    if catalog.api_settings != ApiSettings::default() {
        rows.push((("api settings", "api".to_string()), serde_json::to_string(&catalog.api_settings)?));
    }
    if catalog.default_privileges != DefaultPrivileges::default() {
        let row = serde_json::to_string(&catalog.default_privileges)?;
        rows.push((("default privileges", "all".to_string()), row));
    }
    if catalog.publications != builtin::publications() {
        let row = serde_json::to_string(&catalog.publications)?;
        rows.push((("publications", "all".to_string()), row));
    }
    for (name, index) in &catalog.indexes {
        rows.push((("index", name.clone()), serde_json::to_string(index)?));
    }
    for (name, of) in &catalog.enums {
        rows.push((("enum", name.clone()), serde_json::to_string(of)?));
    }
    for (name, of) in &catalog.composites {
        rows.push((("composite", name.clone()), serde_json::to_string(of)?));
    }
    for (name, of) in &catalog.domains {
        rows.push((("domain", name.clone()), serde_json::to_string(of)?));
    }
    for (name, of) in &catalog.sequences {
        rows.push((("sequence", name.clone()), serde_json::to_string(of)?));
    }
    for (name, routine) in
        catalog.routines.iter().filter(|(_, routine)| !builtin::is_builtin_routine(routine))
    {
        rows.push((("function", name.clone()), serde_json::to_string(routine)?));
    }
    for (name, trigger) in &catalog.triggers {
        rows.push((("trigger", name.clone()), serde_json::to_string(trigger)?));
    }
    for (name, view) in &catalog.views {
        let mut view = view.clone();
        // It follows from the tables.
        view.table.primary_key = None;
        rows.push((("view", name.clone()), serde_json::to_string(&view)?));
    }
    for (name, table) in &catalog.tables {
        if !builtin::is_builtin(table) {
            rows.push((("table", name.clone()), serde_json::to_string(table)?));
        }
    }
    for (name, table) in &catalog.tables {
        for policy in &table.policies {
            let row =
                PolicyRow { schema: table.schema.clone(), table: table.name.clone(), policy: policy.clone() };
            rows.push((("policy", format!("{} on {name}", policy.name)), serde_json::to_string(&row)?));
        }
    }
    Ok(rows)
}

/// A statement that aborts its batch unless the catalog is still at `version`.
pub fn guard(version: i64) -> Statement {
    Statement::new(guarded("?1", "NULL")).bind(version)
}

/// The number `value` as a query of its own, which aborts the batch unless the catalog is still at the version that
/// the placeholder `version` is bound to. As a `LIMIT` it is always looked at, also where there are no rows.
pub fn guarded(version: &str, value: &str) -> String {
    let stale = raise(&format!("'{STALE_CATALOG}'"));
    format!(
        "SELECT CASE WHEN version <> CAST({version} AS INTEGER) THEN {stale} ELSE {value} END
         FROM \"edgeward.catalog_version\""
    )
}

/// For whom a batch runs.
pub struct StoredCaller {
    /// `auth.uid()`.
    pub user_id: Option<String>,
    /// `auth.role()`.
    pub role: String,
    /// `auth.email()`.
    pub email: Option<String>,
    /// `auth.jwt()`, as JSON.
    pub claims: String,
    /// The request as JSON, where there is one.
    pub request: Option<String>,
}

/// Says for whom the rest of the batch runs, to the triggers that ask.
pub fn enter_caller(caller: &StoredCaller) -> Statement {
    let table = quote_identifier(CALLER_TABLE);
    Statement::new(format!(
        "INSERT INTO {table} (only, user_id, role, email, claims, request)
         VALUES (1, ?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (only) DO UPDATE
         SET user_id = excluded.user_id, role = excluded.role, email = excluded.email, claims = excluded.claims, request = excluded.request"
    ))
    .bind(caller.user_id.clone())
    .bind(&caller.role)
    .bind(caller.email.clone())
    .bind(&caller.claims)
    .bind(caller.request.clone())
}

/// Ends what [`enter_caller`] began.
pub fn leave_caller() -> Statement {
    Statement::new(format!("DELETE FROM {}", quote_identifier(CALLER_TABLE)))
}
