//! Sending an account a code and a link.
//!
//! The token is stored before its mail goes out and taken back if that fails: whoever was refused
//! can ask again at once. That a mail went out is noted by a compare-and-set together with the
//! token, so of many requests at once one sends a mail.

use serde_json::{Value, json};

use super::audit::{self, Action, Actor};
use super::error::Error;
use super::hook::{self, EmailData};
use super::mail::{self, Message};
use super::model::User;
use super::one_time_token::{OneTimeToken, TokenType};
use super::pkce::Challenge;
use super::store::{self, one_time_tokens, users};
use crate::app::App;
use crate::config::{HookKind, MailKind};
use crate::crypto;
use crate::sql::Statement;
use crate::time::Timestamp;

/// What a mail with a code or link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignUp,
    Invite,
    MagicLink,
    Recovery,
    EmailChangeNew,
    EmailChangeCurrent,
    Reauthentication,
}

impl Purpose {
    /// The token, the template, and the `type` that its link asks to be verified as.
    #[rustfmt::skip]
    fn row(self) -> (TokenType, MailKind, &'static str) {
        match self {
            Self::SignUp             => (TokenType::Confirmation,       MailKind::Confirmation,     "signup"),
            Self::Invite             => (TokenType::Confirmation,       MailKind::Invite,           "invite"),
            Self::MagicLink          => (TokenType::Recovery,           MailKind::MagicLink,        "magiclink"),
            Self::Recovery           => (TokenType::Recovery,           MailKind::Recovery,         "recovery"),
            Self::EmailChangeNew     => (TokenType::EmailChangeNew,     MailKind::EmailChange,      "email_change"),
            Self::EmailChangeCurrent => (TokenType::EmailChangeCurrent, MailKind::EmailChange,      "email_change"),
            Self::Reauthentication   => (TokenType::Reauthentication,   MailKind::Reauthentication, "reauthentication"),
        }
    }

    /// What asking for it is to the audit log.
    fn action(self) -> Option<Action> {
        match self {
            Self::SignUp => Some(Action::ConfirmationRequested),
            Self::MagicLink | Self::Recovery => Some(Action::RecoveryRequested),
            Self::Reauthentication => Some(Action::ReauthenticateRequested),
            Self::Invite | Self::EmailChangeNew | Self::EmailChangeCurrent => None,
        }
    }

    /// The token it takes.
    pub fn token_type(self) -> TokenType {
        self.row().0
    }
}

/// Where a link comes back to, and for whom.
#[derive(Clone)]
pub struct ReturnPath {
    /// The auth API as the client knows it: `https://host/auth/v1`.
    pub issuer: String,
    /// Where the browser goes afterwards; already allowed.
    pub redirect_to: String,
    /// The address of whoever asks.
    pub ip: Option<String>,
    /// The languages their browser asks for: an `Accept-Language`.
    pub languages: Option<String>,
    /// Of the browser that asked, if it wants a code rather than tokens.
    pub challenge: Option<Challenge>,
}

impl ReturnPath {
    /// The link of a token.
    pub fn link(&self, purpose: Purpose, token: &OneTimeToken) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("token", &token.link)
            .append_pair("type", purpose.row().2)
            .append_pair("redirect_to", &self.redirect_to)
            .finish();
        format!("{}/verify?{query}", self.issuer)
    }
}

/// Sends the account a mail to its own address, unless one of the kind went out just now.
pub async fn send(app: &App, user: &User, purpose: Purpose, path: &ReturnPath) -> Result<(), Error> {
    check_frequency(app, purpose.token_type().last_sent(user))?;
    send_now(app, user, purpose, path).await
}

/// The same, however fresh the last one is.
pub async fn send_now(app: &App, user: &User, purpose: Purpose, path: &ReturnPath) -> Result<(), Error> {
    let to = user.email.as_deref().unwrap_or_default();
    let token_type = purpose.token_type();
    let before = token_type.last_sent(user);
    let token = OneTimeToken::issue(app, token_type, &user.id, to, path.challenge.clone())?;
    let now = app.now();
    let batch =
        vec![one_time_tokens::put(&token, user, now, expiry(app, now)), users::sent(&token, before, now)];
    if !store::run(app.ports.database.as_ref(), batch).await?.happened(1)? {
        return Err(Error::MailTooSoon(app.config.auth.mail.frequency_seconds));
    }
    let undo = vec![one_time_tokens::take_back(&token), users::not_sent(&user.id, token_type, before, now)];
    deliver(app, vec![compose(app, user, purpose, &token, path)?], undo).await?;
    if let Some(action) = purpose.action() {
        audit::record(app, Actor::User(user), action, path.ip.as_deref(), Value::Null).await;
    }
    Ok(())
}

/// Sends mails, or undoes what was stored for them and says why not.
pub async fn deliver(app: &App, letters: Vec<Letter>, undo: Vec<Statement>) -> Result<(), Error> {
    let Err(error) = send_all(app, letters).await else { return Ok(()) };
    if let Err(cause) = store::run(app.ports.database.as_ref(), undo).await {
        let line = json!({
            "at": app.now().to_milliseconds(),
            "level": "error",
            "message": "a mail did not go out, and what was stored for it stays until it expires",
            "cause": format!("{cause:?}"),
        });
        app.ports.log.line(&line.to_string());
    }
    Err(error)
}

async fn send_all(app: &App, letters: Vec<Letter>) -> Result<(), Error> {
    if hook::is_on(app, HookKind::SendEmail) {
        return hand_over(app, &letters).await;
    }
    for letter in letters {
        mail::send(app, letter.message).await?;
    }
    Ok(())
}

/// Has the hook carry the mails: once for both of a change of the address.
async fn hand_over(app: &App, letters: &[Letter]) -> Result<(), Error> {
    mail::limit(app).await?;
    let Some(first) = letters.first() else { return Ok(()) };
    let current = letters.iter().find(|letter| letter.purpose == Purpose::EmailChangeCurrent);
    let mut data = EmailData {
        token: first.code.clone(),
        token_hash: first.link.clone(),
        redirect_to: first.redirect_to.clone(),
        email_action_type: first.purpose.row().2.to_string(),
        site_url: first.issuer.clone(),
        ..EmailData::default()
    };
    if let Some(current) = current {
        // Upstream pairs the code of one address with the hash of the other.
        data.token = current.code.clone();
        data.token_new = first.code.clone();
        data.token_hash_new = current.link.clone();
    }
    hook::send_email(app, first.ip.as_deref(), &first.user, &data).await
}

/// A mail of a token, ready to go.
pub struct Letter {
    message: Message,
    user: User,
    purpose: Purpose,
    code: String,
    link: String,
    issuer: String,
    redirect_to: String,
    ip: Option<String>,
}

/// The mail of a token, to the address it was issued for.
pub fn compose(
    app: &App,
    user: &User,
    purpose: Purpose,
    token: &OneTimeToken,
    path: &ReturnPath,
) -> Result<Letter, Error> {
    let (_, kind, _) = purpose.row();
    let has_link = purpose != Purpose::Reauthentication;
    let variables = json!({
        "SiteURL": app.config.auth.site_url,
        "ConfirmationURL": has_link.then(|| path.link(purpose, token)),
        "Email": user.email,
        "NewEmail": user.email_change,
        "SendingTo": token.contact,
        "Token": token.code,
        "TokenHash": has_link.then_some(&token.link),
        "Data": user.user_metadata(),
        "RedirectTo": path.redirect_to,
    });
    Ok(Letter {
        message: Message::new(app, kind, &token.contact, &variables, path.languages.as_deref())?,
        user: user.clone(),
        purpose,
        code: token.code.clone(),
        link: token.link.clone(),
        issuer: path.issuer.clone(),
        redirect_to: path.redirect_to.clone(),
        ip: path.ip.clone(),
    })
}

/// Refuses if the last mail of the kind is too fresh.
pub fn check_frequency(app: &App, sent_at: Option<&str>) -> Result<(), Error> {
    let seconds = i64::try_from(app.config.auth.mail.frequency_seconds).unwrap_or(i64::MAX);
    let Some(sent_at) = sent_at.and_then(Timestamp::parse) else { return Ok(()) };
    let left = sent_at.plus_seconds(seconds).0.saturating_sub(app.now().0);
    if left <= 0 {
        return Ok(());
    }
    Err(Error::MailTooSoon(u64::try_from(left).unwrap_or(0).div_ceil(1_000_000)))
}

/// Does for an address that gets no mail what [`check_frequency`] does for one that does: who asks
/// twice hears the same, so asking tells nothing. A limiter that does not answer limits nobody.
pub async fn pretend(app: &App, purpose: Purpose, email: &str) -> Result<(), Error> {
    let Some(per_hour) = 3600_u64.checked_div(app.config.auth.mail.frequency_seconds) else { return Ok(()) };
    let per_hour = u32::try_from(per_hour).unwrap_or(u32::MAX).max(1);
    let address = crypto::hex(&crypto::sha256(email.as_bytes()));
    let key = format!("nobody:{}:{address}", purpose.token_type().name());
    match app.ports.rate_limiter.take(&key, per_hour, 1).await {
        Ok(Some(seconds)) => Err(Error::MailTooSoon(seconds)),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// When a token of now stops being good.
pub fn expiry(app: &App, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::try_from(app.config.auth.mail.otp_seconds).unwrap_or(i64::MAX))
}
