//! Passkeys: credentials that sign in by themselves. Registering one, signing in with one, keeping them.
//!
//! A challenge is used up before its answer is looked at, so that none is answered twice.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{self, Current};
use super::audit::{self, Action, Actor};
use super::enrolment::permanent_session;
use super::error::Error;
use super::model::User;
use super::session::{Client, Session, SignedIn};
use super::store::passkeys::{Passkey, Pending};
use super::store::{self, passkeys, sessions, users};
use super::webauthn::error::PasskeyError;
use super::webauthn::{self, Assertion, Attestation};
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;
use crate::ports::DbError;
use crate::time::Timestamp;

/// The most bytes of a passkey's name.
const LONGEST_NAME: usize = 120;

/// A question, and the options a browser needs to have it answered.
pub struct Asked {
    pub challenge_id: String,
    pub options: Value,
    pub expires_at: Timestamp,
}

/// Refuses unless passkeys are on.
pub fn refuse_disabled(app: &App) -> Result<(), Error> {
    if app.config.auth.webauthn.passkeys_enabled { Ok(()) } else { Err(PasskeyError::Disabled.into()) }
}

/// Begins to register a passkey for the caller.
pub async fn start_registration(app: &App, caller: &Caller) -> Result<Asked, Error> {
    let (me, results) =
        account::current_with(app, caller, |user_id| vec![passkeys::of_user(user_id)]).await?;
    refuse_managing(&me)?;
    let known: Vec<Passkey> = results.all(0)?;
    if known.len() as u64 >= app.config.auth.webauthn.most_passkeys {
        return Err(PasskeyError::TooMany.into());
    }
    let known: Vec<String> = known.into_iter().map(|passkey| passkey.credential_id).collect();
    let challenge = webauthn::challenge(app.ports.random.as_ref());
    let options = webauthn::creation_options(&app.config.auth.webauthn, &me.user, &challenge, &known, true);
    ask(app, Some(&me.user.id), "registration", &challenge, options).await
}

/// Passkeys are for people with an account of their own, and theirs to change only with all they can show.
fn refuse_managing(me: &Current) -> Result<&Session, Error> {
    let session = permanent_session(me)?;
    if me.is_fully_assured() { Ok(session) } else { Err(PasskeyError::NeedsAal2.into()) }
}

async fn ask(
    app: &App,
    user_id: Option<&str>,
    challenge_type: &str,
    challenge: &str,
    options: Value,
) -> Result<Asked, Error> {
    let challenge_id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let seconds = i64::try_from(app.config.auth.webauthn.challenge_seconds).unwrap_or(i64::MAX);
    let expires_at = app.now().plus_seconds(seconds);
    let statement = passkeys::ask(&challenge_id, user_id, challenge_type, challenge, expires_at);
    store::run(app.ports.database.as_ref(), vec![statement]).await?;
    Ok(Asked { challenge_id, options, expires_at })
}

/// Registers the passkey that was made.
pub async fn register(
    app: &App,
    caller: &Caller,
    challenge_id: Uuid,
    credential: Value,
    ip: Option<&str>,
) -> Result<Passkey, Error> {
    let challenge_id = challenge_id.to_string();
    let (me, results) = account::current_with(app, caller, |user_id| {
        vec![passkeys::take(&challenge_id, Some(user_id), "registration")]
    })
    .await?;
    let session = refuse_managing(&me)?;
    let challenge = still_good(app, results.first(0)?)?;
    let attestation: Attestation =
        serde_json::from_value(credential).map_err(|error| PasskeyError::Unreadable(error.to_string()))?;
    let config = &app.config.auth.webauthn;
    let credential = attestation.verify(config, &challenge).map_err(PasskeyError::from)?;
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let name = webauthn::name_of(&credential.aaguid);
    let owner = (me.user.id.as_str(), session.id.as_str());
    let batch = vec![
        passkeys::insert(&id, owner, &credential, name, config.most_passkeys, app.now()),
        passkeys::by_id(&me.user.id, &id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(|error| match error {
        DbError::Unique { .. } => PasskeyError::CredentialExists.into(),
        other => Error::from(other),
    })?;
    let passkey: Passkey = results.first(1)?.ok_or(PasskeyError::TooMany)?;
    let traits = json!({"passkey_id": id});
    audit::record(app, Actor::User(&me.user), Action::PasskeyCreated, ip, traits).await;
    Ok(passkey)
}

fn still_good(app: &App, pending: Option<Pending>) -> Result<String, PasskeyError> {
    let pending = pending.ok_or(PasskeyError::ChallengeNotFound)?;
    let expires_at = Timestamp::parse(&pending.expires_at);
    if expires_at.is_none_or(|expires_at| app.now() >= expires_at) {
        return Err(PasskeyError::ChallengeExpired);
    }
    Ok(pending.challenge)
}

/// Begins a sign-in: whoever comes picks the passkey, so that nothing tells who has one.
pub async fn start_sign_in(app: &App) -> Result<Asked, Error> {
    let challenge = webauthn::challenge(app.ports.random.as_ref());
    let options = webauthn::request_options(&app.config.auth.webauthn, &challenge, &[]);
    ask(app, None, "authentication", &challenge, options).await
}

/// Signs in with the passkey that answered.
pub async fn sign_in(
    app: &App,
    challenge_id: Uuid,
    credential: Value,
    client: &Client,
) -> Result<SignedIn, Error> {
    let assertion: Result<Assertion, _> = serde_json::from_value(credential);
    let whose = assertion.as_ref().ok().and_then(|assertion| {
        let user_id = Uuid::parse_str(&assertion.user_id()?).ok()?.to_string();
        Some((user_id, assertion.credential_id().ok()?))
    });
    let (user_id, credential_id) = whose.unwrap_or_default();
    let batch = vec![
        passkeys::take(&challenge_id.to_string(), None, "authentication"),
        users::by_id(&user_id),
        passkeys::by_credential(&user_id, &credential_id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    let challenge = still_good(app, results.first(0)?)?;
    let assertion = assertion.map_err(|error| PasskeyError::Unreadable(error.to_string()))?;
    let (user, passkey) = match (results.first::<User>(1)?, results.first::<Passkey>(2)?) {
        (Some(user), Some(passkey)) if user.deleted_at.is_none() => (user, passkey),
        _ => return Err(PasskeyError::Unverified("nobody has that passkey".into()).into()),
    };
    let config = &app.config.auth.webauthn;
    let after =
        assertion.verify(config, app.ports.signatures.as_ref(), &challenge, &passkey.credential()).await;
    let after = after.map_err(PasskeyError::from)?;
    refuse_user(app, &user)?;
    let now = app.now();
    let session = Session::start(app, &user.id, "passkey");
    let user_id = user.id.clone();
    // Before anything but the challenge is used: a hook that says no leaves nothing.
    let signed_in = session.tokens(app, user, 0, client).await?;
    let batch = vec![
        passkeys::used(&passkey, &after, now),
        sessions::insert_if(&session, client, now, |writer| {
            passkeys::was_used(&passkey, &after, now, writer)
        }),
        users::signed_in_without_password(&user_id, now),
        users::by_id(&user_id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    match (results.happened(0)?, results.happened(1)?, results.first(3)?) {
        (true, true, Some(user)) => {
            let (ip, traits) = (client.ip.as_deref(), json!({"passkey_id": passkey.id}));
            audit::record(app, Actor::User(&user), Action::Login, ip, traits).await;
            Ok(SignedIn { user, ..signed_in })
        }
        (true, false, Some(_)) => Err(Error::TokenUserBanned),
        _ => Err(PasskeyError::Unverified("the passkey was used or removed meanwhile".into()).into()),
    }
}

fn refuse_user(app: &App, user: &User) -> Result<(), Error> {
    if user.email.is_some() && user.email_confirmed_at.is_none() {
        return Err(PasskeyError::EmailNotConfirmed.into());
    }
    if user.phone.is_some() && user.phone_confirmed_at.is_none() {
        return Err(PasskeyError::PhoneNotConfirmed.into());
    }
    if user.is_banned(app.now()) { Err(Error::TokenUserBanned) } else { Ok(()) }
}

/// The caller's passkeys.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Passkey>, Error> {
    let (_, results) = account::current_with(app, caller, |user_id| vec![passkeys::of_user(user_id)]).await?;
    Ok(results.all(0)?)
}

/// Anyone's passkeys, for an administrator.
pub async fn list_any(app: &App, user_id: Uuid) -> Result<Vec<Passkey>, Error> {
    let user_id = user_id.to_string();
    let batch = vec![users::by_id(&user_id), passkeys::of_user(&user_id)];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    results.first::<User>(0)?.ok_or(Error::UserNotFound)?;
    Ok(results.all(1)?)
}

/// Gives one of the caller's passkeys another name.
pub async fn rename(
    app: &App,
    caller: &Caller,
    id: Uuid,
    name: &str,
    ip: Option<&str>,
) -> Result<Passkey, Error> {
    if name.is_empty() {
        return Err(Error::Validation("friendly_name is required".into()));
    }
    if name.len() > LONGEST_NAME {
        return Err(Error::Validation("friendly_name must be 120 characters or less".into()));
    }
    let (id, now) = (id.to_string(), app.now());
    let me = account::current(app, caller).await?;
    let batch = vec![passkeys::rename(&me.user.id, &id, name, now), passkeys::by_id(&me.user.id, &id)];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    let passkey: Passkey = results.first(1)?.ok_or(PasskeyError::NotFound)?;
    let traits = json!({"passkey_id": id});
    audit::record(app, Actor::User(&me.user), Action::PasskeyUpdated, ip, traits).await;
    Ok(passkey)
}

/// Gives one of the caller's passkeys up.
pub async fn remove(app: &App, caller: &Caller, id: Uuid, ip: Option<&str>) -> Result<(), Error> {
    let me = account::current(app, caller).await?;
    if !me.is_fully_assured() {
        return Err(PasskeyError::NeedsAal2.into());
    }
    delete(app, &me.user.id, id).await?;
    let traits = json!({"passkey_id": id.to_string()});
    audit::record(app, Actor::User(&me.user), Action::PasskeyDeleted, ip, traits).await;
    Ok(())
}

/// Removes anyone's passkey, as an administrator.
pub async fn remove_any(app: &App, user_id: Uuid, id: Uuid, ip: Option<&str>) -> Result<(), Error> {
    let statement = users::by_id(&user_id.to_string());
    let user: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    let user_id = user.ok_or(Error::UserNotFound)?.id;
    delete(app, &user_id, id).await?;
    let traits = json!({"user_id": user_id, "passkey_id": id.to_string()});
    audit::record(app, Actor::Admin, Action::PasskeyDeleted, ip, traits).await;
    Ok(())
}

async fn delete(app: &App, user_id: &str, id: Uuid) -> Result<(), Error> {
    let statement = passkeys::delete(user_id, &id.to_string());
    if store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
        return Ok(());
    }
    Err(PasskeyError::NotFound.into())
}
