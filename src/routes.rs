//! THE table: every URL, who may call it, how often, how much it may send, and what answers.

use ::http::Method;

use crate::auth::api as auth;
use crate::caller::Access::{self, *};
use crate::http::LimitedAs::{self, *};
use crate::http::{Context, Handler, Refusal, Response, Route, Router, handler, json_response};
use crate::rest::api as rest;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;
const PATCH: Method = Method::PATCH;
const OPTIONS: Method = Method::OPTIONS;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

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
        row(GET,    "/auth/v1/health",                   Public, Unlimited,  KIB, handler(auth::health)),
        row(GET,    "/auth/v1/settings",                 Public, Unlimited,  KIB, handler(auth::settings)),
        row(GET,    "/auth/v1/.well-known/jwks.json",    Public, Unlimited,  KIB, handler(auth::jwks)),
        row(POST,   "/auth/v1/signup",                   Public, SignUp,     MIB, handler(auth::sign_up)),
        row(POST,   "/auth/v1/token",                    Public, TokenGrant, MIB, handler(auth::token)),
        row(POST,   "/auth/v1/logout",                   User,   Unlimited,  MIB, handler(auth::logout)),
        row(GET,    "/auth/v1/user",                     User,   Unlimited,  KIB, handler(auth::get_user)),
        row(PUT,    "/auth/v1/user",                     User,   Account,    MIB, handler(auth::update_user)),
        row(GET,    "/auth/v1/admin/users",              Admin,  Unlimited,  KIB, handler(auth::list_users)),
        row(POST,   "/auth/v1/admin/users",              Admin,  Unlimited,  MIB, handler(auth::create_user)),
        row(GET,    "/auth/v1/admin/users/{user_id}",    Admin,  Unlimited,  KIB, handler(auth::get_any_user)),
        row(PUT,    "/auth/v1/admin/users/{user_id}",    Admin,  Unlimited,  MIB, handler(auth::update_any_user)),
        row(DELETE, "/auth/v1/admin/users/{user_id}",    Admin,  Unlimited,  MIB, handler(auth::delete_user)),
    ]
}

#[rustfmt::skip]
fn rest() -> Vec<Route> {
    vec![
        row(GET,     "/rest/v1",                Caller, Unlimited, KIB,      handler(rest::root)),
        row(GET,     "/rest/v1/",               Caller, Unlimited, KIB,      handler(rest::root)),
        row(GET,     "/rest/v1/rpc/{function}", Caller, Unlimited, KIB,      handler(rest::function)),
        row(POST,    "/rest/v1/rpc/{function}", Caller, Unlimited, 10 * MIB, handler(rest::function)),
        row(GET,     "/rest/v1/{relation}",     Caller, Unlimited, KIB,      handler(rest::relation)),
        row(POST,    "/rest/v1/{relation}",     Caller, Unlimited, 10 * MIB, handler(rest::relation)),
        row(PATCH,   "/rest/v1/{relation}",     Caller, Unlimited, 10 * MIB, handler(rest::relation)),
        row(PUT,     "/rest/v1/{relation}",     Caller, Unlimited, 10 * MIB, handler(rest::relation)),
        row(DELETE,  "/rest/v1/{relation}",     Caller, Unlimited, MIB,      handler(rest::relation)),
        row(OPTIONS, "/rest/v1/{relation}",     Caller, Unlimited, KIB,      handler(rest::options)),
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
