//! Password hashes: argon2id for new ones; argon2, bcrypt and PBKDF2 for those that came with an import. Not
//! Firebase's, which need a cipher that the platform has: [`super::imported_password::FirebaseScrypt`].
//!
//! Costs tens of milliseconds of CPU by design. Request code asks [`crate::ports::Hasher`] instead.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::imported_password::Pbkdf2;
use crate::ports::{PortError, ToBcrypt};

/// Bytes of a salt.
pub const SALT_LENGTH: usize = 16;

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// The PHC string of a new argon2id hash; the salt must be random.
pub fn hash(password: &str, salt: &[u8; SALT_LENGTH]) -> Result<String, PortError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).map_err(|error| PortError(error.to_string()))?;
    let salt = SaltString::encode_b64(salt).map_err(|error| PortError(error.to_string()))?;
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| PortError(error.to_string()))
}

/// A new bcrypt hash, as pgcrypto's `crypt` makes it (`$2a$`); the salt must be random.
pub fn bcrypt(wanted: &ToBcrypt, salt: [u8; SALT_LENGTH]) -> Result<String, PortError> {
    bcrypt::hash_with_salt(&wanted.password, wanted.cost, salt)
        .map(|hash| hash.format_for_version(bcrypt::Version::TwoA))
        .map_err(|error| PortError(error.to_string()))
}

/// Whether the password belongs to an argon2 (PHC), bcrypt (modular crypt) or PBKDF2 hash. An error when it is none.
pub fn verify(password: &str, hash: &str) -> Result<bool, PortError> {
    if hash.starts_with("$2") {
        return bcrypt::verify(password, hash).map_err(|error| PortError(error.to_string()));
    }
    if let Some(hash) = Pbkdf2::parse(hash) {
        return Ok(hash.is_of(password));
    }
    let hash = PasswordHash::new(hash).map_err(|error| PortError(error.to_string()))?;
    // The algorithm and its cost are the hash's own.
    match Argon2::default().verify_password(password.as_bytes(), &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::Password) => Ok(false),
        Err(error) => Err(PortError(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_and_imported_hashes_are_verified() {
        let ours = hash("correct horse", &[7; SALT_LENGTH]).unwrap();
        assert!(ours.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{ours}");
        let bcrypt = "$2a$04$Pxn/9iP9wAb1OLMsRWeEIOr5N8bh/UF88qfg0C0lAsdQ16dTgdV7W";
        let bcrypt_of = bcrypt::hash("correct horse", 4).unwrap();
        let rows = [
            ("correct horse", ours.as_str(), Some(true)),
            ("wrong horse", ours.as_str(), Some(false)),
            ("correct horse", bcrypt_of.as_str(), Some(true)),
            ("wrong horse", bcrypt, Some(false)),
            ("correct horse", "plain text", None),
            ("correct horse", "", None),
        ];
        for (password, hash, expected) in rows {
            assert_eq!(verify(password, hash).ok(), expected, "{password} {hash}");
        }
    }
}
