//! The outside as traits: what the core needs from a platform, and nothing of how one does it.
//!
//! `platform/` implements them on Cloudflare; `tests/api/double/` implements them on SQLite and
//! memory, as strict as the real thing and able to fail on purpose. Futures are not `Send`: a
//! Worker isolate has one thread.

mod blob_parts;
mod blobs;
mod body;
mod database;
mod db_error;
mod edge_cache;
mod event_queue;
mod http_client;
mod images;
mod mailer;
mod signatures;
mod time_zones;

pub use blob_parts::{BlobParts, Digests, LEAST_PART, MOST_PARTS, PartsOf, StoredPart};
pub use blobs::{Blob, BlobError, BlobMetadata, Blobs, ByteRange};
pub use body::{Body, Stream, StreamError, Text};
pub use database::{Cost, Database, Freshness, ResultSet};
pub use db_error::DbError;
pub use edge_cache::{EdgeCache, Kept};
pub use event_queue::EventQueue;
pub use http_client::{HttpClient, IncomingResponse, OutgoingRequest};
pub use images::{Fit, Focus, ImageError, Images, Picture, PictureSize};
pub use mailer::{Mailer, OutgoingMail};
pub use signatures::{SignatureAlgorithm, Signatures};
pub use time_zones::TimeZones;

use async_trait::async_trait;
use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

use crate::time::Timestamp;

/// Everything outside that code can reach.
pub struct Ports {
    /// D1: the truth.
    pub database: Rc<dyn Database>,
    /// R2: the bytes of stored objects.
    pub blobs: Rc<dyn Blobs>,
    /// The data centre's cache, for public objects and images.
    pub edge_cache: Rc<dyn EdgeCache>,
    /// Cloudflare Images, if bound.
    pub images: Option<Rc<dyn Images>>,
    /// A queue for events of objects, if bound.
    pub event_queue: Option<Rc<dyn EventQueue>>,
    /// KV: sessions at the edge.
    pub key_value: Rc<dyn KeyValue>,
    /// The time.
    pub clock: Rc<dyn Clock>,
    /// The world's time zones.
    pub time_zones: Rc<dyn TimeZones>,
    /// Randomness fit for keys.
    pub random: Rc<dyn Random>,
    /// Password hashing, which costs more CPU than a Worker request may have.
    pub hasher: Rc<dyn Hasher>,
    /// Signatures with public keys.
    pub signatures: Rc<dyn Signatures>,
    /// Token buckets shared by every isolate.
    pub rate_limiter: Rc<dyn RateLimiter>,
    /// Other people's servers.
    pub http_client: Rc<dyn HttpClient>,
    /// Cloudflare's own carrier of mail, if bound.
    pub mailer: Option<Rc<dyn Mailer>>,
    /// Where log lines go.
    pub log: Rc<dyn Log>,
}

/// A key-value store that may lag behind its writes by a minute, such as KV.
#[async_trait(?Send)]
pub trait KeyValue {
    /// The value of a key, or `None`.
    async fn get(&self, key: &str) -> Result<Option<String>, PortError>;
    /// Writes a value that expires after `seconds` (at least 60).
    async fn put(&self, key: &str, value: &str, seconds: u64) -> Result<(), PortError>;
    /// Forgets a key; an absent one is no error.
    async fn delete(&self, key: &str) -> Result<(), PortError>;
}

/// The time. A port because `SystemTime::now` panics on wasm32, and so that tests can move it.
pub trait Clock {
    /// Now; within a Worker's request it advances only with I/O.
    fn now(&self) -> Timestamp;
}

/// Randomness from the platform's cryptographic generator.
pub trait Random {
    /// Fills the whole buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// A password that is to have a bcrypt hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToBcrypt {
    /// As it is typed in.
    pub password: String,
    /// The logarithm of how often it is gone through: 4 to 14.
    pub cost: u32,
}

/// Hashes and verifies passwords.
#[async_trait(?Send)]
pub trait Hasher {
    /// The PHC string of a new argon2id hash.
    async fn hash(&self, password: &str) -> Result<String, PortError>;
    /// New bcrypt hashes, each with a salt of its own, as SQL asks for them.
    async fn bcrypt(&self, passwords: &[ToBcrypt]) -> Result<Vec<String>, PortError>;
    /// Whether the password belongs to a hash, of any kind that [`crate::crypto`] reads.
    async fn verify(&self, password: &str, hash: &str) -> Result<bool, PortError>;
}

/// Token buckets shared by all isolates.
#[async_trait(?Send)]
pub trait RateLimiter {
    /// Takes one token from the bucket of `key`, refilled at `per_hour` up to `burst`.
    /// `Ok(Some(seconds))` when it is empty: how long until the next token.
    async fn take(&self, key: &str, per_hour: u32, burst: u32) -> Result<Option<u64>, PortError>;
}

/// Takes finished log lines, one JSON object each.
pub trait Log {
    /// Writes one line.
    fn line(&self, json: &str);
}

/// Runs work after the response has gone out (`ctx.waitUntil`). One exists per request.
pub trait Background {
    /// Starts the work; the isolate lives until it ends.
    fn run(&self, work: LocalBoxFuture<'static, ()>);
}

/// A port that did not answer, with the cause for the log; never shown to a caller.
#[derive(Clone, Debug, PartialEq)]
pub struct PortError(pub String);

impl std::fmt::Display for PortError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}
