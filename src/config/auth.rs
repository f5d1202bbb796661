//! The auth API's settings.

use super::external::ExternalConfig;
use super::mail::MailConfig;
use super::mfa::MfaConfig;
use super::read::Reader;
use super::sms::SmsConfig;

/// How people may sign up and in, and how long that lasts.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// `SITE_URL`: where links lead when nothing else is asked.
    pub site_url: String,
    /// `URI_ALLOW_LIST`: patterns of other URLs that links may lead to, comma-separated.
    pub redirect_patterns: Vec<String>,
    /// `DISABLE_SIGNUP`: nobody new, except by an administrator.
    pub disable_signup: bool,
    /// `EXTERNAL_EMAIL_ENABLED`: e-mail and password at all.
    pub email_enabled: bool,
    /// `EXTERNAL_PHONE_ENABLED`: phone numbers at all.
    pub phone_enabled: bool,
    /// `EXTERNAL_ANONYMOUS_USERS_ENABLED`: sign-up with neither address nor number.
    pub anonymous_enabled: bool,
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
    /// `SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION`: whether a new password needs a code by mail
    /// when the session is older than a day.
    pub password_needs_reauthentication: bool,
    /// `FLOW_STATE_EXPIRY`: seconds in which a PKCE code has to be exchanged.
    pub flow_state_seconds: u64,
    /// Other people's accounts to sign in with.
    pub external: ExternalConfig,
    /// Mails.
    pub mail: MailConfig,
    /// Text messages.
    pub sms: SmsConfig,
    /// `RATE_LIMITS`: whether sign-in routes are limited per address.
    pub rate_limits: bool,
    /// Second factors.
    pub mfa: MfaConfig,
}

impl AuthConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            site_url: reader.text("SITE_URL", "http://127.0.0.1:3000"),
            redirect_patterns: reader.list("URI_ALLOW_LIST", ""),
            disable_signup: reader.flag("DISABLE_SIGNUP", false),
            email_enabled: reader.flag("EXTERNAL_EMAIL_ENABLED", true),
            phone_enabled: reader.flag("EXTERNAL_PHONE_ENABLED", false),
            anonymous_enabled: reader.flag("EXTERNAL_ANONYMOUS_USERS_ENABLED", false),
            autoconfirm: reader.flag("MAILER_AUTOCONFIRM", false),
            token_seconds: reader.number("JWT_EXPIRY", 3600),
            reuse_seconds: reader.number("REFRESH_TOKEN_REUSE_INTERVAL", 10),
            session_timebox_seconds: reader.number("SESSIONS_TIMEBOX", 0),
            session_inactivity_seconds: reader.number("SESSIONS_INACTIVITY_TIMEOUT", 0),
            password_min_length: reader.number("PASSWORD_MIN_LENGTH", 6),
            password_needs_reauthentication: reader
                .flag("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", false),
            flow_state_seconds: reader.number("FLOW_STATE_EXPIRY", 300),
            external: ExternalConfig::read(reader),
            mail: MailConfig::read(reader),
            sms: SmsConfig::read(reader),
            rate_limits: reader.flag("RATE_LIMITS", true),
            mfa: MfaConfig::read(reader),
        }
    }
}
