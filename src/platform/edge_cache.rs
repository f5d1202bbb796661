//! The edge cache port on the Cache API.

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use js_sys::{Array, Promise};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStream;

use super::stream::PlatformStream;
use crate::ports::{Body, ByteRange, EdgeCache, Kept};

#[wasm_bindgen(module = "/src/platform/edge_cache.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn get(key: &str, offset: f64, length: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch, js_name = keepBytes)]
    fn keep_bytes(key: &str, bytes: &[u8], mime_type: &str, seconds: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn keep(key: &str, stream: &JsValue, bytes: f64, mime_type: &str, seconds: f64)
    -> Result<Array, JsValue>;
}

/// `caches.default`.
pub struct DataCentreCache;

#[async_trait(?Send)]
impl EdgeCache for DataCentreCache {
    async fn get(&self, key: &str, range: Option<ByteRange>) -> Option<Kept> {
        let range = range.unwrap_or(ByteRange { offset: 0, length: 0 });
        let answer = get(key, range.offset as f64, range.length as f64).ok()?;
        let entry: Array = JsFuture::from(answer).await.ok()?.dyn_into().ok()?;
        let stream: ReadableStream = entry.get(0).dyn_into().ok()?;
        let bytes = entry.get(1).as_f64()? as u64;
        let body = Body::Stream(Box::new(PlatformStream::of_stream(stream, Some(bytes))));
        Some(Kept { body, mime_type: entry.get(2).as_string().unwrap_or_default() })
    }

    fn keep(&self, key: &str, kept: Kept, seconds: u64) -> (Body, LocalBoxFuture<'static, ()>) {
        let nothing = || futures_util::future::ready(()).boxed_local();
        let (stream, bytes) = match kept.body {
            Body::Bytes(bytes) => {
                let keeping = match keep_bytes(key, &bytes, &kept.mime_type, seconds as f64) {
                    Ok(keeping) => JsFuture::from(keeping).map(|_| ()).boxed_local(),
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
        match keep(key, readable.as_ref(), bytes as f64, &kept.mime_type, seconds as f64) {
            Ok(halves) => {
                let sent = PlatformStream::of_stream(halves.get(0).unchecked_into(), Some(bytes));
                let keeping = JsFuture::from(halves.get(1).unchecked_into::<Promise>());
                (Body::Stream(Box::new(sent)), keeping.map(|_| ()).boxed_local())
            }
            Err(_) => (Body::Stream(Box::new(PlatformStream::of_stream(readable, Some(bytes)))), nothing()),
        }
    }
}
