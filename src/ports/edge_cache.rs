//! The cache of the data centre that serves the request, as a port.
//!
//! Not a truth and not shared by all: an entry may be missing at any time, and other data centres have
//! their own. So whoever uses it names entries by what can never change.

use ::http::HeaderMap;
use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;

use super::{Body, ByteRange};

/// A cache near the reader, such as Cloudflare's Cache API.
#[async_trait(?Send)]
pub trait EdgeCache {
    /// The entry, or a range of it; `None` when there is none. A cache that fails has none.
    async fn get(&self, key: &str, range: Option<ByteRange>) -> Option<Kept>;
    /// Splits a body of known length: one half to send, the other kept under `key` for some seconds by
    /// work that runs while the first is sent. What fails is not kept.
    fn keep(&self, key: &str, kept: Kept, seconds: u64) -> (Body, LocalBoxFuture<'static, ()>);
    /// The same with the body of an answer, kept with its headers under its own URL for as long as they say. From then on
    /// the platform itself answers `GET`s of that URL with it, and no code of ours is asked, until it is stale, forgotten or purged
    /// by one of its `Cache-Tag`s.
    fn keep_answer(&self, url: &str, headers: HeaderMap, body: Body) -> (Body, LocalBoxFuture<'static, ()>);
    /// Removes an answer from this data centre's cache; an absent one is no error.
    async fn forget(&self, url: &str);
}

/// An entry.
pub struct Kept {
    /// Its bytes, of known length.
    pub body: Body,
    /// Their media type.
    pub mime_type: String,
}
