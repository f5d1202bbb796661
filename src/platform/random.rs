//! Randomness, from `crypto.getRandomValues`.

use crate::ports::Random;

/// The runtime's generator.
pub struct RuntimeRandom;

impl Random for RuntimeRandom {
    /// Panics where there is no generator, which no Worker is: going on with known bytes would be worse.
    fn fill(&self, buffer: &mut [u8]) {
        assert!(getrandom::fill(buffer).is_ok(), "the runtime has no random numbers");
    }
}
