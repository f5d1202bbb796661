//! Exchanging a refresh token for new tokens.

use serde_json::{Value, json};

use super::audit::{self, Action, Actor};
use super::edge;
use super::error::Error;
use super::model::User;
use super::oauth_server::error::OAuthServerError;
use super::refresh_token::RefreshToken;
use super::session::{Client, Session, SignedIn};
use super::store::sessions::{Ending, SessionKey};
use super::store::{self, sessions, users};
use crate::app::App;
use crate::time::Timestamp;

/// How often a refresh that lost against another one looks again.
const ATTEMPTS: usize = 3;

/// What to do about a presented token.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// It is the current one: move the counter to this.
    Rotate(u64),
    /// It is the one before, or one that other tabs are using too: answer the current one, write nothing. Says which, as upstream's
    /// header does.
    AnswerCurrent(&'static str),
    /// It is from before the second factor, and was on its way while that was shown: give it nothing.
    Refuse,
    /// It is old, so someone has a copy: end the session.
    EndSession,
}

/// New tokens of a session. The counter moves by one compare-and-set, so of two refreshes with one
/// token the slower finds its token to be the previous one and gets the same answer. A session of an app is
/// refreshed by that app alone, which has shown that it is `oauth_client_id`.
pub async fn refresh(
    app: &App,
    token: &str,
    oauth_client_id: Option<&str>,
    client: &Client,
) -> Result<SignedIn, Error> {
    let presented = RefreshToken::parse(token)?;
    for _ in 0..ATTEMPTS {
        let (session, user) = read(app, &presented).await?;
        if user.is_banned(app.now()) {
            return Err(Error::BannedAtRefresh);
        }
        if let Some(expired) = session.expiry(&app.config.auth, app.now()) {
            return Err(expired);
        }
        refuse_other_client(&session, oauth_client_id)?;
        match decide(&session, presented.counter, app.now(), app.config.auth.reuse_seconds) {
            Step::Rotate(next) => {
                if rotate(app, &session, next, client).await? {
                    let (actor, ip) = (Actor::User(&user), client.ip.as_deref());
                    audit::record(app, actor, Action::TokenRefreshed, ip, Value::Null).await;
                    let signed_in = session.tokens(app, user, next, client).await?;
                    return Ok(SignedIn { reuse: Some(""), ..signed_in });
                }
            }
            Step::AnswerCurrent(why) => {
                let current = session.refresh_token_counter;
                let signed_in = session.tokens(app, user, current, client).await?;
                return Ok(SignedIn { reuse: Some(why), ..signed_in });
            }
            Step::Refuse => return Err(Error::RefreshTokenAlreadyUsed),
            Step::EndSession => {
                end_session(app, &session).await?;
                let (actor, ip) = (Actor::User(&user), client.ip.as_deref());
                audit::record(app, actor, Action::TokenRevoked, ip, Value::Null).await;
                return Err(Error::RefreshTokenAlreadyUsed);
            }
        }
    }
    Err(Error::Conflict)
}

fn refuse_other_client(session: &Session, oauth_client_id: Option<&str>) -> Result<(), Error> {
    let description = match (session.oauth_client_id.as_deref(), oauth_client_id) {
        (of, by) if of == by => return Ok(()),
        (Some(_), None) => "Client authentication required for OAuth session",
        (Some(_), Some(_)) => "Client does not match the session's OAuth client",
        (None, _) => "Client authentication not allowed for non-OAuth session",
    };
    Err(OAuthServerError::Token("invalid_client", description.into()).into())
}

async fn read(app: &App, presented: &RefreshToken) -> Result<(Session, User), Error> {
    let id = presented.session_id.to_string();
    let results =
        store::run(app.ports.database.as_ref(), vec![sessions::by_id(&id), users::by_session(&id)]).await?;
    match (results.first::<Session>(0)?, results.first(1)?) {
        (Some(session), Some(user)) if presented.is_signed_with(&session.refresh_token_key()?) => {
            Ok((session, user))
        }
        _ => Err(Error::RefreshTokenNotFound),
    }
}

fn decide(session: &Session, presented: u64, now: Timestamp, reuse_seconds: u64) -> Step {
    // A signed counter ahead of the row means the row was restored from a backup; the token is still the newest.
    let behind = session.refresh_token_counter.saturating_sub(presented);
    let reuse_seconds = reuse_seconds.try_into().unwrap_or(i64::MAX);
    let refreshed_at = session.refreshed_at.as_deref().and_then(Timestamp::parse);
    let in_reuse_interval = refreshed_at.is_some_and(|at| now < at.plus_seconds(reuse_seconds));
    match behind {
        0 => Step::Rotate(presented.saturating_add(1)),
        // Its holder never got the answer, or runs in two tabs; upstream forgives this at any time.
        1 if in_reuse_interval => Step::AnswerCurrent("concurrent-refresh,fail-to-save"),
        1 => Step::AnswerCurrent("fail-to-save"),
        _ if in_reuse_interval && presented < session.refresh_token_floor => Step::Refuse,
        _ if in_reuse_interval => Step::AnswerCurrent("concurrent-refresh"),
        _ => Step::EndSession,
    }
}

async fn rotate(app: &App, session: &Session, next: u64, client: &Client) -> Result<bool, Error> {
    let statement = sessions::rotate(session, next, client, app.now());
    Ok(store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)?)
}

async fn end_session(app: &App, session: &Session) -> Result<(), Error> {
    let statement = sessions::end(&session.user_id, Ending::One(&session.id), None);
    store::run(app.ports.database.as_ref(), vec![statement]).await?;
    edge::revoke(app, &[SessionKey::of(session)]).await;
    let line = json!({
        "at": app.now().to_milliseconds(),
        "level": "warn",
        "message": "an old refresh token came again; its session has ended",
        "session_id": session.id,
    });
    app.ports.log.line(&line.to_string());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_judged_by_how_far_behind_it_is() {
        let now = Timestamp::from_seconds(1_800_000_000);
        let rows = [
            (5, 0, 5, Some(-1000), Step::Rotate(6)),
            (5, 0, 5, None, Step::Rotate(6)),
            (5, 0, 7, None, Step::Rotate(8)),
            (5, 0, 4, Some(-1000), Step::AnswerCurrent("fail-to-save")),
            (5, 0, 4, Some(-9), Step::AnswerCurrent("concurrent-refresh,fail-to-save")),
            (5, 0, 3, Some(-9), Step::AnswerCurrent("concurrent-refresh")),
            (5, 0, 3, Some(-10), Step::EndSession),
            (5, 0, 0, Some(-1000), Step::EndSession),
            (5, 0, 0, None, Step::EndSession),
            (5, 5, 5, Some(-9), Step::Rotate(6)),
            (5, 5, 3, Some(-9), Step::Refuse),
            (6, 5, 3, Some(-9), Step::Refuse),
            (6, 5, 5, Some(-1000), Step::AnswerCurrent("fail-to-save")),
            (6, 5, 3, Some(-10), Step::EndSession),
        ];
        for (stored, floor, presented, refreshed, expected) in rows {
            let session = Session {
                id: String::new(),
                user_id: String::new(),
                aal: String::new(),
                amr: Vec::new(),
                refresh_token_hmac_key: String::new(),
                refresh_token_counter: stored,
                refresh_token_floor: floor,
                created_at: String::new(),
                refreshed_at: refreshed.map(|seconds| now.plus_seconds(seconds).to_postgres()),
                oauth_client_id: None,
                scopes: None,
            };
            assert_eq!(
                decide(&session, presented, now, 10),
                expected,
                "{presented} of {stored} from {floor}, {refreshed:?}"
            );
        }
    }
}
