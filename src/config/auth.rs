//! The auth API's settings.

use super::mfa::MfaConfig;
use super::read::Reader;

/// How people may sign up and in, and how long that lasts.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// `SITE_URL`: where links lead when nothing else is asked.
    pub site_url: String,
    /// `DISABLE_SIGNUP`: nobody new, except by an administrator.
    pub disable_signup: bool,
    /// `EXTERNAL_EMAIL_ENABLED`: e-mail and password at all.
    pub email_enabled: bool,
    /// `MAILER_AUTOCONFIRM`: a new address counts as confirmed at once.
    pub autoconfirm: bool,
    /// `JWT_EXPIRY`: seconds an access token lives.
    pub token_seconds: u64,
    /// `REFRESH_TOKEN_REUSE_INTERVAL`: seconds in which the previous refresh token is still answered with the current one.
    pub reuse_seconds: u64,
    /// `SESSIONS_TIMEBOX`: seconds after its start at which a session is no longer refreshed; 0 is never.
    pub session_timebox_seconds: u64,
    /// `SESSIONS_INACTIVITY_TIMEOUT`: seconds without a refresh after which a session is no longer refreshed; 0 is never.
    pub session_inactivity_seconds: u64,
    /// `PASSWORD_MIN_LENGTH`, in characters.
    pub password_min_length: u64,
    /// `RATE_LIMITS`: whether sign-in routes are limited per address.
    pub rate_limits: bool,
    /// Second factors.
    pub mfa: MfaConfig,
}

impl AuthConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            site_url: reader.text("SITE_URL", "http://127.0.0.1:3000"),
            disable_signup: reader.flag("DISABLE_SIGNUP", false),
            email_enabled: reader.flag("EXTERNAL_EMAIL_ENABLED", true),
            autoconfirm: reader.flag("MAILER_AUTOCONFIRM", false),
            token_seconds: reader.number("JWT_EXPIRY", 3600),
            reuse_seconds: reader.number("REFRESH_TOKEN_REUSE_INTERVAL", 10),
            session_timebox_seconds: reader.number("SESSIONS_TIMEBOX", 0),
            session_inactivity_seconds: reader.number("SESSIONS_INACTIVITY_TIMEOUT", 0),
            password_min_length: reader.number("PASSWORD_MIN_LENGTH", 6),
            rate_limits: reader.flag("RATE_LIMITS", true),
            mfa: MfaConfig::read(reader),
        }
    }
}
