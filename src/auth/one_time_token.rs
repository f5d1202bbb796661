//! Codes and links that prove, once, that someone reads a mailbox.
//!
//! One secret in two forms: the six-digit code in the mail's text, and the link, which carries a
//! digest of it under the server's key. What is stored is a hash of that digest. So a link cannot be
//! made from its code without the key, and neither from a copy of the database.

use uuid::Uuid;

use super::error::Error;
use super::model::User;
use super::pkce::Challenge;
use crate::app::App;
use crate::crypto;
use crate::ports::Random;

/// What a token is for; an account has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    /// A sign-up or an invitation.
    Confirmation,
    /// A forgotten password, or signing in without one.
    Recovery,
    /// A changed address, sent to the new one.
    EmailChangeNew,
    /// A changed address, sent to the old one.
    EmailChangeCurrent,
    /// A changed number, sent to the new one.
    PhoneChange,
    /// That it is still the same person.
    Reauthentication,
}

impl TokenType {
    /// As the database has it.
    #[rustfmt::skip]
    pub fn name(self) -> &'static str {
        match self {
            Self::Confirmation       => "confirmation_token",
            Self::Recovery           => "recovery_token",
            Self::EmailChangeNew     => "email_change_token_new",
            Self::EmailChangeCurrent => "email_change_token_current",
            Self::PhoneChange        => "phone_change_token",
            Self::Reauthentication   => "reauthentication_token",
        }
    }

    /// The column of `"auth.users"` that says when the last one was sent.
    #[rustfmt::skip]
    pub fn sent_at(self) -> &'static str {
        match self {
            Self::Confirmation                              => "confirmation_sent_at",
            Self::Recovery                                  => "recovery_sent_at",
            Self::EmailChangeNew | Self::EmailChangeCurrent => "email_change_sent_at",
            Self::PhoneChange                               => "phone_change_sent_at",
            Self::Reauthentication                          => "reauthentication_sent_at",
        }
    }

    /// That column of a user.
    #[rustfmt::skip]
    pub fn last_sent(self, user: &User) -> Option<&str> {
        match self {
            Self::Confirmation                              => user.confirmation_sent_at.as_deref(),
            Self::Recovery                                  => user.recovery_sent_at.as_deref(),
            Self::EmailChangeNew | Self::EmailChangeCurrent => user.email_change_sent_at.as_deref(),
            Self::PhoneChange                               => user.phone_change_sent_at.as_deref(),
            Self::Reauthentication                          => user.reauthentication_sent_at.as_deref(),
        }
    }
}

/// A new token, with the secrets that only the mail may have.
pub struct OneTimeToken {
    pub token_type: TokenType,
    pub user_id: String,
    /// The address it goes to.
    pub contact: String,
    /// The digits to type in.
    pub code: String,
    /// What the link carries; `pkce_…` if its answer is a code for the browser that asked.
    pub link: String,
    /// What the database keeps.
    pub hash: String,
    pub challenge: Option<Challenge>,
}

/// What a link's token starts with when the browser that asked has a PKCE verifier.
const PKCE_PREFIX: &str = "pkce_";

const DIGEST_BYTES: usize = 16;

impl OneTimeToken {
    /// A token for that address of that user.
    pub fn issue(
        app: &App,
        token_type: TokenType,
        user_id: &str,
        contact: &str,
        challenge: Option<Challenge>,
    ) -> Result<Self, Error> {
        let code = random_code(app.ports.random.as_ref(), app.config.auth.mail.otp_length);
        Self::with_code(app, token_type, user_id, contact, code, challenge)
    }

    /// The same with that code.
    pub fn with_code(
        app: &App,
        token_type: TokenType,
        user_id: &str,
        contact: &str,
        code: String,
        challenge: Option<Challenge>,
    ) -> Result<Self, Error> {
        let digest = digest(app, token_type, user_id, contact, &code);
        let user = Uuid::parse_str(user_id).map_err(|error| Error::Unexpected(error.to_string()))?;
        let prefix = if challenge.is_some() { PKCE_PREFIX } else { "" };
        Ok(Self {
            token_type,
            user_id: user_id.to_string(),
            contact: contact.to_string(),
            code,
            link: format!("{prefix}{}{}", user.simple(), crypto::hex(&digest)),
            hash: hash(&digest),
            challenge,
        })
    }
}

/// What someone shows to prove it.
pub enum Presented {
    /// A link's token.
    Link { user_id: String, hash: String, asks_for_code: bool },
    /// A code, and the address it was sent to.
    Code { contact: String, code: String },
}

impl Presented {
    /// Reads a link's token; `None` for what cannot be one.
    pub fn link(text: &str) -> Option<Self> {
        let (asks_for_code, token) = match text.strip_prefix(PKCE_PREFIX) {
            Some(token) => (true, token),
            None => (false, text),
        };
        let (user, digest) = token.split_at_checked(32)?;
        let user_id = Uuid::try_parse(user).ok()?.to_string();
        let digest = crypto::from_hex(digest).filter(|digest| digest.len() == DIGEST_BYTES)?;
        Some(Self::Link { user_id, hash: hash(&digest), asks_for_code })
    }

    /// The hash the database has if this is the user's token of that type.
    pub fn hash_for(&self, app: &App, token_type: TokenType, user_id: &str) -> String {
        match self {
            Self::Link { hash, .. } => hash.clone(),
            Self::Code { contact, code } => hash(&digest(app, token_type, user_id, contact, code)),
        }
    }
}

fn digest(app: &App, token_type: TokenType, user_id: &str, contact: &str, code: &str) -> Vec<u8> {
    let key = crypto::hmac_sha256(app.config.jwt_secret.as_bytes(), b"one-time tokens");
    let signed = [token_type.name(), user_id, contact, code].join("\n");
    crypto::hmac_sha256(&key, signed.as_bytes()).into_iter().take(DIGEST_BYTES).collect()
}

fn hash(digest: &[u8]) -> String {
    crypto::hex(&crypto::sha256(digest))
}

/// Digits, each as likely as the others: bytes from 250 on would favour the low ones, so they are passed over.
pub fn random_code(random: &dyn Random, length: u64) -> String {
    let length = usize::try_from(length).unwrap_or(6);
    let mut code = String::new();
    while code.len() < length {
        let bytes = crypto::random_bytes(random, length);
        let digits = bytes.into_iter().filter(|byte| *byte < 250).map(|byte| char::from(b'0' + byte % 10));
        code.extend(digits.take(length - code.len()));
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_links_token_reads_as_one() {
        let good = "0".repeat(64);
        let rows = [
            (good.clone(), Some(false)),
            (format!("pkce_{good}"), Some(true)),
            (format!("{good}0"), None),
            (good[1..].to_string(), None),
            (format!("{}é", &good[2..]), None),
            ("123456".to_string(), None),
            (String::new(), None),
        ];
        for (text, expected) in rows {
            let read = match Presented::link(&text) {
                Some(Presented::Link { asks_for_code, .. }) => Some(asks_for_code),
                _ => None,
            };
            assert_eq!(read, expected, "{text}");
        }
    }
}
