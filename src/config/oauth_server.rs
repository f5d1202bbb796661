//! The settings of the OAuth 2.1 server, by upstream's names.

use super::read::Reader;

/// Whether and how other apps sign in with accounts of this project.
#[derive(Clone, Debug)]
pub struct OAuthServerConfig {
    /// `OAUTH_SERVER_ENABLED`: at all.
    pub enabled: bool,
    /// `OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION`: whether anyone may register an app (RFC 7591).
    pub dynamic_registration: bool,
    /// `OAUTH_SERVER_AUTHORIZATION_PATH`: the page of the site that asks the user, below `SITE_URL`.
    pub authorization_path: String,
    /// `OAUTH_SERVER_AUTHORIZATION_TTL`: seconds in which the user has to decide.
    pub authorization_seconds: u64,
    /// `OAUTH_SERVER_DEFAULT_SCOPE`: what an app gets that asks for nothing in particular.
    pub default_scope: String,
}

impl OAuthServerConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            enabled: reader.flag("OAUTH_SERVER_ENABLED", false),
            dynamic_registration: reader.flag("OAUTH_SERVER_ALLOW_DYNAMIC_REGISTRATION", false),
            authorization_path: reader.text("OAUTH_SERVER_AUTHORIZATION_PATH", ""),
            authorization_seconds: reader.seconds("OAUTH_SERVER_AUTHORIZATION_TTL", 600),
            default_scope: reader.text("OAUTH_SERVER_DEFAULT_SCOPE", "email"),
        }
    }
}
