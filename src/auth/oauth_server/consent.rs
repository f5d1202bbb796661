//! What a user let apps have: seeing it, and taking it back.

use serde_json::{Value, json};
use uuid::Uuid;

use super::error::OAuthServerError;
use super::scope;
use crate::app::App;
use crate::auth::account;
use crate::auth::audit::{self, Action, Actor};
use crate::auth::edge;
use crate::auth::error::Error;
use crate::auth::model::wire_time;
use crate::auth::store::oauth_consents::Grant;
use crate::auth::store::sessions::SessionKey;
use crate::auth::store::{self, oauth_authorizations, oauth_consents, sessions};
use crate::caller::Caller;

impl Grant {
    /// The JSON of auth-js' `OAuthGrant`.
    pub fn to_json(&self) -> Value {
        json!({
            "client": self.settings.card(&self.client_id),
            "scopes": scope::each(&self.scopes).collect::<Vec<_>>(),
            "granted_at": wire_time(&self.granted_at),
        })
    }
}

/// The caller's grants, the last first.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Grant>, Error> {
    let (_, results) =
        account::current_with(app, caller, |user_id| vec![oauth_consents::of_user(user_id)]).await?;
    Ok(results.all(0)?)
}

/// Takes back what an app was granted, with its sessions and the codes it has not exchanged yet.
pub async fn revoke(app: &App, caller: &Caller, client_id: Uuid, ip: Option<&str>) -> Result<(), Error> {
    let me = account::current(app, caller).await?;
    let (user_id, client_id) = (me.user.id.as_str(), client_id.to_string());
    let batch = vec![
        oauth_consents::delete(user_id, &client_id),
        oauth_authorizations::forget(user_id, &client_id),
        sessions::end_of_client(user_id, &client_id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    edge::revoke(app, &results.all::<SessionKey>(2)?).await;
    if !results.happened(0)? {
        return Err(OAuthServerError::ConsentNotFound.into());
    }
    let traits = json!({"oauth_client_id": client_id, "action": "revoke_oauth_grant"});
    audit::record(app, Actor::User(&me.user), Action::TokenRevoked, ip, traits).await;
    Ok(())
}
