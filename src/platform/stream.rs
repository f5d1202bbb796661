//! Bytes that the runtime streams, on their way past wasm or into it.

use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ReadableStream;

use super::exception::message_of;
use super::promise::settled;
use crate::ports::{Stream, StreamError};

#[wasm_bindgen(module = "/src/platform/stream.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = readerOf)]
    fn reader_of(stream: &ReadableStream) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = letGo)]
    fn let_go(stream: &ReadableStream) -> Result<(), JsValue>;
    #[wasm_bindgen(catch)]
    fn next(reader: &JsValue) -> Result<Promise, JsValue>;
}

/// A body of a known size up to this many bytes is read in one go: a reader costs two turns of the event loop for each piece.
const AT_ONCE: u64 = 1024 * 1024;

/// A request's body or an object's bytes. Either it is handed on whole ([`Self::into_readable`]) or read here, not both.
pub struct PlatformStream {
    source: Source,
    length: Option<u64>,
}

enum Source {
    Request(web_sys::Request),
    Stream(ReadableStream),
    Reader(JsValue),
    End,
}

impl PlatformStream {
    /// The body of a request, which may turn out to have none.
    pub fn of_request(request: web_sys::Request, length: Option<u64>) -> Self {
        Self { source: Source::Request(request), length }
    }

    /// A stream of the runtime's own.
    pub fn of_stream(stream: ReadableStream, length: Option<u64>) -> Self {
        Self { source: Source::Stream(stream), length }
    }

    /// The stream itself, if nothing of it was read yet; `None` also for a request without a body.
    pub fn into_readable(mut self) -> Option<ReadableStream> {
        match std::mem::replace(&mut self.source, Source::End) {
            Source::Request(request) => request.body(),
            Source::Stream(stream) => Some(stream),
            Source::Reader(_) | Source::End => None,
        }
    }

    async fn read(&mut self) -> Result<Option<Bytes>, JsValue> {
        let stream = match std::mem::replace(&mut self.source, Source::End) {
            Source::End => return Ok(None),
            Source::Reader(reader) => return self.read_with(reader).await,
            Source::Request(request) if self.length.is_some_and(|length| length <= AT_ONCE) => {
                let buffer = settled(&request.array_buffer()?).await?;
                let bytes = Uint8Array::new(&buffer).to_vec();
                return Ok((!bytes.is_empty()).then(|| Bytes::from(bytes)));
            }
            Source::Request(request) => match request.body() {
                Some(stream) => stream,
                None => return Ok(None),
            },
            Source::Stream(stream) => stream,
        };
        self.read_with(reader_of(&stream)?).await
    }

    async fn read_with(&mut self, reader: JsValue) -> Result<Option<Bytes>, JsValue> {
        let piece = settled(&next(&reader)?).await?;
        if piece.is_null() {
            return Ok(None);
        }
        self.source = Source::Reader(reader);
        Ok(Some(Bytes::from(piece.dyn_into::<Uint8Array>()?.to_vec())))
    }
}

/// A stream of R2's that nobody reads would keep one of the few connections that a request may have.
impl Drop for PlatformStream {
    fn drop(&mut self) {
        if let Source::Stream(stream) = &self.source {
            // One that cannot be let go ends with its request.
            let _ = let_go(stream);
        }
    }
}

#[async_trait(?Send)]
impl Stream for PlatformStream {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn is_platforms_own(&self) -> bool {
        true
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        self.read().await.map_err(|error| StreamError::Broken(message_of(&error)))
    }
}
