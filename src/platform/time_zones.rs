//! The time zones port on `Intl`.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::ports::TimeZones;

#[wasm_bindgen(module = "/src/platform/time_zones.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn offset(zone: &str, at: f64) -> Result<Option<f64>, JsValue>;
}

/// The runtime's zones.
pub struct RuntimeTimeZones;

impl TimeZones for RuntimeTimeZones {
    fn offset(&self, zone: &str, at: i64) -> Option<i32> {
        offset(zone, at as f64).ok().flatten().map(|seconds| seconds as i32)
    }
}
