//! An address or number of an account: a way to reach a user that is also a provider of sign-in.

use serde_json::json;

use super::email_address::EmailAddress;
use super::metadata::Metadata;
use super::phone_number::PhoneNumber;

/// One contact, already checked.
#[derive(Clone, Copy)]
pub enum Contact<'a> {
    /// An address.
    Email(&'a str),
    /// A number.
    Phone(&'a str),
}

impl<'a> Contact<'a> {
    /// The provider's name, which is also the column of `"auth.users"`.
    pub fn provider(self) -> &'static str {
        match self {
            Self::Email(_) => "email",
            Self::Phone(_) => "phone",
        }
    }

    /// The address or number.
    pub fn value(self) -> &'a str {
        match self {
            Self::Email(value) | Self::Phone(value) => value,
        }
    }

    /// What its provider says of the user; upstream keeps this in the identity and, from sign-up on,
    /// in `user_metadata`.
    pub fn claims(self, user_id: &str, is_verified: bool) -> Metadata {
        let claims = json!({
            "sub": user_id,
            self.provider(): self.value(),
            "email_verified": is_verified && matches!(self, Self::Email(_)),
            "phone_verified": is_verified && matches!(self, Self::Phone(_)),
        });
        claims.as_object().cloned().unwrap_or_default()
    }
}

impl Contact<'_> {
    /// The same of somebody who signs up with it: upstream leaves a number out then, and never says that
    /// it is verified.
    pub fn sign_up_claims(self, user_id: &str, is_verified: bool) -> Metadata {
        let mut claims = self.claims(user_id, is_verified && matches!(self, Self::Email(_)));
        claims.shift_remove("phone");
        claims
    }
}

/// A contact that someone signs up with, checked and owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnedContact {
    Email(EmailAddress),
    Phone(PhoneNumber),
}

impl OwnedContact {
    /// The contact.
    pub fn as_contact(&self) -> Contact<'_> {
        match self {
            Self::Email(email) => Contact::Email(email.as_str()),
            Self::Phone(phone) => Contact::Phone(phone.as_str()),
        }
    }
}
