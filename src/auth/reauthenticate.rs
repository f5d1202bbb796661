//! A code by mail that shows it is still the same person, for what matters most.

use super::account;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::model::User;
use super::one_time_token::{Presented, TokenType};
use super::store;
use super::store::one_time_tokens::{self, Pending, Standing};
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;

/// Sends the caller a code.
pub async fn reauthenticate(app: &App, caller: &Caller, path: &ReturnPath) -> Result<(), Error> {
    let me = account::current(app, caller).await?;
    if me.user.email.is_none() {
        return Err(Error::Validation(
            "Reauthentication requires the user to have an email or a phone number".into(),
        ));
    }
    if me.user.confirmed_at.is_none() {
        return Err(Error::ReauthenticationUnconfirmed);
    }
    mailing::send(app, &me.user, Purpose::Reauthentication, path).await
}

/// Uses a code that the user was sent.
pub async fn use_nonce(app: &App, user: &User, nonce: &str) -> Result<(), Error> {
    let now = app.now();
    let database = app.ports.database.as_ref();
    let token_type = TokenType::Reauthentication;
    let contact = user.email.as_deref().unwrap_or_default();
    let presented = Presented::Code { contact: contact.to_string(), code: nonce.to_string() };
    let hash = presented.hash_for(app, token_type, &user.id);
    let statement = one_time_tokens::of_users(&[user.id.as_str()], now);
    let pending: Vec<Pending> = store::run(database, vec![statement]).await?.all(0)?;
    let is_right = pending.iter().any(|pending| {
        pending.token_type == token_type.name()
            && crypto::equal_secrets(pending.token_hash.as_bytes(), hash.as_bytes())
    });
    if !is_right {
        let statement = one_time_tokens::count_attempt(&[user.id.as_str()], &[token_type], contact);
        store::run(database, vec![statement]).await?;
        return Err(Error::ReauthenticationNotValid);
    }
    let token = Standing { user_id: &user.id, token_type, hash: &hash, is_code: true, now };
    match store::run(database, vec![token.consume_alone()]).await?.happened(0)? {
        true => Ok(()),
        false => Err(Error::ReauthenticationNotValid),
    }
}
