//! Challenging a second factor and verifying its codes, which raises the session to aal2.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{self, Current};
use super::audit::{self, Action, Actor};
use super::edge;
use super::enrolment::{owned, permanent_session};
use super::error::Error;
use super::factor::{Challenge, Factor, FactorState};
use super::hook::{self, Verdict};
use super::model::User;
use super::notice::{self, Notice};
use super::phone_factor::{self, PhoneCode};
use super::session::{Client, Session, SignedIn};
use super::sign_out;
use super::sms::Channel;
use super::store::factors::{Judged, MOVED};
use super::store::sessions::SessionKey;
use super::store::{self, factors, sessions, users};
use super::totp::Secret;
use super::webauthn::error::PasskeyError;
use super::webauthn_factor;
use crate::app::App;
use crate::caller::Caller;
use crate::config::HookKind;
use crate::crypto;
use crate::ports::DbError;
use crate::sql::Statement;
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
    pub factor_type: String,
    pub expires_at: Timestamp,
    /// What a browser needs to have an authenticator answer.
    pub webauthn: Option<Value>,
}

/// Puts a question to the caller's factor; a phone is sent a code by the channel. It can be answered once,
/// from the same address, and not for long.
pub async fn challenge(
    app: &App,
    caller: &Caller,
    factor_id: Uuid,
    channel: Option<&str>,
    client: &Client,
) -> Result<Challenged, Error> {
    let me = account::current(app, caller).await?;
    permanent_session(&me)?;
    let factor = owned(&me.user, &factor_id.to_string())?;
    usable(app, &me, factor)?;
    let webauthn = match factor.factor_type.as_str() {
        "webauthn" => Some(webauthn_factor::question(app, &me, factor).await?),
        _ => None,
    };
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let now = app.now();
    let code = match factor.factor_type.as_str() {
        "phone" => Some((Channel::parse(app, channel)?, PhoneCode::issue(app, factor)?)),
        _ => None,
    };
    let challenge = Challenge {
        created_at: now.to_postgres(),
        verified_at: None,
        ip_address: client.ip.clone().unwrap_or_default(),
        code_hash: code.as_ref().map(|(_, code)| code.hash_for(app, &id)),
        id,
    };
    let asked = webauthn.as_ref().map(|(asked, _)| asked.as_str());
    put(app, &me.user, factor, &challenge, asked, now).await?;
    if let Some((channel, code)) = code
        && let Err(error) = code.deliver(app, &me.user, channel, client.ip.as_deref()).await
    {
        let before = factor.last_challenged_at.as_deref();
        let undo = factors::not_challenged(&me.user.id, &factor.id, &challenge.id, before);
        store::run(app.ports.database.as_ref(), undo).await?;
        return Err(error);
    }
    let traits = json!({"factor_id": factor.id, "factor_status": factor.status});
    let ip = client.ip.as_deref();
    audit::record(app, Actor::User(&me.user), Action::ChallengeCreated, ip, traits).await;
    let expires_at = now.plus_seconds(challenge_seconds(app));
    let webauthn = webauthn.map(|(_, options)| options);
    Ok(Challenged { id: challenge.id, factor_type: factor.factor_type.clone(), expires_at, webauthn })
}

/// Stores a challenge, with what it asks of an authenticator, and forgets old ones.
async fn put(
    app: &App,
    user: &User,
    factor: &Factor,
    challenge: &Challenge,
    asked: Option<&str>,
    now: Timestamp,
) -> Result<(), Error> {
    let challenged = match challenge.code_hash {
        None => factors::challenged(&user.id, &factor.id, now),
        Some(_) => factors::challenged_after(&user.id, &factor.id, factor.last_challenged_at.as_deref(), now),
    };
    let mut batch = vec![
        challenged,
        factors::delete_challenges(&user.id, &factor.id, now.plus_seconds(-KEPT_SECONDS)),
        factors::insert_challenge(&user.id, &factor.id, challenge),
    ];
    if let Some(asked) = asked {
        batch.push(factors::keep_factor_challenge(&user.id, &factor.id, &challenge.id, asked));
    }
    if store::run(app.ports.database.as_ref(), batch).await?.happened(0)? {
        return Ok(());
    }
    match challenge.code_hash {
        None => Err(Error::FactorNotFound),
        Some(_) => Err(Error::SmsTooSoon(app.config.auth.mfa.phone_frequency_seconds)),
    }
}

/// Whether the caller may go on with their factor. One that was never verified is enrolled by its first code, which takes aal2 as
/// enrolling does: else whoever had the password before the user had a factor could have left one to wait.
pub(super) fn usable(app: &App, me: &Current, factor: &Factor) -> Result<(), Error> {
    let config = &app.config.auth.mfa;
    match factor.factor_type.as_str() {
        "phone" if !config.phone_verify_enabled => Err(Error::PhoneVerificationDisabled),
        "webauthn" if !config.webauthn_verify_enabled => Err(PasskeyError::FactorDisabled.into()),
        "totp" if !config.totp_verify_enabled => Err(Error::TotpVerificationDisabled),
        _ if !factor.is_verified() && !me.is_fully_assured() => Err(Error::EnrolmentNeedsAal2),
        _ => Ok(()),
    }
}

fn challenge_seconds(app: &App) -> i64 {
    app.config.auth.mfa.challenge_seconds.try_into().unwrap_or(i64::MAX)
}

/// What someone answers to a challenge.
pub struct Answer<'a> {
    pub factor_id: Uuid,
    pub challenge_id: Uuid,
    /// Digits.
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
        match judge(app, &question, answer.code).await? {
            Judgement::Right(step) => {
                ask_hook(app, &question, true, client).await?;
                if let Some(signed_in) = raise(app, question, step, Vec::new(), client).await? {
                    return Ok(signed_in);
                }
            }
            Judgement::Wrong(error) => {
                if count_failure(app, &question).await? {
                    ask_hook(app, &question, false, client).await?;
                    return Err(error);
                }
            }
        }
    }
    Err(Error::Conflict)
}

/// All that an answer is judged by.
pub(super) struct Question {
    pub user: User,
    pub session: Session,
    pub factor: Factor,
    pub state: FactorState,
    pub challenge: Challenge,
}

async fn read(app: &App, caller: &Caller, answer: &Answer<'_>) -> Result<Question, Error> {
    let (factor_id, challenge_id) = (answer.factor_id.to_string(), answer.challenge_id.to_string());
    let (me, results) = account::current_with(app, caller, |user_id| {
        vec![factors::state(user_id, &factor_id), factors::challenge(user_id, &factor_id, &challenge_id)]
    })
    .await?;
    permanent_session(&me)?;
    let factor = owned(&me.user, &factor_id)?.clone();
    usable(app, &me, &factor)?;
    Ok(Question {
        factor,
        state: results.first(0)?.ok_or(Error::FactorNotFound)?,
        challenge: results.first(1)?.ok_or(Error::ChallengeNotFound)?,
        session: me.session.ok_or(Error::SessionRequired)?,
        user: me.user,
    })
}

pub(super) fn refuse_challenge(app: &App, challenge: &Challenge, client: &Client) -> Result<(), Error> {
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

/// Asks the project's own hook; a rejection ends all of the user's sessions.
async fn ask_hook(app: &App, question: &Question, is_right: bool, client: &Client) -> Result<(), Error> {
    if !hook::is_on(app, HookKind::MfaVerificationAttempt) {
        return Ok(());
    }
    let (user, factor) = (&question.user, &question.factor);
    let ip = client.ip.as_deref();
    match hook::mfa_attempt(app, ip, &user.id, &factor.id, &factor.factor_type, is_right).await? {
        Verdict::Continue => Ok(()),
        Verdict::Reject { error, .. } => {
            sign_out::end_all(app, &user.id).await?;
            Err(error)
        }
    }
}

/// What an answer is.
enum Judgement {
    /// With the step of an authenticator app's code, which is spent then.
    Right(Option<i64>),
    /// With what its sender is told.
    Wrong(Error),
}

async fn judge(app: &App, question: &Question, code: &str) -> Result<Judgement, Error> {
    if question.factor.factor_type == "phone" {
        let is_right = phone_factor::is_right(app, &question.factor, &question.challenge, code).await?;
        return Ok(if is_right { Judgement::Right(None) } else { Judgement::Wrong(Error::PhoneCodeWrong) });
    }
    let state = &question.state;
    let secret = state.secret.as_deref().and_then(Secret::from_base32);
    let secret = secret.ok_or_else(|| Error::Unexpected("a factor's secret is not base32".into()))?;
    Ok(match secret.step_of(code, app.now(), state.last_used_step) {
        Some(step) => Judgement::Right(Some(step)),
        None => Judgement::Wrong(Error::TotpCodeWrong),
    })
}

/// One batch, with `more` at its end: either all of it happens on what was judged, or nothing. `None` when
/// something moved since.
pub(super) async fn raise(
    app: &App,
    question: Question,
    step: Option<i64>,
    more: Vec<Statement>,
    client: &Client,
) -> Result<Option<SignedIn>, Error> {
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
    let session = session.raised(factor.method(), now);
    // Before anything is written: a hook that says no leaves the session as it was.
    let signed_in = session.tokens(app, user.clone(), session.refresh_token_counter, client).await?;
    let mut batch = vec![
        unchanged,
        factors::accept(&user.id, &factor.id, step, now),
        factors::close_challenge(&user.id, &factor.id, &challenge.id, now),
        factors::delete_unverified(&user.id, &factor.factor_type),
        sessions::raise(&session, &factor.id),
        sessions::end_aal1(&user.id),
        users::by_id(&user.id),
    ];
    batch.extend(more);
    let results = match store::run(app.ports.database.as_ref(), batch).await {
        Err(DbError::Raised(what)) if what == MOVED => return Ok(None),
        results => results?,
    };
    edge::revoke(app, &results.all::<SessionKey>(5)?).await;
    let user: User = results.first(6)?.ok_or(Error::TokenUserNotFound)?;
    let traits = json!({
        "factor_id": factor.id,
        "challenge_id": challenge.id,
        "factor_type": factor.factor_type,
    });
    let ip = client.ip.as_deref();
    audit::record(app, Actor::User(&user), Action::VerificationAttempted, ip, traits).await;
    if !factor.is_verified() {
        notice::send(app, &user, Notice::FactorEnrolled(&factor.factor_type), client.ip.as_deref()).await;
    }
    Ok(Some(SignedIn { user, ..signed_in }))
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
