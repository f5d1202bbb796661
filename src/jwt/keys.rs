//! The keys that tokens are signed with: the project's secret, and key pairs that are rotated.
//!
//! One key signs. The others verify: the next one (standby), whose public half clients already have, and
//! earlier ones, until the last token they signed has expired. A revoked key is none of them.

use serde::{Deserialize, Serialize};

use super::{Claims, TokenError, believed, message, sign_shared, verify_shared, with_signature};
use crate::crypto::{self, HmacKey};
use crate::ports::{PortError, SignatureAlgorithm, Signatures};
use crate::time::Timestamp;

/// A key of the project.
#[derive(Clone, Debug)]
pub struct Key {
    /// What a token's header names it by.
    pub id: String,
    /// What it is made of.
    pub material: Material,
    /// Whether it is the one that signs.
    pub signs: bool,
}

/// What a key is made of.
#[derive(Clone, Debug)]
pub enum Material {
    /// A shared secret: HS256.
    Secret(HmacKey),
    /// A key pair, each half a JSON Web Key as text.
    Pair {
        /// The algorithm it is for, and no other.
        algorithm: SignatureAlgorithm,
        /// The half that verifies.
        public: String,
        /// The half that signs; empty when the project does not have it.
        private: String,
    },
}

/// All keys of the project.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The secret of tokens that name no key, the legacy anon and service_role keys among them. It signs
    /// when no other key does.
    secret: HmacKey,
    keys: Vec<Key>,
}

/// The header of a token, as far as it decides anything.
#[derive(Debug, Deserialize)]
pub struct Header {
    /// The algorithm's name.
    pub alg: String,
    /// The key's id.
    pub kid: Option<String>,
}

impl Header {
    /// Of a token whose signature nobody has looked at.
    pub fn of(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let header = parts.next()?;
        (parts.count() == 2).then_some(())?;
        serde_json::from_slice(&crypto::from_base64url(header)?).ok()
    }
}

#[derive(Serialize)]
struct SigningHeader<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

impl Keys {
    /// The secret, and further keys.
    pub fn new(secret: &str, keys: Vec<Key>) -> Self {
        Self { secret: HmacKey::new(secret.as_bytes()), keys }
    }

    /// Verifies a token of the project with the key it names. The key decides the algorithm, never the
    /// token: else a public key could be passed off as a secret.
    pub async fn verify(
        &self,
        signatures: &dyn Signatures,
        token: &str,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        let header = Header::of(token).ok_or(TokenError::Malformed)?;
        if !self.knows_algorithm(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        let named = header.kid.as_ref().and_then(|id| self.keys.iter().find(|key| key.id == *id));
        match named.map(|key| &key.material) {
            Some(Material::Pair { algorithm, public, .. }) if algorithm.name() == header.alg => {
                verify_signed(signatures, token, *algorithm, public, now).await
            }
            Some(Material::Pair { .. }) => Err(TokenError::Algorithm),
            Some(Material::Secret(secret)) if header.alg == "HS256" => verify_shared(token, secret, now),
            Some(Material::Secret(_)) => Err(TokenError::Algorithm),
            None if header.alg == "HS256" => verify_shared(token, &self.secret, now),
            None => Err(TokenError::UnknownKey),
        }
    }

    /// Signs claims (a JSON object) with the key that signs.
    pub async fn sign(
        &self,
        signatures: &dyn Signatures,
        claims: &impl Serialize,
    ) -> Result<String, PortError> {
        let unwritable = |error: serde_json::Error| PortError(error.to_string());
        let Some(key) = self.keys.iter().find(|key| key.signs) else {
            return sign_shared(claims, &self.secret).map_err(unwritable);
        };
        let header = SigningHeader { alg: key.algorithm(), kid: &key.id, typ: "JWT" };
        let header = serde_json::to_vec(&header).map_err(unwritable)?;
        let message = message(&header, claims).map_err(unwritable)?;
        let signature = match &key.material {
            Material::Secret(secret) => secret.authenticate(message.as_bytes()).to_vec(),
            Material::Pair { algorithm, private, .. } => {
                signatures.sign(*algorithm, private, message.as_bytes()).await?
            }
        };
        Ok(with_signature(&message, &signature))
    }

    fn knows_algorithm(&self, name: &str) -> bool {
        name == "HS256" || self.keys.iter().any(|key| key.algorithm() == name)
    }
}

impl Key {
    fn algorithm(&self) -> &'static str {
        match &self.material {
            Material::Secret(_) => "HS256",
            Material::Pair { algorithm, .. } => algorithm.name(),
        }
    }
}

/// Verifies a token with a public key, anyone's. `now` decides the time claims.
pub async fn verify_signed(
    signatures: &dyn Signatures,
    token: &str,
    algorithm: SignatureAlgorithm,
    public_key: &str,
    now: Timestamp,
) -> Result<Claims, TokenError> {
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let signature = crypto::from_base64url(signature).ok_or(TokenError::Malformed)?;
    let verified = signatures.verify(algorithm, public_key, message.as_bytes(), &signature).await;
    // A key that cannot be read verifies nothing.
    if !verified.unwrap_or(false) {
        return Err(TokenError::Signature);
    }
    believed(message, now)
}
