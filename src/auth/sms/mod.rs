//! Text messages: what they say, and how they go out.
//!
//! Carried by the configured provider; without one they stay in `"auth.mailbox"` beside the mails.

mod provider;

use serde_json::json;

use super::error::Error;
use super::hook;
use super::mail::{self, Message};
use crate::app::App;
use crate::config::{HookKind, SmsCarrier, Template, escape_html};

/// The way a message takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    #[default]
    Sms,
    Whatsapp,
}

/// What someone hears who asks for a channel that is none, or that the provider has not.
const INVALID_CHANNEL: &str = "Invalid channel, supported values are 'sms' or 'whatsapp'. 'whatsapp' is only supported if Twilio or Twilio Verify is used as the provider.";

impl Channel {
    /// From a request's `channel`; nothing is an SMS.
    pub fn parse(app: &App, name: Option<&str>) -> Result<Self, Error> {
        match name {
            None | Some("" | "sms") => Ok(Self::Sms),
            // The hook carries it by whatever way it has.
            Some(_) if hook::is_on(app, HookKind::SendSms) => Ok(Self::Sms),
            Some("whatsapp") if app.config.auth.sms.has_whatsapp() => Ok(Self::Whatsapp),
            Some(_) => Err(Error::Validation(INVALID_CHANNEL.into())),
        }
    }

    /// As providers have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
        }
    }
}

/// One message with a code to one number.
pub struct TextMessage {
    /// Digits, without the `+`.
    pub to: String,
    pub text: String,
    pub code: String,
    pub channel: Channel,
}

impl TextMessage {
    /// A message of that template.
    pub fn new(template: &Template, to: &str, code: &str, channel: Channel) -> Self {
        let text = template.to_text(&json!({"Code": code}));
        Self { to: to.to_string(), text, code: code.to_string(), channel }
    }
}

/// Sends a message, or says why it did not go out; the reason is the provider's own and may be told to
/// whoever asked for the message.
pub async fn send(app: &App, message: &TextMessage) -> Result<(), Undelivered> {
    match &app.config.auth.sms.carrier {
        Some(carrier) => carry(app, carrier, message).await,
        None => keep(app, message).await.map_err(Undelivered::Error),
    }
}

/// Why a message did not go out.
pub enum Undelivered {
    /// The provider refused it, and says why.
    Refused(String),
    /// Something else failed.
    Error(Error),
}

async fn carry(app: &App, carrier: &SmsCarrier, message: &TextMessage) -> Result<(), Undelivered> {
    let answer = app.ports.http_client.send(provider::request(carrier, message)).await;
    let answer = answer.map_err(|_| Undelivered::Refused("the provider did not answer".into()))?;
    provider::outcome(carrier.provider, &answer).map_err(Undelivered::Refused)
}

/// Whether codes are the carrier's own: not where a hook carries them.
pub fn has_foreign_codes(app: &App) -> bool {
    app.config.auth.sms.has_foreign_codes() && !hook::is_on(app, HookKind::SendSms)
}

/// Whether the carrier that makes codes of its own says that one is right.
pub async fn is_foreign_code_right(app: &App, phone: &str, code: &str) -> Result<bool, Error> {
    let Some(carrier) = app.config.auth.sms.carrier.as_ref() else { return Ok(false) };
    let answer = app.ports.http_client.send(provider::check(carrier, phone, code)).await?;
    Ok(provider::is_approved(&answer))
}

async fn keep(app: &App, message: &TextMessage) -> Result<(), Error> {
    let text = Message {
        from: "SMS".into(),
        to: format!("+{}", message.to),
        subject: "SMS".into(),
        html: format!("<p>{}</p>\n", escape_html(&message.text)),
    };
    mail::keep(app, &text, "no SMS_PROVIDER is set: a text message was not sent, it is in the mailbox").await
}
