//! How often an address may ask for what, with upstream's names and figures.

use super::read::Reader;

/// Requests of one client address.
#[derive(Clone, Debug)]
pub struct RateLimits {
    /// `RATE_LIMIT_OTP`: sign-ups, codes, links, changes of the account; each in five minutes.
    pub otp: u32,
    /// `RATE_LIMIT_TOKEN_REFRESH`: token grants in five minutes.
    pub token_refresh: u32,
    /// `RATE_LIMIT_VERIFY`: codes and links used in five minutes.
    pub verify: u32,
    /// `RATE_LIMIT_PASSKEY`: sign-ins with passkeys in five minutes.
    pub passkey: u32,
    /// `RATE_LIMIT_SSO`: single sign-ons in five minutes.
    pub sso: u32,
    /// `RATE_LIMIT_OAUTH_DYNAMIC_CLIENT_REGISTER`: apps that register themselves in five minutes.
    pub client_registration: u32,
    /// `MFA_RATE_LIMIT_CHALLENGE_AND_VERIFY`: challenges, and answers, of second factors in a minute.
    pub factors: u32,
    /// `RATE_LIMIT_ANONYMOUS_USERS`: anonymous sign-ins in an hour.
    pub anonymous: u32,
}

impl RateLimits {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut number =
            |name: &str, default| u32::try_from(reader.number(name, default)).unwrap_or(u32::MAX);
        Self {
            otp: number("RATE_LIMIT_OTP", 30),
            token_refresh: number("RATE_LIMIT_TOKEN_REFRESH", 150),
            verify: number("RATE_LIMIT_VERIFY", 30),
            passkey: number("RATE_LIMIT_PASSKEY", 30),
            sso: number("RATE_LIMIT_SSO", 30),
            client_registration: number("RATE_LIMIT_OAUTH_DYNAMIC_CLIENT_REGISTER", 10),
            factors: number("MFA_RATE_LIMIT_CHALLENGE_AND_VERIFY", 15),
            anonymous: number("RATE_LIMIT_ANONYMOUS_USERS", 30),
        }
    }
}
