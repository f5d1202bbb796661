//! Instants as the wire and the database write them. Not a clock: the time itself comes from [`crate::ports::Clock`].

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch, UTC: Postgres' resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds, the unit of JWT claims.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since the epoch, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant moved by whole seconds.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// How PostgREST prints a `timestamptz`, and how one is stored: UTC, the fraction trimmed of trailing zeros.
    ///
    /// The text sorts as the instants do. `2026-01-02T03:04:05.12+00:00`.
    pub fn to_postgres(self) -> String {
        let text = self.to_date_time().format("%Y-%m-%dT%H:%M:%S").to_string();
        let micros = self.0.rem_euclid(1_000_000);
        if micros == 0 {
            return format!("{text}+00:00");
        }
        let fraction = format!("{micros:06}");
        format!("{text}.{}+00:00", fraction.trim_end_matches('0'))
    }

    /// RFC 3339 with `Z`, as the auth API prints its times (Go's `time.RFC3339Nano`): `2026-01-02T03:04:05.12Z`.
    pub fn to_rfc3339(self) -> String {
        let text = self.to_postgres();
        format!("{}Z", text.trim_end_matches("+00:00"))
    }

    /// The HTTP date (RFC 9110 §5.6.7) of this instant, whole seconds.
    pub fn to_http_date(self) -> String {
        self.to_date_time().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// ISO 8601's basic form, whole seconds, as AWS' signatures have it: `20260102T030405Z`.
    pub fn to_basic(self) -> String {
        self.to_date_time().format("%Y%m%dT%H%M%SZ").to_string()
    }

    /// Milliseconds and `Z`, as the Storage API prints `lastModified`: `2026-01-02T03:04:05.120Z`.
    pub fn to_milliseconds(self) -> String {
        self.to_date_time().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Reads RFC 3339 text, such as the stored form. `None` when it is not that.
    pub fn parse(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_micros()))
    }

    fn to_date_time(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_print_as_postgres_and_go_do() {
        let rows = [
            (0, "1970-01-01T00:00:00+00:00", "1970-01-01T00:00:00Z"),
            (1_767_323_045_120_000, "2026-01-02T03:04:05.12+00:00", "2026-01-02T03:04:05.12Z"),
            (-1, "1969-12-31T23:59:59.999999+00:00", "1969-12-31T23:59:59.999999Z"),
        ];
        for (micros, postgres, rfc3339) in rows {
            assert_eq!(Timestamp(micros).to_postgres(), postgres);
            assert_eq!(Timestamp(micros).to_rfc3339(), rfc3339);
            assert_eq!(Timestamp::parse(postgres), Some(Timestamp(micros)));
        }
    }
}
