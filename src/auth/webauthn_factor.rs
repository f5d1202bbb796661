//! Second factors that are authenticators: a security key, or what a phone or computer has built in.

use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{self, ATTEMPTS, Current};
use super::enrolment::{owned, permanent_session};
use super::error::Error;
use super::factor::Factor;
use super::session::{Client, SignedIn};
use super::store::factors::{FactorChallenge, FactorCredential};
use super::store::{self, factors};
use super::verification::{Question, raise, refuse_challenge, usable};
use super::webauthn::error::PasskeyError;
use super::webauthn::{self, Assertion, Attestation, Credential, Unverified};
use crate::app::App;
use crate::caller::Caller;

/// What a browser needs to answer a challenge of the factor: the options to make a credential with if the
/// factor has none yet, else those to use it. Gives the challenge beside them.
pub async fn question(app: &App, me: &Current, factor: &Factor) -> Result<(String, Value), Error> {
    let config = &app.config.auth.webauthn;
    let challenge = webauthn::challenge(app.ports.random.as_ref());
    let statement = factors::factor_credentials(&me.user.id);
    let known: Vec<FactorCredential> =
        store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    let ids = |of: Option<&str>| -> Vec<String> {
        let chosen = known.iter().filter(|known| of.is_none_or(|id| known.id == id));
        chosen.map(|known| known.credential.credential_id.clone()).collect()
    };
    let (kind, options) = if factor.is_verified() {
        ("request", webauthn::request_options(config, &challenge, &ids(Some(&factor.id))))
    } else {
        ("create", webauthn::creation_options(config, &me.user, &challenge, &ids(None), false))
    };
    Ok((challenge, json!({"type": kind, "credential_options": {"publicKey": options}})))
}

/// What a browser brings.
pub struct Answer {
    pub factor_id: Uuid,
    pub challenge_id: Uuid,
    /// `create` or `request`.
    pub kind: String,
    /// As the browser has it.
    pub credential: Value,
}

/// Raises the caller's session to aal2. A credential that was made verifies the factor; one that the factor
/// has must be used: making another proves nothing.
pub async fn verify(app: &App, caller: &Caller, answer: &Answer, client: &Client) -> Result<SignedIn, Error> {
    for _ in 0..ATTEMPTS {
        let (question, challenge, known) = read(app, caller, answer).await?;
        refuse_challenge(app, &question.challenge, client)?;
        let credential = match (answer.kind.as_str(), known) {
            ("create", None) => made(app, answer, &challenge)?,
            ("request", Some(known)) => used(app, answer, &challenge, &known).await?,
            _ => return Err(unverified(Unverified("it is not what the factor was asked".into()))),
        };
        let keep = factors::keep_factor_credential(&question.user.id, &question.factor.id, &credential);
        if let Some(signed_in) = raise(app, question, None, vec![keep], client).await? {
            return Ok(signed_in);
        }
    }
    Err(Error::Conflict)
}

type Read = (Question, String, Option<Credential>);

async fn read(app: &App, caller: &Caller, answer: &Answer) -> Result<Read, Error> {
    let (factor_id, challenge_id) = (answer.factor_id.to_string(), answer.challenge_id.to_string());
    let (me, results) = account::current_with(app, caller, |user_id| {
        vec![
            factors::state(user_id, &factor_id),
            factors::challenge(user_id, &factor_id, &challenge_id),
            factors::factor_challenge(user_id, &factor_id, &challenge_id),
            factors::factor_credentials(user_id),
        ]
    })
    .await?;
    permanent_session(&me)?;
    let factor = owned(&me.user, &factor_id)?.clone();
    if factor.factor_type != "webauthn" {
        return Err(Error::Validation("Code needs to be non-empty".into()));
    }
    usable(app, &me, &factor)?;
    let asked: Option<FactorChallenge> = results.first(2)?;
    let asked = asked.and_then(|asked| asked.web_authn_challenge).ok_or(Error::ChallengeNotFound)?;
    let known: Vec<FactorCredential> = results.all(3)?;
    let known = known.into_iter().find(|known| known.id == factor.id && factor.is_verified());
    let question = Question {
        factor,
        state: results.first(0)?.ok_or(Error::FactorNotFound)?,
        challenge: results.first(1)?.ok_or(Error::ChallengeNotFound)?,
        session: me.session.ok_or(Error::SessionRequired)?,
        user: me.user,
    };
    Ok((question, asked, known.map(|known| known.credential)))
}

fn made(app: &App, answer: &Answer, challenge: &str) -> Result<Credential, Error> {
    let attestation: Attestation = serde_json::from_value(answer.credential.clone()).map_err(unreadable)?;
    attestation.verify(&app.config.auth.webauthn, challenge).map_err(unverified)
}

async fn used(app: &App, answer: &Answer, challenge: &str, known: &Credential) -> Result<Credential, Error> {
    let assertion: Assertion = serde_json::from_value(answer.credential.clone()).map_err(unreadable)?;
    if assertion.credential_id().map_err(unverified)? != known.credential_id {
        return Err(unverified(Unverified("it is another credential".into())));
    }
    let signatures = app.ports.signatures.as_ref();
    assertion.verify(&app.config.auth.webauthn, signatures, challenge, known).await.map_err(unverified)
}

fn unreadable(_: serde_json::Error) -> Error {
    Error::Validation("Invalid credential_response".into())
}

fn unverified(why: Unverified) -> Error {
    PasskeyError::FactorUnverified(why.0).into()
}
