//! Lines of JSON on their way to the object store, gathered by the isolate into one object a second: a write costs
//! more than a row of the database does.
//!
//! An isolate that ends takes its last second along, so every line is in the log first.

use std::cell::RefCell;

use bytes::Bytes;

use crate::crypto;
use crate::ports::{Body, Ports};
use crate::time::Timestamp;

/// How long lines are gathered for one object.
const GATHERING_MILLISECONDS: u64 = 1000;

/// After so long whoever set out to write them is taken for lost.
const LOST_SECONDS: i64 = 60;

/// How often an object is tried to be written, and how many lines wait at most for a store that fails.
const TRIES: u64 = 3;
const MOST_LINES: usize = 10_000;

/// What an isolate has gathered.
#[derive(Default)]
pub struct LineArchive {
    lines: RefCell<Vec<String>>,
    /// When somebody last set out to write them; none when all who did are done.
    since: RefCell<Option<Timestamp>>,
}

/// Lines that could not be written.
pub struct Unwritten {
    /// How many.
    pub lines: usize,
    /// Why, for the log.
    pub cause: String,
}

impl LineArchive {
    /// Adds a line. True when nobody is on the way: the caller then has [`Self::write`] run after its response.
    pub fn add(&self, line: String, now: Timestamp) -> bool {
        self.lines.borrow_mut().push(line);
        let mut since = self.since.borrow_mut();
        let is_first = since.is_none_or(|since| now > since.plus_seconds(LOST_SECONDS));
        if is_first {
            *since = Some(now);
        }
        is_first
    }

    /// Waits for more lines and writes them all as one object below `folder`, the same one however often it is tried.
    /// Those that could not be written wait for the next line.
    pub async fn write(&self, folder: &str, ports: &Ports) -> Result<(), Unwritten> {
        ports.http_client.pause(GATHERING_MILLISECONDS).await;
        self.since.take();
        let mut lines = self.lines.take();
        let day_and_time = ports.clock.now().to_milliseconds().replacen('T', "/", 1);
        let key = format!("{folder}/{day_and_time}-{}.jsonl", crypto::random_uuid(ports.random.as_ref()));
        let bytes = Bytes::from(lines.join("\n") + "\n");
        let mut cause = String::new();
        for attempt in 1..=TRIES {
            match ports.blobs.put(&key, Body::Bytes(bytes.clone()), u64::MAX).await {
                Ok(_) => return Ok(()),
                Err(error) => cause = format!("{error:?}"),
            }
            ports.http_client.pause(attempt * GATHERING_MILLISECONDS).await;
        }
        let unwritten = Unwritten { lines: lines.len(), cause };
        let mut later = self.lines.borrow_mut();
        lines.append(&mut later);
        lines.truncate(MOST_LINES);
        *later = lines;
        Err(unwritten)
    }
}
