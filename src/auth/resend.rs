//! Asking for a mail again.

use super::email_address::EmailAddress;
use super::email_change;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::model::User;
use super::store::{self, users};
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
        (Again::SignUp, Some(user)) if user.confirmed_at.is_none() => {
            mailing::send(app, &user, Purpose::SignUp, path).await
        }
        (Again::EmailChange, Some(user)) if user.email_change.is_some() => {
            let new = EmailAddress::parse(user.email_change.as_deref().unwrap_or_default())?;
            match email_change::start(app, &user, &new, path).await {
                // Somebody has the address by now; that is not for whoever asks here.
                Ok(_) | Err(Error::EmailExists) => Ok(()),
                Err(error) => Err(error),
            }
        }
        (Again::SignUp, _) => mailing::pretend(app, Purpose::SignUp, email.as_str()).await,
        (Again::EmailChange, _) => mailing::pretend(app, Purpose::EmailChangeNew, email.as_str()).await,
    }
}
