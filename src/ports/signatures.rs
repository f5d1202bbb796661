//! Asymmetric signatures as a port: WebCrypto makes and checks them natively, where wasm would take
//! a millisecond and another 100 KB of code.

use async_trait::async_trait;

use super::PortError;

/// An asymmetric signature algorithm of JSON Web Algorithms (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// Ed25519.
    EdDsa,
}

/// Name, key type and curve of each. Of several that fit a key without `alg`, the first is meant.
#[rustfmt::skip]
const ALGORITHMS: &[(&str, SignatureAlgorithm, &str, Option<&str>)] = &[
    ("ES256", SignatureAlgorithm::Es256, "EC",  Some("P-256")),
    ("ES384", SignatureAlgorithm::Es384, "EC",  Some("P-384")),
    ("ES512", SignatureAlgorithm::Es512, "EC",  Some("P-521")),
    ("RS256", SignatureAlgorithm::Rs256, "RSA", None),
    ("RS384", SignatureAlgorithm::Rs384, "RSA", None),
    ("RS512", SignatureAlgorithm::Rs512, "RSA", None),
    ("PS256", SignatureAlgorithm::Ps256, "RSA", None),
    ("PS384", SignatureAlgorithm::Ps384, "RSA", None),
    ("PS512", SignatureAlgorithm::Ps512, "RSA", None),
    ("EdDSA", SignatureAlgorithm::EdDsa, "OKP", Some("Ed25519")),
];

impl SignatureAlgorithm {
    /// By its name in a token's header.
    pub fn named(name: &str) -> Option<Self> {
        ALGORITHMS.iter().find(|row| row.0 == name).map(|row| row.1)
    }

    /// Its name in a token's header.
    pub fn name(self) -> &'static str {
        ALGORITHMS.iter().find(|row| row.1 == self).map_or("", |row| row.0)
    }

    /// Whether a key of that type and curve is one for this algorithm.
    pub fn takes(self, key_type: &str, curve: Option<&str>) -> bool {
        ALGORITHMS.iter().any(|row| row.1 == self && row.2 == key_type && (row.3.is_none() || row.3 == curve))
    }

    /// The algorithm that a key of that type and curve is meant for when it does not say.
    pub fn of_key(key_type: &str, curve: Option<&str>) -> Option<Self> {
        ALGORITHMS.iter().map(|row| row.1).find(|algorithm| algorithm.takes(key_type, curve))
    }
}

/// Makes and checks asymmetric signatures. Keys are JSON Web Keys (RFC 7517) as JSON text; ECDSA
/// signatures are `r` and `s` one after the other, as in tokens.
#[async_trait(?Send)]
pub trait Signatures {
    /// The signature of a message.
    async fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, PortError>;
    /// Whether the signature is the key's. An error when the key cannot be read.
    async fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, PortError>;
}
