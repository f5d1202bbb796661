//! Tells the edge about sessions that end and about the bans of their users; a session that begins is
//! no news to it.
//!
//! D1 is the truth: a KV that does not take it fails no sign-out, it is logged.

use futures_util::future::join_all;
use serde_json::json;

use super::model::User;
use super::store::sessions::SessionKey;
use crate::app::App;
use crate::time::Timestamp;

/// How much longer than its access tokens a session's record is kept: the clock leeway of token
/// verification, and tokens issued while the record was on its way.
const GRACE_SECONDS: u64 = 90;

/// Sessions ended: no location takes their tokens any more.
pub async fn revoke(app: &App, sessions: &[SessionKey]) {
    revoke_for(app, sessions, token_life(app)).await;
}

/// The ban of the sessions' user began, changed or was lifted. Sessions outlive a ban, so the record
/// must not outlive it.
pub async fn ban(app: &App, sessions: &[SessionKey], user: &User) {
    if !user.is_banned(app.now()) {
        return restore(app, sessions).await;
    }
    let until = user.banned_until.as_deref().and_then(Timestamp::parse).unwrap_or_else(|| app.now());
    let left = until.seconds().saturating_sub(app.now().seconds());
    revoke_for(app, sessions, token_life(app).min(left.try_into().unwrap_or(0))).await;
}

/// Since when a session must have been refreshed or begun to have access tokens that live.
pub fn tokens_live_since(app: &App) -> Timestamp {
    let seconds = token_life(app).try_into().unwrap_or(i64::MAX);
    app.now().plus_seconds(-seconds)
}

fn token_life(app: &App) -> u64 {
    app.config.auth.token_seconds.saturating_add(GRACE_SECONDS)
}

async fn revoke_for(app: &App, sessions: &[SessionKey], seconds: u64) {
    let key_value = app.ports.key_value.as_ref();
    join_all(sessions.iter().map(|session| async move {
        let outcome = app.edge_sessions.revoke(key_value, &session.id, app.now(), seconds).await;
        if let Err(error) = outcome {
            log(app, session, true, &error.0);
        }
    }))
    .await;
}

async fn restore(app: &App, sessions: &[SessionKey]) {
    let key_value = app.ports.key_value.as_ref();
    join_all(sessions.iter().map(|session| async move {
        let outcome = app.edge_sessions.restore(key_value, &session.id, app.now()).await;
        if let Err(error) = outcome {
            log(app, session, false, &error.0);
        }
    }))
    .await;
}

fn log(app: &App, session: &SessionKey, revoked: bool, cause: &str) {
    let line = json!({
        "at": app.now().to_milliseconds(),
        "level": "error",
        "message": "KV did not take what became of a session",
        "session_id": session.id,
        "revoked": revoked,
        "cause": cause,
    });
    app.ports.log.line(&line.to_string());
}
