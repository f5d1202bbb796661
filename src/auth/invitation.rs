//! Accepting an invitation by signing in with a provider: upstream's `invite_token`.
//!
//! The token came by mail, so whoever has it reads the mailbox: it confirms the address that was invited, and the account at the
//! provider has to have that address too.

use super::account::ATTEMPTS;
use super::email_address::normal_form;
use super::error::Error;
use super::external_sign_in::{self, Arrival, Given, Plan};
use super::model::User;
use super::one_time_token::{Presented, TokenType};
use super::provider::error::ProviderError;
use super::session::Client;
use super::store::one_time_tokens::Pending;
use super::store::{self, external_accounts, one_time_tokens, users};
use crate::app::App;

/// The invitation that a link's token is of, not accepted yet.
pub async fn find(app: &App, token: &str) -> Result<Pending, Error> {
    let Some(Presented::Link { user_id, hash, .. }) = Presented::link(token) else {
        return Err(ProviderError::InvitedUserNotFound.into());
    };
    let statement = one_time_tokens::of_users(&[&user_id], app.now());
    let waiting: Vec<Pending> = store::run(app.ports.database.as_ref(), vec![statement]).await?.all(0)?;
    waiting
        .into_iter()
        .find(|pending| is_of(pending, &hash))
        .ok_or_else(|| ProviderError::InvitedUserNotFound.into())
}

fn is_of(pending: &Pending, hash: &str) -> bool {
    pending.token_type == TokenType::Confirmation.name() && pending.token_hash == hash
}

/// Gives the invited user the identity and a session (or a code for one). The token is used up with all others of the account.
pub async fn accept(
    app: &App,
    user_id: &str,
    hash: &str,
    arrival: &Arrival<'_>,
    client: &Client,
) -> Result<Given, Error> {
    for _ in 0..ATTEMPTS {
        let statements = vec![
            users::by_id(user_id),
            one_time_tokens::of_users(&[user_id], app.now()),
            external_accounts::by_identity(arrival.provider, arrival.account.subject()),
        ];
        let results = store::run(app.ports.database.as_ref(), statements).await?;
        let stands = results.all::<Pending>(1)?.iter().any(|pending| is_of(pending, hash));
        // Who has confirmed the address otherwise has used the token up.
        let user = results.first::<User>(0)?.filter(|user| stands && user.deleted_at.is_none());
        let user = user.ok_or(ProviderError::InviteNotFound)?;
        if user.is_banned(app.now()) {
            return Err(Error::TokenUserBanned);
        }
        let is_invited = |address: &str| user.email.as_deref() == Some(normal_form(address).as_str());
        if !arrival.account.emails.iter().any(|email| is_invited(&email.address)) {
            return Err(ProviderError::InvitedElsewhere.into());
        }
        if results.first::<User>(2)?.is_some() {
            return Err(ProviderError::LinkedToAnother.into());
        }
        let plan = Plan::of_invited(app, arrival, user);
        if let Some(given) = external_sign_in::commit(app, arrival, plan, client).await? {
            return Ok(given);
        }
    }
    Err(Error::Conflict)
}
