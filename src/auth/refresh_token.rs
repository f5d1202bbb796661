//! Refresh tokens of version 2: a signed session id and counter, so that no token is ever stored.
//!
//! `base64url(0x00 | session uuid | uvarint counter | HMAC-SHA256[..16] | SHA-256[..4])`. The HMAC, under
//! the session's own key, covers what stands before it; so does the checksum, which tells a typo
//! from a forgery without the key. Upstream: `internal/crypto/refresh_tokens.go` in supabase/auth.

use uuid::Uuid;

use super::error::Error;
use crate::crypto;

const VERSION: u8 = 0;
const UUID_BYTES: usize = 16;
const SIGNATURE_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 4;

/// A refresh token someone presented: well-formed, not yet known to be ours.
#[derive(Debug, PartialEq)]
pub struct RefreshToken {
    /// The session it claims to belong to.
    pub session_id: Uuid,
    /// Which of the session's tokens it claims to be.
    pub counter: u64,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl RefreshToken {
    /// The session's token with that counter.
    pub fn issue(session_id: Uuid, counter: u64, key: &[u8]) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(session_id.as_bytes());
        push_uvarint(&mut bytes, counter);
        let signature = signature(key, &bytes);
        bytes.extend_from_slice(&signature);
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        crypto::base64url(&bytes)
    }

    /// Reads a token. One of version 1 (12 letters and digits) is well-formed, and never ours.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let is_version_1 =
            text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if is_version_1 {
            return Err(Error::RefreshTokenNotFound);
        }
        crypto::from_base64url(text)
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or(Error::RefreshTokenMalformed)
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (before, sum) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if checksum(before) != sum {
            return None;
        }
        let (signed, signature) = before.split_at_checked(before.len().checked_sub(SIGNATURE_BYTES)?)?;
        let (version, rest) = signed.split_first()?;
        let (session_id, counter) = rest.split_at_checked(UUID_BYTES)?;
        if *version != VERSION {
            return None;
        }
        Some(Self {
            session_id: Uuid::from_slice(session_id).ok()?,
            counter: read_uvarint(counter)?,
            signed: signed.to_vec(),
            signature: signature.to_vec(),
        })
    }

    /// Whether the session with that key issued it.
    pub fn is_signed_with(&self, key: &[u8]) -> bool {
        crypto::equal_secrets(&signature(key, &self.signed), &self.signature)
    }
}

fn signature(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    crypto::hmac_sha256(key, bytes).into_iter().take(SIGNATURE_BYTES).collect()
}

fn checksum(bytes: &[u8]) -> Vec<u8> {
    crypto::sha256(bytes).into_iter().take(CHECKSUM_BYTES).collect()
}

/// Seven bits a byte, low ones first, the high bit on all but the last (Go's `binary.PutUvarint`).
fn push_uvarint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads exactly one number, in its shortest form.
fn read_uvarint(bytes: &[u8]) -> Option<u64> {
    let number = bytes.iter().enumerate().try_fold(0_u64, |number, (index, byte)| {
        let shift = u32::try_from(index * 7).ok()?;
        let bits = u64::from(byte & 0x7f);
        let shifted = bits.checked_shl(shift)?;
        (shifted >> shift == bits).then_some(number | shifted)
    })?;
    let mut shortest = Vec::new();
    push_uvarint(&mut shortest, number);
    (shortest == bytes).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(0x1234);

    #[test]
    fn an_issued_token_reads_back() {
        for counter in [0, 1, 127, 128, 300, u64::MAX] {
            let text = RefreshToken::issue(SESSION, counter, b"key");
            let token = RefreshToken::parse(&text).unwrap();
            assert_eq!((token.session_id, token.counter), (SESSION, counter));
            assert!(token.is_signed_with(b"key"));
            assert!(!token.is_signed_with(b"other"));
        }
    }

    #[test]
    fn any_changed_character_makes_it_malformed() {
        let text = RefreshToken::issue(SESSION, 7, b"key");
        for index in 0..text.len() {
            let mut changed: Vec<u8> = text.bytes().collect();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(RefreshToken::parse(&changed), Err(Error::RefreshTokenMalformed), "{changed}");
        }
    }

    #[test]
    fn other_shapes_are_told_apart() {
        let rows = [
            ("", Error::RefreshTokenMalformed),
            ("short", Error::RefreshTokenMalformed),
            ("abcdefghij12", Error::RefreshTokenNotFound),
            ("ABCDEFGHIJ12", Error::RefreshTokenMalformed),
            ("not base64 at all, but long enough", Error::RefreshTokenMalformed),
        ];
        for (text, expected) in rows {
            assert_eq!(RefreshToken::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn numbers_in_a_longer_form_or_over_64_bits_are_refused() {
        let rows: [(&[u8], Option<u64>); 6] = [
            (&[0x00], Some(0)),
            (&[0x80, 0x01], Some(128)),
            (&[0x80, 0x00], None),
            (&[], None),
            (&[0x80], None),
            (&[0xff; 11], None),
        ];
        for (bytes, expected) in rows {
            assert_eq!(read_uvarint(bytes), expected, "{bytes:?}");
        }
    }
}
