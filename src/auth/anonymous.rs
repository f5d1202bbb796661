//! Signing in as nobody in particular: an account with neither address nor number, which may get one later.

use serde_json::json;

use super::audit::{self, Action, Actor};
use super::error::Error;
use super::hook;
use super::metadata::Metadata;
use super::model::User;
use super::session::{Client, Session, SignedIn};
use super::store::{self, sessions, users};
use crate::app::App;
use crate::crypto;

/// Makes the account and signs in to it.
pub async fn sign_up(app: &App, data: Metadata, client: &Client) -> Result<SignedIn, Error> {
    let now = app.now();
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let user = User {
        is_anonymous: 1,
        raw_user_meta_data: json!(data).to_string(),
        last_sign_in_at: Some(now.to_postgres()),
        ..User::new(id, now)
    };
    hook::before_user_created(app, client.ip.as_deref(), &user).await?;
    let session = Session::start(app, &user.id, "anonymous");
    let batch = vec![
        users::insert(&user),
        sessions::insert_if(&session, client, now, |_| "u.is_anonymous = 1".into()),
        users::by_id(&user.id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch)
        .await
        .map_err(|error| Error::of_trigger(error, Error::CreatingAnonymousUser))?;
    let user: User =
        results.first(2)?.ok_or_else(|| Error::Unexpected("the new user is not there".into()))?;
    hook::after_user_created(app, client.ip.as_deref(), &user).await?;
    let ip = client.ip.as_deref();
    audit::record(app, Actor::User(&user), Action::Login, ip, json!({"provider": "anonymous"})).await;
    let undo = users::delete(&user.id);
    session.first_tokens(app, user, client, undo).await
}
