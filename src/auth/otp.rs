//! Signing in without a password: a code and a link by mail, or a code by text message.

use super::contact::OwnedContact;
use super::email_address::EmailAddress;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::Metadata;
use super::model::User;
use super::phone_number::PhoneNumber;
use super::sign_up::{self, Registration};
use super::sms::Channel;
use super::store::{self, users};
use super::texting;
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
        None if !request.create_user => Err(Error::OtpDisabled),
        _ if !app.config.auth.email_enabled => Err(Error::EmailLoginDisabled),
        _ if !app.config.auth.magic_link_enabled => Err(Error::MagicLinkDisabled),
        Some(user) if user.email_confirmed_at.is_some() => {
            mailing::send(app, &user, Purpose::MagicLink, path).await
        }
        _ if app.config.auth.disable_signup => Err(Error::SignupDisabled),
        Some(user) if confirms => mailing::send(app, &user, Purpose::SignUp, path).await,
        Some(user) => mailing::send(app, &user, Purpose::MagicLink, path).await,
        None => send_to_somebody_new(app, request, path).await,
    }
}

async fn send_to_somebody_new(app: &App, request: Request, path: &ReturnPath) -> Result<(), Error> {
    let registration = Registration::by_email(request.email, None, request.data);
    if !app.config.auth.autoconfirm {
        return sign_up::sign_up_unconfirmed(app, registration, None, path).await.map(|_| ());
    }
    let user = sign_up::register(app, &registration, path.ip.as_deref()).await?;
    mailing::send(app, &user, Purpose::MagicLink, path).await
}

async fn by_email(app: &App, email: &EmailAddress) -> Result<Option<User>, Error> {
    let statement = users::by_email(email.as_str());
    Ok(store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?)
}

/// Who wants to sign in by phone.
pub struct TextRequest {
    pub phone: PhoneNumber,
    /// `user_metadata` of a new account.
    pub data: Metadata,
    pub channel: Channel,
    /// Whether a number without an account gets one.
    pub create_user: bool,
}

/// Sends the code; gives upstream's `message_id` if there is one.
pub async fn send_text(
    app: &App,
    request: TextRequest,
    path: &ReturnPath,
) -> Result<Option<&'static str>, Error> {
    let TextRequest { phone, data, channel, create_user } = request;
    let statement = users::by_phone(phone.as_str());
    let user: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match user {
        None if !create_user => Err(Error::OtpDisabled),
        _ if !app.config.auth.phone_enabled => Err(Error::PhoneOtpDisabled),
        Some(user) if user.phone_confirmed_at.is_some() => {
            texting::send(app, &user, texting::Purpose::Confirmation, channel, path.ip.as_deref()).await
        }
        _ if app.config.auth.disable_signup => Err(Error::SignupDisabled),
        Some(user) => texting::send(app, &user, texting::Purpose::Confirmation, channel, path.ip.as_deref())
            .await
            .map(|_| None),
        None => {
            let contact = OwnedContact::Phone(phone);
            let registration = Registration { contact, password: None, data, channel };
            if !registration.is_autoconfirmed(app) {
                return sign_up::sign_up_unconfirmed(app, registration, None, path).await.map(|_| None);
            }
            let user = sign_up::register(app, &registration, path.ip.as_deref()).await?;
            texting::send(app, &user, texting::Purpose::Confirmation, channel, path.ip.as_deref()).await
        }
    }
}
