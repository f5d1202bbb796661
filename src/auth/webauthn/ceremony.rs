//! The two ceremonies: a credential is made (Web Authentication §7.1), and one is used (§7.2).

use minicbor::Decoder;
use serde::Deserialize;

use super::authenticator_data::AuthenticatorData;
use super::{Credential, Unverified, from_base64url};
use crate::config::WebAuthnConfig;
use crate::crypto;
use crate::ports::{SignatureAlgorithm, Signatures};

/// What a browser brings when a credential was made (`RegistrationResponseJSON`).
#[derive(Deserialize)]
pub struct Attestation {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: AttestationResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    transports: Option<Vec<String>>,
}

/// What a browser brings when one was used (`AuthenticationResponseJSON`).
#[derive(Deserialize)]
pub struct Assertion {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: AssertionResponse,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// What the browser says that it did (§5.8.1).
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
}

/// The most a credential may say of its transports.
const MOST_TRANSPORTS: usize = 10;

impl Attestation {
    /// The credential that was made for the challenge.
    pub fn verify(&self, config: &WebAuthnConfig, challenge: &str) -> Result<Credential, Unverified> {
        let id = credential_id(&self.id, &self.raw_id, &self.kind)?;
        let client_data = bytes(&self.response.client_data, "clientDataJSON")?;
        check_client_data(config, &client_data, "webauthn.create", challenge)?;
        let object = bytes(&self.response.attestation_object, "attestationObject")?;
        let data = AuthenticatorData::parse(authenticator_data(&object)?)?;
        data.check(&config.rp_id)?;
        let Some(attested) = &data.attested else { return Unverified::because("no credential was made") };
        if attested.credential_id != id {
            return Unverified::because("the credential has two ids");
        }
        let transports = self.response.transports.clone().unwrap_or_default();
        Ok(Credential {
            credential_id: crypto::base64url(&id),
            public_key: attested.public_key.clone(),
            aaguid: attested.aaguid.to_string(),
            sign_count: data.sign_count,
            transports: transports
                .into_iter()
                .take(MOST_TRANSPORTS)
                .filter(|name| name.len() <= 32)
                .collect(),
            backup_eligible: data.is_backup_eligible(),
            backed_up: data.is_backed_up(),
        })
    }
}

/// `{"fmt": …, "attStmt": …, "authData": …}` in CBOR (§6.5.4); the last of them.
fn authenticator_data(object: &[u8]) -> Result<&[u8], Unverified> {
    let read = || -> Result<Option<&[u8]>, minicbor::decode::Error> {
        let mut decoder = Decoder::new(object);
        let count = decoder.map()?.ok_or(minicbor::decode::Error::message("a map without a length"))?;
        let mut found = None;
        for _ in 0..count {
            match decoder.str()? {
                "authData" => found = Some(decoder.bytes()?),
                _ => decoder.skip()?,
            }
        }
        Ok(found)
    };
    match read() {
        Ok(Some(data)) => Ok(data),
        Ok(None) => Unverified::because("the attestation object has no authenticator data"),
        Err(error) => Unverified::because(format!("the attestation object is no CBOR: {error}")),
    }
}

impl Assertion {
    /// The id of the credential, base64url.
    pub fn credential_id(&self) -> Result<String, Unverified> {
        Ok(crypto::base64url(&credential_id(&self.id, &self.raw_id, &self.kind)?))
    }

    /// Whose the authenticator says it is: what creation options gave it as the user's id.
    pub fn user_id(&self) -> Option<String> {
        let handle = from_base64url(self.response.user_handle.as_deref()?)?;
        String::from_utf8(handle).ok()
    }

    /// The credential as it is after answering the challenge.
    pub async fn verify(
        &self,
        config: &WebAuthnConfig,
        signatures: &dyn Signatures,
        challenge: &str,
        credential: &Credential,
    ) -> Result<Credential, Unverified> {
        let client_data = bytes(&self.response.client_data, "clientDataJSON")?;
        check_client_data(config, &client_data, "webauthn.get", challenge)?;
        let signed = bytes(&self.response.authenticator_data, "authenticatorData")?;
        let data = AuthenticatorData::parse(&signed)?;
        data.check(&config.rp_id)?;
        if data.is_backup_eligible() != credential.backup_eligible {
            return Unverified::because("whether it can be backed up has changed");
        }
        // Both count or neither does. One that has not moved on is a copy of another.
        let counts = data.sign_count != 0 || credential.sign_count != 0;
        if counts && data.sign_count <= credential.sign_count {
            return Unverified::because("its count has not moved on: there may be two of it");
        }
        let message = [signed, crypto::sha256(&client_data).to_vec()].concat();
        let signature = bytes(&self.response.signature, "signature")?;
        if !is_signed(signatures, credential, &message, &signature).await? {
            return Unverified::because("the signature is not the credential's");
        }
        let backed_up = data.is_backed_up();
        Ok(Credential { sign_count: data.sign_count, backed_up, ..credential.clone() })
    }
}

async fn is_signed(
    signatures: &dyn Signatures,
    credential: &Credential,
    message: &[u8],
    signature: &[u8],
) -> Result<bool, Unverified> {
    let name = credential.public_key.get("alg").and_then(serde_json::Value::as_str).unwrap_or_default();
    let algorithm =
        SignatureAlgorithm::named(name).ok_or_else(|| Unverified("a key without an algorithm".into()))?;
    let size = match algorithm {
        SignatureAlgorithm::Es256 => Some(32),
        SignatureAlgorithm::Es384 => Some(48),
        SignatureAlgorithm::Es512 => Some(66),
        _ => None,
    };
    let signature = match size {
        Some(size) => {
            from_der(signature, size).ok_or_else(|| Unverified("the signature is no DER".into()))?
        }
        None => signature.to_vec(),
    };
    let key = credential.public_key.to_string();
    let verified = signatures.verify(algorithm, &key, message, &signature).await;
    verified.map_err(|error| Unverified(format!("the key cannot be read: {}", error.0)))
}

/// `SEQUENCE { INTEGER r, INTEGER s }`, as authenticators sign with ECDSA, into `r` and `s` of a fixed size.
fn from_der(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let (sequence, rest) = element(signature, 0x30)?;
    let (r, s) = element(sequence, 0x02)?;
    let (s, after) = element(s, 0x02)?;
    (rest.is_empty() && after.is_empty()).then_some(())?;
    Some([padded(r, size)?, padded(s, size)?].concat())
}

/// The content of a DER element with that tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    (*found == tag).then_some(())?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        // One byte more is enough for every signature.
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// A number without its leading zeroes, at that size.
fn padded(number: &[u8], size: usize) -> Option<Vec<u8>> {
    let zeroes = number.iter().take_while(|byte| **byte == 0).count();
    let digits = number.get(zeroes..)?;
    let missing = size.checked_sub(digits.len())?;
    Some([vec![0; missing], digits.to_vec()].concat())
}

fn credential_id(id: &str, raw_id: &str, kind: &str) -> Result<Vec<u8>, Unverified> {
    if kind != "public-key" {
        return Unverified::because("it is no public key credential");
    }
    let (id, raw_id) = (bytes(id, "id")?, bytes(raw_id, "rawId")?);
    if id.is_empty() || id != raw_id {
        return Unverified::because("id and rawId differ");
    }
    Ok(id)
}

fn bytes(text: &str, name: &str) -> Result<Vec<u8>, Unverified> {
    from_base64url(text).ok_or_else(|| Unverified(format!("{name} is no base64url")))
}

fn check_client_data(
    config: &WebAuthnConfig,
    client_data: &[u8],
    kind: &str,
    challenge: &str,
) -> Result<(), Unverified> {
    let data: ClientData = serde_json::from_slice(client_data)
        .map_err(|error| Unverified(format!("clientDataJSON is no JSON: {error}")))?;
    if data.kind != kind {
        return Unverified::because(format!("it is a {:?}", data.kind));
    }
    if !crypto::equal_secrets(data.challenge.trim_end_matches('=').as_bytes(), challenge.as_bytes()) {
        return Unverified::because("it answers another challenge");
    }
    if !config.rp_origins.iter().any(|origin| origin.trim_end_matches('/').eq_ignore_ascii_case(&data.origin))
    {
        return Unverified::because(format!("it comes from {:?}", data.origin));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn der_signatures_become_numbers_of_a_fixed_size() {
        let rows: [(&[u8], Option<[u8; 4]>); 7] = [
            (&[0x30, 6, 2, 1, 1, 2, 1, 2], Some([0, 1, 0, 2])),
            (&[0x30, 7, 2, 2, 0, 0x80, 2, 1, 2], Some([0, 0x80, 0, 2])),
            (&[0x30, 0x81, 6, 2, 1, 1, 2, 1, 2], Some([0, 1, 0, 2])),
            (&[0x30, 8, 2, 3, 1, 1, 1, 2, 1, 2], None),
            (&[0x30, 6, 2, 1, 1, 2, 1, 2, 0], None),
            (&[0x30, 6, 2, 1, 1, 2, 9, 2], None),
            (&[], None),
        ];
        for (der, expected) in rows {
            assert_eq!(from_der(der, 2), expected.map(|bytes| bytes.to_vec()), "{der:?}");
        }
    }
}
