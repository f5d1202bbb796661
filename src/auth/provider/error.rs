//! Everything the auth API refuses of other people's accounts: status, error code, message.

use std::borrow::Cow;

/// A sign-in with a provider, or a change of identities, that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum ProviderError {
    /// No such provider, or one that is not set up; says why.
    Unsupported(String),
    /// The same, found out when the browser came back.
    NoLongerSupported(String),
    /// A store failed; the cause is for the log.
    Broken(String),

    /// The browser came back without a state.
    StateMissing,
    /// With one that is none.
    StateInvalid,
    /// With one that never was, or is long gone.
    StateNotFound,
    /// With one that waited too long.
    StateExpired,
    /// With one that was used before.
    StateUsed,
    /// Without a code.
    CodeMissing,
    /// With a refusal of the provider: error and description, in its words.
    Refused(String, String),
    /// The provider did not take the code: its beginning, and the cause for the log.
    Exchange(String, String),
    /// The provider did not say who it is; the cause is for the log.
    Profile(String),
    /// The provider knows no address.
    NoEmail,
    /// Nobody vouches for the address: the provider, and whether a mail went out that asks.
    EmailUnverified(String, bool),
    /// The same of an address that a linked identity brought.
    LinkedEmailUnverified(String),
    /// Several accounts have the address.
    SeveralAccounts,

    /// The identity is the user's already.
    AlreadyLinked,
    /// It is somebody else's.
    LinkedToAnother,
    /// The address it brings is another account's.
    LinkedEmailTaken,
    /// The account that was to get the identity is gone.
    LinkTargetGone,
    /// Nobody is invited by that token: said on the way to the provider.
    InvitedUserNotFound,
    /// The same, found out on the way back.
    InviteNotFound,
    /// The provider knows the person by other addresses than the one that was invited.
    InvitedElsewhere,
    /// People may not link and unlink identities here.
    LinkingDisabled,
    /// A path with something that is no identity's id.
    IdentityIdNotUuid,
    /// The last identity stays.
    SingleIdentity,
    /// An id that is none of the user's identities'.
    IdentityNotFound,
    /// Without the identity the account would need another's address.
    EmailConflict,
    /// What RFC 6749 would say to an id token: error and description.
    IdToken(&'static str, String),
    /// The issuer's provider is off.
    Disabled(String),

    /// An administrator's provider that is off.
    CustomDisabled(String),
    /// An administrator's provider that does not exist.
    CustomNotFound,
    /// The identifier is taken.
    CustomExists,
    /// As many as there may be.
    CustomQuota,
}

impl ProviderError {
    /// HTTP status, error code and message (statuses and texts as in supabase/auth).
    #[rustfmt::skip]
    pub fn row(&self) -> (u16, &'static str, Cow<'_, str>) {
        let (status, code, message) = match self {
            Self::Unsupported(why)        => return (400, "validation_failed",           format!("Unsupported provider: {why}").into()),
            Self::NoLongerSupported(why)  => return (400, "oauth_provider_not_supported", format!("Unsupported provider: {why}").into()),
            Self::Exchange(code, _)       => return (500, "unexpected_failure",          format!("Unable to exchange external code: {code}").into()),
            Self::Disabled(issuer)        => return (400, "provider_disabled",           format!("Provider (issuer {issuer:?}) is not enabled").into()),
            Self::CustomDisabled(name)    => return (400, "provider_disabled",           format!("Custom provider {name:?} is disabled").into()),
            Self::Refused(_, description) => return (400, "",                            Cow::Borrowed(description)),
            Self::IdToken(_, description) => return (400, "",                            Cow::Borrowed(description)),
            Self::EmailUnverified(provider, true)  => return (422, "provider_email_needs_verification", format!("Unverified email with {provider}. A confirmation email has been sent to your {provider} email").into()),
            Self::EmailUnverified(provider, false) => return (422, "provider_email_needs_verification", format!("Unverified email with {provider}. Verify the email with {provider} in order to sign in").into()),
            Self::LinkedEmailUnverified(provider)  => return (422, "email_not_confirmed", format!("Unverified email with {provider}. A confirmation email has been sent to your {provider} email").into()),

            Self::Broken(_)               => (500, "unexpected_failure",          "Unexpected failure, please check server logs for more information"),
            Self::StateMissing            => (400, "bad_oauth_callback",          "OAuth state parameter missing"),
            Self::StateInvalid            => (400, "bad_oauth_state",             "OAuth state parameter is invalid"),
            Self::StateNotFound           => (400, "bad_oauth_state",             "OAuth state not found or expired"),
            Self::StateExpired            => (400, "bad_oauth_state",             "OAuth state has expired"),
            Self::StateUsed               => (400, "flow_state_already_used",     "State has already been used"),
            Self::CodeMissing             => (400, "bad_oauth_callback",          "OAuth callback with missing authorization code missing"),
            Self::Profile(_)              => (500, "unexpected_failure",          "Error getting user profile from external provider"),
            Self::NoEmail                 => (500, "unexpected_failure",          "Error getting user email from external provider"),
            Self::SeveralAccounts         => (500, "unexpected_failure",          "Multiple accounts with the same email address in the same linking domain detected: default"),

            Self::AlreadyLinked           => (422, "identity_already_exists",     "Identity is already linked"),
            Self::LinkedToAnother         => (422, "identity_already_exists",     "Identity is already linked to another user"),
            Self::LinkedEmailTaken        => (400, "email_exists",                "A user with this email address has already been registered"),
            Self::LinkTargetGone          => (422, "user_not_found",              "Linking target user not found"),
            Self::InvitedUserNotFound     => (404, "user_not_found",              "User identified by token not found"),
            Self::InviteNotFound          => (404, "invite_not_found",            "Invite not found"),
            Self::InvitedElsewhere        => (400, "validation_failed",           "Invited email does not match emails from external provider"),
            Self::LinkingDisabled         => (404, "manual_linking_disabled",     "Manual linking is disabled"),
            Self::IdentityIdNotUuid       => (404, "validation_failed",           "identity_id must be an UUID"),
            Self::SingleIdentity          => (422, "single_identity_not_deletable", "User must have at least 1 identity after unlinking"),
            Self::IdentityNotFound        => (422, "identity_not_found",          "Identity doesn't exist"),
            Self::EmailConflict           => (422, "email_conflict_identity_not_deletable", "Unable to unlink identity due to email conflict"),

            Self::CustomNotFound          => (404, "custom_provider_not_found",   "Custom OAuth provider not found"),
            Self::CustomExists            => (400, "conflict",                    "A custom OAuth provider with this identifier already exists"),
            Self::CustomQuota             => (400, "over_custom_provider_quota",  "Maximum number of custom OAuth/OIDC providers reached"),
        };
        (status, code, Cow::Borrowed(message))
    }

    /// Error and description in RFC 6749's form, for those that upstream says so.
    pub fn oauth(&self) -> Option<(&str, &str)> {
        match self {
            Self::Refused(error, description) => Some((error, description)),
            Self::IdToken(error, description) => Some((error, description)),
            _ => None,
        }
    }

    /// What the log should know and the caller should not.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Broken(cause) | Self::Exchange(_, cause) | Self::Profile(cause) => Some(cause),
            _ => None,
        }
    }
}
