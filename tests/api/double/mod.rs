//! Doubles of the platform: they refuse what the real thing refuses and fail on purpose.

mod blob_parts;
mod blobs;
mod database;
mod edge_cache;
mod event_queue;
mod http_client;
mod images;
mod mailer;
mod memory;
mod signatures;
mod stream;
mod time_zones;

pub use blobs::MemoryBlobs;
pub use database::StrictDatabase;
pub use edge_cache::MemoryEdgeCache;
pub use event_queue::NotedQueue;
pub use http_client::MemoryHttpClient;
pub use images::NotedImages;
pub use mailer::NotedMailer;
pub use memory::{CheapHasher, CountingRandom, LateWork, MemoryKeyValue, MemoryLog, MovableClock, NoLimits};
pub use signatures::RingSignatures;
pub use stream::Pieces;
pub use time_zones::TabledTimeZones;

use std::cell::Cell;
use std::task::Poll;

/// Lets whatever else is under way go first.
async fn one_turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        context.waker().wake_by_ref();
        if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Fails calls on purpose: the nth call from now on, counted from 1, once or for ever.
#[derive(Default)]
pub struct Fault {
    countdown: Cell<Option<u32>>,
    lasting: Cell<bool>,
    kills: Cell<bool>,
    calls: Cell<u32>,
}

impl Fault {
    /// The nth call from now fails, and none after it.
    pub fn fail_at(&self, call: u32) {
        self.countdown.set(Some(call));
        self.lasting.set(false);
    }

    /// Every call from now on fails.
    pub fn fail_always(&self) {
        self.fail_from(1);
    }

    /// The nth call from now fails, and every one after it.
    pub fn fail_from(&self, call: u32) {
        self.countdown.set(Some(call));
        self.lasting.set(true);
    }

    /// What strikes next ends the Worker there and then: nothing that it does about failures is done.
    pub fn killing(&self) -> &Self {
        self.kills.set(true);
        self
    }

    /// No call fails any more.
    pub fn mend(&self) {
        self.countdown.set(None);
        self.kills.set(false);
    }

    /// Whether a failure is still to come.
    pub fn is_armed(&self) -> bool {
        self.countdown.get().is_some()
    }

    /// How many calls there have been.
    pub fn calls(&self) -> u32 {
        self.calls.get()
    }

    /// Counts a call; true when it is to fail.
    pub fn strikes(&self) -> bool {
        self.calls.set(self.calls.get() + 1);
        match self.countdown.get() {
            None => false,
            Some(1) => {
                if !self.lasting.get() {
                    self.countdown.set(None);
                }
                // The shell answers for a panic, and whatever waits for the call to come back is dropped.
                assert!(!self.kills.get(), "the Worker ends here on purpose");
                true
            }
            Some(left) => {
                self.countdown.set(Some(left - 1));
                false
            }
        }
    }
}
