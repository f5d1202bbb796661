//! The world's time zones as a port: their rules change several times a year, and the platform has them.

/// IANA's time zones.
pub trait TimeZones {
    /// Seconds east of Greenwich in a zone at a moment, in seconds since the epoch; `None` when no zone is called so.
    /// Names have their case: `Europe/Berlin`.
    fn offset(&self, zone: &str, at: i64) -> Option<i32>;
}
