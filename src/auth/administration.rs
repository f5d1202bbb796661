//! Accounts as an administrator makes, changes and removes them, without mails and without questions.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{self, ATTEMPTS, new_contacts, set_email};
use super::audit::{self, Action, Actor};
use super::ban::Ban;
use super::contact::Contact;
use super::edge;
use super::email_address::EmailAddress;
use super::error::Error;
use super::metadata::{self, Metadata};
use super::model::User;
use super::password::NewPassword;
use super::phone_number::PhoneNumber;
use super::store::sessions::{Ending, SessionKey};
use super::store::users::Page;
use super::store::{self, factors, identities, one_time_tokens, passkeys, recovery_codes, sessions, users};
use crate::app::App;
use crate::crypto;
use crate::ports::DbError;

/// What an account is to be; `None` stays as it is, or takes its default.
#[derive(Default)]
pub struct Particulars {
    pub email: Option<EmailAddress>,
    pub phone: Option<PhoneNumber>,
    pub password: Option<Password>,
    /// Whether address and number count as confirmed; they are never made unconfirmed.
    pub confirm_email: bool,
    pub confirm_phone: bool,
    /// The audience of the user's tokens.
    pub aud: Option<String>,
    /// The Postgres role of the user's tokens.
    pub role: Option<String>,
    /// Merged; null deletes a key.
    pub user_metadata: Metadata,
    /// Merged; null deletes a key.
    pub app_metadata: Metadata,
    pub ban: Option<Ban>,
}

/// A password as an administrator gives it.
pub enum Password {
    /// In clear.
    Clear(NewPassword),
    /// As another server hashed it; see [`password::imported_hash`](super::password::imported_hash).
    Hashed(String),
}

/// Makes an account with a chosen or a random id. It is unconfirmed unless asked otherwise, even with auto-confirm.
pub async fn create(app: &App, id: Option<Uuid>, particulars: &Particulars) -> Result<User, Error> {
    if particulars.email.is_none() && particulars.phone.is_none() {
        return Err(Error::Validation("Cannot create a user without either an email or phone".into()));
    }
    let now = app.now();
    let id = id.unwrap_or_else(|| crypto::random_uuid(app.ports.random.as_ref())).to_string();
    let nobody = User::new(id, now);
    let user = apply(app, &nobody, particulars).await?;
    let mut batch = vec![users::insert(&user)];
    for contact in new_contacts(&nobody, &user) {
        let data = contact.claims(&user.id, false);
        batch.push(identities::put(app.ports.random.as_ref(), &user.id, contact, &data, now));
    }
    batch.push(users::by_id(&user.id));
    let last = batch.len() - 1;
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(|error| {
        if !Error::is_of_account(&error) {
            return Error::of_trigger(error, Error::CreatingNewUser);
        }
        match Error::of_write(error) {
            Error::PhoneExists => Error::PhoneTaken,
            other => other,
        }
    })?;
    let user: User =
        results.first(last)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))?;
    let mut traits = traits(&user);
    if let Some(members) = traits.as_object_mut() {
        let provider = user.app_metadata().get("provider").cloned().unwrap_or_default();
        members.insert("provider".into(), provider);
    }
    audit::record(app, Actor::Admin, Action::UserSignedUp, None, traits).await;
    Ok(user)
}

/// What the audit log says of an account that an administrator touches.
fn traits(user: &User) -> Value {
    let text = |contact: &Option<String>| contact.clone().unwrap_or_default();
    json!({"user_id": user.id, "user_email": text(&user.email), "user_phone": text(&user.phone)})
}

/// One page of accounts, and how many there are on all of them.
pub async fn list(app: &App, page: &Page) -> Result<(Vec<User>, u64), Error> {
    #[derive(serde::Deserialize)]
    struct Count {
        total: u64,
    }
    let results =
        store::run(app.ports.database.as_ref(), vec![users::list(page), users::count(page)]).await?;
    let total = results.first::<Count>(1)?.map_or(0, |count| count.total);
    Ok((results.all(0)?, total))
}

/// The account with that id, soft-deleted or not.
pub async fn by_id(app: &App, id: Uuid) -> Result<User, Error> {
    let results = store::run(app.ports.database.as_ref(), vec![users::by_id(&id.to_string())]).await?;
    results.first(0)?.ok_or(Error::UserNotFound)
}

/// Changes an account. A new password ends all its sessions.
pub async fn update(app: &App, id: Uuid, particulars: &Particulars) -> Result<User, Error> {
    for _ in 0..ATTEMPTS {
        let before = by_id(app, id).await?;
        let after = apply(app, &before, particulars).await?;
        let contacts = particulars.contacts();
        if let Some(user) = account::commit(app, &before, &after, &contacts, Ending::All, None, None).await? {
            audit::record(app, Actor::Admin, Action::UserModified, None, traits(&user)).await;
            return Ok(user);
        }
    }
    Err(Error::Conflict)
}

impl Particulars {
    /// Address and number as they are given, new or not, and whether the identity is to say that they are verified.
    fn contacts(&self) -> Vec<(Contact<'_>, bool)> {
        let email = self.email.as_ref().map(|email| (Contact::Email(email.as_str()), self.confirm_email));
        let phone = self.phone.as_ref().map(|phone| (Contact::Phone(phone.as_str()), self.confirm_phone));
        email.into_iter().chain(phone).collect()
    }
}

async fn apply(app: &App, before: &User, particulars: &Particulars) -> Result<User, Error> {
    let now = app.now();
    let mut after = before.clone();
    if let Some(email) = &particulars.email {
        set_email(&mut after, email);
    }
    if let Some(phone) = &particulars.phone {
        after.phone = Some(phone.as_str().to_string());
    }
    // When they were confirmed last, as upstream.
    if particulars.confirm_email && after.email.is_some() {
        after.email_confirmed_at = Some(now.to_postgres());
        let verified = Metadata::from_iter([("email_verified".to_string(), json!(true))]);
        metadata::merge(&mut after.raw_user_meta_data, &verified);
    }
    if particulars.confirm_phone && after.phone.is_some() {
        after.phone_confirmed_at = Some(now.to_postgres());
    }
    let contacts = particulars.contacts();
    if contacts.iter().any(|(_, is_confirmed)| *is_confirmed) {
        after.is_anonymous = 0;
    }
    after.aud = particulars.aud.clone().unwrap_or(after.aud);
    after.role = particulars.role.clone().unwrap_or(after.role);
    add_providers(before, &mut after, contacts.iter().map(|(contact, _)| contact.provider()));
    metadata::merge(&mut after.raw_user_meta_data, &particulars.user_metadata);
    metadata::merge(&mut after.raw_app_meta_data, &particulars.app_metadata);
    if let Some(ban) = particulars.ban {
        after.banned_until = ban.until(now);
    }
    after.encrypted_password = match &particulars.password {
        None => after.encrypted_password,
        Some(Password::Clear(password)) => Some(password.hash(app).await?),
        Some(Password::Hashed(hash)) => Some(hash.clone()),
    };
    Ok(after)
}

/// `app_metadata` names the providers of the account's identities, the first of them alone as well.
pub fn name_providers(before: &User, after: &mut User) {
    let new: Vec<&'static str> = new_contacts(before, after).into_iter().map(Contact::provider).collect();
    add_providers(before, after, new.into_iter());
}

fn add_providers(before: &User, after: &mut User, new: impl Iterator<Item = &'static str>) {
    let mut providers: Vec<&str> =
        before.identities.iter().map(|identity| identity.provider.as_str()).collect();
    for provider in new {
        if !providers.contains(&provider) {
            providers.push(provider);
        }
    }
    if providers.len() == before.identities.len() {
        return;
    }
    let names = json!({"provider": providers.first(), "providers": providers});
    metadata::merge(&mut after.raw_app_meta_data, &names.as_object().cloned().unwrap_or_default());
}

/// Removes an account with its identities and sessions.
pub async fn delete(app: &App, id: Uuid) -> Result<(), Error> {
    let id = id.to_string();
    let batch = vec![sessions::keys_of(&id), users::by_id(&id), users::delete(&id)];
    let results = store::run(app.ports.database.as_ref(), batch).await;
    let results = results.map_err(|error| match error {
        DbError::ForeignKey => Error::UserStillReferenced,
        other => Error::of_trigger(other, Error::DeletingUser),
    })?;
    let user: User = results.first(1)?.ok_or(Error::UserNotFound)?;
    edge::revoke(app, &results.all::<SessionKey>(0)?).await;
    audit::record(app, Actor::Admin, Action::UserDeleted, None, traits(&user)).await;
    Ok(())
}

/// Removes what identifies the person and keeps the row, for what refers to it. Once is enough.
pub async fn soft_delete(app: &App, id: Uuid) -> Result<(), Error> {
    let user = by_id(app, id).await?;
    if user.deleted_at.is_some() {
        return Ok(());
    }
    let now = app.now();
    let batch = vec![
        sessions::end(&user.id, Ending::All, None),
        one_time_tokens::clear(&user, None),
        identities::obscure(&user.id, now),
        factors::delete_all(&user.id),
        recovery_codes::delete(&user.id),
        passkeys::delete_all(&user.id),
        users::soft_delete(&user, now),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    edge::revoke(app, &results.all::<SessionKey>(0)?).await;
    audit::record(app, Actor::Admin, Action::UserDeleted, None, traits(&user)).await;
    Ok(())
}
