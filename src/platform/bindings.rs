//! What wrangler.toml binds, each name once.

use std::rc::Rc;

use js_sys::Reflect;
use wasm_bindgen::JsValue;

use super::blobs::R2;
use super::clock::RuntimeClock;
use super::database::D1;
use super::edge_cache::DataCentreCache;
use super::event_queue::CloudflareQueue;
use super::hasher::DurableHasher;
use super::http_client::Fetch;
use super::images::CloudflareImages;
use super::key_value::Kv;
use super::log::Console;
use super::mailer::CloudflareMailer;
use super::random::RuntimeRandom;
use super::rate_limiter::DurableRateLimiter;
use super::signatures::WebCrypto;
use super::time_zones::RuntimeTimeZones;
use crate::ports::{EventQueue, Images, Mailer, Ports};

const DATABASE: &str = "DB";
const SESSIONS: &str = "SESSIONS";
const BUCKET: &str = "BUCKET";
const HASHER: &str = "HASHER";
const RATE_LIMITER: &str = "RATE_LIMITER";
const IMAGES: &str = "IMAGES";
const STORAGE_EVENTS: &str = "STORAGE_EVENTS";
const MAIL: &str = "MAIL";

/// The Worker's environment.
pub struct Bindings<'a>(&'a JsValue);

impl<'a> Bindings<'a> {
    /// Of the environment object that every call of the runtime brings.
    pub fn of(environment: &'a JsValue) -> Self {
        Self(environment)
    }

    /// A var or secret as text; wrangler's numbers and booleans read as they are written.
    pub fn variable(&self, name: &str) -> Option<String> {
        let value = Reflect::get(self.0, &name.into()).ok()?;
        if let Some(flag) = value.as_bool() {
            return Some(flag.to_string());
        }
        value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))
    }

    /// All ports, or the names of the bindings that are missing.
    pub fn ports(&self) -> Result<Ports, Vec<String>> {
        let mut missing = Vec::new();
        let mut binding = |name: &str| {
            let value = Reflect::get(self.0, &name.into()).unwrap_or_default();
            if !value.is_object() {
                missing.push(format!("wrangler.toml binds no {name}"));
            }
            value
        };
        let ports = Ports {
            database: Rc::new(D1(binding(DATABASE))),
            blobs: Rc::new(R2(binding(BUCKET))),
            edge_cache: Rc::new(DataCentreCache),
            images: self.optional(IMAGES).map(|binding| Rc::new(CloudflareImages(binding)) as Rc<dyn Images>),
            event_queue: self
                .optional(STORAGE_EVENTS)
                .map(|binding| Rc::new(CloudflareQueue(binding)) as Rc<dyn EventQueue>),
            key_value: Rc::new(Kv(binding(SESSIONS))),
            clock: Rc::new(RuntimeClock),
            time_zones: Rc::new(RuntimeTimeZones),
            random: Rc::new(RuntimeRandom),
            hasher: Rc::new(DurableHasher::new(binding(HASHER))),
            signatures: Rc::new(WebCrypto),
            rate_limiter: Rc::new(DurableRateLimiter(binding(RATE_LIMITER))),
            http_client: Rc::new(Fetch),
            mailer: self.optional(MAIL).map(|binding| Rc::new(CloudflareMailer(binding)) as Rc<dyn Mailer>),
            log: Rc::new(Console),
        };
        if missing.is_empty() { Ok(ports) } else { Err(missing) }
    }

    /// A binding that a deployment may do without.
    fn optional(&self, name: &str) -> Option<JsValue> {
        Reflect::get(self.0, &name.into()).ok().filter(JsValue::is_object)
    }
}
