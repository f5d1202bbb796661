//! Objects that are stored in parts, over several requests: R2's multipart uploads as a port.
//!
//! All parts but the last must have one size of [`LEAST_PART`] bytes or more. Until it is completed nothing of an
//! object is there to read; what is neither completed nor aborted, R2 drops after seven days.

use async_trait::async_trait;

use super::{BlobError, BlobMetadata, Body};

/// The fewest bytes of a part that is not the last.
pub const LEAST_PART: u64 = 5 * 1024 * 1024;

/// The highest number of a part; the lowest is 1.
pub const MOST_PARTS: u32 = 10_000;

/// An object that is being stored in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct PartsOf {
    /// The object's key.
    pub key: String,
    /// The store's own name of the upload.
    pub id: String,
}

/// A part that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPart {
    /// What the store knows the part by: any text, not a hash.
    pub etag: String,
    /// MD5 of its bytes, hex, when it was asked for.
    pub md5: Option<String>,
    /// SHA-256 of its bytes, hex, when it was asked for.
    pub sha256: Option<String>,
}

/// What to work out of bytes while they pass.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Digests {
    /// MD5.
    pub md5: bool,
    /// SHA-256.
    pub sha256: bool,
}

/// The part of an object store that stores in parts.
#[async_trait(?Send)]
pub trait BlobParts {
    /// Begins an object under a new key.
    async fn begin_parts(&self, key: &str) -> Result<PartsOf, BlobError>;
    /// Stores a part, over one of the same number. The body's length must be known; one that breaks off stores nothing.
    async fn put_part(
        &self,
        parts: &PartsOf,
        number: u32,
        body: Body,
        digests: Digests,
    ) -> Result<StoredPart, BlobError>;
    /// Makes the object of these parts (number, etag) in this order; others are dropped.
    async fn complete_parts(
        &self,
        parts: &PartsOf,
        stored: &[(u32, String)],
    ) -> Result<BlobMetadata, BlobError>;
    /// Drops the upload; one that is gone already is no error.
    async fn abort_parts(&self, parts: &PartsOf) -> Result<(), BlobError>;
    /// What the store says of a key, or `None`.
    async fn head(&self, key: &str) -> Result<Option<BlobMetadata>, BlobError>;
    /// [`super::Blobs::put`], refused with [`BlobError::Mismatch`] when the bytes' SHA-256 (hex) is another.
    async fn put_hashed(
        &self,
        key: &str,
        body: Body,
        limit: u64,
        sha256: &str,
    ) -> Result<BlobMetadata, BlobError>;
}
