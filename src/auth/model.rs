//! Users and identities: as rows, and as the JSON that clients get.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::factor::Factor;
use super::metadata;
use crate::time::Timestamp;

/// The role and audience of everyone who signs up.
pub const AUTHENTICATED: &str = "authenticated";

/// A row of `"auth.users"` with its identities. Times are as stored; see [`Timestamp::to_postgres`].
#[derive(Clone, PartialEq, Deserialize)]
pub struct User {
    pub id: String,
    pub aud: String,
    pub role: String,
    pub email: Option<String>,
    /// A PHC string or bcrypt's; `None` for a user without a password.
    pub encrypted_password: Option<String>,
    pub email_confirmed_at: Option<String>,
    pub invited_at: Option<String>,
    pub confirmation_sent_at: Option<String>,
    pub recovery_sent_at: Option<String>,
    /// The address the account is to have once that is confirmed.
    pub email_change: Option<String>,
    pub email_change_sent_at: Option<String>,
    /// How many of the two addresses have confirmed the change: 0 or 1.
    pub email_change_confirm_status: u8,
    pub reauthentication_sent_at: Option<String>,
    pub phone: Option<String>,
    pub phone_confirmed_at: Option<String>,
    /// The number the account is to have once that is confirmed.
    pub phone_change: Option<String>,
    pub phone_change_sent_at: Option<String>,
    pub confirmed_at: Option<String>,
    pub last_sign_in_at: Option<String>,
    pub raw_app_meta_data: String,
    pub raw_user_meta_data: String,
    pub banned_until: Option<String>,
    /// 0 or 1.
    pub is_anonymous: u8,
    pub created_at: String,
    pub updated_at: String,
    pub deleted_at: Option<String>,
    #[serde(deserialize_with = "json_text")]
    pub identities: Vec<Identity>,
    #[serde(deserialize_with = "json_text")]
    pub factors: Vec<Factor>,
}

/// A row of `"auth.identities"`.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Identity {
    pub id: String,
    pub user_id: String,
    pub provider: String,
    pub provider_id: String,
    pub identity_data: Value,
    pub email: Option<String>,
    pub last_sign_in_at: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

impl User {
    /// A user with an id and nothing else yet.
    pub fn new(id: String, now: Timestamp) -> Self {
        let now = now.to_postgres();
        Self {
            id,
            aud: AUTHENTICATED.into(),
            role: AUTHENTICATED.into(),
            email: None,
            encrypted_password: None,
            email_confirmed_at: None,
            invited_at: None,
            confirmation_sent_at: None,
            recovery_sent_at: None,
            email_change: None,
            email_change_sent_at: None,
            email_change_confirm_status: 0,
            reauthentication_sent_at: None,
            phone: None,
            phone_confirmed_at: None,
            phone_change: None,
            phone_change_sent_at: None,
            confirmed_at: None,
            last_sign_in_at: None,
            raw_app_meta_data: "{}".into(),
            raw_user_meta_data: "{}".into(),
            banned_until: None,
            is_anonymous: 0,
            created_at: now.clone(),
            updated_at: now,
            deleted_at: None,
            identities: Vec::new(),
            factors: Vec::new(),
        }
    }

    /// Whether an administrator's ban holds now.
    pub fn is_banned(&self, now: Timestamp) -> bool {
        self.banned_until.as_deref().and_then(Timestamp::parse).is_some_and(|until| now < until)
    }

    /// Whether the user has a second factor that counts: from then on, what matters needs aal2.
    pub fn has_verified_factor(&self) -> bool {
        self.factors.iter().any(Factor::is_verified)
    }

    /// `app_metadata`, which only administrators change.
    pub fn app_metadata(&self) -> Value {
        Value::Object(metadata::read(&self.raw_app_meta_data))
    }

    /// `user_metadata`, which is the user's own.
    pub fn user_metadata(&self) -> Value {
        Value::Object(metadata::read(&self.raw_user_meta_data))
    }

    /// The JSON of supabase-js' `User`: address and number are never null, other absent values are left out.
    #[rustfmt::skip]
    pub fn to_json(&self) -> Value {
        let identities: Vec<Value> = self.identities.iter().map(Identity::to_json).collect();
        let factors: Vec<Value> = self.factors.iter().map(Factor::to_json).collect();
        object([
            ("id",                 Some(json!(self.id))),
            ("aud",                Some(json!(self.aud))),
            ("role",               Some(json!(self.role))),
            ("email",              Some(json!(self.email.as_deref().unwrap_or_default()))),
            ("email_confirmed_at", time(&self.email_confirmed_at)),
            ("invited_at",         time(&self.invited_at)),
            ("confirmation_sent_at", time(&self.confirmation_sent_at)),
            ("recovery_sent_at",   time(&self.recovery_sent_at)),
            ("new_email",          self.email_change.as_ref().map(|email| json!(email))),
            ("email_change_sent_at", time(&self.email_change_sent_at)),
            ("reauthentication_sent_at", time(&self.reauthentication_sent_at)),
            ("phone",              Some(json!(self.phone.as_deref().unwrap_or_default()))),
            ("phone_confirmed_at", time(&self.phone_confirmed_at)),
            ("new_phone",          self.phone_change.as_ref().map(|phone| json!(phone))),
            ("phone_change_sent_at", time(&self.phone_change_sent_at)),
            ("confirmed_at",       time(&self.confirmed_at)),
            ("last_sign_in_at",    time(&self.last_sign_in_at)),
            ("app_metadata",       Some(self.app_metadata())),
            ("user_metadata",      Some(self.user_metadata())),
            ("factors",            Some(Value::Array(factors)).filter(|_| !self.factors.is_empty())),
            ("identities",         Some(Value::Array(identities))),
            ("created_at",         Some(wire_time(&self.created_at))),
            ("updated_at",         Some(wire_time(&self.updated_at))),
            ("banned_until",       time(&self.banned_until)),
            ("deleted_at",         time(&self.deleted_at)),
            ("is_anonymous",       Some(json!(self.is_anonymous != 0))),
        ])
    }
}

impl Identity {
    /// The JSON of supabase-js' `UserIdentity`: its `id` is the provider's, its `identity_id` the row's.
    #[rustfmt::skip]
    fn to_json(&self) -> Value {
        object([
            ("identity_id",     Some(json!(self.id))),
            ("id",              Some(json!(self.provider_id))),
            ("user_id",         Some(json!(self.user_id))),
            ("identity_data",   Some(self.identity_data.clone())),
            ("provider",        Some(json!(self.provider))),
            ("last_sign_in_at", time(&self.last_sign_in_at)),
            ("created_at",      Some(wire_time(&self.created_at))),
            ("updated_at",      Some(wire_time(&self.updated_at))),
            ("email",           self.email.as_ref().map(|email| json!(email))),
        ])
    }
}

/// A JSON object of the members that are there.
pub fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let present = members.into_iter().filter_map(|(name, value)| Some((name.to_string(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

/// [`wire_time`] of a column that may be NULL.
pub fn time(stored: &Option<String>) -> Option<Value> {
    stored.as_deref().map(wire_time)
}

/// RFC 3339 with `Z`. Text that is no time (someone's own SQL wrote it) is shown as it is.
pub fn wire_time(stored: &str) -> Value {
    // As we store them there is nothing else to change, and a user has a dozen.
    if let Some(text) = stored.strip_suffix("+00:00").filter(|text| is_plain(text)) {
        return json!(format!("{text}Z"));
    }
    Timestamp::parse(stored).map_or_else(|| json!(stored), |at| json!(at.to_rfc3339()))
}

/// Whether it is `2026-01-02T03:04:05` or `2026-01-02T03:04:05.12`, as far as its form goes.
fn is_plain(text: &str) -> bool {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "1"));
    let form = seconds.bytes().map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
    form.eq(*b"0000-00-00T00:00:00")
        && fraction.len() <= 6
        && !fraction.ends_with('0')
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.is_empty()
}

/// A column that holds JSON text.
pub fn json_text<'de, D: Deserializer<'de>, T: DeserializeOwned>(column: D) -> Result<T, D::Error> {
    let text = String::deserialize(column)?;
    serde_json::from_str(&text).map_err(serde::de::Error::custom)
}
