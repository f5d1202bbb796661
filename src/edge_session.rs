//! Sessions as the edge knows them: `session:<id>` in KV, so that a revoked session stops working
//! everywhere without a trip to the primary database.
//!
//! Not the truth (that is `"auth.sessions"` in D1). KV lags by up to a minute, so a record may only
//! make an answer stricter than the signed token alone, never looser: no record means the token
//! stands. Each isolate remembers a record for [`REMEMBERED_SECONDS`], so the worst case from
//! sign-out to refusal at another location is KV's lag plus that.

use std::cell::RefCell;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::ports::{KeyValue, PortError};
use crate::time::Timestamp;

/// How long an isolate trusts what it read.
pub const REMEMBERED_SECONDS: i64 = 10;

/// How many sessions an isolate remembers before it forgets them all.
const REMEMBERED_SESSIONS: usize = 10_000;

/// What KV holds of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EdgeSession {
    /// The session's user.
    pub user_id: String,
    /// Authenticator assurance level, `aal1` or `aal2`.
    pub aal: String,
    /// The session ended: no token of it is good any more.
    pub revoked: bool,
}

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
        let revoked = match key_value.get(&key(session_id)).await {
            Ok(Some(text)) => serde_json::from_str::<EdgeSession>(&text).is_ok_and(|session| session.revoked),
            Ok(None) | Err(_) => false,
        };
        self.remember(session_id, now, revoked);
        revoked
    }

    /// Writes a session for every location; `seconds` is how long its tokens may still live (at least 60).
    pub async fn write(
        &self,
        key_value: &dyn KeyValue,
        session_id: &str,
        session: &EdgeSession,
        now: Timestamp,
        seconds: u64,
    ) -> Result<(), PortError> {
        self.remember(session_id, now, session.revoked);
        let text = serde_json::to_string(session).map_err(|error| PortError(error.to_string()))?;
        key_value.put(&key(session_id), &text, seconds.max(60)).await
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
