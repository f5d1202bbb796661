//! Asking a Durable Object: JSON in, JSON out, over its `fetch`.

use js_sys::Promise;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Request, Response};

use super::exception::message_of;
use super::promise::settled;
use crate::ports::PortError;

#[wasm_bindgen(module = "/src/platform/durable_object.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = uniqueId)]
    pub fn unique_id(namespace: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = namedId)]
    pub fn named_id(namespace: &JsValue, name: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = ask)]
    fn ask_text(namespace: &JsValue, id: &JsValue, question: &str) -> Result<Promise, JsValue>;
}

/// Asks an object of the namespace. An object that throws or refuses is a [`PortError`] with its reason.
pub async fn ask<T: DeserializeOwned>(
    namespace: &JsValue,
    id: &JsValue,
    question: &impl Serialize,
) -> Result<T, PortError> {
    let failed = |thrown: JsValue| PortError(message_of(&thrown));
    let question = serde_json::to_string(question).map_err(|error| PortError(error.to_string()))?;
    let answer = ask_text(namespace, id, &question).map_err(failed)?;
    let answer = settled(&answer).await.map_err(failed)?.as_string().unwrap_or_default();
    serde_json::from_str(&answer).map_err(|error| PortError(error.to_string()))
}

/// The other side: the question an object was asked.
pub async fn question<T: DeserializeOwned>(mut request: Request) -> worker::Result<T> {
    Ok(serde_json::from_str(&request.text().await?)?)
}

/// Its answer, or its refusal.
pub fn answer<T: Serialize>(answer: Result<T, PortError>) -> worker::Result<Response> {
    match answer {
        Ok(answer) => Response::ok(serde_json::to_string(&answer)?),
        Err(refusal) => Response::error(refusal.0, 500),
    }
}
