//! THE table: every URL, who may call it, how often, how much it may send, and what answers.

use ::http::Method;

use crate::caller::Access::{self, *};
use crate::http::LimitedAs::{self, *};
use crate::http::{Context, Handler, Refusal, Response, Route, Router, handler, json_response};

const GET: Method = Method::GET;

const KIB: u64 = 1024;

/// The router over the whole table.
pub fn router() -> Result<Router, String> {
    Router::new(table())
}

fn table() -> Vec<Route> {
    [site(), auth(), rest(), storage(), admin(), fault()].into_iter().flatten().collect()
}

#[rustfmt::skip]
fn site() -> Vec<Route> {
    vec![
        row(GET, "/health", Public, Unlimited, KIB, handler(health)),
    ]
}

#[rustfmt::skip]
fn auth() -> Vec<Route> {
    vec![
    ]
}

#[rustfmt::skip]
fn rest() -> Vec<Route> {
    vec![
    ]
}

#[rustfmt::skip]
fn storage() -> Vec<Route> {
    vec![
    ]
}

#[rustfmt::skip]
fn admin() -> Vec<Route> {
    vec![
    ]
}

#[cfg(feature = "fault-routes")]
#[rustfmt::skip]
fn fault() -> Vec<Route> {
    use crate::http::fault;
    vec![
        row(GET, "/admin/v1/fault/panic", Public, Unlimited, KIB, handler(fault::panic)),
    ]
}

#[cfg(not(feature = "fault-routes"))]
fn fault() -> Vec<Route> {
    Vec::new()
}

fn row(
    method: Method,
    path: &'static str,
    access: Access,
    limited_as: LimitedAs,
    body_limit: u64,
    handler: Handler,
) -> Route {
    Route { method, path, access, limited_as, body_limit, handler }
}

/// `GET /health`: the Worker runs and its settings are whole. Asks no store.
async fn health(_: Context) -> Result<Response, Refusal> {
    let body = serde_json::json!({"name": "Edgeward", "version": env!("CARGO_PKG_VERSION"), "healthy": true});
    Ok(json_response(::http::StatusCode::OK, &body))
}
