//! A phone as a second factor: a code is sent there with each challenge.

use super::error::Error;
use super::factor::{Challenge, Factor};
use super::hook;
use super::model::User;
use super::one_time_token;
use super::sms::{self, Channel, TextMessage};
use super::texting;
use crate::app::App;
use crate::config::HookKind;
use crate::crypto;

/// A code for a challenge, not sent yet.
pub struct PhoneCode {
    code: String,
    phone: String,
}

impl PhoneCode {
    /// A code for the factor, unless one went there just now.
    pub fn issue(app: &App, factor: &Factor) -> Result<Self, Error> {
        let config = &app.config.auth.mfa;
        let last = factor.last_challenged_at.as_deref();
        if let Some(seconds) = texting::wait(config.phone_frequency_seconds, last, app.now()) {
            return Err(Error::SmsTooSoon(seconds));
        }
        Ok(Self {
            code: one_time_token::random_code(app.ports.random.as_ref(), config.phone_otp_length),
            phone: factor.phone.clone().unwrap_or_default(),
        })
    }

    /// What the challenge keeps of it.
    pub fn hash_for(&self, app: &App, challenge_id: &str) -> String {
        hash(app, challenge_id, &self.code)
    }

    /// Sends it.
    pub async fn deliver(
        &self,
        app: &App,
        user: &User,
        channel: Channel,
        ip: Option<&str>,
    ) -> Result<(), Error> {
        texting::limit(app).await?;
        if hook::is_on(app, HookKind::SendSms) {
            return hook::send_sms(app, ip, user, &self.phone, &self.code, Some("mfa")).await;
        }
        texting::refuse_without_provider(app)?;
        let template = &app.config.auth.mfa.phone_template;
        let message = TextMessage::new(template, &self.phone, &self.code, channel);
        sms::send(app, &message).await.map_err(|undelivered| match undelivered {
            sms::Undelivered::Refused(reason) => Error::Unexpected(format!("a text message: {reason}")),
            sms::Undelivered::Error(error) => error,
        })
    }
}

/// Whether the code is the one that was sent with the challenge.
pub async fn is_right(app: &App, factor: &Factor, challenge: &Challenge, code: &str) -> Result<bool, Error> {
    if sms::has_foreign_codes(app) {
        let phone = factor.phone.as_deref().unwrap_or_default();
        return sms::is_foreign_code_right(app, phone, code).await;
    }
    let expected = challenge.code_hash.as_deref().unwrap_or_default();
    Ok(crypto::equal_secrets(expected.as_bytes(), hash(app, &challenge.id, code).as_bytes()))
}

fn hash(app: &App, challenge_id: &str, code: &str) -> String {
    let key = crypto::hmac_sha256(app.config.jwt_secret.as_bytes(), b"second factors by phone");
    crypto::hex(&crypto::hmac_sha256(&key, format!("{challenge_id}\n{code}").as_bytes()))
}
