//! Settings of other people's accounts that one may sign in with.

use super::read::Reader;

/// Which providers there are, and how their accounts become ours.
#[derive(Clone, Debug)]
pub struct ExternalConfig {
    /// One for each name in [`PROVIDERS`], on or off.
    pub providers: Vec<ExternalProvider>,
    /// `EXTERNAL_IOS_BUNDLE_ID`: a client id more that Apple's id tokens may be for.
    pub ios_bundle_id: String,
    /// `EXTERNAL_ALLOWED_ID_TOKEN_ISSUERS`: whose id tokens are taken although they are no provider's.
    pub allowed_issuers: Vec<String>,
    /// `CUSTOM_OAUTH_ENABLED`: providers that administrators add.
    pub custom_enabled: bool,
    /// `CUSTOM_OAUTH_MAX_PROVIDERS`: how many of them; 0 is without limit.
    pub most_custom: u64,
    /// `CUSTOM_OAUTH_ALLOW_LOOPBACK`: they may be on this very machine, and without TLS; for development.
    pub custom_loopback: bool,
    /// `SECURITY_MANUAL_LINKING_ENABLED`: people may add identities to their account, and take them away.
    pub manual_linking: bool,
    /// `MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS`: an address that neither we nor the provider verified may sign in.
    pub unverified_emails: bool,
}

/// `EXTERNAL_<NAME>_…` of one provider.
#[derive(Clone, Debug)]
pub struct ExternalProvider {
    /// As in [`PROVIDERS`].
    pub name: &'static str,
    /// `…_ENABLED`.
    pub enabled: bool,
    /// `…_CLIENT_ID`, comma-separated: the first signs in, id tokens may be for any.
    pub client_ids: Vec<String>,
    /// `…_SECRET`.
    pub secret: String,
    /// `…_REDIRECT_URI`: our callback as the provider knows it; else `/auth/v1/callback` of the request's origin.
    pub redirect_uri: Option<String>,
    /// `…_URL`: a server of one's own, where the provider has those; without the slash at its end.
    pub url: Option<String>,
    /// `…_SKIP_NONCE_CHECK`.
    pub skip_nonce_check: bool,
    /// `…_EMAIL_OPTIONAL`: an account without an address is one too.
    pub email_optional: bool,
}

/// Every provider that is built in, as clients name it.
pub const PROVIDERS: &[&str] = &[
    "apple",
    "azure",
    "bitbucket",
    "discord",
    "facebook",
    "figma",
    "fly",
    "github",
    "gitlab",
    "google",
    "kakao",
    "keycloak",
    "linkedin",
    "linkedin_oidc",
    "notion",
    "slack",
    "slack_oidc",
    "snapchat",
    "spotify",
    "twitch",
    "twitter",
    "vercel_marketplace",
    "workos",
    "x",
    "zoom",
];

impl ExternalConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            providers: PROVIDERS.iter().map(|name| ExternalProvider::read(reader, name)).collect(),
            ios_bundle_id: reader.text("EXTERNAL_IOS_BUNDLE_ID", ""),
            allowed_issuers: reader.list("EXTERNAL_ALLOWED_ID_TOKEN_ISSUERS", ""),
            custom_enabled: reader.flag("CUSTOM_OAUTH_ENABLED", true),
            most_custom: reader.number("CUSTOM_OAUTH_MAX_PROVIDERS", 0),
            custom_loopback: reader.flag("CUSTOM_OAUTH_ALLOW_LOOPBACK", false),
            manual_linking: reader.flag("SECURITY_MANUAL_LINKING_ENABLED", false),
            unverified_emails: reader.flag("MAILER_ALLOW_UNVERIFIED_EMAIL_SIGN_INS", false),
        }
    }

    /// The settings of a provider by its name.
    pub fn provider(&self, name: &str) -> Option<&ExternalProvider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// Whether people may sign in with the provider.
    pub fn is_enabled(&self, name: &str) -> bool {
        self.provider(name).is_some_and(|provider| provider.enabled)
    }
}

impl ExternalProvider {
    fn read(reader: &mut Reader<'_>, name: &'static str) -> Self {
        let variable = |ending: &str| format!("EXTERNAL_{}_{ending}", name.to_uppercase());
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let url = given(reader.text(&variable("URL"), ""));
        Self {
            name,
            enabled: reader.flag(&variable("ENABLED"), false),
            client_ids: reader.list(&variable("CLIENT_ID"), ""),
            secret: reader.text(&variable("SECRET"), ""),
            redirect_uri: given(reader.text(&variable("REDIRECT_URI"), "")),
            url: url.map(|url| url.trim_end_matches('/').to_string()),
            skip_nonce_check: reader.flag(&variable("SKIP_NONCE_CHECK"), false),
            email_optional: reader.flag(&variable("EMAIL_OPTIONAL"), false),
        }
    }

    /// What the sign-in still lacks, in upstream's words.
    pub fn mistake(&self) -> Option<&'static str> {
        match self {
            Self { enabled: false, .. } => Some("provider is not enabled"),
            provider if provider.client_ids.is_empty() => Some("missing OAuth client ID"),
            provider if provider.secret.is_empty() => Some("missing OAuth secret"),
            _ => None,
        }
    }
}
