//! The Cloudflare platform: the only code that may name `worker`, `wasm_bindgen`, `js_sys` or `web_sys`.

mod entry;
mod hasher;
