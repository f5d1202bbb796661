//! Sending an account a code by text message.
//!
//! As with mails, the token is stored before its message goes out and taken back if that fails, and that
//! a message went out is noted by a compare-and-set together with the token.

use serde_json::json;

use super::audit::{self, Action, Actor};
use super::error::Error;
use super::hook;
use super::model::User;
use super::one_time_token::{self, OneTimeToken, TokenType};
use super::sms::{self, Channel, TextMessage, Undelivered};
use super::store::{self, one_time_tokens, users};
use crate::app::App;
use crate::config::HookKind;
use crate::crypto;
use crate::sql::Statement;
use crate::time::Timestamp;

/// What a code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Signing up, or in.
    Confirmation,
    PhoneChange,
    Reauthentication,
}

impl Purpose {
    /// The token, and what the message is called when it does not go out.
    #[rustfmt::skip]
    fn row(self) -> (TokenType, &'static str) {
        match self {
            Self::Confirmation     => (TokenType::Confirmation,     "confirmation"),
            Self::PhoneChange      => (TokenType::PhoneChange,      "phone_change"),
            Self::Reauthentication => (TokenType::Reauthentication, "reauthentication"),
        }
    }
}

/// A code that was made and not sent yet.
pub struct Code {
    pub token: OneTimeToken,
    /// Upstream's `message_id` of a number for tests: nothing is sent.
    pub test_id: Option<&'static str>,
    purpose: Purpose,
}

impl Code {
    /// A code for that number of that user.
    pub fn issue(app: &App, purpose: Purpose, user_id: &str, phone: &str) -> Result<Self, Error> {
        let config = &app.config.auth.sms;
        let test_code = config.test_code(phone, app.now());
        let code = match test_code {
            Some(code) => code.to_string(),
            None => one_time_token::random_code(app.ports.random.as_ref(), config.otp_length),
        };
        let token = OneTimeToken::with_code(app, purpose.row().0, user_id, phone, code, None)?;
        Ok(Self { token, test_id: test_code.map(|_| "test-otp"), purpose })
    }

    /// Sends it, or undoes what was stored for it and says why not.
    pub async fn deliver(
        &self,
        app: &App,
        user: &User,
        channel: Channel,
        ip: Option<&str>,
        undo: Vec<Statement>,
    ) -> Result<(), Error> {
        let Err(error) = self.send(app, user, channel, ip).await else { return Ok(()) };
        if let Err(cause) = store::run(app.ports.database.as_ref(), undo).await {
            let line = json!({
                "at": app.now().to_milliseconds(),
                "level": "error",
                "message": "a text message did not go out, and what was stored for it stays until it expires",
                "cause": format!("{cause:?}"),
            });
            app.ports.log.line(&line.to_string());
        }
        Err(error)
    }

    async fn send(&self, app: &App, user: &User, channel: Channel, ip: Option<&str>) -> Result<(), Error> {
        if self.test_id.is_some() {
            return Ok(());
        }
        let config = &app.config.auth.sms;
        if !config.autoconfirm {
            limit(app).await?;
        }
        if hook::is_on(app, HookKind::SendSms) {
            let OneTimeToken { contact, code, .. } = &self.token;
            return hook::send_sms(app, ip, user, contact, code, None).await;
        }
        refuse_without_provider(app)?;
        let message = TextMessage::new(&config.template, &self.token.contact, &self.token.code, channel);
        sms::send(app, &message).await.map_err(|undelivered| match undelivered {
            Undelivered::Refused(reason) => Error::SmsSendFailed(self.purpose.row().1, reason),
            Undelivered::Error(error) => error,
        })
    }
}

/// Refuses where nobody carries a message and nobody looks for it in the mailbox.
pub fn refuse_without_provider(app: &App) -> Result<(), Error> {
    let config = &app.config.auth;
    if config.sms.carrier.is_some() || config.sms_mailbox { Ok(()) } else { Err(Error::SmsProviderMissing) }
}

/// All accounts together may have so many messages an hour. A limiter that does not answer limits nobody.
pub async fn limit(app: &App) -> Result<(), Error> {
    let hourly = u32::try_from(app.config.auth.sms.hourly).unwrap_or(u32::MAX);
    if hourly == 0 {
        return Err(Error::SmsLimit);
    }
    if app.config.auth.sms.carrier.is_none() && !hook::is_on(app, HookKind::SendSms) {
        return Ok(());
    }
    match app.ports.rate_limiter.take("sms", hourly, hourly).await {
        Ok(Some(_)) => Err(Error::SmsLimit),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Sends the account a code to its own number, unless one of the kind went out just now; gives upstream's
/// `message_id` if there is one.
pub async fn send(
    app: &App,
    user: &User,
    purpose: Purpose,
    channel: Channel,
    ip: Option<&str>,
) -> Result<Option<&'static str>, Error> {
    let (token_type, _) = purpose.row();
    let before = token_type.last_sent(user);
    check_frequency(app, before)?;
    let code = Code::issue(app, purpose, &user.id, user.phone.as_deref().unwrap_or_default())?;
    let now = app.now();
    let batch = vec![
        one_time_tokens::put(&code.token, user, now, expiry(app, now)),
        users::sent(&code.token, before, now),
    ];
    if !store::run(app.ports.database.as_ref(), batch).await?.happened(1)? {
        return Err(Error::SmsTooSoon(app.config.auth.sms.frequency_seconds));
    }
    let undo =
        vec![one_time_tokens::take_back(&code.token), users::not_sent(&user.id, token_type, before, now)];
    code.deliver(app, user, channel, ip, undo).await?;
    let action = match purpose {
        Purpose::Confirmation => Some(Action::RecoveryRequested),
        Purpose::Reauthentication => Some(Action::ReauthenticateRequested),
        Purpose::PhoneChange => None,
    };
    if let Some(action) = action {
        audit::record(app, Actor::User(user), action, ip, json!({"channel": channel.name()})).await;
    }
    Ok(code.test_id)
}

/// Refuses if the last message of the kind is too fresh.
pub fn check_frequency(app: &App, sent_at: Option<&str>) -> Result<(), Error> {
    match wait(app.config.auth.sms.frequency_seconds, sent_at, app.now()) {
        None => Ok(()),
        Some(seconds) => Err(Error::SmsTooSoon(seconds)),
    }
}

/// How many seconds are left until so many have passed since `sent_at`.
pub fn wait(seconds: u64, sent_at: Option<&str>, now: Timestamp) -> Option<u64> {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let left = Timestamp::parse(sent_at?)?.plus_seconds(seconds).0.saturating_sub(now.0);
    u64::try_from(left).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1_000_000))
}

/// Does for a number that gets no message what [`check_frequency`] does for one that does: who asks twice
/// hears the same, so asking tells nothing. A limiter that does not answer limits nobody.
pub async fn pretend(app: &App, purpose: Purpose, phone: &str) -> Result<(), Error> {
    let Some(per_hour) = 3600_u64.checked_div(app.config.auth.sms.frequency_seconds) else { return Ok(()) };
    let per_hour = u32::try_from(per_hour).unwrap_or(u32::MAX).max(1);
    let number = crypto::hex(&crypto::sha256(phone.as_bytes()));
    let key = format!("nobody:{}:{number}", purpose.row().0.name());
    match app.ports.rate_limiter.take(&key, per_hour, 1).await {
        Ok(Some(seconds)) => Err(Error::SmsTooSoon(seconds)),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// When a code of now stops being good.
pub fn expiry(app: &App, now: Timestamp) -> Timestamp {
    now.plus_seconds(i64::try_from(app.config.auth.sms.otp_seconds).unwrap_or(i64::MAX))
}
