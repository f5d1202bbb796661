//! The sessions that ended, as the edge knows them: `session:<id>` in KV, so that a revoked session
//! stops working everywhere without a trip to the primary database.
//!
//! Not the truth (that is `"auth.sessions"` in D1), and not a list of who is signed in: a record may
//! only make an answer stricter than the signed token alone, never looser, so a session that lives
//! has none. KV lags by up to a minute, and each isolate remembers what it read for
//! [`REMEMBERED_SECONDS`]: the worst case from sign-out to refusal at another location is both together.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::ports::{KeyValue, PortError};
use crate::time::Timestamp;

/// How long an isolate trusts what it read.
pub const REMEMBERED_SECONDS: i64 = 10;

/// How many sessions an isolate remembers before it forgets them all.
const REMEMBERED_SESSIONS: usize = 10_000;

/// What a record says; that it is there is all that counts.
const REVOKED: &str = "revoked";

/// The isolate's memory of KV's answers.
#[derive(Default)]
pub struct EdgeSessions {
    remembered: RefCell<HashMap<String, (Timestamp, bool)>>,
}

impl EdgeSessions {
    /// Whether the session is known to have ended. A KV that does not answer revokes nobody.
    pub async fn is_revoked(&self, key_value: &dyn KeyValue, session_id: &str, now: Timestamp) -> bool {
        if let Some((read_at, revoked)) = self.remembered.borrow().get(session_id)
            && now < read_at.plus_seconds(REMEMBERED_SECONDS)
        {
            return *revoked;
        }
        let revoked = matches!(key_value.get(&key(session_id)).await, Ok(Some(_)));
        self.remember(session_id, now, revoked);
        revoked
    }

    /// Tells every location that the session ended; `seconds` is how long its tokens may still live.
    /// KV keeps no record for less than a minute.
    pub async fn revoke(
        &self,
        key_value: &dyn KeyValue,
        session_id: &str,
        now: Timestamp,
        seconds: u64,
    ) -> Result<(), PortError> {
        self.remember(session_id, now, true);
        key_value.put(&key(session_id), REVOKED, seconds.max(60)).await
    }

    /// Tells every location that the session is good again.
    pub async fn restore(
        &self,
        key_value: &dyn KeyValue,
        session_id: &str,
        now: Timestamp,
    ) -> Result<(), PortError> {
        self.remember(session_id, now, false);
        key_value.delete(&key(session_id)).await
    }

    fn remember(&self, session_id: &str, now: Timestamp, revoked: bool) {
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= REMEMBERED_SESSIONS {
            remembered.clear();
        }
        remembered.insert(session_id.to_string(), (now, revoked));
    }
}

fn key(session_id: &str) -> String {
    format!("session:{session_id}")
}
