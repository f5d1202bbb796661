//! R2's multipart uploads, and what else the object store port asks of R2 for uploads of several requests.
//!
//! A stream goes to R2 as the runtime's own, hashed on its way by the runtime; only a stream of ours (a decoded body)
//! is pumped out of wasm.

use async_trait::async_trait;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};

use super::blobs::{R2, metadata, settle};
use super::exception::message_of;
use super::promise::settled;
use super::stream::PlatformStream;
use crate::ports::{
    BlobError, BlobMetadata, BlobParts, Body, Digests, PartsOf, StoredPart, Stream, StreamError,
};

#[wasm_bindgen(module = "/src/platform/blob_parts.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = beginParts)]
    fn begin(bucket: &JsValue, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = putPartBytes)]
    fn put_bytes(
        bucket: &JsValue,
        key: &str,
        id: &str,
        number: u32,
        bytes: &[u8],
        digests: &str,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = putPartStream)]
    fn put_stream(
        bucket: &JsValue,
        key: &str,
        id: &str,
        number: u32,
        stream: &JsValue,
        length: f64,
        digests: &str,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = completeParts)]
    fn complete(bucket: &JsValue, key: &str, id: &str, parts: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = abortParts)]
    fn abort(bucket: &JsValue, key: &str, id: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn head(bucket: &JsValue, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = putHashedStream)]
    fn put_hashed_stream(
        bucket: &JsValue,
        key: &str,
        stream: &JsValue,
        sha256: &str,
    ) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = putHashedBytes)]
    fn put_hashed_bytes(bucket: &JsValue, key: &str, bytes: &[u8], sha256: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = fixedLengthPipe)]
    fn fixed_length_pipe(length: f64) -> Result<Array, JsValue>;
    #[wasm_bindgen(catch, js_name = writePiece)]
    fn write_piece(writer: &JsValue, bytes: &[u8]) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = endPipe)]
    fn end_pipe(writer: &JsValue) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = breakPipe)]
    fn break_pipe(writer: &JsValue) -> Result<Promise, JsValue>;
}

#[async_trait(?Send)]
impl BlobParts for R2 {
    async fn begin_parts(&self, key: &str) -> Result<PartsOf, BlobError> {
        let id = settle(begin(&self.0, key)).await?;
        let id = id.as_string().ok_or_else(|| BlobError::Failed("R2 gave the upload no id".into()))?;
        Ok(PartsOf { key: key.to_string(), id })
    }

    async fn put_part(
        &self,
        parts: &PartsOf,
        number: u32,
        body: Body,
        digests: Digests,
    ) -> Result<StoredPart, BlobError> {
        let names = names(digests);
        let bytes = |bytes: &[u8]| put_bytes(&self.0, &parts.key, &parts.id, number, bytes, &names);
        let stored = match body {
            Body::Empty => of_upload(settle(bytes(&[])).await)?,
            Body::Bytes(whole) => of_upload(settle(bytes(&whole)).await)?,
            Body::Text(text) => of_upload(settle(bytes(text.read().as_bytes())).await)?,
            Body::Stream(stream) => {
                let length = stream.length().unwrap_or_default() as f64;
                let put = |readable: &JsValue| {
                    put_stream(&self.0, &parts.key, &parts.id, number, readable, length, &names)
                };
                match send(stream, put).await? {
                    Sent::Stored(answer) => of_upload(answer)?,
                    Sent::Nothing => of_upload(settle(bytes(&[])).await)?,
                }
            }
        };
        let stored: Array = stored.unchecked_into();
        Ok(StoredPart {
            etag: stored.get(0).as_string().unwrap_or_default(),
            md5: stored.get(1).as_string(),
            sha256: stored.get(2).as_string(),
        })
    }

    async fn complete_parts(
        &self,
        parts: &PartsOf,
        stored: &[(u32, String)],
    ) -> Result<BlobMetadata, BlobError> {
        let list = serde_json::to_string(stored).map_err(|error| BlobError::Failed(error.to_string()))?;
        let object = of_upload(settle(complete(&self.0, &parts.key, &parts.id, &list)).await)?;
        Ok(metadata(&object.unchecked_into()))
    }

    async fn abort_parts(&self, parts: &PartsOf) -> Result<(), BlobError> {
        match of_upload(settle(abort(&self.0, &parts.key, &parts.id)).await) {
            Ok(_) | Err(BlobError::NoUpload) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn head(&self, key: &str) -> Result<Option<BlobMetadata>, BlobError> {
        let object = settle(head(&self.0, key)).await?;
        Ok((!object.is_null()).then(|| metadata(&object.unchecked_into())))
    }

    async fn put_hashed(
        &self,
        key: &str,
        body: Body,
        limit: u64,
        sha256: &str,
    ) -> Result<BlobMetadata, BlobError> {
        if body.length().is_some_and(|length| length > limit) {
            return Err(BlobError::TooLarge);
        }
        let bytes = |bytes: &[u8]| put_hashed_bytes(&self.0, key, bytes, sha256);
        let answer = match body {
            Body::Empty => settle(bytes(&[])).await,
            Body::Bytes(whole) => settle(bytes(&whole)).await,
            Body::Text(text) => settle(bytes(text.read().as_bytes())).await,
            Body::Stream(stream) => {
                let put = |readable: &JsValue| put_hashed_stream(&self.0, key, readable, sha256);
                match send(stream, put).await? {
                    Sent::Stored(answer) => answer,
                    Sent::Nothing => settle(bytes(&[])).await,
                }
            }
        };
        answer.map(|object| metadata(&object.unchecked_into())).map_err(|error| match error {
            BlobError::Failed(cause) if cause.contains("(10037)") => BlobError::Mismatch,
            other => other,
        })
    }
}

/// What became of a stream on its way to R2.
pub enum Sent {
    /// R2's answer.
    Stored(Result<JsValue, BlobError>),
    /// The request turned out to have no body.
    Nothing,
}

/// Hands a stream of known length to R2: the runtime's own as it is, one of ours through a pipe.
pub async fn send(
    stream: Box<dyn Stream>,
    put: impl Fn(&JsValue) -> Result<Promise, JsValue>,
) -> Result<Sent, BlobError> {
    let Some(length) = stream.length() else {
        return Err(BlobError::Failed("a stream of unknown length".into()));
    };
    if !stream.is_platforms_own() {
        return pump(stream, length, put).await.map(Sent::Stored);
    }
    let Ok(platform) = stream.into_any().downcast::<PlatformStream>() else {
        return Err(BlobError::Failed("a stream of another platform".into()));
    };
    match platform.into_readable() {
        Some(readable) => Ok(Sent::Stored(settle(put(readable.as_ref())).await)),
        None => Ok(Sent::Nothing),
    }
}

/// Writes a stream of ours into a pipe of known length that R2 reads. When the stream fails the pipe breaks, and R2 stores nothing.
async fn pump(
    mut stream: Box<dyn Stream>,
    length: u64,
    put: impl Fn(&JsValue) -> Result<Promise, JsValue>,
) -> Result<Result<JsValue, BlobError>, BlobError> {
    let failed = |thrown: JsValue| BlobError::Failed(message_of(&thrown));
    let pipe = fixed_length_pipe(length as f64).map_err(failed)?;
    let (readable, writer) = (pipe.get(0), pipe.get(1));
    let answer = settled(&put(&readable).map_err(failed)?);
    let outcome = write_all(&mut stream, &writer).await;
    if outcome.is_err() {
        // R2's promise fails with the pipe; what went wrong is known better here.
        let _ = settle(break_pipe(&writer)).await;
        let _ = answer.await;
        return outcome.map(|()| Err(BlobError::Truncated));
    }
    Ok(answer.await.map_err(failed))
}

async fn write_all(stream: &mut Box<dyn Stream>, writer: &JsValue) -> Result<(), BlobError> {
    loop {
        match stream.next().await {
            Ok(Some(bytes)) => settle(write_piece(writer, &bytes)).await?,
            Ok(None) => {
                return settle(end_pipe(writer)).await.map(|_| ()).map_err(|_| BlobError::Truncated);
            }
            Err(StreamError::TooLarge) => return Err(BlobError::TooLarge),
            Err(StreamError::Mismatch) => return Err(BlobError::Mismatch),
            Err(StreamError::Broken(_)) => return Err(BlobError::Truncated),
        };
    }
}

fn names(digests: Digests) -> String {
    let named = [(digests.md5, "MD5"), (digests.sha256, "SHA-256")];
    named.iter().filter(|(wanted, _)| *wanted).map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

/// R2's error 10024: no such upload.
fn of_upload(answer: Result<JsValue, BlobError>) -> Result<JsValue, BlobError> {
    answer.map_err(|error| match error {
        BlobError::Failed(cause) if cause.contains("(10024)") => BlobError::NoUpload,
        other => other,
    })
}
