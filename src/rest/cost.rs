//! What a request took and cost, where the deployment wants answers to say so.

use ::http::HeaderName;

use crate::ports::{Cost, ResultSet};

/// Dollars for a million of each, on Cloudflare's paid plan: rows read, rows written, requests.
const ROWS_READ: f64 = 0.001;
const ROWS_WRITTEN: f64 = 1.0;
const REQUESTS: f64 = 0.30;

/// `Server-Timing` with the database's own time, and `x-edgeward-cost` with the rows that are billed and
/// the dollars for a million such requests. CPU time is not in it: a Worker cannot see its own.
pub fn headers(results: &[Box<dyn ResultSet>]) -> [(HeaderName, String); 2] {
    let add = |sum: Cost, cost: Cost| Cost {
        rows_read: sum.rows_read + cost.rows_read,
        rows_written: sum.rows_written + cost.rows_written,
        changes: sum.changes + cost.changes,
        milliseconds: sum.milliseconds + cost.milliseconds,
    };
    let Cost { rows_read, rows_written, milliseconds, .. } =
        results.iter().map(|result| result.cost()).fold(Cost::default(), add);
    let dollars = REQUESTS + rows_read as f64 * ROWS_READ + rows_written as f64 * ROWS_WRITTEN;
    [
        (HeaderName::from_static("server-timing"), format!("transaction;dur={milliseconds:.2}")),
        (
            HeaderName::from_static("x-edgeward-cost"),
            format!(
                "rows_read={rows_read}, rows_written={rows_written}, ms={milliseconds:.2}, usd_per_million={dollars:.3}"
            ),
        ),
    ]
}
