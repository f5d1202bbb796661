//! Other people's servers: what was asked of them, and what they answer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use async_trait::async_trait;
use edgeward::ports::{HttpClient, IncomingResponse, OutgoingRequest, PortError};

use super::{Fault, MemoryEdgeCache};

/// Answers with what was prepared, and then every request with one status.
pub struct MemoryHttpClient {
    /// What was asked, in order.
    pub requests: RefCell<Vec<OutgoingRequest>>,
    /// What is answered.
    pub status: Cell<u16>,
    /// Fails before the request is noted: no answer at all.
    pub fault: Fault,
    /// The request arrives, and its answer does not.
    pub lost_answer: Fault,
    /// Milliseconds waited in all.
    pub paused: Cell<u64>,
    /// What a zone's purge API, under any URL that ends so, purges when it does not fail.
    pub zone: RefCell<Option<Rc<MemoryEdgeCache>>>,
    prepared: RefCell<VecDeque<(String, Option<IncomingResponse>)>>,
}

impl Default for MemoryHttpClient {
    fn default() -> Self {
        Self {
            requests: RefCell::default(),
            status: Cell::new(200),
            fault: Fault::default(),
            lost_answer: Fault::default(),
            paused: Cell::default(),
            zone: RefCell::default(),
            prepared: RefCell::default(),
        }
    }
}

impl MemoryHttpClient {
    /// The next request to a URL that starts so is answered with JSON of that status.
    pub fn prepare(&self, url: &str, status: u16, body: &str) {
        self.prepare_with(url, status, &[("content-type", "application/json")], body);
    }

    /// The same with headers of its own.
    pub fn prepare_with(&self, url: &str, status: u16, headers: &[(&str, &str)], body: &str) {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let response = IncomingResponse { status, headers, body: body.into() };
        self.prepared.borrow_mut().push_back((url.into(), Some(response)));
    }

    /// The next request to a URL that starts so gets no answer in time.
    pub fn prepare_silence(&self, url: &str) {
        self.prepared.borrow_mut().push_back((url.into(), None));
    }

    /// Nothing is prepared any more.
    pub fn forget_prepared(&self) {
        self.prepared.borrow_mut().clear();
    }

    fn purge(&self, body: &str) {
        let asked: serde_json::Value = serde_json::from_str(body).unwrap();
        let tags: Vec<String> = serde_json::from_value(asked["tags"].clone()).unwrap();
        self.zone.borrow().as_ref().expect("a zone to purge").purge(&tags);
    }

    /// Requests to URLs that start so.
    pub fn requests_to(&self, url: &str) -> Vec<OutgoingRequest> {
        self.requests.borrow().iter().filter(|request| request.url.starts_with(url)).cloned().collect()
    }
}

#[async_trait(?Send)]
impl HttpClient for MemoryHttpClient {
    async fn send_within(
        &self,
        request: OutgoingRequest,
        _: u64,
    ) -> Result<Option<IncomingResponse>, PortError> {
        if self.fault.strikes() {
            return Err(PortError("the network failed on purpose".into()));
        }
        assert!(request.url.starts_with("https://"), "{}", request.url);
        let mut prepared = self.prepared.borrow_mut();
        let position = prepared.iter().position(|(url, _)| request.url.starts_with(url));
        let purged = request.url.ends_with("/purge_cache").then(|| request.body.clone());
        self.requests.borrow_mut().push(request);
        if self.lost_answer.strikes() {
            return Err(PortError("the answer was lost on purpose".into()));
        }
        match position.and_then(|position| prepared.remove(position)) {
            Some((_, response)) => Ok(response),
            None if purged.is_some() && self.status.get() == 200 => {
                self.purge(&purged.unwrap_or_default());
                Ok(Some(IncomingResponse {
                    status: 200,
                    headers: Vec::new(),
                    body: r#"{"success":true,"errors":[],"messages":[],"result":{"id":"zone"}}"#.into(),
                }))
            }
            None => Ok(Some(IncomingResponse {
                status: self.status.get(),
                headers: Vec::new(),
                body: "on purpose".into(),
            })),
        }
    }

    async fn pause(&self, milliseconds: u64) {
        self.paused.set(self.paused.get() + milliseconds);
    }
}
