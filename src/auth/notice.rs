//! Telling people by mail what changed about their account. Off unless the settings say so, and never a
//! reason to fail: what changed has changed.

use serde_json::json;

use super::hook::{self, EmailData};
use super::mail::{self, Message};
use super::model::User;
use crate::app::App;
use crate::config::{HookKind, MailKind};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Notice<'a> {
    PasswordChanged,
    /// From that address.
    EmailChanged(&'a str),
    /// From that number.
    PhoneChanged(&'a str),
    /// With that provider.
    IdentityLinked(&'a str),
    /// With that provider.
    IdentityUnlinked(&'a str),
    /// Of that type.
    FactorEnrolled(&'a str),
    /// Of that type.
    FactorUnenrolled(&'a str),
}

impl Notice<'_> {
    /// The template, and what the send-email hook calls it.
    #[rustfmt::skip]
    fn row(self) -> (MailKind, &'static str) {
        match self {
            Self::PasswordChanged     => (MailKind::PasswordChanged,  "password_changed_notification"),
            Self::EmailChanged(_)     => (MailKind::EmailChanged,     "email_changed_notification"),
            Self::PhoneChanged(_)     => (MailKind::PhoneChanged,     "phone_changed_notification"),
            Self::IdentityLinked(_)   => (MailKind::IdentityLinked,   "identity_linked_notification"),
            Self::IdentityUnlinked(_) => (MailKind::IdentityUnlinked, "identity_unlinked_notification"),
            Self::FactorEnrolled(_)   => (MailKind::FactorEnrolled,   "mfa_factor_enrolled_notification"),
            Self::FactorUnenrolled(_) => (MailKind::FactorUnenrolled, "mfa_factor_unenrolled_notification"),
        }
    }

    fn data(self) -> EmailData {
        let mut data = EmailData { email_action_type: self.row().1.to_string(), ..EmailData::default() };
        match self {
            Self::PasswordChanged => {}
            Self::EmailChanged(old) => data.old_email = old.to_string(),
            Self::PhoneChanged(old) => data.old_phone = old.to_string(),
            Self::IdentityLinked(provider) | Self::IdentityUnlinked(provider) => {
                data.provider = provider.to_string()
            }
            Self::FactorEnrolled(of) | Self::FactorUnenrolled(of) => data.factor_type = of.to_string(),
        }
        data
    }
}

/// Tells whoever had the account `before` what is different `after`.
pub async fn of_change(app: &App, before: &User, after: &User, ip: Option<&str>) {
    if before.encrypted_password != after.encrypted_password {
        send(app, after, Notice::PasswordChanged, ip).await;
    }
    let changed =
        |old: &Option<String>, new: &Option<String>| old.clone().filter(|_| new.is_some() && old != new);
    if let Some(old) = changed(&before.email, &after.email) {
        send_to(app, after, &old, Notice::EmailChanged(&old), ip).await;
    }
    if let Some(old) = changed(&before.phone, &after.phone) {
        send(app, after, Notice::PhoneChanged(&old), ip).await;
    }
}

/// Tells the account's address.
pub async fn send(app: &App, user: &User, notice: Notice<'_>, ip: Option<&str>) {
    if let Some(email) = &user.email {
        send_to(app, user, email, notice, ip).await;
    }
}

async fn send_to(app: &App, user: &User, to: &str, notice: Notice<'_>, ip: Option<&str>) {
    let (kind, _) = notice.row();
    if !app.config.auth.mail.notifies(kind) {
        return;
    }
    let data = notice.data();
    let sent = if hook::is_on(app, HookKind::SendEmail) {
        hook::send_email(app, ip, user, &data).await
    } else {
        let variables = json!({
            "SiteURL": app.config.auth.site_url,
            "Email": user.email,
            "OldEmail": data.old_email,
            "Phone": user.phone,
            "OldPhone": data.old_phone,
            "Provider": data.provider,
            "FactorType": data.factor_type,
            "SendingTo": to,
            "Data": user.user_metadata(),
        });
        match Message::new(app, kind, to, &variables, None) {
            Ok(message) => mail::send(app, message).await,
            Err(error) => Err(error),
        }
    };
    if let Err(error) = sent {
        let line = json!({
            "at": app.now().to_milliseconds(),
            "level": "error",
            "message": "a notice of a change did not go out",
            "notice": data.email_action_type,
            "cause": format!("{error:?}"),
        });
        app.ports.log.line(&line.to_string());
    }
}
