//! Signing up with an address.

use serde_json::json;

use super::contact::Contact;
use super::email_address::EmailAddress;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::Metadata;
use super::model::User;
use super::one_time_token::OneTimeToken;
use super::password::NewPassword;
use super::session::{Client, Session, SignedIn};
use super::store::{self, identities, one_time_tokens, sessions, users};
use crate::app::App;
use crate::crypto;
use crate::ports::DbError;
use crate::sql::Statement;
use crate::time::Timestamp;

/// Someone who wants an account.
pub struct Registration {
    pub email: EmailAddress,
    /// None for who signs in by mail.
    pub password: Option<NewPassword>,
    /// `user_metadata` of their choice.
    pub data: Metadata,
}

/// What a sign-up led to.
pub enum SignedUp {
    /// Confirmed at once and signed in.
    In(Box<SignedIn>),
    /// An account whose address is still to be confirmed, or what looks like one.
    Unconfirmed(Box<User>),
}

/// Makes an account. Whether the address is taken is decided by the database's unique index alone,
/// so two people racing for it cannot both get it; and the password is hashed before that, so the
/// time it takes does not tell.
pub async fn sign_up(
    app: &App,
    registration: Registration,
    client: &Client,
    path: &ReturnPath,
) -> Result<SignedUp, Error> {
    let encrypted_password = match &registration.password {
        Some(password) => Some(password.hash(app).await?),
        None => None,
    };
    if app.config.auth.autoconfirm {
        sign_up_confirmed(app, registration, encrypted_password.unwrap_or_default(), client).await
    } else {
        sign_up_unconfirmed(app, registration, encrypted_password, path).await
    }
}

async fn sign_up_confirmed(
    app: &App,
    registration: Registration,
    encrypted_password: String,
    client: &Client,
) -> Result<SignedUp, Error> {
    let now = app.now();
    let mut user = new_user(app, &registration, Some(&encrypted_password));
    user.email_confirmed_at = Some(now.to_postgres());
    user.last_sign_in_at = Some(now.to_postgres());
    let session = Session::start(app, &user.id, "password");
    let results = store::run(
        app.ports.database.as_ref(),
        vec![
            users::insert(&user),
            email_identity(app, &user.id, &registration, now),
            sessions::insert(&session, &encrypted_password, client, now),
            users::by_id(&user.id),
        ],
    )
    .await
    .map_err(taken)?;
    let user = results.first(3)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))?;
    Ok(SignedUp::In(Box::new(session.tokens(app, user, 0, client).await?)))
}

/// Makes an account that counts as confirmed, without signing in.
pub async fn register(app: &App, registration: &Registration) -> Result<User, Error> {
    let now = app.now();
    let mut user = new_user(app, registration, None);
    user.email_confirmed_at = Some(now.to_postgres());
    let batch =
        vec![users::insert(&user), email_identity(app, &user.id, registration, now), users::by_id(&user.id)];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(taken)?;
    results.first(2)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))
}

/// Makes an account and sends the mail that confirms it. If the mail does not go out, there is no account.
pub async fn sign_up_unconfirmed(
    app: &App,
    registration: Registration,
    encrypted_password: Option<String>,
    path: &ReturnPath,
) -> Result<SignedUp, Error> {
    let user = new_user(app, &registration, encrypted_password.as_deref());
    match add_and_tell(app, user, &registration, Purpose::SignUp, path).await {
        Ok(user) => Ok(SignedUp::Unconfirmed(Box::new(user))),
        Err(Error::UserAlreadyExists) => sign_up_again(app, &registration, path).await,
        Err(error) => Err(error),
    }
}

/// Adds an account that a mail is about, and sends that; [`Error::UserAlreadyExists`] if the address is taken.
pub async fn add_and_tell(
    app: &App,
    mut user: User,
    registration: &Registration,
    purpose: Purpose,
    path: &ReturnPath,
) -> Result<User, Error> {
    let now = app.now();
    user.confirmation_sent_at = Some(now.to_postgres());
    let email = registration.email.as_str();
    let token = OneTimeToken::issue(app, purpose.token_type(), &user.id, email, path.challenge.clone())?;
    let batch = vec![
        users::insert(&user),
        email_identity(app, &user.id, registration, now),
        one_time_tokens::put(&token, &user, now, mailing::expiry(app, now)),
        users::by_id(&user.id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(taken)?;
    let user: User =
        results.first(3)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))?;
    let message = mailing::compose(app, &user, purpose, &token, path)?;
    mailing::deliver(app, vec![message], vec![users::forget(&token)]).await?;
    Ok(user)
}

/// The address has an account. One that is not confirmed stays as it is and is sent the mail again; a
/// confirmed one is not given away: the answer is a user that exists nowhere.
async fn sign_up_again(app: &App, registration: &Registration, path: &ReturnPath) -> Result<SignedUp, Error> {
    let email = registration.email.as_str();
    let results = store::run(app.ports.database.as_ref(), vec![users::by_email(email)]).await?;
    match results.first::<User>(0)? {
        Some(mut user) if user.confirmed_at.is_none() => {
            mailing::send(app, &user, Purpose::SignUp, path).await?;
            user.confirmation_sent_at = Some(app.now().to_postgres());
            if user.invited_at.is_some() {
                // What the inviting administrator wrote is not for whoever types in the address.
                user.raw_user_meta_data = "{}".into();
                user.identities = Vec::new();
            }
            Ok(SignedUp::Unconfirmed(Box::new(user)))
        }
        _ => {
            mailing::pretend(app, Purpose::SignUp, email).await?;
            let mut nobody = new_user(app, registration, None);
            nobody.role = String::new();
            nobody.confirmation_sent_at = Some(app.now().to_postgres());
            nobody.raw_user_meta_data = json!(registration.data).to_string();
            Ok(SignedUp::Unconfirmed(Box::new(nobody)))
        }
    }
}

/// The account of a registration, not stored yet.
pub fn new_user(app: &App, registration: &Registration, encrypted_password: Option<&str>) -> User {
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let mut user_metadata = registration.data.clone();
    let email = Contact::Email(registration.email.as_str());
    user_metadata.extend(email.claims(&id, app.config.auth.autoconfirm));
    User {
        email: Some(registration.email.as_str().to_string()),
        encrypted_password: encrypted_password.map(str::to_string),
        raw_app_meta_data: json!({"provider": "email", "providers": ["email"]}).to_string(),
        raw_user_meta_data: json!(user_metadata).to_string(),
        ..User::new(id, app.now())
    }
}

/// The identity that belongs to it.
pub fn email_identity(app: &App, user_id: &str, registration: &Registration, now: Timestamp) -> Statement {
    let email = Contact::Email(registration.email.as_str());
    let mut data = registration.data.clone();
    data.extend(email.claims(user_id, false));
    identities::put(app.ports.random.as_ref(), user_id, email, &data, now)
}

/// The failure of adding an account, where the address may be taken.
pub fn taken(error: DbError) -> Error {
    match error {
        error if Error::is_of_account(&error) => Error::UserAlreadyExists,
        error => Error::of_trigger(error, Error::SavingNewUser),
    }
}
