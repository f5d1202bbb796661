//! What a person with an authenticator app does.

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use super::text;
use crate::app::{Answer, TestApp};

/// RFC 6238, told apart from the product's own: one HMAC-SHA1 over the step, cut to six digits.
pub fn code_at(secret: &str, seconds: i64) -> String {
    let key = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, secret).unwrap();
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&(seconds / 30).to_be_bytes());
    let mac = mac.finalize().into_bytes();
    let at = usize::from(mac[19] & 15);
    let word = u32::from_be_bytes(mac[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// An app that was given a factor's secret.
pub struct Authenticator<'a> {
    pub app: &'a TestApp,
    pub factor_id: String,
    pub secret: String,
}

pub fn enroll(app: &TestApp, session: &Value, body: &Value) -> Answer {
    app.with_token(text(session, "access_token")).post("/auth/v1/factors").json(body).send()
}

/// Enrols a factor of that name, unverified.
pub fn enrolled<'a>(app: &'a TestApp, session: &Value, name: &str) -> Authenticator<'a> {
    let answer = enroll(app, session, &json!({"factor_type": "totp", "friendly_name": name}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let factor = answer.json();
    let secret = text(&factor["totp"], "secret").to_string();
    Authenticator { app, factor_id: text(&factor, "id").to_string(), secret }
}

/// Enrols a factor and verifies it; gives the session of aal2. Its step is spent and over.
pub fn verified<'a>(app: &'a TestApp, session: &Value, name: &str) -> (Authenticator<'a>, Value) {
    let authenticator = enrolled(app, session, name);
    let answer = authenticator.verify(session);
    assert_eq!(answer.status, 200, "{}", answer.text());
    app.clock.advance(60);
    (authenticator, answer.json())
}

impl Authenticator<'_> {
    pub fn code(&self) -> String {
        code_at(&self.secret, self.app.app.now().seconds())
    }

    /// A code that is wrong now and in the steps around.
    pub fn wrong_code(&self) -> String {
        let now = self.app.app.now().seconds();
        let right = [-30, 0, 30].map(|skew| code_at(&self.secret, now + skew));
        (0..4).map(|n| format!("{n:06}")).find(|code| !right.contains(code)).unwrap()
    }

    pub fn path(&self, act: &str) -> String {
        format!("/auth/v1/factors/{}{act}", self.factor_id)
    }

    pub fn challenge(&self, session: &Value) -> Answer {
        self.app.with_token(text(session, "access_token")).post(&self.path("/challenge")).send()
    }

    /// The id of a new challenge.
    pub fn challenged(&self, session: &Value) -> String {
        let answer = self.challenge(session);
        assert_eq!(answer.status, 200, "{}", answer.text());
        text(&answer.json(), "id").to_string()
    }

    pub fn answer(&self, session: &Value, challenge_id: &str, code: &str) -> Answer {
        let body = json!({"challenge_id": challenge_id, "code": code});
        self.app.with_token(text(session, "access_token")).post(&self.path("/verify")).json(&body).send()
    }

    /// Challenges and answers with the code of now.
    pub fn verify(&self, session: &Value) -> Answer {
        self.answer(session, &self.challenged(session), &self.code())
    }

    /// Challenges and answers wrongly.
    pub fn guess(&self, session: &Value) -> Answer {
        self.answer(session, &self.challenged(session), &self.wrong_code())
    }

    pub fn unenroll(&self, session: &Value) -> Answer {
        self.app.with_token(text(session, "access_token")).delete(&self.path("")).send()
    }
}
