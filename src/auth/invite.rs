//! Inviting somebody: an account that waits, and a mail that says so.

use serde_json::json;

use super::audit::{self, Action, Actor};
use super::email_address::EmailAddress;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::Metadata;
use super::model::User;
use super::sign_up::{self, Registration};
use super::store::{self, users};
use crate::app::App;

/// Invites, or invites again whoever has not confirmed yet.
pub async fn invite(
    app: &App,
    email: EmailAddress,
    data: Metadata,
    path: &ReturnPath,
) -> Result<User, Error> {
    let registration = Registration::by_email(email.clone(), None, data);
    let mut user = sign_up::bare_user(app, &registration, None);
    // What the administrator says is the user's, and nothing that the identity vouches for.
    let registration = Registration { data: Metadata::new(), ..registration };
    user.invited_at = Some(app.now().to_postgres());
    match sign_up::add_and_tell(app, user, &registration, Purpose::Invite, path).await {
        Err(Error::UserAlreadyExists) => invite_again(app, &email, path).await,
        outcome => outcome,
    }
}

async fn invite_again(app: &App, email: &EmailAddress, path: &ReturnPath) -> Result<User, Error> {
    let database = app.ports.database.as_ref();
    let user: Option<User> = store::run(database, vec![users::by_email(email.as_str())]).await?.first(0)?;
    let user = user.filter(|user| user.email_confirmed_at.is_none()).ok_or(Error::EmailExists)?;
    let invited = User { invited_at: Some(app.now().to_postgres()), ..user.clone() };
    store::run(database, vec![users::replace(&user, &invited, app.now())]).await?;
    // An administrator need not wait between two mails.
    mailing::send_now(app, &invited, Purpose::Invite, path).await?;
    let (ip, traits) = (path.ip.as_deref(), json!({"user_id": user.id, "user_email": user.email}));
    audit::record(app, Actor::Admin, Action::UserInvited, ip, traits).await;
    let user: Option<User> = store::run(database, vec![users::by_id(&user.id)]).await?.first(0)?;
    user.ok_or(Error::UserNotFound)
}
