//! What misbehaves on purpose, in the end-to-end tests' build only (feature `fault-routes`).

#![allow(clippy::panic)]

use super::{Context, Refusal, Response};

/// `GET /admin/v1/fault/panic`: a defect of ours in a handler.
pub async fn panic(_: Context) -> Result<Response, Refusal> {
    panic!("a handler panics on purpose");
}

/// A password that makes the Durable Object that hashes it panic.
pub fn panic_if_asked(password: &str) {
    assert!(password != "panic in the Durable Object", "a Durable Object panics on purpose");
}
