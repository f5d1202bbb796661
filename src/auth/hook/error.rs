//! What a hook's failing comes out as (statuses, codes and texts as in supabase/auth).

use std::borrow::Cow;

/// A hook that gave no answer, or said no.
#[derive(Clone, Debug, PartialEq)]
pub enum HookError {
    /// No answer within the time for all tries.
    Timeout,
    /// No connection, three times.
    Unreachable,
    /// An answer without a content type.
    NoContentType,
    /// An answer that is no JSON: its content type.
    ContentType(String),
    /// An answer over the limit.
    TooLarge,
    /// 429 or 503.
    Unavailable,
    /// 400.
    InvalidPayload,
    /// 401.
    Unauthorized,
    /// Another status.
    Status(u16),
    /// An answer that is not what the hook answers; the cause is for the log.
    Output(String),
    /// The hook's own error: status and message, for the client.
    Said(u16, String),
    /// A function that failed; the cause is for the log.
    Function(String, String),
    /// Claims that lack what every token has.
    Claims(String),
    /// Any of these of the hook that is told of a new account, said to whoever signs up; the cause is for the log.
    AfterSignUp(String),
    /// The hook rejects a code.
    MfaRejected(String),
    /// The hook rejects a password.
    PasswordRejected(String),
}

impl HookError {
    /// HTTP status, error code and message.
    #[rustfmt::skip]
    pub fn row(&self) -> (u16, &'static str, Cow<'_, str>) {
        match self {
            Self::Timeout            => (422, "hook_timeout",                      "Failed to reach hook within maximum time of 5.000000 seconds".into()),
            Self::Unreachable        => (422, "hook_timeout_after_retry",          "Failed to reach hook after maximum retries".into()),
            Self::NoContentType      => (400, "hook_payload_invalid_content_type", "Invalid Content-Type: Missing Content-Type header".into()),
            Self::ContentType(of)    => (400, "hook_payload_invalid_content_type", format!("Invalid JSON response. Received content-type: {of}").into()),
            Self::TooLarge           => (422, "hook_payload_over_size_limit",      "Payload size exceeded size limit of 204800 bytes".into()),
            Self::Unavailable        => (500, "unexpected_failure",                "Service currently unavailable due to hook".into()),
            Self::InvalidPayload     => (500, "unexpected_failure",                "Invalid payload sent to hook".into()),
            Self::Unauthorized       => (500, "unexpected_failure",                "Hook requires authorization token".into()),
            Self::Status(status)     => (500, "unexpected_failure",                format!("Unexpected status code returned from hook: {status}").into()),
            Self::Output(_)          => (500, "unexpected_failure",                "Error unmarshaling JSON output.".into()),
            Self::Said(500, message) => (500, "unexpected_failure",                message.into()),
            Self::Said(status, message) => (*status, "unknown",                    message.into()),
            Self::Function(uri, _)   => (500, "unexpected_failure",                format!("Error running hook URI: {uri}").into()),
            Self::Claims(mistakes)   => (500, "unexpected_failure",                mistakes.into()),
            Self::AfterSignUp(_)     => (500, "unexpected_failure",                "Error invoking hook".into()),
            Self::MfaRejected(message)      => (403, "mfa_verification_rejected",  message.into()),
            Self::PasswordRejected(message) => (400, "invalid_credentials",        message.into()),
        }
    }

    /// What the log should know and the caller should not.
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Output(cause) | Self::Function(_, cause) | Self::AfterSignUp(cause) => Some(cause),
            _ => None,
        }
    }
}
