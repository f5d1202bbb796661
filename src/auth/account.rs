//! A user's own account: who is calling, and what they change about themselves.

use serde_json::{Value, json};
use uuid::Uuid;

use super::administration::name_providers;
use super::audit::{self, Action, Actor};
use super::contact::Contact;
use super::edge;
use super::email_address::EmailAddress;
use super::email_change;
use super::error::Error;
use super::lockout;
use super::mailing::ReturnPath;
use super::metadata::{self, Metadata};
use super::model::User;
use super::notice;
use super::oauth_server::error::OAuthServerError;
use super::password::NewPassword;
use super::phone_change;
use super::phone_number::PhoneNumber;
use super::reauthenticate;
use super::session::Session;
use super::sms::Channel;
use super::store::one_time_tokens::Standing;
use super::store::sessions::{Ending, SessionKey};
use super::store::{self, Results, flow_states, identities, one_time_tokens, sessions, shown_user, users};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::{Body, DbError};
use crate::sql::Statement;
use crate::time::Timestamp;

/// The user a bearer token speaks for, as the database knows them now.
pub struct Current {
    pub user: User,
    /// The token's session, which lives; `None` for a token that was made without one.
    pub session: Option<Session>,
}

impl Current {
    /// The id of the token's session.
    pub fn session_id(&self) -> Option<&str> {
        self.session.as_ref().map(|session| session.id.as_str())
    }

    /// Whether the token is not the user's own, but an app's that they let in.
    pub fn is_of_client(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.oauth_client_id.is_some())
    }

    /// Whether the session shows all that the user can: a second factor, if there is one.
    pub fn is_fully_assured(&self) -> bool {
        !self.user.has_verified_factor() || self.session.as_ref().is_some_and(Session::is_aal2)
    }
}

/// Looks the caller up: the token may be older than a sign-out, a ban or a deletion. An app's token is refused: what is done here
/// its user has to do.
pub async fn current(app: &App, caller: &Caller) -> Result<Current, Error> {
    current_with(app, caller, |_| Vec::new()).await.map(|(me, _)| me)
}

/// The same for changes of how they sign in: with a second factor, only by a session that has shown it.
pub async fn current_assured(app: &App, caller: &Caller) -> Result<Current, Error> {
    let me = current(app, caller).await?;
    if me.is_fully_assured() { Ok(me) } else { Err(Error::UpdateNeedsAal2) }
}

/// The same, with more statements in the same batch, given the user's id: a use case that needs more
/// asks the database once.
pub async fn current_with(
    app: &App,
    caller: &Caller,
    more: impl FnOnce(&str) -> Vec<Statement>,
) -> Result<(Current, Results), Error> {
    let (me, results) = look_up(app, caller, more).await?;
    if me.is_of_client() {
        return Err(OAuthServerError::ClientMayNot.into());
    }
    Ok((me, results))
}

/// The same of an app's token too.
pub async fn current_or_client(app: &App, caller: &Caller) -> Result<Current, Error> {
    look_up(app, caller, |_| Vec::new()).await.map(|(me, _)| me)
}

async fn look_up(
    app: &App,
    caller: &Caller,
    more: impl FnOnce(&str) -> Vec<Statement>,
) -> Result<(Current, Results), Error> {
    let (user_id, session_id) = ids(caller)?;
    let asked_session = session_id.as_deref().unwrap_or_default();
    let mut batch = vec![sessions::with_user(asked_session, &user_id)];
    batch.extend(more(&user_id));
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    let user = results.first::<User>(0)?.filter(|user| user.deleted_at.is_none());
    let user = user.ok_or(Error::TokenUserNotFound)?;
    if user.is_banned(app.now()) {
        return Err(Error::TokenUserBanned);
    }
    let session = results.text(0)?.as_deref().map(sessions::beside).transpose()?;
    if session_id.is_some() && session.is_none() {
        return Err(Error::TokenSessionNotFound);
    }
    Ok((Current { user, session }, results.after(1)))
}

/// The ids of the caller and of their session, if the token names one.
fn ids(caller: &Caller) -> Result<(String, Option<String>), Error> {
    let user_id = caller.user_id().ok_or(Error::MissingSubject)?;
    let user_id = Uuid::parse_str(user_id).map_err(|_| Error::SubjectNotUuid)?.to_string();
    let session_id = match caller.session_id() {
        None => None,
        Some(id) => Some(Uuid::parse_str(id).map_err(|_| Error::SessionIdNotUuid)?.to_string()),
    };
    Ok((user_id, session_id))
}

/// What the caller is shown of their account, an app's token too. It is asked more often than all else, so the database writes
/// the answer; what that cannot say is read and written here.
pub async fn shown(app: &App, caller: &Caller) -> Result<Body, Error> {
    let (user_id, session_id) = ids(caller)?;
    let statement = shown_user::by_id(&user_id, session_id.as_deref().unwrap_or_default());
    let written = match store::run(app.ports.database.as_ref(), vec![statement]).await {
        Ok(results) => results.unread(0)?,
        Err(DbError::TooLarge) => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(text) = written {
        return Ok(Body::Text(text));
    }
    let (me, _) = look_up(app, caller, |_| Vec::new()).await?;
    Ok(Body::from(me.user.to_json().to_string()))
}

/// What a user asks to change; `None` stays as it is.
#[derive(Default)]
pub struct Change {
    pub email: Option<EmailAddress>,
    pub phone: Option<PhoneNumber>,
    /// The way the code for another number takes.
    pub channel: Channel,
    pub password: Option<NewPassword>,
    /// Checked when it is sent along with a new password.
    pub current_password: Option<String>,
    /// The code that shows it is still the same person.
    pub nonce: Option<String>,
    /// Merged into `user_metadata`; null deletes a key.
    pub data: Metadata,
}

impl Change {
    /// Whether it would change how the user signs in.
    fn is_sensitive(&self, user: &User) -> bool {
        let email = self.email.as_ref().map(EmailAddress::as_str);
        let phone = self.phone.as_ref().map(PhoneNumber::as_str);
        self.password.is_some()
            || email.is_some_and(|email| user.email.as_deref() != Some(email))
            || phone.is_some_and(|phone| user.phone.as_deref() != Some(phone))
    }
}

/// How often a change that lost against another one decides anew.
pub const ATTEMPTS: usize = 3;

/// Changes the caller's account. A new password ends the user's other sessions. A new address is
/// asked to confirm first: its mails go out before anything else is written, so that if they cannot,
/// nothing was.
pub async fn update(app: &App, caller: &Caller, change: &Change, path: &ReturnPath) -> Result<User, Error> {
    let mut asked_at = None;
    for _ in 0..ATTEMPTS {
        let mut me = current_or_client(app, caller).await?;
        if change.is_sensitive(&me.user) && me.is_of_client() {
            return Err(OAuthServerError::ClientMayNot.into());
        }
        if change.is_sensitive(&me.user) && !me.is_fully_assured() {
            return Err(Error::UpdateNeedsAal2);
        }
        let needs_nonce = check(app, &me, change)?;
        let mut after = decide(app, &me, change).await?;
        let nonce = match change.nonce.as_deref().filter(|_| needs_nonce) {
            Some(nonce) => Some(reauthenticate::check_nonce(app, &me.user, nonce).await?),
            None => None,
        };
        if asked_at.is_none() {
            let now = app.now();
            if let Some(email) = change.email_to_confirm(app, &me.user) {
                me.user = email_change::start(app, &me.user, email, path, now).await?;
                asked_at = Some(now.to_postgres());
            }
            if let Some(phone) = change.phone_to_confirm(app, &me.user) {
                (me.user, _) =
                    phone_change::start(app, &me.user, phone, change.channel, path.ip.as_deref(), now)
                        .await?;
                asked_at = Some(now.to_postgres());
            }
            after = User {
                email_change: me.user.email_change.clone(),
                email_change_sent_at: me.user.email_change_sent_at.clone(),
                email_change_confirm_status: me.user.email_change_confirm_status,
                phone_change: me.user.phone_change.clone(),
                phone_change_sent_at: me.user.phone_change_sent_at.clone(),
                updated_at: me.user.updated_at.clone(),
                ..after
            };
        }
        let ending = me.session_id().map_or(Ending::All, Ending::Others);
        let nonce = nonce.as_ref().map(|nonce| reauthenticate::standing(&me.user, nonce, app.now()));
        let contacts = confirmed_contacts(&me.user, &after);
        if let Some(user) =
            commit(app, &me.user, &after, &contacts, ending, asked_at.as_deref(), nonce.as_ref()).await?
        {
            let ip = path.ip.as_deref();
            notice::of_change(app, &me.user, &user, ip).await;
            if change.password.is_some() {
                audit::record(app, Actor::User(&user), Action::UpdatedPassword, ip, Value::Null).await;
            }
            audit::record(app, Actor::User(&user), Action::UserModified, ip, Value::Null).await;
            return Ok(user);
        }
    }
    Err(Error::Conflict)
}

/// How old a session may be to set a password without a code, where the settings ask for one.
const FRESH_SECONDS: i64 = 24 * 3600;

/// Whether the caller may change this; and whether the code that came along has to be used for it.
fn check(app: &App, me: &Current, change: &Change) -> Result<bool, Error> {
    if change.password.is_none() {
        return Ok(false);
    }
    if me.user.is_anonymous != 0 && change.email.is_none() && change.phone.is_none() {
        return Err(Error::AnonymousPassword);
    }
    let began = me.session.as_ref().and_then(|session| Timestamp::parse(&session.created_at));
    let is_fresh = began.is_some_and(|began| app.now() <= began.plus_seconds(FRESH_SECONDS));
    if is_fresh || !app.config.auth.password_needs_reauthentication {
        return Ok(false);
    }
    if change.nonce.is_none() {
        return Err(Error::ReauthenticationNeeded);
    }
    Ok(true)
}

impl Change {
    /// The address that a mail has to ask first. An anonymous user who gets one where addresses
    /// confirm themselves is like somebody signing up.
    fn email_to_confirm(&self, app: &App, user: &User) -> Option<&EmailAddress> {
        let email = self.email.as_ref().filter(|email| user.email.as_deref() != Some(email.as_str()));
        email.filter(|_| user.is_anonymous == 0 || !app.config.auth.autoconfirm)
    }

    /// The number that a text message has to ask first.
    fn phone_to_confirm(&self, app: &App, user: &User) -> Option<&PhoneNumber> {
        let phone = self.phone.as_ref().filter(|phone| user.phone.as_deref() != Some(phone.as_str()));
        phone.filter(|_| !app.config.auth.sms.autoconfirm)
    }
}

async fn decide(app: &App, me: &Current, change: &Change) -> Result<User, Error> {
    let before = &me.user;
    let exempt = me.session.as_ref().is_some_and(is_recovery);
    let sms = &app.config.auth.sms;
    let has_phones = app.config.auth.phone_enabled || sms.carrier.is_some();
    if change.phone_to_confirm(app, before).is_some() && !has_phones {
        return Err(Error::PhoneChangeDisabled);
    }
    let mut after = before.clone();
    if let Some(email) = &change.email
        && before.email.as_deref() != Some(email.as_str())
        && change.email_to_confirm(app, before).is_none()
    {
        set_email(&mut after, email);
        after.email_confirmed_at = Some(app.now().to_postgres());
        after.is_anonymous = 0;
        let verified = Metadata::from_iter([("email_verified".to_string(), json!(true))]);
        metadata::merge(&mut after.raw_user_meta_data, &verified);
        name_providers(before, &mut after);
    }
    if let Some(phone) = &change.phone
        && before.phone.as_deref() != Some(phone.as_str())
        && change.phone_to_confirm(app, before).is_none()
    {
        after.phone = Some(phone.as_str().to_string());
        after.phone_confirmed_at = Some(app.now().to_postgres());
        after.is_anonymous = 0;
        name_providers(before, &mut after);
    }
    metadata::merge(&mut after.raw_user_meta_data, &change.data);
    if let Some(new) = &change.password {
        let current = change.current_password.as_deref();
        after.encrypted_password = Some(new_hash(app, before, new, current, exempt).await?);
    }
    Ok(after)
}

/// Gives the account another address; the copy of it that `user_metadata` has from sign-up follows.
pub fn set_email(user: &mut User, email: &EmailAddress) {
    let old = user.email.replace(email.as_str().to_string());
    let copy = metadata::read(&user.raw_user_meta_data).get("email").cloned();
    if old.is_some() && copy == old.map(Value::String) {
        let email = Metadata::from_iter([("email".to_string(), json!(email.as_str()))]);
        metadata::merge(&mut user.raw_user_meta_data, &email);
    }
}

/// Whether a session began with a code or link: its user may have forgotten the password.
fn is_recovery(session: &Session) -> bool {
    session.amr.iter().any(|act| ["otp", "magiclink", "recovery"].contains(&act.method.as_str()))
}

async fn new_hash(
    app: &App,
    user: &User,
    new: &NewPassword,
    current: Option<&str>,
    exempt: bool,
) -> Result<String, Error> {
    if let Some(hash) = user.encrypted_password.as_deref() {
        if current.is_none() && app.config.auth.password_needs_current && !exempt {
            return Err(Error::CurrentPasswordRequired);
        }
        if let Some(current) = current
            && !lockout::is_own_password(app, user, current).await?
        {
            return Err(Error::CurrentPasswordInvalid);
        }
        if new.is_of(app, hash).await? {
            return Err(Error::SamePassword);
        }
    }
    new.hash(app).await
}

/// Writes a changed account in one batch with all that follows from it: its identities of these contacts, verified or not, the
/// end of sessions when the password changed, what the edge knows when a ban did. `None` when another
/// request changed the same columns since they were read; nothing was written then. Codes and links
/// that were sent `just_now`, for this very change, stay good. With a `token`, only if that stands; a new password uses
/// it up.
pub async fn commit(
    app: &App,
    before: &User,
    after: &User,
    contacts: &[(Contact<'_>, bool)],
    ending: Ending<'_>,
    just_now: Option<&str>,
    token: Option<&Standing<'_>>,
) -> Result<Option<User>, Error> {
    if before == after && contacts.is_empty() {
        return Ok(Some(after.clone()));
    }
    let now = app.now();
    let mut batch = vec![users::replace_for(before, after, now, token)];
    for (contact, is_verified) in contacts {
        let data = contact.claims(&before.id, *is_verified);
        batch.push(identities::put(app.ports.random.as_ref(), &before.id, *contact, &data, now));
    }
    let contacts_of = |user: &User| {
        [&user.email, &user.phone, &user.email_confirmed_at, &user.phone_confirmed_at].map(Clone::clone)
    };
    if contacts_of(before) != contacts_of(after) || before.encrypted_password != after.encrypted_password {
        // Codes and links that are under way were asked for by whoever had the account before.
        batch.push(one_time_tokens::clear(after, just_now));
    }
    let new_hash = after.encrypted_password.as_deref();
    let new_hash = new_hash.filter(|hash| before.encrypted_password.as_deref() != Some(hash));
    if new_hash.is_some() {
        // So would a code that waits to be exchanged begin one more session.
        batch.push(flow_states::clear(after));
    }
    let ended = new_hash.map(|hash| add(&mut batch, sessions::end(&before.id, ending, Some(hash))));
    let ban_changed = before.banned_until != after.banned_until;
    let touched = ban_changed.then(|| add(&mut batch, sessions::keys_of(&before.id)));
    let user = add(&mut batch, users::by_id(&before.id));
    batch.extend(token.and_then(Standing::forget));

    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(Error::of_write)?;
    if !results.happened(0)? {
        return Ok(None);
    }
    if let Some(ended) = ended {
        edge::revoke(app, &results.all::<SessionKey>(ended)?).await;
    }
    if let Some(touched) = touched {
        edge::ban(app, &results.all::<SessionKey>(touched)?, after).await;
    }
    Ok(results.first(user)?)
}

/// The contacts that are new, and whether the change confirms them.
fn confirmed_contacts<'a>(before: &User, after: &'a User) -> Vec<(Contact<'a>, bool)> {
    let is_confirmed = |contact| match contact {
        Contact::Phone(_) => after.phone_confirmed_at.is_some(),
        Contact::Email(_) => after.email_confirmed_at.is_some() && before.email_confirmed_at.is_none(),
    };
    let new = new_contacts(before, after).into_iter();
    new.map(|contact| (contact, is_confirmed(contact))).collect()
}

/// The contacts an account has `after` and did not have `before`.
pub fn new_contacts<'a>(before: &User, after: &'a User) -> Vec<Contact<'a>> {
    let email = after.email.as_deref().filter(|_| before.email != after.email);
    let phone = after.phone.as_deref().filter(|_| before.phone != after.phone);
    email.map(Contact::Email).into_iter().chain(phone.map(Contact::Phone)).collect()
}

/// Adds a statement to a batch and says where its result will be.
fn add(batch: &mut Vec<Statement>, statement: Statement) -> usize {
    batch.push(statement);
    batch.len() - 1
}
