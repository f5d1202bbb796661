//! Randomness, from `crypto.getRandomValues`.

use std::cell::RefCell;

use crate::ports::Random;

/// The runtime's generator.
pub struct RuntimeRandom;

/// Bytes that are drawn at once: a crossing for each request's id would cost more than the bytes.
const DRAWN: usize = 1024;

/// More than this is drawn by itself.
const FEW: usize = 64;

/// Bytes that nobody has been given; those that were are gone from here.
struct Pool {
    bytes: [u8; DRAWN],
    left: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; DRAWN], left: 0 }) };
}

impl Random for RuntimeRandom {
    fn fill(&self, buffer: &mut [u8]) {
        if buffer.len() > FEW {
            return draw(buffer);
        }
        POOL.with_borrow_mut(|pool| {
            if pool.left < buffer.len() {
                draw(&mut pool.bytes);
                pool.left = DRAWN;
            }
            let end = pool.left;
            pool.left -= buffer.len();
            let Some(taken) = pool.bytes.get_mut(pool.left..end) else { return draw(buffer) };
            buffer.copy_from_slice(taken);
            taken.fill(0);
        });
    }
}

/// Panics where there is no generator, which no Worker is: going on with known bytes would be worse.
fn draw(buffer: &mut [u8]) {
    assert!(getrandom::fill(buffer).is_ok(), "the runtime has no random numbers");
}
