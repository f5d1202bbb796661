//! The auth API's settings.

use super::captcha::CaptchaConfig;
use super::external::ExternalConfig;
use super::hook::HookConfig;
use super::mail::MailConfig;
use super::mfa::MfaConfig;
use super::oauth_server::OAuthServerConfig;
use super::rate_limits::RateLimits;
use super::read::Reader;
use super::sms::SmsConfig;
use super::webauthn::WebAuthnConfig;

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
    /// `EXTERNAL_EMAIL_MAGIC_LINK_ENABLED`: signing in by a link or code of a mail.
    pub magic_link_enabled: bool,
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
    /// `PASSWORD_REQUIRED_CHARACTERS`: sets of which a new password needs a character each.
    pub password_characters: Vec<String>,
    /// `PASSWORD_HIBP_ENABLED`: whether passwords that leaked elsewhere are refused.
    pub password_leaks_refused: bool,
    /// `PASSWORD_HIBP_FAIL_CLOSED`: whether a password that could not be looked up is refused too.
    pub password_leaks_fail_closed: bool,
    /// `SECURITY_UPDATE_PASSWORD_REQUIRE_CURRENT_PASSWORD`: whether a new password needs the current one.
    pub password_needs_current: bool,
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
    /// `SMS_MAILBOX`: without a provider text messages stay in the mailbox, as is usual on a developer's machine; else they fail.
    pub sms_mailbox: bool,
    /// What of the project's own is asked on the way.
    pub hooks: HookConfig,
    /// Captchas, where they are asked for.
    pub captcha: Option<CaptchaConfig>,
    /// `SIGN_IN_LOCKOUT`: whether too many wrong passwords for one address make the next wait.
    pub lockout: bool,
    /// `AUDIT_LOG`: where it is written down who did what.
    pub audit: AuditLog,
    /// How often an address may ask for what.
    pub limits: RateLimits,
    /// `RATE_LIMITS`: whether sign-in routes are limited per address.
    pub rate_limits: bool,
    /// Passkeys and security keys.
    pub webauthn: WebAuthnConfig,
    /// Second factors.
    pub mfa: MfaConfig,
    /// Other apps that sign in with accounts of this project.
    pub oauth_server: OAuthServerConfig,
}

/// Where an audit log goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditLog {
    /// `logs`: a line of the Worker's log for each act.
    #[default]
    Logs,
    /// `r2`: objects of such lines in R2 under `audit/`, besides the log's.
    R2,
    /// `database`: a row of `auth.audit_log_entries`, as upstream, besides the line.
    Database,
    /// `off`.
    Off,
}

fn audit_log(reader: &mut Reader<'_>) -> AuditLog {
    match reader.text("AUDIT_LOG", "logs").as_str() {
        "logs" => AuditLog::Logs,
        "r2" => AuditLog::R2,
        "database" => AuditLog::Database,
        "off" => AuditLog::Off,
        other => reader.refuse(format!("AUDIT_LOG must be logs, r2, database or off, not {other:?}")),
    }
}

impl AuthConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let is_local = reader.text("JWT_SECRET", "") == super::DEMO_JWT_SECRET;
        Self {
            site_url: reader.text("SITE_URL", "http://127.0.0.1:3000"),
            redirect_patterns: reader.list("URI_ALLOW_LIST", ""),
            disable_signup: reader.flag("DISABLE_SIGNUP", false),
            email_enabled: reader.flag("EXTERNAL_EMAIL_ENABLED", true),
            magic_link_enabled: reader.flag("EXTERNAL_EMAIL_MAGIC_LINK_ENABLED", true),
            phone_enabled: reader.flag("EXTERNAL_PHONE_ENABLED", false),
            anonymous_enabled: reader.flag("EXTERNAL_ANONYMOUS_USERS_ENABLED", false),
            autoconfirm: reader.flag("MAILER_AUTOCONFIRM", false),
            token_seconds: reader.number("JWT_EXPIRY", 3600),
            reuse_seconds: reader.number("REFRESH_TOKEN_REUSE_INTERVAL", 10),
            session_timebox_seconds: reader.number("SESSIONS_TIMEBOX", 0),
            session_inactivity_seconds: reader.number("SESSIONS_INACTIVITY_TIMEOUT", 0),
            password_min_length: reader.number("PASSWORD_MIN_LENGTH", 6),
            password_characters: character_sets(&reader.text("PASSWORD_REQUIRED_CHARACTERS", "")),
            password_leaks_refused: reader.flag("PASSWORD_HIBP_ENABLED", false),
            password_leaks_fail_closed: reader.flag("PASSWORD_HIBP_FAIL_CLOSED", false),
            password_needs_current: reader.flag("SECURITY_UPDATE_PASSWORD_REQUIRE_CURRENT_PASSWORD", false),
            password_needs_reauthentication: reader
                .flag("SECURITY_UPDATE_PASSWORD_REQUIRE_REAUTHENTICATION", false),
            flow_state_seconds: reader.number("FLOW_STATE_EXPIRY", 300),
            external: ExternalConfig::read(reader),
            mail: MailConfig::read(reader),
            sms: SmsConfig::read(reader),
            sms_mailbox: reader.flag("SMS_MAILBOX", is_local),
            hooks: HookConfig::read(reader),
            captcha: CaptchaConfig::read(reader),
            lockout: reader.flag("SIGN_IN_LOCKOUT", true),
            audit: audit_log(reader),
            limits: RateLimits::read(reader),
            rate_limits: reader.flag("RATE_LIMITS", true),
            webauthn: WebAuthnConfig::read(reader),
            mfa: MfaConfig::read(reader),
            oauth_server: OAuthServerConfig::read(reader),
        }
    }
}

/// `abc:0123` → two sets; `\\:` is a colon.
fn character_sets(text: &str) -> Vec<String> {
    let mut sets = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.peek() == Some(&':') => {
                characters.next();
                sets.last_mut().into_iter().for_each(|set| set.push(':'));
            }
            ':' => sets.push(String::new()),
            other => sets.last_mut().into_iter().for_each(|set| set.push(other)),
        }
    }
    sets.retain(|set| !set.is_empty());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_sets_are_separated_by_colons() {
        let rows: [(&str, &[&str]); 4] =
            [("", &[]), ("abc:123", &["abc", "123"]), ("a\\:b:c", &["a:b", "c"]), (":a:", &["a"])];
        for (text, expected) in rows {
            assert_eq!(character_sets(text), expected, "{text}");
        }
    }
}
