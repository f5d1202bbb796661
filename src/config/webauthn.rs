//! Settings of passkeys and security keys.

use super::read::Reader;

/// Who we are to authenticators (the relying party of Web Authentication), and whether they may sign in.
#[derive(Clone, Debug)]
pub struct WebAuthnConfig {
    /// `WEBAUTHN_RP_ID`: the domain that credentials are bound to; else the site's.
    pub rp_id: String,
    /// `WEBAUTHN_RP_DISPLAY_NAME`: what an authenticator calls us.
    pub rp_display_name: String,
    /// `WEBAUTHN_RP_ORIGINS`: the origins of pages that may use them; else the site's.
    pub rp_origins: Vec<String>,
    /// `WEBAUTHN_CHALLENGE_EXPIRY_DURATION`: seconds in which a passkey's challenge can be answered.
    pub challenge_seconds: u64,
    /// `PASSKEY_ENABLED`: signing in with passkeys.
    pub passkeys_enabled: bool,
    /// `PASSKEY_MAX_PASSKEYS_PER_USER`.
    pub most_passkeys: u64,
}

impl WebAuthnConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let site = reader.text("SITE_URL", "http://127.0.0.1:3000");
        let (scheme, rest) = site.split_once("://").unwrap_or(("https", &site));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.split(':').next().unwrap_or_default();
        Self {
            rp_id: reader.text("WEBAUTHN_RP_ID", host),
            rp_display_name: reader.text("WEBAUTHN_RP_DISPLAY_NAME", host),
            rp_origins: reader.list("WEBAUTHN_RP_ORIGINS", &format!("{scheme}://{authority}")),
            challenge_seconds: reader.number("WEBAUTHN_CHALLENGE_EXPIRY_DURATION", 300),
            passkeys_enabled: reader.flag("PASSKEY_ENABLED", false),
            most_passkeys: reader.number("PASSKEY_MAX_PASSKEYS_PER_USER", 10),
        }
    }
}
