//! The object store port on R2.
//!
//! A body of known length goes to R2 as the runtime's stream and never enters wasm. R2 takes no
//! stream of unknown length, so such a body is read here and stored in parts.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::blob_parts::{Sent, send};
use super::exception::message_of;
use super::promise::settled;
use super::stream::PlatformStream;
use crate::ports::{Blob, BlobError, BlobMetadata, Blobs, Body, ByteRange, Stream, StreamError};
use crate::time::Timestamp;

#[wasm_bindgen(module = "/src/platform/blobs.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = putStream)]
    fn put_stream(bucket: &JsValue, key: &str, stream: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = putBytes)]
    fn put_bytes(bucket: &JsValue, key: &str, bytes: &[u8]) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn get(bucket: &JsValue, key: &str, offset: f64, length: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn remove(bucket: &JsValue, keys: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn list(bucket: &JsValue, after: &str, most: u32) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn archive(bucket: &JsValue, from: &str, to: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = startParts)]
    fn start_parts(bucket: &JsValue, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = putPart)]
    fn put_part(upload: &JsValue, number: u32, bytes: &[u8]) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = completeParts)]
    fn complete_parts(upload: &JsValue, parts: &Array) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = abortParts)]
    fn abort_parts(upload: &JsValue) -> Result<Promise, JsValue>;
}

/// Bytes of a part. R2 wants all parts but the last of one size, 5 MiB or more; a Worker has 128 MB for everything.
const PART: usize = 8 * 1024 * 1024;

/// Keys that R2 removes in one call.
const REMOVED_AT_ONCE: usize = 1000;

/// An R2 binding.
pub struct R2(pub JsValue);

#[async_trait(?Send)]
impl Blobs for R2 {
    async fn put(&self, key: &str, body: Body, limit: u64) -> Result<BlobMetadata, BlobError> {
        if body.length().is_some_and(|length| length > limit) {
            return Err(BlobError::TooLarge);
        }
        match body {
            Body::Empty => self.put_bytes(key, &[]).await,
            Body::Bytes(bytes) => self.put_bytes(key, &bytes).await,
            Body::Text(text) => self.put_bytes(key, text.read().as_bytes()).await,
            Body::Stream(stream) => self.put_stream(key, stream, limit).await,
        }
    }

    async fn get(&self, key: &str, range: Option<ByteRange>) -> Result<Option<Blob>, BlobError> {
        let asked = range.unwrap_or(ByteRange { offset: 0, length: 0 });
        let answer = get(&self.0, key, asked.offset as f64, asked.length as f64);
        let object = settle(answer).await.map_err(|error| match error {
            BlobError::Failed(cause) if is_unsatisfiable(&cause) => BlobError::Range,
            other => other,
        })?;
        if object.is_null() {
            return Ok(None);
        }
        let object: Array = object.unchecked_into();
        let metadata = metadata(&object);
        let length = range.map_or(metadata.size, |range| range.length.min(metadata.size - range.offset));
        let body = match object.get(3).dyn_into() {
            Ok(stream) => Body::Stream(Box::new(PlatformStream::of_stream(stream, Some(length)))),
            Err(_) => Body::Empty,
        };
        Ok(Some(Blob { metadata, body }))
    }

    async fn delete(&self, keys: &[String]) -> Result<(), BlobError> {
        for keys in keys.chunks(REMOVED_AT_ONCE) {
            let keys = serde_json::to_string(keys).map_err(|error| BlobError::Failed(error.to_string()))?;
            settle(remove(&self.0, &keys)).await?;
        }
        Ok(())
    }

    async fn list(&self, after: Option<&str>, most: u32) -> Result<Vec<(String, BlobMetadata)>, BlobError> {
        let listed = settle(list(&self.0, after.unwrap_or_default(), most)).await?;
        let listed: Array = listed.unchecked_into();
        let entry = |entry: JsValue| {
            let entry: Array = entry.unchecked_into();
            (entry.get(3).as_string().unwrap_or_default(), metadata(&entry))
        };
        Ok(listed.iter().map(entry).collect())
    }

    async fn archive(&self, from: &str, to: &str) -> Result<bool, BlobError> {
        Ok(settle(archive(&self.0, from, to)).await?.is_truthy())
    }
}

impl R2 {
    async fn put_bytes(&self, key: &str, bytes: &[u8]) -> Result<BlobMetadata, BlobError> {
        settle(put_bytes(&self.0, key, bytes)).await.map(|object| metadata(&object.unchecked_into()))
    }

    async fn put_stream(
        &self,
        key: &str,
        stream: Box<dyn Stream>,
        limit: u64,
    ) -> Result<BlobMetadata, BlobError> {
        let Some(length) = stream.length() else { return self.put_unsized(key, stream, limit).await };
        let sent = send(stream, |readable| put_stream(&self.0, key, readable)).await?;
        let Sent::Stored(object) = sent else { return self.put_bytes(key, &[]).await };
        let stored = object.map(|object| metadata(&object.unchecked_into()))?;
        if stored.size != length {
            self.delete(&[key.to_string()]).await?;
            return Err(BlobError::Truncated);
        }
        Ok(stored)
    }

    /// Up to one part in one piece, more in parts.
    async fn put_unsized(
        &self,
        key: &str,
        stream: Box<dyn Stream>,
        limit: u64,
    ) -> Result<BlobMetadata, BlobError> {
        let mut parts = Parts { stream, waiting: BytesMut::new(), read: 0, limit };
        let first = parts.next().await?;
        if first.len() < PART {
            return self.put_bytes(key, &first).await;
        }
        let upload = settle(start_parts(&self.0, key)).await?;
        match put_parts(&upload, first, &mut parts).await {
            Ok(stored) => Ok(stored),
            Err(error) => {
                // What can't be aborted now, R2 drops after seven days.
                let _ = settle(abort_parts(&upload)).await;
                Err(error)
            }
        }
    }
}

async fn put_parts(upload: &JsValue, first: Bytes, parts: &mut Parts) -> Result<BlobMetadata, BlobError> {
    let stored = Array::new();
    let mut part = first;
    while !part.is_empty() {
        stored.push(&settle(put_part(upload, stored.length() + 1, &part)).await?);
        part = parts.next().await?;
    }
    settle(complete_parts(upload, &stored)).await.map(|object| metadata(&object.unchecked_into()))
}

/// A stream cut into parts of one size; the last may be smaller, and the one after it is empty.
struct Parts {
    stream: Box<dyn Stream>,
    waiting: BytesMut,
    read: u64,
    limit: u64,
}

impl Parts {
    async fn next(&mut self) -> Result<Bytes, BlobError> {
        while self.waiting.len() < PART {
            let chunk = self.stream.next().await.map_err(|error| match error {
                StreamError::TooLarge => BlobError::TooLarge,
                StreamError::Mismatch => BlobError::Mismatch,
                StreamError::Broken(_) => BlobError::Truncated,
            })?;
            let Some(chunk) = chunk else { break };
            self.read += chunk.len() as u64;
            if self.read > self.limit {
                return Err(BlobError::TooLarge);
            }
            self.waiting.extend_from_slice(&chunk);
        }
        let size = self.waiting.len().min(PART);
        Ok(self.waiting.split_to(size).freeze())
    }
}

/// From `[size, etag, uploaded]`.
pub fn metadata(object: &Array) -> BlobMetadata {
    BlobMetadata {
        size: object.get(0).as_f64().unwrap_or_default() as u64,
        etag: object.get(1).as_string().unwrap_or_default(),
        uploaded: Timestamp(object.get(2).as_f64().unwrap_or_default() as i64 * 1000),
    }
}

/// Waits for a call; what it throws is R2's failure.
pub async fn settle(answer: Result<Promise, JsValue>) -> Result<JsValue, BlobError> {
    let failed = |thrown: JsValue| BlobError::Failed(message_of(&thrown));
    settled(&answer.map_err(failed)?).await.map_err(failed)
}

/// R2's error 10039.
fn is_unsatisfiable(cause: &str) -> bool {
    cause.contains("(10039)")
}
