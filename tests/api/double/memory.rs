//! The small ports in memory.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use aes::Aes256;
use aes::cipher::{BlockEncrypt, KeyInit};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use edgeward::crypto::imported_password::FirebaseScrypt;
use edgeward::crypto::password;
use edgeward::ports::{Background, Clock, Hasher, KeyValue, Log, PortError, Random, RateLimiter, ToBcrypt};
use edgeward::time::Timestamp;
use futures_util::future::LocalBoxFuture;

use super::Fault;

/// KV without its lag.
#[derive(Default)]
pub struct MemoryKeyValue {
    values: RefCell<BTreeMap<String, (String, u64)>>,
    /// Fails before anything happens.
    pub fault: Fault,
    /// Loses the answer after a write took effect.
    pub lost_answer: Fault,
}

impl MemoryKeyValue {
    /// A value read outside the product.
    pub fn value(&self, key: &str) -> Option<String> {
        self.values.borrow().get(key).map(|(value, _)| value.clone())
    }

    /// For how many seconds a value was written.
    pub fn seconds(&self, key: &str) -> Option<u64> {
        self.values.borrow().get(key).map(|(_, seconds)| *seconds)
    }

    fn check(&self) -> Result<(), PortError> {
        if self.fault.strikes() { Err(PortError("KV failed on purpose".into())) } else { Ok(()) }
    }
}

#[async_trait(?Send)]
impl KeyValue for MemoryKeyValue {
    async fn get(&self, key: &str) -> Result<Option<String>, PortError> {
        self.check()?;
        Ok(self.value(key))
    }

    async fn put(&self, key: &str, value: &str, seconds: u64) -> Result<(), PortError> {
        self.check()?;
        if seconds < 60 {
            return Err(PortError(format!("KV PUT failed: 400 Invalid expiration_ttl of {seconds}")));
        }
        self.values.borrow_mut().insert(key.to_string(), (value.to_string(), seconds));
        if self.lost_answer.strikes() {
            return Err(PortError("KV's answer was lost on purpose".into()));
        }
        Ok(())
    }

    async fn delete(&self, key: &str) -> Result<(), PortError> {
        self.check()?;
        self.values.borrow_mut().remove(key);
        Ok(())
    }
}

/// A clock that stands still until it is moved.
pub struct MovableClock(Cell<Timestamp>);

impl MovableClock {
    /// 2027-01-15T08:00:00Z.
    pub const START: Timestamp = Timestamp(1_800_000_000_000_000);

    /// A clock at [`Self::START`].
    pub fn new() -> Self {
        Self(Cell::new(Self::START))
    }

    /// Lets time pass.
    pub fn advance(&self, seconds: i64) {
        self.0.set(self.0.get().plus_seconds(seconds));
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        self.0.get()
    }
}

/// Bytes that differ each time and repeat in each run.
#[derive(Default)]
pub struct CountingRandom(Cell<u64>);

impl Random for CountingRandom {
    fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(32) {
            self.0.set(self.0.get() + 1);
            let bytes = edgeward::crypto::sha256(&self.0.get().to_be_bytes());
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}

/// Real argon2id and bcrypt, argon2id at the least cost it allows.
#[derive(Default)]
pub struct CheapHasher {
    /// Fails before anything is hashed.
    pub fault: Fault,
    salts: Cell<u64>,
    verifications: Cell<u32>,
}

impl CheapHasher {
    /// How many times a password was compared with a hash, dummies included.
    pub fn verifications(&self) -> u32 {
        self.verifications.get()
    }

    fn argon2() -> Argon2<'static> {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap())
    }
}

#[async_trait(?Send)]
impl Hasher for CheapHasher {
    async fn hash(&self, password: &str) -> Result<String, PortError> {
        if self.fault.strikes() {
            return Err(PortError("the hasher failed on purpose".into()));
        }
        self.salts.set(self.salts.get() + 1);
        let salt =
            SaltString::encode_b64(&edgeward::crypto::sha256(&self.salts.get().to_be_bytes())[..16]).unwrap();
        Ok(Self::argon2().hash_password(password.as_bytes(), &salt).unwrap().to_string())
    }

    async fn bcrypt(&self, passwords: &[ToBcrypt]) -> Result<Vec<String>, PortError> {
        if self.fault.strikes() {
            return Err(PortError("the hasher failed on purpose".into()));
        }
        let hash = |wanted: &ToBcrypt| {
            self.salts.set(self.salts.get() + 1);
            let digest = edgeward::crypto::sha256(&self.salts.get().to_be_bytes());
            password::bcrypt(wanted, digest[..password::SALT_LENGTH].try_into().unwrap())
        };
        passwords.iter().map(hash).collect()
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool, PortError> {
        if self.fault.strikes() {
            return Err(PortError("the hasher failed on purpose".into()));
        }
        self.verifications.set(self.verifications.get() + 1);
        if let Some(hash) = FirebaseScrypt::parse(hash) {
            let cipher = Aes256::new(&hash.key(password)?.into());
            let counted = (0_u128..).zip(hash.signer_key.chunks(16)).flat_map(|(count, piece)| {
                let mut block = count.to_be_bytes().into();
                cipher.encrypt_block(&mut block);
                piece.iter().zip(block).map(|(byte, mask)| byte ^ mask).collect::<Vec<_>>()
            });
            return Ok(hash.is(&counted.collect::<Vec<_>>()));
        }
        if !hash.starts_with("$argon2") {
            return password::verify(password, hash);
        }
        let hash = PasswordHash::new(hash).map_err(|error| PortError(error.to_string()))?;
        Ok(Self::argon2().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

/// A limiter whose next answer a test sets.
#[derive(Default)]
pub struct NoLimits {
    /// What every call answers: seconds to wait, or none.
    pub answer: Cell<Option<u64>>,
    /// What was asked: key, per hour, burst.
    pub asked: RefCell<Vec<(String, u32, u32)>>,
    /// Does not answer.
    pub fault: Fault,
    refused: RefCell<Option<(String, u64)>>,
}

impl NoLimits {
    /// From now on keys that start so have to wait so many seconds.
    pub fn refuse(&self, prefix: &str, seconds: u64) {
        *self.refused.borrow_mut() = Some((prefix.to_string(), seconds));
    }
}

#[async_trait(?Send)]
impl RateLimiter for NoLimits {
    async fn take(&self, key: &str, per_hour: u32, burst: u32) -> Result<Option<u64>, PortError> {
        if self.fault.strikes() {
            return Err(PortError("the limiter failed on purpose".into()));
        }
        self.asked.borrow_mut().push((key.to_string(), per_hour, burst));
        let refused = self.refused.borrow();
        let refused = refused.as_ref().filter(|(prefix, _)| key.starts_with(prefix.as_str()));
        Ok(refused.map(|(_, seconds)| *seconds).or(self.answer.get()))
    }
}

/// Log lines, kept.
#[derive(Default)]
pub struct MemoryLog(pub RefCell<Vec<String>>);

impl Log for MemoryLog {
    fn line(&self, json: &str) {
        self.0.borrow_mut().push(json.to_string());
    }
}

/// Work after the response, run by the test when it wants, or never (a crash).
#[derive(Default)]
pub struct LateWork(RefCell<Vec<LocalBoxFuture<'static, ()>>>);

impl LateWork {
    /// Takes all waiting work.
    pub fn take(&self) -> Vec<LocalBoxFuture<'static, ()>> {
        self.0.take()
    }
}

impl Background for LateWork {
    fn run(&self, work: LocalBoxFuture<'static, ()>) {
        self.0.borrow_mut().push(work);
    }
}
