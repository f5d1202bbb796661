//! A forgotten password: a link that signs in, so that a new one can be set.

use super::email_address::EmailAddress;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::model::User;
use super::store::{self, users};
use crate::app::App;

/// Sends the mail, if anyone has the address; the answer is the same if nobody has.
pub async fn recover(app: &App, email: &EmailAddress, path: &ReturnPath) -> Result<(), Error> {
    let statement = users::by_email(email.as_str());
    let user: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match user {
        Some(user) => mailing::send(app, &user, Purpose::Recovery, path).await,
        None => mailing::pretend(app, Purpose::Recovery, email.as_str()).await,
    }
}
