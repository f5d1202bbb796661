//! Proof Key for Code Exchange (RFC 7636): a code from a link is worth something only to the browser
//! that asked for the link.

use super::error::Error;
use crate::crypto;

/// What the browser sent along when it asked, and will have to match.
#[derive(Clone, Debug, PartialEq)]
pub struct Challenge {
    /// The hashed verifier, or the verifier itself with `plain`.
    pub text: String,
    /// `s256` or `plain`.
    pub method: &'static str,
}

impl Challenge {
    /// From a request's `code_challenge` and `code_challenge_method`: both or neither.
    pub fn parse(challenge: Option<&str>, method: Option<&str>) -> Result<Option<Self>, Error> {
        let (text, method) = match (challenge, method) {
            (None, None) => return Ok(None),
            (Some(text), Some(method)) => (text, method),
            _ => return refuse("PKCE flow requires code_challenge_method and code_challenge"),
        };
        if !(43..=128).contains(&text.len()) {
            return refuse("code challenge has to be between 43 and 128 characters");
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
            return refuse(
                "code challenge can only contain alphanumeric characters, hyphens, periods, underscores and tildes",
            );
        }
        let method = Self::method(method);
        let method = method.ok_or(Error::Validation("unsupported code_challenge method".into()))?;
        Ok(Some(Self { text: text.to_string(), method }))
    }

    /// A method's name in any case.
    pub fn method(name: &str) -> Option<&'static str> {
        ["s256", "plain"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
    }

    /// Whether the verifier is the one.
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let hashed = match self.method {
            "s256" => crypto::base64url(&crypto::sha256(verifier.as_bytes())),
            _ => verifier.to_string(),
        };
        crypto::equal_secrets(hashed.as_bytes(), self.text.as_bytes())
    }
}

fn refuse<T>(message: &'static str) -> Result<T, Error> {
    Err(Error::Validation(message.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verifier_meets_its_own_challenge_only() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let rows = [
            (challenge, "S256", verifier, true),
            (challenge, "s256", challenge, false),
            (verifier, "plain", verifier, true),
            (verifier, "plain", challenge, false),
        ];
        for (challenge, method, verifier, met) in rows {
            let challenge = Challenge::parse(Some(challenge), Some(method)).unwrap().unwrap();
            assert_eq!(challenge.is_met_by(verifier), met, "{method} {verifier}");
        }
    }

    #[test]
    fn half_a_challenge_is_none() {
        let good = "a".repeat(43);
        let rows = [
            (Some(good.as_str()), None),
            (None, Some("s256")),
            (Some("short"), Some("s256")),
            (Some(good.as_str()), Some("md5")),
        ];
        for (challenge, method) in rows {
            assert!(Challenge::parse(challenge, method).is_err(), "{challenge:?} {method:?}");
        }
        assert_eq!(Challenge::parse(None, None), Ok(None));
    }
}
