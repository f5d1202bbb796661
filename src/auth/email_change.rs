//! Changing an account's address: the new one has to be confirmed and, unless the settings say
//! otherwise, the old one has to agree.

use super::email_address::EmailAddress;
use super::error::Error;
use super::mailing::{self, Purpose, ReturnPath};
use super::model::User;
use super::one_time_token::OneTimeToken;
use super::store::one_time_tokens::{self, Standing};
use super::store::{self, users};
use crate::app::App;
use crate::time::Timestamp;

/// Notes the address the account is to have and sends the mails; gives the account as it is then.
pub async fn start(
    app: &App,
    user: &User,
    new: &EmailAddress,
    path: &ReturnPath,
    now: Timestamp,
) -> Result<User, Error> {
    mailing::check_frequency(app, user.email_change_sent_at.as_deref())?;
    check_free(app, user, new).await?;
    let after = User {
        email_change: Some(new.as_str().to_string()),
        email_change_sent_at: Some(now.to_postgres()),
        email_change_confirm_status: 0,
        ..user.clone()
    };
    let mut tokens = Vec::new();
    let mut batch = Vec::new();
    for (purpose, to) in recipients(app, user, new) {
        let token = OneTimeToken::issue(app, purpose.token_type(), &user.id, to, path.challenge.clone())?;
        batch.push(one_time_tokens::put(&token, user, now, mailing::expiry(app, now)));
        tokens.push((purpose, token));
    }
    // Both or none were stored, so one says whether the account still is what it was.
    let stored = tokens.first().map(|(_, token)| Standing {
        user_id: &user.id,
        token_type: token.token_type,
        hash: &token.hash,
        judged: None,
        now,
    });
    batch.push(users::replace_for(user, &after, now, stored.as_ref()));
    batch.push(users::by_id(&user.id));
    let replaced = batch.len() - 2;
    let results = store::run(app.ports.database.as_ref(), batch).await?;
    if !results.happened(replaced)? {
        return Err(Error::Conflict);
    }
    let changed = results.first(replaced + 1)?.ok_or(Error::TokenUserNotFound)?;

    let messages: Result<Vec<_>, Error> =
        tokens.iter().map(|(purpose, token)| mailing::compose(app, &after, *purpose, token, path)).collect();
    let mut undo: Vec<_> = tokens.iter().map(|(_, token)| one_time_tokens::take_back(token)).collect();
    undo.push(users::replace(&after, user, now));
    mailing::deliver(app, messages?, undo).await?;
    Ok(changed)
}

/// Said before any mail goes out; that it still is free is checked by the unique index at the end.
async fn check_free(app: &App, user: &User, new: &EmailAddress) -> Result<(), Error> {
    let statement = users::by_email(new.as_str());
    let holder: Option<User> = store::run(app.ports.database.as_ref(), vec![statement]).await?.first(0)?;
    match holder {
        Some(holder) if holder.id != user.id => Err(Error::EmailExists),
        _ => Ok(()),
    }
}

fn recipients<'a>(app: &App, user: &'a User, new: &'a EmailAddress) -> Vec<(Purpose, &'a str)> {
    let mut recipients = vec![(Purpose::EmailChangeNew, new.as_str())];
    if app.config.auth.mail.secure_email_change {
        recipients.extend(user.email.as_deref().map(|current| (Purpose::EmailChangeCurrent, current)));
    }
    recipients
}
