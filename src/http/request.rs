//! A request as the platform hands it over.

use ::http::{HeaderMap, Method};

use super::Body;

/// One HTTP request; the body is not read yet.
pub struct Request {
    /// The method.
    pub method: Method,
    /// `http` or `https`.
    pub scheme: String,
    /// Host and, when it is not the scheme's own, port: `127.0.0.1:54321`.
    pub host: String,
    /// The path as sent, percent-encoded, starting with `/`.
    pub path: String,
    /// The query as sent, without the `?`.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    /// The client's address as the platform saw it (`cf-connecting-ip`); empty when unknown.
    pub address: String,
}

impl Request {
    /// Whether the host is this very machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Whether `host` or `host:port` is this very machine.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => return v6.starts_with("::1]"),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}
