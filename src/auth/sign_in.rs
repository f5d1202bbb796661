//! Signing in with an address or a number, and a password.

use serde_json::json;

use super::audit::{self, Action, Actor};
use super::contact::Contact;
use super::email_address;
use super::error::Error;
use super::hook::{self, Verdict};
use super::lockout::{Failures, Lockout};
use super::model::User;
use super::password;
use super::phone_number;
use super::session::{Client, Session, SignedIn};
use super::sign_out;
use super::store::{self, sessions, users};
use crate::app::App;
use crate::config::HookKind;

/// Starts a session. Someone who has not shown the right password learns nothing of the account:
/// unknown, without password and wrong password are one answer that takes one time, and whether it
/// is banned or unconfirmed is said only afterwards.
pub async fn sign_in(
    app: &App,
    contact: Contact<'_>,
    password: &str,
    client: &Client,
) -> Result<SignedIn, Error> {
    let user = match contact {
        Contact::Email(email) => users::by_email(&email_address::normal_form(email)),
        Contact::Phone(phone) => users::by_phone(&phone_number::normal_form(phone)),
    };
    let lockout = Lockout::of(app, contact);
    let results = store::run(app.ports.database.as_ref(), vec![user, lockout.failures()]).await?;
    let user: Option<User> = results.first(0)?;
    let failures: Option<Failures> = results.first(1)?;
    lockout.refuse_locked(app, failures.as_ref())?;
    let hash = user.as_ref().and_then(|user| user.encrypted_password.as_deref());
    let is_right = password::is_right(app, password, hash).await?;
    if !is_right {
        // Before the hook is asked: a guess that it refuses in its own words was a guess all the same.
        lockout.count(app).await?;
        let actor = Actor::Unknown(contact.value());
        let ip = client.ip.as_deref();
        audit::record(app, actor, Action::LoginFailed, ip, json!({"provider": contact.provider()})).await;
    }
    if let (Some(user), Some(_)) = (&user, hash) {
        ask_hook(app, user, is_right, client).await?;
    }
    let (Some(user), Some(hash), true) = (&user, hash, is_right) else {
        return Err(Error::InvalidCredentials);
    };
    if user.is_banned(app.now()) {
        return Err(Error::BannedAtSignIn);
    }
    match contact {
        Contact::Email(_) if user.email_confirmed_at.is_none() => return Err(Error::EmailNotConfirmed),
        Contact::Phone(_) if user.phone_confirmed_at.is_none() => return Err(Error::PhoneNotConfirmed),
        Contact::Email(_) | Contact::Phone(_) => {}
    }
    let new_hash = password::up_to_date(app, password, hash).await?;
    let attempt = Attempt { user, hash, new_hash: &new_hash, lockout: &lockout, failures: failures.as_ref() };
    let session = Session::start(app, &user.id, "password");
    // Before anything is written: a hook that says no leaves nothing.
    let signed_in = session.tokens(app, user.clone(), 0, client).await?;
    let user = start_session(app, attempt, &session, client).await?;
    let weak_password = password::weakness_of(app, password).await;
    let (actor, ip) = (Actor::User(&user), client.ip.as_deref());
    audit::record(app, actor, Action::Login, ip, json!({"provider": contact.provider()})).await;
    Ok(SignedIn { user, weak_password, ..signed_in })
}

/// Asks the project's own hook; a rejection may end all of the user's sessions.
async fn ask_hook(app: &App, user: &User, is_right: bool, client: &Client) -> Result<(), Error> {
    if !hook::is_on(app, HookKind::PasswordVerificationAttempt) {
        return Ok(());
    }
    match hook::password_attempt(app, client.ip.as_deref(), &user.id, is_right).await? {
        Verdict::Continue => Ok(()),
        Verdict::Reject { error, ends_sessions } => {
            if ends_sessions {
                sign_out::end_all(app, &user.id).await?;
            }
            Err(error)
        }
    }
}

/// A right password, and what it was judged by.
struct Attempt<'a> {
    user: &'a User,
    hash: &'a str,
    new_hash: &'a str,
    lockout: &'a Lockout,
    failures: Option<&'a Failures>,
}

/// One batch: the session exists only if the account still is what the decision was made on, and no wrong
/// password was counted since: of guesses made side by side, those that come after the last free one fail.
async fn start_session(
    app: &App,
    attempt: Attempt<'_>,
    session: &Session,
    client: &Client,
) -> Result<User, Error> {
    let Attempt { user, hash, new_hash, lockout, failures } = attempt;
    let now = app.now();
    let count = failures.map_or(0, |failures| failures.failures);
    let mut batch = vec![
        sessions::insert_if(session, client, now, |writer| {
            let hash = writer.bind(hash);
            format!("u.encrypted_password = {hash}\n  AND {}", lockout.unchanged(count, writer))
        }),
        users::signed_in(&user.id, now, hash, new_hash),
        users::by_id(&user.id),
    ];
    batch.extend(failures.map(|_| lockout.forget()));
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    match results.first(2)? {
        Some(user) if results.happened(0)? => Ok(user),
        _ => Err(Error::Conflict),
    }
}
