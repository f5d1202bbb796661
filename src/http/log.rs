//! One structured line for each request. Never a token, a password, a query or a body.

use serde_json::json;

use super::{Cause, Response};
use crate::app::App;
use crate::time::Timestamp;

/// What is known of a request when it arrives.
pub struct Line {
    pub id: String,
    pub method: String,
    pub path: String,
    pub started: Timestamp,
}

impl Line {
    /// Writes the line, with the cause of a failure if the response carries one.
    pub fn write(&self, app: &App, response: &Response) {
        let ended = app.now();
        let status = response.status().as_u16();
        let cause = response.extensions().get::<Cause>().map(|cause| cause.0.as_str());
        let line = json!({
            "at": ended.to_milliseconds(),
            "level": if status >= 500 { "error" } else { "info" },
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "status": status,
            "ms": (ended.0 - self.started.0) / 1000,
            "cause": cause,
        });
        app.ports.log.line(&line.to_string());
    }
}
