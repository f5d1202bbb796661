//! A message queue as a port.

use async_trait::async_trait;

use super::PortError;

/// Takes messages for somebody else, such as a Cloudflare Queue.
#[async_trait(?Send)]
pub trait EventQueue {
    /// Sends one JSON message; when this returns, the queue has it.
    async fn send(&self, json: &str) -> Result<(), PortError>;
}
