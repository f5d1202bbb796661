//! Signing up with an address and a password.

use serde_json::json;

use super::contact::Contact;
use super::email_address::EmailAddress;
use super::error::Error;
use super::metadata::Metadata;
use super::model::User;
use super::password::NewPassword;
use super::session::{Client, Session, SignedIn};
use super::store::{self, identities, sessions, users};
use crate::app::App;
use crate::crypto;
use crate::ports::DbError;
use crate::sql::Statement;
use crate::time::Timestamp;

/// Someone who wants an account.
pub struct Registration {
    pub email: EmailAddress,
    pub password: NewPassword,
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
pub async fn sign_up(app: &App, registration: Registration, client: &Client) -> Result<SignedUp, Error> {
    let encrypted_password = registration.password.hash(app).await?;
    if app.config.auth.autoconfirm {
        sign_up_confirmed(app, registration, encrypted_password, client).await
    } else {
        sign_up_unconfirmed(app, registration, encrypted_password).await
    }
}

async fn sign_up_confirmed(
    app: &App,
    registration: Registration,
    encrypted_password: String,
    client: &Client,
) -> Result<SignedUp, Error> {
    let now = app.now();
    let mut user = new_user(app, &registration, &encrypted_password);
    user.email_confirmed_at = Some(now.to_postgres());
    user.last_sign_in_at = Some(now.to_postgres());
    let session = Session::start(app, &user.id);
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
    Ok(SignedUp::In(Box::new(session.tokens(app, user, 0, client)?)))
}

async fn sign_up_unconfirmed(
    app: &App,
    registration: Registration,
    encrypted_password: String,
) -> Result<SignedUp, Error> {
    let user = new_user(app, &registration, &encrypted_password);
    let results = store::run(
        app.ports.database.as_ref(),
        vec![
            users::insert(&user),
            email_identity(app, &user.id, &registration, app.now()),
            users::by_id(&user.id),
        ],
    )
    .await;
    match results.map_err(taken) {
        Ok(results) => {
            let user =
                results.first(2)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))?;
            Ok(SignedUp::Unconfirmed(Box::new(user)))
        }
        Err(Error::UserAlreadyExists) => sign_up_again(app, &registration).await,
        Err(error) => Err(error),
    }
}

/// The address has an account. One that is not confirmed is answered as it is, unchanged; a
/// confirmed one is not given away: the answer is a user that exists nowhere.
async fn sign_up_again(app: &App, registration: &Registration) -> Result<SignedUp, Error> {
    let email = registration.email.as_str();
    let results = store::run(app.ports.database.as_ref(), vec![users::by_email(email)]).await?;
    match results.first::<User>(0)? {
        Some(user) if user.confirmed_at.is_none() => Ok(SignedUp::Unconfirmed(Box::new(user))),
        _ => {
            let mut nobody = new_user(app, registration, "");
            nobody.role = String::new();
            nobody.raw_user_meta_data = json!(registration.data).to_string();
            Ok(SignedUp::Unconfirmed(Box::new(nobody)))
        }
    }
}

fn new_user(app: &App, registration: &Registration, encrypted_password: &str) -> User {
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let mut user_metadata = registration.data.clone();
    let email = Contact::Email(registration.email.as_str());
    user_metadata.extend(email.claims(&id, app.config.auth.autoconfirm));
    User {
        email: Some(registration.email.as_str().to_string()),
        encrypted_password: Some(encrypted_password.to_string()),
        raw_app_meta_data: json!({"provider": "email", "providers": ["email"]}).to_string(),
        raw_user_meta_data: json!(user_metadata).to_string(),
        ..User::new(id, app.now())
    }
}

fn email_identity(app: &App, user_id: &str, registration: &Registration, now: Timestamp) -> Statement {
    let email = Contact::Email(registration.email.as_str());
    let mut data = registration.data.clone();
    data.extend(email.claims(user_id, false));
    identities::put(app.ports.random.as_ref(), user_id, email, &data, now)
}

fn taken(error: DbError) -> Error {
    match error {
        DbError::Unique { .. } => Error::UserAlreadyExists,
        other => other.into(),
    }
}
