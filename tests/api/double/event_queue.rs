//! A queue's double: messages in order.

use std::cell::RefCell;

use async_trait::async_trait;
use edgeward::ports::{EventQueue, PortError};
use serde_json::Value;

use super::Fault;

/// Notes what it was sent.
#[derive(Default)]
pub struct NotedQueue {
    /// The messages.
    pub messages: RefCell<Vec<Value>>,
    /// Takes none.
    pub fault: Fault,
}

#[async_trait(?Send)]
impl EventQueue for NotedQueue {
    async fn send(&self, json: &str) -> Result<(), PortError> {
        if self.fault.strikes() {
            return Err(PortError("the queue failed on purpose".into()));
        }
        self.messages.borrow_mut().push(serde_json::from_str(json).unwrap());
        Ok(())
    }
}
