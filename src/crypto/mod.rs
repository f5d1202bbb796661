//! Small cryptographic operations, all in wasm: each is under the cost of a trip through WebCrypto.

pub mod imported_password;
pub mod password;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ports::Random;

/// SHA-256 of the bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// MD5 of the bytes: what S3 calls an object by, no protection.
pub fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// HMAC-SHA256 of the bytes under a key of any length.
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> [u8; 32] {
    HmacKey::new(key).authenticate(bytes)
}

/// A key of HMAC-SHA256 that is used more than once: what is digested of it alone is digested once.
#[derive(Clone, Debug)]
pub struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    /// Of bytes of any length.
    pub fn new(key: &[u8]) -> Self {
        let Ok(begun) = Hmac::new_from_slice(key) else {
            unreachable!("HMAC takes keys of any length");
        };
        Self(begun)
    }

    /// HMAC-SHA256 of the bytes.
    pub fn authenticate(&self, bytes: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(bytes).finalize().into_bytes().into()
    }
}

/// Whether two secrets are equal, in time that depends on their lengths only.
pub fn equal_secrets(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of hexadecimal digits, of either case; `None` for anything else.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

/// base64url without padding (RFC 4648 §5).
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding; `None` for anything else.
pub fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// `length` random bytes fit for a key.
pub fn random_bytes(random: &dyn Random, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}

/// A random (version 4) UUID.
pub fn random_uuid(random: &dyn Random) -> uuid::Uuid {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
