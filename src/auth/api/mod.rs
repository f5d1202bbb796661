//! The auth API's endpoints, one file for each noun: extract, call one use case, answer.

mod admin;
mod admin_factors;
mod audit_log;
mod body;
mod custom_providers;
mod external;
mod factors;
mod generate_link;
mod identities;
mod logout;
pub mod mailbox;
mod message;
pub mod oauth_server;
mod own_data;
mod own_sessions;
mod passkeys;
mod recovery_codes;
mod refusal;
mod return_url;
mod settings;
mod sign_up;
mod token;
mod user;
mod verify;

pub use admin::{
    create_user, delete_user, get_user as get_any_user, list_users, update_user as update_any_user,
};
pub use admin_factors::{
    delete_factor as delete_any_factor, list_factors as list_any_factors, update_factor as update_any_factor,
};
pub use audit_log::list_audit_log;
pub use custom_providers::{
    create_custom_provider, delete_custom_provider, get_custom_provider, list_custom_providers,
    update_custom_provider,
};
pub use external::{authorize, callback, posted_callback};
pub use factors::{challenge_factor, delete_factor, enroll_factor, verify_factor};
pub use generate_link::generate_link;
pub use identities::{authorize_identity, unlink_identity};
pub use logout::logout;
pub use message::{invite, reauthenticate, recover, resend, send_magic_link, send_otp};
pub use own_data::{erase_user, export_any_user, export_user};
pub use own_sessions::{end_session, list_sessions};
pub use passkeys::{
    delete_any_passkey, delete_passkey, list_any_passkeys, list_passkeys, register_passkey, rename_passkey,
    sign_in_with_passkey, start_passkey_registration, start_passkey_sign_in,
};
pub use recovery_codes::{
    delete_recovery_codes, generate_recovery_codes, recovery_codes_status, regenerate_recovery_codes,
    verify_recovery_code,
};
pub use settings::{
    health, jwks, oauth_authorization_server, openid_configuration, settings, single_sign_on,
};
pub use sign_up::sign_up;
pub use token::token;
pub use user::{get_user, update_user};
pub use verify::{follow_link, verify_code};

use ::http::{HeaderName, StatusCode};
use serde_json::{Value, json};

use super::error::Error;
use super::mailing::ReturnPath;
use super::pkce::Challenge;
use super::redirect;
use super::session::{Client, SignedIn};
use crate::caller::{Access, Caller};
use crate::http::{Api, Context, Refusal, Response, ResponseExt, authenticate, json_response};

/// Who is at the other end, for a session to record.
fn client(context: &Context) -> Client {
    Client {
        issuer: format!("{}/auth/v1", context.origin),
        ip: Some(context.address.clone()).filter(|address| !address.is_empty()),
        user_agent: context.header("user-agent").map(str::to_string),
        languages: context.header("accept-language").map(str::to_string),
        country: context.header("cf-ipcountry").filter(|country| *country != "XX").map(str::to_string),
    }
}

/// Who calls a route that anyone may call, if they say; a token that is no good is an error.
async fn bearer(context: &Context) -> Result<Option<Caller>, Error> {
    let caller = authenticate(&context.app, Api::Auth, Access::Caller, &context.headers).await;
    let caller = caller.map_err(|refusal| match refusal {
        Refusal::Token(_) | Refusal::ApiKey => Error::BearerInvalid,
        other => Error::from(other),
    })?;
    Ok(Some(caller).filter(|caller| caller.user_id().is_some()))
}

/// The user who calls a route whose switch is asked before its caller is.
async fn user_caller(context: &Context) -> Result<Caller, Error> {
    let caller = authenticate(&context.app, Api::Auth, Access::User, &context.headers).await;
    caller.map_err(|refusal| match refusal {
        Refusal::NoToken => Error::BearerMissing,
        Refusal::Token(_) | Refusal::ApiKey => Error::BearerInvalid,
        other => Error::from(other),
    })
}

/// Where the browser goes after a link: as the request asks, if that is allowed.
fn redirect_to(context: &Context) -> String {
    let asked = context.query_parameter("redirect_to").filter(|asked| !asked.is_empty());
    let asked = [context.header("redirect_to"), asked.as_deref(), context.header("referer")];
    redirect::choose(&context.app.config.auth, asked.into_iter().flatten())
}

/// Where the link of a mail comes back to.
fn return_path(context: &Context, challenge: Option<Challenge>) -> ReturnPath {
    let Client { issuer, ip, languages, .. } = client(context);
    ReturnPath { issuer, redirect_to: redirect_to(context), ip, languages, challenge }
}

/// Says which session the answer is of, in upstream's headers.
#[rustfmt::skip]
fn naming_session(response: Response, signed_in: &SignedIn) -> Response {
    let (reuse, cause) = match signed_in.reuse {
        None      => (None, None),
        Some("")  => (Some("false".to_string()), None),
        Some(why) => (None, Some(why.to_string())),
    };
    let headers = [
        ("sb-auth-user-id",                   Some(signed_in.user.id.clone())),
        ("sb-auth-session-id",                Some(signed_in.session_id.clone())),
        ("sb-auth-refresh-token-counter",     Some(signed_in.counter.to_string())),
        ("sb-auth-refresh-token-reuse",       reuse),
        ("sb-auth-refresh-token-reuse-cause", cause),
    ];
    let said = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
    said.fold(response, |response, (name, value)| response.with_header(HeaderName::from_static(name), value))
}

/// What a sign-in answers.
fn session_response(signed_in: &SignedIn) -> Response {
    naming_session(json_response(StatusCode::OK, &session_json(signed_in)), signed_in)
}

/// The JSON of supabase-js' `Session`.
fn session_json(signed_in: &SignedIn) -> Value {
    let mut session = json!({
        "access_token": signed_in.access_token,
        "token_type": "bearer",
        "expires_in": signed_in.expires_in,
        "expires_at": signed_in.expires_at,
        "refresh_token": signed_in.refresh_token,
        "user": signed_in.user.to_json(),
    });
    if let (Some((access_token, refresh_token)), Some(members)) =
        (&signed_in.provider_tokens, session.as_object_mut())
    {
        members.insert("provider_token".into(), json!(access_token));
        if !refresh_token.is_empty() {
            members.insert("provider_refresh_token".into(), json!(refresh_token));
        }
    }
    if let (Some(weakness), Some(members)) = (&signed_in.weak_password, session.as_object_mut()) {
        let weakness = json!({"message": weakness.message, "reasons": weakness.reasons});
        members.insert("weak_password".into(), weakness);
    }
    session
}
