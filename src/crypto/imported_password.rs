//! Password hashes as other servers wrote them: PBKDF2, and what Firebase makes of scrypt. Read whole or not at
//! all; what they may cost is asked by whoever takes them in.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pbkdf2::pbkdf2_hmac;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

use crate::ports::PortError;

/// PBKDF2 with HMAC (RFC 8018 §5.2).
pub struct Pbkdf2 {
    /// Whether the digest is SHA-512 rather than SHA-256.
    is_sha512: bool,
    /// How often the digest is run for each of its lengths in the hash.
    pub iterations: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    /// Reads what passlib writes, the PHC format, and what Django writes:
    ///
    /// `$pbkdf2-sha256$29000$c2FsdA$aGFzaA`, `$pbkdf2-sha256$i=29000,l=32$c2FsdA$aGFzaA`, `pbkdf2_sha256$600000$salt$aGFzaA==`
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, is_django) = match text.strip_prefix("$pbkdf2-") {
            Some(rest) => (rest, false),
            None => (text.strip_prefix("pbkdf2_")?, true),
        };
        let mut parts = rest.split('$');
        let is_sha512 = match parts.next()? {
            "sha256" => false,
            "sha512" => true,
            _ => return None,
        };
        let cost = parts.next()?;
        let (salt, hash) = (parts.next()?, from_base64(parts.next()?)?);
        let salt = if is_django { salt.as_bytes().to_vec() } else { from_base64(salt)? };
        let is_whole = parts.next().is_none() && !salt.is_empty() && (16..=64).contains(&hash.len());
        let iterations = iterations(cost, hash.len())?;
        is_whole.then_some(Self { is_sha512, iterations, salt, hash })
    }

    /// How often the digest is run in all.
    pub fn rounds(&self) -> u64 {
        let length = if self.is_sha512 { 64 } else { 32 };
        u64::from(self.iterations) * self.hash.len().div_ceil(length) as u64
    }

    /// Whether it is the password's.
    pub fn is_of(&self, password: &str) -> bool {
        let derive = if self.is_sha512 { pbkdf2_hmac::<Sha512> } else { pbkdf2_hmac::<Sha256> };
        let mut derived = vec![0; self.hash.len()];
        derive(password.as_bytes(), &self.salt, self.iterations, &mut derived);
        derived.ct_eq(&self.hash).into()
    }
}

/// `29000`, or `i=29000` with the hash's length or without.
fn iterations(cost: &str, length: usize) -> Option<u32> {
    let mut parts = cost.split(',');
    let first = parts.next()?;
    let length_is_right =
        parts.all(|part| part.strip_prefix("l=").and_then(number) == u32::try_from(length).ok());
    number(first.strip_prefix("i=").unwrap_or(first)).filter(|iterations| *iterations > 0 && length_is_right)
}

/// What Firebase stores: a fixed text, the project's signer key, encrypted under what scrypt makes of the password.
/// <https://github.com/firebase/scrypt>
pub struct FirebaseScrypt {
    parameters: scrypt::Params,
    salt: Vec<u8>,
    /// What is encrypted, with AES-256 in counter mode from 0.
    pub signer_key: Vec<u8>,
    hash: Vec<u8>,
}

impl FirebaseScrypt {
    /// Reads upstream's notation, in which `n` is the project's `mem_cost`, `r` its `rounds`, `ss` its salt separator
    /// and `sk` its signer key: `$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=…$salt$hash`
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("$fbscrypt$")?.split('$');
        let (settings, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
        let setting = |name: &str| {
            settings.split(',').find_map(|setting| setting.strip_prefix(name)?.strip_prefix('='))
        };
        let of_number = |name: &str| setting(name).and_then(number);
        let mut salt = from_base64(salt)?;
        salt.extend(from_base64(setting("ss").unwrap_or_default())?);
        let (signer_key, hash) = (from_base64(setting("sk")?)?, from_base64(hash)?);
        let cost = u8::try_from(of_number("n")?).ok().filter(|cost| *cost > 0)?;
        let parameters = scrypt::Params::new(cost, of_number("r")?, of_number("p")?, 32).ok()?;
        // Without a signer key every password would be right.
        let is_whole = parts.next().is_none()
            && setting("v") == Some("1")
            && hash.len() == signer_key.len()
            && (16..=1024).contains(&hash.len());
        is_whole.then_some(Self { parameters, salt, signer_key, hash })
    }

    /// Bytes of memory it takes, and how many times they are gone through.
    pub fn cost(&self) -> (u64, u64) {
        let (size, rounds) = (self.parameters.r(), self.parameters.p());
        let memory = 1u64.checked_shl(self.parameters.log_n().into()).unwrap_or(u64::MAX);
        (memory.saturating_mul(128).saturating_mul(size.into()), rounds.into())
    }

    /// The AES key that the password makes.
    pub fn key(&self, password: &str) -> Result<[u8; 32], PortError> {
        let mut key = [0; 32];
        scrypt::scrypt(password.as_bytes(), &self.salt, &self.parameters, &mut key)
            .map_err(|error| PortError(error.to_string()))?;
        Ok(key)
    }

    /// Whether the signer key was encrypted to that.
    pub fn is(&self, encrypted: &[u8]) -> bool {
        self.hash.ct_eq(encrypted).into()
    }
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Padded or not, and with passlib's `.` for `+`.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text.trim_end_matches('=').replace('.', "+")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Firebase's own repository.
    const FIREBASE: &str = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

    #[test]
    fn pbkdf2_is_read_in_three_notations() {
        let rows = [
            ("$pbkdf2-sha256$1000$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", Some(true)),
            ("$pbkdf2-sha256$1000$c2FsdA$YywoEuRtRgQQK6dhjp1tfS.BKPYma0oDJk0qBGC33LM", Some(true)),
            ("$pbkdf2-sha256$i=1000,l=32$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", Some(true)),
            ("pbkdf2_sha256$1000$salt$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM=", Some(true)),
            ("$pbkdf2-sha256$1001$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", Some(false)),
            ("$pbkdf2-sha256$i=1000,l=31$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", None),
            ("$pbkdf2-sha256$0$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", None),
            ("$pbkdf2-sha256$+1$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", None),
            ("$pbkdf2-sha256$1000$$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", None),
            ("$pbkdf2-sha256$1000$c2FsdA$YywoEg", None),
            ("$pbkdf2-sha256$1000$c2FsdA", None),
            ("$pbkdf2-md5$1000$c2FsdA$YywoEuRtRgQQK6dhjp1tfS+BKPYma0oDJk0qBGC33LM", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Pbkdf2::parse(text).map(|hash| hash.is_of("password")), expected, "{text}");
        }
        let sha512 = "$pbkdf2-sha512$25000$c2FsdHNhbHQ$gG7i4Uqlznw6gFOOiRJHQqxJgXmnx8uSDArldpLr7SGfU/D20F47bpIwf5KLQcK3wNSsuSlHKt5hL+CYMGOJ2w";
        assert_eq!(Pbkdf2::parse(sha512).map(|hash| hash.is_of("password")), Some(true));
    }

    #[test]
    fn firebases_scrypt_is_read_and_makes_its_key() {
        let hash = FirebaseScrypt::parse(FIREBASE).unwrap();
        assert_eq!(hash.cost(), (16 << 20, 1));
        assert_eq!(
            crate::crypto::hex(&hash.key("user1password").unwrap()),
            "e87fa22d9b4e3be6bbd41214f2f98f8c78b694bd17e12c2b73501054a2099ce1"
        );
        for (from, to) in [
            ("v=1", "v=2"),
            ("n=14", "n=0"),
            ("n=14,", ""),
            ("r=8", "r=0"),
            ("r=8", "r=x"),
            ("p=1", "p=0"),
            (",sk=jx", ",sk="),
            (",sk=", ",s="),
            ("$42xEC", "$*"),
            ("$lSrf", "$"),
            ("$lSrf", "$lSrf$"),
        ] {
            assert!(FirebaseScrypt::parse(&FIREBASE.replace(from, to)).is_none(), "{from} {to}");
        }
    }
}
