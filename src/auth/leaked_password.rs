//! Whether a password is among those that leaked from elsewhere: Have I Been Pwned's range API.
//!
//! It is told the first five digits of the password's SHA-1 and answers with all that begin so, so that it
//! learns neither the password nor whether it is among them. <https://haveibeenpwned.com/API/v3#PwnedPasswords>

use std::rc::Rc;

use ::http::Method;
use sha1::{Digest, Sha1};

use crate::app::App;
use crate::crypto;
use crate::ports::OutgoingRequest;

/// Milliseconds an answer may take.
const PATIENCE: u64 = 5_000;

/// How many ranges, of some 40 KB each, an isolate remembers before it forgets them all.
const REMEMBERED: usize = 50;

/// Whether it leaked; an error with its cause when that cannot be found out.
pub async fn is_known(app: &App, password: &str) -> Result<bool, String> {
    let digest = crypto::hex(&Sha1::digest(password.as_bytes())).to_uppercase();
    let (prefix, rest) = digest.split_at_checked(5).ok_or("a digest of no length")?;
    let known = app.leaked_passwords.borrow().get(prefix).cloned();
    let range = match known {
        Some(range) => range,
        None => {
            let range: Rc<str> = fetch(app, prefix).await?.into();
            let mut ranges = app.leaked_passwords.borrow_mut();
            if ranges.len() >= REMEMBERED {
                ranges.clear();
            }
            ranges.insert(prefix.to_string(), range.clone());
            range
        }
    };
    // A count of 0 is padding, which hides how long the list is.
    let is_it = |line: &str| {
        line.split_once(':').is_some_and(|(digits, count)| digits == rest && count.trim() != "0")
    };
    Ok(range.lines().any(is_it))
}

async fn fetch(app: &App, prefix: &str) -> Result<String, String> {
    let request = OutgoingRequest {
        method: Method::GET,
        url: format!("https://api.pwnedpasswords.com/range/{prefix}"),
        headers: vec![("user-agent", "Edgeward".into()), ("add-padding", "true".into())],
        body: String::new(),
    };
    match app.ports.http_client.send_within(request, PATIENCE).await {
        Ok(Some(answer)) if answer.is_success() => Ok(answer.body),
        Ok(Some(answer)) => Err(format!("the range API answered {}", answer.status)),
        Ok(None) => Err("the range API did not answer in time".into()),
        Err(error) => Err(error.0),
    }
}
