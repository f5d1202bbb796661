//! Exchanging the code that a followed link gave a browser for a session (PKCE).

use super::error::Error;
use super::model::User;
use super::pkce::Challenge;
use super::session::{Client, Session, SignedIn};
use super::store::flow_states::FlowState;
use super::store::{self, flow_states, sessions, users};
use crate::app::App;
use crate::crypto;
use crate::time::Timestamp;

/// The id under which a code is kept.
pub fn flow_state_id(code: &str) -> String {
    crypto::hex(&crypto::sha256(code.as_bytes()))
}

/// One code, one session. A wrong verifier does not use the code up: whoever has no verifier could
/// otherwise spoil it for the one who has.
pub async fn exchange(app: &App, code: &str, verifier: &str, client: &Client) -> Result<SignedIn, Error> {
    let database = app.ports.database.as_ref();
    let id = flow_state_id(code);
    let results = store::run(database, vec![flow_states::by_id(&id), users::by_flow_state(&id)]).await?;
    let flow: FlowState = results.first(0)?.ok_or(Error::FlowStateNotFound)?;
    let user: User = results.first(1)?.ok_or(Error::FlowStateNotFound)?;
    if Timestamp::parse(&flow.expires_at).is_none_or(|expires_at| app.now() >= expires_at) {
        return Err(Error::FlowStateExpired);
    }
    let method = Challenge::method(&flow.code_challenge_method).ok_or(Error::FlowStateNotFound)?;
    if !(Challenge { text: flow.code_challenge, method }).is_met_by(verifier) {
        return Err(Error::BadCodeVerifier);
    }
    let session = Session::start(app, &flow.user_id, &flow.authentication_method);
    // Before anything is written: a hook that says no leaves the code as it was.
    let signed_in = session.tokens(app, user, 0, client).await?;
    let batch = vec![
        sessions::insert_if(&session, client, app.now(), |writer| flow_states::stands(&id, writer)),
        flow_states::consume(&id),
        users::by_id(&flow.user_id),
    ];
    let results = store::run(database, batch).await?;
    match (results.happened(0)?, results.happened(1)?, results.first::<User>(2)?) {
        (true, true, Some(user)) => {
            let refresh_token = flow.provider_refresh_token.unwrap_or_default();
            let provider_tokens =
                flow.provider_access_token.map(|access_token| (access_token, refresh_token));
            Ok(SignedIn { user, provider_tokens, ..signed_in })
        }
        (false, true, Some(_)) => Err(Error::BannedAtSignIn),
        _ => Err(Error::FlowStateNotFound),
    }
}
