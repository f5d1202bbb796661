//! Signing up with an address or a number.

use serde_json::json;

use super::audit::{self, Action, Actor};
use super::contact::{Contact, OwnedContact};
use super::email_address::EmailAddress;
use super::error::Error;
use super::hook::{self, error::HookError};
use super::mailing::{self, Purpose, ReturnPath};
use super::metadata::Metadata;
use super::model::User;
use super::one_time_token::OneTimeToken;
use super::password::NewPassword;
use super::session::{Client, Session, SignedIn};
use super::sms::Channel;
use super::store::{self, identities, one_time_tokens, sessions, users};
use super::texting::{self, Code};
use crate::app::App;
use crate::config::HookKind;
use crate::crypto;
use crate::ports::DbError;
use crate::sql::Statement;
use crate::time::Timestamp;

/// Someone who wants an account.
pub struct Registration {
    pub contact: OwnedContact,
    /// None for who signs in by messages.
    pub password: Option<NewPassword>,
    /// `user_metadata` of their choice.
    pub data: Metadata,
    /// The way a code to a phone takes.
    pub channel: Channel,
}

impl Registration {
    /// With an address.
    pub fn by_email(email: EmailAddress, password: Option<NewPassword>, data: Metadata) -> Self {
        Self { contact: OwnedContact::Email(email), password, data, channel: Channel::Sms }
    }

    /// Whether its kind of contact counts as confirmed at once.
    pub fn is_autoconfirmed(&self, app: &App) -> bool {
        match self.contact {
            OwnedContact::Email(_) => app.config.auth.autoconfirm,
            OwnedContact::Phone(_) => app.config.auth.sms.autoconfirm,
        }
    }
}

/// What a sign-up led to.
pub enum SignedUp {
    /// Confirmed at once and signed in.
    In(Box<SignedIn>),
    /// An account whose contact is still to be confirmed, or what looks like one.
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
    if registration.is_autoconfirmed(app) {
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
    confirm(&mut user, &registration, now);
    user.last_sign_in_at = Some(now.to_postgres());
    ask_about(app, &user, registration.contact.as_contact(), client.ip.as_deref()).await?;
    let session = Session::start(app, &user.id, "password");
    let results = store::run(
        app.ports.database.as_ref(),
        vec![
            users::insert(&user),
            identity(app, &user.id, &registration, now),
            sessions::insert(&session, &encrypted_password, client, now),
            users::by_id(&user.id),
        ],
    )
    .await
    .map_err(taken)?;
    let user: User =
        results.first(3)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))?;
    let provider = json!({"provider": registration.contact.as_contact().provider()});
    for action in [Action::UserSignedUp, Action::Login] {
        audit::record(app, Actor::User(&user), action, client.ip.as_deref(), provider.clone()).await;
    }
    let signed_in = session.first_tokens(app, user, client, session.ending()).await?;
    Ok(SignedUp::In(Box::new(signed_in)))
}

/// Asks the hook whether somebody may have the account, unless the contact is taken: then it is not made.
async fn ask_about(app: &App, user: &User, contact: Contact<'_>, ip: Option<&str>) -> Result<(), Error> {
    if !hook::is_on(app, HookKind::BeforeUserCreated) {
        return Ok(());
    }
    let statement = match contact {
        Contact::Email(email) => users::by_email(email),
        Contact::Phone(phone) => users::by_phone(phone),
    };
    let holder: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    if holder.is_some() {
        return Ok(());
    }
    hook::before_user_created(app, ip, user).await
}

/// Makes an account that counts as confirmed, without signing in.
pub async fn register(app: &App, registration: &Registration, ip: Option<&str>) -> Result<User, Error> {
    let now = app.now();
    let mut user = new_user(app, registration, None);
    confirm(&mut user, registration, now);
    ask_about(app, &user, registration.contact.as_contact(), ip).await?;
    let batch =
        vec![users::insert(&user), identity(app, &user.id, registration, now), users::by_id(&user.id)];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(taken)?;
    results.first(2)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))
}

fn confirm(user: &mut User, registration: &Registration, now: Timestamp) {
    match registration.contact {
        OwnedContact::Email(_) => user.email_confirmed_at = Some(now.to_postgres()),
        OwnedContact::Phone(_) => user.phone_confirmed_at = Some(now.to_postgres()),
    }
}

/// Makes an account and sends the message that confirms it. If that does not go out, there is no account.
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

/// Adds an account that a message is about, and sends that; [`Error::UserAlreadyExists`] if the contact is
/// taken. The purpose is a mail's; a number is always sent the code that confirms it.
pub async fn add_and_tell(
    app: &App,
    mut user: User,
    registration: &Registration,
    purpose: Purpose,
    path: &ReturnPath,
) -> Result<User, Error> {
    let now = app.now();
    user.confirmation_sent_at = Some(now.to_postgres());
    ask_about(app, &user, registration.contact.as_contact(), path.ip.as_deref()).await?;
    match &registration.contact {
        OwnedContact::Email(email) => {
            let (token_type, challenge) = (purpose.token_type(), path.challenge.clone());
            let token = OneTimeToken::issue(app, token_type, &user.id, email.as_str(), challenge)?;
            let user = add(app, &user, registration, &token, mailing::expiry(app, now), now).await?;
            let message = mailing::compose(app, &user, purpose, &token, path)?;
            mailing::deliver(app, vec![message], vec![users::forget(&token)]).await?;
            tell(app, &user, purpose, path.ip.as_deref()).await?;
            record(app, &user, registration, purpose, path.ip.as_deref()).await;
            Ok(user)
        }
        OwnedContact::Phone(phone) => {
            let code = Code::issue(app, texting::Purpose::Confirmation, &user.id, phone.as_str())?;
            let user = add(app, &user, registration, &code.token, texting::expiry(app, now), now).await?;
            let (channel, ip) = (registration.channel, path.ip.as_deref());
            code.deliver(app, &user, channel, ip, vec![users::forget(&code.token)]).await?;
            tell(app, &user, purpose, ip).await?;
            record(app, &user, registration, purpose, ip).await;
            Ok(user)
        }
    }
}

/// Tells the hook of the account. What it says is for an administrator; who signs up hears that it failed, as upstream.
async fn tell(app: &App, user: &User, purpose: Purpose, ip: Option<&str>) -> Result<(), Error> {
    let told = hook::after_user_created(app, ip, user).await;
    if purpose == Purpose::Invite {
        return told;
    }
    told.map_err(|error| HookError::AfterSignUp(format!("{error:?}")).into())
}

async fn record(app: &App, user: &User, registration: &Registration, purpose: Purpose, ip: Option<&str>) {
    if purpose == Purpose::Invite {
        let traits = json!({"user_id": user.id, "user_email": user.email});
        return audit::record(app, Actor::Admin, Action::UserInvited, ip, traits).await;
    }
    let traits = json!({"provider": registration.contact.as_contact().provider()});
    audit::record(app, Actor::User(user), Action::ConfirmationRequested, ip, traits).await;
}

async fn add(
    app: &App,
    user: &User,
    registration: &Registration,
    token: &OneTimeToken,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<User, Error> {
    let batch = vec![
        users::insert(user),
        identity(app, &user.id, registration, now),
        one_time_tokens::put(token, user, now, expires_at),
        users::by_id(&user.id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(taken)?;
    results.first(3)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))
}

/// The contact has an account. One that is not confirmed stays as it is and is sent the message again; a
/// confirmed one is not given away: the answer is a user that exists nowhere.
async fn sign_up_again(app: &App, registration: &Registration, path: &ReturnPath) -> Result<SignedUp, Error> {
    let statement = match registration.contact.as_contact() {
        Contact::Email(email) => users::by_email(email),
        Contact::Phone(phone) => users::by_phone(phone),
    };
    let user: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match (user, &registration.contact) {
        (Some(mut user), OwnedContact::Email(_)) if user.email_confirmed_at.is_none() => {
            mailing::send(app, &user, Purpose::SignUp, path).await?;
            user.confirmation_sent_at = Some(app.now().to_postgres());
            if user.invited_at.is_some() {
                // What the inviting administrator wrote is not for whoever types in the address.
                user.raw_user_meta_data = "{}".into();
                user.identities = Vec::new();
            }
            Ok(SignedUp::Unconfirmed(Box::new(user)))
        }
        (Some(mut user), OwnedContact::Phone(_)) if user.phone_confirmed_at.is_none() => {
            texting::send(
                app,
                &user,
                texting::Purpose::Confirmation,
                registration.channel,
                path.ip.as_deref(),
            )
            .await?;
            user.confirmation_sent_at = Some(app.now().to_postgres());
            Ok(SignedUp::Unconfirmed(Box::new(user)))
        }
        // Where one kind of contact confirms itself, upstream says this of both.
        _ if app.config.auth.autoconfirm || app.config.auth.sms.autoconfirm => Err(Error::UserAlreadyExists),
        _ => {
            match registration.contact.as_contact() {
                Contact::Email(email) => mailing::pretend(app, Purpose::SignUp, email).await?,
                Contact::Phone(phone) => {
                    texting::pretend(app, texting::Purpose::Confirmation, phone).await?;
                }
            }
            let contact = registration.contact.as_contact();
            let (actor, traits) = (Actor::Unknown(contact.value()), json!({"provider": contact.provider()}));
            audit::record(app, actor, Action::RepeatedSignUp, path.ip.as_deref(), traits).await;
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
    let contact = registration.contact.as_contact();
    let mut user_metadata = registration.data.clone();
    user_metadata.extend(contact.sign_up_claims(&id, registration.is_autoconfirmed(app)));
    let user = User { id, ..bare_user(app, registration, encrypted_password) };
    User { raw_user_meta_data: json!(user_metadata).to_string(), ..user }
}

/// The same for somebody who did not ask for it: `user_metadata` is what was given alone.
pub fn bare_user(app: &App, registration: &Registration, encrypted_password: Option<&str>) -> User {
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let contact = registration.contact.as_contact();
    let provider = contact.provider();
    let mut user = User {
        encrypted_password: encrypted_password.map(str::to_string),
        raw_app_meta_data: json!({"provider": provider, "providers": [provider]}).to_string(),
        raw_user_meta_data: json!(registration.data).to_string(),
        ..User::new(id, app.now())
    };
    match contact {
        Contact::Email(email) => user.email = Some(email.to_string()),
        Contact::Phone(phone) => user.phone = Some(phone.to_string()),
    }
    user
}

/// The identity that belongs to it.
pub fn identity(app: &App, user_id: &str, registration: &Registration, now: Timestamp) -> Statement {
    let contact = registration.contact.as_contact();
    let mut data = registration.data.clone();
    // Whose the identity is, is not theirs to say.
    for name in ["email", "phone"] {
        data.shift_remove(name);
    }
    data.extend(contact.sign_up_claims(user_id, false));
    identities::put(app.ports.random.as_ref(), user_id, contact, &data, now)
}

/// The failure of adding an account, where the address may be taken.
pub fn taken(error: DbError) -> Error {
    match error {
        error if Error::is_of_account(&error) => Error::UserAlreadyExists,
        error => Error::of_trigger(error, Error::SavingNewUser),
    }
}
