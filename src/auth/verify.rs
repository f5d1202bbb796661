//! Following a link or typing in a code: an address is confirmed, and its owner signed in.
//!
//! Read, decide, one batch in which every statement asks again whether the token stands; the last one
//! deletes it. So of many uses at once one succeeds, and a failure in between uses nothing.

use super::account::{ATTEMPTS, set_email};
use super::administration::name_providers;
use super::contact::Contact;
use super::email_address::EmailAddress;
use super::error::Error;
use super::exchange::flow_state_id;
use super::model::User;
use super::one_time_token::{Presented, TokenType};
use super::pkce::Challenge;
use super::session::{Client, Session, SignedIn};
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
}

/// Name, verification, tokens it may use, and the `amr` method of a session that a PKCE code of it starts.
#[rustfmt::skip]
const VERIFICATIONS: &[(&str, Verification, &[TokenType], &str)] = &[
    ("signup",       Verification::SignUp,      &[TokenType::Confirmation],                                  "email/signup"),
    ("invite",       Verification::Invite,      &[TokenType::Confirmation],                                  "invite"),
    ("magiclink",    Verification::MagicLink,   &[TokenType::Recovery],                                      "magiclink"),
    ("recovery",     Verification::Recovery,    &[TokenType::Recovery],                                      "recovery"),
    ("email_change", Verification::EmailChange, &[TokenType::EmailChangeNew, TokenType::EmailChangeCurrent], "email_change"),
    ("email",        Verification::Email,       &[TokenType::Confirmation, TokenType::Recovery],             "magiclink"),
];

impl Verification {
    /// From a request's `type`.
    pub fn parse(name: &str) -> Option<Self> {
        VERIFICATIONS.iter().find(|(known, ..)| *known == name).map(|(_, verification, ..)| *verification)
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
        let is_code = matches!(presented, Presented::Code { .. });
        let token = Standing {
            user_id: &found.user.id,
            token_type: found.token_type,
            hash: &found.pending.token_hash,
            is_code,
            now: app.now(),
        };
        let done = match change_of(app, &found.user, found.token_type) {
            EmailChange::None => sign_in(app, verification, &found, &token, give, presented, client).await?,
            EmailChange::FirstHalf => agree(app, &found.user, &token).await?,
            EmailChange::Whole(after) => {
                change_email(app, verification, &found, &after, &token, give, presented, client).await?
            }
        };
        if let Some(done) = done {
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
}

async fn find(app: &App, verification: Verification, presented: &Presented) -> Result<Found, Error> {
    let database = app.ports.database.as_ref();
    let accounts = match presented {
        Presented::Link { user_id, .. } => users::by_id(user_id),
        Presented::Code { contact, .. } if verification == Verification::EmailChange => {
            users::by_contact(contact)
        }
        Presented::Code { contact, .. } => users::by_email(contact),
    };
    let accounts: Vec<User> = store::run(database, vec![accounts]).await?.all(0)?;
    let accounts: Vec<User> = accounts.into_iter().filter(|user| user.deleted_at.is_none()).collect();
    let ids: Vec<&str> = accounts.iter().map(|user| user.id.as_str()).collect();
    if ids.is_empty() {
        return Err(gone(presented));
    }
    let (types, _) = verification.row();
    let waiting: Vec<Pending> =
        store::run(database, vec![one_time_tokens::of_users(&ids, app.now())]).await?.all(0)?;
    let found = waiting.into_iter().find_map(|pending| {
        let token_type = *types.iter().find(|of| of.name() == pending.token_type)?;
        let hash = presented.hash_for(app, token_type, &pending.user_id);
        crypto::equal_secrets(hash.as_bytes(), pending.token_hash.as_bytes()).then_some((pending, token_type))
    });
    let Some((pending, token_type)) = found else {
        if let Presented::Code { contact, .. } = presented {
            store::run(database, vec![one_time_tokens::count_attempt(&ids, types, contact)]).await?;
        }
        return Err(gone(presented));
    };
    let user = accounts.into_iter().find(|user| user.id == pending.user_id);
    Ok(Found { user: user.ok_or_else(|| gone(presented))?, pending, token_type })
}

fn gone(presented: &Presented) -> Error {
    match presented {
        Presented::Link { .. } => Error::LinkExpired,
        Presented::Code { .. } => Error::CodeExpired,
    }
}

enum EmailChange {
    /// It is no change of an address.
    None,
    FirstHalf,
    /// What the account is afterwards.
    Whole(Box<User>),
}

fn change_of(app: &App, user: &User, token_type: TokenType) -> EmailChange {
    if !matches!(token_type, TokenType::EmailChangeNew | TokenType::EmailChangeCurrent) {
        return EmailChange::None;
    }
    let config = &app.config.auth;
    let needs_both = config.mail.secure_email_change && !config.autoconfirm && user.email.is_some();
    if needs_both && user.email_change_confirm_status == 0 {
        return EmailChange::FirstHalf;
    }
    let mut after =
        User { email_change: None, email_change_confirm_status: 0, is_anonymous: 0, ..user.clone() };
    if let Some(email) = user.email_change.as_deref().and_then(|email| EmailAddress::parse(email).ok()) {
        set_email(&mut after, &email);
    }
    after.email_confirmed_at = user.email_confirmed_at.clone().or(Some(app.now().to_postgres()));
    name_providers(user, &mut after);
    EmailChange::Whole(Box::new(after))
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
    let email = found.user.email.as_deref().unwrap_or_default();
    let ticket = Ticket::new(app, verification, found, give, presented);
    let batch = vec![
        users::verified(token),
        identities::verified(email, token),
        ticket.insert(app, token, client, None),
        token.consume(None),
        users::by_id(token.user_id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(2)? || !results.happened(3)? {
        return Ok(None);
    }
    match results.first(4)? {
        Some(user) => ticket.answer(app, user, client).await.map(Some),
        None => Ok(None),
    }
}

/// Notes that one of the two addresses agrees.
async fn agree(app: &App, user: &User, token: &Standing<'_>) -> Result<Option<Verified>, Error> {
    let after = User { email_change_confirm_status: 1, ..user.clone() };
    let batch =
        vec![token.is_first_to_agree(user), users::replace(user, &after, token.now), token.consume_alone()];
    match store::run(app.ports.database.as_ref(), batch).await {
        Ok(_) => Ok(Some(Verified::HalfWay)),
        Err(DbError::Raised(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Gives the account its new address, and signs in. That the address became the account's is what
/// the statements after the first go by.
#[expect(clippy::too_many_arguments, reason = "each is a thing of its own, and the call stands once")]
async fn change_email(
    app: &App,
    verification: Verification,
    found: &Found,
    after: &User,
    token: &Standing<'_>,
    give: Give,
    presented: &Presented,
    client: &Client,
) -> Result<Option<Verified>, Error> {
    let new = after.email.as_deref().unwrap_or_default();
    let contact = Contact::Email(new);
    let data = contact.claims(&after.id, true);
    let ticket = Ticket::new(app, verification, found, give, presented);
    let batch = vec![
        users::replace_for(&found.user, after, token.now, Some(token)),
        identities::put(app.ports.random.as_ref(), &after.id, contact, &data, token.now),
        ticket.insert(app, token, client, Some(new)),
        token.consume(Some(new)),
        users::by_id(token.user_id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(Error::of_write)?;
    if !results.happened(0)? || !results.happened(2)? {
        return Ok(None);
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

    fn insert(&self, app: &App, token: &Standing<'_>, client: &Client, if_email: Option<&str>) -> Statement {
        match self {
            Self::Session(session) => sessions::insert_if(session, client, token.now, |writer| {
                let stands = token.condition(writer);
                match if_email {
                    None => stands,
                    Some(email) => format!("u.email = {}\n  AND {stands}", writer.bind(email)),
                }
            }),
            Self::Code { code, method, challenge } => {
                let seconds = i64::try_from(app.config.auth.flow_state_seconds).unwrap_or(i64::MAX);
                let expires_at = token.now.plus_seconds(seconds);
                flow_states::insert(&flow_state_id(code), method, challenge, expires_at, token, if_email)
            }
        }
    }

    async fn answer(self, app: &App, user: User, client: &Client) -> Result<Verified, Error> {
        match self {
            Self::Session(session) => Ok(Verified::In(Box::new(session.tokens(app, user, 0, client).await?))),
            Self::Code { code, .. } => Ok(Verified::Code(code)),
        }
    }
}
