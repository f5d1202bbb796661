//! The rate limiter port on Durable Objects: one object for each key, so that all isolates share its bucket.
//!
//! A bucket is kept in the object's memory and stored only once it is less than half full: an honest caller costs no
//! row, and one that has been refused is not forgiven when the object is evicted.

use std::cell::RefCell;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::clock::RuntimeClock;
use super::durable_object::{answer, ask, named_id, question};
use super::exception::message_of;
use crate::ports::{Clock, PortError, RateLimiter};
use crate::token_bucket::TokenBucket;

/// The way to the objects.
pub struct DurableRateLimiter(pub JsValue);

#[derive(Serialize, Deserialize)]
struct Question {
    per_hour: u32,
    burst: u32,
}

#[async_trait(?Send)]
impl RateLimiter for DurableRateLimiter {
    async fn take(&self, key: &str, per_hour: u32, burst: u32) -> Result<Option<u64>, PortError> {
        let object = named_id(&self.0, key).map_err(|thrown| PortError(message_of(&thrown)))?;
        ask(&self.0, &object, &Question { per_hour, burst }).await
    }
}

/// The object of one key.
#[durable_object(alarm)]
pub struct RateLimitBucket {
    state: State,
    bucket: RefCell<Option<TokenBucket>>,
}

/// Where the bucket is stored.
const STORED: &str = "bucket";

impl DurableObject for RateLimitBucket {
    fn new(state: State, _: Env) -> Self {
        Self { state, bucket: RefCell::default() }
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let Question { per_hour, burst } = question(request).await?;
        let now = RuntimeClock.now();
        if self.bucket.borrow().is_none() {
            let stored = self.state.storage().get(STORED).await?;
            self.bucket.borrow_mut().get_or_insert(stored.unwrap_or_else(|| TokenBucket::full(burst, now)));
        }
        let mut bucket = self.bucket.borrow().unwrap_or_else(|| TokenBucket::full(burst, now));
        let wait = bucket.take(per_hour, burst, now);
        self.bucket.replace(Some(bucket));
        if bucket.is_less_than_half_full(burst) {
            self.store(&bucket, per_hour, burst).await?;
        }
        answer(Ok::<_, PortError>(wait))
    }

    /// The bucket is full again: a stored one is no longer worth its place.
    async fn alarm(&self) -> worker::Result<Response> {
        self.state.storage().delete_all().await?;
        Response::empty()
    }
}

impl RateLimitBucket {
    async fn store(&self, bucket: &TokenBucket, per_hour: u32, burst: u32) -> worker::Result<()> {
        let storage = self.state.storage();
        storage.put(STORED, bucket).await?;
        let seconds = bucket.seconds_until_full(per_hour, burst);
        storage.set_alarm(std::time::Duration::from_secs(seconds)).await
    }
}

// After a panic the bucket is as it was before or after one request: both are whole.
impl std::panic::UnwindSafe for RateLimitBucket {}
impl std::panic::RefUnwindSafe for RateLimitBucket {}
