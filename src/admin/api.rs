//! `/admin/v1`: thin handlers over the use cases beside.

use ::http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::migrate::{Migration, Outcome};
use super::preview::{Preview, State, Step};
use super::report::TableReport;
use super::{AdminError, migrate, preview, query, report, reset};
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
    changed: bool,
}

#[derive(Deserialize)]
struct PreviewRequest {
    migrations: Vec<MigrationRequest>,
}

#[derive(Deserialize)]
struct QueryRequest {
    sql: String,
}

#[derive(Default, Deserialize)]
struct ResetRequest {
    #[serde(default)]
    confirm: String,
}

/// `POST /admin/v1/migrations`: applies one migration file once. With `"dry_run": true` it says what
/// that would do, for the one file or for all the files in `migrations`, and changes nothing.
pub async fn apply_migration(mut context: Context) -> Result<Response, AdminError> {
    let mut body: Value = body(&mut context).await?;
    let is_dry_run = match body.as_object_mut().and_then(|body| body.remove("dry_run")) {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Bool(true)) => true,
        Some(_) => return Err(AdminError::Body("dry_run must be true or false".to_string())),
    };
    if is_dry_run {
        return preview_migrations(&context, body).await;
    }
    let migration = decode::<MigrationRequest>(body)?.migration()?;
    let outcome = migrate::migrate(&context.app, &migration).await?;
    let answer = MigrationAnswer {
        version: migration.version,
        name: migration.name,
        applied: outcome == Outcome::Applied,
        changed: outcome == Outcome::Changed,
    };
    Ok(json_response(StatusCode::OK, &answer))
}

async fn preview_migrations(context: &Context, body: Value) -> Result<Response, AdminError> {
    let requests = match body.get("migrations") {
        Some(_) => decode::<PreviewRequest>(body)?.migrations,
        None => vec![decode::<MigrationRequest>(body)?],
    };
    let migrations = requests.into_iter().map(MigrationRequest::migration).collect::<Result<_, _>>()?;
    let previews = preview::preview(&context.app, migrations).await?;
    let previews: Vec<Value> = previews.iter().map(preview_json).collect();
    Ok(json_response(StatusCode::OK, &json!({"migrations": previews})))
}

fn preview_json(preview: &Preview) -> Value {
    let state = match preview.state {
        State::Applied => "applied",
        State::Changed => "changed",
        State::Pending => "pending",
        State::Remote => "remote",
    };
    let step = |step: &Step| json!({"line": step.line, "statement": step.statement, "sqlite": step.sqlite});
    json!({
        "version": preview.version,
        "name": preview.name,
        "state": state,
        "statements": preview.steps.iter().map(step).collect::<Vec<_>>(),
        "error": preview.refused.as_ref().map(AdminError::to_json),
    })
}

/// `POST /admin/v1/query`: runs statements in one transaction; the rows of the last one.
pub async fn run_query(mut context: Context) -> Result<Response, AdminError> {
    let QueryRequest { sql } = body(&mut context).await?;
    let rows = query::query(&context.app, &sql).await?;
    Ok(json_text(StatusCode::OK, format!("{{\"rows\":{rows}}}")))
}

/// `POST /admin/v1/reset`: removes the project's tables, accounts and files. Elsewhere than on this
/// machine the body has to name the host, `{"confirm": "example.workers.dev"}`, so that no slip of an
/// address can do it.
pub async fn reset_project(mut context: Context) -> Result<Response, AdminError> {
    let bytes = context.read_body().await?;
    let asked: ResetRequest = if bytes.is_empty() { ResetRequest::default() } else { parse(&bytes)? };
    let host = context.origin.split_once("://").map_or("", |(_, host)| host);
    if !context.is_loopback() && asked.confirm != host {
        return Err(AdminError::Body(format!(
            "a reset of {host} has to be confirmed: {{\"confirm\":\"{host}\"}}"
        )));
    }
    let tables = reset::reset(&context.app).await?;
    Ok(json_response(StatusCode::OK, &json!({"tables_dropped": tables})))
}

/// `GET /admin/v1/policies/report`: what each role reaches of each exposed table, and what looks like a mistake.
pub async fn policy_report(context: Context) -> Result<Response, AdminError> {
    let tables = report::report(&context.app).await?;
    let tables: Vec<Value> = tables.iter().map(TableReport::to_json).collect();
    Ok(json_response(StatusCode::OK, &json!({"tables": tables})))
}

impl MigrationRequest {
    fn migration(self) -> Result<Migration, AdminError> {
        Migration::new(self.version, self.name, self.sql)
    }
}

async fn body<T: DeserializeOwned>(context: &mut Context) -> Result<T, AdminError> {
    parse(&context.read_body().await?)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, AdminError> {
    serde_json::from_slice(bytes).map_err(|error| AdminError::Body(error.to_string()))
}

fn decode<T: DeserializeOwned>(body: Value) -> Result<T, AdminError> {
    serde_json::from_value(body).map_err(|error| AdminError::Body(error.to_string()))
}
