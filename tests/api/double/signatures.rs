//! Asymmetric signatures by ring, which does what WebCrypto does: keys are JSON Web Keys, and one that
//! says too little is refused.

use async_trait::async_trait;
use edgeward::crypto::from_base64url;
use edgeward::ports::{PortError, SignatureAlgorithm, Signatures};
use ring::rand::SystemRandom;
use ring::signature as of;
use serde_json::Value;

/// ES256, ES384, EdDSA and RSA of 2048 bits and more.
pub struct RingSignatures;

#[async_trait(?Send)]
impl Signatures for RingSignatures {
    async fn sign(
        &self,
        algorithm: SignatureAlgorithm,
        private_key: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, PortError> {
        let key = Jwk::read(private_key)?;
        let random = SystemRandom::new();
        match algorithm {
            SignatureAlgorithm::Es256 => {
                let kind = &of::ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = of::EcdsaKeyPair::from_private_key_and_public_key(
                    kind,
                    &key.bytes("d")?,
                    &key.point()?,
                    &random,
                );
                Ok(pair.map_err(refused)?.sign(&random, message).map_err(refused)?.as_ref().to_vec())
            }
            SignatureAlgorithm::EdDsa => {
                let pair = of::Ed25519KeyPair::from_seed_and_public_key(&key.bytes("d")?, &key.bytes("x")?);
                Ok(pair.map_err(refused)?.sign(message).as_ref().to_vec())
            }
            SignatureAlgorithm::Rs256 => {
                let components = ring::rsa::KeyPairComponents {
                    public_key: key.rsa()?,
                    d: key.bytes("d")?,
                    p: key.bytes("p")?,
                    q: key.bytes("q")?,
                    dP: key.bytes("dp")?,
                    dQ: key.bytes("dq")?,
                    qInv: key.bytes("qi")?,
                };
                let pair = of::RsaKeyPair::from_components(&components).map_err(refused)?;
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&of::RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(refused)?;
                Ok(signature)
            }
            other => Err(PortError(format!("the double does not sign with {}", other.name()))),
        }
    }

    async fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        public_key: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, PortError> {
        let key = Jwk::read(public_key)?;
        let plain = |kind: &'static dyn of::VerificationAlgorithm, bytes: Vec<u8>| {
            Ok(of::UnparsedPublicKey::new(kind, bytes).verify(message, signature).is_ok())
        };
        let rsa = |kind: &'static of::RsaParameters| Ok(key.rsa()?.verify(kind, message, signature).is_ok());
        match algorithm {
            SignatureAlgorithm::Es256 => plain(&of::ECDSA_P256_SHA256_FIXED, key.point()?),
            SignatureAlgorithm::Es384 => plain(&of::ECDSA_P384_SHA384_FIXED, key.point()?),
            SignatureAlgorithm::EdDsa => plain(&of::ED25519, key.bytes("x")?),
            SignatureAlgorithm::Rs256 => rsa(&of::RSA_PKCS1_2048_8192_SHA256),
            SignatureAlgorithm::Rs384 => rsa(&of::RSA_PKCS1_2048_8192_SHA384),
            SignatureAlgorithm::Rs512 => rsa(&of::RSA_PKCS1_2048_8192_SHA512),
            SignatureAlgorithm::Ps256 => rsa(&of::RSA_PSS_2048_8192_SHA256),
            SignatureAlgorithm::Ps384 => rsa(&of::RSA_PSS_2048_8192_SHA384),
            SignatureAlgorithm::Ps512 => rsa(&of::RSA_PSS_2048_8192_SHA512),
            SignatureAlgorithm::Es512 => Err(PortError("the double does not know P-521".into())),
        }
    }
}

struct Jwk(Value);

impl Jwk {
    fn read(text: &str) -> Result<Self, PortError> {
        serde_json::from_str(text).map(Self).map_err(refused)
    }

    fn bytes(&self, member: &str) -> Result<Vec<u8>, PortError> {
        let bytes = self.0[member].as_str().and_then(from_base64url);
        bytes.ok_or_else(|| PortError(format!("the key has no {member}")))
    }

    /// An uncompressed point.
    fn point(&self) -> Result<Vec<u8>, PortError> {
        Ok([vec![4], self.bytes("x")?, self.bytes("y")?].concat())
    }

    fn rsa(&self) -> Result<ring::rsa::PublicKeyComponents<Vec<u8>>, PortError> {
        Ok(ring::rsa::PublicKeyComponents { n: self.bytes("n")?, e: self.bytes("e")? })
    }
}

fn refused(error: impl std::fmt::Debug) -> PortError {
    PortError(format!("{error:?}"))
}
