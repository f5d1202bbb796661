//! Reads a person's profile from a provider's API, as the provider's row says.

use serde_json::Value;

use super::Provider;
use super::account::ExternalAccount;
use super::quirk;
use super::request;
use crate::app::App;
use crate::auth::metadata::Metadata;

/// Where in a provider's answers things stand. Places are JSON pointers (RFC 6901) below `root`.
pub struct Profile {
    /// Path and query below the provider's API.
    pub path: &'static str,
    /// Where in the answer the person is.
    pub root: &'static str,
    /// The provider's id of the person, text or number.
    pub subject: &'static str,
    /// Claims and their places; several places joined by `+` are words of one text.
    pub claims: &'static [(&'static str, &'static str)],
    /// Claims that only this provider makes, of any type.
    pub custom: &'static [(&'static str, &'static str)],
    /// The addresses.
    pub email: Email,
}

/// Where a person's addresses are.
pub enum Email {
    /// One, in the profile.
    One(&'static str, Verified),
    /// All, behind another call.
    List {
        path: &'static str,
        items: &'static str,
        address: &'static str,
        /// `None`: all of them are.
        verified: Option<&'static str>,
        /// `None`: all of them are.
        primary: Option<&'static str>,
    },
    /// One in the profile, and others behind another call of which nothing is known.
    OneAndList(&'static str, Verified, &'static str, &'static str),
}

/// Whether the provider vouches for an address.
pub enum Verified {
    /// It gives no others.
    Always,
    /// It does not say.
    Never,
    /// It says so there.
    If(&'static str),
    /// It says so in both places.
    IfBoth(&'static str, &'static str),
    /// It has a time there.
    IfThere(&'static str),
}

/// Asks for the profile of whoever the access token is for.
pub async fn read(
    app: &App,
    provider: &Provider,
    profile: &Profile,
    access_token: &str,
) -> Result<ExternalAccount, String> {
    let path = quirk::profile_path(provider, profile.path, access_token);
    let answer = request::get_json(app, provider, &path, access_token).await?;
    let list = match &profile.email {
        Email::List { path, .. } | Email::OneAndList(_, _, path, _) => {
            request::get_json(app, provider, path, access_token).await?
        }
        Email::One(..) => Value::Null,
    };
    account(provider, profile, &answer, &list)
}

/// The account in a provider's answers: the profile, and the list of addresses if there is one.
pub fn account(
    provider: &Provider,
    profile: &Profile,
    answer: &Value,
    list: &Value,
) -> Result<ExternalAccount, String> {
    let user = answer.pointer(profile.root).ok_or_else(|| format!("{} gave no profile", provider.name))?;
    let subject = words(user, profile.subject);
    if subject.is_empty() {
        return Err(format!("{} gave no id of the person", provider.name));
    }
    let mut account = ExternalAccount::new(&quirk::issuer(provider, profile), &subject);
    for (name, places) in profile.claims {
        account = account.with(name, &words(user, places));
    }
    let custom = profile.custom.iter().map(|(name, place)| {
        ((*name).to_string(), user.pointer(place).cloned().unwrap_or_else(|| Value::String(String::new())))
    });
    let account = account.with_custom_claims(custom.collect::<Metadata>());
    quirk::finish(provider, user, with_emails(account, &profile.email, user, list))
}

fn with_emails(mut account: ExternalAccount, email: &Email, user: &Value, list: &Value) -> ExternalAccount {
    match email {
        Email::One(place, verified) => {
            let verified = verified.holds(user);
            account.with_email(&words(user, place), verified, true)
        }
        Email::List { items, address, verified, primary, .. } => {
            for item in members(list, items) {
                let says = |place: &Option<&str>| place.is_none_or(|place| is_true(item, place));
                account = account.with_email(&words(item, address), says(verified), says(primary));
            }
            account
        }
        Email::OneAndList(place, verified, _, address) => {
            for item in members(list, "") {
                account = account.with_email(&words(item, address), false, false);
            }
            let verified = verified.holds(user);
            account.with_email(&words(user, place), verified, true)
        }
    }
}

fn members<'a>(list: &'a Value, place: &str) -> &'a [Value] {
    list.pointer(place).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Verified {
    fn holds(&self, user: &Value) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::If(place) => is_true(user, place),
            Self::IfBoth(one, other) => is_true(user, one) && is_true(user, other),
            Self::IfThere(place) => !words(user, place).is_empty(),
        }
    }
}

fn is_true(value: &Value, place: &str) -> bool {
    value.pointer(place).and_then(Value::as_bool).unwrap_or(false)
}

/// Text, or a number as text, of several places with blanks between; what is neither is nothing.
pub fn words(value: &Value, places: &str) -> String {
    let text = |place: &str| match value.pointer(place) {
        Some(Value::String(text)) => text.trim().to_string(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let found: Vec<String> = places.split('+').map(text).filter(|text| !text.is_empty()).collect();
    found.join(" ")
}
