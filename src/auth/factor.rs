//! Second factors as rows, and as the JSON that clients get. What a user has enrolled, not yet proof of anything.

use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{object, time, wire_time};

/// A row of `"auth.mfa_factors"` without its secret. Times are as stored.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Factor {
    pub id: String,
    /// Empty when the user gave none.
    pub friendly_name: String,
    /// `totp`, `phone` or `webauthn`.
    pub factor_type: String,
    /// `verified` once a code of it was right, `unverified` before.
    pub status: String,
    pub phone: Option<String>,
    pub last_challenged_at: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

impl Factor {
    /// Whether its user has shown that they hold it.
    pub fn is_verified(&self) -> bool {
        self.status == "verified"
    }

    /// Whether it is the set of recovery codes, which has paths of its own.
    pub fn is_recovery_codes(&self) -> bool {
        self.factor_type == "recovery_code"
    }

    /// The `amr` method of whoever shows it.
    pub fn method(&self) -> &'static str {
        match self.factor_type.as_str() {
            "phone" => "mfa/phone",
            "webauthn" => "mfa/webauthn",
            _ => "totp",
        }
    }

    /// The JSON of supabase-js' `Factor`.
    #[rustfmt::skip]
    pub fn to_json(&self) -> Value {
        let name = Some(&self.friendly_name).filter(|name| !name.is_empty());
        object([
            ("id",                 Some(json!(self.id))),
            ("created_at",         Some(wire_time(&self.created_at))),
            ("updated_at",         Some(wire_time(&self.updated_at))),
            ("status",             Some(json!(self.status))),
            ("friendly_name",      name.map(|name| json!(name))),
            ("factor_type",        Some(json!(self.factor_type))),
            ("phone",              Some(json!(self.phone.as_deref().unwrap_or_default()))),
            ("last_challenged_at", Some(time(&self.last_challenged_at).unwrap_or_default())),
        ])
    }
}

/// What a factor's verification goes by, and what it moves.
#[derive(Deserialize)]
pub struct FactorState {
    /// Base32.
    pub secret: Option<String>,
    /// The step of the last code that was accepted.
    pub last_used_step: Option<i64>,
    /// Wrong codes since the last right one.
    pub failed_attempts: u32,
    pub last_failed_at: Option<String>,
}

/// A row of `"auth.mfa_challenges"`.
#[derive(Deserialize)]
pub struct Challenge {
    pub id: String,
    pub created_at: String,
    pub verified_at: Option<String>,
    /// Empty when the platform did not know it.
    pub ip_address: String,
    /// Of the code that was sent with it, if one was.
    pub code_hash: Option<String>,
}
