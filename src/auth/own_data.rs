//! What the server holds about a person: handing it to them, and erasing it. Ours; GoTrue has no such calls.
//!
//! `docs/SECURITY.md` says what is in it and what is not, and why.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{self, Current};
use super::administration;
use super::edge;
use super::error::Error;
use super::lockout;
use super::model::User;
use super::session::SeenSession;
use super::store::sessions::SessionKey;
use super::store::{self, Results, oauth_consents, own_data, passkeys, sessions, users};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::DbError;
use crate::sql::Statement;

/// How old the last proof of identity may be for someone who sends no password to erase their account.
const RECENT_SECONDS: i64 = 300;

/// The caller's data.
pub async fn export(app: &App, caller: &Caller) -> Result<Value, Error> {
    let (me, results) = account::current_with(app, caller, holdings).await?;
    exported(app, &me.user, me.session_id(), &results)
}

/// Someone's data, for an administrator who has to answer for it.
pub async fn export_any(app: &App, user_id: Uuid) -> Result<Value, Error> {
    let user = administration::by_id(app, user_id).await?;
    let results = store::run(app.ports.database.as_ref(), holdings(&user.id)).await?;
    exported(app, &user, None, &results)
}

fn holdings(user_id: &str) -> Vec<Statement> {
    vec![
        sessions::seen_of(user_id),
        own_data::objects(user_id),
        passkeys::of_user(user_id),
        oauth_consents::of_user(user_id),
    ]
}

fn exported(app: &App, user: &User, session_id: Option<&str>, results: &Results) -> Result<Value, Error> {
    let sessions: Vec<SeenSession> = results.all(0)?;
    let sessions: Vec<Value> = sessions.iter().map(|session| session.to_json(session_id)).collect();
    let objects: Vec<own_data::OwnObject> = results.all(1)?;
    let passkeys: Vec<passkeys::Passkey> = results.all(2)?;
    let passkeys: Vec<Value> = passkeys.iter().map(passkeys::Passkey::to_json).collect();
    let grants: Vec<oauth_consents::Grant> = results.all(3)?;
    let grants: Vec<Value> = grants.iter().map(oauth_consents::Grant::to_json).collect();
    Ok(json!({
        "exported_at": app.now().to_rfc3339(),
        "user": user.to_json(),
        "sessions": sessions,
        "objects": objects,
        "passkeys": passkeys,
        "oauth_grants": grants,
    }))
}

/// Erases the caller's account with everything the server keeps about them. A stolen access token is
/// not enough: the password, or a proof of identity of the last minutes, and the second factor if
/// there is one.
pub async fn erase(app: &App, caller: &Caller, password: Option<&str>) -> Result<(), Error> {
    let me = account::current(app, caller).await?;
    if !me.is_fully_assured() {
        return Err(Error::ErasureNeedsAal2);
    }
    authenticate_again(app, &me, password).await?;
    let batch = vec![
        own_data::unchanged(&me.user, me.session.as_ref()),
        sessions::keys_of(&me.user.id),
        own_data::discard_versions(&me.user.id),
        own_data::delete_objects(&me.user.id),
        users::delete(&me.user.id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await.map_err(|error| match error {
        DbError::ForeignKey => Error::UserStillReferenced,
        DbError::Raised(what) if what == own_data::MOVED => Error::Conflict,
        other => Error::of_trigger(other, Error::DeletingUser),
    })?;
    edge::revoke(app, &results.all::<SessionKey>(1)?).await;
    Ok(())
}

async fn authenticate_again(app: &App, me: &Current, password: Option<&str>) -> Result<(), Error> {
    let Some(password) = password else {
        return if is_recent(app, me) { Ok(()) } else { Err(Error::ErasureNeedsProof) };
    };
    if lockout::is_own_password(app, &me.user, password).await? {
        Ok(())
    } else {
        Err(Error::CurrentPasswordInvalid)
    }
}

fn is_recent(app: &App, me: &Current) -> bool {
    let since = app.now().seconds().saturating_sub(RECENT_SECONDS);
    me.session.as_ref().is_some_and(|session| session.amr.iter().any(|proof| proof.timestamp > since))
}
