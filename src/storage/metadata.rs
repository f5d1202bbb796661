//! An object's `metadata` column: what the store and the uploader say of its bytes.

use serde::{Deserialize, Serialize};

use crate::ports::BlobMetadata;
use crate::time::Timestamp;

/// The column's JSON. Everything is optional when read: rows may have been written by a seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// With its quotes, as the `ETag` header has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<String>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The uploader's `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mimetype: Option<String>,
    /// The uploader's `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// When the bytes were stored: `2026-01-02T03:04:05.120Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Bytes once more, as upstream has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_length: Option<u64>,
    /// What the store answered upstream: always 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status_code: Option<u16>,
    /// The uploader's `X-Robots-Tag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub x_robots_tag: Option<String>,
    /// What `Content-Encoding` says when it is downloaded: the bytes are stored as they came. By S3 only, as the next two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// What `Content-Disposition` says when it is downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// What `Content-Language` says when it is downloaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
}

impl Metadata {
    /// The same once the bytes are stored.
    #[must_use]
    pub fn stored(self, blob: &BlobMetadata) -> Self {
        Self {
            e_tag: Some(format!("\"{}\"", blob.etag)),
            size: Some(blob.size),
            last_modified: Some(blob.uploaded.to_milliseconds()),
            content_length: Some(blob.size),
            http_status_code: Some(200),
            ..self
        }
    }

    /// When the bytes were stored, if the row says so.
    pub fn modified_at(&self) -> Option<Timestamp> {
        Timestamp::parse(self.last_modified.as_deref()?)
    }

    /// How many bytes, if the row says so.
    pub fn length(&self) -> Option<u64> {
        self.size.or(self.content_length)
    }

    /// The column's text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
