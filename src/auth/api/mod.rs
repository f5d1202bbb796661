//! The auth API's endpoints, one file for each noun: extract, call one use case, answer.

mod admin;
mod admin_factors;
mod body;
mod factors;
mod generate_link;
mod logout;
pub mod mailbox;
mod message;
mod own_data;
mod own_sessions;
mod refusal;
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
pub use factors::{challenge_factor, delete_factor, enroll_factor, verify_factor};
pub use generate_link::generate_link;
pub use logout::logout;
pub use message::{invite, reauthenticate, recover, resend, send_magic_link, send_otp};
pub use own_data::{erase_user, export_any_user, export_user};
pub use own_sessions::{end_session, list_sessions};
pub use settings::{health, jwks, openid_configuration, settings};
pub use sign_up::sign_up;
pub use token::token;
pub use user::{get_user, update_user};
pub use verify::{follow_link, verify_code};

use serde_json::{Value, json};

use super::mailing::ReturnPath;
use super::pkce::Challenge;
use super::redirect;
use super::session::{Client, SignedIn};
use crate::http::Context;

/// Who is at the other end, for a session to record.
fn client(context: &Context) -> Client {
    Client {
        issuer: format!("{}/auth/v1", context.origin),
        ip: Some(context.address.clone()).filter(|address| !address.is_empty()),
        user_agent: context.header("user-agent").map(str::to_string),
        country: context.header("cf-ipcountry").filter(|country| *country != "XX").map(str::to_string),
    }
}

/// Where the browser goes after a link: as the request asks, if that is allowed.
fn redirect_to(context: &Context) -> String {
    let asked = context.query_parameter("redirect_to").filter(|asked| !asked.is_empty());
    let asked = [context.header("redirect_to"), asked.as_deref(), context.header("referer")];
    redirect::choose(&context.app.config.auth, asked.into_iter().flatten())
}

/// Where the link of a mail comes back to.
fn return_path(context: &Context, challenge: Option<Challenge>) -> ReturnPath {
    ReturnPath { issuer: client(context).issuer, redirect_to: redirect_to(context), challenge }
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
    if let (Some(weakness), Some(members)) = (&signed_in.weak_password, session.as_object_mut()) {
        let weakness = json!({"message": weakness.message, "reasons": weakness.reasons});
        members.insert("weak_password".into(), weakness);
    }
    session
}
