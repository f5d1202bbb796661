//! A user's identities: adding one by hand, and taking one away.

use serde_json::json;
use uuid::Uuid;

use super::account::{self, ATTEMPTS};
use super::audit::{self, Action, Actor};
use super::email_address::normal_form;
use super::error::Error;
use super::external_sign_in::{Arrival, Given, Ticket, name_providers};
use super::mailing::{self, Purpose};
use super::metadata::{self, Metadata};
use super::model::{Identity, User};
use super::notice::{self, Notice};
use super::provider::account::ExternalAccount;
use super::provider::error::ProviderError;
use super::session::Client;
use super::store::{self, external_accounts, one_time_tokens, users};
use crate::app::App;
use crate::caller::Caller;
use crate::ports::DbError;

/// Gives a user the identity of a provider's account, and a session (or a code for one).
pub async fn link(app: &App, user_id: &str, arrival: &Arrival<'_>, client: &Client) -> Result<Given, Error> {
    for _ in 0..ATTEMPTS {
        let (provider, subject) = (arrival.provider, arrival.account.subject());
        let statements = vec![
            users::by_id(user_id),
            external_accounts::by_identity(provider, subject),
            external_accounts::by_emails(&own_addresses(arrival.account)),
        ];
        let results = store::run(app.ports.database.as_ref(), statements).await?;
        let target = results.first::<User>(0)?.filter(|user| user.deleted_at.is_none());
        let target = target.ok_or(ProviderError::LinkTargetGone)?;
        match results.first::<User>(1)? {
            Some(owner) if owner.id == target.id => return Err(ProviderError::AlreadyLinked.into()),
            Some(_) => return Err(ProviderError::LinkedToAnother.into()),
            None => {}
        }
        if target.is_banned(app.now()) {
            return Err(Error::TokenUserBanned);
        }
        let linked = linked(app, arrival, &target, &results.all(2)?)?;
        if let Some(given) = commit_link(app, arrival, &target, linked, client).await? {
            return Ok(given);
        }
    }
    Err(Error::Conflict)
}

/// A user with one identity more.
struct Linked {
    after: User,
    /// Whether its address has to be asked first.
    asks: bool,
}

/// An account without an address gets the identity's.
fn linked(app: &App, arrival: &Arrival<'_>, target: &User, others: &[User]) -> Result<Linked, Error> {
    let now = app.now().to_postgres();
    let mut after = User { last_sign_in_at: Some(now.clone()), ..target.clone() };
    let known = target.identities.iter().map(|identity| identity.provider.as_str());
    name_providers(&mut after, &mut known.chain([arrival.provider]));
    if target.email.is_some() {
        return Ok(Linked { after, asks: false });
    }
    let email = own_addresses(arrival.account).pop();
    let Some(email) = email else {
        after.is_anonymous = 0;
        return Ok(Linked { after, asks: false });
    };
    if others.iter().any(|other| other.id != target.id && other.email.as_deref() == Some(&email)) {
        return Err(ProviderError::LinkedEmailTaken.into());
    }
    after.email = Some(email);
    let verified = arrival.account.claims.get("email_verified") == Some(&json!(true));
    if verified || app.config.auth.autoconfirm {
        after.email_confirmed_at = Some(now);
        after.is_anonymous = 0;
        metadata::merge(&mut after.raw_user_meta_data, &email_verified(true));
        return Ok(Linked { after, asks: false });
    }
    after.last_sign_in_at = target.last_sign_in_at.clone();
    Ok(Linked { after, asks: true })
}

/// The address that counts, as addresses are stored.
fn own_addresses(account: &ExternalAccount) -> Vec<String> {
    let email = account.claims.get("email").and_then(serde_json::Value::as_str);
    email.map(normal_form).into_iter().collect()
}

fn email_verified(verified: bool) -> Metadata {
    Metadata::from_iter([("email_verified".to_string(), json!(verified))])
}

async fn commit_link(
    app: &App,
    arrival: &Arrival<'_>,
    target: &User,
    linked: Linked,
    client: &Client,
) -> Result<Option<Given>, Error> {
    let (now, random) = (app.now(), app.ports.random.as_ref());
    let (provider, subject, claims) = (arrival.provider, arrival.account.subject(), &arrival.account.claims);
    let ticket = Ticket::new(app, &target.id, arrival.give);
    let mut batch = vec![
        external_accounts::unchanged(target),
        external_accounts::insert_identity(random, &target.id, provider, subject, claims, now),
        external_accounts::replace(&linked.after, now),
        users::by_id(&target.id),
    ];
    if !linked.asks {
        batch.push(ticket.insert(app, client));
    }
    let results = match store::run(app.ports.database.as_ref(), batch).await {
        Ok(results) => results,
        Err(error) if moved(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let user: User = results.first(3)?.ok_or(Error::Conflict)?;
    if linked.asks {
        mailing::send(app, &user, Purpose::SignUp, arrival.path).await?;
        return Err(ProviderError::LinkedEmailUnverified(provider.to_string()).into());
    }
    if !results.happened(4)? {
        return Err(Error::TokenUserBanned);
    }
    let (ip, traits) = (client.ip.as_deref(), json!({"provider": provider, "provider_id": subject}));
    audit::record(app, Actor::User(&user), Action::IdentityLinked, ip, traits).await;
    notice::send(app, &user, Notice::IdentityLinked(provider), ip).await;
    ticket.given(app, user, client).await.map(Some)
}

/// Whether a batch failed because another request came first.
fn moved(error: &DbError) -> bool {
    matches!(error, DbError::Raised(what) if what == external_accounts::MOVED) || Error::is_of_account(error)
}

/// Takes one of the caller's identities away; the last one stays. An address that came with it is
/// replaced by another identity's.
pub async fn unlink(app: &App, caller: &Caller, id: Uuid) -> Result<(), Error> {
    let id = id.to_string();
    for _ in 0..ATTEMPTS {
        let me = account::current_assured(app, caller).await?;
        if me.user.identities.len() <= 1 {
            return Err(ProviderError::SingleIdentity.into());
        }
        let identity = me.user.identities.iter().find(|identity| identity.id == id);
        let identity = identity.ok_or(ProviderError::IdentityNotFound)?;
        let after = without(app, &me.user, identity).await?;
        let mut batch = vec![
            external_accounts::unchanged(&me.user),
            external_accounts::delete_identity(&me.user.id, &id),
            external_accounts::replace(&after, app.now()),
        ];
        if after.email != me.user.email {
            // What was sent to the old address was asked for by whoever has that.
            batch.push(one_time_tokens::clear(&after, None));
        }
        match store::run(app.ports.database.as_ref(), batch).await {
            Ok(_) => {
                let traits = json!({
                    "identity_id": identity.id,
                    "provider": identity.provider,
                    "provider_id": identity.provider_id,
                });
                audit::record(app, Actor::User(&me.user), Action::IdentityUnlinked, None, traits).await;
                notice::send(app, &me.user, Notice::IdentityUnlinked(&identity.provider), None).await;
                return Ok(());
            }
            Err(error) if moved(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

async fn without(app: &App, user: &User, gone: &Identity) -> Result<User, Error> {
    let left: Vec<&Identity> = user.identities.iter().filter(|identity| identity.id != gone.id).collect();
    let mut after = user.clone();
    name_providers(&mut after, &mut left.iter().map(|identity| identity.provider.as_str()));
    if gone.provider == "phone" {
        after.phone = None;
        after.phone_confirmed_at = None;
    } else if !left.iter().any(|identity| identity.email == user.email) {
        promote(app, &mut after, left).await?;
    }
    Ok(after)
}

/// The account gets the address of one of its identities: one that a provider vouches for before one that
/// none does, before none at all; the oldest of several.
async fn promote(app: &App, after: &mut User, left: Vec<&Identity>) -> Result<(), Error> {
    let mut left = left;
    left.sort_by_key(|identity| (rank(identity), identity.created_at.clone(), identity.id.clone()));
    let emails: Vec<String> = left.iter().filter_map(|identity| identity.email.clone()).collect();
    let statement = external_accounts::by_emails(&emails);
    let others: Vec<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    let is_free = |identity: &&&Identity| {
        identity.email.is_none()
            || !others.iter().any(|other| other.id != after.id && other.email == identity.email)
    };
    let chosen = left.iter().find(is_free).ok_or(ProviderError::EmailConflict)?;
    after.email = chosen.email.clone();
    if rank(chosen) != 0 && !(rank(chosen) == 1 && app.config.auth.autoconfirm) {
        after.email_confirmed_at = None;
        metadata::merge(&mut after.raw_user_meta_data, &email_verified(false));
    }
    Ok(())
}

fn rank(identity: &Identity) -> u8 {
    match &identity.email {
        None => 2,
        Some(_) if identity.identity_data.get("email_verified") != Some(&json!(true)) => 1,
        Some(_) => 0,
    }
}
