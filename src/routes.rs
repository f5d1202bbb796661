//! THE table: every URL, who may call it, how often, how much it may send, and what answers.

use ::http::Method;
use futures_util::FutureExt;

use crate::admin::api as admin;
use crate::auth::api as auth;
use crate::auth::api::oauth_server as oauth;
use crate::caller::Access::{self, *};
use crate::http::LimitedAs::{self, *};
use crate::http::{Context, Handler, Refusal, Response, Route, Router, handler, json_response};
use crate::rest::api as rest;
use crate::storage::api as storage;

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const DELETE: Method = Method::DELETE;
const PATCH: Method = Method::PATCH;
const HEAD: Method = Method::HEAD;
const OPTIONS: Method = Method::OPTIONS;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// R2's limit on one object; `FILE_SIZE_LIMIT` and the bucket's own decide before.
const OBJECT: u64 = 5 * 1024 * MIB;

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
        row(GET,    "/health",              Public, Unlimited, KIB, handler(health)),
        row(GET,    "/mailbox",             Caller, Unlimited, KIB, handler(auth::mailbox::page)),
        row(GET,    "/api/v1/messages",     Caller, Unlimited, KIB, handler(auth::mailbox::messages)),
        row(DELETE, "/api/v1/messages",     Caller, Unlimited, MIB, handler(auth::mailbox::clear)),
        row(GET,    "/api/v1/search",       Caller, Unlimited, KIB, handler(auth::mailbox::search)),
        row(GET,    "/api/v1/message/{id}", Caller, Unlimited, KIB, handler(auth::mailbox::message)),
    ]
}

#[rustfmt::skip]
fn auth() -> Vec<Route> {
    vec![
        row(GET,    "/auth/v1/health",                   Public, Unlimited,  KIB, handler(auth::health)),
        row(GET,    "/auth/v1/settings",                 Public, Unlimited,  KIB, handler(auth::settings)),
        row(GET,    "/auth/v1/.well-known/jwks.json",    Public, Unlimited,  KIB, handler(auth::jwks)),
        row(GET,    "/auth/v1/.well-known/openid-configuration", Public, Unlimited, KIB, handler(auth::openid_configuration)),
        row(GET,    "/auth/v1/.well-known/oauth-authorization-server", Public, Unlimited, KIB, handler(auth::oauth_authorization_server)),
        row(GET,    "/.well-known/oauth-authorization-server/auth/v1", Public, Unlimited, KIB, handler(auth::oauth_authorization_server)),
        row(GET,    "/auth/v1/oauth/authorize",                   Public, TokenGrant,         KIB,      handler(oauth::ask_authorization)),
        row(GET,    "/auth/v1/oauth/authorizations/{authorization_id}",          Public, Unlimited, KIB, handler(oauth::get_authorization)),
        row(POST,   "/auth/v1/oauth/authorizations/{authorization_id}/consent",  Public, Unlimited, MIB, handler(oauth::decide_authorization)),
        row(POST,   "/auth/v1/oauth/token",                       Public, Unlimited,          MIB,      handler(oauth::token)),
        row(GET,    "/auth/v1/oauth/userinfo",                    Public, Unlimited,          KIB,      handler(oauth::userinfo)),
        row(POST,   "/auth/v1/oauth/clients/register",            Public, ClientRegistration, 64 * KIB, handler(oauth::register_client)),
        row(GET,    "/auth/v1/user/oauth/grants",                 User,   Unlimited,          KIB,      handler(oauth::list_grants)),
        row(DELETE, "/auth/v1/user/oauth/grants",                 User,   Unlimited,          MIB,      handler(oauth::revoke_grant)),
        row(GET,    "/auth/v1/admin/oauth/clients",               Admin,  Unlimited,          KIB,      handler(oauth::list_clients)),
        row(POST,   "/auth/v1/admin/oauth/clients",               Admin,  Unlimited,          MIB,      handler(oauth::create_client)),
        row(GET,    "/auth/v1/admin/oauth/clients/{client_id}",   Admin,  Unlimited,          KIB,      handler(oauth::get_client)),
        row(PUT,    "/auth/v1/admin/oauth/clients/{client_id}",   Admin,  Unlimited,          MIB,      handler(oauth::update_client)),
        row(DELETE, "/auth/v1/admin/oauth/clients/{client_id}",   Admin,  Unlimited,          MIB,      handler(oauth::delete_client)),
        row(POST,   "/auth/v1/admin/oauth/clients/{client_id}/regenerate_secret", Admin, Unlimited, MIB, handler(oauth::regenerate_client_secret)),
        row(POST,   "/auth/v1/signup",                   Public, ByBody,     MIB, handler(auth::sign_up)),
        row(POST,   "/auth/v1/token",                    Public, TokenGrant, MIB, handler(auth::token)),
        row(POST,   "/auth/v1/otp",                      Public, Otp,        MIB, handler(auth::send_otp)),
        row(POST,   "/auth/v1/magiclink",                Public, MagicLink,  MIB, handler(auth::send_magic_link)),
        row(POST,   "/auth/v1/recover",                  Public, Recover,    MIB, handler(auth::recover)),
        row(POST,   "/auth/v1/resend",                   Public, Resend,     MIB, handler(auth::resend)),
        row(GET,    "/auth/v1/verify",                   Public, Verify,     KIB, handler(auth::follow_link)),
        row(POST,   "/auth/v1/verify",                   Public, Verify,     MIB, handler(auth::verify_code)),
        row(GET,    "/auth/v1/reauthenticate",           User,   Unlimited,  KIB, handler(auth::reauthenticate)),
        row(POST,   "/auth/v1/invite",                   Admin,  Unlimited,  MIB, handler(auth::invite)),
        row(POST,   "/auth/v1/admin/generate_link",      Admin,  Unlimited,  MIB, handler(auth::generate_link)),
        row(POST,   "/auth/v1/sso",                      Public, Sso,        MIB, handler(auth::single_sign_on)),
        row(POST,   "/auth/v1/sso/saml/acs",             Public, Sso,        MIB, handler(auth::single_sign_on)),
        row(GET,    "/auth/v1/sso/saml/metadata",        Public, Unlimited,  KIB, handler(auth::single_sign_on)),
        row(GET,    "/auth/v1/admin/sso/providers",               Admin, Unlimited, KIB, handler(auth::single_sign_on)),
        row(POST,   "/auth/v1/admin/sso/providers",               Admin, Unlimited, MIB, handler(auth::single_sign_on)),
        row(GET,    "/auth/v1/admin/sso/providers/{provider}",    Admin, Unlimited, KIB, handler(auth::single_sign_on)),
        row(PUT,    "/auth/v1/admin/sso/providers/{provider}",    Admin, Unlimited, MIB, handler(auth::single_sign_on)),
        row(DELETE, "/auth/v1/admin/sso/providers/{provider}",    Admin, Unlimited, MIB, handler(auth::single_sign_on)),
        row(GET,    "/auth/v1/admin/audit",              Admin,  Unlimited,  KIB, handler(auth::list_audit_log)),
        row(POST,   "/auth/v1/logout",                   User,   Unlimited,  MIB, handler(auth::logout)),
        row(GET,    "/auth/v1/user",                     User,   Unlimited,  KIB, handler(auth::get_user)),
        row(PUT,    "/auth/v1/user",                     User,   Account,    MIB, handler(auth::update_user)),
        row(DELETE, "/auth/v1/user",                     User,   Account,    MIB, handler(auth::erase_user)),
        row(GET,    "/auth/v1/user/export",              User,   Account,    KIB, handler(auth::export_user)),
        row(GET,    "/auth/v1/sessions",                 User,   Unlimited,  KIB, handler(auth::list_sessions)),
        row(DELETE, "/auth/v1/sessions/{session_id}",    User,   Unlimited,  KIB, handler(auth::end_session)),
        row(GET,    "/auth/v1/admin/users/{user_id}/export",              Admin, Unlimited,       KIB, handler(auth::export_any_user)),
        row(GET,    "/auth/v1/authorize",                Public, Departure,  KIB, handler(auth::authorize)),
        row(GET,    "/auth/v1/callback",                 Public, Unlimited,  KIB, handler(auth::callback)),
        row(POST,   "/auth/v1/callback",                 Public, Unlimited,  MIB, handler(auth::posted_callback)),
        row(GET,    "/auth/v1/user/identities/authorize",         User,  Departure, KIB, handler(auth::authorize_identity)),
        row(DELETE, "/auth/v1/user/identities/{identity_id}",     User,  Unlimited, MIB, handler(auth::unlink_identity)),
        row(GET,    "/auth/v1/admin/custom-providers",            Admin, Unlimited, KIB, handler(auth::list_custom_providers)),
        row(POST,   "/auth/v1/admin/custom-providers",            Admin, Unlimited, MIB, handler(auth::create_custom_provider)),
        row(GET,    "/auth/v1/admin/custom-providers/{provider}", Admin, Unlimited, KIB, handler(auth::get_custom_provider)),
        row(PUT,    "/auth/v1/admin/custom-providers/{provider}", Admin, Unlimited, MIB, handler(auth::update_custom_provider)),
        row(DELETE, "/auth/v1/admin/custom-providers/{provider}", Admin, Unlimited, MIB, handler(auth::delete_custom_provider)),
        row(POST,   "/auth/v1/factors",                  User,   Unlimited,  MIB, handler(auth::enroll_factor)),
        row(GET,    "/auth/v1/factors/recovery-codes",            User, Unlimited,    KIB, handler(auth::recovery_codes_status)),
        row(POST,   "/auth/v1/factors/recovery-codes",            User, Unlimited,    MIB, handler(auth::generate_recovery_codes)),
        row(DELETE, "/auth/v1/factors/recovery-codes",            User, Unlimited,    MIB, handler(auth::delete_recovery_codes)),
        row(POST,   "/auth/v1/factors/recovery-codes/verify",     User, FactorVerify, MIB, handler(auth::verify_recovery_code)),
        row(POST,   "/auth/v1/factors/recovery-codes/regenerate", User, Unlimited,    MIB, handler(auth::regenerate_recovery_codes)),
        row(DELETE, "/auth/v1/factors/{factor_id}",      User,   Unlimited,  MIB, handler(auth::delete_factor)),
        row(POST,   "/auth/v1/factors/{factor_id}/challenge",             User,  FactorChallenge, MIB, handler(auth::challenge_factor)),
        row(POST,   "/auth/v1/factors/{factor_id}/verify",                User,  FactorVerify,    MIB, handler(auth::verify_factor)),
        row(POST,   "/auth/v1/passkeys/registration/options",             Public, Unlimited,      MIB, handler(auth::start_passkey_registration)),
        row(POST,   "/auth/v1/passkeys/registration/verify",              Public, Unlimited,      MIB, handler(auth::register_passkey)),
        row(POST,   "/auth/v1/passkeys/authentication/options",           Public, Passkey,        MIB, handler(auth::start_passkey_sign_in)),
        row(POST,   "/auth/v1/passkeys/authentication/verify",            Public, Passkey,        MIB, handler(auth::sign_in_with_passkey)),
        row(GET,    "/auth/v1/passkeys",                                  Public, Unlimited,      KIB, handler(auth::list_passkeys)),
        row(PATCH,  "/auth/v1/passkeys/{passkey_id}",                     Public, Unlimited,      MIB, handler(auth::rename_passkey)),
        row(DELETE, "/auth/v1/passkeys/{passkey_id}",                     Public, Unlimited,      MIB, handler(auth::delete_passkey)),
        row(GET,    "/auth/v1/admin/users/{user_id}/passkeys",            Admin, Unlimited,       KIB, handler(auth::list_any_passkeys)),
        row(DELETE, "/auth/v1/admin/users/{user_id}/passkeys/{passkey_id}", Admin, Unlimited,     MIB, handler(auth::delete_any_passkey)),
        row(GET,    "/auth/v1/admin/users/{user_id}/factors",             Admin, Unlimited,       KIB, handler(auth::list_any_factors)),
        row(PUT,    "/auth/v1/admin/users/{user_id}/factors/{factor_id}", Admin, Unlimited,       MIB, handler(auth::update_any_factor)),
        row(DELETE, "/auth/v1/admin/users/{user_id}/factors/{factor_id}", Admin, Unlimited,       MIB, handler(auth::delete_any_factor)),
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
        row(POST,    "/rest/v1/batch",          Caller, Unlimited, 10 * MIB, handler(rest::batch)),
        row(OPTIONS, "/rest/v1/rpc/{function}", Caller, Unlimited, KIB,      handler(rest::function_options)),
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
        row(GET,    "/storage/v1/status",                                     Public, Unlimited, KIB,    handler(storage::status)),

        row(POST,   "/storage/v1/bucket",                                     Token,  Unlimited, MIB,    handler(storage::bucket::create)),
        row(GET,    "/storage/v1/bucket",                                     Token,  Unlimited, KIB,    handler(storage::bucket::list)),
        row(GET,    "/storage/v1/bucket/{bucket}",                            Token,  Unlimited, KIB,    handler(storage::bucket::find)),
        row(PUT,    "/storage/v1/bucket/{bucket}",                            Token,  Unlimited, MIB,    handler(storage::bucket::update)),
        row(DELETE, "/storage/v1/bucket/{bucket}",                            Token,  Unlimited, MIB,    handler(storage::bucket::delete)),
        row(POST,   "/storage/v1/bucket/{bucket}/empty",                      Token,  Unlimited, MIB,    handler(storage::bucket::empty)),

        row(POST,   "/storage/v1/object/{bucket}/{*path}",                    Token,  Unlimited, OBJECT, handler(storage::object::create)),
        row(PUT,    "/storage/v1/object/{bucket}/{*path}",                    Token,  Unlimited, OBJECT, handler(storage::object::replace)),
        row(DELETE, "/storage/v1/object/{bucket}/{*path}",                    Token,  Unlimited, MIB,    handler(storage::object::delete)),
        row(DELETE, "/storage/v1/object/{bucket}",                            Token,  Unlimited, MIB,    handler(storage::object::delete_many)),
        row(POST,   "/storage/v1/object/move",                                Token,  Unlimited, MIB,    handler(storage::relocate::relocate)),
        row(POST,   "/storage/v1/object/copy",                                Token,  Unlimited, MIB,    handler(storage::relocate::copy)),
        row(POST,   "/storage/v1/object/list/{bucket}",                       Token,  Unlimited, MIB,    handler(storage::list::folder)),
        row(POST,   "/storage/v1/object/list-v2/{bucket}",                    Token,  Unlimited, MIB,    handler(storage::list::page)),

        row(GET,    "/storage/v1/object/public/{bucket}/{*path}",             Public, Unlimited, KIB,    handler(storage::download::public)),
        row(GET,    "/storage/v1/object/authenticated/{bucket}/{*path}",      Token,  Unlimited, KIB,    handler(storage::download::authenticated)),
        row(GET,    "/storage/v1/object/{bucket}/{*path}",                    Public, Unlimited, KIB,    handler(storage::download::any)),
        row(GET,    "/storage/v1/object/info/public/{bucket}/{*path}",        Public, Unlimited, KIB,    handler(storage::download::public_info)),
        row(GET,    "/storage/v1/object/info/authenticated/{bucket}/{*path}", Token,  Unlimited, KIB,    handler(storage::download::info)),
        row(GET,    "/storage/v1/object/info/{bucket}/{*path}",               Token,  Unlimited, KIB,    handler(storage::download::info)),

        row(POST,   "/storage/v1/object/sign/{bucket}",                       Token,  Unlimited, MIB,    handler(storage::sign::downloads)),
        row(POST,   "/storage/v1/object/sign/{bucket}/{*path}",               Token,  Unlimited, MIB,    handler(storage::sign::download)),
        row(GET,    "/storage/v1/object/sign/{bucket}/{*path}",               Public, Unlimited, KIB,    handler(storage::download::signed)),
        row(POST,   "/storage/v1/object/upload/sign/{bucket}/{*path}",        Token,  Unlimited, MIB,    handler(storage::sign::upload)),
        row(PUT,    "/storage/v1/object/upload/sign/{bucket}/{*path}",        Public, Unlimited, OBJECT, handler(storage::object::replace_signed)),

        row(POST,    "/storage/v1/upload/direct/{bucket}/{*path}",           Token,  Unlimited, MIB,    handler(storage::direct::begin)),
        row(PUT,     "/storage/v1/upload/direct/{bucket}/{*path}",           Token,  Unlimited, MIB,    handler(storage::direct::finish)),
        row(POST,    "/storage/v1/download/direct/{bucket}/{*path}",         Token,  Unlimited, MIB,    handler(storage::direct::download)),

        row(GET,    "/storage/v1/render/image/public/{bucket}/{*path}",        Public, Unlimited, KIB,   handler(storage::render::public)),
        row(GET,    "/storage/v1/render/image/authenticated/{bucket}/{*path}", Token,  Unlimited, KIB,   handler(storage::render::authenticated)),
        row(GET,    "/storage/v1/render/image/sign/{bucket}/{*path}",          Public, Unlimited, KIB,   handler(storage::render::signed)),

        row(DELETE, "/storage/v1/cdn",                                        Token,  Unlimited, MIB,    handler(storage::cdn::purge)),
        row(DELETE, "/storage/v1/cdn/",                                       Token,  Unlimited, MIB,    handler(storage::cdn::purge)),
        row(DELETE, "/storage/v1/cdn/{bucket}",                               Token,  Unlimited, MIB,    handler(storage::cdn::purge_bucket)),
        row(DELETE, "/storage/v1/cdn/{bucket}/{*path}",                       Token,  Unlimited, MIB,    handler(storage::cdn::purge_object)),
        row(OPTIONS, "/storage/v1/upload/resumable",                          Public, Unlimited, KIB,    handler(storage::tus::options)),
        row(POST,    "/storage/v1/upload/resumable",                          Token,  Unlimited, OBJECT, handler(storage::tus::create)),
        row(OPTIONS, "/storage/v1/upload/resumable/",                         Public, Unlimited, KIB,    handler(storage::tus::options)),
        row(POST,    "/storage/v1/upload/resumable/",                         Token,  Unlimited, OBJECT, handler(storage::tus::create)),
        row(OPTIONS, "/storage/v1/upload/resumable/{upload}",                 Public, Unlimited, KIB,    handler(storage::tus::options)),
        row(HEAD,    "/storage/v1/upload/resumable/{upload}",                 Public, Unlimited, KIB,    handler(storage::tus::head)),
        row(PATCH,   "/storage/v1/upload/resumable/{upload}",                 Token,  Unlimited, OBJECT, handler(storage::tus::append)),
        row(POST,    "/storage/v1/upload/resumable/{upload}",                 Token,  Unlimited, OBJECT, handler(storage::tus::overridden)),
        row(DELETE,  "/storage/v1/upload/resumable/{upload}",                 Token,  Unlimited, MIB,    handler(storage::tus::terminate)),
        row(OPTIONS, "/storage/v1/upload/resumable/sign",                     Public, Unlimited, KIB,    handler(storage::tus::options)),
        row(POST,    "/storage/v1/upload/resumable/sign",                     Public, Unlimited, OBJECT, handler(storage::tus::create_signed)),
        row(OPTIONS, "/storage/v1/upload/resumable/sign/{upload}",            Public, Unlimited, KIB,    handler(storage::tus::options)),
        row(HEAD,    "/storage/v1/upload/resumable/sign/{upload}",            Public, Unlimited, KIB,    handler(storage::tus::head_signed)),
        row(PATCH,   "/storage/v1/upload/resumable/sign/{upload}",            Public, Unlimited, OBJECT, handler(storage::tus::append_signed)),
        row(POST,    "/storage/v1/upload/resumable/sign/{upload}",            Public, Unlimited, OBJECT, handler(storage::tus::overridden_signed)),
        row(DELETE,  "/storage/v1/upload/resumable/sign/{upload}",            Public, Unlimited, MIB,    handler(storage::tus::terminate_signed)),

        row(GET,    "/storage/v1/s3",                                        Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(GET,    "/storage/v1/s3/",                                       Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(GET,    "/storage/v1/s3/{bucket}",                               Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(PUT,    "/storage/v1/s3/{bucket}",                               Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(POST,   "/storage/v1/s3/{bucket}",                               Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(DELETE, "/storage/v1/s3/{bucket}",                               Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(GET,    "/storage/v1/s3/{bucket}/",                              Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(PUT,    "/storage/v1/s3/{bucket}/",                              Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(POST,   "/storage/v1/s3/{bucket}/",                              Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(DELETE, "/storage/v1/s3/{bucket}/",                              Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(GET,    "/storage/v1/s3/{bucket}/{*key}",                        Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(PUT,    "/storage/v1/s3/{bucket}/{*key}",                        Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(POST,   "/storage/v1/s3/{bucket}/{*key}",                        Public, Unlimited, OBJECT, handler(storage::s3::serve)),
        row(DELETE, "/storage/v1/s3/{bucket}/{*key}",                        Public, Unlimited, OBJECT, handler(storage::s3::serve)),
    ]
}

#[rustfmt::skip]
fn admin() -> Vec<Route> {
    vec![
        row(GET,    "/admin/v1/storage/event-targets",        Admin, Unlimited, KIB, handler(storage::admin::list_targets)),
        row(PUT,    "/admin/v1/storage/event-targets/{id}",   Admin, Unlimited, MIB, handler(storage::admin::set_target)),
        row(DELETE, "/admin/v1/storage/event-targets/{id}",   Admin, Unlimited, KIB, handler(storage::admin::remove_target)),
        row(GET,    "/admin/v1/storage/lifecycle-rules",      Admin, Unlimited, KIB, handler(storage::admin::list_rules)),
        row(PUT,    "/admin/v1/storage/lifecycle-rules/{id}", Admin, Unlimited, MIB, handler(storage::admin::set_rule)),
        row(DELETE, "/admin/v1/storage/lifecycle-rules/{id}", Admin, Unlimited, KIB, handler(storage::admin::remove_rule)),
        row(POST,   "/admin/v1/storage/check",                Admin, Unlimited, MIB, handler(storage::admin::check)),

        row(POST, "/admin/v1/migrations",      Admin, Unlimited, 16 * MIB, telling_edge(handler(admin::apply_migration))),
        row(POST, "/admin/v1/query",           Admin, Unlimited,  4 * MIB, telling_edge(handler(admin::run_query))),
        row(POST, "/admin/v1/reset",           Admin, Unlimited,      KIB, telling_edge(handler(admin::reset_project))),
        row(GET,  "/admin/v1/policies/report", Admin, Unlimited,      KIB, handler(admin::policy_report)),
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

/// SQL may have changed what the edge answers by itself, which is told before anyone hears that it is done.
fn telling_edge(handler: Handler) -> Handler {
    Box::new(move |context| {
        let app = context.app.clone();
        let answer = handler(context);
        async move {
            let response = answer.await;
            // What could not be told or read is told by the schedule.
            let _ = crate::storage::tell_edge(&app).await;
            response
        }
        .boxed_local()
    })
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
