//! What the shell itself refuses, said in the dialect of the API the path falls under.
//!
//! One function per API turns a refusal into its body; the rows are the compatibility table.

use ::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use ::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use super::{Asked, Failure, Response, ResponseExt, json_response, respond};
use crate::jwt::TokenError;

/// The parts of the product that have a wire dialect of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// GoTrue's.
    Auth,
    /// PostgREST's.
    Rest,
    /// Supabase Storage's.
    Storage,
    /// Ours: PostgREST's error shape.
    Admin,
    /// Everything else: plain text.
    Site,
}

/// Why the shell does not hand a request to its handler.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// No route has the path.
    NotFound,
    /// Routes have the path, with these methods.
    MethodNotAllowed(Vec<Method>),
    /// The body is over the route's limit.
    BodyTooLarge,
    /// The body broke off; the cause is for the log.
    BodyBroken(String),
    /// An `apikey` that is none of ours.
    ApiKey,
    /// The route wants a token and none came.
    NoToken,
    /// The token is no good.
    Token(TokenError),
    /// The token's session ended.
    SessionRevoked,
    /// The caller is somebody, but not one who may.
    Forbidden,
    /// The bucket is empty for this many seconds.
    RateLimited(u64),
    /// A deployment with the well-known demo secrets on a host that is not loopback.
    DemoSecrets,
    /// A defect of ours; the cause is for the log.
    Internal(String),
}

impl Failure for Refusal {
    fn render(&self, asked: &Asked) -> Response {
        let api = Api::of(&asked.path);
        let response = match api {
            Api::Auth => self.as_auth(asked),
            Api::Rest | Api::Admin => self.as_rest(asked),
            Api::Storage => self.as_storage(asked),
            Api::Site => self.as_text(),
        };
        self.with_headers(response)
    }
}

impl Refusal {
    /// The real HTTP status; the Storage API answers 400 for most of them all the same.
    #[rustfmt::skip]
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound            => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge        => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyBroken(_)       => StatusCode::BAD_REQUEST,
            Self::ApiKey              => StatusCode::UNAUTHORIZED,
            Self::NoToken             => StatusCode::UNAUTHORIZED,
            Self::Token(_)            => StatusCode::UNAUTHORIZED,
            Self::SessionRevoked      => StatusCode::UNAUTHORIZED,
            Self::Forbidden           => StatusCode::FORBIDDEN,
            Self::RateLimited(_)      => StatusCode::TOO_MANY_REQUESTS,
            Self::DemoSecrets         => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_)         => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// GoTrue: status, error code, message.
    #[rustfmt::skip]
    fn as_auth(&self, asked: &Asked) -> Response {
        let (status, code, message) = match self {
            Self::NotFound | Self::MethodNotAllowed(_) => (self.status(), "not_found", "404 page not found"),
            Self::BodyTooLarge   => (self.status(), "request_entity_too_large", "Request body too large"),
            Self::BodyBroken(_)  => (self.status(), "bad_json", "Could not read request body"),
            Self::ApiKey         => return self.invalid_api_key(),
            Self::NoToken        => (self.status(), "no_authorization", "This endpoint requires a valid Bearer token"),
            Self::Token(_)       => (StatusCode::FORBIDDEN, "bad_jwt", token_message_auth(self)),
            Self::SessionRevoked => (StatusCode::FORBIDDEN, "session_not_found", "Session from session_id claim in JWT does not exist"),
            Self::Forbidden      => (self.status(), "not_admin", "User not allowed"),
            Self::RateLimited(_) => (self.status(), "over_request_rate_limit", "Request rate limit reached"),
            Self::DemoSecrets    => (self.status(), "unexpected_failure", DEMO_MESSAGE),
            Self::Internal(_)    => (self.status(), "unexpected_failure", "Internal Server Error"),
        };
        auth_error(asked, status, code, message)
    }

    /// PostgREST: code and message; details and hint are always there.
    #[rustfmt::skip]
    fn as_rest(&self, asked: &Asked) -> Response {
        let (code, message) = match self {
            Self::NotFound            => ("PGRST125", "Invalid path specified in request URL".to_string()),
            Self::MethodNotAllowed(_) if asked.path.starts_with("/rest/v1/rpc/") => {
                ("PGRST101", format!("Cannot use the {} method on RPC", asked.method))
            }
            Self::MethodNotAllowed(_) => ("PGRST117", format!("Unsupported HTTP method: {}", asked.method)),
            Self::BodyTooLarge        => ("PGRST102", "The request body is too large".to_string()),
            Self::BodyBroken(_)       => ("PGRST102", "Empty or invalid json".to_string()),
            Self::ApiKey              => return self.invalid_api_key(),
            Self::NoToken             => ("PGRST302", "Anonymous access is disabled".to_string()),
            Self::Token(error)        => {
                let (code, details, message) = token_row_rest(*error);
                let body = json!({"code": code, "details": details, "hint": null, "message": message});
                return json_response(self.status(), &body)
                    .with_header(WWW_AUTHENTICATE, format!("Bearer error=\"invalid_token\", error_description=\"{message}\""));
            }
            Self::SessionRevoked      => ("PGRST303", "JWT session ended".to_string()),
            Self::Forbidden           => ("42501",    "permission denied: this needs the service_role or a secret key".to_string()),
            Self::RateLimited(_)      => ("PGRST003", "Request rate limit reached".to_string()),
            Self::DemoSecrets         => ("PGRST300", DEMO_MESSAGE.to_string()),
            Self::Internal(_)         => ("PGRSTX00", "Internal server error".to_string()),
        };
        json_response(self.status(), &json!({"code": code, "details": null, "hint": null, "message": message}))
            .with_header(HeaderName::from_static("proxy-status"), format!("PostgREST; error={code}"))
    }

    /// Supabase Storage: status in the body, code, error label, message.
    #[rustfmt::skip]
    fn as_storage(&self, asked: &Asked) -> Response {
        let bad = StatusCode::BAD_REQUEST;
        let (http, status, code, error, message) = match self {
            Self::NotFound | Self::MethodNotAllowed(_) => (StatusCode::NOT_FOUND, "404", "InvalidRequest", "Not Found", format!("Route {}:{} not found", asked.method, asked.path)),
            Self::BodyTooLarge   => (bad, "413", "EntityTooLarge", "Payload too large", "The object exceeded the maximum allowed size".into()),
            Self::BodyBroken(_)  => (bad, "400", "InvalidRequest", "Error", "The request body broke off".into()),
            Self::ApiKey         => return self.invalid_api_key(),
            // As hosted, whose gateway sends on an empty token.
            Self::NoToken        => (bad, "403", "AccessDenied", "Unauthorized", "Invalid Compact JWS".into()),
            Self::Token(error)   => (bad, "403", "AccessDenied", "Unauthorized", token_message_storage(*error).into()),
            Self::SessionRevoked => (bad, "403", "AccessDenied", "Unauthorized", "The session has ended".into()),
            Self::Forbidden      => (StatusCode::FORBIDDEN, "403", "AccessDenied", "Unauthorized", "Access denied".into()),
            Self::RateLimited(_) => (self.status(), "429", "SlowDown", "SlowDown", "Request rate limit reached".into()),
            Self::DemoSecrets    => (self.status(), "503", "InternalError", "InternalError", DEMO_MESSAGE.into()),
            Self::Internal(_)    => (self.status(), "500", "InternalError", "InternalError", "Internal Server Error".into()),
        };
        if asked.path.starts_with("/storage/v1/s3") {
            return self.as_s3(code, &message);
        }
        json_response(http, &json!({"statusCode": status, "error": error, "message": message, "code": code}))
    }

    /// S3's XML, with the real status. Nothing of the message needs to be escaped but what a path brings.
    fn as_s3(&self, code: &str, message: &str) -> Response {
        let message = message.replace('&', "&amp;").replace('<', "&lt;");
        let code = if matches!(self, Self::MethodNotAllowed(_)) { "MethodNotAllowed" } else { code };
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        respond(self.status(), body).with_header(CONTENT_TYPE, "application/xml")
    }

    #[rustfmt::skip]
    fn as_text(&self) -> Response {
        let message = match self {
            Self::NotFound            => "Not found",
            Self::MethodNotAllowed(_) => "Method not allowed",
            Self::DemoSecrets         => DEMO_MESSAGE,
            Self::Internal(_)         => "Internal server error",
            _                         => "Refused",
        };
        respond(self.status(), message).with_header(CONTENT_TYPE, "text/plain; charset=utf-8")
    }

    /// The hosted gateway's answer, the same for every API.
    fn invalid_api_key(&self) -> Response {
        let body = json!({
            "message": "Invalid API key",
            "hint": "Double check your Supabase `anon` or `service_role` API key.",
        });
        json_response(self.status(), &body)
    }

    fn with_headers(&self, response: Response) -> Response {
        match self {
            Self::MethodNotAllowed(methods) => {
                let allow: Vec<&str> = methods.iter().map(Method::as_str).collect();
                response.with_header(ALLOW, allow.join(", "))
            }
            Self::Token(_) | Self::NoToken
                if response.status() == StatusCode::UNAUTHORIZED
                    && !response.headers().contains_key(WWW_AUTHENTICATE) =>
            {
                response.with_header(WWW_AUTHENTICATE, "Bearer")
            }
            Self::RateLimited(seconds) => response.with_header(RETRY_AFTER, seconds.to_string()),
            Self::BodyBroken(cause) | Self::Internal(cause) => response.with_cause(cause.clone()),
            _ => response,
        }
    }
}

/// GoTrue's error body: `{code, message}` from API version 2024-01-01 on, `{code, error_code, msg}` before.
pub fn auth_error(asked: &Asked, status: StatusCode, code: &str, message: &str) -> Response {
    auth_error_with(asked, status, code, message, Map::new())
}

/// The same with more members in the body.
pub fn auth_error_with(
    asked: &Asked,
    status: StatusCode,
    code: &str,
    message: &str,
    more: Map<String, Value>,
) -> Response {
    let versioned = asked.api_version.as_deref().is_some_and(|version| version >= "2024-01-01");
    let mut body = Map::new();
    if versioned {
        body.insert("code".into(), code.into());
        body.insert("message".into(), message.into());
    } else {
        body.insert("code".into(), status.as_u16().into());
        body.insert("error_code".into(), code.into());
        body.insert("msg".into(), message.into());
        if status.is_server_error() {
            body.insert("error_id".into(), asked.request_id.clone().into());
        }
    }
    body.extend(more);
    let response = json_response(status, &body).with_header(HeaderName::from_static("x-sb-error-code"), code);
    if versioned {
        return response.with_header(HeaderName::from_static("x-supabase-api-version"), "2024-01-01");
    }
    response
}

const DEMO_MESSAGE: &str = "This deployment uses the well-known local demo secrets, which anyone can sign with. Set JWT_SECRET and the API keys: see docs/CONFIG.md";

fn token_message_auth(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Token(TokenError::Expired) => {
            "invalid JWT: unable to parse or verify signature, token has invalid claims: token is expired"
        }
        Refusal::Token(TokenError::UnknownKey) => {
            "invalid JWT: unable to parse or verify signature, token is unverifiable: error while executing keyfunc: unrecognized JWT kid"
        }
        Refusal::Token(TokenError::Signature) => {
            "invalid JWT: unable to parse or verify signature, token signature is invalid: signature is invalid"
        }
        Refusal::Token(TokenError::Algorithm) => {
            "invalid JWT: unable to parse or verify signature, token signature is invalid: signing method is invalid"
        }
        _ => {
            "invalid JWT: unable to parse or verify signature, token is malformed: token contains an invalid number of segments"
        }
    }
}

#[rustfmt::skip]
fn token_row_rest(error: TokenError) -> (&'static str, Option<&'static str>, String) {
    const NO_KEY: &str = "None of the keys was able to decode the JWT";
    match error {
        TokenError::Malformed      => ("PGRST301", None, "Expected 3 parts in JWT".into()),
        TokenError::Algorithm      => ("PGRST301", None, "Wrong or unsupported encoding algorithm".into()),
        TokenError::Signature | TokenError::UnknownKey => ("PGRST301", Some(NO_KEY), "No suitable key or wrong key type".into()),
        TokenError::Expired        => ("PGRST303", None, "JWT expired".into()),
        TokenError::NotYetValid    => ("PGRST303", None, "JWT not yet valid".into()),
        TokenError::IssuedInFuture => ("PGRST303", None, "JWT issued at future".into()),
        TokenError::InvalidClaim(name) => ("PGRST303", None, format!("The JWT '{name}' claim must be a number")),
    }
}

/// Why a token is no good, in the Storage API's words.
#[rustfmt::skip]
pub fn token_message_storage(error: TokenError) -> &'static str {
    match error {
        TokenError::Malformed     => "Invalid Compact JWS",
        TokenError::Algorithm     => "\"alg\" (Algorithm) Header Parameter value not allowed",
        TokenError::Signature | TokenError::UnknownKey => "signature verification failed",
        TokenError::Expired       => "\"exp\" claim timestamp check failed",
        TokenError::NotYetValid   => "\"nbf\" claim timestamp check failed",
        TokenError::IssuedInFuture => "\"iat\" claim timestamp check failed (it should be in the past)",
        TokenError::InvalidClaim(_) => "\"exp\" claim must be a number",
    }
}
