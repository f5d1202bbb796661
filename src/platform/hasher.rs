//! The hasher port on Durable Objects: an argon2id hash takes some 45 ms of CPU, of which a request on the free plan
//! has 10 and a Durable Object 30,000.

use std::cell::{Cell, OnceCell};

use async_trait::async_trait;
use js_sys::{Promise, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use worker::{DurableObject, Env, Request, Response, State, durable_object};

use super::durable_object::{answer, ask, question, unique_id};
use super::exception::message_of;
use super::promise::settled;
use super::random::RuntimeRandom;
use crate::crypto::imported_password::FirebaseScrypt;
use crate::crypto::password;
use crate::ports::{Hasher, PortError, Random, ToBcrypt};

/// Objects an isolate spreads its hashing over. Each hashes one password at a time.
const SHARDS: usize = 4;

/// The way to the objects. Every isolate has its own, which the platform places near it; they store nothing.
pub struct DurableHasher {
    namespace: JsValue,
    shards: [OnceCell<JsValue>; SHARDS],
    turn: Cell<usize>,
}

#[derive(Default, Serialize, Deserialize)]
struct Question {
    password: String,
    /// The hash to compare with; none asks for a new one.
    hash: Option<String>,
    /// Or what hashes SQL asks for, instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bcrypt: Vec<ToBcrypt>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Hash(String),
    Matches(bool),
    Bcrypt(Vec<String>),
}

impl DurableHasher {
    /// Over the namespace that wrangler.toml binds.
    pub fn new(namespace: JsValue) -> Self {
        Self { namespace, shards: Default::default(), turn: Cell::default() }
    }

    async fn ask_of(&self, password: &str, hash: Option<&str>) -> Result<Answer, PortError> {
        let (password, hash) = (password.to_string(), hash.map(str::to_string));
        self.ask(Question { password, hash, ..Question::default() }).await
    }

    async fn ask(&self, question: Question) -> Result<Answer, PortError> {
        let shard = self.next_shard().map_err(|thrown| PortError(message_of(&thrown)))?;
        ask(&self.namespace, &shard, &question).await
    }

    fn next_shard(&self) -> Result<JsValue, JsValue> {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        match self.shards.get(turn % SHARDS) {
            Some(shard) => match shard.get() {
                Some(id) => Ok(id.clone()),
                None => unique_id(&self.namespace).map(|id| shard.get_or_init(|| id).clone()),
            },
            None => unique_id(&self.namespace),
        }
    }
}

#[async_trait(?Send)]
impl Hasher for DurableHasher {
    async fn hash(&self, password: &str) -> Result<String, PortError> {
        match self.ask_of(password, None).await? {
            Answer::Hash(hash) => Ok(hash),
            _ => Err(another_question()),
        }
    }

    async fn bcrypt(&self, passwords: &[ToBcrypt]) -> Result<Vec<String>, PortError> {
        match self.ask(Question { bcrypt: passwords.to_vec(), ..Question::default() }).await? {
            Answer::Bcrypt(hashes) => Ok(hashes),
            _ => Err(another_question()),
        }
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<bool, PortError> {
        match self.ask_of(password, Some(hash)).await? {
            Answer::Matches(matches) => Ok(matches),
            _ => Err(another_question()),
        }
    }
}

fn another_question() -> PortError {
    PortError("the hasher answered another question".into())
}

/// The object: one question, one answer, nothing kept.
#[durable_object(fetch)]
pub struct PasswordHasher {}

impl DurableObject for PasswordHasher {
    fn new(_: State, _: Env) -> Self {
        Self {}
    }

    async fn fetch(&self, request: Request) -> worker::Result<Response> {
        let Question { password, hash, bcrypt } = question(request).await?;
        if !bcrypt.is_empty() {
            return answer(bcrypt.iter().map(bcrypt_anew).collect::<Result<_, _>>().map(Answer::Bcrypt));
        }
        #[cfg(feature = "fault-routes")]
        crate::http::fault::panic_if_asked(&password);
        answer(match hash {
            None => hash_anew(&password).map(Answer::Hash),
            Some(hash) => matches(&password, &hash).await.map(Answer::Matches),
        })
    }
}

#[wasm_bindgen(module = "/src/platform/hasher.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    fn encrypt(key: &[u8], text: &[u8]) -> Result<Promise, JsValue>;
}

/// WebCrypto has the cipher that Firebase's hashes end with.
async fn matches(password: &str, hash: &str) -> Result<bool, PortError> {
    let Some(hash) = FirebaseScrypt::parse(hash) else { return password::verify(password, hash) };
    let failed = |thrown: JsValue| PortError(message_of(&thrown));
    let encrypted = encrypt(&hash.key(password)?, &hash.signer_key).map_err(failed)?;
    let encrypted = settled(&encrypted).await.map_err(failed)?;
    Ok(hash.is(&encrypted.unchecked_into::<Uint8Array>().to_vec()))
}

fn hash_anew(password: &str) -> Result<String, PortError> {
    password::hash(password, &new_salt())
}

fn bcrypt_anew(wanted: &ToBcrypt) -> Result<String, PortError> {
    password::bcrypt(wanted, new_salt())
}

fn new_salt() -> [u8; password::SALT_LENGTH] {
    let mut salt = [0; password::SALT_LENGTH];
    RuntimeRandom.fill(&mut salt);
    salt
}
