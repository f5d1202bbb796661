//! The object store as a port.

use async_trait::async_trait;

use super::{BlobParts, Body};
use crate::time::Timestamp;

/// A strongly consistent object store, such as R2. Keys are version uuids: written once, never overwritten.
#[async_trait(?Send)]
pub trait Blobs: BlobParts {
    /// Stores a body of at most `limit` bytes under a new key.
    ///
    /// A stream of unknown length is stored too (in parts); nothing remains of one that breaks off
    /// or goes over the limit.
    async fn put(&self, key: &str, body: Body, limit: u64) -> Result<BlobMetadata, BlobError>;
    /// The bytes of a key, or `None`. A range beyond the end is [`BlobError::Range`].
    async fn get(&self, key: &str, range: Option<ByteRange>) -> Result<Option<Blob>, BlobError>;
    /// Removes keys (any number); absent ones are no error.
    async fn delete(&self, keys: &[String]) -> Result<(), BlobError>;
    /// Keys after one, in the order of their bytes, at most so many (1,000 at the highest); fewer are the last.
    async fn list(&self, after: Option<&str>, most: u32) -> Result<Vec<(String, BlobMetadata)>, BlobError>;
    /// Stores a key's bytes once more under a new key, in a class that is cheap to keep and dear to read; false when
    /// there are none.
    async fn archive(&self, from: &str, to: &str) -> Result<bool, BlobError>;
}

/// A stored object on its way out.
pub struct Blob {
    /// Of the whole object, whatever the range.
    pub metadata: BlobMetadata,
    /// The bytes asked for; a stream in a Worker.
    pub body: Body,
}

/// What the store says of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct BlobMetadata {
    /// Bytes of the whole object.
    pub size: u64,
    /// Without quotes; hex MD5 for objects put in one piece.
    pub etag: String,
    /// When it was stored.
    pub uploaded: Timestamp,
}

/// A byte range of RFC 9110 §14.1.2, already resolved against the object's size: `offset < size`, `length ≥ 1`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ByteRange {
    /// First byte, from 0.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// Why the store did not do it; nothing was stored.
#[derive(Clone, Debug, PartialEq)]
pub enum BlobError {
    /// The body had more bytes than the limit.
    TooLarge,
    /// The body broke off before its declared length.
    Truncated,
    /// The range lies outside the object.
    Range,
    /// No such upload in parts: completed, aborted or too old.
    NoUpload,
    /// The bytes have another hash than the one they were announced with.
    Mismatch,
    /// The store failed; for the log.
    Failed(String),
}
