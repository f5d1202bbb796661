//! What a provider says of a person, in the form that becomes an identity.

use serde_json::{Value, json};

use crate::auth::metadata::Metadata;

/// A person's account with a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalAccount {
    /// The addresses the provider knows of, in its order.
    pub emails: Vec<Email>,
    /// `identity_data`: `sub` is the provider's id of the person.
    pub claims: Metadata,
}

/// An address as a provider knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Email {
    /// As the provider writes it.
    pub address: String,
    /// Whether the provider vouches for it.
    pub verified: bool,
    /// Whether it is the one to reach the person by.
    pub primary: bool,
}

impl ExternalAccount {
    /// An account of which only the issuer and the subject are known.
    pub fn new(issuer: &str, subject: &str) -> Self {
        let account = Self { emails: Vec::new(), claims: Metadata::new() };
        account.with("iss", issuer).with("sub", subject).with("provider_id", subject)
    }

    /// An account of a provider's own claims, all of them.
    pub fn of_claims(claims: Metadata) -> Self {
        Self { emails: Vec::new(), claims }
    }

    /// With a claim; an empty one is none.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.claims.insert(name.into(), value.into());
        }
        self
    }

    /// With an address; an empty one is none.
    #[must_use]
    pub fn with_email(mut self, address: &str, verified: bool, primary: bool) -> Self {
        if !address.is_empty() {
            self.emails.push(Email { address: address.into(), verified, primary });
        }
        self
    }

    /// With claims that only this provider makes; none of them leaves no trace.
    #[must_use]
    pub fn with_custom_claims(mut self, custom: Metadata) -> Self {
        if !custom.is_empty() {
            self.claims.insert("custom_claims".into(), Value::Object(custom));
        }
        self
    }

    /// The provider's id of the person; empty when it gave none.
    pub fn subject(&self) -> &str {
        self.claims.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    /// The same account with the address that counts among its claims: the primary one, else the last.
    #[must_use]
    pub fn settled(mut self) -> Self {
        let primary = self.emails.iter().find(|email| email.primary).or(self.emails.last());
        let verified = primary.is_some_and(|email| email.verified);
        if let Some(email) = primary {
            self.claims.insert("email".into(), json!(email.address));
        }
        self.claims.insert("email_verified".into(), json!(verified));
        self.claims.entry("phone_verified").or_insert(json!(false));
        self
    }
}
