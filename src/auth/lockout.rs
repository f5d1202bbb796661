//! Wrong passwords in a row make the next one wait; so do wrong codes, whichever code they were tried on.
//!
//! Counted by what was typed in, whether anyone has it or not, so that waiting tells nothing. Counted before
//! anyone is told that a guess was wrong, and looked at again when a right one starts its session, so that
//! guesses cannot be tried side by side.

use super::contact::Contact;
use super::error::Error;
use super::model::User;
use super::password;
use super::store::{self, sign_in_failures};
use super::{email_address, phone_number};
use crate::app::App;
use crate::crypto;
use crate::sql::{Statement, Writer};
use crate::time::Timestamp;

pub use super::store::sign_in_failures::Failures;

/// Wrong guesses before each further one has to wait.
const FREE_ATTEMPTS: u32 = 10;

/// The first wait; it doubles with each wrong guess.
const FIRST_WAIT_SECONDS: i64 = 30;

/// The longest wait. Whoever knows an address can keep its owner's password waiting as long, or their codes; links go on
/// working. In a year of guessing comes on one code of six digits in about thirty accounts.
const LONGEST_WAIT_SECONDS: i64 = 900;

/// Whether a signed-in user's password is right: who took their session could guess it here, so wrong ones are counted with those
/// of sign-ins.
pub async fn is_own_password(app: &App, user: &User, password: &str) -> Result<bool, Error> {
    let lockout = Lockout::of(
        app,
        match (&user.email, &user.phone) {
            (Some(email), _) => Contact::Email(email),
            (None, phone) => Contact::Phone(phone.as_deref().unwrap_or(&user.id)),
        },
    );
    let failures = store::run(app.ports.database.as_ref(), vec![lockout.failures()]).await?;
    lockout.refuse_locked(app, failures.first(0)?.as_ref())?;
    let is_right = password::is_right(app, password, user.encrypted_password.as_deref()).await?;
    if !is_right {
        lockout.count(app).await?;
    }
    Ok(is_right)
}

/// The count of one address or number.
pub struct Lockout {
    key: String,
    is_on: bool,
    /// What somebody who has to wait so many seconds is told.
    refusal: fn(i64) -> Error,
}

impl Lockout {
    /// Of passwords, for what somebody typed in.
    pub fn of(app: &App, contact: Contact<'_>) -> Self {
        let contact = match contact {
            Contact::Email(email) => email_address::normal_form(email),
            Contact::Phone(phone) => phone_number::normal_form(phone),
        };
        Self::under(app, b"failed sign-ins", &contact, Error::SignInLocked)
    }

    /// Of codes by mail or text message, for an address or number as accounts have it.
    pub fn of_codes(app: &App, contact: &str) -> Self {
        Self::under(app, b"wrong codes", contact, Error::CodesLocked)
    }

    fn under(app: &App, label: &[u8], contact: &str, refusal: fn(i64) -> Error) -> Self {
        let key = crypto::hmac_sha256(app.config.jwt_secret.as_bytes(), label);
        let key = crypto::hmac_sha256(&key, contact.as_bytes());
        Self { key: crypto::hex(key.get(..16).unwrap_or(&key)), is_on: app.config.auth.lockout, refusal }
    }

    /// What was counted so far.
    pub fn failures(&self) -> Statement {
        sign_in_failures::of(&self.key)
    }

    /// Refuses while the next guess has to wait.
    pub fn refuse_locked(&self, app: &App, failures: Option<&Failures>) -> Result<(), Error> {
        let Some(failures) = failures.filter(|_| self.is_on) else { return Ok(()) };
        let Some(failed_at) = Timestamp::parse(&failures.last_failed_at) else { return Ok(()) };
        let opens_at = failed_at.plus_seconds(wait_seconds(failures.failures));
        if app.now() >= opens_at {
            return Ok(());
        }
        Err((self.refusal)(opens_at.seconds().saturating_sub(app.now().seconds()).max(1)))
    }

    /// Counts a wrong guess.
    pub async fn count(&self, app: &App) -> Result<(), Error> {
        if let Some(statement) = self.counting(app) {
            store::run(app.ports.database.as_ref(), vec![statement]).await?;
        }
        Ok(())
    }

    /// What counts a wrong guess, if anything does.
    pub fn counting(&self, app: &App) -> Option<Statement> {
        self.is_on.then(|| sign_in_failures::count(&self.key, app.now()))
    }

    /// Whether the count still is what it was, as a condition.
    pub fn unchanged(&self, failures: u32, writer: &mut Writer) -> String {
        sign_in_failures::unchanged(&self.key, failures, writer)
    }

    /// Starts over after a right password.
    pub fn forget(&self) -> Statement {
        sign_in_failures::forget(&self.key)
    }
}

/// A count as it was when a code was judged.
pub struct Judged {
    lockout: Lockout,
    failures: u32,
}

impl Judged {
    /// Refuses while the next code has to wait.
    pub fn read(app: &App, lockout: Lockout, failures: Option<&Failures>) -> Result<Self, Error> {
        lockout.refuse_locked(app, failures)?;
        Ok(Self { lockout, failures: failures.map_or(0, |failures| failures.failures) })
    }

    /// What counts a wrong code, if anything does.
    pub fn counting(&self, app: &App) -> Option<Statement> {
        self.lockout.counting(app)
    }

    /// Whether no wrong code was counted since, as a condition.
    pub fn condition(&self, writer: &mut Writer) -> String {
        self.lockout.unchanged(self.failures, writer)
    }

    /// Starts over after a right code, if there is something to forget.
    pub fn forget(&self) -> Option<Statement> {
        (self.failures > 0).then(|| sign_in_failures::forget_so_many(&self.lockout.key, self.failures))
    }
}

/// How long the next password has to wait after so many wrong ones.
pub fn wait_seconds(failures: u32) -> i64 {
    match failures.checked_sub(FREE_ATTEMPTS) {
        None => 0,
        Some(more) => (FIRST_WAIT_SECONDS << more.min(10)).min(LONGEST_WAIT_SECONDS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_after_ten_wrong_guesses_up_to_a_quarter_of_an_hour() {
        for (failures, seconds) in [(0, 0), (9, 0), (10, 30), (11, 60), (14, 480), (15, 900), (u32::MAX, 900)]
        {
            assert_eq!(wait_seconds(failures), seconds, "{failures}");
        }
    }
}
