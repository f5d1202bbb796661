//! Codes that stand in for a lost second factor: a set of ten, each good once, shown once.
//!
//! Paths and shapes are auth-js' `mfa.recoveryCodes`. To the rest of the API the set is a verified factor of
//! the type `recovery_code`, which is never the only one: it goes with the last other.

use serde_json::json;

use super::account::{self, ATTEMPTS, Current};
use super::audit::{self, Action, Actor};
use super::edge;
use super::enrolment::permanent_session;
use super::error::Error;
use super::lockout;
use super::model::User;
use super::session::{Client, Session, SignedIn};
use super::store::recovery_codes::{Codes, MOVED};
use super::store::sessions::SessionKey;
use super::store::{self, recovery_codes, sessions, users};
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;
use crate::ports::DbError;
use crate::time::Timestamp;

/// Codes of a set.
const TOTAL: usize = 10;

/// Random bytes of a code: 80 bits, sixteen letters and digits.
const BYTES: usize = 10;

/// What a set without a name is called.
const NAME: &str = "Recovery codes";

/// The `amr` method of whoever shows one.
pub const METHOD: &str = "mfa/recovery_code";

/// A new set, for the only time that its codes are seen.
pub struct Fresh {
    pub id: String,
    pub friendly_name: String,
    pub codes: Vec<String>,
}

/// The caller's set without its codes.
pub async fn status(app: &App, caller: &Caller) -> Result<Codes, Error> {
    let (me, codes) = read(app, caller).await?;
    permanent_session(&me)?;
    codes.ok_or(Error::FactorNotFound)
}

/// Makes the caller's first set.
pub async fn generate(app: &App, caller: &Caller, friendly_name: Option<&str>) -> Result<Fresh, Error> {
    if !app.config.auth.mfa.recovery_codes_enroll_enabled {
        return Err(Error::RecoveryCodesEnrolmentDisabled);
    }
    let (me, codes) = read(app, caller).await?;
    let session = permanent_session(&me)?;
    if !me.user.factors.iter().any(|factor| factor.is_verified() && !factor.is_recovery_codes()) {
        return Err(Error::RecoveryCodesSoleFactor);
    }
    if !session.is_aal2() {
        return Err(Error::EnrolmentNeedsAal2);
    }
    if codes.is_some() {
        return Err(Error::RecoveryCodesExist);
    }
    let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
    let fresh =
        Fresh { id, friendly_name: friendly_name.unwrap_or(NAME).to_string(), codes: random_codes(app) };
    let statement =
        recovery_codes::insert(&me.user.id, &fresh, &hashes(app, &me.user, &fresh.codes), app.now());
    if !store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
        return Err(Error::RecoveryCodesExist);
    }
    let traits = json!({"factor_id": fresh.id, "factor_type": "recovery_code"});
    audit::record(app, Actor::User(&me.user), Action::FactorInProgress, None, traits).await;
    Ok(fresh)
}

/// Replaces the caller's set: the old codes are good for nothing from then on.
pub async fn regenerate(app: &App, caller: &Caller) -> Result<Fresh, Error> {
    let (me, codes) = read(app, caller).await?;
    let session = permanent_session(&me)?;
    let codes = codes.ok_or(Error::FactorNotFound)?;
    if !session.is_aal2() {
        return Err(Error::EnrolmentNeedsAal2);
    }
    let fresh = Fresh { id: codes.factor_id, friendly_name: codes.friendly_name, codes: random_codes(app) };
    let hashes = hashes(app, &me.user, &fresh.codes);
    let statement = recovery_codes::replace(&me.user.id, &fresh, &hashes, app.now());
    if !store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
        return Err(Error::FactorNotFound);
    }
    Ok(fresh)
}

/// Gives up the caller's set; gives its id.
pub async fn unenroll(app: &App, caller: &Caller) -> Result<String, Error> {
    let (me, codes) = read(app, caller).await?;
    let session = permanent_session(&me)?;
    let codes = codes.ok_or(Error::FactorNotFound)?;
    if !session.is_aal2() {
        return Err(Error::UnenrolmentNeedsAal2);
    }
    let batch = vec![
        recovery_codes::delete(&me.user.id),
        sessions::lower(&me.user.id, &codes.factor_id, METHOD, app.now()),
    ];
    store::run(app.ports.database.as_ref(), batch).await?;
    let traits = json!({"factor_id": codes.factor_id, "session_id": session.id});
    audit::record(app, Actor::User(&me.user), Action::FactorUnenrolled, None, traits).await;
    Ok(codes.factor_id)
}

/// Raises the caller's session to aal2 with a code, as it was typed. A right one is spent; a wrong one is
/// counted before anyone is told that it was wrong.
pub async fn verify(app: &App, caller: &Caller, code: &str, client: &Client) -> Result<SignedIn, Error> {
    if !app.config.auth.mfa.recovery_codes_verify_enabled {
        return Err(Error::RecoveryCodesVerificationDisabled);
    }
    for _ in 0..ATTEMPTS {
        let (me, codes) = read(app, caller).await?;
        permanent_session(&me)?;
        let session = me.session.ok_or(Error::SessionRequired)?;
        let codes = codes.ok_or(Error::RecoveryCodeWrong)?;
        refuse_locked(&codes, app.now())?;
        let hash = hash(app, &me.user, code);
        let left: Vec<&String> = codes
            .code_hashes
            .iter()
            .filter(|known| !crypto::equal_secrets(known.as_bytes(), hash.as_bytes()))
            .collect();
        if left.len() == codes.code_hashes.len() {
            let statement = recovery_codes::count_failure(&me.user.id, codes.failed_attempts, app.now());
            if store::run(app.ports.database.as_ref(), vec![statement]).await?.happened(0)? {
                return Err(Error::RecoveryCodeWrong);
            }
        } else if let Some(signed_in) = raise(app, me.user, session, &codes, &left, client).await? {
            return Ok(signed_in);
        }
    }
    Err(Error::Conflict)
}

/// One batch: the code is spent and the session raised, or nothing. `None` when something moved since.
async fn raise(
    app: &App,
    user: User,
    session: Session,
    codes: &Codes,
    left: &[&String],
    client: &Client,
) -> Result<Option<SignedIn>, Error> {
    let now = app.now();
    let unchanged = recovery_codes::unchanged(&user.id, codes, &session);
    let session = session.raised(METHOD, now);
    // Before anything is written: a hook that says no leaves the session and the code as they were.
    let signed_in = session.tokens(app, user.clone(), session.refresh_token_counter, client).await?;
    let batch = vec![
        unchanged,
        recovery_codes::spend(&user.id, &json!(left).to_string(), now),
        sessions::raise(&session, &codes.factor_id),
        sessions::end_aal1(&user.id),
        users::by_id(&user.id),
    ];
    let results = match store::run(app.ports.database.as_ref(), batch).await {
        Err(DbError::Raised(what)) if what == MOVED => return Ok(None),
        results => results?,
    };
    edge::revoke(app, &results.all::<SessionKey>(3)?).await;
    let user: User = results.first(4)?.ok_or(Error::TokenUserNotFound)?;
    let traits = json!({"factor_id": codes.factor_id, "factor_type": "recovery_code"});
    let ip = client.ip.as_deref();
    audit::record(app, Actor::User(&user), Action::VerificationAttempted, ip, traits).await;
    Ok(Some(SignedIn { user, ..signed_in }))
}

async fn read(app: &App, caller: &Caller) -> Result<(Current, Option<Codes>), Error> {
    let (me, results) =
        account::current_with(app, caller, |user_id| vec![recovery_codes::of_user(user_id)]).await?;
    let codes = results.first(0)?;
    Ok((me, codes))
}

fn refuse_locked(codes: &Codes, now: Timestamp) -> Result<(), Error> {
    let failed_at = codes.last_failed_at.as_deref().and_then(Timestamp::parse);
    let Some(failed_at) = failed_at else { return Ok(()) };
    let opens_at = failed_at.plus_seconds(lockout::wait_seconds(codes.failed_attempts));
    if now >= opens_at {
        return Ok(());
    }
    Err(Error::RecoveryCodesLocked(opens_at.seconds().saturating_sub(now.seconds()).max(1)))
}

fn random_codes(app: &App) -> Vec<String> {
    let code = || {
        let bytes = crypto::random_bytes(app.ports.random.as_ref(), BYTES);
        base32::encode(base32::Alphabet::Rfc4648Lower { padding: false }, &bytes)
    };
    std::iter::repeat_with(code).take(TOTAL).collect()
}

fn hashes(app: &App, user: &User, codes: &[String]) -> String {
    let hashes: Vec<String> = codes.iter().map(|code| hash(app, user, code)).collect();
    json!(hashes).to_string()
}

/// Case, spaces and dashes are how somebody wrote it down.
fn hash(app: &App, user: &User, code: &str) -> String {
    let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let key = crypto::hmac_sha256(app.config.jwt_secret.as_bytes(), b"recovery codes");
    let signed = format!("{}\n{}", user.id, code.to_lowercase());
    crypto::hex(&crypto::hmac_sha256(&key, signed.as_bytes()))
}
