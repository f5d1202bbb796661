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
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl IncomingResponse {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Makes requests to other servers.
#[async_trait(?Send)]
pub trait HttpClient {
    /// Sends a request and reads the whole answer, within 10 seconds. Redirects are answers, not
    /// followed. An error means that there was no answer; any status is one.
    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError> {
        match self.send_within(request, 10_000).await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(PortError("no answer within 10 seconds".into())),
            Err(error) => Err(error),
        }
    }

    /// The same within so many milliseconds; `None` when they passed first.
    async fn send_within(
        &self,
        request: OutgoingRequest,
        milliseconds: u64,
    ) -> Result<Option<IncomingResponse>, PortError>;

    /// Waits so many milliseconds, before another try.
    async fn pause(&self, milliseconds: u64);
}
