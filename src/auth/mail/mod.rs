//! Mails: what they say, and how they go out.
//!
//! Carried by the configured provider; without one they stay in `"auth.mailbox"`, where a developer
//! reads them at `/mailbox`.

mod aws_signature;
mod language;
mod provider;
mod text;

use serde_json::{Value, json};

use super::error::Error;
use super::store::{self, mailbox};
use crate::app::App;
use crate::config::{Carrier, MailKind};
use crate::crypto;
use crate::ports::OutgoingMail;

/// One mail to one address.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `Name <address>` or an address.
    pub from: String,
    /// An address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// The body.
    pub html: String,
}

impl Message {
    /// A mail of that kind, with GoTrue's variables filled in, in the language of the account they are of or else one
    /// that its reader's browser asks for.
    pub fn new(
        app: &App,
        kind: MailKind,
        to: &str,
        variables: &Value,
        accept_language: Option<&str>,
    ) -> Result<Self, Error> {
        let config = &app.config.auth.mail;
        let template = config.template(kind, &language::wanted(variables.get("Data"), accept_language));
        let template = template.ok_or_else(|| Error::Unexpected(format!("{kind:?} has no template")))?;
        // A line break would end the header and start another.
        let subject = template.subject.to_text(variables).replace(['\r', '\n'], " ");
        Ok(Self {
            from: config.from.clone(),
            to: to.to_string(),
            subject,
            html: template.body.to_html(variables),
        })
    }

    /// The body as plain text.
    pub fn text(&self) -> String {
        text::from_html(&self.html)
    }

    /// The sender's name, which may be empty, and address.
    pub fn sender(&self) -> (&str, &str) {
        match self.from.rsplit_once('<') {
            Some((name, address)) => (name.trim(), address.trim_end_matches('>').trim()),
            None => ("", self.from.trim()),
        }
    }
}

/// Sends a mail, or says why it did not go out: nothing was sent then, as far as anyone knows.
pub async fn send(app: &App, message: Message) -> Result<(), Error> {
    match &app.config.auth.mail.carrier {
        Some(carrier) => carry(app, carrier, &message).await,
        None => {
            keep(app, &message, "no MAIL_PROVIDER is set: a mail was not sent, it is in the mailbox").await
        }
    }
}

async fn carry(app: &App, carrier: &Carrier, message: &Message) -> Result<(), Error> {
    limit(app).await?;
    let Some(request) = provider::request(carrier, message, app.now()) else {
        return hand_over(app, message).await;
    };
    let response = app.ports.http_client.send(request).await?;
    if response.is_success() {
        return Ok(());
    }
    // A provider's refusal may quote the address, so only its beginning goes to the log.
    let reason: String = response.body.chars().take(200).collect();
    Err(Error::Unexpected(format!("the mail provider answered {}: {reason}", response.status)))
}

/// The Worker has a carrier of its own.
async fn hand_over(app: &App, message: &Message) -> Result<(), Error> {
    let Some(mailer) = &app.ports.mailer else {
        return Err(Error::Unexpected("wrangler.toml binds no MAIL".into()));
    };
    let (name, from) = message.sender();
    let Message { to, subject, html, .. } = message;
    Ok(mailer.send(OutgoingMail { name, from, to, subject, html, text: &message.text() }).await?)
}

/// All accounts together may have so many mails an hour. A limiter that does not answer limits nobody.
pub async fn limit(app: &App) -> Result<(), Error> {
    let hourly = u32::try_from(app.config.auth.mail.hourly).unwrap_or(u32::MAX);
    if hourly == 0 {
        return Err(Error::MailLimit);
    }
    match app.ports.rate_limiter.take("mails", hourly, hourly).await {
        Ok(Some(_)) => Err(Error::MailLimit),
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Leaves a message in the mailbox. A deployment's log gets the warning.
pub async fn keep(app: &App, message: &Message, warning: &str) -> Result<(), Error> {
    if !app.config.has_demo_secrets() {
        let line = json!({
            "at": app.now().to_milliseconds(),
            "level": "warn",
            "message": warning,
        });
        app.ports.log.line(&line.to_string());
    }
    let id = crypto::hex(&crypto::random_bytes(app.ports.random.as_ref(), 11));
    let statements = mailbox::keep(&id, message, app.now());
    store::run(app.ports.database.as_ref(), statements).await?;
    Ok(())
}
