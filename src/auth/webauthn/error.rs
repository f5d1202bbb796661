//! Everything the auth API refuses of passkeys and security keys: status, error code, message.

use std::borrow::Cow;

use super::Unverified;

/// A ceremony, or a change of one's passkeys, that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum PasskeyError {
    /// They are off.
    Disabled,
    /// A challenge that never was, or was answered before.
    ChallengeNotFound,
    /// One that waited too long.
    ChallengeExpired,
    /// What the browser brought has not the form of an answer; the cause is for the log.
    Unreadable(String),
    /// The answer is not the authenticator's, or not to the challenge; the cause is for the log.
    Unverified(String),
    /// The credential is somebody's already.
    CredentialExists,
    /// As many as a user may have.
    TooMany,
    /// An id that is none of the user's passkeys'.
    NotFound,
    /// Managing passkeys needs the second factor.
    NeedsAal2,
    /// The passkey is right, the address is not confirmed.
    EmailNotConfirmed,
    /// The same of a number.
    PhoneNotConfirmed,
    /// A second factor's answer that is none; the cause is for the log.
    FactorUnverified(String),
    /// Security keys as second factors are off.
    FactorDisabled,
}

impl PasskeyError {
    /// HTTP status, error code and message (statuses and texts as in supabase/auth).
    #[rustfmt::skip]
    pub fn row(&self) -> (u16, &'static str, Cow<'_, str>) {
        let (status, code, message) = match self {
            Self::Disabled            => (404, "passkey_disabled",              "Passkeys are disabled"),
            Self::ChallengeNotFound   => (400, "webauthn_challenge_not_found",  "Challenge not found or already used"),
            Self::ChallengeExpired    => (400, "webauthn_challenge_expired",    "Challenge has expired"),
            Self::Unreadable(_)       => (400, "webauthn_verification_failed",  "Invalid credential response"),
            Self::Unverified(_)       => (400, "webauthn_verification_failed",  "Credential verification failed"),
            Self::CredentialExists    => (422, "webauthn_credential_exists",    "This credential is already registered"),
            Self::TooMany             => (422, "too_many_passkeys",             "Maximum number of passkeys reached"),
            Self::NotFound            => (404, "validation_failed",             "Passkey not found"),
            Self::NeedsAal2           => (403, "insufficient_aal",              "AAL2 session is required to manage passkeys when MFA is enabled"),
            Self::EmailNotConfirmed   => (403, "email_not_confirmed",           "Email not confirmed"),
            Self::PhoneNotConfirmed   => (403, "phone_not_confirmed",           "Phone not confirmed"),
            Self::FactorUnverified(_) => (422, "mfa_verification_failed",       "Invalid WebAuthn response"),
            Self::FactorDisabled      => (422, "mfa_webauthn_verify_not_enabled", "MFA verification is disabled for WebAuthn"),
        };
        (status, code, Cow::Borrowed(message))
    }

    /// What the log should know and the caller should not.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Unreadable(cause) | Self::Unverified(cause) | Self::FactorUnverified(cause) => Some(cause),
            _ => None,
        }
    }
}

impl From<Unverified> for PasskeyError {
    fn from(why: Unverified) -> Self {
        Self::Unverified(why.0)
    }
}
