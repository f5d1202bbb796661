//! Changing an account's number: the new one has to be confirmed by a code.

use super::error::Error;
use super::model::User;
use super::phone_number::PhoneNumber;
use super::sms::Channel;
use super::store::one_time_tokens::{self, Standing};
use super::store::{self, users};
use super::texting::{self, Code, Purpose};
use crate::app::App;
use crate::time::Timestamp;

/// Notes the number the account is to have and sends the code; gives the account as it is then, and
/// upstream's `message_id` if there is one.
pub async fn start(
    app: &App,
    user: &User,
    new: &PhoneNumber,
    channel: Channel,
    ip: Option<&str>,
    now: Timestamp,
) -> Result<(User, Option<&'static str>), Error> {
    check_free(app, user, new).await?;
    texting::check_frequency(app, user.phone_change_sent_at.as_deref())?;
    let after = User {
        phone_change: Some(new.as_str().to_string()),
        phone_change_sent_at: Some(now.to_postgres()),
        ..user.clone()
    };
    let code = Code::issue(app, Purpose::PhoneChange, &user.id, new.as_str())?;
    let stored = Standing {
        user_id: &user.id,
        token_type: code.token.token_type,
        hash: &code.token.hash,
        judged: None,
        now,
    };
    let batch = vec![
        one_time_tokens::put(&code.token, user, now, texting::expiry(app, now)),
        users::replace_for(user, &after, now, Some(&stored)),
        users::by_id(&user.id),
    ];
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(1)? {
        return Err(Error::Conflict);
    }
    let changed = results.first(2)?.ok_or(Error::TokenUserNotFound)?;
    let undo = vec![one_time_tokens::take_back(&code.token), users::replace(&after, user, now)];
    code.deliver(app, &after, channel, ip, undo).await?;
    Ok((changed, code.test_id))
}

/// Said before any message goes out; that it still is free is checked by the unique index at the end.
async fn check_free(app: &App, user: &User, new: &PhoneNumber) -> Result<(), Error> {
    let statement = users::by_phone(new.as_str());
    let holder: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match holder {
        Some(holder) if holder.id != user.id => Err(Error::PhoneExists),
        _ => Ok(()),
    }
}
