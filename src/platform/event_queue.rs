//! The event queue port on Cloudflare Queues.

use async_trait::async_trait;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::exception::message_of;
use super::promise::settled;
use crate::ports::{EventQueue, PortError};

#[wasm_bindgen(module = "/src/platform/event_queue.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn send(queue: &JsValue, json: &str) -> Result<Promise, JsValue>;
}

/// A queue's producer binding.
pub struct CloudflareQueue(pub JsValue);

#[async_trait(?Send)]
impl EventQueue for CloudflareQueue {
    async fn send(&self, json: &str) -> Result<(), PortError> {
        let failed = |thrown: JsValue| PortError(message_of(&thrown));
        let sending = send(&self.0, json).map_err(failed)?;
        settled(&sending).await.map(|_| ()).map_err(failed)
    }
}
