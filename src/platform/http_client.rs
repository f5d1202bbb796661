//! The HTTP client port on `fetch`.

use async_trait::async_trait;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use super::exception::message_of;
use crate::ports::{HttpClient, IncomingResponse, OutgoingRequest, PortError};

#[wasm_bindgen(module = "/src/platform/http_client.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn send(method: &str, url: &str, lines: &str, body: &str) -> Result<Promise, JsValue>;
}

/// The runtime's `fetch`.
pub struct Fetch;

#[async_trait(?Send)]
impl HttpClient for Fetch {
    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError> {
        let failed = |thrown: JsValue| PortError(message_of(&thrown));
        let lines: String = request.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let answer = send(request.method.as_str(), &request.url, &lines, &request.body).map_err(failed)?;
        let answer = JsFuture::from(answer).await.map_err(failed)?.as_string().unwrap_or_default();
        let (status, body) = answer.split_once('\n').unwrap_or((&answer, ""));
        let status = status.parse().map_err(|_| PortError("an answer without a status".into()))?;
        Ok(IncomingResponse { status, body: body.to_string() })
    }
}
