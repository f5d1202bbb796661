//! A token bucket: how often something may happen, with bursts forgiven. Sans-I/O; a Durable Object keeps one for each key.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

const MICROS_PER_HOUR: f64 = 3_600_000_000.0;

/// Tokens left, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenBucket {
    tokens: f64,
    at: Timestamp,
}

impl TokenBucket {
    /// A bucket nobody has drawn from.
    pub fn full(burst: u32, now: Timestamp) -> Self {
        Self { tokens: burst.into(), at: now }
    }

    /// Takes one token from a bucket that is refilled at `per_hour` up to `burst`.
    /// `Some(seconds)` when it is empty: how long until the next token, at least 1.
    pub fn take(&mut self, per_hour: u32, burst: u32, now: Timestamp) -> Option<u64> {
        let passed = (now.0 - self.at.0).max(0) as f64;
        let refilled = self.tokens + passed * f64::from(per_hour) / MICROS_PER_HOUR;
        self.tokens = refilled.min(burst.into());
        self.at = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(seconds_for(1.0 - self.tokens, per_hour))
    }

    /// Whether the caller is drawing faster than the bucket fills.
    pub fn is_less_than_half_full(&self, burst: u32) -> bool {
        self.tokens < f64::from(burst) / 2.0
    }

    /// How long until the bucket is full if nobody draws, at least 1.
    pub fn seconds_until_full(&self, per_hour: u32, burst: u32) -> u64 {
        seconds_for(f64::from(burst) - self.tokens, per_hour)
    }
}

fn seconds_for(tokens: f64, per_hour: u32) -> u64 {
    ((tokens * 3600.0 / f64::from(per_hour.max(1))).ceil() as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_then_the_rate() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let mut bucket = TokenBucket::full(3, start);
        let mut take = |seconds| bucket.take(360, 3, start.plus_seconds(seconds));
        assert_eq!([take(0), take(0), take(0)], [None, None, None]);
        assert_eq!(take(0), Some(10), "360 an hour is one every ten seconds");
        assert_eq!(take(4), Some(6));
        assert_eq!(take(10), None);
        assert_eq!(take(10), Some(10));
        assert_eq!(
            [take(10_000), take(10_000), take(10_000)],
            [None, None, None],
            "never more than the burst"
        );
        assert_eq!(take(10_000), Some(10));
        assert_eq!(take(9_000), Some(10), "a clock that goes back gives nothing away");
    }

    #[test]
    fn a_bucket_knows_when_it_is_full_again() {
        let start = Timestamp::from_seconds(1_800_000_000);
        let mut bucket = TokenBucket::full(4, start);
        assert!(!bucket.is_less_than_half_full(4));
        for _ in 0..3 {
            bucket.take(3600, 4, start);
        }
        assert!(bucket.is_less_than_half_full(4));
        assert_eq!(bucket.seconds_until_full(3600, 4), 3);
    }
}
