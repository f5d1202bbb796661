//! The Cloudflare platform: the ports on D1, R2, KV and Durable Objects, and the way in.
//!
//! The only code that may name `worker`, `wasm_bindgen`, `js_sys` or `web_sys`; it exists on wasm32
//! only. Where one trip between wasm and JavaScript does the work of ten, a `.js` file beside the
//! `.rs` file has the JavaScript half. Every imported function is declared `catch`: an exception
//! that crosses a call without it leaves its request hanging for ever.

mod entry;
mod promise;
mod request;
mod response;
mod stream;

mod bindings;
mod blob_parts;
mod blobs;
mod clock;
mod database;
mod edge_cache;
mod event_queue;
mod exception;
mod http_client;
mod images;
mod key_value;
mod log;
mod mailer;
mod random;
mod signatures;
mod time_zones;

mod durable_object;
mod hasher;
mod rate_limiter;
