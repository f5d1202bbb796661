//! The time, from `Date.now()`: within a request it moves only with I/O, in whole milliseconds.

use crate::ports::Clock;
use crate::time::Timestamp;

/// The runtime's clock.
pub struct RuntimeClock;

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp(js_sys::Date::now() as i64 * 1000)
    }
}
