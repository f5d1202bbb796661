//! The edge cache port on the Cache API.

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use http::HeaderMap;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::ReadableStream;

use super::promise::settled;
use super::response::lines;
use super::stream::PlatformStream;
use crate::ports::{Body, ByteRange, EdgeCache, Kept};

#[wasm_bindgen(module = "/src/platform/edge_cache.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn get(key: &str, offset: f64, length: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = keepBytes)]
    fn keep_bytes(url: &str, bytes: &[u8], lines: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn keep(url: &str, stream: &JsValue, bytes: f64, lines: &str) -> Result<Array, JsValue>;
    #[wasm_bindgen(catch)]
    fn forget(url: &str) -> Result<Promise, JsValue>;
}

/// `caches.default`.
pub struct DataCentreCache;

#[async_trait(?Send)]
impl EdgeCache for DataCentreCache {
    async fn get(&self, key: &str, range: Option<ByteRange>) -> Option<Kept> {
        let range = range.unwrap_or(ByteRange { offset: 0, length: 0 });
        let answer = get(key, range.offset as f64, range.length as f64).ok()?;
        let entry: Array = settled(&answer).await.ok()?.dyn_into().ok()?;
        let stream: ReadableStream = entry.get(0).dyn_into().ok()?;
        let bytes = entry.get(1).as_f64()? as u64;
        let body = Body::Stream(Box::new(PlatformStream::of_stream(stream, Some(bytes))));
        Some(Kept { body, mime_type: entry.get(2).as_string().unwrap_or_default() })
    }

    fn keep(&self, key: &str, kept: Kept, seconds: u64) -> (Body, LocalBoxFuture<'static, ()>) {
        let lines = format!("cache-control:public, max-age={seconds}\ncontent-type:{}\n", kept.mime_type);
        split(&format!("https://edgeward.invalid/{key}"), kept.body, &lines)
    }

    fn keep_answer(&self, url: &str, headers: HeaderMap, body: Body) -> (Body, LocalBoxFuture<'static, ()>) {
        split(url, body, &lines(&headers))
    }

    async fn forget(&self, url: &str) {
        if let Ok(forgetting) = forget(url) {
            // What cannot be removed here is purged all the same.
            let _ = settled(&forgetting).await;
        }
    }
}

/// One half of a body to send, and the keeping of the other under a URL with headers in lines.
fn split(url: &str, body: Body, lines: &str) -> (Body, LocalBoxFuture<'static, ()>) {
    let nothing = || futures_util::future::ready(()).boxed_local();
    let (stream, bytes) = match body {
        Body::Bytes(bytes) => {
            let keeping = match keep_bytes(url, &bytes, lines) {
                Ok(keeping) => settled(&keeping).map(|_| ()).boxed_local(),
                Err(_) => nothing(),
            };
            return (Body::Bytes(bytes), keeping);
        }
        Body::Stream(stream) => match (stream.length(), stream.into_any().downcast::<PlatformStream>()) {
            (Some(bytes), Ok(stream)) => (stream, bytes),
            (_, Ok(stream)) => return (Body::Stream(stream), nothing()),
            (_, Err(_)) => return (Body::Empty, nothing()),
        },
        body => return (body, nothing()),
    };
    let Some(readable) = stream.into_readable() else { return (Body::Empty, nothing()) };
    match keep(url, readable.as_ref(), bytes as f64, lines) {
        Ok(halves) => {
            let sent = PlatformStream::of_stream(halves.get(0).unchecked_into(), Some(bytes));
            let keeping = settled(&halves.get(1).unchecked_into::<Promise>());
            (Body::Stream(Box::new(sent)), keeping.map(|_| ()).boxed_local())
        }
        Err(_) => (Body::Stream(Box::new(PlatformStream::of_stream(readable, Some(bytes)))), nothing()),
    }
}
