//! An authenticator: it makes a credential and signs with it, as a security key and its browser would.

use edgeward::crypto::{base64url, from_base64url, sha256};
use edgeward::ports::{SignatureAlgorithm, Signatures};
use futures_executor::block_on;
use minicbor::Encoder;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

use super::signing_keys::rfc_keys;
use crate::double::RingSignatures;

/// A key of one credential. What a test changes of it is a lie that the server has to see through.
#[derive(Clone)]
pub struct SecurityKey {
    pub credential_id: Vec<u8>,
    pub rp_id: String,
    pub origin: String,
    pub sign_count: u32,
    /// Somebody was there, and known.
    pub flags: u8,
    pub aaguid: [u8; 16],
    /// What creation options gave as the user's id.
    pub user_handle: Vec<u8>,
    /// A JSON Web Key with its private half.
    key: Value,
}

impl SecurityKey {
    /// With one of the examples of RFC 7515 and RFC 8037: RS256, ES256 or EdDSA.
    pub fn new(algorithm: &str) -> Self {
        let key = rfc_keys().into_iter().find(|key| key["alg"] == json!(algorithm)).unwrap();
        Self {
            credential_id: sha256(algorithm.as_bytes()).to_vec(),
            rp_id: "localhost".into(),
            origin: "http://localhost:5173".into(),
            sign_count: 0,
            flags: 0x05,
            aaguid: [0; 16],
            user_handle: Vec::new(),
            key,
        }
    }

    /// `navigator.credentials.create()`.
    pub fn create(&mut self, options: &Value) -> Value {
        self.user_handle = from_base64url(options["user"]["id"].as_str().unwrap()).unwrap();
        let attested = [
            self.authenticator_data(0x40),
            self.aaguid.to_vec(),
            (self.credential_id.len() as u16).to_be_bytes().to_vec(),
            self.credential_id.clone(),
            self.cose_key(),
        ];
        let mut object = Vec::new();
        let mut encoder = Encoder::new(&mut object);
        encoder
            .map(3)
            .unwrap()
            .str("fmt")
            .unwrap()
            .str("none")
            .unwrap()
            .str("attStmt")
            .unwrap()
            .map(0)
            .unwrap();
        encoder.str("authData").unwrap().bytes(&attested.concat()).unwrap();
        let id = base64url(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(&self.client_data("webauthn.create", options)),
                "attestationObject": base64url(&object),
                "transports": ["usb"],
            },
        })
    }

    /// `navigator.credentials.get()`.
    pub fn get(&mut self, options: &Value) -> Value {
        self.sign_count += 1;
        let client_data = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(0);
        let signature = self.sign(&[data.clone(), sha256(&client_data).to_vec()].concat());
        let id = base64url(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64url(&client_data),
                "authenticatorData": base64url(&data),
                "signature": base64url(&signature),
                "userHandle": base64url(&self.user_handle),
            },
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, more_flags: u8) -> Vec<u8> {
        let count = self.sign_count.to_be_bytes().to_vec();
        [sha256(self.rp_id.as_bytes()).to_vec(), vec![self.flags | more_flags], count].concat()
    }

    fn member(&self, name: &str) -> Vec<u8> {
        from_base64url(self.key[name].as_str().unwrap()).unwrap()
    }

    fn cose_key(&self) -> Vec<u8> {
        let (kind, algorithm, curve, parts): (i64, i64, i64, &[(i64, &str)]) =
            match self.key["alg"].as_str().unwrap() {
                "ES256" => (2, -7, 1, &[(-2, "x"), (-3, "y")]),
                "EdDSA" => (1, -8, 6, &[(-2, "x")]),
                _ => (3, -257, 0, &[(-1, "n"), (-2, "e")]),
            };
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes);
        encoder.map(2 + u64::from(curve != 0) + parts.len() as u64).unwrap();
        encoder.i64(1).unwrap().i64(kind).unwrap().i64(3).unwrap().i64(algorithm).unwrap();
        if curve != 0 {
            encoder.i64(-1).unwrap().i64(curve).unwrap();
        }
        for (number, name) in parts {
            encoder.i64(*number).unwrap().bytes(&self.member(name)).unwrap();
        }
        bytes
    }

    /// Authenticators write ECDSA signatures in DER.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let algorithm = self.key["alg"].as_str().unwrap();
        if algorithm == "ES256" {
            let (random, point) =
                (SystemRandom::new(), [vec![4], self.member("x"), self.member("y")].concat());
            let pair = EcdsaKeyPair::from_private_key_and_public_key(
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                &self.member("d"),
                &point,
                &random,
            );
            return pair.unwrap().sign(&random, message).unwrap().as_ref().to_vec();
        }
        let algorithm = SignatureAlgorithm::named(algorithm).unwrap();
        block_on(RingSignatures.sign(algorithm, &self.key.to_string(), message)).unwrap()
    }
}
