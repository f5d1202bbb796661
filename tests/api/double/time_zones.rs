//! Time zones from the tables of a crate.

use std::str::FromStr;

use chrono::{DateTime, Offset, TimeZone};
use chrono_tz::Tz;
use edgeward::ports::TimeZones;

/// IANA's zones.
pub struct TabledTimeZones;

impl TimeZones for TabledTimeZones {
    fn offset(&self, zone: &str, at: i64) -> Option<i32> {
        let moment = DateTime::from_timestamp(at, 0)?.naive_utc();
        Some(Tz::from_str(zone).ok()?.offset_from_utc_datetime(&moment).fix().local_minus_utc())
    }
}
