//! Everything the OAuth server refuses: status, error code, message.

use std::borrow::Cow;

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub enum OAuthServerError {
    /// It is off.
    Disabled,
    /// Apps may not register themselves.
    RegistrationDisabled,
    /// An administrator's path with an id that no client has.
    ClientNotFound,
    /// An app that nobody registered asks; the message says how it shows.
    ClientUnknown(&'static str),
    /// No authorization has that id, or it is somebody else's, or over.
    AuthorizationNotFound,
    /// The user granted that app nothing.
    ConsentNotFound,
    /// An app does not show that it is the one it says; the message says why.
    ClientRefused(Cow<'static, str>),
    /// A refresh token that gives nothing: upstream's code and message.
    RefreshRefused(&'static str, Cow<'static, str>),
    /// An app's token, where its user has to act themselves.
    ClientMayNot,
    /// What RFC 6749 §5.2 says of a token request: error and description.
    Token(&'static str, Cow<'static, str>),
}

impl OAuthServerError {
    /// HTTP status, error code and message (statuses and texts as in supabase/auth).
    #[rustfmt::skip]
    pub fn row(&self) -> (u16, &'static str, Cow<'_, str>) {
        let (status, code, message) = match self {
            Self::Disabled              => (404, "feature_disabled",              "OAuth server is disabled"),
            Self::RegistrationDisabled  => (403, "oauth_dynamic_client_registration_disabled", "Dynamic client registration is not enabled"),
            Self::ClientNotFound        => (404, "oauth_client_not_found",        "OAuth client not found"),
            Self::ClientUnknown(how)    => (400, "oauth_client_not_found",        *how),
            Self::AuthorizationNotFound => (404, "oauth_authorization_not_found", "authorization not found"),
            Self::ConsentNotFound       => (404, "oauth_consent_not_found",       "No active grant found for this client"),
            Self::ClientRefused(why)    => (400, "invalid_credentials",           why.as_ref()),
            Self::RefreshRefused(code, why) => (400, *code,                       why.as_ref()),
            Self::ClientMayNot          => (403, "no_authorization",              "An OAuth client's token may not do this: the user has to"),
            Self::Token(_, description) => (400, "",                              description.as_ref()),
        };
        (status, code, Cow::Borrowed(message))
    }

    /// Error and description in RFC 6749's form.
    pub fn oauth(&self) -> Option<(&str, &str)> {
        match self {
            Self::Token(error, description) => Some((error, description)),
            Self::ClientRefused(why) => Some(("invalid_client", why)),
            Self::RefreshRefused(_, why) => Some(("invalid_grant", why)),
            _ => None,
        }
    }
}
