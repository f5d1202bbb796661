//! Who is calling, and what a route asks of them.

use std::rc::Rc;

use ::http::header::COOKIE;
use ::http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::jwt::Claims;

/// The one who makes a request, as far as the request proves it.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The Postgres role the request runs as.
    pub role: Role,
    /// The token's claims; for a key that is no token, just its role.
    pub claims: Rc<Claims>,
    /// The request, where its SQL may ask for it: the data API's.
    pub request: Option<Rc<CallersRequest>>,
    /// What the Storage API does for them, as policies ask by `storage.operation()`; `None` elsewhere.
    pub operation: Option<&'static str>,
}

/// What SQL may ask of a request (`current_setting('request.headers')`).
#[derive(Clone, Debug)]
pub struct CallersRequest {
    /// The method.
    pub method: Method,
    /// The path below the API's: `/todos`.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
}

impl CallersRequest {
    /// The headers but cookies as a JSON object; of equal names the last counts, as upstream.
    pub fn headers_json(&self) -> String {
        let headers = self.headers.iter().filter(|(name, _)| **name != COOKIE);
        let pairs = headers.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
        Value::from_iter(pairs).to_string()
    }

    /// The cookies as a JSON object.
    pub fn cookies_json(&self) -> String {
        let headers = self.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs =
            headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        Value::from_iter(pairs).to_string()
    }

    /// All of it as JSON, as triggers read it.
    pub fn to_json(&self) -> String {
        let (headers, cookies) = (self.headers_json(), self.cookies_json());
        json!({"method": self.method.as_str(), "path": self.path, "headers": headers, "cookies": cookies})
            .to_string()
    }
}

/// A Postgres role of a Supabase project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody in particular.
    Anon,
    /// A signed-in user.
    Authenticated,
    /// The project's own back end; bypasses row-level security.
    ServiceRole,
    /// Any other role a token names.
    Other(String),
}

impl Role {
    /// From a `role` claim.
    pub fn named(name: &str) -> Self {
        match name {
            "anon" => Self::Anon,
            "authenticated" => Self::Authenticated,
            "service_role" => Self::ServiceRole,
            other => Self::Other(other.to_string()),
        }
    }

    /// As policies and grants write it.
    pub fn name(&self) -> &str {
        match self {
            Self::Anon => "anon",
            Self::Authenticated => "authenticated",
            Self::ServiceRole => "service_role",
            Self::Other(name) => name,
        }
    }
}

impl Caller {
    /// A caller with a role and nothing else, such as an API key gives.
    pub fn with_role(role: Role) -> Self {
        let claims = Rc::new(Claims::of_role(role.name()));
        Self { role, claims, request: None, operation: None }
    }

    /// The same caller as that user.
    pub fn with_user(self, id: &str) -> Self {
        let claims = format!("{{\"role\":{},\"sub\":{}}}", Value::from(self.role.name()), Value::from(id));
        Self { claims: Rc::new(Claims::parse(claims).unwrap_or_default()), ..self }
    }

    /// The caller a verified token speaks for; no `role` claim means anon, as PostgREST has it.
    pub fn from_claims(claims: Rc<Claims>) -> Self {
        let role = claims.text("role").map_or(Role::Anon, Role::named);
        Self { role, claims, request: None, operation: None }
    }

    /// `auth.uid()`: the subject of the token.
    pub fn user_id(&self) -> Option<&str> {
        self.claims.text("sub")
    }

    /// The session the token belongs to.
    pub fn session_id(&self) -> Option<&str> {
        self.claims.text("session_id")
    }

    /// Whether row-level security does not apply.
    pub fn bypasses_row_security(&self) -> bool {
        self.role == Role::ServiceRole
    }

    /// Whether the auth and admin APIs take this caller for an administrator.
    pub fn is_admin(&self) -> bool {
        matches!(self.role.name(), "service_role" | "supabase_admin")
    }
}

/// Who may call a route. Checked by the shell before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone; a token is not even looked at.
    Public,
    /// Anyone; a token or key that is sent must be good, and decides the role.
    Caller,
    /// Only someone who sends a token or key at all (the Storage API's rule).
    Token,
    /// Only a user with a bearer token of their own.
    User,
    /// Only an administrator: the service key or a secret key.
    Admin,
}
