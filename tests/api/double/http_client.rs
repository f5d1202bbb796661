//! Other people's servers: what was asked of them, and one answer for all.

use std::cell::{Cell, RefCell};

use async_trait::async_trait;
use edgeward::ports::{HttpClient, IncomingResponse, OutgoingRequest, PortError};

use super::Fault;

/// Answers every request with one status.
pub struct MemoryHttpClient {
    /// What was asked, in order.
    pub requests: RefCell<Vec<OutgoingRequest>>,
    /// What is answered.
    pub status: Cell<u16>,
    /// Fails before the request is noted: no answer at all.
    pub fault: Fault,
}

impl Default for MemoryHttpClient {
    fn default() -> Self {
        Self { requests: RefCell::default(), status: Cell::new(200), fault: Fault::default() }
    }
}

#[async_trait(?Send)]
impl HttpClient for MemoryHttpClient {
    async fn send(&self, request: OutgoingRequest) -> Result<IncomingResponse, PortError> {
        if self.fault.strikes() {
            return Err(PortError("the network failed on purpose".into()));
        }
        assert!(request.url.starts_with("https://"), "{}", request.url);
        self.requests.borrow_mut().push(request);
        Ok(IncomingResponse { status: self.status.get(), body: "on purpose".into() })
    }
}
