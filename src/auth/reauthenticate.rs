//! A code by mail or text message that shows it is still the same person, for what matters most.

use super::account;
use super::error::Error;
use super::lockout::{Judged, Lockout};
use super::mailing::{self, Purpose, ReturnPath};
use super::model::User;
use super::one_time_token::{Presented, TokenType};
use super::sms::{self, Channel};
use super::store;
use super::store::one_time_tokens::{self, Pending, Standing};
use super::texting;
use crate::app::App;
use crate::caller::Caller;
use crate::crypto;
use crate::time::Timestamp;

/// Sends the caller a code, by mail if there is an address; gives upstream's `message_id` if there is one.
pub async fn reauthenticate(
    app: &App,
    caller: &Caller,
    path: &ReturnPath,
) -> Result<Option<&'static str>, Error> {
    let me = account::current(app, caller).await?;
    match (&me.user.email, &me.user.phone) {
        (Some(_), _) if me.user.email_confirmed_at.is_none() => Err(Error::ReauthenticationUnconfirmed),
        (Some(_), _) => mailing::send(app, &me.user, Purpose::Reauthentication, path).await.map(|()| None),
        (None, Some(_)) if me.user.phone_confirmed_at.is_none() => {
            Err(Error::ReauthenticationPhoneUnconfirmed)
        }
        (None, Some(_)) => {
            texting::send(app, &me.user, texting::Purpose::Reauthentication, Channel::Sms, path.ip.as_deref())
                .await
        }
        (None, None) => Err(Error::Validation(
            "Reauthentication requires the user to have an email or a phone number".into(),
        )),
    }
}

/// A code that was right.
pub struct Nonce {
    hash: String,
    judged: Judged,
}

/// Checks a code that the user was sent, for the batch that uses it.
pub async fn check_nonce(app: &App, user: &User, nonce: &str) -> Result<Nonce, Error> {
    let now = app.now();
    let database = app.ports.database.as_ref();
    let token_type = TokenType::Reauthentication;
    let contact = user.email.as_deref().or(user.phone.as_deref()).unwrap_or_default();
    let presented = Presented::Code { contact: contact.to_string(), code: nonce.to_string() };
    let hash = presented.hash_for(app, token_type, &user.id);
    let lockout = Lockout::of_codes(app, contact);
    let statements = vec![one_time_tokens::of_users(&[user.id.as_str()], now), lockout.failures()];
    let results = store::run(database, statements).await?;
    let judged = Judged::read(app, lockout, results.first(1)?.as_ref())?;
    let pending: Vec<Pending> = results.all(0)?;
    let pending = pending.iter().find(|pending| pending.token_type == token_type.name());
    let by_phone = user.email.is_none() && sms::has_foreign_codes(app);
    let is_test = app.config.auth.sms.test_code(contact, now).is_some();
    let right = match pending {
        Some(pending) if by_phone && !is_test && pending.can_be_guessed() => {
            sms::is_foreign_code_right(app, contact, nonce).await?.then_some(pending)
        }
        pending => {
            pending.filter(|pending| crypto::equal_secrets(pending.token_hash.as_bytes(), hash.as_bytes()))
        }
    };
    if let Some(right) = right.filter(|right| right.can_be_guessed()) {
        return Ok(Nonce { hash: right.token_hash.clone(), judged });
    }
    let mut counting = vec![one_time_tokens::count_attempt(&[user.id.as_str()], &[token_type], contact)];
    counting.extend(judged.counting(app));
    store::run(database, counting).await?;
    Err(Error::ReauthenticationNotValid)
}

/// The token of a code that was right, as long as it stands.
pub fn standing<'a>(user: &'a User, nonce: &'a Nonce, now: Timestamp) -> Standing<'a> {
    let Nonce { hash, judged } = nonce;
    Standing { user_id: &user.id, token_type: TokenType::Reauthentication, hash, judged: Some(judged), now }
}
