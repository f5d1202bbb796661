//! Enrolling second factors and giving them up.

use serde_json::json;
use uuid::Uuid;

use super::account::{self, ATTEMPTS, Current};
use super::administration;
use super::audit::{self, Action, Actor};
use super::error::Error;
use super::factor::Factor;
use super::model::User;
use super::notice::{self, Notice};
use super::phone_number::PhoneNumber;
use super::session::Session;
use super::store::factors::NewFactor;
use super::store::{self, factors, recovery_codes, sessions};
use super::totp::{self, Secret};
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;
use crate::sql::Statement;
use crate::time::Timestamp;

/// The most bytes of a factor's name: all factors of a user travel in every answer about the user.
const LONGEST_NAME: usize = 255;

/// How long someone who was asked for a first code may take to find it.
const CHALLENGED_SECONDS: i64 = 24 * 3600;

/// What a user calls a new factor.
pub struct Label {
    /// Tells the user's factors apart; may be empty, once.
    friendly_name: String,
    /// What the app shows the account under; `None` means the site's host.
    issuer: Option<String>,
}

impl Label {
    /// Checks what someone asks for.
    pub fn parse(friendly_name: Option<&str>, issuer: Option<&str>) -> Result<Self, Error> {
        let friendly_name = name(friendly_name.unwrap_or_default())?;
        Ok(Self { friendly_name, issuer: issuer.map(str::to_string) })
    }
}

fn name(text: &str) -> Result<String, Error> {
    if text.len() > LONGEST_NAME {
        return Err(Error::Validation(
            format!("friendly_name cannot be longer than {LONGEST_NAME} bytes").into(),
        ));
    }
    Ok(text.to_string())
}

/// A new factor, with what its user's authenticator app needs. It counts for nothing before a code of it
/// was right.
pub struct Enrolment {
    pub id: String,
    pub friendly_name: String,
    /// SVG.
    pub qr_code: String,
    /// Base32.
    pub secret: String,
    pub uri: String,
}

/// Enrols an authenticator app. Someone who has a verified factor must have shown it.
pub async fn enroll_totp(app: &App, caller: &Caller, label: &Label) -> Result<Enrolment, Error> {
    for _ in 0..ATTEMPTS {
        let me = account::current(app, caller).await?;
        let session = permanent_session(&me)?;
        let (abandoned, kept) = me.user.factors.iter().partition(|factor| is_abandoned(app, factor));
        refuse_another(app, &me, kept, label)?;
        let enrolment = enrolment(app, &me.user, label)?;
        let factor = NewFactor {
            id: &enrolment.id,
            user_id: &session.user_id,
            session_id: &session.id,
            friendly_name: &enrolment.friendly_name,
            factor_type: "totp",
            secret: Some(&enrolment.secret),
            phone: None,
        };
        if insert(app, &me.user, abandoned, factor).await? {
            return Ok(enrolment);
        }
    }
    Err(Error::Conflict)
}

/// The session of someone with an account of their own: factors are neither for anonymous users nor
/// for tokens that no session stands behind.
pub fn permanent_session(me: &Current) -> Result<&Session, Error> {
    if me.user.is_anonymous != 0 {
        return Err(Error::AnonymousNotAllowed);
    }
    me.session.as_ref().ok_or(Error::SessionRequired)
}

/// Whether a factor that was never verified gives way to a new one.
fn is_abandoned(app: &App, factor: &Factor) -> bool {
    let (since, seconds) = match &factor.last_challenged_at {
        Some(challenged) => (challenged, CHALLENGED_SECONDS),
        None => (&factor.created_at, app.config.auth.mfa.factor_seconds.try_into().unwrap_or(i64::MAX)),
    };
    let until = Timestamp::parse(since).map(|since| since.plus_seconds(seconds));
    !factor.is_verified() && until.is_none_or(|until| until <= app.now())
}

/// In upstream's order, which decides what a client with several mistakes hears.
fn refuse_another(app: &App, me: &Current, kept: Vec<&Factor>, label: &Label) -> Result<(), Error> {
    if kept.iter().any(|factor| factor.friendly_name == label.friendly_name) {
        return Err(Error::FactorNameTaken(label.friendly_name.clone()));
    }
    let verified = kept.iter().filter(|factor| factor.is_verified()).count();
    let config = &app.config.auth.mfa;
    if kept.len() as u64 >= config.max_enrolled_factors || verified as u64 >= config.max_verified_factors {
        return Err(Error::TooManyFactors);
    }
    if me.is_fully_assured() { Ok(()) } else { Err(Error::EnrolmentNeedsAal2) }
}

fn enrolment(app: &App, user: &User, label: &Label) -> Result<Enrolment, Error> {
    let random = app.ports.random.as_ref();
    let secret = Secret::new(random);
    let issuer = label.issuer.as_deref().unwrap_or_else(|| host(&app.config.auth.site_url));
    let account = user.email.as_deref().or(user.phone.as_deref()).unwrap_or(&user.id);
    let uri = totp::uri(&secret, issuer, account);
    let too_long = || Error::Validation("issuer and account name are too long for a QR code".into());
    Ok(Enrolment {
        id: crypto::random_uuid(random).to_string(),
        friendly_name: label.friendly_name.clone(),
        qr_code: totp::qr_code(&uri).ok_or_else(too_long)?,
        secret: secret.to_base32(),
        uri,
    })
}

/// `https://example.com:8080/app` → `example.com:8080`
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

/// A new phone, which counts for nothing before a code sent there was right.
pub struct BareEnrolment {
    pub id: String,
    pub friendly_name: String,
}

/// Enrols a phone. Someone who has a verified factor must have shown it.
pub async fn enroll_phone(
    app: &App,
    caller: &Caller,
    label: &Label,
    phone: &PhoneNumber,
) -> Result<BareEnrolment, Error> {
    for _ in 0..ATTEMPTS {
        let me = account::current(app, caller).await?;
        let session = permanent_session(&me)?;
        let is_same = |factor: &Factor| {
            factor.factor_type == "phone" && factor.phone.as_deref() == Some(phone.as_str())
        };
        if me.user.factors.iter().any(|factor| is_same(factor) && factor.is_verified()) {
            return Err(Error::PhoneFactorExists);
        }
        let gives_way = |factor: &&Factor| is_same(factor) || is_abandoned(app, factor);
        let (abandoned, kept) = me.user.factors.iter().partition(gives_way);
        refuse_another(app, &me, kept, label)?;
        let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
        let factor = NewFactor {
            id: &id,
            user_id: &session.user_id,
            session_id: &session.id,
            friendly_name: &label.friendly_name,
            factor_type: "phone",
            secret: None,
            phone: Some(phone.as_str()),
        };
        if insert(app, &me.user, abandoned, factor).await? {
            return Ok(BareEnrolment { id, friendly_name: label.friendly_name.clone() });
        }
    }
    Err(Error::Conflict)
}

/// Enrols an authenticator, which makes its credential when it is challenged first. Gives the factor's id.
pub async fn enroll_webauthn(app: &App, caller: &Caller, label: &Label) -> Result<BareEnrolment, Error> {
    for _ in 0..ATTEMPTS {
        let me = account::current(app, caller).await?;
        let session = permanent_session(&me)?;
        let (abandoned, kept) = me.user.factors.iter().partition(|factor| is_abandoned(app, factor));
        refuse_another(app, &me, kept, label)?;
        let id = crypto::random_uuid(app.ports.random.as_ref()).to_string();
        let factor = NewFactor {
            id: &id,
            user_id: &session.user_id,
            session_id: &session.id,
            friendly_name: &label.friendly_name,
            factor_type: "webauthn",
            secret: None,
            phone: None,
        };
        if insert(app, &me.user, abandoned, factor).await? {
            return Ok(BareEnrolment { id, friendly_name: label.friendly_name.clone() });
        }
    }
    Err(Error::Conflict)
}

async fn insert(
    app: &App,
    user: &User,
    abandoned: Vec<&Factor>,
    factor: NewFactor<'_>,
) -> Result<bool, Error> {
    let abandoned: Vec<&str> = abandoned.iter().map(|factor| factor.id.as_str()).collect();
    let batch = vec![
        factors::delete_abandoned(&user.id, json!(abandoned).to_string()),
        factors::insert(&factor, app.config.auth.mfa.max_enrolled_factors, app.now()),
    ];
    let happened = store::run(app.ports.database.as_ref(), batch).await?.happened(1)?;
    if happened {
        let traits = json!({"factor_id": factor.id, "factor_type": factor.factor_type});
        audit::record(app, Actor::User(user), Action::FactorInProgress, None, traits).await;
    }
    Ok(happened)
}

/// Gives up one's factor: a verified one only with aal2, an unverified one always. Sessions that it raised go back to
/// aal1.
pub async fn unenroll(app: &App, caller: &Caller, factor_id: Uuid, ip: Option<&str>) -> Result<(), Error> {
    let factor_id = factor_id.to_string();
    for _ in 0..ATTEMPTS {
        let me = account::current(app, caller).await?;
        let session = permanent_session(&me)?;
        let factor = owned(&me.user, &factor_id)?;
        if factor.is_verified() && !session.is_aal2() {
            return Err(Error::UnenrolmentNeedsAal2);
        }
        let deletion = factors::delete_own(&me.user.id, &factor_id, &session.id);
        if remove(app, &me.user.id, factor, deletion).await? {
            let traits =
                json!({"factor_id": factor_id, "factor_status": factor.status, "session_id": session.id});
            audit::record(app, Actor::User(&me.user), Action::FactorUnenrolled, ip, traits).await;
            if factor.is_verified() {
                notice::send(app, &me.user, Notice::FactorUnenrolled(&factor.factor_type), ip).await;
            }
            return Ok(());
        }
    }
    Err(Error::Conflict)
}

/// The factor of that id among the user's.
pub fn owned<'a>(user: &'a User, factor_id: &str) -> Result<&'a Factor, Error> {
    user.factors
        .iter()
        .find(|factor| factor.id == factor_id && !factor.is_recovery_codes())
        .ok_or(Error::FactorNotFound)
}

async fn remove(app: &App, user_id: &str, factor: &Factor, deletion: Statement) -> Result<bool, Error> {
    let batch = vec![
        deletion,
        sessions::lower(user_id, &factor.id, factor.method(), app.now()),
        recovery_codes::delete_if_alone(user_id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    Ok(results.happened(0)?)
}

/// Removes someone's factor, as an administrator; gives it as it was.
pub async fn remove_any(app: &App, user_id: Uuid, factor_id: Uuid) -> Result<Factor, Error> {
    let user = administration::by_id(app, user_id).await?;
    let factor = owned(&user, &factor_id.to_string())?;
    let deletion = factors::delete(&user.id, &factor.id);
    if remove(app, &user.id, factor, deletion).await? {
        let traits = json!({"user_id": user.id, "factor_id": factor.id});
        audit::record(app, Actor::User(&user), Action::FactorDeleted, None, traits).await;
        Ok(factor.clone())
    } else {
        Err(Error::FactorNotFound)
    }
}

/// What an administrator changes of a factor; `None` stays as it is.
pub struct FactorChange<'a> {
    pub friendly_name: Option<&'a str>,
    /// Of a phone's factor; of another it changes nothing.
    pub phone: Option<&'a str>,
}

/// Changes someone's factor, as an administrator; gives it as it is then.
pub async fn change_any(
    app: &App,
    user_id: Uuid,
    factor_id: Uuid,
    change: &FactorChange<'_>,
) -> Result<Factor, Error> {
    let user = administration::by_id(app, user_id).await?;
    let factor = owned(&user, &factor_id.to_string())?;
    let friendly_name = change.friendly_name.map(name).transpose()?;
    let phone = change.phone.filter(|_| factor.factor_type == "phone").map(PhoneNumber::parse).transpose()?;
    let phone = phone.as_ref().map(PhoneNumber::as_str);
    if friendly_name.is_none() && phone.is_none() {
        return Ok(factor.clone());
    }
    let is_same = |other: &Factor| other.id != factor.id && other.phone.as_deref() == phone;
    if phone.is_some() && user.factors.iter().any(is_same) {
        return Err(Error::PhoneFactorExists);
    }
    let now = app.now();
    let batch = vec![factors::change(&user.id, &factor.id, friendly_name.as_deref(), phone, now)];
    if !store::run(app.ports.database.as_ref(), batch).await?.happened(0)? {
        return Err(friendly_name.map_or(Error::FactorNotFound, Error::FactorNameTaken));
    }
    let traits = json!({"user_id": user.id, "factor_id": factor.id, "factor_type": factor.factor_type});
    audit::record(app, Actor::Admin, Action::FactorUpdated, None, traits).await;
    Ok(Factor {
        friendly_name: friendly_name.unwrap_or_else(|| factor.friendly_name.clone()),
        phone: phone.map(str::to_string).or_else(|| factor.phone.clone()),
        updated_at: now.to_postgres(),
        ..factor.clone()
    })
}
