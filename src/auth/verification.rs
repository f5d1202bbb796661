//! Challenging a second factor and verifying its codes, which raises the session to aal2.

use uuid::Uuid;

use super::account;
use super::edge;
use super::enrolment::{owned, permanent_session};
use super::error::Error;
use super::factor::{Challenge, Factor, FactorState};
use super::model::User;
use super::session::{Client, Session, SignedIn};
use super::store::factors::{Judged, MOVED};
use super::store::sessions::SessionKey;
use super::store::{self, factors, sessions, users};
use super::totp::Secret;
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;
use crate::ports::DbError;
use crate::time::Timestamp;

/// How often an answer that met another one is judged anew.
const ATTEMPTS: usize = 5;

/// Wrong codes in a row before each further one has to wait.
const FREE_ATTEMPTS: u32 = 10;

/// The first wait; it doubles with each wrong code.
const FIRST_WAIT_SECONDS: i64 = 30;

/// The longest wait. Whoever has someone's password can keep them waiting as long, but in a year of
/// guesses comes on one in ten accounts.
const LONGEST_WAIT_SECONDS: i64 = 900;

/// How long challenges are kept, to tell an expired one from one that never was.
const KEPT_SECONDS: i64 = 24 * 3600;

/// A question put to a factor.
pub struct Challenged {
    pub id: String,
    pub expires_at: Timestamp,
}

/// Puts a question to the caller's factor. It can be answered once, from the same address, and not for long.
pub async fn challenge(
    app: &App,
    caller: &Caller,
    factor_id: Uuid,
    client: &Client,
) -> Result<Challenged, Error> {
    let me = account::current(app, caller).await?;
    permanent_session(&me)?;
    let factor = owned(&me.user, &factor_id.to_string())?;
    usable(app)?;
    let now = app.now();
    let challenge = Challenge {
        id: crypto::random_uuid(app.ports.random.as_ref()).to_string(),
        created_at: now.to_postgres(),
        verified_at: None,
        ip_address: client.ip.clone().unwrap_or_default(),
    };
    let batch = vec![
        factors::challenged(&me.user.id, &factor.id, now),
        factors::delete_challenges(&me.user.id, &factor.id, now.plus_seconds(-KEPT_SECONDS)),
        factors::insert_challenge(&me.user.id, &factor.id, &challenge),
    ];
    if !store::run(app.ports.database.as_ref(), batch).await?.happened(0)? {
        return Err(Error::FactorNotFound);
    }
    Ok(Challenged { id: challenge.id, expires_at: now.plus_seconds(challenge_seconds(app)) })
}

fn usable(app: &App) -> Result<(), Error> {
    if app.config.auth.mfa.totp_verify_enabled { Ok(()) } else { Err(Error::TotpVerificationDisabled) }
}

fn challenge_seconds(app: &App) -> i64 {
    app.config.auth.mfa.challenge_seconds.try_into().unwrap_or(i64::MAX)
}

/// What someone answers to a challenge.
pub struct Answer<'a> {
    pub factor_id: Uuid,
    pub challenge_id: Uuid,
    /// Six digits.
    pub code: &'a str,
}

/// Raises the caller's session to aal2. A right code is spent, verifies the factor, and ends the user's
/// sessions below aal2; a wrong one is counted before anyone is told that it was wrong, so that
/// guesses cannot be tried side by side.
pub async fn verify(
    app: &App,
    caller: &Caller,
    answer: &Answer<'_>,
    client: &Client,
) -> Result<SignedIn, Error> {
    for _ in 0..ATTEMPTS {
        let question = read(app, caller, answer).await?;
        refuse_challenge(app, &question.challenge, client)?;
        refuse_locked(&question.state, app.now())?;
        match step_of(app, &question.state, answer.code)? {
            Some(step) => {
                if let Some(signed_in) = raise(app, question, step, client).await? {
                    return Ok(signed_in);
                }
            }
            None => {
                if count_failure(app, &question).await? {
                    return Err(Error::TotpCodeWrong);
                }
            }
        }
    }
    Err(Error::Conflict)
}

/// All that an answer is judged by.
struct Question {
    user: User,
    session: Session,
    factor: Factor,
    state: FactorState,
    challenge: Challenge,
}

async fn read(app: &App, caller: &Caller, answer: &Answer<'_>) -> Result<Question, Error> {
    let (factor_id, challenge_id) = (answer.factor_id.to_string(), answer.challenge_id.to_string());
    let (me, results) = account::current_with(app, caller, |user_id| {
        vec![factors::state(user_id, &factor_id), factors::challenge(user_id, &factor_id, &challenge_id)]
    })
    .await?;
    permanent_session(&me)?;
    let factor = owned(&me.user, &factor_id)?.clone();
    usable(app)?;
    Ok(Question {
        factor,
        state: results.first(0)?.ok_or(Error::FactorNotFound)?,
        challenge: results.first(1)?.ok_or(Error::ChallengeNotFound)?,
        session: me.session.ok_or(Error::SessionRequired)?,
        user: me.user,
    })
}

fn refuse_challenge(app: &App, challenge: &Challenge, client: &Client) -> Result<(), Error> {
    let is_elsewhere = challenge.ip_address != client.ip.as_deref().unwrap_or_default();
    if challenge.verified_at.is_some() || is_elsewhere {
        return Err(Error::ChallengeElsewhere);
    }
    let asked_at = Timestamp::parse(&challenge.created_at);
    let expires_at = asked_at.map(|asked_at| asked_at.plus_seconds(challenge_seconds(app)));
    if expires_at.is_none_or(|expires_at| expires_at <= app.now()) {
        return Err(Error::ChallengeExpired(challenge.id.clone()));
    }
    Ok(())
}

fn refuse_locked(state: &FactorState, now: Timestamp) -> Result<(), Error> {
    let failed_at = state.last_failed_at.as_deref().and_then(Timestamp::parse);
    let Some(failed_at) = failed_at else { return Ok(()) };
    let opens_at = failed_at.plus_seconds(wait_seconds(state.failed_attempts));
    if now >= opens_at {
        return Ok(());
    }
    Err(Error::FactorLocked(opens_at.seconds().saturating_sub(now.seconds()).max(1)))
}

/// How long the next code has to wait after so many wrong ones.
fn wait_seconds(failed_attempts: u32) -> i64 {
    match failed_attempts.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(more) => (FIRST_WAIT_SECONDS << more.min(10)).min(LONGEST_WAIT_SECONDS),
    }
}

fn step_of(app: &App, state: &FactorState, code: &str) -> Result<Option<i64>, Error> {
    let secret = state.secret.as_deref().and_then(Secret::from_base32);
    let secret = secret.ok_or_else(|| Error::Unexpected("a factor's secret is not base32".into()))?;
    Ok(secret.step_of(code, app.now(), state.last_used_step))
}

/// One batch: either all of it happens on what was judged, or nothing. `None` when something moved since.
async fn raise(app: &App, question: Question, step: i64, client: &Client) -> Result<Option<SignedIn>, Error> {
    let Question { user, session, factor, state, challenge } = question;
    let now = app.now();
    let judged = Judged {
        user_id: &user.id,
        factor_id: &factor.id,
        challenge_id: &challenge.id,
        session_id: &session.id,
        refresh_token_counter: session.refresh_token_counter,
        state: &state,
    };
    let unchanged = factors::unchanged(&judged);
    let session = session.raised(&factor.factor_type, now);
    let batch = vec![
        unchanged,
        factors::accept(&user.id, &factor.id, step, now),
        factors::close_challenge(&user.id, &factor.id, &challenge.id, now),
        factors::delete_unverified(&user.id, &factor.factor_type),
        sessions::raise(&session, &factor.id),
        sessions::end_aal1(&user.id),
        users::by_id(&user.id),
    ];
    let results = match store::run(app.ports.database.as_ref(), batch).await {
        Err(DbError::Raised(what)) if what == MOVED => return Ok(None),
        results => results?,
    };
    edge::revoke(app, &results.all::<SessionKey>(5)?).await;
    let user = results.first(6)?.ok_or(Error::TokenUserNotFound)?;
    let counter = session.refresh_token_counter;
    session.tokens(app, user, counter, client).await.map(Some)
}

async fn count_failure(app: &App, question: &Question) -> Result<bool, Error> {
    let failed_attempts = question.state.failed_attempts;
    let statement =
        factors::count_failure(&question.user.id, &question.factor.id, failed_attempts, app.now());
    Ok(store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_after_ten_wrong_codes_up_to_a_quarter_of_an_hour() {
        let rows = [(0, 0), (9, 0), (10, 30), (11, 60), (12, 120), (14, 480), (15, 900), (u32::MAX, 900)];
        for (failed_attempts, seconds) in rows {
            assert_eq!(wait_seconds(failed_attempts), seconds, "{failed_attempts}");
        }
    }
}
