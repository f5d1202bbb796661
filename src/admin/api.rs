//! `/admin/v1`: thin handlers over the use cases beside.

use ::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{AdminError, migrate, query};
use crate::http::{Context, Response, json_response, json_text};

#[derive(Deserialize)]
struct MigrationRequest {
    version: String,
    #[serde(default)]
    name: String,
    sql: String,
}

#[derive(Serialize)]
struct MigrationAnswer {
    version: String,
    name: String,
    applied: bool,
}

#[derive(Deserialize)]
struct QueryRequest {
    sql: String,
}

/// `POST /admin/v1/migrations`: applies one migration file once.
pub async fn apply_migration(mut context: Context) -> Result<Response, AdminError> {
    let MigrationRequest { version, name, sql } = body(&mut context).await?;
    let migration = migrate::Migration::new(version, name, sql)?;
    let applied = migrate::migrate(&context.app, &migration).await?;
    let answer = MigrationAnswer { version: migration.version, name: migration.name, applied };
    Ok(json_response(StatusCode::OK, &answer))
}

/// `POST /admin/v1/query`: runs statements in one transaction; the rows of the last one.
pub async fn run_query(mut context: Context) -> Result<Response, AdminError> {
    let QueryRequest { sql } = body(&mut context).await?;
    let rows = query::query(&context.app, &sql).await?;
    Ok(json_text(StatusCode::OK, format!("{{\"rows\":{rows}}}")))
}

async fn body<T: DeserializeOwned>(context: &mut Context) -> Result<T, AdminError> {
    let bytes = context.read_body().await?;
    serde_json::from_slice(&bytes).map_err(|error| AdminError::Body(error.to_string()))
}
