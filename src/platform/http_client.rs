//! The HTTP client port on `fetch`.

use async_trait::async_trait;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::exception::message_of;
use super::promise::settled;
use crate::ports::{HttpClient, IncomingResponse, OutgoingRequest, PortError};

#[wasm_bindgen(module = "/src/platform/http_client.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn send(method: &str, url: &str, lines: &str, body: &str, milliseconds: f64) -> Result<Promise, JsValue>;
    fn pause(milliseconds: f64) -> Promise;
}

/// The runtime's `fetch`.
pub struct Fetch;

#[async_trait(?Send)]
impl HttpClient for Fetch {
    async fn send_within(
        &self,
        request: OutgoingRequest,
        milliseconds: u64,
    ) -> Result<Option<IncomingResponse>, PortError> {
        let failed = |thrown: JsValue| PortError(message_of(&thrown));
        let lines: String = request.headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let OutgoingRequest { method, url, body, .. } = &request;
        let answer = send(method.as_str(), url, &lines, body, milliseconds as f64).map_err(failed)?;
        let answer = settled(&answer).await.map_err(failed)?.as_string().unwrap_or_default();
        if answer.is_empty() {
            return Ok(None);
        }
        read(&answer).map(Some).ok_or_else(|| PortError("an answer without a status".into()))
    }

    async fn pause(&self, milliseconds: u64) {
        // A timer that is refused is one that is over.
        let _ = settled(&pause(milliseconds as f64)).await;
    }
}

/// `200\n1\ncontent-type:text/plain\nbody` → its parts.
fn read(answer: &str) -> Option<IncomingResponse> {
    let (status, rest) = answer.split_once('\n')?;
    let (count, mut rest) = rest.split_once('\n')?;
    let mut headers = Vec::new();
    for _ in 0..count.parse::<usize>().ok()? {
        let (line, after) = rest.split_once('\n')?;
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.to_string()));
        rest = after;
    }
    Some(IncomingResponse { status: status.parse().ok()?, headers, body: rest.to_string() })
}
