//! Tells the edge about sessions that begin, end, or whose user is banned.
//!
//! D1 is the truth: a KV that does not take it fails neither a sign-in nor a sign-out, it is logged.

use futures_util::future::join_all;
use serde_json::json;

use super::model::User;
use super::store::sessions::SessionKey;
use crate::app::App;
use crate::edge_session::EdgeSession;
use crate::time::Timestamp;

/// How much longer than its access tokens a session's record is kept: the clock leeway of token
/// verification, and tokens issued while the record was on its way.
const GRACE_SECONDS: u64 = 90;

/// Sessions live: their tokens stand.
pub async fn admit(app: &App, sessions: &[SessionKey]) {
    write(app, sessions, false, token_life(app)).await;
}

/// Sessions ended: no location takes their tokens any more.
pub async fn revoke(app: &App, sessions: &[SessionKey]) {
    write(app, sessions, true, token_life(app)).await;
}

/// The ban of the sessions' user began, changed or was lifted. Sessions outlive a ban, so the record
/// must not outlive it.
pub async fn ban(app: &App, sessions: &[SessionKey], user: &User) {
    if !user.is_banned(app.now()) {
        return admit(app, sessions).await;
    }
    let until = user.banned_until.as_deref().and_then(Timestamp::parse).unwrap_or_else(|| app.now());
    let left = until.seconds().saturating_sub(app.now().seconds());
    write(app, sessions, true, token_life(app).min(left.try_into().unwrap_or(0))).await;
}

fn token_life(app: &App) -> u64 {
    app.config.auth.token_seconds.saturating_add(GRACE_SECONDS)
}

async fn write(app: &App, sessions: &[SessionKey], revoked: bool, seconds: u64) {
    let now = app.now();
    join_all(sessions.iter().map(|key| async move {
        let session = EdgeSession { user_id: key.user_id.clone(), aal: key.aal.clone(), revoked };
        let key_value = app.ports.key_value.as_ref();
        if let Err(error) = app.edge_sessions.write(key_value, &key.id, &session, now, seconds).await {
            let line = json!({
                "at": now.to_milliseconds(),
                "level": "error",
                "message": "KV did not take a session",
                "session_id": key.id,
                "revoked": revoked,
                "cause": error.0,
            });
            app.ports.log.line(&line.to_string());
        }
    }))
    .await;
}
