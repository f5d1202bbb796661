//! Checksums that an uploader sends along, verified as the bytes pass: bytes that do not match are not stored.
//!
//! Without one a body of known length never enters wasm; with one it does, since no hash is known before its last byte.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::Digest;

use super::StorageError;
use crate::ports::{Body, Stream, StreamError};

/// Headers, and what they carry in base64. The first that is sent counts.
#[rustfmt::skip]
const HEADERS: &[(&str, Algorithm)] = &[
    ("content-md5",           Algorithm::Md5),
    ("x-amz-checksum-sha256", Algorithm::Sha256),
    ("x-amz-checksum-sha1",   Algorithm::Sha1),
    ("x-amz-checksum-crc32c", Algorithm::Crc32c),
    ("x-amz-checksum-crc32",  Algorithm::Crc32),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
    Crc32,
    Crc32c,
}

/// What the bytes must come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Checksum {
    algorithm: Algorithm,
    expected: Vec<u8>,
}

impl Checksum {
    /// Of the header that is sent, if one is. One that is no checksum is refused.
    pub fn of_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Result<Option<Self>, StorageError> {
        let sent = HEADERS.iter().find_map(|(name, algorithm)| Some((*name, *algorithm, header(name)?)));
        let Some((name, algorithm, value)) = sent else { return Ok(None) };
        let expected = STANDARD.decode(value).ok().filter(|bytes| bytes.len() == algorithm.length());
        let expected = expected.ok_or(StorageError::InvalidChecksumHeader(name))?;
        Ok(Some(Self { algorithm, expected }))
    }

    /// The body as a stream that ends with [`StreamError::Mismatch`] if it was another.
    pub fn watch(self, body: Body) -> Body {
        let hash = Hash::new(self.algorithm);
        Body::Stream(Box::new(Watched { stream: body.into_stream(), hash, expected: self.expected }))
    }
}

struct Watched {
    stream: Box<dyn Stream>,
    hash: Hash,
    expected: Vec<u8>,
}

#[async_trait(?Send)]
impl Stream for Watched {
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }

    /// Unknown, although it may not be: a store takes bodies of known length from the platform only.
    fn length(&self) -> Option<u64> {
        None
    }

    async fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        let bytes = self.stream.next().await?;
        match &bytes {
            Some(bytes) => self.hash.update(bytes),
            None if self.hash.finish() != self.expected => return Err(StreamError::Mismatch),
            None => {}
        }
        Ok(bytes)
    }
}

impl Algorithm {
    fn length(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Crc32 | Self::Crc32c => 4,
        }
    }
}

enum Hash {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Crc { table: Box<[u32; 256]>, state: u32 },
}

impl Hash {
    fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Crc32 => Self::crc(0xedb8_8320),
            Algorithm::Crc32c => Self::crc(0x82f6_3b78),
        }
    }

    /// A reflected CRC of 32 bits, by a table of its polynomial.
    fn crc(polynomial: u32) -> Self {
        let entry = |index: usize| {
            (0..8).fold(
                index as u32,
                |value, _| if value & 1 == 1 { (value >> 1) ^ polynomial } else { value >> 1 },
            )
        };
        Self::Crc { table: Box::new(std::array::from_fn(entry)), state: !0 }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Crc { table, state } => {
                for byte in bytes {
                    let index = (*state ^ u32::from(*byte)) & 0xff;
                    *state = (*state >> 8) ^ table.get(index as usize).copied().unwrap_or_default();
                }
            }
        }
    }

    fn finish(&mut self) -> Vec<u8> {
        match self {
            Self::Md5(hash) => hash.finalize_reset().to_vec(),
            Self::Sha1(hash) => hash.finalize_reset().to_vec(),
            Self::Sha256(hash) => hash.finalize_reset().to_vec(),
            Self::Crc { state, .. } => (!*state).to_be_bytes().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    #[test]
    fn hashes_are_the_standards_ones() {
        #[rustfmt::skip]
        let rows = [
            (Algorithm::Md5,    "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::Sha1,   "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (Algorithm::Crc32,  "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
        ];
        for (algorithm, expected) in rows {
            let mut hash = Hash::new(algorithm);
            hash.update(b"1234");
            hash.update(b"56789");
            assert_eq!(hex(&hash.finish()), expected, "{algorithm:?}");
        }
    }

    #[test]
    fn a_header_that_is_no_checksum_is_refused() {
        for value in ["", "x", "AAAA", "AAAAAAAAAAAAAAAAAAAAAA"] {
            let sent = |name: &str| (name == "content-md5").then_some(value);
            assert_eq!(
                Checksum::of_headers(sent),
                Err(StorageError::InvalidChecksumHeader("content-md5")),
                "{value}"
            );
        }
        assert_eq!(Checksum::of_headers(|_| None), Ok(None));
    }
}
