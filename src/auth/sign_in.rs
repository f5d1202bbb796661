//! Signing in with an address and a password.

use super::email_address;
use super::error::Error;
use super::model::User;
use super::password;
use super::session::{Client, Session, SignedIn};
use super::store::{self, sessions, users};
use crate::app::App;

/// Starts a session. Someone who has not shown the right password learns nothing of the account:
/// unknown, without password and wrong password are one answer that takes one time, and whether it
/// is banned or unconfirmed is said only afterwards.
pub async fn sign_in(app: &App, email: &str, password: &str, client: &Client) -> Result<SignedIn, Error> {
    let email = email_address::normal_form(email);
    let results = store::run(app.ports.database.as_ref(), vec![users::by_email(&email)]).await?;
    let user: Option<User> = results.first(0)?;
    let hash = user.as_ref().and_then(|user| user.encrypted_password.as_deref());
    let is_right = password::is_right(app, password, hash).await?;
    let (Some(user), Some(hash), true) = (&user, hash, is_right) else {
        return Err(Error::InvalidCredentials);
    };
    if user.is_banned(app.now()) {
        return Err(Error::BannedAtSignIn);
    }
    if user.email_confirmed_at.is_none() {
        return Err(Error::EmailNotConfirmed);
    }
    let new_hash = password::up_to_date(app, password, hash).await?;
    let (session, user) = start_session(app, user, hash, &new_hash, client).await?;
    let weak_password = password::weakness(&app.config.auth, password);
    Ok(SignedIn { weak_password, ..session.tokens(app, user, 0, client).await? })
}

/// One batch: the session exists only if the account still is what the decision was made on.
async fn start_session(
    app: &App,
    user: &User,
    hash: &str,
    new_hash: &str,
    client: &Client,
) -> Result<(Session, User), Error> {
    let now = app.now();
    let session = Session::start(app, &user.id, "password");
    let results = store::run(
        app.ports.database.as_ref(),
        vec![
            sessions::insert(&session, hash, client, now),
            users::signed_in(&user.id, now, hash, new_hash),
            users::by_id(&user.id),
        ],
    )
    .await?;
    match results.first(2)? {
        Some(user) if results.happened(0)? => Ok((session, user)),
        _ => Err(Error::Conflict),
    }
}
