//! The key-value port on KV.

use async_trait::async_trait;
use js_sys::Promise;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::exception::message_of;
use super::promise::settled;
use crate::ports::{KeyValue, PortError};

#[wasm_bindgen(module = "/src/platform/key_value.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn get(namespace: &JsValue, key: &str) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn put(namespace: &JsValue, key: &str, value: &str, seconds: f64) -> Result<Promise, JsValue>;
    #[wasm_bindgen(catch)]
    fn remove(namespace: &JsValue, key: &str) -> Result<Promise, JsValue>;
}

/// A KV binding.
pub struct Kv(pub JsValue);

#[async_trait(?Send)]
impl KeyValue for Kv {
    async fn get(&self, key: &str) -> Result<Option<String>, PortError> {
        settle(get(&self.0, key)).await.map(|value| value.as_string())
    }

    async fn put(&self, key: &str, value: &str, seconds: u64) -> Result<(), PortError> {
        settle(put(&self.0, key, value, seconds as f64)).await.map(|_| ())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        settle(remove(&self.0, key)).await.map(|_| ())
    }
}

async fn settle(answer: Result<Promise, JsValue>) -> Result<JsValue, PortError> {
    let failed = |thrown: JsValue| PortError(message_of(&thrown));
    settled(&answer.map_err(failed)?).await.map_err(failed)
}
