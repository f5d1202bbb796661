//! The Cache API's double: whole bodies of known length, for as long as they are fresh; and what the platform answers with them by
//! itself, in several data centres.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use async_trait::async_trait;
use bytes::Bytes;
use edgeward::http::Request;
use edgeward::ports::{Body, ByteRange, EdgeCache, Kept};
use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, ready};
use http::{HeaderMap, Method};

/// Entries in memory.
#[derive(Default)]
pub struct MemoryEdgeCache {
    entries: RefCell<BTreeMap<String, (Bytes, String)>>,
    answers: Rc<RefCell<BTreeMap<(usize, String), (HeaderMap, Bytes)>>>,
    place: Cell<usize>,
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

    /// Requests arrive in another data centre from now on.
    pub fn go_to(&self, place: usize) {
        self.place.set(place);
    }

    /// URLs that are answered somewhere without anyone being asked.
    pub fn answered_urls(&self) -> Vec<String> {
        self.answers.borrow().keys().map(|(_, url)| url.clone()).collect()
    }

    /// What the platform answers by itself, as src/platform/entry.js decides it.
    pub fn answer(&self, request: &Request, origin: &str) -> Option<(HeaderMap, Bytes)> {
        let url = format!("{}://{}{}", request.scheme, request.host, request.path);
        let is_own = request.method == Method::GET
            && url.strip_prefix(origin).is_some_and(|path| path.starts_with("/storage/v1/object/public/"))
            && request.query.is_empty()
            && !request.headers.contains_key("if-range");
        self.answers.borrow().get(&(self.place.get(), url)).filter(|_| is_own).cloned()
    }

    /// What the zone's purge API does: entries with one of these tags go, everywhere.
    pub fn purge(&self, tags: &[String]) {
        assert!((1..=100).contains(&tags.len()), "{} tags in a call", tags.len());
        self.answers.borrow_mut().retain(|_, (headers, _)| {
            let own = headers["cache-tag"].to_str().unwrap();
            !own.split(',').any(|own| tags.iter().any(|tag| tag.eq_ignore_ascii_case(own)))
        });
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

    fn keep_answer(&self, url: &str, headers: HeaderMap, body: Body) -> (Body, LocalBoxFuture<'static, ()>) {
        assert!(!url.contains(['?', '#', ' ']), "no URL of a kept answer: {url}");
        let control = headers["cache-control"].to_str().unwrap();
        let refused = ["private", "no-store", "no-cache", "max-age=0"];
        assert!(
            control.contains("max-age=") && !refused.iter().any(|word| control.contains(word)),
            "{control}"
        );
        assert!(!headers.contains_key("set-cookie") && !headers.contains_key("vary"), "{headers:?}");
        let tags = headers["cache-tag"].to_str().unwrap();
        assert!(tags.bytes().all(|byte| byte.is_ascii_graphic()) && tags.len() <= 1024, "{tags}");
        let Body::Bytes(bytes) = body else { panic!("a body of unknown length is not kept") };
        let (answers, entry) = (self.answers.clone(), (headers, bytes.clone()));
        let key = (self.place.get(), url.to_string());
        // An entry is there when its last byte is, which is after the response began.
        let keeping = async move {
            answers.borrow_mut().insert(key, entry);
        };
        (Body::Bytes(bytes), keeping.boxed_local())
    }

    async fn forget(&self, url: &str) {
        self.answers.borrow_mut().remove(&(self.place.get(), url.to_string()));
    }
}
