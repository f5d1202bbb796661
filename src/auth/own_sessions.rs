//! Where a user is signed in: seeing it, and ending one session from another. Ours; GoTrue has no such call.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account;
use super::edge;
use super::error::Error;
use super::model::{object, time, wire_time};
use super::session::SeenSession;
use super::store::sessions::{Ending, SessionKey};
use super::store::{self, sessions};
use crate::app::App;
use crate::caller::Caller;

/// The caller's sessions, the last used first; each says whether it is the one that asks.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Value>, Error> {
    let (me, results) =
        account::current_with(app, caller, |user_id| vec![sessions::seen_of(user_id)]).await?;
    let seen: Vec<SeenSession> = results.all(0)?;
    Ok(seen.iter().map(|session| session.to_json(me.session_id())).collect())
}

/// Ends one of the caller's sessions, their own included.
pub async fn end(app: &App, caller: &Caller, session_id: Uuid) -> Result<(), Error> {
    let me = account::current(app, caller).await?;
    let statement = sessions::end(&me.user.id, Ending::One(&session_id.to_string()), None);
    let ended: Vec<SessionKey> = store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    if ended.is_empty() {
        return Err(Error::SessionNotFound);
    }
    edge::revoke(app, &ended).await;
    Ok(())
}

impl SeenSession {
    /// Members as in the table, with `current` for the session of that id.
    #[rustfmt::skip]
    pub fn to_json(&self, current: Option<&str>) -> Value {
        object([
            ("id",           Some(json!(self.id))),
            ("current",      Some(json!(current == Some(self.id.as_str())))),
            ("created_at",   Some(wire_time(&self.created_at))),
            ("updated_at",   Some(wire_time(&self.updated_at))),
            ("refreshed_at", Some(time(&self.refreshed_at).unwrap_or_default())),
            ("user_agent",   Some(json!(self.user_agent))),
            ("ip",           Some(json!(self.ip))),
            ("country",      Some(json!(self.country))),
            ("aal",          Some(json!(self.aal))),
            ("amr",          Some(json!(self.amr))),
        ])
    }
}
