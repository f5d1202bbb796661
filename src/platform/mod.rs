//! Cloudflare: the only code that may name `worker`, `wasm_bindgen`, `js_sys` or `web_sys`.
