//! Links and codes that an administrator sends by ways of their own.

use serde_json::{Value, json};

use super::account::ATTEMPTS;
use super::audit::{self, Action, Actor};
use super::email_address::EmailAddress;
use super::error::Error;
use super::hook;
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::{self, Metadata};
use super::model::User;
use super::one_time_token::OneTimeToken;
use super::password::NewPassword;
use super::sign_up::{self, Registration};
use super::store::{self, one_time_tokens, users};
use crate::app::App;

/// Which link, for whom.
pub struct LinkRequest {
    pub purpose: Purpose,
    pub email: EmailAddress,
    /// The address the account is to have, for the purposes that change it.
    pub new_email: Option<EmailAddress>,
    /// Of an account that a sign-up makes on the way; of no account that is there.
    pub password: Option<String>,
    /// `user_metadata`.
    pub data: Metadata,
}

/// A link that nobody has been sent.
pub struct Link {
    pub user: User,
    /// What it is for: a magic link for an unknown address becomes a sign-up.
    pub purpose: Purpose,
    pub token: OneTimeToken,
    pub url: String,
}

/// Makes the link, and the account if it is one that makes accounts.
pub async fn generate(app: &App, request: LinkRequest, path: &ReturnPath) -> Result<Link, Error> {
    for _ in 0..ATTEMPTS {
        let user = by_email(app, &request.email).await?;
        let link = match (request.purpose, user) {
            (Purpose::SignUp | Purpose::Invite, Some(user)) if user.email_confirmed_at.is_some() => {
                return Err(Error::EmailExists);
            }
            (purpose, Some(user)) => for_account(app, purpose, user, &request, path).await?,
            (Purpose::SignUp, None) => {
                let hash = request.new_password(app)?.hash(app).await?;
                for_nobody(app, Purpose::SignUp, &request, Some(&hash), path).await?
            }
            (Purpose::MagicLink, None) => for_nobody(app, Purpose::SignUp, &request, None, path).await?,
            (Purpose::Invite, None) => for_nobody(app, Purpose::Invite, &request, None, path).await?,
            (_, None) => return Err(Error::LinkUserNotFound),
        };
        if let Some(link) = link {
            record(app, &link).await;
            return Ok(link);
        }
    }
    Err(Error::Conflict)
}

impl LinkRequest {
    fn new_password(&self, app: &App) -> Result<NewPassword, Error> {
        let missing = || Error::Validation("Signup requires a valid password".into());
        NewPassword::parse(&app.config.auth, self.password.as_deref().ok_or_else(missing)?)
    }
}

/// As upstream: of the others the audit log says nothing.
async fn record(app: &App, link: &Link) {
    let user = &link.user;
    match link.purpose {
        Purpose::Invite => {
            let traits = json!({"user_id": user.id, "user_email": user.email});
            audit::record(app, Actor::Admin, Action::UserInvited, None, traits).await;
        }
        Purpose::MagicLink | Purpose::Recovery => {
            audit::record(app, Actor::User(user), Action::RecoveryRequested, None, Value::Null).await;
        }
        _ => {}
    }
}

/// `None` when another request changed the account in between.
async fn for_account(
    app: &App,
    purpose: Purpose,
    user: User,
    request: &LinkRequest,
    path: &ReturnPath,
) -> Result<Option<Link>, Error> {
    let now = app.now();
    let stamp = Some(now.to_postgres());
    let mut after = user.clone();
    let mut contact = request.email.as_str();
    match purpose {
        Purpose::SignUp => metadata::merge(&mut after.raw_user_meta_data, &request.data),
        Purpose::Invite => after.invited_at = stamp,
        Purpose::EmailChangeCurrent | Purpose::EmailChangeNew => {
            let new = request.new_email.as_ref().ok_or_else(missing)?;
            if by_email(app, new).await?.is_some_and(|holder| holder.id != user.id) {
                return Err(Error::EmailExists);
            }
            after.email_change = Some(new.as_str().to_string());
            after.email_change_confirm_status = 0;
            if purpose == Purpose::EmailChangeNew {
                contact = new.as_str();
            }
        }
        Purpose::MagicLink | Purpose::Recovery | Purpose::Reauthentication => {}
    }
    let token = OneTimeToken::issue(app, purpose.token_type(), &user.id, contact, None)?;
    let before = purpose.token_type().last_sent(&user);
    let batch = vec![
        one_time_tokens::put(&token, &user, now, mailing::expiry(app, now)),
        users::replace(&user, &after, now),
        users::sent(&token, before, now),
        users::by_id(&user.id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(1)? || !results.happened(2)? {
        return Ok(None);
    }
    let user = results.first(3)?.ok_or(Error::LinkUserNotFound)?;
    Ok(Some(Link { url: path.link(purpose, &token), user, purpose, token }))
}

/// `None` when somebody took the address in between.
async fn for_nobody(
    app: &App,
    purpose: Purpose,
    request: &LinkRequest,
    encrypted_password: Option<&str>,
    path: &ReturnPath,
) -> Result<Option<Link>, Error> {
    let now = app.now();
    let registration = Registration::by_email(request.email.clone(), None, request.data.clone());
    let mut user = sign_up::bare_user(app, &registration, encrypted_password);
    let registration = Registration { data: Metadata::new(), ..registration };
    user.confirmation_sent_at = Some(now.to_postgres());
    user.invited_at = (purpose == Purpose::Invite).then(|| now.to_postgres());
    hook::before_user_created(app, path.ip.as_deref(), &user).await?;
    let token = OneTimeToken::issue(app, purpose.token_type(), &user.id, request.email.as_str(), None)?;
    let batch = vec![
        users::insert(&user),
        sign_up::identity(app, &user.id, &registration, now),
        one_time_tokens::put(&token, &user, now, mailing::expiry(app, now)),
        users::by_id(&user.id),
    ];
    match store::run(app.ports.database.as_ref(), batch).await.map_err(sign_up::taken) {
        Ok(results) => {
            let user = results.first(3)?.ok_or(Error::LinkUserNotFound)?;
            hook::after_user_created(app, path.ip.as_deref(), &user).await?;
            Ok(Some(Link { url: path.link(purpose, &token), user, purpose, token }))
        }
        Err(Error::UserAlreadyExists) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn by_email(app: &App, email: &EmailAddress) -> Result<Option<User>, Error> {
    let statement = users::by_email(email.as_str());
    Ok(store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?)
}

fn missing() -> Error {
    Error::Validation("An email address is required".into())
}
