//! Whose account a provider's account is: the rules of upstream's `DetermineAccountLinking`.
//!
//! An account is found by the provider's id of the person. A new one joins the user who has its address,
//! if somebody vouches for that address; otherwise it could be anyone's, and becomes a user of its own.

use serde_json::json;

use super::email_address::normal_form;
use super::model::{Identity, User};
use super::provider::account::{Email, ExternalAccount};
use super::provider::error::ProviderError;

/// What becomes of a provider's account.
#[derive(Debug, PartialEq)]
pub enum Decision<U> {
    /// It is that user's already.
    Known(U),
    /// It becomes that user's too.
    Joins(U),
    /// It becomes a user with that address, or with none.
    New(Option<Email>),
}

/// The addresses to look for: those somebody vouches for, else the one to see whether it is taken.
pub fn addresses(account: &ExternalAccount, autoconfirm: bool) -> Vec<String> {
    let verified = verified(account, autoconfirm);
    if verified.is_empty() {
        candidate(account).map(|email| email.address).into_iter().collect()
    } else {
        verified
    }
}

/// Decides, given whose the account is and who has one of its [`addresses`].
pub fn decide(
    account: &ExternalAccount,
    autoconfirm: bool,
    owner: Option<User>,
    others: Vec<User>,
) -> Result<Decision<User>, ProviderError> {
    if let Some(owner) = owner {
        return Ok(Decision::Known(owner));
    }
    let candidate = candidate(account);
    let verified = verified(account, autoconfirm);
    if verified.is_empty() {
        return Ok(Decision::New(candidate.filter(|_| others.is_empty())));
    }
    let is_same = |email: &Option<String>| email.as_ref().is_some_and(|email| verified.contains(email));
    // An identity's address counts as far as its own provider vouches for it: a number's identity, or one with an address that
    // anyone may put there, would have other people's sign-ins join the account of whoever did.
    let counts = |identity: &Identity| {
        let vouches = autoconfirm || identity.identity_data.get("email_verified") == Some(&json!(true));
        vouches && identity.provider != "phone" && is_same(&identity.email)
    };
    let vouched_for = |user: &User| user.identities.iter().any(counts);
    // Who has the address from a provider comes before who merely has it.
    let (by_identity, others): (Vec<User>, Vec<User>) = others.into_iter().partition(vouched_for);
    let by_address: Vec<User> = others.into_iter().filter(|user| is_same(&user.email)).collect();
    let mut found = if by_identity.is_empty() { by_address } else { by_identity };
    match (found.pop(), found.is_empty()) {
        (None, _) => Ok(Decision::New(candidate)),
        (Some(user), true) => Ok(Decision::Joins(user)),
        (Some(_), false) => Err(ProviderError::SeveralAccounts),
    }
}

/// The address a user of the account would have, as addresses are stored.
pub fn candidate(account: &ExternalAccount) -> Option<Email> {
    let primary = account.emails.iter().rev().find(|email| email.primary)?;
    Some(Email { address: normal_form(&primary.address), ..primary.clone() })
}

fn verified(account: &ExternalAccount, autoconfirm: bool) -> Vec<String> {
    let verified = account.emails.iter().filter(|email| email.verified || autoconfirm);
    verified.map(|email| normal_form(&email.address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn user(id: &str, email: Option<&str>, identities: &[&str]) -> User {
        let mut user = User::new(id.into(), Timestamp(0));
        user.email = email.map(str::to_string);
        user.identities = identities
            .iter()
            .map(|email| Identity {
                id: "i".into(),
                user_id: id.into(),
                provider: "google".into(),
                provider_id: "7".into(),
                identity_data: json!({"email_verified": !email.starts_with('u')}),
                email: Some((*email).to_string()),
                last_sign_in_at: None,
                created_at: String::new(),
                updated_at: String::new(),
            })
            .collect();
        user
    }

    #[test]
    fn only_an_address_that_somebody_vouches_for_joins_accounts() {
        let account = |emails: &[(&str, bool, bool)]| {
            emails.iter().fold(ExternalAccount::new("", "7"), |account, (address, verified, primary)| {
                account.with_email(address, *verified, *primary)
            })
        };
        let (ann, bob) = (user("ann", Some("a@x"), &["a@x"]), user("bob", Some("b@x"), &[]));
        let other_ann = user("other", Some("o@x"), &["a@x"]);
        let claimed = user("claimed", Some("c@x"), &["u@x"]);
        let own = account(&[("u@x", true, true)]);
        let verified = account(&[("A@x", true, true)]);
        let unverified = account(&[("a@x", false, true)]);
        let both = account(&[("a@x", true, true), ("b@x", true, false)]);
        let name = |decision: Result<Decision<User>, ProviderError>| match decision {
            Ok(Decision::Known(user)) => format!("known {}", user.id),
            Ok(Decision::Joins(user)) => format!("joins {}", user.id),
            Ok(Decision::New(email)) => {
                format!("new {}", email.map(|email| email.address).unwrap_or_default())
            }
            Err(error) => format!("{error:?}"),
        };
        let rows = [
            (&verified, false, Some(bob.clone()), vec![ann.clone()], "known bob"),
            (&verified, false, None, vec![], "new a@x"),
            (&verified, false, None, vec![ann.clone()], "joins ann"),
            (&unverified, false, None, vec![ann.clone()], "new "),
            (&unverified, false, None, vec![], "new a@x"),
            (&unverified, true, None, vec![ann.clone()], "joins ann"),
            (&own, false, None, vec![claimed.clone()], "new u@x"),
            (&own, true, None, vec![claimed], "joins claimed"),
            (&both, false, None, vec![bob.clone()], "joins bob"),
            (&both, false, None, vec![ann.clone(), bob.clone()], "joins ann"),
            (&both, false, None, vec![ann.clone(), other_ann.clone()], "SeveralAccounts"),
        ];
        for (account, autoconfirm, owner, others, expected) in rows {
            assert_eq!(name(decide(account, autoconfirm, owner, others)), expected);
        }
        let nobody = account(&[]);
        assert_eq!(name(decide(&nobody, false, None, vec![])), "new ");
        assert_eq!(addresses(&verified, false), ["a@x"]);
        assert_eq!(addresses(&nobody, false), Vec::<String>::new());
    }
}
