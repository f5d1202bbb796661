//! The tokens of signed URLs: JWTs for one object and one action, signed with the project's secret.
//!
//! Not access tokens: they have no role, and their `scope` is asked for on every use, so that a
//! download token uploads nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::StorageError;
use super::key::ObjectPath;
use crate::jwt::{self, TokenError};
use crate::time::Timestamp;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// To read the object.
    Download,
    /// To write it, once or again with `upsert`.
    Upload,
}

/// A token's claims.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignedUrl {
    /// `bucket/key`.
    pub url: String,
    /// What for. Links that Supabase signed before it had scopes say it by whether they have `upsert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Issued at, seconds.
    pub iat: i64,
    /// Expires at, seconds.
    pub exp: i64,
    /// Upload: whom the object will belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Upload: whether it may replace an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upsert: Option<bool>,
    /// Download: the image it reads, as [`super::image::Transform::to_token`] has it, and nothing but that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transformations: Option<String>,
}

impl SignedUrl {
    /// A URL to read an object with, for some seconds.
    pub fn download(path: &ObjectPath, now: Timestamp, seconds: i64) -> Self {
        let exp = now.seconds().saturating_add(seconds);
        Self {
            url: path.to_string(),
            scope: Some(Scope::Download),
            iat: now.seconds(),
            exp,
            owner: None,
            upsert: None,
            transformations: None,
        }
    }

    /// A URL to write an object with.
    pub fn upload(
        path: &ObjectPath,
        now: Timestamp,
        seconds: i64,
        owner: Option<&str>,
        upsert: bool,
    ) -> Self {
        Self {
            scope: Some(Scope::Upload),
            owner: owner.map(str::to_string),
            upsert: Some(upsert),
            ..Self::download(path, now, seconds)
        }
    }

    /// The token.
    pub fn sign(&self, secret: &str) -> Result<String, StorageError> {
        jwt::sign(self, secret.as_bytes()).map_err(|error| StorageError::Internal(error.to_string()))
    }

    /// Reads a token that is ours, in time, for this scope and this object.
    pub fn verify(
        token: &str,
        secret: &str,
        now: Timestamp,
        scope: Scope,
        path: &ObjectPath,
    ) -> Result<Self, StorageError> {
        let claims = jwt::verify(token, secret.as_bytes(), now)
            .map_err(|error| StorageError::InvalidToken(reason(error)))?;
        let wrong_scope = StorageError::InvalidSignature(match scope {
            Scope::Download => "Token is not scoped for download",
            Scope::Upload => "Token is not scoped for upload",
        });
        let claims = claims.all();
        let is_upload = claims.contains_key("upsert");
        // Whoever is someone is no link, whatever their claims say.
        let is_persons = claims.contains_key("role") || claims.contains_key("sub");
        let signed: Self = serde_json::from_value(Value::Object(claims)).map_err(|_| wrong_scope.clone())?;
        let is_for = signed.scope.unwrap_or(if is_upload { Scope::Upload } else { Scope::Download });
        if is_for != scope || is_persons {
            return Err(wrong_scope);
        }
        if signed.url != path.to_string() {
            return Err(StorageError::InvalidSignature("Invalid signature"));
        }
        // The leeway of access tokens is for the clocks of others; these are our own.
        if signed.exp < now.seconds() {
            return Err(StorageError::InvalidToken(reason(TokenError::Expired)));
        }
        Ok(signed)
    }
}

#[rustfmt::skip]
fn reason(error: TokenError) -> &'static str {
    match error {
        TokenError::Malformed     => "Invalid Compact JWS",
        TokenError::Algorithm     => "\"alg\" (Algorithm) Header Parameter value not allowed",
        TokenError::Signature | TokenError::UnknownKey => "signature verification failed",
        TokenError::Expired       => "\"exp\" claim timestamp check failed",
        TokenError::NotYetValid   => "\"nbf\" claim timestamp check failed",
        TokenError::IssuedInFuture => "\"iat\" claim timestamp check failed (it should be in the past)",
        TokenError::InvalidClaim(_) => "\"exp\" claim must be a number",
    }
}
