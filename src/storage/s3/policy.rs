//! The policy of a form (S3's POST Object): what may be uploaded with it, and until when.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::S3Error;
use crate::time::Timestamp;

/// Fields that need no condition.
const EXEMPT: &[&str] = &[
    "policy",
    "x-amz-signature",
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-security-token",
    "file",
];

const INVALID: S3Error = S3Error::InvalidSignature("Invalid POST policy");

/// A policy that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    expires_at: Timestamp,
    conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
enum Condition {
    Equals(String, String),
    StartsWith(String, String),
    Length(u64, u64),
}

impl Policy {
    /// From base64 of `{"expiration": "…", "conditions": […]}`.
    pub fn parse(encoded: &str) -> Result<Self, S3Error> {
        let json = STANDARD.decode(encoded.trim()).map_err(|_| INVALID)?;
        let policy: Value = serde_json::from_slice(&json).map_err(|_| INVALID)?;
        let expiration = policy.get("expiration").and_then(Value::as_str);
        let expiration = expiration.ok_or(S3Error::InvalidSignature("Missing policy expiration"))?;
        let expires_at = Timestamp::parse(expiration);
        let conditions = policy.get("conditions").and_then(Value::as_array);
        let conditions = conditions.ok_or(S3Error::InvalidSignature("Invalid policy conditions"))?;
        Ok(Self {
            expires_at: expires_at.ok_or(S3Error::InvalidSignature("Invalid policy expiration"))?,
            conditions: conditions.iter().map(Condition::parse).collect::<Result<_, _>>()?,
        })
    }

    /// Refuses a form that is late, breaks a condition, or has a field that no condition speaks of. Names are lower case.
    pub fn check(&self, fields: &[(String, String)], now: Timestamp) -> Result<(), S3Error> {
        if self.expires_at < now {
            return Err(S3Error::Expired);
        }
        let value =
            |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        for condition in &self.conditions {
            let (holds, otherwise) = match condition {
                Condition::Equals(name, expected) => {
                    (value(name) == Some(expected), format!("\"{name}\" does not match"))
                }
                Condition::StartsWith(name, prefix) => (
                    value(name).is_some_and(|value| value.starts_with(prefix.as_str())),
                    format!("\"{name}\" does not start with \"{prefix}\""),
                ),
                Condition::Length(..) => continue,
            };
            if !holds {
                return Err(S3Error::Policy(format!("Policy condition failed: {otherwise}")));
            }
        }
        let is_covered = |name: &str| {
            EXEMPT.contains(&name)
                || name.starts_with("x-ignore-")
                || self.conditions.iter().any(|condition| condition.name() == Some(name))
        };
        match fields.iter().find(|(name, _)| !is_covered(name)) {
            Some((name, _)) => Err(S3Error::Policy(format!(
                "Policy condition failed: field \"{name}\" is not covered by the policy"
            ))),
            None => Ok(()),
        }
    }

    /// `content-length-range`: the fewest and the most bytes of the file.
    pub fn range(&self) -> Option<(u64, u64)> {
        self.conditions.iter().find_map(|condition| match condition {
            Condition::Length(least, most) => Some((*least, *most)),
            _ => None,
        })
    }
}

impl Condition {
    /// `{"bucket": "b"}`, `["eq", "$key", "a"]`, `["starts-with", "$key", "a/"]`, `["content-length-range", 1, 10]`
    fn parse(condition: &Value) -> Result<Self, S3Error> {
        const UNSUPPORTED: S3Error = S3Error::InvalidSignature("Unsupported policy condition");
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if let Some(fields) = condition.as_object() {
            let mut fields = fields.iter();
            return match (fields.next(), fields.next()) {
                (Some((name, value)), None) => Ok(Self::Equals(name.to_ascii_lowercase(), text(value))),
                _ => Err(S3Error::InvalidSignature("Invalid policy condition")),
            };
        }
        let Some([operator, target, value]) = condition.as_array().map(Vec::as_slice) else {
            return Err(UNSUPPORTED);
        };
        let field = || {
            let field = target.as_str().and_then(|target| target.strip_prefix('$'));
            field.map(str::to_ascii_lowercase).ok_or(S3Error::InvalidSignature("Invalid policy condition"))
        };
        let number =
            |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok()).ok_or(UNSUPPORTED);
        match operator.as_str() {
            Some("eq") => Ok(Self::Equals(field()?, text(value))),
            Some("starts-with") => Ok(Self::StartsWith(field()?, text(value))),
            Some("content-length-range") => Ok(Self::Length(number(target)?, number(value)?)),
            _ => Err(UNSUPPORTED),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Equals(name, _) | Self::StartsWith(name, _) => Some(name),
            Self::Length(..) => None,
        }
    }
}
