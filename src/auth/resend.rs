//! Asking for a mail or a text message again.

use super::email_address::EmailAddress;
use super::email_change;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::model::User;
use super::phone_change;
use super::phone_number::PhoneNumber;
use super::sms::Channel;
use super::store::{self, users};
use super::texting;
use crate::app::App;

/// Which mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The confirmation of a sign-up.
    SignUp,
    /// The confirmations of a changed address.
    EmailChange,
}

/// Sends it, if there is something to confirm; the answer is the same if there is not.
pub async fn resend(app: &App, again: Again, email: &EmailAddress, path: &ReturnPath) -> Result<(), Error> {
    let statement = users::by_email(email.as_str());
    let user: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match (again, user) {
        (Again::SignUp, Some(user)) if user.email_confirmed_at.is_none() => {
            mailing::send(app, &user, Purpose::SignUp, path).await
        }
        (Again::EmailChange, Some(user)) if user.email_change.is_some() => {
            let new = EmailAddress::parse(user.email_change.as_deref().unwrap_or_default())?;
            match email_change::start(app, &user, &new, path, app.now()).await {
                // Somebody has the address by now; that is not for whoever asks here.
                Ok(_) | Err(Error::EmailExists) => Ok(()),
                Err(error) => Err(error),
            }
        }
        (Again::SignUp, _) => mailing::pretend(app, Purpose::SignUp, email.as_str()).await,
        (Again::EmailChange, _) => mailing::pretend(app, Purpose::EmailChangeNew, email.as_str()).await,
    }
}

/// Which text message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextAgain {
    /// The code of a sign-up.
    SignUp,
    /// The code of a changed number.
    PhoneChange,
}

/// Sends it, if there is something to confirm; the answer is the same if there is not, but for upstream's
/// `message_id`.
pub async fn resend_text(
    app: &App,
    again: TextAgain,
    phone: &PhoneNumber,
    ip: Option<&str>,
) -> Result<Option<&'static str>, Error> {
    let statement = users::by_phone(phone.as_str());
    let user: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match (again, user) {
        (TextAgain::SignUp, Some(user)) if user.phone_confirmed_at.is_none() => {
            texting::send(app, &user, texting::Purpose::Confirmation, Channel::Sms, ip).await
        }
        (TextAgain::PhoneChange, Some(user)) if user.phone_change.is_some() => {
            let new = PhoneNumber::parse(user.phone_change.as_deref().unwrap_or_default())?;
            match phone_change::start(app, &user, &new, Channel::Sms, ip, app.now()).await {
                Ok((_, message_id)) => Ok(message_id),
                // Somebody has the number by now; that is not for whoever asks here.
                Err(Error::PhoneExists) => Ok(None),
                Err(error) => Err(error),
            }
        }
        (TextAgain::SignUp, _) => {
            texting::pretend(app, texting::Purpose::Confirmation, phone.as_str()).await.map(|()| None)
        }
        // As upstream, however often: to be made to wait tells of a number that is being changed this minute, and no more.
        (TextAgain::PhoneChange, _) => Ok(None),
    }
}
