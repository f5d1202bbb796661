//! Signing in without a password: a code and a link by mail.

use super::email_address::EmailAddress;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::Metadata;
use super::model::User;
use super::sign_up::{self, Registration};
use super::store::{self, users};
use crate::app::App;

/// Who wants to sign in.
pub struct Request {
    pub email: EmailAddress,
    /// `user_metadata` of a new account.
    pub data: Metadata,
    /// Whether an address without an account gets one.
    pub create_user: bool,
}

/// Sends the mail. An address that nobody confirmed yet gets the one that confirms it.
pub async fn send_otp(app: &App, request: Request, path: &ReturnPath) -> Result<(), Error> {
    let confirms = !app.config.auth.autoconfirm;
    match by_email(app, &request.email).await? {
        Some(user) if user.confirmed_at.is_some() => {
            mailing::send(app, &user, Purpose::MagicLink, path).await
        }
        None if !request.create_user => Err(Error::OtpDisabled),
        _ if app.config.auth.disable_signup => Err(Error::SignupDisabled),
        Some(user) if confirms => mailing::send(app, &user, Purpose::SignUp, path).await,
        Some(user) => mailing::send(app, &user, Purpose::MagicLink, path).await,
        None => send_to_somebody_new(app, request, path).await,
    }
}

async fn send_to_somebody_new(app: &App, request: Request, path: &ReturnPath) -> Result<(), Error> {
    let registration = Registration { email: request.email, password: None, data: request.data };
    if !app.config.auth.autoconfirm {
        return sign_up::sign_up_unconfirmed(app, registration, None, path).await.map(|_| ());
    }
    let user = sign_up::register(app, &registration).await?;
    mailing::send(app, &user, Purpose::MagicLink, path).await
}

async fn by_email(app: &App, email: &EmailAddress) -> Result<Option<User>, Error> {
    let statement = users::by_email(email.as_str());
    Ok(store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?)
}
