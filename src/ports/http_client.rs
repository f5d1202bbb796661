//! Other people's servers over HTTP, as a port: mail providers, identity providers.

use ::http::Method;
use async_trait::async_trait;

use super::PortError;

/// A request to another server.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingRequest {
    /// The method.
    pub method: Method,
    /// Absolute, `https://…`.
    pub url: String,
    /// Header names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: String,
}

/// What the other server answered.
#[derive(Clone, Debug, PartialEq)]
pub struct IncomingResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl IncomingResponse {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Makes requests to other servers.
#[async_trait(?Send)]
pub trait HttpClient {
    /// Sends a request and reads the whole answer, within 10 seconds. Redirects are answers, not
    /// followed. An error means that there was no answer; any status is one.
    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError>;
}
