//! The checksums that S3's clients send: three cyclic ones, and SHA-1, SHA-256 and MD5.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A checksum's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-32 (IEEE).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32C,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// MD5, as `Content-MD5`.
    Md5,
}

/// Headers and trailers that carry a checksum.
#[rustfmt::skip]
pub const NAMES: &[(&str, Algorithm)] = &[
    ("x-amz-checksum-crc32",     Algorithm::Crc32),
    ("x-amz-checksum-crc32c",    Algorithm::Crc32C),
    ("x-amz-checksum-crc64nvme", Algorithm::Crc64Nvme),
    ("x-amz-checksum-sha1",      Algorithm::Sha1),
    ("x-amz-checksum-sha256",    Algorithm::Sha256),
    ("content-md5",              Algorithm::Md5),
];

/// The kind that a header or trailer carries.
pub fn named(name: &str) -> Option<Algorithm> {
    NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, algorithm)| *algorithm)
}

/// A checksum being worked out.
pub enum Checksum {
    /// A cyclic one: its table, its state, its bytes.
    Cyclic(&'static [u64; 256], u64, usize),
    /// SHA-1.
    Sha1(Sha1),
    /// SHA-256.
    Sha256(Sha256),
    /// MD5.
    Md5(Md5),
}

static CRC32: [u64; 256] = table(0xEDB8_8320);
static CRC32C: [u64; 256] = table(0x82F6_3B78);
static CRC64_NVME: [u64; 256] = table(0x9A6C_9329_AC4B_C9B5);

/// The remainders of all bytes by a reflected polynomial.
const fn table(polynomial: u64) -> [u64; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut remainder = index as u64;
        let mut bit = 0;
        while bit < 8 {
            remainder = if remainder & 1 == 1 { remainder >> 1 ^ polynomial } else { remainder >> 1 };
            bit += 1;
        }
        #[allow(clippy::indexing_slicing)] // Within bounds, and evaluated by the compiler.
        {
            table[index] = remainder;
        }
        index += 1;
    }
    table
}

impl Checksum {
    /// Of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Crc32 => Self::Cyclic(&CRC32, u32::MAX.into(), 4),
            Algorithm::Crc32C => Self::Cyclic(&CRC32C, u32::MAX.into(), 4),
            Algorithm::Crc64Nvme => Self::Cyclic(&CRC64_NVME, u64::MAX, 8),
            Algorithm::Sha1 => Self::Sha1(Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Md5 => Self::Md5(Md5::new()),
        }
    }

    /// With these bytes too.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Cyclic(table, state, _) => {
                *state = bytes.iter().fold(*state, |state, byte| {
                    let index = (state as u8 ^ byte) as usize;
                    state >> 8 ^ table.get(index).copied().unwrap_or_default()
                });
            }
            Self::Sha1(hash) => hash.update(bytes),
            Self::Sha256(hash) => hash.update(bytes),
            Self::Md5(hash) => hash.update(bytes),
        }
    }

    /// Its bytes, the highest first.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Cyclic(_, state, 4) => (!(state as u32)).to_be_bytes().to_vec(),
            Self::Cyclic(_, state, _) => (!state).to_be_bytes().to_vec(),
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Md5(hash) => hash.finalize().to_vec(),
        }
    }
}

/// A checksum as the wire has it, in base64; `None` when it cannot be one of that kind.
pub fn decode(algorithm: Algorithm, text: &str) -> Option<Vec<u8>> {
    let length = match algorithm {
        Algorithm::Crc32 | Algorithm::Crc32C => 4,
        Algorithm::Crc64Nvme => 8,
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Md5 => 16,
    };
    STANDARD.decode(text.trim()).ok().filter(|bytes| bytes.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hex;

    #[test]
    fn the_check_values_of_the_catalogues() {
        let rows = [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32C, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ];
        for (algorithm, expected) in rows {
            let mut checksum = Checksum::new(algorithm);
            checksum.update(b"1234");
            checksum.update(b"56789");
            assert_eq!(hex(&checksum.finish()), expected, "{algorithm:?}");
        }
    }
}
