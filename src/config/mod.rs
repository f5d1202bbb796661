//! Settings, read once from the Worker's vars and secrets. `docs/CONFIG.md` lists them.
//!
//! Every mistake is reported at once, so that a deployment is mended in one go.

mod auth;
mod captcha;
mod external;
mod hook;
mod mail;
mod mfa;
mod oauth_server;
mod rate_limits;
mod read;
mod rest;
mod signing_keys;
mod sms;
mod storage;
mod template;
mod webauthn;

pub use auth::{AuditLog, AuthConfig};
pub use captcha::{CaptchaConfig, CaptchaProvider};
pub use external::{ExternalConfig, ExternalProvider, PROVIDERS};
pub use hook::{HookConfig, HookKind, HookTarget};
pub use mail::{Carrier, MailConfig, MailKind, MailProvider, MailTemplate};
pub use mfa::MfaConfig;
pub use oauth_server::OAuthServerConfig;
pub use rate_limits::RateLimits;
pub use rest::{Description, RestConfig, TransactionEnd};
pub use signing_keys::SigningKey;
pub use sms::{SmsCarrier, SmsConfig, SmsProvider};
pub use storage::{AccessKey, EdgeAnswers, KeyCharacters, R2Account, StorageConfig};
pub use template::{Template, escape_html};
pub use webauthn::WebAuthnConfig;

use read::Reader;

/// The secret that every Supabase CLI project has locally. Refused on any host but loopback.
pub const DEMO_JWT_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// The opaque keys of the same local set-up; refused likewise.
pub const DEMO_KEYS: [&str; 2] =
    ["sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH", "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz"];

/// The S3 key of the same set-up; refused likewise.
pub const DEMO_S3_KEY: &str = "625729a08b95bf1b7ff351a663f3a23c";

/// All settings of a deployment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `JWT_SECRET`: signs and verifies access tokens and the legacy anon and service_role keys; at least 32 characters.
    pub jwt_secret: String,
    /// `JWT_KEYS`: the keys that sign access tokens instead, one of them, and that verify them.
    pub signing_keys: Vec<SigningKey>,
    /// `PUBLISHABLE_KEYS`: `sb_publishable_…` keys, comma-separated; each makes its sender anon.
    pub publishable_keys: Vec<String>,
    /// `SECRET_KEYS`: `sb_secret_…` keys, comma-separated; each makes its sender service_role.
    pub secret_keys: Vec<String>,
    /// The auth API's settings.
    pub auth: AuthConfig,
    /// The data API's settings.
    pub rest: RestConfig,
    /// The storage API's settings.
    pub storage: StorageConfig,
}

impl Config {
    /// Reads all settings with `lookup` (a var's or secret's name → its value), or says everything that is wrong.
    pub fn from_vars(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, Vec<String>> {
        let mut reader = Reader::new(lookup);
        let config = Self {
            jwt_secret: reader.secret("JWT_SECRET", 32),
            signing_keys: signing_keys::read(&mut reader),
            publishable_keys: reader.keys("PUBLISHABLE_KEYS", "sb_publishable_"),
            secret_keys: reader.keys("SECRET_KEYS", "sb_secret_"),
            auth: AuthConfig::read(&mut reader),
            rest: RestConfig::read(&mut reader),
            storage: StorageConfig::read(&mut reader),
        };
        reader.finish(config)
    }

    /// Whether this deployment uses a secret that the whole world knows.
    pub fn has_demo_secrets(&self) -> bool {
        let demo = |keys: &[String]| keys.iter().any(|key| DEMO_KEYS.contains(&key.as_str()));
        let demo_s3_key = self.storage.s3_key.as_ref().is_some_and(|key| key.id == DEMO_S3_KEY);
        self.jwt_secret == DEMO_JWT_SECRET
            || demo_s3_key
            || demo(&self.publishable_keys)
            || demo(&self.secret_keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_at_once() {
        let vars = |name: &str| match name {
            "JWT_SECRET" => Some("short".to_string()),
            "JWT_EXPIRY" => Some("soon".to_string()),
            "SECRET_KEYS" => Some("sb_publishable_x".to_string()),
            _ => None,
        };
        let errors = Config::from_vars(&vars).unwrap_err();
        assert_eq!(errors.len(), 3, "{errors:?}");
    }
}
