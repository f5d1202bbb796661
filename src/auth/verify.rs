//! Following a link or typing in a code: an address is confirmed, and its owner signed in.
//!
//! Read, decide, one batch in which every statement asks again whether the token stands; the last one
//! deletes it. So of many uses at once one succeeds, and a failure in between uses nothing.

use serde_json::{Value, json};

use super::account::{ATTEMPTS, set_email};
use super::administration::name_providers;
use super::audit::{self, Action, Actor};
use super::contact::Contact;
use super::email_address::EmailAddress;
use super::error::Error;
use super::exchange::flow_state_id;
use super::lockout::{Judged, Lockout};
use super::model::User;
use super::notice::{self, Notice};
use super::one_time_token::{Presented, TokenType};
use super::pkce::Challenge;
use super::session::{Client, Session, SignedIn};
use super::sms;
use super::store::one_time_tokens::{self, Pending, Standing};
use super::store::{self, flow_states, identities, sessions, users};
use crate::app::App;
use crate::crypto;
use crate::ports::DbError;
use crate::sql::Statement;

/// What the one who verifies says it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    SignUp,
    Invite,
    MagicLink,
    Recovery,
    EmailChange,
    /// A sign-up or a magic link, whichever the account waits for.
    Email,
    /// A code by text message.
    Sms,
    PhoneChange,
}

/// What is proved by a code alone: no link is sent for it.
const CODES_ONLY: &[Verification] = &[Verification::Sms, Verification::PhoneChange];

/// Name, verification, tokens it may use, and the `amr` method of a session that a PKCE code of it starts.
#[rustfmt::skip]
const VERIFICATIONS: &[(&str, Verification, &[TokenType], &str)] = &[
    ("signup",       Verification::SignUp,      &[TokenType::Confirmation],                                  "email/signup"),
    ("invite",       Verification::Invite,      &[TokenType::Confirmation],                                  "invite"),
    ("magiclink",    Verification::MagicLink,   &[TokenType::Recovery],                                      "magiclink"),
    ("recovery",     Verification::Recovery,    &[TokenType::Recovery],                                      "recovery"),
    ("email_change", Verification::EmailChange, &[TokenType::EmailChangeNew, TokenType::EmailChangeCurrent], "email_change"),
    ("email",        Verification::Email,       &[TokenType::Confirmation, TokenType::Recovery],             "magiclink"),
    ("sms",          Verification::Sms,         &[TokenType::Confirmation],                                  "otp"),
    ("phone_change", Verification::PhoneChange, &[TokenType::PhoneChange],                                   "otp"),
];

impl Verification {
    /// From a request's `type`.
    pub fn parse(name: &str) -> Option<Self> {
        VERIFICATIONS.iter().find(|(known, ..)| *known == name).map(|(_, verification, ..)| *verification)
    }

    /// Whether it is proved by a code to a phone.
    pub fn is_by_phone(self) -> bool {
        CODES_ONLY.contains(&self)
    }

    /// What it is to the audit log.
    fn act(self, user: &User) -> (Action, Value) {
        match self {
            Self::SignUp | Self::Invite => (Action::UserSignedUp, json!({"provider": "email"})),
            Self::Sms => (Action::UserSignedUp, json!({"provider": "phone"})),
            Self::EmailChange | Self::PhoneChange => (Action::UserModified, Value::Null),
            Self::MagicLink | Self::Recovery | Self::Email if user.email_confirmed_at.is_none() => {
                (Action::UserSignedUp, json!({"provider": "email"}))
            }
            Self::MagicLink | Self::Recovery | Self::Email => (Action::Login, Value::Null),
        }
    }

    fn row(self) -> (&'static [TokenType], &'static str) {
        let row = VERIFICATIONS.iter().find(|(_, verification, ..)| *verification == self);
        row.map_or((&[], ""), |(_, _, types, method)| (types, method))
    }
}

/// What it led to.
pub enum Verified {
    /// A session.
    In(Box<SignedIn>),
    /// A code that the browser that asked for the link can exchange for one.
    Code(String),
    /// The first of two addresses has agreed.
    HalfWay,
}

/// What the proof is to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Give {
    /// A session, whatever was asked for with the link.
    Session,
    /// What was asked for: a code if the link is a PKCE one.
    WhatTheLinkSays,
}

/// Uses a token.
pub async fn verify(
    app: &App,
    verification: Verification,
    presented: &Presented,
    give: Give,
    client: &Client,
) -> Result<Verified, Error> {
    for _ in 0..ATTEMPTS {
        let found = find(app, verification, presented).await?;
        if found.user.is_banned(app.now()) {
            return Err(Error::TokenUserBanned);
        }
        let token = Standing {
            user_id: &found.user.id,
            token_type: found.token_type,
            hash: &found.pending.token_hash,
            judged: found.judged.as_ref(),
            now: app.now(),
        };
        let done = match change_of(app, &found.user, found.token_type) {
            Changed::Nothing => sign_in(app, verification, &found, &token, give, presented, client).await?,
            Changed::FirstHalf => agree(app, &found.user, &token).await?,
            Changed::Whole(after) => {
                change_contact(app, verification, &found, &after, &token, give, presented, client).await?
            }
        };
        if let Some(done) = done {
            let (action, traits) = verification.act(&found.user);
            audit::record(app, Actor::User(&found.user), action, client.ip.as_deref(), traits).await;
            return Ok(done);
        }
    }
    Err(gone(presented))
}

/// A token that waits to be used, and its account.
struct Found {
    user: User,
    pending: Pending,
    token_type: TokenType,
    /// What a code was judged by.
    judged: Option<Judged>,
}

async fn find(app: &App, verification: Verification, presented: &Presented) -> Result<Found, Error> {
    let database = app.ports.database.as_ref();
    let accounts = match (presented, verification) {
        (Presented::Link { .. }, by_phone) if by_phone.is_by_phone() => return Err(gone(presented)),
        (Presented::Link { user_id, .. }, _) => users::by_id(user_id),
        (Presented::Code { contact, .. }, Verification::EmailChange) => users::by_contact(contact),
        (Presented::Code { contact, .. }, Verification::PhoneChange) => users::by_phone_change(contact),
        (Presented::Code { contact, .. }, Verification::Sms) => users::by_phone(contact),
        (Presented::Code { contact, .. }, _) => users::by_email(contact),
    };
    let lockout = match presented {
        Presented::Code { contact, .. } => Some(Lockout::of_codes(app, contact)),
        Presented::Link { .. } => None,
    };
    let mut statements = vec![accounts];
    statements.extend(lockout.as_ref().map(Lockout::failures));
    let results = store::run(database, statements).await?;
    let judged = match lockout {
        Some(lockout) => Some(Judged::read(app, lockout, results.first(1)?.as_ref())?),
        None => None,
    };
    let accounts: Vec<User> = results.all(0)?;
    let accounts: Vec<User> = accounts.into_iter().filter(|user| user.deleted_at.is_none()).collect();
    let ids: Vec<&str> = accounts.iter().map(|user| user.id.as_str()).collect();
    let (types, _) = verification.row();
    let waiting: Vec<Pending> =
        store::run(database, vec![one_time_tokens::of_users(&ids, app.now())]).await?.all(0)?;
    let foreign =
        if verification.is_by_phone() { foreign_code(app, presented, &waiting).await? } else { None };
    let found = waiting.into_iter().find_map(|pending| {
        let token_type = *types.iter().find(|of| of.name() == pending.token_type)?;
        let hash = presented.hash_for(app, token_type, &pending.user_id);
        let is_right =
            foreign.unwrap_or_else(|| crypto::equal_secrets(hash.as_bytes(), pending.token_hash.as_bytes()));
        is_right.then_some((pending, token_type))
    });
    let Some((pending, token_type)) = found else {
        if let (Presented::Code { contact, .. }, Some(judged)) = (presented, &judged) {
            let mut counting = vec![one_time_tokens::count_attempt(&ids, types, contact)];
            counting.extend(judged.counting(app));
            store::run(database, counting).await?;
        }
        return Err(gone(presented));
    };
    let user = accounts.into_iter().find(|user| user.id == pending.user_id);
    Ok(Found { user: user.ok_or_else(|| gone(presented))?, pending, token_type, judged })
}

/// What the carrier says of a code that is its own; `None` where codes are ours. It is not asked about a
/// number that waits for no code.
async fn foreign_code(app: &App, presented: &Presented, waiting: &[Pending]) -> Result<Option<bool>, Error> {
    let Presented::Code { contact, code } = presented else { return Ok(None) };
    let is_test = app.config.auth.sms.test_code(contact, app.now()).is_some();
    if !sms::has_foreign_codes(app) || is_test {
        return Ok(None);
    }
    if !waiting.iter().any(Pending::can_be_guessed) {
        return Ok(Some(false));
    }
    sms::is_foreign_code_right(app, contact, code).await.map(Some)
}

fn gone(presented: &Presented) -> Error {
    match presented {
        Presented::Link { .. } => Error::LinkExpired,
        Presented::Code { .. } => Error::CodeExpired,
    }
}

/// What a token changes about its account.
enum Changed {
    Nothing,
    /// One of two addresses agrees.
    FirstHalf,
    /// What the account is afterwards.
    Whole(Box<User>),
}

fn change_of(app: &App, user: &User, token_type: TokenType) -> Changed {
    match token_type {
        TokenType::EmailChangeNew | TokenType::EmailChangeCurrent => email_change_of(app, user),
        TokenType::PhoneChange => phone_change_of(app, user),
        TokenType::Confirmation | TokenType::Recovery | TokenType::Reauthentication => Changed::Nothing,
    }
}

fn email_change_of(app: &App, user: &User) -> Changed {
    let config = &app.config.auth;
    let needs_both = config.mail.secure_email_change && !config.autoconfirm && user.email.is_some();
    if needs_both && user.email_change_confirm_status == 0 {
        return Changed::FirstHalf;
    }
    let mut after =
        User { email_change: None, email_change_confirm_status: 0, is_anonymous: 0, ..user.clone() };
    if let Some(email) = user.email_change.as_deref().and_then(|email| EmailAddress::parse(email).ok()) {
        set_email(&mut after, &email);
    }
    after.email_confirmed_at = user.email_confirmed_at.clone().or(Some(app.now().to_postgres()));
    name_providers(user, &mut after);
    Changed::Whole(Box::new(after))
}

fn phone_change_of(app: &App, user: &User) -> Changed {
    let mut after = User {
        phone: user.phone_change.clone().or_else(|| user.phone.clone()),
        phone_change: None,
        phone_confirmed_at: Some(app.now().to_postgres()),
        is_anonymous: 0,
        ..user.clone()
    };
    name_providers(user, &mut after);
    Changed::Whole(Box::new(after))
}

/// Confirms the address if that is still to be done, and signs in.
async fn sign_in(
    app: &App,
    verification: Verification,
    found: &Found,
    token: &Standing<'_>,
    give: Give,
    presented: &Presented,
    client: &Client,
) -> Result<Option<Verified>, Error> {
    let ticket = Ticket::new(app, verification, found, give, presented);
    let verified =
        if verification.is_by_phone() { users::phone_verified(token) } else { users::verified(token) };
    let mut batch = vec![
        verified,
        ticket.insert(app, token, client, None),
        token.consume(None),
        users::by_id(token.user_id),
    ];
    if token.token_type == TokenType::Confirmation && !verification.is_by_phone() {
        // As upstream: what came to confirm a sign-up is noted on the identity too, a link to sign in is not.
        let email = found.user.email.as_deref().unwrap_or_default();
        batch.insert(0, identities::verified(email, token));
    }
    let [inserted, consumed, user] = [batch.len() - 3, batch.len() - 2, batch.len() - 1];
    batch.extend(token.forget());
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(inserted)? || !results.happened(consumed)? {
        return Ok(None);
    }
    match results.first(user)? {
        Some(user) => ticket.answer(app, user, client).await.map(Some),
        None => Ok(None),
    }
}

/// Notes that one of the two addresses agrees.
async fn agree(app: &App, user: &User, token: &Standing<'_>) -> Result<Option<Verified>, Error> {
    let after = User { email_change_confirm_status: 1, ..user.clone() };
    let mut batch =
        vec![token.is_first_to_agree(user), users::replace(user, &after, token.now), token.consume_alone()];
    batch.extend(token.forget());
    match store::run(app.ports.database.as_ref(), batch).await {
        Ok(_) => Ok(Some(Verified::HalfWay)),
        Err(DbError::Raised(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives the account its new address or number, and signs in. That this became the account's is what
/// the statements after the first go by.
#[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and the call stands once")]
async fn change_contact(
    app: &App,
    verification: Verification,
    found: &Found,
    after: &User,
    token: &Standing<'_>,
    give: Give,
    presented: &Presented,
    client: &Client,
) -> Result<Option<Verified>, Error> {
    let contact = match verification {
        Verification::PhoneChange => Contact::Phone(after.phone.as_deref().unwrap_or_default()),
        _ => Contact::Email(after.email.as_deref().unwrap_or_default()),
    };
    let data = contact.claims(&after.id, true);
    let ticket = Ticket::new(app, verification, found, give, presented);
    let mut batch = vec![
        users::replace_for(&found.user, after, token.now, Some(token)),
        identities::put(app.ports.random.as_ref(), &after.id, contact, &data, token.now),
        ticket.insert(app, token, client, Some(contact)),
        token.consume(Some(contact)),
        users::by_id(token.user_id),
    ];
    batch.extend(token.forget());
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(Error::of_write)?;
    if !results.happened(0)? || !results.happened(2)? {
        return Ok(None);
    }
    let ip = client.ip.as_deref();
    notice::of_change(app, &found.user, after, ip).await;
    if matches!(contact, Contact::Phone(_)) && found.user.phone.is_none() {
        notice::send(app, after, Notice::IdentityLinked("phone"), ip).await;
    }
    match results.first(4)? {
        Some(user) => ticket.answer(app, user, client).await.map(Some),
        None => Ok(None),
    }
}

/// What the proof gives: a session, or a code for one.
enum Ticket {
    Session(Box<Session>),
    Code { code: String, method: &'static str, challenge: Challenge },
}

impl Ticket {
    fn new(app: &App, verification: Verification, found: &Found, give: Give, presented: &Presented) -> Self {
        let pending = &found.pending;
        let method = pending.code_challenge_method.as_deref().and_then(Challenge::method);
        let asks =
            give == Give::WhatTheLinkSays && matches!(presented, Presented::Link { asks_for_code: true, .. });
        match (asks, &pending.code_challenge, method) {
            (true, Some(text), Some(method)) => Self::Code {
                code: crypto::random_uuid(app.ports.random.as_ref()).to_string(),
                method: verification.row().1,
                challenge: Challenge { text: text.clone(), method },
            },
            _ => Self::Session(Box::new(Session::start(app, &pending.user_id, "otp"))),
        }
    }

    fn insert(
        &self,
        app: &App,
        token: &Standing<'_>,
        client: &Client,
        if_contact: Option<Contact<'_>>,
    ) -> Statement {
        match self {
            Self::Session(session) => sessions::insert_if(session, client, token.now, |writer| {
                let stands = token.condition(writer);
                match if_contact {
                    None => stands,
                    Some(contact) => {
                        let (column, value) = (contact.provider(), writer.bind(contact.value()));
                        format!("u.{column} = {value}\n  AND {stands}")
                    }
                }
            }),
            Self::Code { code, method, challenge } => {
                let seconds = i64::try_from(app.config.auth.flow_state_seconds).unwrap_or(i64::MAX);
                let expires_at = token.now.plus_seconds(seconds);
                let if_email = match if_contact {
                    Some(Contact::Email(email)) => Some(email),
                    Some(Contact::Phone(_)) | None => None,
                };
                flow_states::insert(&flow_state_id(code), method, challenge, expires_at, token, if_email)
            }
        }
    }

    async fn answer(self, app: &App, user: User, client: &Client) -> Result<Verified, Error> {
        match self {
            Self::Session(session) => {
                let signed_in = session.first_tokens(app, user, client, session.ending()).await?;
                Ok(Verified::In(Box::new(signed_in)))
            }
            Self::Code { code, .. } => Ok(Verified::Code(code)),
        }
    }
}
