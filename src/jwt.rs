//! JSON Web Tokens (RFC 7519): signing and verifying with a shared secret, and the claims the project reads.
//! Tokens signed with a key pair are [`keys`]' matter.
//!
//! Verification is of the signature and the time claims only; whether a session still lives is
//! [`crate::edge_session`]'s question.

mod keys;

pub use keys::{Header, Key, Keys, Material, verify_signed};

use std::cell::OnceCell;
use std::fmt::{self, Formatter};

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::crypto::{self, HmacKey};
use crate::time::Timestamp;

/// The claims of a verified token: those that every request asks for, and the whole as it was signed, which is read again
/// when someone asks. An isolate remembers thousands of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// By their place in [`KNOWN`].
    known: [Option<Value>; KNOWN.len()],
    signed: String,
    json: OnceCell<String>,
}

/// What is asked for by name.
const KNOWN: [&str; 7] = ["role", "sub", "session_id", "email", "exp", "nbf", "iat"];

impl Claims {
    /// Reads a JSON object; `None` for anything else.
    pub fn parse(json: String) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_str(&json);
        let known = reader.deserialize_map(KnownClaims).ok()?;
        reader.end().ok()?;
        Some(Self { known, signed: json, json: OnceCell::new() })
    }

    /// Those of a key that is no token.
    pub fn of_role(name: &str) -> Self {
        Self::parse(format!("{{\"role\":{}}}", Value::from(name))).unwrap_or_default()
    }

    /// One of [`KNOWN`] that is text and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.known(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn known(&self, name: &str) -> Option<&Value> {
        KNOWN.iter().zip(&self.known).find(|(known, _)| **known == name).and_then(|(_, value)| value.as_ref())
    }

    /// All claims as the token had them.
    pub fn all(&self) -> Map<String, Value> {
        serde_json::from_str(&self.signed).unwrap_or_default()
    }

    /// The claims as one JSON text, for `auth.jwt()`.
    pub fn to_json(&self) -> &str {
        self.json.get_or_init(|| Value::Object(self.all()).to_string())
    }
}

/// Reads [`KNOWN`] and passes over the rest; of equal names the last counts.
struct KnownClaims;

impl<'de> Visitor<'de> for KnownClaims {
    type Value = [Option<Value>; KNOWN.len()];

    fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut known = Self::Value::default();
        while let Some(name) = members.next_key::<String>()? {
            match KNOWN.iter().zip(&mut known).find(|(of, _)| **of == name) {
                Some((_, place)) => *place = Some(members.next_value()?),
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(known)
    }
}

/// Why a token was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not three base64url parts of JSON.
    Malformed,
    /// Signed with an algorithm the project does not accept, `none` included.
    Algorithm,
    /// No key of the project goes by the token's `kid`.
    UnknownKey,
    /// The signature is not ours.
    Signature,
    /// `exp` has passed.
    Expired,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `iat` lies in the future.
    IssuedInFuture,
    /// The time claim of this name is no number.
    InvalidClaim(&'static str),
}

/// Seconds of clock difference between two machines that are forgiven, as PostgREST does.
const LEEWAY_SECONDS: f64 = 30.0;

/// Verifies an HS256 token. `now` decides `exp`, `nbf` and `iat`.
pub fn verify(token: &str, secret: &[u8], now: Timestamp) -> Result<Claims, TokenError> {
    match Header::of(token) {
        None => Err(TokenError::Malformed),
        Some(header) if header.alg != "HS256" => Err(TokenError::Algorithm),
        Some(_) => verify_shared(token, &HmacKey::new(secret), now),
    }
}

/// The same of a token whose header says HS256. Each part is read once: of the time a token nobody has seen takes, half is
/// the digest.
fn verify_shared(token: &str, secret: &HmacKey, now: Timestamp) -> Result<Claims, TokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let signature = crypto::from_base64url(signature).ok_or(TokenError::Malformed)?;
    if !crypto::equal_secrets(&signature, &secret.authenticate(message.as_bytes())) {
        return Err(TokenError::Signature);
    }
    believed(message, now)
}

/// The claims of a message whose signature was right, if their time has come and not passed.
fn believed(message: &str, now: Timestamp) -> Result<Claims, TokenError> {
    let payload = message.split_once('.').and_then(|(_, payload)| crypto::from_base64url(payload));
    let json = payload.and_then(|payload| String::from_utf8(payload).ok());
    let claims = json.and_then(Claims::parse).ok_or(TokenError::Malformed)?;
    check_times(&claims, now)?;
    Ok(claims)
}

/// Signs claims (a JSON object) with HS256.
pub fn sign(claims: &impl Serialize, secret: &[u8]) -> Result<String, serde_json::Error> {
    sign_shared(claims, &HmacKey::new(secret))
}

fn sign_shared(claims: &impl Serialize, secret: &HmacKey) -> Result<String, serde_json::Error> {
    let message = message(br#"{"alg":"HS256","typ":"JWT"}"#, claims)?;
    Ok(with_signature(&message, &secret.authenticate(message.as_bytes())))
}

/// What is signed: header and claims.
fn message(header: &[u8], claims: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(format!("{}.{}", crypto::base64url(header), crypto::base64url(&serde_json::to_vec(claims)?)))
}

fn with_signature(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", crypto::base64url(signature))
}

/// Whether the time claims allow the token now.
pub fn check_times(claims: &Claims, now: Timestamp) -> Result<(), TokenError> {
    let now = now.seconds() as f64;
    let seconds = |name: &'static str| match claims.known(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or(TokenError::InvalidClaim(name)),
    };
    let [exp, nbf, iat] = [seconds("exp")?, seconds("nbf")?, seconds("iat")?];
    if exp.is_some_and(|expires| now > expires + LEEWAY_SECONDS) {
        return Err(TokenError::Expired);
    }
    let is_to_come = |from: Option<f64>| from.is_some_and(|from| from > now + LEEWAY_SECONDS);
    if is_to_come(nbf) {
        return Err(TokenError::NotYetValid);
    }
    if is_to_come(iat) { Err(TokenError::IssuedInFuture) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    #[test]
    fn a_token_is_accepted_only_whole_ours_and_in_time() {
        let signed = |claims: Value| sign(&claims, b"secret").unwrap();
        let other_header = |header: &str| {
            let token = signed(json!({}));
            let rest = token.split_once('.').unwrap().1;
            format!("{}.{rest}", crypto::base64url(header.as_bytes()))
        };
        let raw = |claims: &str| {
            let message = format!("eyJhbGciOiJIUzI1NiJ9.{}", crypto::base64url(claims.as_bytes()));
            with_signature(&message, &crypto::hmac_sha256(b"secret", message.as_bytes()))
        };
        let at = NOW.seconds();
        let rows = [
            (signed(json!({"sub": "a", "exp": at + 1})), Ok(())),
            (signed(json!({"exp": at - 29})), Ok(())),
            (signed(json!({"exp": at - 31})), Err(TokenError::Expired)),
            (signed(json!({"nbf": at + 31})), Err(TokenError::NotYetValid)),
            (signed(json!({"exp": "soon"})), Err(TokenError::InvalidClaim("exp"))),
            (signed(json!({"exp": null, "sub": 7})), Ok(())),
            (sign(&json!({}), b"forged").unwrap(), Err(TokenError::Signature)),
            (other_header(r#"{"alg":"none"}"#), Err(TokenError::Algorithm)),
            (other_header(r#"{"alg":"HS512"}"#), Err(TokenError::Algorithm)),
            (other_header(r#"{"alg":"HS256"}"#), Err(TokenError::Signature)),
            (signed(json!({})) + "A", Err(TokenError::Signature)),
            (signed(json!({})) + "*", Err(TokenError::Malformed)),
            (signed(json!({})) + ".", Err(TokenError::Malformed)),
            (signed(json!({})).rsplit_once('.').unwrap().0.to_string() + ".", Err(TokenError::Signature)),
            (sign(&json!([]), b"secret").unwrap(), Err(TokenError::Malformed)),
            (raw("{} {}"), Err(TokenError::Malformed)),
            (raw(r#"{"exp": 1, "exp": 9999999999}"#), Ok(())),
            ("not.a.token".to_string(), Err(TokenError::Malformed)),
            (String::new(), Err(TokenError::Malformed)),
        ];
        for (token, expected) in rows {
            assert_eq!(verify(&token, b"secret", NOW).map(|_| ()), expected, "{token}");
        }
    }
}
