//! Authenticator data (Web Authentication §6.1): what an authenticator signs.
//!
//! `rpIdHash (32) · flags (1) · signCount (4) · [aaguid (16) · length (2) · credential id · public key] · [extensions]`

use minicbor::Decoder;
use serde_json::Value;
use uuid::Uuid;

use super::{Unverified, cose_key};
use crate::crypto;

const USER_PRESENT: u8 = 0x01;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const CREDENTIAL_INCLUDED: u8 = 0x40;

/// The most bytes of a credential's id (§5.8.3).
const LONGEST_ID: usize = 1023;

/// What an authenticator says.
#[derive(Debug)]
pub struct AuthenticatorData {
    rp_id_hash: Vec<u8>,
    flags: u8,
    /// How often it has signed, if it counts.
    pub sign_count: u32,
    /// The credential that was made, if one was.
    pub attested: Option<Attested>,
}

/// A credential that was made.
#[derive(Debug)]
pub struct Attested {
    /// The authenticator's model.
    pub aaguid: Uuid,
    pub credential_id: Vec<u8>,
    /// A JSON Web Key.
    pub public_key: Value,
}

impl AuthenticatorData {
    /// Reads it.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unverified> {
        let short = || Unverified("the authenticator data is cut off".into());
        let (rp_id_hash, rest) = bytes.split_at_checked(32).ok_or_else(short)?;
        let (flags, rest) = rest.split_first().ok_or_else(short)?;
        let (count, rest) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let attested = if flags & CREDENTIAL_INCLUDED == 0 { None } else { Some(Attested::parse(rest)?) };
        let sign_count = u32::from_be_bytes(*count);
        Ok(Self { rp_id_hash: rp_id_hash.to_vec(), flags: *flags, sign_count, attested })
    }

    /// Whether it is for us, somebody touched it, and it does not contradict itself (§7.1 and §7.2).
    pub fn check(&self, rp_id: &str) -> Result<(), Unverified> {
        if !crypto::equal_secrets(&self.rp_id_hash, &crypto::sha256(rp_id.as_bytes())) {
            return Unverified::because("it is for another relying party");
        }
        if self.flags & USER_PRESENT == 0 {
            return Unverified::because("nobody was there");
        }
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Unverified::because("it is backed up and cannot be");
        }
        Ok(())
    }

    /// Whether the credential may be kept in several places.
    pub fn is_backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    /// Whether it is.
    pub fn is_backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

impl Attested {
    fn parse(bytes: &[u8]) -> Result<Self, Unverified> {
        let short = || Unverified("the credential is cut off".into());
        let (aaguid, rest) = bytes.split_first_chunk::<16>().ok_or_else(short)?;
        let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 || length > LONGEST_ID {
            return Unverified::because("the credential's id has an impossible length");
        }
        let (credential_id, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        let public_key = cose_key::read(&mut Decoder::new(rest))?;
        Ok(Self { aaguid: Uuid::from_bytes(*aaguid), credential_id: credential_id.to_vec(), public_key })
    }
}
