//! Web Authentication (W3C, Level 2): the options a browser is given, and the verification of what it brings.
//!
//! Pure but for the signature itself, which is checked by the port. Attestation is never asked for, so an
//! attestation statement is not looked at: a credential says nothing here of who made the authenticator.

mod authenticator_data;
mod ceremony;
mod cose_key;
pub mod error;
mod name;

pub use ceremony::{Assertion, Attestation};
pub use name::name_of;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::User;
use crate::config::WebAuthnConfig;
use crate::crypto;
use crate::ports::Random;

/// A credential of an authenticator, as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credential {
    /// base64url.
    pub credential_id: String,
    /// A JSON Web Key with its `alg`.
    pub public_key: Value,
    /// The authenticator's model, as a UUID; all zeroes when it does not say.
    pub aaguid: String,
    /// How often it has signed, if it counts.
    pub sign_count: u32,
    /// `usb`, `internal`…
    pub transports: Vec<String>,
    /// Whether it may be kept in several places.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
}

/// Why an authenticator's answer counts for nothing; for the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Unverified(pub String);

impl Unverified {
    fn because<T>(why: impl Into<String>) -> Result<T, Self> {
        Err(Self(why.into()))
    }
}

/// Milliseconds a browser is advised to wait for its user.
const TIMEOUT: u64 = 300_000;

/// A new question to an authenticator: 32 random bytes, base64url.
pub fn challenge(random: &dyn Random) -> String {
    crypto::base64url(&crypto::random_bytes(random, 32))
}

/// base64url, with or without its padding, as libraries differ.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    crypto::from_base64url(text.trim_end_matches('='))
}

/// The options to make a credential with (`PublicKeyCredentialCreationOptionsJSON`); `known` are ids of
/// those the user has. One that is to sign in by itself has to know whose it is (`resident`).
pub fn creation_options(
    config: &WebAuthnConfig,
    user: &User,
    challenge: &str,
    known: &[String],
    resident: bool,
) -> Value {
    let known: Vec<Value> = known.iter().map(|id| json!({"type": "public-key", "id": id})).collect();
    let selection = if resident {
        json!({"residentKey": "required", "requireResidentKey": true, "userVerification": "preferred"})
    } else {
        json!({"userVerification": "preferred"})
    };
    let parameters: Vec<Value> =
        cose_key::ALGORITHMS.iter().map(|(number, _)| json!({"type": "public-key", "alg": number})).collect();
    let name = user.email.as_deref().or(user.phone.as_deref()).unwrap_or_default();
    let metadata = user.user_metadata();
    let display_name = metadata.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
    json!({
        "rp": {"name": config.rp_display_name, "id": config.rp_id},
        "user": {
            "name": name,
            "displayName": display_name.unwrap_or(name),
            "id": crypto::base64url(user.id.as_bytes()),
        },
        "challenge": challenge,
        "pubKeyCredParams": parameters,
        "timeout": TIMEOUT,
        "excludeCredentials": known,
        "authenticatorSelection": selection,
        "attestation": "none",
    })
}

/// The options to use a credential with (`PublicKeyCredentialRequestOptionsJSON`): one of `allowed`, or
/// whichever the user picks.
pub fn request_options(config: &WebAuthnConfig, challenge: &str, allowed: &[String]) -> Value {
    let mut options = json!({
        "challenge": challenge,
        "timeout": TIMEOUT,
        "rpId": config.rp_id,
        "userVerification": "preferred",
    });
    if let (false, Some(members)) = (allowed.is_empty(), options.as_object_mut()) {
        let allowed: Vec<Value> = allowed.iter().map(|id| json!({"type": "public-key", "id": id})).collect();
        members.insert("allowCredentials".into(), Value::Array(allowed));
    }
    options
}
