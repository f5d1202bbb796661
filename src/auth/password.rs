//! Passwords: the rules for new ones, and hashes of old ones.

use argon2::Params;
use argon2::password_hash::PasswordHash;

use serde_json::json;

use super::error::{Error, WeakPassword};
use super::leaked_password;
use crate::app::App;
use crate::config::AuthConfig;
use crate::crypto::imported_password::{FirebaseScrypt, Pbkdf2};

/// bcrypt reads no further, and accounts may have to move to a server that uses it.
const LONGEST_BYTES: usize = 72;

/// What is compared when there is no hash to compare with: argon2id with the parameters of new
/// hashes, so that an unknown user takes as long as a wrong password. No password belongs to it.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm8gdXNlciBoYXMgdGhpcw$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password that an account is to have.
pub struct NewPassword {
    text: String,
    /// Whether it is to meet the rules for new ones.
    is_judged: bool,
}

impl NewPassword {
    /// Checks a password that someone chose.
    pub fn parse(config: &AuthConfig, text: &str) -> Result<Self, Error> {
        let password = Self { is_judged: true, ..Self::of_new_account(text)? };
        match weakness(config, text) {
            Some(weakness) => Err(Error::WeakPassword(weakness)),
            None => Ok(password),
        }
    }

    /// The password of an account that an administrator brings along. As upstream it may be weak: its owner has had it before, and
    /// is told at the first sign-in.
    pub fn of_new_account(text: &str) -> Result<Self, Error> {
        if text.len() > LONGEST_BYTES {
            return Err(Error::PasswordTooLong);
        }
        Ok(Self { text: text.to_string(), is_judged: false })
    }

    /// Whether it is the password of that hash.
    pub async fn is_of(&self, app: &App, hash: &str) -> Result<bool, Error> {
        is_right(app, &self.text, Some(hash)).await
    }

    /// A new argon2id hash of it; one that is judged is refused if it is known to have leaked elsewhere.
    pub async fn hash(&self, app: &App) -> Result<String, Error> {
        if self.is_judged
            && let Some(weakness) = leaked(app, &self.text).await?
        {
            return Err(Error::WeakPassword(weakness));
        }
        Ok(app.ports.hasher.hash(&self.text).await?)
    }
}

/// What makes a password weak by itself, if anything does.
pub fn weakness(config: &AuthConfig, password: &str) -> Option<WeakPassword> {
    let least = config.password_min_length;
    let mut found = Vec::new();
    if (password.chars().count() as u64) < least {
        found.push(("length", format!("Password should be at least {least} characters.")));
    }
    let sets = &config.password_characters;
    if sets.iter().any(|set| !password.chars().any(|character| set.contains(character))) {
        let sets = sets.join(", ");
        found
            .push(("characters", format!("Password should contain at least one character of each: {sets}.")));
    }
    WeakPassword::of(found)
}

/// What makes a password weak that someone signed in with: also that it leaked, if that can be found out.
pub async fn weakness_of(app: &App, password: &str) -> Option<WeakPassword> {
    let own = weakness(&app.config.auth, password);
    let leaked = leaked(app, password).await.ok().flatten();
    match (own, leaked) {
        (Some(own), Some(leaked)) => Some(WeakPassword {
            message: format!("{} {}", own.message, leaked.message),
            reasons: [own.reasons, leaked.reasons].concat(),
        }),
        (own, leaked) => own.or(leaked),
    }
}

/// Whether a password leaked elsewhere, where that matters. One that could not be looked up is let through
/// unless the settings say otherwise.
async fn leaked(app: &App, password: &str) -> Result<Option<WeakPassword>, Error> {
    let config = &app.config.auth;
    if !config.password_leaks_refused {
        return Ok(None);
    }
    let message = "Password is known to be weak and easy to guess, please choose a different one.";
    match leaked_password::is_known(app, password).await {
        Ok(true) => Ok(WeakPassword::of(vec![("pwned", message.to_string())])),
        Ok(false) => Ok(None),
        Err(cause) if config.password_leaks_fail_closed => Err(Error::LeakCheckUnavailable(cause)),
        Err(cause) => {
            let line = json!({
                "at": app.now().to_milliseconds(),
                "level": "warn",
                "message": "a password could not be looked up among the leaked ones and was let through",
                "cause": cause,
            });
            app.ports.log.line(&line.to_string());
            Ok(None)
        }
    }
}

impl WeakPassword {
    fn of(found: Vec<(&'static str, String)>) -> Option<Self> {
        let (reasons, messages): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        (!reasons.is_empty()).then(|| Self { message: messages.join(" "), reasons })
    }
}

/// Whether the password belongs to the hash. Without a hash it does the same work and says no, and so it does with one that no import
/// would have been allowed to bring: SQL can write any text.
pub async fn is_right(app: &App, password: &str, hash: Option<&str>) -> Result<bool, Error> {
    let hash = hash.filter(|hash| is_usable(hash));
    let right = app.ports.hasher.verify(password, hash.unwrap_or(DUMMY_HASH)).await?;
    Ok(right && hash.is_some())
}

/// The hash an account should have after the password proved right: a new one if it was imported in
/// another algorithm.
pub async fn up_to_date(app: &App, password: &str, hash: &str) -> Result<String, Error> {
    if hash.starts_with("$argon2id$") {
        return Ok(hash.to_string());
    }
    Ok(app.ports.hasher.hash(password).await?)
}

/// Limits on imported hashes: what one sign-in may cost in an isolate's 128 MB and 30 s.
const MOST_BCRYPT_COST: u32 = 14;
const MOST_ARGON2_KIB: u32 = 64 * 1024;
const MOST_ARGON2_PASSES: u32 = 20;
const MOST_ARGON2_LANES: u32 = 16;
const MOST_PBKDF2_ROUNDS: u64 = 2_000_000;
const MOST_SCRYPT_BYTES: u64 = 64 << 20;
const MOST_SCRYPT_PASSES: u64 = 16;

/// Takes a hash that an administrator imports: bcrypt, argon2i or argon2id of version 19, PBKDF2 with SHA-256 or
/// SHA-512, or Firebase's.
pub fn imported_hash(hash: &str) -> Result<String, Error> {
    if is_usable(hash) {
        return Ok(hash.to_string());
    }
    Err(Error::Validation(
        "Invalid password hash: bcrypt, argon2i, argon2id, PBKDF2 (SHA-256, SHA-512) and Firebase's scrypt are supported, whole and of reasonable cost".into(),
    ))
}

fn is_usable(hash: &str) -> bool {
    is_usable_argon2(hash)
        || is_usable_bcrypt(hash)
        || Pbkdf2::parse(hash).is_some_and(|hash| hash.rounds() <= MOST_PBKDF2_ROUNDS)
        || FirebaseScrypt::parse(hash).is_some_and(|hash| {
            let (bytes, passes) = hash.cost();
            bytes <= MOST_SCRYPT_BYTES && passes <= MOST_SCRYPT_PASSES
        })
}

fn is_usable_bcrypt(hash: &str) -> bool {
    hash.starts_with("$2")
        && hash.len() == 60
        && hash
            .parse::<bcrypt::HashParts>()
            .is_ok_and(|parts| (4..=MOST_BCRYPT_COST).contains(&parts.get_cost()))
}

fn is_usable_argon2(hash: &str) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let is_argon2 = matches!(hash.algorithm.as_str(), "argon2i" | "argon2id");
    let whole = hash.version == Some(19) && hash.salt.is_some() && hash.hash.is_some();
    is_argon2
        && whole
        && Params::try_from(&hash).is_ok_and(|params| {
            params.m_cost() <= MOST_ARGON2_KIB
                && params.t_cost() <= MOST_ARGON2_PASSES
                && params.p_cost() <= MOST_ARGON2_LANES
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dummy_costs_what_a_new_hash_costs() {
        let cost = |hash: &str| hash.split('$').skip(1).take(3).map(str::to_string).collect::<Vec<_>>();
        let new = crate::crypto::password::hash("password", &[7; 16]).unwrap();
        assert_eq!(cost(DUMMY_HASH), cost(&new));
        assert_eq!(DUMMY_HASH.len(), new.len());
    }

    #[test]
    fn imported_hashes_are_whole_known_and_affordable() {
        let bcrypt = "$2a$04$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkY8jIucDrjc8deX1s.K";
        let firebase =
            "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=AAAAAAAAAAAAAAAAAAAAAA==$AAAA$AAAAAAAAAAAAAAAAAAAAAA==";
        let pbkdf2 = "pbkdf2_sha256$600000$salt$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM=";
        let rows = [
            (DUMMY_HASH.to_string(), true),
            (bcrypt.to_string(), true),
            (bcrypt.replace("$04$", "$31$"), false),
            (bcrypt.replace("$04$", "$xx$"), false),
            (bcrypt[..59].to_string(), false),
            (DUMMY_HASH.replace("argon2id", "argon2i"), true),
            (DUMMY_HASH.replace("argon2id", "argon2d"), false),
            (DUMMY_HASH.replace("v=19", "v=16"), false),
            (DUMMY_HASH.replace("m=19456", "m=1048576"), false),
            ("$argon2id$v=19$m=19456,t=2,p=1".to_string(), false),
            ("$fbscrypt$v=1,n=14,r=8,p=1$AAAA$BBBB".to_string(), false),
            (firebase.to_string(), true),
            (firebase.replace("n=14", "n=17"), false),
            (firebase.replace("p=1", "p=17"), false),
            (pbkdf2.to_string(), true),
            (pbkdf2.replace("$600000$", "$2000001$"), false),
            (pbkdf2.replace("sha256", "sha1"), false),
            ("password".to_string(), false),
            (String::new(), false),
        ];
        for (hash, usable) in rows {
            assert_eq!(imported_hash(&hash).is_ok(), usable, "{hash}");
        }
    }
}
