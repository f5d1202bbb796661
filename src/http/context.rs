//! What a handler gets, and what it may fail with.

use std::rc::Rc;

use ::http::{HeaderMap, Method};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::request::is_loopback;
use super::{Body, Refusal, Response};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::{Background, StreamError};

/// One request on its way through its handler: matched, limited and authenticated.
pub struct Context {
    /// What code can reach.
    pub app: Rc<App>,
    /// Who calls.
    pub caller: Caller,
    /// The request's id, in its log line and its `x-request-id`.
    pub request_id: String,
    /// The method.
    pub method: Method,
    /// `scheme://host` the client used, for absolute URLs in answers.
    pub origin: String,
    /// The route's path as the table has it: `/storage/v1/bucket/{bucket}`.
    pub route: &'static str,
    /// The path as sent, percent-encoded.
    pub path: String,
    /// The query as sent, without the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, not read yet.
    pub body: Body,
    /// The most bytes the body may have, from the route.
    pub body_limit: u64,
    /// The path's parameters.
    pub parameters: Parameters,
    /// The client's address; empty when unknown.
    pub address: String,
    /// For work after the response.
    pub background: Rc<dyn Background>,
}

impl Context {
    /// A header as text, or `None`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first query parameter of that name, decoded.
    pub fn query_parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// Whether the client reached this very machine by name.
    pub fn is_loopback(&self) -> bool {
        self.origin.split_once("://").is_some_and(|(_, host)| is_loopback(host))
    }

    /// Takes the body and reads it whole; over the route's limit is [`Refusal::BodyTooLarge`].
    pub async fn read_body(&mut self) -> Result<Bytes, Refusal> {
        std::mem::take(&mut self.body).read(self.body_limit).await.map_err(|error| match error {
            StreamError::TooLarge => Refusal::BodyTooLarge,
            StreamError::Mismatch => Refusal::BodyBroken("its checksum is another".to_string()),
            StreamError::Broken(cause) => Refusal::BodyBroken(cause),
        })
    }
}

/// A path's parameters, percent-decoded, in the path's order.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(super) fn from_match(matched: &matchit::Params<'_, '_>) -> Option<Self> {
        let decode = |(name, value): (&str, &str)| {
            let value = percent_decode_str(value).decode_utf8().ok()?;
            Some((name.to_string(), value.into_owned()))
        };
        matched.iter().map(decode).collect::<Option<Vec<_>>>().map(Self)
    }

    /// The value of a parameter that the route's path names; empty for any other.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// What rendering a failure needs to know of the request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: Method,
    /// The path as sent; under a host of an API's own, where that leads.
    pub path: String,
    /// `X-Supabase-Api-Version`, which decides the auth API's error format.
    pub api_version: Option<String>,
    /// The request's id, which the auth API names failures of its own by; empty where there is none to name.
    pub request_id: String,
    /// Whether the caller is anonymous (PostgREST answers 42501 with 401 then, else 403).
    pub anonymous: bool,
}

/// An error that knows how its API says it.
pub trait Failure {
    /// The response for it, in its API's dialect.
    fn render(&self, asked: &Asked) -> Response;
}
