//! The Cache API's double: whole bodies of known length, for as long as they are fresh.

use std::cell::RefCell;
use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use edgeward::ports::{Body, ByteRange, EdgeCache, Kept};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};

/// Entries in memory.
#[derive(Default)]
pub struct MemoryEdgeCache {
    entries: RefCell<BTreeMap<String, (Bytes, String)>>,
}

impl MemoryEdgeCache {
    /// All keys there are.
    pub fn keys(&self) -> Vec<String> {
        self.entries.borrow().keys().cloned().collect()
    }

    /// Forgets everything, as a data centre may at any time.
    pub fn clear(&self) {
        self.entries.borrow_mut().clear();
    }
}

#[async_trait(?Send)]
impl EdgeCache for MemoryEdgeCache {
    async fn get(&self, key: &str, range: Option<ByteRange>) -> Option<Kept> {
        let (bytes, mime_type) = self.entries.borrow().get(key)?.clone();
        let bytes = match range {
            None => bytes,
            Some(range) => bytes.slice(range.offset as usize..(range.offset + range.length) as usize),
        };
        Some(Kept { body: Body::Bytes(bytes), mime_type })
    }

    fn keep(&self, key: &str, kept: Kept, seconds: u64) -> (Body, LocalBoxFuture<'static, ()>) {
        assert!(seconds > 0 && !key.contains(['?', '#', ' ']), "no key of the Cache API: {key}");
        let Body::Bytes(bytes) = kept.body else { panic!("a body of unknown length is not kept") };
        self.entries.borrow_mut().insert(key.to_string(), (bytes.clone(), kept.mime_type));
        (Body::Bytes(bytes), ready(()).boxed_local())
    }
}
