//! Signing out.

use serde_json::Value;

use super::account;
use super::audit::{self, Action, Actor};
use super::edge;
use super::error::Error;
use super::store::sessions::{Ending, SessionKey};
use super::store::{self, sessions};
use crate::app::App;
use crate::caller::Caller;

/// Which of the user's sessions end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scope {
    /// All.
    Global,
    /// The caller's.
    Local,
    /// All but the caller's.
    Others,
}

impl Scope {
    /// From the query; nothing means global.
    fn parse(text: Option<&str>) -> Result<Self, Error> {
        match text.unwrap_or_default() {
            "" | "global" => Ok(Self::Global),
            "local" => Ok(Self::Local),
            "others" => Ok(Self::Others),
            other => Err(Error::Validation(format!("Unsupported logout scope {other:?}").into())),
        }
    }
}

/// Ends sessions. A token without a session has none of its own to end or to keep.
pub async fn sign_out(app: &App, caller: &Caller, scope: Option<&str>) -> Result<(), Error> {
    let me = account::current_or_client(app, caller).await?;
    let scope = Scope::parse(scope)?;
    // An app that signs its user out has no say in where else they are.
    let scope = if me.is_of_client() { Scope::Local } else { scope };
    let ending = match (scope, me.session_id()) {
        (Scope::Local, None) => return Ok(()),
        (Scope::Local, Some(id)) => Ending::One(id),
        (Scope::Others, Some(id)) => Ending::Others(id),
        (Scope::Global, _) | (Scope::Others, None) => Ending::All,
    };
    end(app, &me.user.id, ending).await?;
    audit::record(app, Actor::User(&me.user), Action::Logout, None, Value::Null).await;
    Ok(())
}

/// Ends all sessions of a user.
pub async fn end_all(app: &App, user_id: &str) -> Result<(), Error> {
    end(app, user_id, Ending::All).await
}

async fn end(app: &App, user_id: &str, ending: Ending<'_>) -> Result<(), Error> {
    let statement = sessions::end(user_id, ending, None);
    let ended: Vec<SessionKey> = store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    edge::revoke(app, &ended).await;
    Ok(())
}
