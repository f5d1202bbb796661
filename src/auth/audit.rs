//! The audit log: who did what, from where. Actions and payload are upstream's, and wrong passwords besides.
//!
//! Written after the act, so that it never stands in its way: a row that cannot be written is in the log.

use std::rc::Rc;

use futures_util::FutureExt;
use serde_json::{Map, Value, json};

use super::model::User;
use super::store::{self, audit_log};
use crate::app::App;
use crate::config::AuditLog;
use crate::crypto;

/// Who acts.
#[derive(Clone, Copy)]
pub enum Actor<'a> {
    User(&'a User),
    /// Whoever has the service key.
    Admin,
    /// Somebody who typed that in.
    Unknown(&'a str),
}

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Login,
    LoginFailed,
    Logout,
    UserSignedUp,
    UserInvited,
    InviteAccepted,
    UserDeleted,
    TokenRevoked,
    TokenRefreshed,
    UserModified,
    RecoveryRequested,
    ReauthenticateRequested,
    ConfirmationRequested,
    RepeatedSignUp,
    UpdatedPassword,
    IdentityLinked,
    IdentityUnlinked,
    FactorInProgress,
    FactorUnenrolled,
    ChallengeCreated,
    VerificationAttempted,
    FactorDeleted,
    FactorUpdated,
    PasskeyCreated,
    PasskeyUpdated,
    PasskeyDeleted,
}

impl Action {
    /// Its name, and the kind of what it concerns.
    #[rustfmt::skip]
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Login                   => ("login",                         "account"),
            Self::LoginFailed             => ("login_failed",                  "account"),
            Self::Logout                  => ("logout",                        "account"),
            Self::UserSignedUp            => ("user_signedup",                 "team"),
            Self::UserInvited             => ("user_invited",                  "team"),
            Self::InviteAccepted          => ("invite_accepted",               "account"),
            Self::UserDeleted             => ("user_deleted",                  "team"),
            Self::TokenRevoked            => ("token_revoked",                 "token"),
            Self::TokenRefreshed          => ("token_refreshed",               "token"),
            Self::UserModified            => ("user_modified",                 "user"),
            Self::RecoveryRequested       => ("user_recovery_requested",       "user"),
            Self::ReauthenticateRequested => ("user_reauthenticate_requested", "user"),
            Self::ConfirmationRequested   => ("user_confirmation_requested",   "user"),
            Self::RepeatedSignUp          => ("user_repeated_signup",          "user"),
            Self::UpdatedPassword         => ("user_updated_password",         "user"),
            Self::IdentityLinked          => ("identity_linked",               "user"),
            Self::IdentityUnlinked        => ("identity_unlinked",             "user"),
            Self::FactorInProgress        => ("factor_in_progress",            "factor"),
            Self::FactorUnenrolled        => ("factor_unenrolled",             "factor"),
            Self::ChallengeCreated        => ("challenge_created",             "factor"),
            Self::VerificationAttempted   => ("verification_attempted",        "factor"),
            Self::FactorDeleted           => ("factor_deleted",                "factor"),
            Self::FactorUpdated           => ("factor_updated",                "factor"),
            Self::PasskeyCreated          => ("passkey_created",               "user"),
            Self::PasskeyUpdated          => ("passkey_updated",               "user"),
            Self::PasskeyDeleted          => ("passkey_deleted",               "user"),
        }
    }
}

/// Writes down what was done; `traits` is an object, or null for nothing more to say.
pub async fn record(app: &App, actor: Actor<'_>, action: Action, ip: Option<&str>, traits: Value) {
    if app.config.auth.audit == AuditLog::Off {
        return;
    }
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let payload = payload(actor, action, traits);
    let mut line = json!({
        "at": app.now().to_milliseconds(),
        "level": "info",
        "message": "audit_event",
        "auth_audit_event": payload,
    });
    if let Some(event) = line.pointer_mut("/auth_audit_event").and_then(Value::as_object_mut) {
        event.insert("audit_log_id".into(), json!(id));
        event.insert("ip_address".into(), json!(ip.unwrap_or_default()));
    }
    let line = line.to_string();
    app.ports.log.line(&line);
    if app.config.auth.audit == AuditLog::R2 {
        archive(app, line);
    }
    if app.config.auth.audit == AuditLog::Database {
        let statement = audit_log::insert(&id, &payload, ip.unwrap_or_default(), app.now());
        if let Err(error) = store::run(app.ports.database.as_ref(), vec![statement]).await {
            let line = json!({
                "at": app.now().to_milliseconds(),
                "level": "error",
                "message": "an act could not be written to the audit log; it is on an earlier line",
                "audit_log_id": id,
                "cause": format!("{error:?}"),
            });
            app.ports.log.line(&line.to_string());
        }
    }
}

/// Notes an act for R2, where it comes after the response together with those of the same second.
fn archive(app: &App, line: String) {
    if app.archived_acts.add(line, app.now())
        && let Some(shared) = app.shared()
    {
        app.after_response(write_archive(shared).boxed_local());
    }
}

async fn write_archive(app: Rc<App>) {
    let Err(unwritten) = app.archived_acts.write("audit", &app.ports).await else { return };
    let line = json!({
        "at": app.now().to_milliseconds(),
        "level": "error",
        "message": "acts could not be written to R2; they are on earlier lines and are tried again with the next",
        "acts": unwritten.lines,
        "cause": unwritten.cause,
    });
    app.ports.log.line(&line.to_string());
}

fn payload(actor: Actor<'_>, action: Action, traits: Value) -> Value {
    let (name, kind) = action.row();
    let nobody = uuid::Uuid::nil().to_string();
    let (id, username, full_name) = match actor {
        Actor::User(user) => {
            let username = user.phone.as_deref().or(user.email.as_deref()).unwrap_or_default();
            (user.id.as_str(), username, user.user_metadata().get("full_name").cloned())
        }
        Actor::Admin => (nobody.as_str(), "service_role", None),
        Actor::Unknown(username) => (nobody.as_str(), username, None),
    };
    let mut payload = Map::new();
    payload.insert("action".into(), json!(name));
    payload.insert("actor_id".into(), json!(id));
    payload.extend(full_name.map(|full_name| ("actor_name".to_string(), full_name)));
    payload.insert("actor_username".into(), json!(username));
    payload.insert("actor_via_sso".into(), json!(false));
    payload.insert("log_type".into(), json!(kind));
    if !traits.is_null() {
        payload.insert("traits".into(), traits);
    }
    Value::Object(payload)
}
