//! Log lines, to the console: Workers Logs and `wrangler dev` take them from there.

use serde_json::json;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ports::Log;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_namespace = console, js_name = log)]
    fn console_log(line: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = console, js_name = error)]
    fn console_error(line: &str) -> Result<(), JsValue>;
}

/// The runtime's console.
pub struct Console;

impl Log for Console {
    fn line(&self, json: &str) {
        // A console that throws leaves nowhere to say so.
        let _ = console_log(json);
    }
}

/// Settings that keep the Worker from serving.
pub fn misconfigured(mistakes: &[String]) {
    let _ = console_error(&json!({"level": "error", "misconfigured": mistakes}).to_string());
}
